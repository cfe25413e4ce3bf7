"""Certified ranks: never on singular cases, always around the truth, tighter with more precision."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geomdl import Dataset, Network, Problem, get_arithmetic, memory
from geomdl.arithmetic import RATIONAL, missing_extra
from geomdl.certificates import gram as gram_module
from geomdl.certificates import rank, spectra
from geomdl.certificates.enclosures import EnclosedPass, enclose
from geomdl.certificates.gram import EnclosedGram, enclosed_gram
from geomdl.certificates.rank import METHODS, certify_rank
from geomdl.certificates.rounding import Enclosure
from geomdl.certificates.spectra import by_balls, by_gram, by_singular_values
from geomdl.certificates.structure import count, rank_upper_bound
from geomdl.jacobians import linearize
from verification.core.strategies import examples, seeds, with_spectrum

pytestmark = pytest.mark.skipif(missing_extra("arb50") is not None, reason="extra `rigorous` is absent")

Real = type[np.floating[Any]]
DTYPES = (np.float32, np.float64)


def problem_of(
    widths: list[int],
    activation: str,
    samples: int,
    seed: int,
    dtype: Real = np.float64,
) -> tuple[Problem, np.ndarray]:
    generator = np.random.default_rng(seed)
    network = Network(widths, activation)
    inputs = generator.standard_normal((samples, widths[0])).astype(dtype)
    data = Dataset.regression(inputs, np.zeros((samples, widths[-1]), dtype=dtype))
    return Problem(network, data), network.random_theta(generator).astype(dtype)


def exact_singular_values(problem: Problem, theta: np.ndarray) -> np.ndarray:
    """Singular values of D with 40 digits, of the float entries taken as exact, descending."""
    mp = get_arithmetic("mp40")
    at = linearize(problem.network, mp.array(theta), mp.array(problem.data.inputs))
    return np.sort(mp.to_float64(mp.singular_values(at.jacobian())))[::-1]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    ("widths", "activation", "samples"),
    [([2, 6, 2], "tanh", 4), ([2, 4, 4, 1], "softplus", 5), ([3, 5, 2], "relu", 4), ([2, 3], "sin", 3)],
)
def test_bounds_enclose_the_singular_values(
    method: str, dtype: Real, widths: list[int], activation: str, samples: int
) -> None:
    proved = 0
    for seed in range(3):
        problem, theta = problem_of(widths, activation, samples, seed, dtype)
        found = certify_rank(problem, theta, methods=[method])
        sigma = exact_singular_values(problem, theta)
        proved += found.proved
        if found.lower:
            assert found.bounds["sigma_min_lower"] <= sigma[int(found.lower) - 1] * (1 + 1e-14)
            assert found.bounds["sigma_max_upper"] >= sigma[0] * (1 - 1e-14)
            assert found.bounds["condition_upper"] >= sigma[0] / sigma[int(found.lower) - 1] * (
                1 - 1e-13
            )
        assert found.lower <= np.sum(sigma > 1e-35) <= found.upper
    assert proved or activation == "relu"  # dead units


@pytest.mark.parametrize("dtype", DTYPES)
def test_no_singular_jacobian_is_ever_proved_regular(dtype: Real) -> None:
    """Identical hidden units keep the rank at Q (M + 1) + 2 Q, which no structure sees."""
    generator = np.random.default_rng(0)
    for _ in range(700):
        inputs, outputs, hidden = (int(generator.integers(1, 4)) for _ in range(3))
        network = Network([inputs, hidden + 1, outputs], "tanh")
        unit, head = generator.standard_normal(inputs + 1), generator.standard_normal(outputs)
        theta = network.flatten(
            [
                (np.tile(unit[:-1], (hidden + 1, 1)), np.full(hidden + 1, unit[-1])),
                (np.tile(head[:, None], (1, hidden + 1)), generator.standard_normal(outputs)),
            ]
        ).astype(dtype)
        # the columns of the first layer are those of one unit, delta (x, 1) with one fixed vector delta
        largest = (inputs + 1) + 2 * outputs
        samples = largest // outputs + 1
        points = generator.standard_normal((samples, inputs)).astype(dtype)
        at = enclose(network, theta, points)
        assert by_gram(at) is None
        assert by_singular_values(at.jacobian()).rank <= largest


@pytest.mark.parametrize("dtype", DTYPES)
def test_no_exactly_singular_matrix_gets_more_than_its_rank(dtype: Real) -> None:
    generator = np.random.default_rng(1)
    reached = 0
    for _ in range(700):
        rows, columns = (int(size) for size in generator.integers(1, 8, 2))
        inner = int(generator.integers(0, min(rows, columns) + 1))
        exact = generator.integers(-3, 4, (rows, inner)) @ generator.integers(-3, 4, (inner, columns))
        truth = RATIONAL.rank_modulo(RATIONAL.array(exact)) if exact.any() else 0
        scale = dtype(2.0 ** int(generator.integers(-30, 30)))
        found = by_singular_values(Enclosure(exact.astype(dtype) * scale))
        assert found.rank <= truth
        reached += found.rank == truth
    assert reached > 650


@pytest.mark.parametrize("activation", ["relu", "square", "serpentine", "leaky_relu"])
@pytest.mark.parametrize("method", METHODS)
def test_the_bounds_contain_the_exact_rational_rank(activation: str, method: str) -> None:
    generator = np.random.default_rng(2)
    for widths, samples in (([2, 4, 2], 4), ([1, 2, 2, 1], 5), ([2, 1, 2], 3)):
        network = Network(widths, activation)
        inputs = generator.integers(-3, 4, (samples, widths[0])).astype(np.float64)
        theta = generator.integers(-3, 4, network.parameter_count).astype(np.float64)
        jacobian = linearize(network, RATIONAL.array(theta), RATIONAL.array(inputs)).jacobian()
        truth = len(RATIONAL.row_echelon(jacobian)[1])
        data = Dataset.regression(inputs, np.zeros((samples, widths[-1])))
        found = certify_rank(Problem(network, data), theta, methods=[method])
        assert found.lower <= truth <= found.upper


@examples(40)
@given(seed=seeds, copies=st.integers(0, 3))
def test_structural_bounds_hold_at_random_parameters(seed: int, copies: int) -> None:
    generator = np.random.default_rng(seed)
    depth = int(generator.integers(1, 4))
    widths = [int(width) for width in generator.integers(1, 4, depth + 1)]
    activation = str(generator.choice(["tanh", "relu", "square", "identity"]))
    # a rare feature, a constant one, repeated inputs
    inputs = generator.integers(-2, 3, (4, widths[0])).astype(np.float64)
    inputs[1:, 0] = 1.0
    inputs = np.concatenate([inputs, inputs[:copies]])
    network = Network(widths, activation)
    jacobian = linearize(network, network.random_theta(generator), inputs).jacobian()
    sigma = np.linalg.svd(jacobian, compute_uv=False)
    assert np.sum(sigma > 1e-6 * max(float(sigma[0]), 1e-300)) <= rank_upper_bound(network, inputs)


def test_a_feature_of_one_sample_costs_all_but_q_of_its_columns() -> None:
    inputs = np.zeros((40, 2))
    inputs[:, 0] = np.linspace(-1, 1, 40)
    inputs[7, 1] = 1.0
    network = Network([2, 9, 2], "tanh")
    assert count(inputs).bound(network) == 2 * 9 + 2 + 2 * 10
    exact = exact_singular_values(
        Problem(network, Dataset.regression(inputs, np.zeros((40, 2)))), network.random_theta(0)
    )
    assert np.sum(exact > 1e-25) == 40


def test_repeated_inputs_are_counted_once_and_cost_q_equations_each() -> None:
    problem, theta = problem_of([2, 8, 2], "tanh", 4, 0)
    data = problem.data
    doubled = Dataset.regression(
        np.concatenate([data.inputs, data.inputs[:2]]), np.zeros((6, 2), dtype=np.float64)
    )
    found = certify_rank(Problem(problem.network, doubled), theta)
    assert (found.status, found.lower, found.upper) == ("refuted", 8, 8)
    sigma = exact_singular_values(Problem(problem.network, doubled), theta)
    assert 0.9 * sigma[7] / math.sqrt(2) <= found.bounds["sigma_min_lower"] <= sigma[7]
    assert found.bounds["sigma_max_upper"] >= sigma[0]


def test_bounds_tighten_when_the_precision_doubles() -> None:
    for seed in range(5):
        problem, theta = problem_of([2, 8, 2], "tanh", 4, seed, np.float32)
        fine = Problem(problem.network, problem.data.to(get_arithmetic("float64")))
        truth = exact_singular_values(problem, theta)[-1]
        gaps = []
        for each, point in ((problem, theta), (fine, theta.astype(np.float64))):
            found = by_singular_values(enclose(each.network, point, each.data.inputs).jacobian())
            gaps.append(truth - found.sigma_lower)
        assert 0 <= gaps[1] * (1 - 1e-6) < 2.0**-20 * gaps[0]


def test_balls_prove_what_floats_cannot_and_more_bits_what_fewer_cannot() -> None:
    network = Network([1, 4, 1], "tanh")
    theta = network.random_theta(0)
    for distance, least in ((1e-9, 128), (1e-30, 256), (1e-60, 512)):
        inputs = np.array([[distance], [2 * distance], [1.0]])
        data = Dataset.regression(inputs, np.zeros((3, 1)))
        floats = certify_rank(Problem(network, data), theta, methods=["gram"])
        assert floats.status == "unknown"
        for bits in (128, 256, 512):
            found = by_balls(network, theta, inputs, 3, bits)
            assert (found is not None) == (bits >= least)
        assert certify_rank(Problem(network, data), theta).proved


def worst_excess(trials: int = 120) -> float:
    """Largest certified sigma_min over the true one, minus 1, in float32 with kappa near its limit."""
    worst = -math.inf
    for seed in range(trials):
        problem, theta = problem_of([2, 7, 2], "tanh", 6, seed, np.float32)
        truth = exact_singular_values_fast(problem, theta)[-1]
        at = enclose(problem.network, theta, problem.data.inputs)
        for found in (by_gram(at), by_singular_values(at.jacobian())):
            if found is not None and found.rank == 12:
                worst = max(worst, found.sigma_lower / truth - 1)
    return worst


def exact_singular_values_fast(problem: Problem, theta: np.ndarray) -> np.ndarray:
    """Singular values in float64 of a float32 problem: exact enough to judge float32 by."""
    at = linearize(problem.network, theta.astype(np.float64), problem.data.inputs.astype(np.float64))
    return np.linalg.svd(at.jacobian(), compute_uv=False)


def test_float32_certificates_stay_below_the_truth() -> None:
    assert worst_excess() <= 0


@pytest.mark.parametrize(
    ("module", "name", "instead"),
    [
        (spectra, "norm_up", lambda array: 0.0),
        (gram_module, "rounding_of_gram", lambda at: (0.0, 1.0)),
    ],
    ids=["residual of the decomposition", "rounding of the Gram matrix"],
)
def test_a_dropped_term_of_the_rank_certificates_is_noticed(
    monkeypatch: pytest.MonkeyPatch, module: object, name: str, instead: Callable[..., object]
) -> None:
    monkeypatch.setattr(module, name, instead)
    monkeypatch.setattr(EnclosedPass, "jacobian_error", lambda self: 0.0)
    monkeypatch.setattr(spectra, "SHIFTS", (1.0, 1 - 1e-6, 1 - 1e-5, 1 - 1e-4, 0.99, 0.9))
    from geomdl.certificates import definite

    monkeypatch.setattr(definite, "cholesky_margin", lambda diagonal: 0.0)
    monkeypatch.setattr(definite, "unit_roundoff", lambda dtype: 0.0)
    assert worst_excess() > 0


@pytest.mark.parametrize("dtype", DTYPES)
def test_errors_as_large_as_their_bounds_do_not_break_the_gram_certificate(
    monkeypatch: pytest.MonkeyPatch, dtype: Real
) -> None:
    """The computed matrix is made larger by all that its rounding bound admits."""

    def inflated(at: EnclosedPass, progress: object = None) -> EnclosedGram:
        found = enclosed_gram(at)
        found.lower[...] += dtype(found.rounding * (1 - 1e-3)) * np.eye(len(found.lower), dtype=dtype)
        return found

    monkeypatch.setattr(spectra, "enclosed_gram", inflated)
    succeeded = 0
    for seed in range(40):
        problem, theta = problem_of([2, 8, 2], "tanh", 4, seed, dtype)
        found = by_gram(enclose(problem.network, theta, problem.data.inputs))
        if found is not None:
            succeeded += 1
            truth = exact_singular_values_fast(problem, theta)[-1]
            assert found.sigma_lower <= truth * (1 + 1e-12)
    assert succeeded > 20


@pytest.mark.parametrize("seed", range(5))
def test_singular_values_of_known_spectra_are_bounded(seed: int) -> None:
    spectrum = [1.0, 0.5, 1e-3, 1e-10]
    matrix = with_spectrum(5, 9, spectrum, seed)
    found = by_singular_values(Enclosure(matrix))
    assert found.rank == 4
    assert 0.9e-10 < found.sigma_lower <= 1.1e-10
    assert 1 <= found.sigma_upper < 1 + 1e-12


def test_bad_arguments_end_in_clear_errors(monkeypatch: pytest.MonkeyPatch) -> None:
    problem, theta = problem_of([2, 6, 2], "tanh", 4, 0)
    with pytest.raises(ValueError, match="shape"):
        certify_rank(problem, theta[:-1])
    with pytest.raises(ValueError, match="NaN or infinite"):
        certify_rank(problem, np.where(np.arange(len(theta)) == 3, np.nan, theta))
    with pytest.raises(ValueError, match="expected some of gram, weyl, balls"):
        certify_rank(problem, theta, methods=["qr"])
    with pytest.raises(TypeError, match="float32 and inputs in float64"):
        certify_rank(problem, theta.astype(np.float32))
    from geomdl.activations import Activation

    strange = Activation("swish", problem.network.activation.parts)
    with pytest.raises(ValueError, match="no enclosures; expected one of tanh"):
        certify_rank(Problem(Network([2, 6, 2], strange), problem.data), theta)
    monkeypatch.setattr(memory, "available_memory", lambda: 1000)
    with pytest.raises(MemoryError, match=r"Gram matrix of 8 equations needs .* GB"):
        certify_rank(problem, theta)


def test_huge_and_tiny_weights_end_in_unknown_or_a_true_bound() -> None:
    for factor in (1e-300, 1e-160, 1e160, 1e300):
        problem, theta = problem_of([2, 6, 2], "square", 4, 0)
        found = certify_rank(problem, theta * factor, methods=["gram", "weyl"])
        assert found.lower <= found.upper
        assert found.bounds["sigma_min_lower"] >= 0


def test_the_memory_that_is_announced_grows_with_the_square_of_the_equations() -> None:
    network = Network([64, 1024, 10], "tanh")
    assert 2.5e9 < rank.needed_bytes(network, 1797) < 5e9
