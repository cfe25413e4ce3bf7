"""Fibres of the output map and the projector onto range(D), against differences and closed forms."""

import numpy as np
import pytest
from hypothesis import given

from geomdl import FLOAT32, FLOAT64, RATIONAL, Network, Problem, get_arithmetic, linearize, pseudoinverse
from geomdl.arithmetic import Arithmetic, Array, UnsupportedOperationError
from geomdl.fibres import (
    follow_fibre,
    kernel_basis,
    move_in_level_set,
    point_in_chart,
    projector_derivative,
    range_curvature,
)
from geomdl.jacobians import Linearization
from verification.core.references import agree
from verification.core.strategies import examples, random_problem, samples, seeds, widths

MP30, MP50 = (get_arithmetic(name) for name in ("mp30", "mp50"))


def narrow(arithmetic: Arithmetic, activation: str = "tanh") -> tuple[Problem, Array]:
    """Return a network with a last hidden layer of width 1: rank 6 < QN = 8 for every theta."""
    return random_problem([3, 1, 2], activation, 4, 5, arithmetic, bits=3)


def fold(arithmetic: Arithmetic = FLOAT64) -> Linearization:
    """Return 1-1-1 on the inputs 0, 1 with both weights zero: rank 1 there, 2 nearby."""
    theta = arithmetic.array([0.0, 0.5, 0.0, 1.0])
    return linearize(Network([1, 1, 1], "tanh"), theta, arithmetic.array([[0.0], [1.0]]))


@examples(20)
@given(shape=widths(2), count=samples, seed=seeds)
def test_the_basis_of_the_kernel_is_orthonormal_and_as_large_as_it_has_to_be(
    shape: list[int], count: int, seed: int
) -> None:
    problem, theta = random_problem(shape, "tanh", count, seed)
    at = problem.linearize(theta)
    basis, jacobian = kernel_basis(at), at.jacobian()
    free = jacobian.shape[1] - pseudoinverse(jacobian).rank
    assert basis.shape == (jacobian.shape[1], free)
    if free:
        agree(basis.T @ basis, np.eye(free), size=jacobian.shape[1])
        agree(jacobian @ basis, 0 * jacobian @ basis, scale=np.abs(jacobian).max(), size=free + 10)


def test_over_the_rationals_the_kernel_is_exact_and_may_be_trivial() -> None:
    problem, theta = narrow(RATIONAL, "square")
    at = problem.linearize(theta)
    basis = kernel_basis(at)
    assert basis.shape == (8, 2)
    assert np.all(at.jacobian() @ basis == 0)
    problem, theta = random_problem([1, 1], "tanh", 3, 0)
    assert kernel_basis(problem.linearize(theta)).shape == (2, 0)


@pytest.mark.parametrize("arithmetic", [FLOAT32, FLOAT64, MP30, MP50], ids=repr)
def test_points_of_a_chart_have_the_coordinates_that_were_asked_for(arithmetic: Arithmetic) -> None:
    problem, theta = narrow(arithmetic)
    at, factored = problem.linearize(theta), pseudoinverse(problem.linearize(theta).jacobian(), rank=6)
    across = arithmetic.array(np.array([1, -2, 3, -1, 2, 1]) / 256)
    for along in (np.zeros(2), np.array([3, -5]) / 256):
        moved = point_in_chart(at, across, arithmetic.array(along), rank=6)
        change = problem.stacked(moved) - at.stacked
        agree(factored.range_dual @ change, across, scale=1, size=30)
        agree(kernel_basis(at, rank=6).T @ (moved - theta), arithmetic.array(along), scale=1, size=30)


def test_outputs_in_a_chart_depend_on_the_first_coordinates_alone_at_constant_rank_only() -> None:
    problem, theta = narrow(FLOAT64)
    at, across = problem.linearize(theta), np.full(6, 1 / 64)
    first, second = (
        problem.stacked(point_in_chart(at, across, np.array(along), rank=6))
        for along in ([0.0, 0.0], [0.125, -0.125])
    )
    agree(first, second, size=100)
    at = fold()
    moved = point_in_chart(at, np.zeros(1), np.full(3, 0.125), rank=1)
    assert np.abs(linearize(at.network, moved, at.inputs).stacked - at.stacked).max() > 1e-3


def test_an_affine_network_has_exact_charts_and_others_say_that_they_have_not() -> None:
    problem, theta = random_problem([1, 2], "identity", 3, 1, RATIONAL, bits=2)
    at, along = problem.linearize(theta), RATIONAL.zeros(0)
    across = RATIONAL.array([1, 2, 3, 4])
    moved = point_in_chart(at, across, along)
    dual = pseudoinverse(at.jacobian()).range_dual
    assert np.all(dual @ (problem.stacked(moved) - at.stacked) == across)
    problem, theta = narrow(RATIONAL, "square")
    with pytest.raises(UnsupportedOperationError, match="not rational"):
        point_in_chart(problem.linearize(theta), RATIONAL.array([1] * 6), RATIONAL.zeros(2))


