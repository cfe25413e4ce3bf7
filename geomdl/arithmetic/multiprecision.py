"""Numbers of any number of decimal digits, on mpmath.

Every :class:`Multiprecision` owns an mpmath context, and every number carries its context, so that
arithmetics of different precision live side by side and no global precision is set.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from functools import cache
from typing import Any

import mpmath
import numpy as np

from geomdl.arithmetic.base import Array
from geomdl.arithmetic.objects import ObjectArithmetic

SMALLEST_DIGITS = 10


class Multiprecision(ObjectArithmetic):
    """Object arrays of mpmath numbers; make them with :func:`multiprecision`.

    Attributes
    ----------
    digits : int
        Decimal digits; the context works with ``ceil(digits * log2(10))`` bits or a few more.
    context : mpmath.MPContext
        The context that owns the numbers.
    """

    def __init__(self, digits: int) -> None:
        self.digits = digits
        self.name = f"mp{digits}"
        self.context = mpmath.MPContext()
        self.context.dps = digits
        self.context.geomdl_arithmetic = self
        self.unit_roundoff = float(mpmath.mpf(2) ** (-self.context.prec))

    def convert(self, value: Any) -> Any:
        """Convert an int, float, Fraction or mpf; an mpf of more digits is rounded."""
        if isinstance(value, Fraction):
            return self.context.mpf(value.numerator) / value.denominator
        return self.context.mpf(value) + 0

    def number(self, numerator: int, denominator: int = 1) -> Any:
        """Return the quotient rounded to the working precision."""
        return self.context.mpf(numerator) / denominator

    def all_finite(self, array: Array) -> bool:
        """Tell whether no entry is NaN or infinite (float64 may overflow where mpf does not)."""
        return all(self.context.isfinite(value) for value in np.asarray(array).ravel())

    def _entrywise(self, function: Callable[[Any], Any], z: Array) -> Array:
        z = np.asarray(z, dtype=object)
        result = np.empty(z.shape, dtype=object)
        result.ravel()[:] = [function(value) for value in z.ravel()]
        return result

    def exp(self, z: Array) -> Array:
        """Exponential."""
        return self._entrywise(self.context.exp, z)

    def tanh(self, z: Array) -> Array:
        """Hyperbolic tangent."""
        return self._entrywise(self.context.tanh, z)

    def sigmoid(self, z: Array) -> Array:
        """Logistic function."""
        return self._entrywise(lambda value: 1 / (1 + self.context.exp(-value)), z)

    def softplus(self, z: Array) -> Array:
        """Return log(1 + exp(z)) without overflow."""
        return self._entrywise(
            lambda value: max(value, 0) + self.context.log1p(self.context.exp(-abs(value))), z
        )

    def sin(self, z: Array) -> Array:
        """Sine."""
        return self._entrywise(self.context.sin, z)

    def cos(self, z: Array) -> Array:
        """Cosine."""
        return self._entrywise(self.context.cos, z)

    def erf(self, z: Array) -> Array:
        """Error function."""
        return self._entrywise(self.context.erf, z)

    def sqrt(self, z: Array) -> Array:
        """Square root, also of a scalar."""
        if isinstance(z, np.ndarray):
            return self._entrywise(self.context.sqrt, z)
        return self.context.sqrt(z)

    def pi(self) -> Any:
        """Return pi to the working precision."""
        return +self.context.pi

    def svd(self, matrix: Array) -> tuple[Array, Array, Array]:
        """Thin SVD by mpmath; slow (40 x 120 takes many seconds), for ranks in question."""
        rows, columns = matrix.shape
        wide = rows < columns
        source = self.context.matrix((matrix.T if wide else matrix).tolist())
        left, sigma, right = self.context.svd_r(source, full_matrices=False)
        u = np.array(left.tolist(), dtype=object).reshape(left.rows, left.cols)
        vt = np.array(right.tolist(), dtype=object).reshape(right.rows, right.cols)
        values = np.array(list(sigma), dtype=object)
        return (vt.T, values, u.T) if wide else (u, values, vt)


@cache
def multiprecision(digits: int) -> Multiprecision:
    """Return the one arithmetic of this many decimal digits.

    Parameters
    ----------
    digits : int
        At least 10 (below that float64 is more precise).

    Raises
    ------
    ValueError
        When digits is not an integer of at least 10.
    """
    if isinstance(digits, bool) or not isinstance(digits, int) or digits < SMALLEST_DIGITS:
        raise ValueError(
            f"got a precision of {digits!r} digits; expected an integer of at least "
            f"{SMALLEST_DIGITS}, such as 50"
        )
    return Multiprecision(digits)
