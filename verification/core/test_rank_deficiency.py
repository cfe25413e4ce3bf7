"""Flows and restarts at any rank, against least squares, eigenvalues and differences of the cost."""

import numpy as np
import pytest
from hypothesis import given

from geomdl import (
    FLOAT32,
    FLOAT64,
    RATIONAL,
    Dataset,
    Network,
    Problem,
    adapted_field,
    cost_hessian,
    get_arithmetic,
    linearize,
    pseudoinverse,
)
from geomdl.arithmetic import Arithmetic, UnsupportedOperationError
from geomdl.rank_deficiency import (
    differential_algebraic_field,
    least_squares_multiplier,
    negative_curvature,
    normal_curvatures,
    restart,
)
from verification.core.references import agree
from verification.core.strategies import (
    examples,
    random_problem,
    samples,
    seeds,
    smooth_activations,
    widths,
)

MP50 = get_arithmetic("mp50")
TWINS = np.array([[1.0], [1.0], [-2.0]])
"""Two equal inputs: D of 1-2-1 has rank 2 < 3."""


def twins(arithmetic: Arithmetic) -> tuple[Problem, np.ndarray]:
    """Return a problem with two equal inputs and conflicting targets, and parameters of few bits."""
    data = Dataset.regression(TWINS, np.array([[1.0], [3.0], [0.5]]))
    theta = np.array([0.5, -1.0, 0.25, 0.75, 1.5, -0.5, 0.125])
    problem = Problem(Network([1, 2, 1], "square"), data)
    return problem.to(arithmetic), arithmetic.array(theta)


@examples(20)
@given(shape=widths(), activation=smooth_activations, count=samples, seed=seeds)
def test_multiplier_is_the_shortest_solution_of_least_squares(
    shape: list[int], activation: str, count: int, seed: int
) -> None:
    problem, theta = random_problem(shape, activation, count, seed)
    at = problem.linearize(theta)
    factored, jacobian = pseudoinverse(at.jacobian()), at.jacobian()
    if factored.rank == 0 or factored.condition > 1e3 or factored.gap < 1e6:
        return
    covector = np.random.default_rng(seed).standard_normal(at.shape[0])
    cutoff = (1e-3 / factored.condition) ** 2
    expected = np.linalg.lstsq(jacobian @ jacobian.T, -covector, rcond=cutoff)[0]
    found = least_squares_multiplier(at, covector)
    agree(found, expected, size=10 * max(at.shape), condition=factored.condition**2)


@pytest.mark.parametrize("arithmetic", [FLOAT32, FLOAT64, MP50, RATIONAL])
def test_multiplier_meets_the_normal_equation_and_has_no_part_in_the_kernel(
    arithmetic: Arithmetic,
) -> None:
    problem, theta = twins(arithmetic)
    at = problem.linearize(theta)
    gradient = problem.cost.gradient(problem.data, at.stacked)
    psi, gram = least_squares_multiplier(at, gradient, rank=2), at.jacobian() @ at.jacobian().T
    residual = gram @ psi + gradient
    scale = arithmetic.largest(abs(gram)) * arithmetic.largest(abs(gradient))
    agree(gram @ residual, 0 * residual, scale=scale, size=7, condition=1e3)
    agree([psi[0]], [psi[1]], size=7, condition=1e3)  # the kernel of D^T is (1, -1, 0)


@pytest.mark.parametrize("arithmetic", [FLOAT64, MP50, RATIONAL])
@pytest.mark.parametrize("sign", [1, -1])
def test_field_is_the_adapted_one_up_to_sign(arithmetic: Arithmetic, sign: int) -> None:
    problem, theta = twins(arithmetic)
    found = differential_algebraic_field(rank=2, sign=sign)(problem, theta)
    agree(found, sign * adapted_field(rank=2)(problem, theta), size=7, condition=1e3)


def test_curvatures_are_second_differences_of_the_cost() -> None:
    problem, theta = twins(MP50)
    step, columns = MP50.number(1, 10**12), [0, 3, 6]
    rows = cost_hessian(problem, theta)[columns]
    for row, found in zip(rows, normal_curvatures(problem, theta, columns), strict=True):
        ahead, here, behind = (
            problem.value(theta + k * step * row) for k in (MP50.number(1), MP50.number(0), -1)
        )
        expected = (ahead - 2 * here + behind) / (step * step)
        assert abs(float(expected - found)) < 1e-9 * abs(float(found))


