"""Ratios: what passes, what never passes, and what is refused as no comparison at all."""

import math
from fractions import Fraction
from itertools import permutations
from typing import Any

import numpy as np
import pytest

from geomdl import FLOAT32, FLOAT64, RATIONAL, get_arithmetic
from geomdl.arithmetic import Arithmetic
from verification.machinery import ratios
from verification.machinery.ratios import (
    BITES,
    COARSE_BITE,
    THRESHOLDS,
    Ratio,
    along_orbit,
    bound,
    identity,
    property_,
    worst,
)

MP30, MP50 = get_arithmetic("mp30"), get_arithmetic("mp50")
ROUNDED = [FLOAT32, FLOAT64, MP50]


@pytest.mark.parametrize("arithmetic", ROUNDED, ids=repr)
def test_equal_quantities_have_ratio_zero_and_an_ulp_has_ratio_about_one(arithmetic: Arithmetic) -> None:
    left = arithmetic.array([1, 2, 4])
    assert identity(left, left).value == 0
    moved = left.copy()
    moved[2] = moved[2] * (1 + 2 * arithmetic.array([arithmetic.unit_roundoff])[0])
    ratio = identity(left, moved)
    assert 1 < ratio.value < 4
    assert ratio.roundoff == arithmetic.unit_roundoff
    assert ratio.residual == pytest.approx(ratio.value * arithmetic.unit_roundoff)
    assert ratio.relative < 1


@pytest.mark.parametrize("arithmetic", ROUNDED, ids=repr)
def test_a_false_identity_exceeds_every_threshold(arithmetic: Arithmetic) -> None:
    ratio = identity(arithmetic.array([1, 2]), arithmetic.array([1, 3]))
    assert ratio.value > ratio.bite * ratio.threshold


def test_the_unit_is_size_times_scale_times_condition_times_roundoff() -> None:
    left, right = np.array([1.0, 5.0]), np.array([1.0, 5.5])
    plain = identity(left, right, scale=1.0)
    assert plain.value == pytest.approx(0.5 * 2.0**53)
    assert identity(left, right, scale=4.0, size=5, condition=2.0).value == pytest.approx(
        plain.value / 40
    )
    assert identity(left, right).value == pytest.approx(plain.value / 5.5)
    assert identity(left, right, scale=np.array([1.0, -4.0])).value == pytest.approx(plain.value / 4)


def test_exact_arithmetic_gives_zero_or_infinity() -> None:
    left = RATIONAL.array([1, 2])
    tiny = RATIONAL.array([Fraction(1), 2 + Fraction(1, 10**90)])
    assert identity(left, left.copy()).value == 0
    assert identity(left, tiny).value == math.inf
    assert identity(Fraction(1, 3), Fraction(2, 6)).value == 0
    assert identity(left, tiny, scale=10**100, size=10**9).value == math.inf


@pytest.mark.parametrize("precise", [MP30, MP50, RATIONAL], ids=repr)
def test_a_float64_quantity_in_a_chain_of_more_digits_is_a_type_error(precise: Arithmetic) -> None:
    array = precise.array([1, 2])
    for leak in (np.array([1.0, 2.0]), [1.0, 2.0], [np.float64(1), np.float64(2)]):
        for left, right in ((array, leak), (leak, array)):
            with pytest.raises(TypeError, match="got arrays of different arithmetics"):
                identity(left, right)
    with pytest.raises(TypeError, match="got "):
        identity(precise.number(1), 1.0)
    with pytest.raises(TypeError, match="got "):
        identity([precise.number(1), 2.0], array)
    with pytest.raises(TypeError, match="got "):
        identity(MP50.array([1]), MP30.array([1]))


@pytest.mark.parametrize("arithmetic", ROUNDED, ids=repr)
@pytest.mark.parametrize("position", range(3))
def test_nan_anywhere_gives_nan(arithmetic: Arithmetic, position: int) -> None:
    values = np.ones(3)
    values[position] = np.nan
    spoilt, ones = arithmetic.array(values), arithmetic.array(np.ones(3))
    for left, right in ((spoilt, ones), (ones, spoilt), (spoilt, spoilt)):
        assert math.isnan(identity(left, right).value)
        assert math.isnan(identity(left, right, scale=1.0).value)


def test_infinite_quantities_are_never_equal() -> None:
    infinite = np.array([1.0, np.inf])
    with np.errstate(invalid="ignore"):
        for right in (infinite, np.ones(2)):
            value = identity(infinite, right).value
            assert math.isnan(value) or value == math.inf


@pytest.mark.parametrize(
    "unit", [{"scale": np.inf}, {"condition": np.inf}, {"scale": np.nan}, {"condition": np.nan}]
)
def test_a_unit_that_is_not_finite_never_makes_an_identity_pass(unit: dict[str, Any]) -> None:
    for right in (np.zeros(2), np.ones(2)):
        try:
            ratio = identity(np.ones(2), right, **unit)
        except ValueError:
            continue
        assert not ratio.relative <= 1


def test_a_negative_scale_is_a_nan() -> None:
    assert math.isnan(identity(np.array([1.0]), np.array([2.0]), scale=-1.0).value)


