"""Variances of classes and distances to targets: exact values, the cost, derivatives by differences."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given

from geomdl import (
    CLASS_WEIGHTED,
    RATIONAL,
    Dataset,
    Network,
    Problem,
    adapted_field,
    get_arithmetic,
    integrate,
    standard_field,
)
from geomdl.collapse import (
    class_variances,
    collapse_derivatives,
    collapse_history,
    target_distances,
)
from verification.core.references import agree
from verification.core.strategies import examples, seeds

LABELS = np.array([2, 0, 1, 2, 2, 0])


def problem_of(seed: int, activation: str = "tanh") -> tuple[Problem, np.ndarray]:
    """Draw a problem with classes of the sizes 2, 1 and 3, in mixed order."""
    generator = np.random.default_rng(seed)
    network = Network([2, 5, 2], activation)
    data = Dataset(generator.standard_normal((6, 2)), LABELS, generator.standard_normal((3, 2)))
    return Problem(network, data), network.random_theta(generator)


@examples(20)
@given(seed=seeds)
def test_variances_and_distances_are_the_two_parts_of_the_weighted_cost(seed: int) -> None:
    problem, theta = problem_of(seed)
    data, points = problem.data, problem.linearize(theta).outputs
    parts = CLASS_WEIGHTED.class_decomposition(data, points.reshape(-1))
    agree(class_variances(data, points).sum(), parts[0], scale=1.0 + parts[0], size=12)
    agree(target_distances(data, points).sum(), parts[1], scale=1.0 + parts[1], size=12)
    for j in range(3):
        mine = points[j == LABELS]
        agree(class_variances(data, points)[j], mine.var(axis=0).sum(), scale=1.0 + parts[0], size=12)


def test_values_are_exact_over_the_rationals() -> None:
    data = Dataset(np.zeros((3, 1)), np.array([0, 1, 0]), np.array([[1.0], [2.0]])).to(RATIONAL)
    points = RATIONAL.array(np.array([[1.0], [5.0], [2.0]]))
    quarter, nine = (RATIONAL.from_fraction(Fraction(*pair)) for pair in ((1, 4), (9, 1)))
    assert list(class_variances(data, points)) == [quarter, 0]
    assert list(target_distances(data, points)) == [quarter, nine]


@examples(20)
@given(seed=seeds)
def test_derivatives_agree_with_differences_in_fifty_digits(seed: int) -> None:
    digits = get_arithmetic("mp50")
    problem, theta = problem_of(seed)
    problem, theta = problem.to(digits), digits.array(theta)
    velocity, h = standard_field(problem, theta), digits.number(1, 2**50)
    derivatives = collapse_derivatives(problem, theta, velocity)
    ahead, behind = (problem.linearize(theta + k * h * velocity).outputs for k in (1, -1))
    for function, derivative in zip((class_variances, target_distances), derivatives, strict=True):
        difference = (function(problem.data, ahead) - function(problem.data, behind)) / (2 * h)
        assert float(digits.largest(difference - derivative)) < 1e-24


def test_history_follows_the_orbit() -> None:
    problem, theta = problem_of(1)
    orbit = integrate(problem, adapted_field(), theta, 12.0, rtol=1e-9)
    history, outputs = collapse_history(orbit), orbit.outputs().reshape(-1, 6, 2)
    assert history.averages.shape == (len(orbit.times), 3, 2)
    assert history.variances.shape == history.distances.shape == (len(orbit.times), 3)
    assert np.allclose(history.averages[:, LABELS] + history.deviations, outputs, rtol=1e-13)
    assert np.allclose(history.variances[-1], class_variances(problem.data, outputs[-1]), rtol=1e-9)
    assert np.allclose(history.distances[-1], target_distances(problem.data, outputs[-1]), rtol=1e-9)
    # The parts of the weighted cost at every step.
    costs = [CLASS_WEIGHTED.value(problem.data, rows.reshape(-1)) for rows in outputs]
    assert np.allclose((history.variances + history.distances).sum(axis=1), costs, rtol=1e-12)


def test_outputs_that_do_not_fit_the_targets_are_refused() -> None:
    problem, theta = problem_of(0)
    with pytest.raises(ValueError, match="as the targets"):
        target_distances(problem.data, np.zeros((6, 3)))
    with pytest.raises(ValueError, match="one row a sample"):
        class_variances(problem.data, np.zeros((5, 2)))
    with pytest.raises(ValueError, match="got"):
        collapse_derivatives(problem, theta, theta[:-1])