@examples(20)
@given(shape=widths(2), activation=smooth_activations, count=samples, seed=seeds)
def test_negative_curvature_is_the_lowest_eigenvalue(
    shape: list[int], activation: str, count: int, seed: int
) -> None:
    problem, theta = random_problem(shape, activation, count, seed)
    hessian = cost_hessian(problem, theta)
    values = np.linalg.eigvalsh((hessian + hessian.T) / 2)
    size, found = float(np.abs(hessian).sum(axis=1).max()), negative_curvature(problem, theta)
    if found is None:
        assert values[0] > -1e-12 * size
        return
    agree([found.curvature], values[:1], scale=size, size=len(values))
    agree(hessian @ found.direction, values[0] * found.direction, scale=size, size=10 * len(values))


def test_eigenvalues_of_equal_size_and_opposite_sign_are_not_mixed() -> None:
    data = Dataset.regression(np.array([[-1.0], [1.0]]), np.array([[-1.0], [1.0]]))
    problem = Problem(Network([1, 1, 1], "identity"), data)  # -w_1 w_2 at the origin: +-1
    found = negative_curvature(problem, np.zeros(4))
    assert found is not None
    agree([found.curvature], [-1.0], size=4)
    agree([found.direction[0]], [found.direction[2]], size=4)


def test_there_is_no_negative_curvature_at_a_minimum_and_none_is_looked_for_over_the_rationals() -> None:
    data = Dataset.regression(np.array([[0.0], [0.0]]), np.array([[1.0], [3.0]]))
    problem, minimum = Problem(Network([1, 1], "tanh"), data), np.array([0.0, 2.0])
    assert negative_curvature(problem, minimum) is None
    with pytest.raises(UnsupportedOperationError, match="mp50"):
        negative_curvature(problem.to(RATIONAL), RATIONAL.array(minimum))


@pytest.mark.parametrize("arithmetic", [FLOAT32, FLOAT64, MP50, RATIONAL])
def test_restart_finds_lower_costs_on_either_side_and_none_at_a_minimum(arithmetic: Arithmetic) -> None:
    data = Dataset.regression(np.array([[-1.0], [1.0]]), np.array([[-1.0], [1.0]]))
    problem = Problem(Network([1, 1, 1], "identity"), data).to(arithmetic)
    saddle, down = arithmetic.zeros(4), arithmetic.array(np.array([1.0, 0.0, 1.0, 0.0]))
    for direction in (down, -down):
        found = restart(problem, saddle, direction)
        assert found is not None
        assert found.cost == problem.value(found.theta) < problem.value(saddle)
        assert (found.theta == saddle + found.kappa * direction).all()
        # C = (1 - kappa^2)^2 / 2 along this direction: the longest step is the best.
        assert abs(found.kappa) == 0.5
    up = arithmetic.array(np.array([1.0, 0.0, -1.0, 0.0]))
    assert restart(problem, saddle, up) is None
    minimum = arithmetic.array(np.array([1.0, 0.0, 1.0, 0.0]))
    assert restart(problem, minimum, up, length=8.0) is None


def test_rounding_is_not_taken_for_descent() -> None:
    # Large outputs, small residual: differences of costs are noise along a fibre.
    data = Dataset.regression(np.array([[1.0], [1.0]]), np.array([[1e6], [1e6 + 1e-3]]))
    problem, theta = Problem(Network([1, 1], "identity"), data), np.array([1e6, 5e-4])
    assert restart(problem, theta, np.array([1.0, -1.0]), length=1e3) is None


def test_what_makes_no_sense_is_refused() -> None:
    problem, theta = twins(FLOAT64)
    with pytest.raises(ValueError, match="sign=0"):
        differential_algebraic_field(sign=0)
    with pytest.raises(ValueError, match="not zero"):
        restart(problem, theta, np.zeros(7))
    with pytest.raises(ValueError, match="length=0"):
        restart(problem, theta, np.ones(7), length=0.0)
    with pytest.raises(ValueError, match="shape"):
        restart(problem, theta, np.ones(6))
    with pytest.raises(ValueError, match="shape"):
        least_squares_multiplier(linearize(problem.network, theta, problem.data.inputs), np.ones(2))
