"""The Lipschitz constant of the cost gradient against Hessians and against what is known exactly."""

import numpy as np
import pytest

from geomdl import ACTIVATIONS, FLOAT64, Dataset, Network, Problem, cost_hessian
from geomdl.lipschitz import ACTIVATION_BOUNDS, ActivationBounds, gradient_lipschitz_bound

NETWORKS = ([2, 2], [2, 3, 2], [2, 3, 3, 2])


def random_problem(widths: list[int], activation: str, seed: int = 0) -> Problem:
    generator = np.random.default_rng(seed)
    data = Dataset.regression(generator.standard_normal((4, 2)), generator.standard_normal((4, 2)))
    return Problem(Network(widths, activation), data)


@pytest.mark.parametrize("activation", list(ACTIVATION_BOUNDS))
def test_recorded_constants_bound_the_activation_and_are_attained(activation: str) -> None:
    bounds, z = ACTIVATION_BOUNDS[activation], np.linspace(-10, 10, 200_001)
    value, slope, curvature = ACTIVATIONS[activation].jet(FLOAT64, z)
    assert np.abs(value[100_000]) == pytest.approx(bounds.value)
    assert np.abs(slope[100_000]) == pytest.approx(bounds.slope)
    assert np.abs(curvature).max() == pytest.approx(bounds.curvature, rel=1e-6)
    assert np.abs(slope).max() <= bounds.largest_slope * (1 + 1e-12)
    assert np.abs(value).max() <= bounds.largest_value * (1 + 1e-12)


def test_every_activation_with_lipschitz_derivative_is_recorded() -> None:
    smooth = {name for name, each in ACTIVATIONS.items() if each.lipschitz_derivative}
    assert smooth == set(ACTIVATION_BOUNDS)


@pytest.mark.parametrize("widths", NETWORKS, ids=str)
@pytest.mark.parametrize("activation", list(ACTIVATION_BOUNDS))
@pytest.mark.parametrize("radius", [0.5, 2.0, 10.0])
def test_bounds_the_hessian_in_the_ball(widths: list[int], activation: str, radius: float) -> None:
    problem, generator = random_problem(widths, activation), np.random.default_rng(1)
    for _ in range(5):
        theta = generator.standard_normal(problem.network.parameter_count)
        theta *= radius / np.linalg.norm(theta)
        hessian = np.linalg.norm(cost_hessian(problem, theta), 2)
        assert hessian <= gradient_lipschitz_bound(problem, radius)


def test_is_sharp_without_hidden_layer_and_one_sample() -> None:
    data = Dataset.regression(np.array([[3.0, 4.0]]), np.array([[1.0]]))
    assert gradient_lipschitz_bound(Problem(Network([2, 1], "sin"), data), 7.0) == pytest.approx(26.0)


def test_grows_with_the_radius_as_the_cubic_field_of_two_identity_layers() -> None:
    data = Dataset.regression(np.array([[1.0]]), np.array([[0.0]]))
    problem = Problem(Network([1, 1, 1], "identity"), data)
    assert gradient_lipschitz_bound(problem, 2e4) / gradient_lipschitz_bound(
        problem, 1e4
    ) == pytest.approx(4.0, rel=1e-3)


def test_refuses_kinks_and_senseless_radii() -> None:
    with pytest.raises(ValueError, match="relu; expected one of"):
        gradient_lipschitz_bound(random_problem([2, 3, 2], "relu"), 1.0)
    with pytest.raises(ValueError, match="radius=0"):
        gradient_lipschitz_bound(random_problem([2, 3, 2], "tanh"), 0.0)


def test_takes_the_bounds_of_another_activation() -> None:
    problem = random_problem([2, 3, 2], "leaky_relu")
    assert gradient_lipschitz_bound(problem, 1.0, ActivationBounds(0.0, 1.0, 0.0, 1.0)) > 0
