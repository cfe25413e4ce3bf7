"""Optimal output layers against lstsq, the gradient of the cost and the closed form; bad input."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geomdl import CLASS_WEIGHTED, LEAST_SQUARES, MEAN_SQUARE, RATIONAL, Cost, Dataset, get_arithmetic
from geomdl.arithmetic import SingularMatrixError
from geomdl.output_layer import (
    deviation_matrix,
    least_cost,
    optimal_output_layer,
    relative_deviations,
)
from verification.core.strategies import examples, seeds


def labelled(seed: int, classes: int, samples: int = 4, outputs: int = 3) -> Dataset:
    """Classes of different sizes in R^Q, scattered around the vectors 4 e_j, on a grid of few bits."""
    generator = np.random.default_rng(seed)
    labels = np.repeat(np.arange(classes), generator.integers(1, samples + 1, classes))
    noise = generator.integers(-32, 33, (len(labels), classes)) / 32
    targets = generator.integers(-16, 17, (classes, outputs)) / 8
    return Dataset(4 * np.eye(classes)[labels] + noise, labels, targets)


@examples(30)
@given(seeds, st.integers(1, 5), st.booleans(), st.sampled_from([CLASS_WEIGHTED, LEAST_SQUARES]))
def test_optimum_is_that_of_weighted_least_squares(
    seed: int, classes: int, bias: bool, cost: Cost
) -> None:
    data = labelled(seed, classes)
    roots = 1 / np.sqrt(cost.divisors(data))[:, None]
    design = np.hstack([data.inputs, np.ones((data.size, 1))]) if bias else data.inputs
    expected = np.linalg.lstsq(roots * design, roots * data.targets[data.labels], rcond=None)[0]
    found = optimal_output_layer(data, data.inputs, cost=cost, bias=bias)
    solution = np.vstack([found.weight.T, found.bias]) if bias else found.weight.T
    assert np.allclose(solution, expected, atol=1e-10)
    residual = roots * (design @ expected - data.targets[data.labels])
    assert np.isclose(found.cost, np.sum(residual**2), atol=1e-12)


@examples(30)
@given(seeds, st.integers(1, 4), st.booleans())
def test_closed_form_is_the_cost_of_the_optimum_over_the_rationals(
    seed: int, classes: int, bias: bool
) -> None:
    data = labelled(seed, classes).to(RATIONAL)
    assert least_cost(data, data.inputs, bias=bias) == (
        optimal_output_layer(data, data.inputs, bias=bias).cost
    )


@pytest.mark.parametrize("name", ["float32", "float64", "mp50"])
@pytest.mark.parametrize("bias", [False, True])
def test_closed_form_agrees_with_the_optimum_to_roundoff(name: str, bias: bool) -> None:
    data = labelled(7, 4).to(get_arithmetic(name))
    gap = abs(
        least_cost(data, data.inputs, bias=bias)
        - optimal_output_layer(data, data.inputs, bias=bias).cost
    )
    assert gap <= 1000 * data.arithmetic.unit_roundoff * (data.targets**2).sum()


@pytest.mark.parametrize("cost", [CLASS_WEIGHTED, MEAN_SQUARE])
def test_every_other_layer_costs_more(cost: Cost) -> None:
    data = labelled(3, 3).to(RATIONAL)
    found = optimal_output_layer(data, data.inputs, cost=cost)
    for row, column in np.ndindex(found.weight.shape):
        for step in (-1, 1):
            weight = found.weight.copy()
            weight[row, column] = weight[row, column] + step
            reached = data.inputs @ weight.T + found.bias
            assert cost.value(data, reached.reshape(-1)) > found.cost


def test_least_solution_is_taken_where_many_serve() -> None:
    data = Dataset(np.ones((2, 1)), np.array([0, 1]), np.array([[1.0], [3.0]]))
    found = optimal_output_layer(data, np.array([[1.0], [1.0]]))
    assert found.rank == 1
    assert np.allclose([found.weight[0, 0], found.bias[0], found.cost], [1, 1, 2])


def test_deviations_of_real_activations_do_not_see_an_invertible_map() -> None:
    data = labelled(5, 4)
    mixing = np.tri(4) + np.eye(4)
    mixed = data.inputs @ mixing.T
    assert np.allclose(relative_deviations(data, mixed), relative_deviations(data, data.inputs))
    assert np.isclose(least_cost(data, mixed), least_cost(data, data.inputs))


def test_eigenvalues_are_bounded_by_the_largest_deviation() -> None:
    data = labelled(11, 5, samples=6)
    largest = (relative_deviations(data, data.inputs) ** 2).sum(axis=1).max()
    eigenvalues = np.linalg.eigvalsh(deviation_matrix(data, data.inputs))
    assert -1e-15 <= eigenvalues[0] <= eigenvalues[-1] <= 5 * largest


@pytest.mark.parametrize("activations", [np.ones(4), np.ones((3, 2))])
def test_activations_of_a_wrong_shape_are_refused(activations: Any) -> None:
    data = Dataset(np.ones((4, 1)), np.array([0, 0, 1, 1]), np.eye(2))
    with pytest.raises(ValueError, match=r"expected \(4, d\)"):
        optimal_output_layer(data, activations)


def test_closed_form_refuses_class_means_that_are_no_basis() -> None:
    data = Dataset(np.ones((4, 1)), np.array([0, 0, 1, 1]), np.eye(2))
    with pytest.raises(ValueError, match=r"2 class means in R\^3"):
        least_cost(data, np.ones((4, 3)))
    with pytest.raises(SingularMatrixError, match="linearly dependent"):
        least_cost(data, np.ones((4, 2)))
