"""The rounding terms under every certificate, in float32 against exact rational numbers.

Random soundness tests in float64 do not notice a missing term: all errors are far below the numbers.
Here everything runs in float32 with its own unit roundoff, against truth from rationals or float64, and
each term is taken away once, to see that the test then fails.
"""

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geomdl import Network
from geomdl.arithmetic import RATIONAL, missing_extra
from geomdl.certificates import definite, enclosures, rounding
from geomdl.certificates.curvature import jacobian_lipschitz_bound
from geomdl.certificates.definite import factors_with_shift, spectral_norm_up, symmetric_norm_up
from geomdl.certificates.enclosures import ENCLOSED, activate, enclose
from geomdl.certificates.rounding import Enclosure, down, gamma, norm_up, up
from geomdl.jacobians import linearize
from verification.core.strategies import examples, seeds

pytestmark = pytest.mark.skipif(missing_extra("arb50") is not None, reason="extra `rigorous` is absent")

Real = type[np.floating[Any]]
DTYPES = (np.float32, np.float64)


def fractions(array: np.ndarray) -> np.ndarray:
    return np.asarray(RATIONAL.array(array.astype(np.float64)))


def nothing(value: object, count: int = 1) -> object:
    return value


@pytest.mark.parametrize("dtype", DTYPES)
@examples(30)
@given(seed=seeds, terms=st.integers(1, 300))
def test_up_and_down_enclose_sums_of_products_of_nonnegative_numbers(
    dtype: Real, seed: int, terms: int
) -> None:
    x, y = np.random.default_rng(seed).uniform(0, 1, (2, terms)).astype(dtype)
    computed = np.sum(x * y, dtype=dtype)
    exact = sum(fractions(x) * fractions(y))
    assert (
        Fraction(float(down(computed, terms + 1))) <= exact <= Fraction(float(up(computed, terms + 1)))
    )
    square = sum(fractions(x) ** 2)
    assert Fraction(float(norm_up(x))) ** 2 >= square


def test_gamma_is_an_upper_bound_and_refuses_sums_that_are_too_long() -> None:
    for count in (1, 7, 1000, 10**6):
        unit = Fraction(1, 2**53)
        assert Fraction(gamma(count)) >= count * unit / (1 - count * unit)
    with pytest.raises(ValueError, match="use float64"):
        gamma(2**23, np.float32)


def products_are_enclosed(trials: int = 40) -> bool:
    """Tell whether enclosures of float32 products contain the exact products."""
    generator = np.random.default_rng(1)
    for _ in range(trials):
        # one sign, so that roundings add up instead of cancelling
        left, right = generator.uniform(0.5, 1, (2, 1, 50)).astype(np.float32)
        found = Enclosure(left) @ Enclosure(right).T
        if not np.all(found.contains(fractions(left) @ fractions(right).T)):
            return False
        found = Enclosure(left) * Enclosure(right) + Enclosure(right)
        if not np.all(found.contains(fractions(left) * fractions(right) + fractions(right))):
            return False
    return True


def test_products_and_sums_contain_the_exact_values() -> None:
    assert products_are_enclosed()


@pytest.mark.parametrize(
    ("name", "instead"), [("gamma", lambda count, dtype: 0.0), ("unit_roundoff", lambda dtype: 0.0)]
)
def test_a_dropped_rounding_term_of_products_is_noticed(
    monkeypatch: pytest.MonkeyPatch, name: str, instead: Callable[..., float]
) -> None:
    monkeypatch.setattr(rounding, name, instead)
    monkeypatch.setattr(rounding, "up", nothing)
    assert not products_are_enclosed()


@pytest.mark.parametrize("dtype", DTYPES)
@examples(25)
@given(seed=seeds)
def test_products_of_members_lie_in_the_product_of_enclosures(dtype: Real, seed: int) -> None:
    generator = np.random.default_rng(seed)
    mids = [generator.standard_normal(shape).astype(dtype) for shape in ((3, 4), (4, 2))]
    rads = [np.asarray(generator.uniform(0, 0.1, mid.shape)).astype(dtype) for mid in mids]
    product = Enclosure(mids[0], rads[0]) @ Enclosure(mids[1], rads[1])
    corners = [
        fractions(mid) + fractions(rad) * generator.choice([-1, 1], rad.shape).astype(object)
        for mid, rad in zip(mids, rads, strict=True)
    ]
    assert np.all(product.contains(corners[0] @ corners[1]))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ["relu", "leaky_relu", "square", "serpentine", "identity"])
