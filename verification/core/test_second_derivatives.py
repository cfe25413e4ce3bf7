"""Second derivatives against differences in many digits, exact stencils, and closed forms."""

import numpy as np
import pytest
from hypothesis import given

from geomdl import (
    CLASS_WEIGHTED,
    FLOAT32,
    FLOAT64,
    LEAST_SQUARES,
    RATIONAL,
    Cost,
    Dataset,
    Network,
    Problem,
    arithmetic_of,
    cost_hessian,
    get_arithmetic,
    jacobian_derivative,
    range_bundle_brackets,
)
from geomdl.arithmetic import Arithmetic
from geomdl.second_derivatives import paired_hessian
from verification.core.references import agree, stencil_jacobian
from verification.core.strategies import (
    examples,
    random_problem,
    samples,
    seeds,
    smooth_activations,
    widths,
)

MP30, MP50, MP100 = (get_arithmetic(name) for name in ("mp30", "mp50", "mp100"))


@examples(20)
@given(shape=widths(), activation=smooth_activations, count=samples, seed=seeds)
def test_the_derivative_of_the_jacobian_is_that_of_a_difference_in_40_digits(
    shape: list[int], activation: str, count: int, seed: int
) -> None:
    problem, theta = random_problem(shape, activation, count, seed)
    direction = problem.network.random_theta(seed + 1)
    many = get_arithmetic("mp40")
    precise, start, along = problem.to(many), many.array(theta), many.array(direction)
    step = many.number(1, 10**12)
    ahead, behind = (
        precise.linearize(start + sign * step * along).jacobian()
        for sign in (many.number(1), many.number(-1))
    )
    expected = FLOAT64.array((ahead - behind) / (2 * step))
    found = jacobian_derivative(problem.linearize(theta), direction)
    assert found.shape == expected.shape
    agree(found, expected, scale=1 + np.abs(expected).max(), size=10 * max(shape) * len(shape))


@pytest.mark.parametrize("shape", [[2, 1], [2, 2, 1], [1, 2, 2, 1]])
@pytest.mark.parametrize("activation", ["square", "identity"])
def test_over_the_rationals_it_is_exact(activation: str, shape: list[int]) -> None:
    problem, theta = random_problem(shape, activation, 2, 3, RATIONAL, bits=2)
    direction = RATIONAL.array(np.arange(len(theta)) % 5 - 2)

    def along(t: np.ndarray) -> np.ndarray:
        return problem.linearize(theta + t[0] * direction).jacobian()

    # D has degree at most 6 in t for two hidden square layers; extrapolation makes the stencil exact.
    step = RATIONAL.number(1, 4)
    coarse, fine = (
        stencil_jacobian(RATIONAL, along, RATIONAL.zeros(1), h)[..., 0] for h in (step, step / 2)
    )
    found = jacobian_derivative(problem.linearize(theta), direction)
    assert np.all(found == (16 * fine - coarse) / 15)


@pytest.mark.parametrize("arithmetic", [FLOAT32, MP30], ids=repr)
@pytest.mark.parametrize("activation", ["tanh", "gelu"])
def test_other_arithmetics_follow_double_precision(arithmetic: Arithmetic, activation: str) -> None:
    problem, theta = random_problem([2, 3, 2, 2], activation, 2, 1)
    direction = np.round(problem.network.random_theta(9) * 64) / 64
    reference = jacobian_derivative(problem.linearize(theta), direction)
    found = jacobian_derivative(
        problem.to(arithmetic).linearize(arithmetic.array(theta)), arithmetic.array(direction)
    )
    assert arithmetic_of(found) is arithmetic
    coarser = arithmetic if arithmetic is FLOAT32 else FLOAT64
    agree(coarser.array(found), coarser.array(reference), scale=coarser.number(4), size=10)


@pytest.mark.parametrize("cost", [LEAST_SQUARES, CLASS_WEIGHTED], ids=lambda cost: cost.name)
@pytest.mark.parametrize("shape", [[2, 1], [2, 2, 1], [1, 1, 2]])
def test_the_cost_hessian_is_the_derivative_of_the_gradient_exactly(
    shape: list[int], cost: Cost
) -> None:
    problem, theta = random_problem(shape, "square", 3, 2, RATIONAL, bits=2)
    problem = Problem(problem.network, problem.data, cost)
    # The gradient of the cost has degree 3 in each parameter of one hidden square layer.
    expected = stencil_jacobian(RATIONAL, problem.gradient, theta, RATIONAL.number(1, 8))
    hessian = cost_hessian(problem, theta)
    assert np.all(hessian == expected)
    assert np.all(hessian == hessian.T)