def test_different_shapes_never_pass() -> None:
    ratio = identity(np.ones((2, 1)), np.ones(2))
    assert math.isnan(ratio.value)  # no control may live of a mistake either
    assert "shapes differ" in ratio.note
    with np.errstate(all="ignore"):
        try:
            broadcast = along_orbit(np.ones((3, 1)), np.ones(3), rtol=1e-3)
        except ValueError:
            return
    assert not broadcast.relative <= 1


def test_a_comparison_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="got "):
        identity(np.zeros((0, 3)), np.zeros((0, 3)))
    with pytest.raises(ValueError, match="got no ratio at all"):
        worst([])


def test_numpy_scalars_leave_python_floats() -> None:
    one = np.float64(1)
    for ratio in (
        identity(np.ones(2), np.zeros(2), condition=np.float64(3), size=np.int64(2)),  # type: ignore[arg-type]
        identity(np.float32(1), np.float32(2)),
        bound(one, one, slack=np.float64(0.1)),
        along_orbit(np.ones(2), np.zeros(2), rtol=np.float64(1e-3)),
        property_(np.bool_(False)),  # type: ignore[arg-type]
    ):
        for value in (ratio.value, ratio.residual, ratio.roundoff):
            assert value is None or type(value) is float


# ---- bounds, properties, orbits -----------------------------------------------------------------


@pytest.mark.parametrize("arithmetic", [FLOAT64, MP50, RATIONAL], ids=repr)
def test_a_bound_is_measured_by_value_over_limit(arithmetic: Arithmetic) -> None:
    number = arithmetic.number
    assert bound(number(1), number(2)).value == 0.5
    assert bound(number(2), number(2)).relative <= 1
    assert bound(number(3), number(2)).relative > 1
    assert bound(number(3), number(2), slack=0.6).relative < 1
    assert bound(number(0), number(0)).value == 0
    assert bound(number(1), number(0)).value == math.inf


def test_a_negative_value_below_a_positive_limit_has_a_ratio_that_can_be_recorded() -> None:
    assert bound(-0.5, 1.0).value >= 0
    assert bound(-0.5, 1.0).relative <= 1


@pytest.mark.parametrize(
    ("value", "limit"), [(np.nan, 1.0), (np.nan, 0.0), (1.0, np.nan), (np.nan, -1.0)]
)
def test_bounds_of_nan_are_nan(value: float, limit: float) -> None:
    assert math.isnan(bound(value, limit).value)


def test_a_property_is_zero_or_infinite() -> None:
    assert property_(True).value == 0
    assert property_(False, "why").value == math.inf
    assert property_(False, "why").note == "why"


def test_along_an_orbit_the_tolerance_is_the_unit() -> None:
    left, right = np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([[1.0, 2.0], [3.0, 4.004]])
    ratio = along_orbit(left, right, rtol=1e-3)
    assert ratio.value == pytest.approx(1 * 4 / 4.004)
    assert ratio.kind == "flow"
    assert along_orbit(left, right, rtol=1e-3, scale=8.0).value == pytest.approx(0.5)
    grown = along_orbit(left, right, rtol=1e-3, scale=1.0, growth=np.array([[1.0], [4.0]]))
    assert grown.value == pytest.approx(1.0)
    assert math.isnan(along_orbit(np.array([np.nan, 1.0]), np.ones(2), rtol=1e-3).value)


def test_an_orbit_that_stays_at_zero_has_ratio_zero() -> None:
    assert along_orbit(np.zeros(3), np.zeros(3), rtol=1e-3).value == 0


# ---- thresholds and the worst -------------------------------------------------------------------


@pytest.mark.parametrize("kind", THRESHOLDS)
def test_thresholds_and_bites_come_from_the_one_table(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert THRESHOLDS.keys() == BITES.keys()
    assert Ratio(1.0, kind).threshold == THRESHOLDS[kind]
    assert Ratio(1.0, kind).bite == BITES[kind] >= 10
    monkeypatch.setitem(ratios.THRESHOLDS, kind, 7.0)
    monkeypatch.setitem(ratios.BITES, kind, 5.0)
    assert Ratio(14.0, kind).threshold == 7
    assert Ratio(14.0, kind).relative == 2
    assert Ratio(1.0, kind).bite == 5


def test_coarse_units_ask_for_a_smaller_bite_of_identities_and_flows_only() -> None:
    assert Ratio(1.0, "identity", 1.0, 2.0**-24).bite == COARSE_BITE
    assert Ratio(1.0, "flow", 1.0, 1e-6).bite == COARSE_BITE
    assert Ratio(1.0, "flow", 1.0, 1e-10).bite == BITES["flow"]
    assert Ratio(1.0, "bound", 1.0, 1e-4).bite == BITES["bound"]


def test_the_worst_is_relative_to_each_threshold() -> None:
    small, large = Ratio(2.0, "bound"), Ratio(20.0, "identity")
    assert worst([small, large]) is small
    assert worst(large) is large
    assert worst(iter([large])) is large


def test_nan_is_worse_than_everything_in_any_order() -> None:
    listed = [Ratio(math.inf, "property"), Ratio(math.nan, "identity"), Ratio(0.0, "bound")]
    for order in permutations(listed):
        assert math.isnan(worst(order).value)
