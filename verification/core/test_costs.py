"""Costs against loops, their gradients against differences, and the class decomposition."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geomdl import (
    CLASS_WEIGHTED,
    FLOAT32,
    FLOAT64,
    LEAST_SQUARES,
    MEAN_SQUARE,
    RATIONAL,
    Cost,
    Dataset,
    arithmetic_of,
    get_arithmetic,
)
from geomdl.arithmetic import Arithmetic, Array
from verification.core.references import agree, stencil_jacobian
from verification.core.strategies import examples, random_problem, seeds

MP30 = get_arithmetic("mp30")
EVERY = [FLOAT32, FLOAT64, MP30, RATIONAL]
COSTS = [LEAST_SQUARES, MEAN_SQUARE, CLASS_WEIGHTED]


def situation(arithmetic: Arithmetic, seed: int, classes: int = 3) -> tuple[Dataset, Array]:
    """Unbalanced data of three classes and outputs, all of few bits."""
    generator = np.random.default_rng(seed)
    labels = np.concatenate([np.arange(classes), generator.integers(0, classes, 4)])
    inputs = arithmetic.array(generator.integers(-8, 9, (len(labels), 1)) / 8)
    targets = arithmetic.array(generator.integers(-8, 9, (classes, 2)) / 8)
    return Dataset(inputs, labels, targets), arithmetic.array(
        generator.integers(-8, 9, 2 * len(labels)) / 8
    )


def slow_cost(cost: Cost, data: Dataset, stacked: Array, arithmetic: Arithmetic) -> object:
    """Sum over samples and outputs with the divisor written out for each cost."""
    total = arithmetic.number(0)
    for j, label in enumerate(data.labels):
        divisor = {
            "least squares": 2 * data.size,
            "mean square": data.size,
            "class weighted": sum(int(other == label) for other in data.labels),
        }[cost.name]
        for q in range(2):
            error = stacked[2 * j + q] - data.targets[label][q]
            total = total + error * error / arithmetic.number(divisor)
    return total


@pytest.mark.parametrize("cost", COSTS, ids=lambda cost: cost.name)
@pytest.mark.parametrize("arithmetic", EVERY, ids=repr)
@examples(6)
@given(seed=seeds, classes=st.integers(1, 4))
def test_costs_agree_with_loops(arithmetic: Arithmetic, cost: Cost, seed: int, classes: int) -> None:
    data, stacked = situation(arithmetic, seed, classes)
    expected = slow_cost(cost, data, stacked, arithmetic)
    agree(cost.value(data, stacked), expected, scale=arithmetic.number(1), size=len(stacked))


@pytest.mark.parametrize("cost", COSTS, ids=lambda cost: cost.name)
@examples(6)
@given(seed=seeds)
def test_gradients_are_exact_derivatives(cost: Cost, seed: int) -> None:
    data, stacked = situation(RATIONAL, seed)
    step = RATIONAL.number(1, 7)
    expected = stencil_jacobian(RATIONAL, lambda x: np.asarray(cost.value(data, x)), stacked, step)
    assert np.all(cost.gradient(data, stacked) == expected)


@pytest.mark.parametrize("cost", COSTS, ids=lambda cost: cost.name)
@pytest.mark.parametrize("arithmetic", [FLOAT32, FLOAT64, MP30], ids=repr)
def test_gradients_in_rounded_arithmetics_follow_the_exact_one(
    arithmetic: Arithmetic, cost: Cost
) -> None:
    data, stacked = situation(arithmetic, 4)
    exact = cost.gradient(*situation(RATIONAL, 4))
    found = cost.gradient(data, stacked)
    assert arithmetic_of(found) is arithmetic
    agree(found, arithmetic.array(exact))


@pytest.mark.parametrize("cost", COSTS, ids=lambda cost: cost.name)
@pytest.mark.parametrize("arithmetic", EVERY, ids=repr)
@examples(6)
@given(seed=seeds)
def test_the_class_decomposition_adds_up_and_separates(
    arithmetic: Arithmetic, cost: Cost, seed: int
) -> None:
    data, stacked = situation(arithmetic, seed)
    deviations, averages = cost.class_decomposition(data, stacked)
    agree(
        deviations + averages, cost.value(data, stacked), scale=arithmetic.number(4), size=len(stacked)
    )
    points = stacked.reshape(data.size, -1)
    collapsed = data.class_averages(points)[data.labels].reshape(-1)
    alone = cost.class_decomposition(data, collapsed)
    agree(alone[0], arithmetic.number(0), scale=arithmetic.number(1), size=len(stacked))
    agree(alone[1], averages, scale=arithmetic.number(4), size=len(stacked))


@pytest.mark.parametrize("cost", COSTS, ids=lambda cost: cost.name)
def test_cost_and_gradient_vanish_at_the_targets(cost: Cost) -> None:
    data, _ = situation(FLOAT64, 0)
    assert cost.value(data, data.stacked_targets) == 0
    assert not np.any(cost.gradient(data, data.stacked_targets))
    assert cost.class_decomposition(data, data.stacked_targets) == (0, 0)


@pytest.mark.parametrize("cost", COSTS, ids=lambda cost: cost.name)
@pytest.mark.parametrize("activation", ["square", "identity"])
def test_the_gradient_in_theta_is_the_exact_derivative_of_the_cost(cost: Cost, activation: str) -> None:
    problem, theta = random_problem([2, 2, 1], activation, 3, 3, RATIONAL, bits=3)
    problem = type(problem)(problem.network, problem.data, cost)
    step = RATIONAL.number(1, 64)
    # The cost has degree 4 in each parameter: the stencil is exact.
    expected = stencil_jacobian(RATIONAL, lambda point: np.asarray(problem.value(point)), theta, step)
    assert np.all(problem.gradient(theta) == expected)


def test_outputs_of_another_shape_or_arithmetic_are_refused() -> None:
    data, stacked = situation(FLOAT64, 0)
    for wrong in (stacked[:-1], stacked.reshape(-1, 2)):
        with pytest.raises(ValueError, match=r"got stacked outputs of shape .*; expected \(14,\)"):
            LEAST_SQUARES.value(data, wrong)
    with pytest.raises(TypeError, match=r"different arithmetics \(float32, float64\)"):
        LEAST_SQUARES.gradient(data, stacked.astype(np.float32))
    with pytest.raises(TypeError, match="got a list; expected an array"):
        LEAST_SQUARES.value(data, stacked.tolist())
    with pytest.raises(ValueError, match="got stacked outputs of shape"):
        CLASS_WEIGHTED.class_decomposition(data, stacked[:-2])