@pytest.mark.parametrize("arithmetic", [FLOAT32, FLOAT64, MP30], ids=repr)
def test_the_cost_hessian_in_rounded_arithmetics_follows_the_exact_one(arithmetic: Arithmetic) -> None:
    exact_problem, exact_theta = random_problem([2, 2, 1], "square", 3, 2, RATIONAL, bits=2)
    exact = arithmetic.array(cost_hessian(exact_problem, exact_theta))
    problem, theta = random_problem([2, 2, 1], "square", 3, 2, arithmetic, bits=2)
    found = cost_hessian(problem, theta)
    assert arithmetic_of(found) is arithmetic
    agree(found, exact, size=10)


@pytest.mark.parametrize("arithmetic", [FLOAT32, FLOAT64], ids=repr)
def test_far_targets_do_not_spoil_the_hessian_of_an_affine_network(arithmetic: Arithmetic) -> None:
    inputs, far = arithmetic.array([[1], [2]]), arithmetic.array([[1e20], [-1e20]])
    problem = Problem(Network([1, 1], "tanh"), Dataset.regression(inputs, far))
    # The outputs are linear in theta, so that the Hessian is D^T D / N for any targets.
    agree(cost_hessian(problem, arithmetic.zeros(2)), arithmetic.array([[2.5, 1.5], [1.5, 1.0]]))


@pytest.mark.parametrize("arithmetic", [FLOAT64, RATIONAL], ids=repr)
def test_brackets_agree_with_their_definition_through_hessians(arithmetic: Arithmetic) -> None:
    problem, theta = random_problem([1, 2, 1], "square", 3, 6, arithmetic, bits=2)
    at = problem.linearize(theta)
    jacobian, k = at.jacobian(), at.shape[1]
    hessians = np.stack([jacobian_derivative(at, unit) for unit in arithmetic.eye(k)], axis=-1)
    rows = [
        hessians[j] @ jacobian[i] - hessians[i] @ jacobian[j] for i in range(3) for j in range(i + 1, 3)
    ]
    assert np.all(hessians == hessians.transpose(0, 2, 1))
    found = range_bundle_brackets(at)
    assert found.shape == (3, k)
    agree(found, arithmetic.array(np.stack(rows)), size=10)


def test_there_is_no_bracket_of_one_field_and_none_of_an_affine_network() -> None:
    problem, theta = random_problem([2, 3, 1], "tanh", 1, 0)
    assert range_bundle_brackets(problem.linearize(theta)).shape == (0, 13)
    problem, theta = random_problem([2, 2], "tanh", 2, 0)
    assert not np.any(range_bundle_brackets(problem.linearize(theta)))


def test_directions_of_other_shape_or_arithmetic_are_refused() -> None:
    problem, theta = random_problem([2, 3, 1], "tanh", 2, 0)
    at = problem.linearize(theta)
    with pytest.raises(ValueError, match=r"of shape \(12,\); expected \(13,\)"):
        jacobian_derivative(at, theta[:-1])
    for wrong in (theta.astype(np.float32), MP50.array(theta), theta.astype(int)):
        with pytest.raises(TypeError, match="got "):
            jacobian_derivative(at, wrong)


@examples(20)
@given(shape=widths(), activation=smooth_activations, count=samples, seed=seeds)
def test_the_paired_hessian_pairs_the_derivatives_of_the_jacobian(
    shape: list[int], activation: str, count: int, seed: int
) -> None:
    problem, theta = random_problem(shape, activation, count, seed)
    at = problem.linearize(theta)
    covector = np.random.default_rng(seed).standard_normal(at.shape[0])
    expected = [jacobian_derivative(at, unit).T @ covector for unit in np.eye(len(theta))]
    found = paired_hessian(at, covector)
    scale = 1 + np.max(np.abs(expected))
    np.testing.assert_allclose(found, np.stack(expected, axis=1), rtol=0, atol=1e-12 * scale)
    np.testing.assert_allclose(found, found.T, rtol=0, atol=1e-12 * scale)