@pytest.mark.parametrize("widths", [[2, 3, 2], [2, 3, 3, 1], [3, 2]])
def test_enclosed_jacobians_contain_the_exact_rational_ones(
    dtype: Real, name: str, widths: list[int]
) -> None:
    network, generator = Network(widths, name), np.random.default_rng(5)
    for _ in range(5):
        theta = generator.standard_normal(network.parameter_count).astype(dtype)
        inputs = generator.standard_normal((3, widths[0])).astype(dtype)
        exact = linearize(network, RATIONAL.array(theta), RATIONAL.array(inputs))
        at = enclose(network, theta, inputs)
        assert np.all(at.outputs.contains(np.asarray(exact.outputs)))
        assert np.all(at.jacobian().contains(np.asarray(exact.jacobian())))
        # and D is as far from its midpoints as was said
        middle = fractions(at.jacobian().mid)
        distance = float(np.sum((np.asarray(exact.jacobian()) - middle) ** 2)) ** 0.5
        assert distance <= at.jacobian_error() + float(norm_up(at.jacobian().radius))


def test_the_error_of_the_jacobian_shrinks_with_the_unit_roundoff() -> None:
    network = Network([3, 8, 5, 2], "tanh")
    theta, inputs = network.random_theta(0), np.random.default_rng(0).standard_normal((4, 3))
    coarse = enclose(network, theta.astype(np.float32), inputs.astype(np.float32)).jacobian_error()
    fine = enclose(network, theta, inputs).jacobian_error()
    assert 2.0**-32 < fine / coarse < 2.0**-26


@pytest.mark.parametrize("name", ENCLOSED)
@pytest.mark.parametrize("dtype", DTYPES)
def test_activations_on_an_interval_contain_their_values_at_its_points(name: str, dtype: Real) -> None:
    import mpmath

    from verification.core.references import of_context

    context = mpmath.MPContext()
    context.dps = 40
    function = of_context(context)[name]
    activation = Network([1, 1], name).activation
    points = np.linspace(-4, 4, 23, dtype=np.float64).astype(dtype)
    radii = np.full_like(points, 0.25)
    for mid, rad in ((points, None), (points, radii)):
        value, slope = activate(activation, Enclosure(mid, rad))
        for offset in (-1.0, 0.0, 1.0):
            moved = [context.mpf(float(z)) + (0 if rad is None else offset / 4) for z in mid]
            step = context.mpf(10) ** -15
            for index, z in enumerate(moved):
                if name in ("relu", "leaky_relu") and abs(z) < step:
                    continue
                difference = (function(z + step) - function(z - step)) / (2 * step)
                assert abs(function(z) - float(value.mid[index])) <= float(value.radius[index])
                excess = abs(difference - float(slope.mid[index])) - float(slope.radius[index])
                assert excess <= 1e-20


def test_a_dropped_rounding_term_of_activations_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    import mpmath

    points = np.linspace(0.1, 3, 100).astype(np.float32)

    def contained() -> bool:
        value, _ = activate(Network([1, 1], "tanh").activation, Enclosure(points))
        exact = [mpmath.tanh(mpmath.mpf(float(z))) for z in points]
        return all(
            abs(t - float(m)) <= float(r) for t, m, r in zip(exact, value.mid, value.radius, strict=True)
        )

    assert contained()
    monkeypatch.setattr(enclosures, "unit_roundoff", lambda dtype: 0.0)
    assert not contained()


