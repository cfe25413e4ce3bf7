r"""Rounding errors bounded beforehand: sums and products of floats, enclosures of matrices.

Everything rests on one fact of IEEE 754 arithmetic in rounding to nearest, with the unit roundoff u and
the smallest normal number tiny (which also covers results that underflow or are flushed to zero):

    fl(a o b) = (a o b) (1 + d) + e,    |d| <= u,  |e| <= tiny,    o = +, -, *, /,

and on its consequence for a sum of n products, in any order, with or without fused operations,

    |fl(x.y) - x.y| <= gamma_n |x|.|y| + n tiny,    gamma_n = n u / (1 - n u).

Bounds are themselves computed in floats. A quantity made of nonnegative numbers by additions and
multiplications, of which none passes through more than n roundings, is at most
``up(computed, n)``; that is the only tool for it. No rounding mode is switched, no library function but
sqrt (correctly rounded by the standard) is trusted, and all is stated for the type of the arrays:
float32 arrays are bounded with u = 2^-24, which is how the tests see a forgotten term.

Sources: N. Higham, Accuracy and Stability of Numerical Algorithms, 2002, chapter 3; S. Rump,
Verification methods, Acta Numerica 19, 2010.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

ASSUMPTIONS = (
    "floating-point operations are IEEE 754, rounded to nearest, as a sum of inner products in any order"
    " (no Strassen-like products, no reduced precision) inside of the BLAS",
)


def unit_roundoff(dtype: Any) -> float:
    """Return u: 2^-53 for float64, 2^-24 for float32."""
    return float(np.finfo(dtype).eps) / 2


def tiny(dtype: Any) -> float:
    """Return the smallest normal number, more than any error by underflow."""
    return float(np.finfo(dtype).tiny)


def gamma(count: int, dtype: Any = np.float64) -> float:
    """Return an upper bound of gamma_n = n u / (1 - n u), as a Python float.

    Raises
    ------
    ValueError
        When n u exceeds 1/4: a sum of so many terms is not bounded usefully in this type.

    Examples
    --------
    >>> gamma(3) > 3 * 2.0**-53
    True
    """
    part = count * unit_roundoff(dtype)  # exact: a power of two times an integer below 2^53
    if part > 0.25:
        raise ValueError(
            f"got a sum of {count} terms in {np.dtype(dtype).name}; its rounding error has no useful "
            "bound, use float64"
        )
    # 1/(1 - t) is rounded three times: relative error below 4 * 2^-53
    return part / (1 - part) * (1 + 2.0**-50)


def up(value: Any, count: int = 1) -> Any:
    """Round up a nonnegative quantity whose terms each passed through at most ``count`` roundings.

    The true value v satisfies v <= c / (1 - u)^count + count tiny for the computed c; the factor
    1 + 2 (count + 2) u and its own two roundings cover that for count u <= 1/4.

    Parameters
    ----------
    value : float or ndarray
        Python floats count as float64.
    count : int

    Returns
    -------
    float or ndarray, same type

    Examples
    --------
    >>> up(1.0) > 1.0
    True
    """
    dtype = value.dtype if isinstance(value, np.ndarray | np.generic) else np.dtype(np.float64)
    unit = unit_roundoff(dtype)
    if count * unit > 0.25:
        raise ValueError(f"got {count} roundings in {dtype.name}; expected fewer than 1/(4u)")
    if isinstance(value, float | int):
        return value * (1 + 2 * (count + 2) * unit) + 2 * count * tiny(dtype)
    return value * dtype.type(1 + 2 * (count + 2) * unit) + dtype.type(2 * count * tiny(dtype))


def down(value: Any, count: int = 1) -> Any:
    """Round down: at most the true value, never below 0; see :func:`up`."""
    dtype = value.dtype if isinstance(value, np.ndarray | np.generic) else np.dtype(np.float64)
    unit = unit_roundoff(dtype)
    if count * unit > 0.125:
        raise ValueError(f"got {count} roundings in {dtype.name}; expected fewer than 1/(8u)")
    if isinstance(value, float | int):
        return max(value * (1 - 2 * (count + 2) * unit) - 2 * count * tiny(dtype), 0.0)
    factor, offset = dtype.type(1 - 2 * (count + 2) * unit), dtype.type(2 * count * tiny(dtype))
    return np.maximum(value * factor - offset, dtype.type(0))


def norm_up(array: np.ndarray, axis: int | None = None) -> Any:
    """Return an upper bound of Euclidean norms along an axis, of all entries without one.

    Squares that overflow give inf, which is an upper bound too.
    """
    terms = array.size if axis is None else array.shape[axis]
    # a square that underflows loses less than tiny: sqrt(n tiny) is added after the root
    loss = math.sqrt(terms * tiny(array.dtype)) * 2
    total = np.sqrt(np.sum(np.square(array), axis=axis, dtype=array.dtype))
    return up(total + array.dtype.type(loss), terms + 4)


@dataclass(frozen=True, eq=False)
class Enclosure:
    """Matrices known up to a radius: every A with |A - mid| <= rad, entry by entry.

    ``@``, ``*``, ``+``, ``-`` enclose what the operation gives for all members, rounding included, in
    the type of the arrays. ``rad=None`` means that the numbers are exact, and saves work.

    Attributes
    ----------
    mid : ndarray, float32 or float64
    rad : ndarray of the same shape and type, or None

    Examples
    --------
    >>> third = Enclosure(np.array([[1.0]]), np.array([[1e-3]]))
    >>> bool((third @ third).contains(np.array([[1.002]])))
    True
    """

    mid: np.ndarray
    rad: np.ndarray | None = None

    # NumPy must not try to distribute an operation over the entries of its own operand
    __array_ufunc__ = None

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the midpoints."""
        return self.mid.shape

    @property
    def dtype(self) -> np.dtype:
        """Type of midpoints and radii."""
        return self.mid.dtype

    @property
    def radius(self) -> np.ndarray:
        """Radii, zeros where the numbers are exact."""
        return np.zeros_like(self.mid) if self.rad is None else self.rad

    @property
    def T(self) -> Enclosure:
        """The transpose."""
        return self.map(lambda array: array.T)

    def reshape(self, *shape: int) -> Enclosure:
        """Reshape midpoints and radii."""
        return self.map(lambda array: array.reshape(*shape))

    def __getitem__(self, index: Any) -> Enclosure:
        return self.map(lambda array: array[index])

    def map(self, function: Callable[[np.ndarray], np.ndarray]) -> Enclosure:
        """Apply an exact linear operation of nonnegative coefficients to midpoints and radii."""
        return Enclosure(function(self.mid), None if self.rad is None else function(self.rad))

    def magnitude(self) -> np.ndarray:
        """Return upper bounds of the absolute values of all members."""
        size = np.abs(self.mid)
        return size if self.rad is None else up(size + self.rad)

    def contains(self, values: np.ndarray) -> np.ndarray:
        """Tell entry by entry whether numbers lie inside; rationals are compared exactly.

        Parameters
        ----------
        values : ndarray of floats (taken as exact), or of ``fractions.Fraction``
        """
        from fractions import Fraction

        def inside(mid: float, rad: float, value: Any) -> bool:
            if not math.isfinite(rad):
                return True
            return abs(Fraction(value) - Fraction(mid)) <= Fraction(rad)

        flat = [
            inside(float(mid), float(rad), value if isinstance(value, Fraction) else float(value))
            for mid, rad, value in zip(
                self.mid.ravel(), self.radius.ravel(), np.asarray(values).ravel(), strict=True
            )
        ]
        return np.array(flat, dtype=bool).reshape(self.shape)

    def __matmul__(self, other: Enclosure) -> Enclosure:
        """Enclose products; |AB - fl(mid mid)| <= (gamma |a| + r)(|b| + s) + |a| s + underflow."""
        terms = self.mid.shape[-1]
        # one term more than needed: the excess covers the conversion to the type
        unit = self.dtype.type(gamma(terms + 1, self.dtype))
        left, right = np.abs(self.mid), np.abs(other.mid)
        mid = self.mid @ other.mid
        slack = unit * left if self.rad is None else unit * left + self.rad
        rad = slack @ (right if other.rad is None else right + other.rad)
        if other.rad is not None:
            rad = rad + left @ other.rad
        return Enclosure(mid, up(rad, terms + 6) + self.dtype.type(4 * terms * tiny(self.dtype)))

    def __mul__(self, other: Enclosure) -> Enclosure:
        """Enclose entrywise products."""
        mid = self.mid * other.mid
        rad = self.dtype.type(unit_roundoff(self.dtype)) * np.abs(mid)
        if self.rad is not None:
            rad = rad + self.rad * other.magnitude()
        if other.rad is not None:
            rad = rad + np.abs(self.mid) * other.rad
        return Enclosure(mid, up(rad, 6) + self.dtype.type(4 * tiny(self.dtype)))

    def __add__(self, other: Enclosure) -> Enclosure:
        """Enclose sums."""
        return self._sum(other, self.mid + other.mid)

    def __sub__(self, other: Enclosure) -> Enclosure:
        """Enclose differences."""
        return self._sum(other, self.mid - other.mid)

    def _sum(self, other: Enclosure, mid: np.ndarray) -> Enclosure:
        rad = self.dtype.type(unit_roundoff(self.dtype)) * np.abs(mid)
        for part in (self.rad, other.rad):
            if part is not None:
                rad = rad + part
        return Enclosure(mid, up(rad, 4))
