"""The currency of the project: dimensionless ratios, judged against one table of thresholds.

An identity is measured by residual / (size * scale * roundoff * condition): a ratio of order 1 says
that the identity holds to what the arithmetic allows; the threshold 30 is the practice of LAPACK's
testing programs. A stated bound is measured by value / bound, a property is 0 or infinite. Along
orbits the integrator's tolerance takes the place of the roundoff.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from geomdl.arithmetic import Array, arithmetic_of

THRESHOLDS = {"identity": 30.0, "flow": 30.0, "bound": 1.0, "property": 1.0}
"""A claim holds in a scene when its ratio is at most the threshold of its kind."""

BITES = {"identity": 1e3, "flow": 1e3, "bound": 10.0, "property": 1e3}
"""A control bites when its ratio exceeds the threshold by at least this factor."""

COARSE_BITE = 10.0
"""The factor in float32 and at tolerances above 1e-8, whose unit leaves fewer orders to break."""


@dataclass(frozen=True)
class Ratio:
    """One measured ratio.

    Attributes
    ----------
    value : float
        The ratio, possibly infinite.
    kind : str
        ``identity``, ``flow``, ``bound`` or ``property``: decides the threshold.
    residual : float or None
        The relative residual before division by the unit, for the slope over the ladder.
    roundoff : float or None
        The unit roundoff or the tolerance.
    note : str
        What was measured, for messages.
    """

    value: float
    kind: str
    residual: float | None = None
    roundoff: float | None = None
    note: str = ""

    @property
    def threshold(self) -> float:
        """The threshold of this kind of ratio."""
        return THRESHOLDS[self.kind]

    @property
    def bite(self) -> float:
        """The factor by which a control has to exceed the threshold."""
        coarse = self.roundoff is not None and self.roundoff > 1e-8
        return COARSE_BITE if coarse and self.kind != "bound" else BITES[self.kind]

    @property
    def relative(self) -> float:
        """Ratio over threshold: at most 1 when the claim holds."""
        return self.value / self.threshold


def _as_array(value: Any) -> Array:
    if isinstance(value, np.ndarray):
        return np.atleast_1d(value)
    if hasattr(value, "detach"):
        return value.reshape(1) if value.ndim == 0 else value
    listed = value if isinstance(value, list | tuple) else [value]
    if isinstance(listed[0], np.ndarray) or hasattr(listed[0], "detach"):
        return arithmetic_of(listed[0]).stack(listed)  # balls and tensors: numbers are small arrays
    machine_numbers = all(isinstance(number, np.floating | float) for number in listed)
    return np.array(listed, dtype=None if machine_numbers else object)


def identity(
    left: Any, right: Any, *, scale: Any = None, condition: float = 1.0, size: int = 1, note: str = ""
) -> Ratio:
    """Measure how far two quantities that should be equal are apart.

    ratio = max |left - right| / (size * scale * roundoff * condition); in exact arithmetic 0 or
    infinite.

    Parameters
    ----------
    left, right : arrays or scalars of one arithmetic
        A float64 quantity that leaked into a chain of higher precision is a TypeError.
    scale : scalar, optional
        Natural size of the quantities; the largest entry of both sides by default. Give it where the
        sides are differences of larger terms.
    condition : float
        Power of the condition number that theory gives for the error.
    size : int
        Dimension that the error grows with, such as max(K, QN).
    note : str

    Returns
    -------
    Ratio
    """
    left, right = _as_array(left), _as_array(right)
    arithmetic = arithmetic_of(left, right)
    condition = float(condition)
    if not (0 < condition < math.inf and size >= 1) or 0 in left.shape:
        raise ValueError(
            f"got condition {condition}, size {size}, shape {tuple(left.shape)}; expected a finite "
            "positive condition, a size of at least 1 and something to compare"
        )
    if left.shape != right.shape:
        # A mistake of the check, of which no control may live.
        return Ratio(math.nan, "identity", None, arithmetic.unit_roundoff, f"shapes differ {note}")
    gap = arithmetic.largest(left - right)
    if arithmetic.exact:
        value = 0.0 if gap == 0 else math.inf
        return Ratio(value, "identity", value, 0.0, note)
    if scale is None:
        scale = max(arithmetic.largest(left), arithmetic.largest(right))
    elif hasattr(scale, "shape") and scale.shape:
        scale = arithmetic.largest(scale)
    if not 0 <= float(scale) < math.inf:
        return Ratio(math.nan, "identity", None, arithmetic.unit_roundoff, f"scale {scale} {note}")
    if gap == 0:
        return Ratio(0.0, "identity", 0.0, arithmetic.unit_roundoff, note)
    residual = float(gap / scale) if scale != 0 else math.inf
    if arithmetic.encloses:
        # A bound that is proved, with the growth of the radii in it: half of the digits are demanded.
        value = residual / arithmetic.unit_roundoff**0.5
        return Ratio(value, "bound", residual, arithmetic.unit_roundoff, note)
    value = float(residual / (size * condition * arithmetic.unit_roundoff))
    return Ratio(value, "identity", residual, arithmetic.unit_roundoff, note)


def along_orbit(
    left: Any, right: Any, *, rtol: float, scale: Any = None, growth: Any = 1.0, note: str = ""
) -> Ratio:
    """Measure how far two quantities along an orbit are apart, in units of the tolerance.

    Parameters
    ----------
    left, right : array_like of float
        Values at the same times; the first axis is time.
    rtol : float
        Tolerance of the integrator.
    scale : float or array, optional
        Natural size; the largest entry by default.
    growth : float or array
        Growth of the error over the orbit that theory gives, such as exp(s/N) for relative costs;
        broadcast against left - right.
    note : str

    Returns
    -------
    Ratio
    """
    left, right = np.asarray(left, dtype=np.float64), np.asarray(right, dtype=np.float64)
    rtol = float(rtol)
    if left.shape != right.shape:
        return Ratio(math.nan, "flow", None, rtol, f"shapes {left.shape}, {right.shape} differ {note}")
    gap = np.abs(left - right)
    if np.all(gap == 0):
        return Ratio(0.0, "flow", 0.0, rtol, note)
    natural = max(np.abs(left).max(), np.abs(right).max()) if scale is None else scale
    error = float(np.max(gap / (natural * np.asarray(growth))))
    return Ratio(error / rtol, "flow", error, rtol, note)


def bound(value: Any, limit: Any, *, slack: float = 0.0, note: str = "") -> Ratio:
    """Measure value <= limit for positive limits: the ratio value / (limit * (1 + slack)).

    Parameters
    ----------
    value, limit : scalars
    slack : float
        Relative rounding or integration error of the two, from the error model.
    note : str
    """
    value, limit = float(value), float(limit)
    if math.isnan(value) or math.isnan(limit):
        return Ratio(math.nan, "bound", note=note)
    if limit <= 0:
        return Ratio(0.0 if value <= limit else math.inf, "bound", note=note)
    return Ratio(max(0.0, value / limit) / (1 + float(slack)), "bound", note=note)


def property_(holds: bool, note: str = "") -> Ratio:
    """Measure a property: 0 when it holds, infinite when it does not."""
    return Ratio(0.0 if holds else math.inf, "property", note=note)


def worst(measured: Ratio | Iterable[Ratio]) -> Ratio:
    """Return the ratio that is largest relative to its threshold; NaN counts as the worst."""
    if isinstance(measured, Ratio):
        return measured
    listed = list(measured)
    if not listed:
        raise ValueError("got no ratio at all; a check has to measure something")
    # A NaN among infinities must not hide behind them: it decides nothing, so it has to be seen.
    return max(listed, key=lambda ratio: (math.isnan(ratio.value), ratio.relative))