def singular_gram(generator: np.random.Generator, dtype: Real) -> np.ndarray:
    """Return an exactly singular Gram matrix, exact in the type."""
    size = int(generator.integers(2, 9))
    rank = int(generator.integers(0, size))
    factor = generator.integers(-3, 4, (size, rank)) @ generator.integers(-2, 3, (rank, rank + 2))
    scale = 2.0 ** int(generator.integers(-20, 20))
    return (factor @ factor.T).astype(dtype) * dtype(scale)


@pytest.mark.parametrize("dtype", DTYPES)
def test_no_exactly_singular_matrix_is_ever_proved_definite(dtype: Real) -> None:
    generator = np.random.default_rng(2)
    for _ in range(1500):
        gram = singular_gram(generator, dtype)
        trace = float(np.trace(gram))
        for shift in (0.0, 1e-7 * trace, 1e-16 * trace):
            found = factors_with_shift(gram.copy(), shift)
            assert found is None or found <= 0


@pytest.mark.parametrize("dtype", DTYPES)
@examples(40)
@given(seed=seeds)
def test_proved_smallest_eigenvalues_are_below_the_true_ones(dtype: Real, seed: int) -> None:
    generator = np.random.default_rng(seed)
    size = int(generator.integers(1, 30))
    factor = generator.standard_normal((size, size + 3))
    gram = (factor @ factor.T).astype(dtype)
    gram = np.tril(gram) + np.tril(gram, -1).T
    spectrum = np.linalg.eigvalsh(gram.astype(np.float64))
    slack = 1e-13 * spectrum[-1]
    for share in (0.0, 0.5, 0.99, 0.999999, 1.0, 1.1):
        found = factors_with_shift(gram.copy(), share * float(spectrum[0]))
        assert found is None or found <= spectrum[0] + slack
    assert symmetric_norm_up(np.tril(gram)) >= spectrum[-1] - slack
    assert spectral_norm_up(gram) >= spectrum[-1] - slack
    assert spectral_norm_up(gram) <= spectrum[-1] * 1.4


def least_excess(trials: int = 400) -> float:
    """Search float32 factorizations with shifts just above lambda_min for a bound that is too large."""
    generator, worst = np.random.default_rng(3), -np.inf
    for _ in range(trials):
        size = int(generator.integers(3, 40))
        factor = generator.standard_normal((size, size + 1))
        gram = (factor @ factor.T).astype(np.float32)
        gram = np.tril(gram) + np.tril(gram, -1).T
        smallest = float(np.linalg.eigvalsh(gram.astype(np.float64))[0])
        for ulps in (0.25, 1.0, 4.0, 16.0):
            found = factors_with_shift(gram.copy(), max(smallest + ulps * 2.0**-24 * size, 0.0))
            if found is not None:
                worst = max(worst, found - smallest)
    return worst


def test_a_dropped_margin_of_the_cholesky_factorization_is_noticed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert least_excess() <= 0
    monkeypatch.setattr(definite, "cholesky_margin", lambda diagonal: 0.0)
    monkeypatch.setattr(definite, "unit_roundoff", lambda dtype: 0.0)
    assert least_excess() > 0


@pytest.mark.parametrize("name", ["tanh", "sigmoid", "softplus", "gelu", "sin", "square", "serpentine"])
def test_jacobians_vary_no_faster_than_their_lipschitz_bound(name: str) -> None:
    generator = np.random.default_rng(4)
    for widths in ([2, 4, 2], [3, 3, 3, 1]):
        network = Network(widths, name)
        theta, inputs = network.random_theta(1), generator.standard_normal((5, widths[0]))
        for radius in (1e-3, 0.3):
            bound = jacobian_lipschitz_bound(network, theta, inputs, radius)
            largest = 0.0
            for _ in range(40):
                start, step = generator.standard_normal((2, len(theta)))
                start *= radius / 2 / np.linalg.norm(start)
                step *= min(radius / 2, 1e-4) / np.linalg.norm(step)
                ends = [
                    linearize(network, theta + start + move, inputs).jacobian() for move in (0, step)
                ]
                change = np.linalg.norm(ends[1] - ends[0], 2) / np.linalg.norm(step)
                largest = max(largest, float(change))
            assert largest <= bound
            assert bound <= 400 * largest
