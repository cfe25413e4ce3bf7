"""Lines inside fibres and the derivative of the tangent kernel, against definitions and closed forms."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given

from geomdl import FLOAT64, RATIONAL, Network, get_arithmetic, linearize
from geomdl.fibres import follow_fibre
from geomdl.output_metrics import kernel_derivative, line_in_fibre
from verification.core.references import agree
from verification.core.strategies import (
    examples,
    random_problem,
    samples,
    seeds,
    smooth_activations,
    widths,
)

MP40 = get_arithmetic("mp40")


@examples(20)
@given(shape=widths(), activation=smooth_activations, count=samples, seed=seeds)
def test_the_derivative_of_the_kernel_is_that_of_a_difference_in_40_digits(
    shape: list[int], activation: str, count: int, seed: int
) -> None:
    problem, theta = random_problem(shape, activation, count, seed)
    direction = problem.network.random_theta(seed + 1)
    precise, start, along = problem.to(MP40), MP40.array(theta), MP40.array(direction)
    step = MP40.number(1, 10**12)
    ahead, behind = (precise.linearize(start + h * along).gram() for h in (step, -step))
    expected = FLOAT64.array((ahead - behind) / (2 * step))
    at = problem.linearize(theta)
    scale = 1 + np.abs(expected).max() + np.abs(at.gram()).max()
    agree(kernel_derivative(at, direction), expected, scale=scale, size=50 * sum(shape))


@examples(20)
@given(shape=widths(), activation=smooth_activations, count=samples, seed=seeds)
def test_outputs_are_constant_on_a_line_inside_the_fibre_however_far(
    shape: list[int], activation: str, count: int, seed: int
) -> None:
    problem, theta = random_problem(shape, activation, count, seed)
    at = problem.linearize(theta)
    line = line_in_fibre(at, problem.network.random_theta(seed + 1))
    outputs = shape[-1] * (shape[-2] + 1)
    assert not np.any(line[:-outputs])
    moved = problem.stacked(theta + 100 * line)
    scale = (1 + np.abs(at.activations[-1]).max()) * (1 + 100 * np.abs(line).max())
    agree(moved, at.stacked, scale=scale, size=100 * sum(shape))


@pytest.mark.parametrize("activation", ["square", "leaky_relu", "identity"])
def test_over_the_rationals_the_outputs_do_not_change_at_all(activation: str) -> None:
    problem, theta = random_problem([2, 4, 2], activation, 3, 5, RATIONAL, bits=2)
    at = problem.linearize(theta)
    line = line_in_fibre(at, RATIONAL.array(np.arange(1, len(theta) + 1)))
    assert RATIONAL.largest(line) > 0
    moved = problem.linearize(theta + line)
    assert moved.stacked.tolist() == at.stacked.tolist()
    assert moved.gram().tolist() != at.gram().tolist()


def test_there_is_no_line_where_the_last_activations_span_their_space_affinely() -> None:
    network, inputs = Network([2, 1], "identity"), RATIONAL.array([[0, 0], [1, 0], [0, 1]])
    at = linearize(network, RATIONAL.array([1, 2, 3]), inputs)
    assert not np.any(line_in_fibre(at, RATIONAL.array([1, 1, 1])))


def test_closed_form_in_the_smallest_network_with_a_hidden_layer() -> None:
    # x = w2 (w1 t + b1) + b2: D D^T = w2^2 (1 + t^2) + (w1 t + b1)^2 + 1, along (0, 0, 1, -(w1 t + b1))
    w1, b1, w2, t = (Fraction(*pair) for pair in ((1, 2), (2, 3), (3, 4), (5, 1)))
    numbers = [RATIONAL.from_fraction(value) for value in (w1, b1, w2, Fraction(1))]
    inputs = RATIONAL.array([[5]])
    at = linearize(Network([1, 1, 1], "identity"), RATIONAL.array(numbers), inputs)
    hidden = w1 * t + b1
    direction = RATIONAL.array(
        [RATIONAL.number(0)] * 2 + [RATIONAL.number(1), RATIONAL.from_fraction(-hidden)]
    )
    assert at.gram()[0, 0] == RATIONAL.from_fraction(w2**2 * (1 + t**2) + hidden**2 + 1)
    assert kernel_derivative(at, direction)[0, 0] == RATIONAL.from_fraction(2 * w2 * (1 + t**2))


@pytest.mark.parametrize("shape", [[3, 2], [2, 6, 2]])
def test_the_kernel_is_a_function_of_the_outputs_without_hidden_layer_only(shape: list[int]) -> None:
    problem, theta = random_problem(shape, "tanh", 2, 8)
    at = problem.linearize(theta)
    other = problem.linearize(follow_fibre(at, problem.network.random_theta(4), steps=4)[-1])
    agree(other.stacked, at.stacked, scale=1 + np.abs(at.stacked).max(), size=100)
    change = np.abs(other.gram() - at.gram()).max()
    assert (change < 1e-12) if len(shape) == 2 else (change > 1e-2)


def test_wrong_directions_are_refused() -> None:
    problem, theta = random_problem([2, 3, 1], "tanh", 2, 1)
    at = problem.linearize(theta)
    for function in (kernel_derivative, line_in_fibre):
        with pytest.raises(ValueError, match="a direction of shape"):
            function(at, theta[:-1])
        with pytest.raises(TypeError, match="different arithmetics"):
            function(at, MP40.array(theta))
