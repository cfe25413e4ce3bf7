"""The manifold of outputs: curvatures against Hessians, parameters recovered from outputs."""

import numpy as np
import pytest
from scipy.linalg import eigh

from geomdl import FLOAT64, Dataset, Network, Problem, cost_hessian, get_arithmetic, linearize
from geomdl.arithmetic import UnsupportedOperationError
from geomdl.jacobians import Linearization
from geomdl.output_manifold import principal_curvatures, recover_parameters
from verification.core.references import agree

SHAPES = [([1, 1, 1], 7), ([2, 1, 1], 9), ([1, 1, 2], 6), ([2, 2, 1], 14)]


def linearized(shape: list[int], count: int, seed: int = 0) -> Linearization:
    """Return a tanh network on random inputs at parameters where D is injective."""
    generator = np.random.default_rng(seed)
    network = Network(shape, "tanh")
    while True:
        theta, inputs = network.random_theta(generator), generator.standard_normal((count, shape[0]))
        at = linearize(network, theta, inputs)
        if np.linalg.cond(at.jacobian()) < 300:
            return at


@pytest.mark.parametrize(("shape", "count"), SHAPES)
def test_the_hessian_at_a_critical_point_is_one_minus_distance_times_curvature(
    shape: list[int], count: int
) -> None:
    at = linearized(shape, count)
    jacobian = at.jacobian()
    normal = np.linalg.svd(jacobian)[0][:, -1]
    targets = (at.stacked + 0.5 * normal).reshape(at.outputs.shape)
    hessian = cost_hessian(Problem(at.network, Dataset.regression(at.inputs, targets)), at.theta)
    relative = eigh(count * hessian, jacobian.T @ jacobian, eigvals_only=True)
    curvatures = principal_curvatures(at, normal)
    scale = 1 + np.abs(curvatures).max()
    agree(np.sort(1 - 0.5 * curvatures), relative, scale=scale, size=100 * np.linalg.cond(jacobian))


def test_the_part_of_a_normal_along_the_tangent_space_is_left_out_and_its_length_scales() -> None:
    at = linearized([2, 1, 1], 9)
    normal = np.linalg.svd(at.jacobian())[0][:, -1]
    expected = principal_curvatures(at, normal)
    tilted = 3 * normal + at.jacobian() @ np.ones(at.shape[1])
    scale = np.abs(expected).max() * np.linalg.cond(at.jacobian())
    agree(principal_curvatures(at, tilted), 3 * expected, scale=scale, size=1000)


def test_curvatures_agree_with_those_in_fifty_digits() -> None:
    at, many = linearized([1, 1, 2], 6), get_arithmetic("mp50")
    normal = np.linalg.svd(at.jacobian())[0][:, -1]
    precise = linearize(at.network, many.array(at.theta), many.array(at.inputs))
    expected = many.to_float64(principal_curvatures(precise, many.array(normal)))
    scale = np.abs(expected).max() * np.linalg.cond(at.jacobian())
    agree(principal_curvatures(at, normal), expected, scale=scale, size=100)


def test_no_curvature_where_the_jacobian_is_not_injective() -> None:
    theta = np.array([1.0, 0.5, 0.0, 2.0])  # no outgoing weight
    at = linearize(Network([1, 1, 1], "tanh"), theta, np.linspace(-1, 1, 6)[:, None])
    with pytest.raises(ValueError, match=r"rank 2; expected rank K = 4"):
        principal_curvatures(at, np.ones(6))
    with pytest.raises(ValueError, match="a normal of shape"):
        principal_curvatures(at, np.ones(5))


def test_exact_numbers_have_no_curvatures() -> None:
    rational = get_arithmetic("rational")
    inputs = rational.array(np.array([[0.0], [1.0], [3.0]]))
    at = linearize(Network([1, 1], "tanh"), rational.array(np.ones(2)), inputs)
    with pytest.raises(UnsupportedOperationError):
        principal_curvatures(at, rational.array(np.ones(3)))


@pytest.mark.parametrize("name", ["float32", "float64", "mp50"])
@pytest.mark.parametrize(("shape", "count"), SHAPES)
def test_parameters_are_recovered_from_outputs(name: str, shape: list[int], count: int) -> None:
    at, numbers = linearized(shape, count), get_arithmetic(name)
    condition = np.linalg.cond(at.jacobian())
    theta, inputs = numbers.array(at.theta), numbers.array(at.inputs)
    start = linearize(at.network, theta + numbers.array(np.ones(at.shape[1]) / 512), inputs)
    found = recover_parameters(start, linearize(at.network, theta, inputs).stacked)
    assert found.converged
    gap = float(numbers.largest(found.theta - theta) / numbers.largest(theta))
    assert gap <= 100 * condition * numbers.unit_roundoff


def test_outputs_off_the_manifold_give_the_foot_of_the_normal() -> None:
    at = linearized([2, 1, 1], 9)
    normal = np.linalg.svd(at.jacobian())[0][:, -1]
    distance = 0.2 / principal_curvatures(at, normal)[0]
    start = linearize(at.network, at.theta + 1e-4, at.inputs)
    found = recover_parameters(start, at.stacked + distance * normal)
    assert found.converged
    assert np.abs(found.theta - at.theta).max() < 1e-10


def test_a_search_that_fails_says_so() -> None:
    at = linearized([1, 1, 1], 7)
    found = recover_parameters(at, 100 * np.cos(3 * np.arange(7.0)), limit=5)
    assert not found.converged


def test_affine_networks_take_one_step_and_one_to_notice() -> None:
    inputs = FLOAT64.array(np.array([[0.0], [1.0], [3.0]]))
    at = linearize(Network([1, 1], "tanh"), np.zeros(2), inputs)
    found = recover_parameters(at, np.array([1.0, 3.0, 7.0]))
    assert found.converged
    assert found.iterations <= 3
    assert np.allclose(found.theta, [2.0, 1.0], atol=1e-14)
