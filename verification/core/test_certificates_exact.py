"""Exact ranks modulo primes, and what one theta says about almost every theta."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geomdl import Dataset, Network, Problem, load_real_data
from geomdl.arithmetic import RATIONAL, Array, missing_extra
from geomdl.certificates.exact import certify_exact_rank
from geomdl.certificates.generic import (
    certify_generic,
    extension,
    one_hidden_layer,
    smallest_width,
)
from geomdl.certificates.modular import (
    PRIMES,
    BadPrimeError,
    balanced,
    inverses,
    modular_rank,
    power,
    product,
    residues,
)
from geomdl.certificates.rank import certify_rank
from geomdl.certificates.structure import distinct_inputs
from geomdl.jacobians import linearize
from verification.core.strategies import examples, seeds

pytestmark = pytest.mark.skipif(missing_extra("arb50") is not None, reason="extra `rigorous` is absent")

PRIME = PRIMES[0]


def regression(inputs: Array, outputs: int) -> Dataset:
    zeros = np.zeros((len(inputs), outputs))
    return Dataset.regression(inputs, RATIONAL.array(zeros) if inputs.dtype == object else zeros)


def test_the_moduli_are_primes_and_sums_of_products_stay_below_the_exact_integers() -> None:
    from geomdl.certificates.modular import TERMS

    for prime in PRIMES:
        assert all(prime % divisor for divisor in range(2, math.isqrt(prime) + 1))
        assert TERMS * (prime // 2 + 1) ** 2 + prime < 2**52


@examples(20)
@given(seed=seeds)
def test_modular_products_powers_and_inverses_are_exact(seed: int) -> None:
    generator = np.random.default_rng(seed)
    inner = int(generator.integers(1, 5000))
    left = generator.integers(-(PRIME // 2), PRIME // 2 + 1, (2, inner))
    right = generator.integers(-(PRIME // 2), PRIME // 2 + 1, (inner, 2))
    exact = left.astype(object) @ right.astype(object)
    found = product(left.astype(np.float64), right.astype(np.float64), PRIME)
    assert np.all((exact - found.astype(np.int64)) % PRIME == 0)
    assert np.max(np.abs(found)) <= PRIME / 2 + 1
    values = left[0][left[0] != 0].astype(np.float64)
    assert np.all(balanced(values * inverses(values, PRIME), PRIME) == 1)
    assert np.all(power(values, np.array(PRIME - 1), PRIME) == 1)


@examples(20)
@given(seed=seeds)
def test_residues_of_floats_and_fractions_are_those_of_their_exact_values(seed: int) -> None:
    generator = np.random.default_rng(seed)
    floats = generator.standard_normal(20) * 10.0 ** generator.integers(-300, 300, 20)
    for numbers in (
        floats,
        np.asarray(RATIONAL.array(floats)),
        np.array([Fraction(1, 3)], dtype=object),
    ):
        for number, residue in zip(numbers, residues(numbers, PRIME), strict=True):
            exact = Fraction(number)
            assert (exact.numerator - int(residue) * exact.denominator) % PRIME == 0
    with pytest.raises(BadPrimeError):
        residues(np.array([Fraction(1, PRIME)], dtype=object), PRIME)


@examples(20)
@given(seed=seeds, rows=st.integers(1, 220), columns=st.integers(1, 220))
def test_modular_ranks_are_those_of_another_algorithm(seed: int, rows: int, columns: int) -> None:
    generator = np.random.default_rng(seed)
    inner = int(generator.integers(0, min(rows, columns) + 1))
    exact = generator.integers(-9, 10, (rows, inner)) @ generator.integers(-9, 10, (inner, columns))
    exact[:, generator.random(columns) < 0.2] = 0
    found = modular_rank(balanced(exact.astype(np.float64), PRIME), PRIME)
    assert found.rank == RATIONAL.rank_modulo(RATIONAL.array(exact), PRIME)
    minor = exact[np.ix_(found.rows, found.columns)]
    assert found.rank == 0 or RATIONAL.rank_modulo(RATIONAL.array(minor), PRIME) == found.rank


@pytest.mark.parametrize("name", ["relu", "leaky_relu", "square", "serpentine", "identity"])
@examples(25)
@given(seed=seeds)
def test_exact_ranks_are_enclosed_and_mostly_met(name: str, seed: int) -> None:
    generator = np.random.default_rng(seed)
    widths = [int(width) for width in generator.integers(1, 4, int(generator.integers(2, 5)))]
    network = Network(widths, name)
    inputs = generator.integers(-2, 3, (int(generator.integers(1, 6)), widths[0])).astype(np.float64)
    theta = generator.integers(-2, 3, network.parameter_count).astype(np.float64)
    found = certify_exact_rank(Problem(network, regression(inputs, widths[-1])), theta)
    exact = linearize(network, RATIONAL.array(theta), RATIONAL.array(inputs)).jacobian()
    assert found.lower == len(RATIONAL.row_echelon(exact)[1]) == found.upper


@pytest.mark.parametrize("name", ["relu", "serpentine"])
def test_exact_and_floating_certificates_agree_on_float_weights(name: str) -> None:
    data = load_real_data("iris", 20)
    problem = Problem(Network([4, 12, 6, 3], name), data)
    theta = problem.network.random_theta(0)
    exact, floating = certify_exact_rank(problem, theta), certify_rank(problem, theta)
    assert exact.proved
    assert floating.lower <= exact.upper
    assert exact.lower <= floating.upper
    assert not {"proved", "refuted"} <= {exact.status, floating.status}


@pytest.mark.parametrize("name", ["tanh", "sigmoid"])
def test_logarithms_for_weights_give_the_jacobian_of_the_network_with_these_weights(name: str) -> None:
    """The float values at the logarithms agree with the rational ones, and these with the residues."""
    from geomdl.certificates import exact

    network, generator = Network([2, 3, 2], name), np.random.default_rng(0)
    inputs = generator.integers(-3, 4, (4, 2)) / 4
    bases = [Fraction(int(k), int(m)) for k, m in generator.integers(1, 9, (network.parameter_count, 2))]
    theta = np.empty(network.parameter_count, dtype=object)
    theta[:] = bases
    first = 3 * 2
    factor = 0.5 if name == "tanh" else 1.0
    real = np.array([float(base) for base in bases])
    real[:first] = 4 * factor * np.log(real[:first])  # s = 4, the least common denominator
    real[first : first + 3] = factor * np.log(real[first : first + 3])
    expected = linearize(network, real, inputs)
    products = [
        [
            bases[first + unit] * math.prod(bases[2 * unit + i] ** int(4 * x[i]) for i in range(2))
            for unit in range(3)
        ]
        for x in inputs
    ]
    rational = [[(r - 1) / (r + 1) if name == "tanh" else r / (r + 1) for r in row] for row in products]
    assert np.allclose(np.array(rational, dtype=np.float64), expected.activations[1])
    layers = network.layers(residues(theta, PRIME))
    activations, slopes = exact._logarithmic_pass(network, layers, inputs, PRIME)
    array = np.array(rational, dtype=object)
    assert np.array_equal(activations[1] % PRIME, residues(array, PRIME) % PRIME)
    steep = 1 - array**2 if name == "tanh" else array * (1 - array)
    assert np.array_equal(slopes[0] % PRIME, residues(steep, PRIME) % PRIME)
    problem = Problem(network, regression(inputs, 2))
    found = certify_exact_rank(problem, RATIONAL.array(theta), logarithmic=True)
    rank = int(np.linalg.matrix_rank(expected.jacobian()))
    assert found.lower == rank


def test_duplicated_rows_of_iris_make_every_jacobian_deficient_by_exactly_three() -> None:
    data = load_real_data("iris")
    problem = Problem(Network([4, 80, 3], "relu"), data)
    found = certify_exact_rank(problem, problem.network.random_theta(3))
    assert found.upper == 447
    tanh = Problem(Network([4, 60, 3], "tanh"), data)
    bases = np.exp(0.1 * tanh.network.random_theta(0))
    exact = certify_exact_rank(tanh, bases, logarithmic=True)
    assert (exact.status, exact.lower, exact.upper) == ("refuted", 447, 447)


def test_exact_ranks_refuse_what_is_not_rational() -> None:
    data = regression(np.eye(2), 1)
    for widths, name, logarithmic, message in (
        ([2, 3, 1], "tanh", False, "logarithmic=True"),
        ([2, 3, 3, 1], "tanh", True, "one hidden layer"),
        ([2, 3, 1], "relu", True, "one hidden layer of tanh or sigmoid"),
    ):
        network = Network(widths, name)
        with pytest.raises(ValueError, match=message):
            certify_exact_rank(
                Problem(network, data), np.ones(network.parameter_count), logarithmic=logarithmic
            )
    network = Network([2, 3, 1], "tanh")
    with pytest.raises(ValueError, match="positive rationals"):
        certify_exact_rank(Problem(network, data), -np.ones(13), logarithmic=True)


@pytest.mark.parametrize("name", ["tanh", "sigmoid", "softplus", "gelu", "sin", "serpentine"])
def test_at_the_smallest_width_full_rank_is_generic_and_below_it_impossible(name: str) -> None:
    data = load_real_data("wine", 40)
    hidden = smallest_width(data.inputs, 3, name)
    assert hidden is not None
    found = certify_generic(Problem(Network([13, hidden, 3], name), data))
    assert (found.status, found.lower, found.upper) == ("proved", 120, 120)
    below = certify_generic(Problem(Network([13, hidden - 1, 3], name), data))
    assert below.status == "refuted"
    assert below.upper < 120
    assert below.details["structure"]


def test_genericity_is_refused_for_kinks_and_refuted_by_structure() -> None:
    data = load_real_data("iris")
    with pytest.raises(ValueError, match="not real-analytic"):
        certify_generic(Problem(Network([4, 80, 3], "relu"), data))
    for widths, name, word in (
        ([4, 500, 3], "tanh", "repeat"),
        ([4, 10, 3], "tanh", "fewer than QN"),
        ([4, 900, 3], "identity", "allow no rank above"),
        ([4, 900, 3], "square", "allow no rank above"),
    ):
        found = certify_generic(Problem(Network(widths, name), data))
        assert found.status == "refuted"
        assert any(word in reason for reason in found.details["structure"])


def test_singular_theta_leaves_genericity_unknown_never_false() -> None:
    problem = Problem(Network([1, 4, 1], "tanh"), regression(np.array([[0.0], [1.0], [2.0]]), 1))
    found = certify_generic(problem, np.zeros(13))
    assert found.status == "unknown"
    assert certify_generic(problem).proved


@pytest.mark.parametrize("hidden", [(6, 20, 4), (20, 3), (7, 7, 30), (5, 18, 3, 3), (18, 9)], ids=str)
def test_deep_networks_inherit_full_rank_from_one_hidden_layer(hidden: tuple[int, ...]) -> None:
    """What the theorem says is checked on the deep network itself, at a random theta."""
    data = load_real_data("iris", 30, seed=1)
    data = Dataset(data.inputs[distinct_inputs(data.inputs).first], data.labels, data.targets)
    problem = Problem(Network([4, *hidden, 3], "tanh"), data)
    core = one_hidden_layer(problem)
    assert len(core.network.widths) == 3
    found = certify_generic(problem)
    assert found.proved
    assert f"width >= {core.network.widths[1]}" in extension(core.network)
    assert any(
        certify_rank(problem, 2 * problem.network.random_theta(seed)).lower == 90 for seed in range(5)
    )


def test_layers_too_narrow_do_not_inherit() -> None:
    data = load_real_data("iris", 30, seed=1)
    for hidden in ((2, 40), (40, 1), (3, 40, 2)):
        problem = Problem(Network([4, *hidden, 3], "tanh"), data)
        assert one_hidden_layer(problem) is problem
