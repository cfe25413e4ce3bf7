"""Bundle metric and gradient against matrices formed and solved; level sets; rescaling directions."""

import numpy as np
import pytest
from hypothesis import given

from geomdl import RATIONAL, Dataset, Network, Problem, get_arithmetic
from geomdl.bundles import (
    bundle_gradient,
    bundle_metric,
    rescaling_directions,
)
from geomdl.fibres import move_in_level_set
from verification.core.references import agree
from verification.core.strategies import examples, random_problem, samples, seeds, widths

MP50 = get_arithmetic("mp50")


def a_metric(size: int, seed: int) -> np.ndarray:
    """Return a symmetric positive definite matrix of condition below 9."""
    root = np.random.default_rng(seed).standard_normal((size, size))
    return np.eye(size) + 8 * root @ root.T / np.linalg.norm(root) ** 2


@examples(20)
@given(shape=widths(), count=samples, seed=seeds)
def test_the_metric_is_that_of_the_velocities_of_the_outputs(
    shape: list[int], count: int, seed: int
) -> None:
    problem, theta = random_problem(shape, "tanh", count, seed)
    at, generator = problem.linearize(theta), np.random.default_rng(seed + 1)
    v, w = generator.standard_normal((2, len(theta)))
    jacobian, metric = at.jacobian(), a_metric(at.shape[0], seed)
    size = abs(jacobian @ v).max() * abs(jacobian @ w).max() * abs(metric).sum() + 1e-300
    for tensor in (None, metric):
        expected = (jacobian @ v) @ (np.eye(at.shape[0]) if tensor is None else tensor) @ (jacobian @ w)
        agree(bundle_metric(at, v, w, metric=tensor), expected, scale=size, size=10 * sum(at.shape))


@examples(20)
@given(shape=widths(1), count=samples, seed=seeds)
def test_the_gradient_solves_the_normal_equations_over_the_fibre(
    shape: list[int], count: int, seed: int
) -> None:
    problem, theta = random_problem(shape, "tanh", count, seed)
    at = problem.linearize(theta)
    differential = np.random.default_rng(seed).standard_normal(len(theta))
    jacobian, metric = at.jacobian(), a_metric(at.shape[0], seed)
    _, sigma, rows = np.linalg.svd(jacobian, full_matrices=False)
    rank = int(np.sum(sigma > 1e-9 * sigma[0]))
    kappa, basis = sigma[0] / sigma[rank - 1], rows[:rank].T
    for tensor in (None, metric):
        root = jacobian if tensor is None else np.linalg.cholesky(tensor).T @ jacobian
        normal = (root @ basis).T @ (root @ basis)
        expected = basis @ np.linalg.solve(normal, basis.T @ differential)
        found = bundle_gradient(at, differential, metric=tensor, rank=rank)
        scale = np.abs(differential).max() / sigma[rank - 1] ** 2
        agree(found, expected, scale=scale, size=int(100 * len(theta) * max(1.0, kappa**2)))


@pytest.mark.parametrize("lost", [False, True], ids=["full rank", "rank lost"])
def test_over_the_rationals_the_gradient_represents_the_differential_exactly(lost: bool) -> None:
    problem, theta = random_problem([2, 2, 1], "square", 3, 4, RATIONAL, bits=2)
    if lost:
        inputs = problem.data.inputs[[0, 0, 1]]
        problem = Problem(problem.network, Dataset.regression(inputs, problem.data.targets))
    at = problem.linearize(theta)
    differential = RATIONAL.array(np.arange(at.shape[1]) - 3)
    metric = RATIONAL.array([[2, 1, 0], [1, 2, 1], [0, 1, 2]])
    for tensor in (None, metric):
        gradient = bundle_gradient(at, differential, metric=tensor)
        for row in at.jacobian():
            assert bundle_metric(at, row, gradient, metric=tensor) == row @ differential
        assert RATIONAL.rank_factorization(np.vstack([at.jacobian(), gradient]))[0].shape[1] == 3 - lost


def test_a_bundle_of_rank_zero_has_the_gradient_zero() -> None:
    # The output bias keeps the rank of a network at 1 or more: rank 0 is imposed.
    network = Network([1, 1], "tanh")
    at = Problem(network, Dataset.regression(np.zeros((1, 1)), np.zeros((1, 1)))).linearize(np.zeros(2))
    assert bundle_gradient(at, np.ones(2), metric=np.eye(1)).tolist() == [0.0, 1.0]
    assert bundle_gradient(at, np.ones(2), metric=np.eye(1), rank=0).tolist() == [0.0, 0.0]


@pytest.mark.parametrize(
    ("activation", "degree"), [("relu", 1), ("leaky_relu", 1), ("identity", 1), ("square", 2)]
)
@pytest.mark.parametrize("shape", [[2, 3, 1], [2, 3, 2, 2], [1, 1]])
def test_rescaling_directions_keep_the_outputs_exactly(
    activation: str, degree: int, shape: list[int]
) -> None:
    problem, theta = random_problem(shape, activation, 3, 1, RATIONAL, bits=3)
    at = problem.linearize(theta)
    directions = rescaling_directions(at, degree=degree)
    assert directions.shape == (sum(shape[1:-1]), len(theta))
    assert not np.any(at.jacobian() @ directions.T)


def test_rescaling_a_unit_does_what_its_direction_says() -> None:
    problem, theta = random_problem([2, 3, 2], "relu", 3, 1)
    layers, c = problem.network.layers(theta), 1 + 1e-7
    (w, b), (v, d) = ((weight.copy(), bias.copy()) for weight, bias in layers)
    w[1], b[1], v[:, 1] = c * w[1], c * b[1], v[:, 1] / c
    change = problem.network.flatten([(w, b), (v, d)]) - theta
    direction = rescaling_directions(problem.linearize(theta))[1]
    assert np.allclose(change / 1e-7, direction, atol=1e-6)


def test_wrong_shapes_and_arithmetics_are_refused() -> None:
    problem, theta = random_problem([2, 3, 1], "tanh", 2, 0)
    at = problem.linearize(theta)
    with pytest.raises(ValueError, match=r"metric of shape \(3, 3\); expected \(2, 2\)"):
        bundle_metric(at, theta, theta, metric=np.eye(3))
    with pytest.raises(ValueError, match=r"metric of shape \(2,\)"):
        bundle_gradient(at, theta, metric=np.ones(2))
    for function in (lambda v: bundle_gradient(at, v), lambda v: move_in_level_set(at, v)):
        with pytest.raises(ValueError, match=r"of shape \(12,\); expected \(13,\)"):
            function(theta[:-1])
        with pytest.raises(TypeError, match="got arrays of different arithmetics"):
            function(MP50.array(theta))
