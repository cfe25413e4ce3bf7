"""Activations: values and both derivatives in every arithmetic, and the facts recorded about them."""

import mpmath
import numpy as np
import pytest
from hypothesis import given

from geomdl import ACTIVATIONS, FLOAT32, FLOAT64, RATIONAL, get_activation, get_arithmetic
from geomdl.arithmetic import Arithmetic, UnsupportedOperationError
from verification.core.references import agree, of_context
from verification.core.strategies import examples, seeds

MP50 = get_arithmetic("mp50")
NAMES = tuple(ACTIVATIONS)
RATIONAL_NAMES = tuple(name for name in NAMES if ACTIVATIONS[name].rational)

HUNDRED = mpmath.MPContext()
HUNDRED.dps = 100


def reference_jet(name: str, points: np.ndarray) -> list[list[mpmath.mpf]]:
    """Value and two derivatives by differences with 100 digits (never across a kink)."""
    function = of_context(HUNDRED)[name]
    exact = [HUNDRED.mpf(float(z)) for z in points]
    step = HUNDRED.mpf(10) ** -25
    first = [(function(z + step) - function(z - step)) / (2 * step) for z in exact]
    second = [(function(z + step) - 2 * function(z) + function(z - step)) / step**2 for z in exact]
    return [[function(z) for z in exact], first, second]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("arithmetic", [FLOAT32, FLOAT64, MP50], ids=repr)
@examples(4)
@given(seed=seeds)
def test_values_and_both_derivatives_agree_with_differences_in_100_digits(
    arithmetic: Arithmetic, name: str, seed: int
) -> None:
    points = np.random.default_rng(seed).uniform(-6, 6, size=5).astype(np.float32).astype(np.float64)
    jet = ACTIVATIONS[name].jet(arithmetic, arithmetic.array(points))
    for computed, expected in zip(jet, reference_jet(name, points), strict=True):
        # A difference with step 1e-25 has an error of 1e-50 and is no judge of the last digits of mp50.
        agree(computed, arithmetic.array(np.array(expected, dtype=object)), scale=arithmetic.number(36))


@pytest.mark.parametrize("name", RATIONAL_NAMES)
def test_rational_activations_are_exact(name: str) -> None:
    points = np.array([-3.0, -0.125, 0.375, 2.0], dtype=np.float64)
    jet = ACTIVATIONS[name].jet(RATIONAL, RATIONAL.array(points))
    third, hundredth = RATIONAL.number(1, 3), RATIONAL.number(1, 100)
    value = ACTIVATIONS[name].value(RATIONAL, RATIONAL.array([third]))[0]
    expected = {"square": third**2, "serpentine": RATIONAL.number(3, 10)}
    assert value == expected.get(name, third)
    negative = ACTIVATIONS[name].value(RATIONAL, RATIONAL.array([-third]))[0]
    expected |= {
        "relu": 0 * third,
        "leaky_relu": -third * hundredth,
        "serpentine": RATIONAL.number(-3, 10),
    }
    assert negative == expected.get(name, -third)
    for part in jet:
        assert all(type(entry) is type(third) for entry in part)


@pytest.mark.parametrize("name", [name for name in NAMES if name not in RATIONAL_NAMES])
def test_activations_without_rational_values_say_so_in_exact_arithmetic(name: str) -> None:
    with pytest.raises(UnsupportedOperationError, match=r"rational.*use float64 or a multiprecision"):
        ACTIVATIONS[name].value(RATIONAL, RATIONAL.array([1, 2]))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("arithmetic", [FLOAT32, FLOAT64], ids=repr)
def test_the_dtype_and_shape_survive(arithmetic: Arithmetic, name: str) -> None:
    z = arithmetic.array(np.linspace(-2, 2, 12).reshape(3, 4))
    for part in ACTIVATIONS[name].jet(arithmetic, z):
        assert part.dtype == z.dtype
        assert part.shape == z.shape


@pytest.mark.parametrize("name", NAMES)
def test_value_and_slope_are_the_beginning_of_the_jet(name: str) -> None:
    z = np.linspace(-3, 3, 8, dtype=np.float64)
    value, slope, _ = ACTIVATIONS[name].jet(FLOAT64, z)
    assert np.array_equal(ACTIVATIONS[name].value(FLOAT64, z), value)
    both = ACTIVATIONS[name].value_and_slope(FLOAT64, z)
    assert np.array_equal(both[0], value)
    assert np.array_equal(both[1], slope)


@pytest.mark.parametrize("arithmetic", [FLOAT32, FLOAT64, MP50, RATIONAL], ids=repr)
def test_derivatives_at_a_kink_are_taken_from_the_left(arithmetic: Arithmetic) -> None:
    zero = arithmetic.zeros((1,))
    assert ACTIVATIONS["relu"].jet(arithmetic, zero)[1][0] == 0
    assert ACTIVATIONS["leaky_relu"].jet(arithmetic, zero)[1][0] == arithmetic.number(1, 100)


@pytest.mark.parametrize("arithmetic", [FLOAT32, FLOAT64, MP50], ids=repr)
@pytest.mark.parametrize(
    ("name", "left", "right"),
    [
        ("tanh", (-1, 0), (1, 0)),
        ("sigmoid", (0, 0), (1, 0)),
        ("softplus", (0, 0), ("z", 1)),
        ("gelu", (0, 0), ("z", 1)),
    ],
)
@pytest.mark.parametrize("size", [1e3, 1e20])
def test_saturated_units_have_their_limits_and_no_overflow(
    arithmetic: Arithmetic, name: str, left: tuple, right: tuple, size: float
) -> None:
    z = arithmetic.array([-size, size])
    value, slope, curvature = ACTIVATIONS[name].jet(arithmetic, z)
    for index, limits in enumerate((left, right)):
        agree(
            value[index],
            z[index] if limits[0] == "z" else arithmetic.number(limits[0]),
            scale=abs(z[index]),
        )
        agree(slope[index], arithmetic.number(limits[1]), scale=1.0)
    assert arithmetic.all_finite(curvature)
    agree(curvature, arithmetic.zeros((2,)), scale=1.0)


@pytest.mark.parametrize("name", NAMES)
def test_the_recorded_facts_are_true(name: str) -> None:
    activation = ACTIVATIONS[name]
    z = np.linspace(-20, 20, 4001, dtype=np.float64)
    value, slope, curvature = activation.jet(FLOAT64, z)
    assert activation.homogeneous == np.allclose(activation.value(FLOAT64, 3 * z), 3 * value)
    if activation.piecewise_linear:
        assert not np.any(curvature)
        assert not activation.analytic
    # A jump of the slope between neighbours shows that the derivative is not Lipschitz.
    assert activation.lipschitz_derivative == (np.max(np.abs(np.diff(slope))) < 0.1)
    assert activation.rational == (name in {"relu", "leaky_relu", "square", "serpentine", "identity"})


def test_an_unknown_name_is_refused_with_the_nearest() -> None:
    with pytest.raises(
        ValueError, match=r"got activation 'thanh'; expected one of .*did you mean 'tanh'"
    ):
        get_activation("thanh")
    with pytest.raises(ValueError, match="got activation None; expected one of"):
        get_activation(None)  # type: ignore[arg-type]
    assert get_activation(ACTIVATIONS["gelu"]) is ACTIVATIONS["gelu"]
