"""D[theta], D v, D^T u and D D^T against complex steps, five-point stencils, torch and each other."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geomdl import FLOAT32, FLOAT64, RATIONAL, Network, arithmetic_of, get_arithmetic, linearize
from geomdl.arithmetic import Arithmetic
from geomdl.arithmetic.multiprecision import multiprecision
from verification.core.references import (
    agree,
    complex_step_jacobian,
    loop_outputs,
    of_context,
    stencil_jacobian,
)
from verification.core.strategies import (
    examples,
    random_problem,
    samples,
    seeds,
    smooth_activations,
    widths,
)

MP30, MP50 = get_arithmetic("mp30"), get_arithmetic("mp50")
EVERY = [FLOAT32, FLOAT64, MP30, RATIONAL]


@examples(60)
@given(shape=widths(), activation=smooth_activations, count=samples, seed=seeds)
def test_the_jacobian_agrees_with_a_complex_step(
    shape: list[int], activation: str, count: int, seed: int
) -> None:
    problem, theta = random_problem(shape, activation, count, seed)
    expected = complex_step_jacobian(shape, activation, theta, problem.data.inputs)
    at = problem.linearize(theta)
    assert at.shape == expected.shape
    agree(at.jacobian(), expected, scale=1 + np.abs(expected).max(), size=max(shape) * len(shape))


@examples(20)
@given(shape=widths(), activation=smooth_activations, count=samples, seed=seeds)
def test_the_single_precision_jacobian_is_the_double_one_to_its_roundoff(
    shape: list[int], activation: str, count: int, seed: int
) -> None:
    problem, theta = random_problem(shape, activation, count, seed)
    exact = problem.linearize(theta).jacobian()
    rounded = problem.to(FLOAT32).linearize(FLOAT32.array(theta)).jacobian()
    assert rounded.dtype == np.float32
    size = max(shape) * len(shape)
    agree(rounded, FLOAT32.array(exact), scale=FLOAT32.number(1) + FLOAT32.largest(rounded), size=size)


@pytest.mark.parametrize("activation", ["tanh", "sigmoid", "softplus", "gelu", "sin"])
def test_the_jacobian_of_50_digits_agrees_with_differences_of_120(activation: str) -> None:
    many = multiprecision(120)
    function = of_context(many.context)[activation]
    problem, theta = random_problem([2, 2, 2, 1], activation, 2, 4, MP50)
    inputs = many.array(problem.data.inputs)

    def stacked(point: Any) -> Any:
        return many.array(np.array(loop_outputs([2, 2, 2, 1], function, point, inputs), dtype=object))

    step = many.number(1, 10**15)  # error 1e-60 of the formula, 1e-105 of the subtraction
    expected = stencil_jacobian(many, stacked, many.array(theta), step)
    agree(problem.linearize(theta).jacobian(), MP50.array(expected), size=10)


@pytest.mark.parametrize("shape", [[2, 1], [2, 2, 1], [1, 2, 2, 2]])
@pytest.mark.parametrize("activation", ["square", "leaky_relu", "identity"])
def test_the_jacobian_over_the_rationals_is_exact(activation: str, shape: list[int]) -> None:
    problem, theta = random_problem(shape, activation, 2, 11, RATIONAL, bits=3)
    # Outputs are polynomials of degree at most 4 in each parameter, where no kink is near.
    step = RATIONAL.number(1, 2**20)
    expected = stencil_jacobian(RATIONAL, problem.stacked, theta, step)
    assert np.all(problem.linearize(theta).jacobian() == expected)


def test_the_jacobian_agrees_with_automatic_differentiation_of_torch() -> None:
    torch = pytest.importorskip(
        "torch", reason='torch is not installed: pip install "geomdl-verify[torch]"'
    )
    problem, theta = random_problem([3, 4, 4, 2], "tanh", 3, 8)
    inputs = torch.tensor(problem.data.inputs)

    def stacked(point: Any) -> Any:
        below, start = inputs, 0
        for layer, (narrow, wide) in enumerate(((3, 4), (4, 4), (4, 2))):
            weight = point[start : start + wide * narrow].reshape(wide, narrow)
            bias = point[start + wide * narrow : start + wide * (narrow + 1)]
            start += wide * (narrow + 1)
            below = below @ weight.T + bias
            below = torch.tanh(below) if layer < 2 else below
        return below.reshape(-1)

    expected = torch.autograd.functional.jacobian(stacked, torch.tensor(theta)).numpy()
    agree(problem.linearize(theta).jacobian(), expected, size=10)


@pytest.mark.parametrize("arithmetic", EVERY, ids=repr)
@examples(12)
@given(
    shape=widths(),
    activation=st.sampled_from(["square", "leaky_relu", "relu", "identity"]),
    count=samples,
    seed=seeds,
)
def test_products_and_the_gram_matrix_agree_with_the_formed_jacobian(
    arithmetic: Arithmetic, shape: list[int], activation: str, count: int, seed: int
) -> None:
    problem, theta = random_problem(shape, activation, count, seed, arithmetic, bits=3)
    at = problem.linearize(theta)
    jacobian = at.jacobian()
    generator = np.random.default_rng(seed)
    direction = arithmetic.array(generator.integers(-8, 9, size=at.shape[1]) / 8)
    covector = arithmetic.array(generator.integers(-8, 9, size=at.shape[0]) / 8)
    norm = 1 + arithmetic.largest(jacobian)
    size = sum(at.shape)
    for fast, slow, scale in (
        (at.push(direction), jacobian @ direction, norm),
        (at.pull(covector), jacobian.T @ covector, norm),
        (at.gram(), jacobian @ jacobian.T, norm * norm),
    ):
        assert arithmetic_of(fast) is arithmetic
        assert fast.shape == slow.shape
        agree(fast, slow, scale=scale, size=size)


@pytest.mark.parametrize("activation", ["tanh", "sigmoid", "softplus", "gelu", "sin"])
@pytest.mark.parametrize("arithmetic", [FLOAT32, FLOAT64, MP30], ids=repr)
@examples(5)
@given(shape=widths(), count=samples, seed=seeds)
def test_products_agree_for_transcendental_activations_too(
    arithmetic: Arithmetic, activation: str, shape: list[int], count: int, seed: int
) -> None:
    problem, theta = random_problem(shape, activation, count, seed, arithmetic)
    at = problem.linearize(theta)
    jacobian = at.jacobian()
    norm, size = 1 + arithmetic.largest(jacobian), sum(at.shape)
    covector = arithmetic.array(np.arange(at.shape[0]) / 4 - 1)
    agree(at.push(theta), jacobian @ theta, scale=norm * (1 + arithmetic.largest(theta)), size=size)
    agree(at.pull(covector), jacobian.T @ covector, scale=norm * (1 + at.shape[0]), size=size)
    agree(at.gram(), jacobian @ jacobian.T, scale=norm * norm, size=size)


@pytest.mark.parametrize("shape", [[1, 1], [1, 1, 1], [2, 3], [1, 1, 1, 1, 1]])
@pytest.mark.parametrize("arithmetic", EVERY, ids=repr)
def test_one_sample_and_one_output_work(arithmetic: Arithmetic, shape: list[int]) -> None:
    problem, theta = random_problem(shape, "square", 1, 2, arithmetic, bits=3)
    at = problem.linearize(theta)
    agree(at.gram(), at.jacobian() @ at.jacobian().T, size=20)
    assert at.jacobian().shape == (shape[-1], problem.network.parameter_count)


def test_outputs_without_hidden_layer_have_the_inputs_as_their_jacobian() -> None:
    inputs = np.array([[2.0, 3.0], [5.0, 7.0]], dtype=np.float64)
    at = linearize(Network([2, 2], "tanh"), np.zeros(6, dtype=np.float64), inputs)
    expected = [[2, 3, 0, 0, 1, 0], [0, 0, 2, 3, 0, 1], [5, 7, 0, 0, 1, 0], [0, 0, 5, 7, 0, 1]]
    assert at.jacobian().tolist() == expected


@pytest.mark.parametrize("arithmetic", EVERY, ids=repr)
def test_layout_and_write_protection_change_nothing(arithmetic: Arithmetic) -> None:
    problem, theta = random_problem([3, 2, 2], "square", 3, 5, arithmetic, bits=3)
    at = problem.linearize(theta)
    spaced = np.repeat(theta, 3)[::3]
    backwards = np.asfortranarray(problem.data.inputs)[::-1][::-1]
    spaced.flags.writeable = backwards.flags.writeable = False
    moved = linearize(problem.network, spaced, backwards)
    covector = np.repeat(at.stacked, 2)[::2]
    covector.flags.writeable = False
    norm = 1 + arithmetic.largest(at.jacobian())
    agree(moved.jacobian(), at.jacobian(), scale=norm, size=10)
    agree(moved.gram(), at.gram(), scale=norm * norm, size=10)
    agree(moved.push(spaced), at.push(theta), scale=norm, size=40)
    agree(
        moved.pull(covector),
        at.pull(at.stacked),
        scale=norm * (1 + arithmetic.largest(covector)),
        size=40,
    )


def test_products_leave_their_arguments_alone() -> None:
    problem, theta = random_problem([2, 3, 2], "tanh", 3, 1)
    before, inputs = theta.copy(), problem.data.inputs.copy()
    at = problem.linearize(theta)
    covector = np.ones(6, dtype=np.float64)
    at.push(theta), at.pull(covector), at.gram(), at.jacobian()
    assert np.array_equal(theta, before)
    assert np.array_equal(problem.data.inputs, inputs)
    assert np.array_equal(covector, np.ones(6))


def test_wrong_shapes_are_refused() -> None:
    problem, theta = random_problem([2, 3, 2], "tanh", 3, 1)
    at = problem.linearize(theta)
    with pytest.raises(ValueError, match=r"got a covector of shape \(3, 2\); expected \(6,\)"):
        at.pull(np.zeros((3, 2), dtype=np.float64))
    with pytest.raises(ValueError, match=r"of shape \(16,\); expected \(17,\)"):
        at.push(np.zeros(16, dtype=np.float64))
    with pytest.raises(ValueError, match=r"got inputs of shape \(3, 3\); expected \(N, 2\)"):
        linearize(problem.network, theta, np.zeros((3, 3), dtype=np.float64))


@pytest.mark.parametrize("product", ["push", "pull"])
@pytest.mark.parametrize("wrong", ["list", "integers", "float16", "float32", "mp30"])
def test_products_refuse_vectors_of_another_arithmetic(product: str, wrong: str) -> None:
    problem, theta = random_problem([2, 3, 2], "tanh", 3, 1)
    at = problem.linearize(theta)
    vector = np.ones(at.shape[1] if product == "push" else at.shape[0], dtype=np.float64)
    made = {
        "list": vector.tolist(),
        "integers": vector.astype(int),
        "float16": vector.astype(np.float16),
        "float32": vector.astype(np.float32),
        "mp30": MP30.array(vector),
    }[wrong]
    with pytest.raises(TypeError, match=r"got .*(expected|convert)"):
        getattr(at, product)(made)


@pytest.mark.parametrize("product", ["push", "pull"])
def test_products_refuse_nan(product: str) -> None:
    problem, theta = random_problem([2, 3, 2], "tanh", 3, 1)
    at = problem.linearize(theta)
    vector = np.full(at.shape[1] if product == "push" else at.shape[0], np.nan, dtype=np.float64)
    with pytest.raises(ValueError, match=r"got a (direction|covector) with NaN or infinite entries"):
        getattr(at, product)(vector)