def test_coordinates_of_wrong_shape_or_out_of_reach_are_refused() -> None:
    problem, theta = narrow(FLOAT64)
    at = problem.linearize(theta)
    with pytest.raises(ValueError, match=r"across the fibre of shape \(5,\); expected \(6,\)"):
        point_in_chart(at, np.zeros(5), np.zeros(2), rank=6)
    with pytest.raises(ValueError, match=r"along the fibre of shape \(3,\); expected \(2,\)"):
        point_in_chart(at, np.zeros(6), np.zeros(3), rank=6)
    with pytest.raises(TypeError, match="different arithmetics"):
        point_in_chart(at, MP30.zeros(6), np.zeros(2), rank=6)
    with pytest.raises(ValueError, match=r"does not converge|singular"):
        point_in_chart(at, np.full(6, 1e3), np.zeros(2), rank=6)


@pytest.mark.parametrize("arithmetic", [FLOAT32, FLOAT64, MP30], ids=repr)
def test_a_path_in_a_fibre_keeps_the_outputs_and_moves_along_the_kernel(arithmetic: Arithmetic) -> None:
    problem, theta = narrow(arithmetic)
    at, direction = problem.linearize(theta), arithmetic.array(np.arange(1, 9) / 16)
    path = follow_fibre(at, direction, steps=4, rank=6)
    assert path.shape == (5, 8)
    for point in path:
        agree(problem.stacked(point), at.stacked, size=100)
    moved = arithmetic.to_float64(path[-1] - theta)
    assert np.abs(moved).max() > 0.02


def test_a_path_needs_a_step_and_a_direction() -> None:
    problem, theta = narrow(FLOAT64)
    at = problem.linearize(theta)
    with pytest.raises(ValueError, match="got steps=0"):
        follow_fibre(at, theta, steps=0)
    with pytest.raises(ValueError, match=r"a direction of shape \(7,\); expected \(8,\)"):
        follow_fibre(at, theta[1:])


@pytest.mark.parametrize("shape", [[3, 1, 2], [1, 1, 1]])
def test_the_derivative_of_the_projector_is_that_of_a_difference_in_50_digits(shape: list[int]) -> None:
    problem, theta = random_problem(shape, "tanh", 4 if shape[0] == 3 else 6, 5, MP50, bits=3)
    rank, step = {3: 6, 1: 4}[shape[0]], MP50.number(1, 10**16)
    direction = MP50.array(np.arange(1, len(theta) + 1) / 8)
    ahead, behind = (
        pseudoinverse(problem.linearize(theta + t * direction).jacobian(), rank=rank).range_projector()
        for t in (step, -step)
    )
    found = projector_derivative(problem.linearize(theta), direction, rank=rank)
    expected = FLOAT64.array((ahead - behind) / (2 * step))
    agree(FLOAT64.array(found), expected, scale=1 + np.abs(expected).max(), size=100)


def test_at_constant_rank_the_projector_is_constant_along_the_kernel_and_flat_exactly() -> None:
    problem, theta = narrow(RATIONAL, "square")
    at = problem.linearize(theta)
    for normal in kernel_basis(at).T:
        assert np.all(projector_derivative(at, normal) == 0)
    a, b = RATIONAL.array(np.arange(8) - 3), RATIONAL.array(np.arange(8) ** 2)
    assert np.all(range_curvature(at, a, b) == 0)
    assert not np.all(projector_derivative(at, a) == 0)


def test_the_curvature_is_made_of_derivatives_of_the_projector_and_antisymmetric() -> None:
    at, (a, b) = fold(), np.array([[1.0, 2.0, -1.0, 0.5], [0.25, -1.0, 2.0, 3.0]])
    projector, jacobian = pseudoinverse(at.jacobian()).range_projector(), at.jacobian()
    first = projector_derivative(at, a) @ (jacobian @ b) - projector_derivative(at, b) @ (jacobian @ a)
    expected = first - projector @ first
    assert np.abs(expected).max() > 0.1  # the rank is not constant here
    agree(range_curvature(at, a, b), expected, size=10)
    agree(range_curvature(at, b, a), -expected, size=10)


@pytest.mark.parametrize("arithmetic", [FLOAT64, MP50], ids=repr)
@pytest.mark.parametrize(
    ("shape", "count", "rank"), [([2, 8, 2], 4, None), ([3, 1, 2], 4, 6), ([1, 1, 1], 2, None)]
)
def test_outputs_stay_while_theta_moves_in_a_level_set(
    arithmetic: Arithmetic, shape: list[int], count: int, rank: int | None
) -> None:
    problem, theta = random_problem(shape, "tanh", count, 5, arithmetic)
    at = problem.linearize(theta)
    direction = arithmetic.array(np.arange(len(theta)) % 3 / 64)
    moved = move_in_level_set(at, direction, rank=rank)
    agree(problem.stacked(moved), at.stacked, size=10 * len(theta))
    assert float(arithmetic.largest(moved - theta)) > 1e-3


def test_without_a_kernel_nothing_moves() -> None:
    problem, theta = random_problem([2, 1], "identity", 3, 5)
    moved = move_in_level_set(problem.linearize(theta), np.ones(3))
    agree(moved, theta, size=1000)


def test_a_step_that_cannot_be_corrected_is_refused() -> None:
    # Rank 1 is imposed where it is 2: one of the two outputs is never brought back.
    problem, theta = random_problem([1, 2, 1], "tanh", 2, 0)
    with pytest.raises(ValueError, match="expected a shorter step"):
        move_in_level_set(problem.linearize(theta), np.ones(7), rank=1)
