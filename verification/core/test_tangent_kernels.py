"""Tangent kernels between any inputs against Jacobians formed; the adapted kernel, its predictions."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given

from geomdl import (
    FLOAT64,
    RATIONAL,
    Dataset,
    Problem,
    adapted_field,
    get_arithmetic,
    integrate,
    linearize,
    standard_field,
)
from geomdl.arithmetic import Arithmetic
from geomdl.tangent_kernels import (
    adapted_kernel,
    influence,
    kernel_block,
    output_velocity_at,
    tangent_kernel,
)
from verification.core.references import agree
from verification.core.strategies import examples, random_problem, samples, seeds, widths

MP50 = get_arithmetic("mp50")


@examples(25)
@given(shape=widths(), count=samples, seed=seeds)
def test_the_kernel_is_the_product_of_two_jacobians(shape: list[int], count: int, seed: int) -> None:
    problem, theta = random_problem(shape, "tanh", count, seed)
    at, generator = problem.linearize(theta), np.random.default_rng(seed)
    left, right = (generator.standard_normal((n, shape[0])) for n in (2, 3))
    one, two = (linearize(problem.network, theta, inputs).jacobian() for inputs in (left, right))
    for given_right, other in ((right, two), (None, at.jacobian())):
        found = tangent_kernel(at, left, given_right)
        agree(found, one @ other.T, scale=(abs(one) @ abs(other).T).max(), size=sum(shape))


@pytest.mark.parametrize("arithmetic", [FLOAT64, MP50, RATIONAL], ids=repr)
def test_on_the_training_data_the_kernel_is_the_gram_matrix(arithmetic: Arithmetic) -> None:
    problem, theta = random_problem([2, 4, 3, 2], "leaky_relu", 3, 1, arithmetic, bits=3)
    at = problem.linearize(theta)
    found = tangent_kernel(at, problem.data.inputs)
    agree(found, at.gram(), size=42)
    for i, j in product(range(3), repeat=2):
        single = tangent_kernel(at, problem.data.inputs[i : i + 1], problem.data.inputs[j : j + 1])
        agree(kernel_block(found, i, j, 2), single, scale=arithmetic.largest(found), size=42)


@pytest.mark.parametrize("rank", [None, 6])
def test_the_adapted_kernel_is_the_kernel_in_the_metric_of_the_outputs(rank: int | None) -> None:
    shape, count = ([3, 1, 2], 4) if rank else ([2, 8, 2], 3)
    problem, theta = random_problem(shape, "tanh", count, 5, MP50)
    at = problem.linearize(theta)
    points = MP50.array(np.arange(2 * shape[0]).reshape(2, -1) / 4)
    d, there = at.jacobian(), linearize(problem.network, theta, points).jacobian()
    u, sigma, v = MP50.svd(d)
    r = rank or len(d)
    metric = (v[:r].T / sigma[:r] ** 2) @ v[:r]  # (D^T D)^+
    for left, right, other in ((points, points, there), (points, None, d)):
        found = adapted_kernel(at, left, right, rank=rank)
        agree(found, there @ metric @ other.T, size=10**6)
    trained = adapted_kernel(at, problem.data.inputs, rank=rank)
    agree(trained, u[:, :r] @ u[:, :r].T, size=10**6)
    by_kernels = tangent_kernel(at, points) @ (u[:, :r] / sigma[:r] ** 2) @ u[:, :r].T
    agree(influence(at, points, rank=rank), by_kernels, size=10**6)


def test_over_the_rationals_the_adapted_kernel_of_full_rank_is_the_identity() -> None:
    problem, theta = random_problem([2, 4, 2], "square", 2, 1, RATIONAL, bits=2)
    at = problem.linearize(theta)
    assert np.all(adapted_kernel(at, problem.data.inputs) == RATIONAL.eye(4))


@pytest.mark.parametrize("adapted", [False, True])
def test_outputs_off_the_training_set_move_as_the_kernels_say(adapted: bool) -> None:
    problem, theta = random_problem([2, 6, 4, 2], "tanh", 3, 2)
    points, h = np.array([[0.5, -1.0], [2.0, 0.25]]), 1e-5
    field = adapted_field() if adapted else standard_field
    ends = [integrate(problem, field, theta, s, rtol=1e-12).end for s in (h, -h)]
    unknown = Problem(problem.network, Dataset.regression(points, np.zeros((2, 2))))
    difference = (unknown.stacked(ends[0]) - unknown.stacked(ends[1])) / (2 * h)
    at = problem.linearize(theta)
    gradient = problem.cost.gradient(problem.data, at.stacked)
    found = output_velocity_at(at, points, gradient, adapted=adapted)
    assert np.allclose(found, difference, atol=1e-7 * np.abs(found).max())


def test_wrong_shapes_and_arithmetics_are_refused() -> None:
    problem, theta = random_problem([2, 3, 1], "tanh", 2, 0)
    at = problem.linearize(theta)
    for function in (tangent_kernel, influence, adapted_kernel):
        with pytest.raises(ValueError, match=r"inputs of shape \(1, 3\); expected \(N, 2\)"):
            function(at, np.ones((1, 3)))
        with pytest.raises(TypeError, match="different arithmetics"):
            function(at, MP50.array(np.ones((1, 2))))
    with pytest.raises(ValueError, match=r"gradient of shape \(3,\); expected \(2,\)"):
        output_velocity_at(at, np.ones((1, 2)), np.ones(3), adapted=True)
