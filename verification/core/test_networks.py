"""Networks: the order of theta, split and join, evaluation against loops, bad and degenerate input."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geomdl import FLOAT32, FLOAT64, RATIONAL, Network, arithmetic_of, get_arithmetic, outputs
from geomdl.arithmetic import Arithmetic
from geomdl.arithmetic.multiprecision import multiprecision
from verification.core.references import COMPLEX, agree, loop_outputs, of_context
from verification.core.strategies import (
    examples,
    random_problem,
    samples,
    seeds,
    smooth_activations,
    widths,
)

MP50 = get_arithmetic("mp50")
EVERY = [FLOAT32, FLOAT64, MP50, RATIONAL]


def test_theta_runs_layer_by_layer_weights_by_rows_then_the_bias() -> None:
    network = Network([2, 3, 1], "tanh")
    (w1, b1), (w2, b2) = network.layers(np.arange(13, dtype=np.float64))
    assert w1.tolist() == [[0, 1], [2, 3], [4, 5]]
    assert b1.tolist() == [6, 7, 8]
    assert w2.tolist() == [[9, 10, 11]]
    assert b2.tolist() == [12]


@examples(40)
@given(shape=widths(), seed=seeds, arithmetic=st.sampled_from(EVERY))
def test_joining_inverts_splitting(shape: list[int], seed: int, arithmetic: Arithmetic) -> None:
    network = Network(shape, "tanh")
    theta = arithmetic.array(network.random_theta(seed))
    layers = network.layers(theta)
    assert theta.shape == (network.parameter_count,)
    assert sum(weight.size + bias.size for weight, bias in layers) == network.parameter_count
    joined = network.flatten(layers)
    assert arithmetic_of(joined) is arithmetic
    assert np.all(joined == theta)


def test_split_layers_are_views() -> None:
    network = Network([2, 2], "tanh")
    theta = np.zeros(6, dtype=np.float64)
    weight, bias = network.layers(theta)[0]
    assert np.shares_memory(weight, theta)
    assert np.shares_memory(bias, theta)


@examples(60)
@given(shape=widths(), activation=smooth_activations, count=samples, seed=seeds)
def test_outputs_agree_with_loops_in_float64(
    shape: list[int], activation: str, count: int, seed: int
) -> None:
    problem, theta = random_problem(shape, activation, count, seed)
    inputs = problem.data.inputs
    expected = np.array(loop_outputs(shape, COMPLEX[activation], theta, inputs), dtype=np.float64)
    found = outputs(problem.network, theta, inputs)
    assert found.shape == (count, shape[-1])
    agree(found.reshape(-1), expected, scale=1 + np.abs(expected).max(), size=max(shape) * len(shape))


@pytest.mark.parametrize("arithmetic", [FLOAT32, MP50], ids=repr)
@pytest.mark.parametrize("activation", ["tanh", "gelu", "softplus", "relu", "leaky_relu"])
@examples(5)
@given(shape=widths(), seed=seeds)
def test_outputs_agree_with_loops_in_100_digits(
    arithmetic: Arithmetic, activation: str, shape: list[int], seed: int
) -> None:
    hundred = multiprecision(100)
    problem, theta = random_problem(shape, activation, 2, seed, arithmetic)
    function = of_context(hundred.context)[activation]
    expected = loop_outputs(shape, function, hundred.array(theta), hundred.array(problem.data.inputs))
    expected = arithmetic.array(np.array(expected, dtype=object))
    scale = 1 + arithmetic.largest(expected)
    agree(problem.stacked(theta), expected, scale=scale, size=max(shape) * len(shape))


@pytest.mark.parametrize("activation", ["square", "leaky_relu", "relu", "identity"])
def test_outputs_over_the_rationals_are_exact(activation: str) -> None:
    problem, theta = random_problem([2, 3, 2, 2], activation, 3, 7, RATIONAL)
    function = {
        "square": lambda z: z * z,
        "leaky_relu": lambda z: z if z > 0 else z / 100,
        "relu": lambda z: max(z, 0 * z),
        "identity": lambda z: z,
    }[activation]
    assert problem.stacked(theta).tolist() == loop_outputs(
        problem.network.widths, function, theta, problem.data.inputs
    )


def test_random_theta_is_reproducible_and_takes_a_generator() -> None:
    network = Network([3, 50, 2], "tanh")
    theta = network.random_theta(5)
    assert np.array_equal(theta, network.random_theta(np.random.default_rng(5)))
    assert not np.array_equal(theta, network.random_theta(6))
    weight, bias = network.layers(theta)[0]
    assert 0.8 < weight.std() * np.sqrt(3) < 1.2
    assert 0.2 < bias.std() < 0.4


@pytest.mark.parametrize("arithmetic", EVERY, ids=repr)
def test_non_contiguous_read_only_and_fortran_ordered_arrays_work(arithmetic: Arithmetic) -> None:
    problem, theta = random_problem([3, 4, 2], "square", 3, 1, arithmetic)
    inputs, network = problem.data.inputs, problem.network
    expected = outputs(network, theta, inputs)
    spaced_theta = np.repeat(theta, 2)[::2]
    spaced_inputs = np.repeat(np.repeat(inputs, 2, axis=0), 2, axis=1)[::2, ::2]
    frozen_theta, frozen_inputs = theta.copy(), np.asfortranarray(inputs)
    frozen_theta.flags.writeable = frozen_inputs.flags.writeable = False
    assert not spaced_theta.flags.contiguous
    assert not spaced_inputs.flags.contiguous
    for moved_theta, moved_inputs in ((spaced_theta, spaced_inputs), (frozen_theta, frozen_inputs)):
        found = outputs(network, moved_theta, moved_inputs)
        # BLAS adds in another order for another layout
        agree(found, expected, scale=1 + arithmetic.largest(expected), size=4)


@pytest.mark.parametrize("shape", [[1, 1], [1, 1, 1], [4, 1, 1, 3], [1, 5]])
def test_the_smallest_networks_work(shape: list[int]) -> None:
    problem, theta = random_problem(shape, "tanh", 1, 3)
    assert problem.stacked(theta).shape == (shape[-1],)


@pytest.mark.parametrize(
    "shape", [[], [3], [2, 0, 1], [2, -1], [2.0, 1], [2, True, 1], ["2", "1"], [2, None, 1]]
)
def test_wrong_widths_are_refused(shape: list) -> None:
    with pytest.raises(ValueError, match=r"got widths .*expected at least two integers >= 1"):
        Network(shape, "tanh")


def test_numpy_integers_are_widths() -> None:
    network = Network(np.array([2, 3, 1]), "tanh")  # type: ignore[arg-type]
    assert network == Network([2, 3, 1], "tanh")
    assert all(type(width) is int for width in network.widths)


def test_wrong_theta_and_inputs_are_refused() -> None:
    network = Network([2, 3, 1], "tanh")
    theta, inputs = np.zeros(13, dtype=np.float64), np.zeros((4, 2), dtype=np.float64)
    with pytest.raises(ValueError, match=r"got theta of shape \(12,\); expected \(13,\).*\[2, 3, 1\]"):
        outputs(network, theta[:-1], inputs)
    with pytest.raises(ValueError, match=r"got theta of shape \(13, 1\); expected \(13,\)"):
        outputs(network, theta[:, None], inputs)
    for wrong in (inputs.T, inputs[0], inputs[:0], inputs[None]):
        with pytest.raises(ValueError, match=r"got inputs of shape .*expected \(N, 2\) with N >= 1"):
            outputs(network, theta, wrong)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("arithmetic", [FLOAT32, FLOAT64, MP50], ids=repr)
def test_theta_with_nan_or_infinity_is_refused(arithmetic: Arithmetic, bad: float) -> None:
    network = Network([2, 3, 1], "tanh")
    theta = arithmetic.zeros(13)
    theta[4] = arithmetic.array([bad])[0]
    with pytest.raises(ValueError, match="got theta with NaN or infinite entries; expected finite"):
        outputs(network, theta, arithmetic.zeros((1, 2)))


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_inputs_with_nan_or_infinity_are_refused(bad: float) -> None:
    inputs = np.array([[1.0, bad]], dtype=np.float64)
    with pytest.raises(ValueError, match=r"inputs with NaN or infinite entries; expected finite"):
        outputs(Network([2, 1], "tanh"), np.zeros(3, dtype=np.float64), inputs)


@pytest.mark.parametrize("dtype", [np.int64, np.float16, np.complex128, np.bool_, np.longdouble])
def test_arrays_of_other_dtypes_are_refused(dtype: type) -> None:
    if np.dtype(dtype) == np.float64:
        pytest.skip("long double is float64 on this platform")
    network, inputs = Network([2, 1], "tanh"), np.zeros((1, 2), dtype=np.float64)
    name = np.dtype(dtype).name
    with pytest.raises(
        TypeError, match=rf"got an array of dtype {name}; expected float32, float64.*convert"
    ):
        outputs(network, np.zeros(3, dtype=dtype), inputs)
    with pytest.raises(TypeError, match=rf"got an array of dtype {name}"):
        outputs(network, np.zeros(3, dtype=np.float64), inputs.astype(dtype))


def test_lists_and_matrices_are_no_arrays() -> None:
    network = Network([2, 2, 1], "tanh")
    theta, inputs = np.ones(9, dtype=np.float64), np.eye(2, dtype=np.float64)
    with pytest.raises(TypeError, match=r"got a list; expected an array, for example numpy\.asarray"):
        outputs(network, theta.tolist(), inputs)
    with pytest.raises(TypeError, match="got a list; expected an array"):
        outputs(network, theta, inputs.tolist())
    # In a subclass * may mean something else (numpy.matrix) or entries may be hidden (masked arrays).
    with pytest.warns(PendingDeprecationWarning):
        matrix = np.asmatrix(inputs)
    for subclass in (matrix, np.ma.masked_array(inputs, mask=inputs > 0)):
        with pytest.raises(TypeError, match=f"got a {type(subclass).__name__}; expected"):
            outputs(network, theta, subclass)


@pytest.mark.parametrize("other", [FLOAT32, MP50, RATIONAL], ids=repr)
def test_mixed_arithmetics_are_refused(other: Arithmetic) -> None:
    network, inputs = Network([2, 1], "tanh"), np.ones((1, 2), dtype=np.float64)
    with pytest.raises(TypeError, match=rf"different arithmetics \({other.name}, float64\); convert"):
        outputs(network, other.zeros(3), inputs)


def test_layers_of_wrong_shapes_do_not_join() -> None:
    network = Network([2, 1], "tanh")
    with pytest.raises(ValueError, match=r"got layers of shapes .*expected"):
        network.flatten([(np.zeros((2, 1)), np.zeros(1))])
    with pytest.raises(ValueError, match=r"got layers of shapes .*expected"):
        network.flatten([])
