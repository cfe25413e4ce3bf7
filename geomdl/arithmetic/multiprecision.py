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

from geomdl.arithmetic import integers
from geomdl.arithmetic.base import Array, SingularMatrixError
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

    pseudoinverse_methods = ("qr", "svd", "normal")

    def __init__(self, digits: int) -> None:
        self.digits = digits
        self.name = f"mp{digits}"
        self.context = mpmath.MPContext()
        self.context.dps = digits
        self.context.geomdl_arithmetic = self
        # Beyond 307 digits the roundoff is no float64 any more; the smallest one bounds it from above.
        self.unit_roundoff = max(float(mpmath.mpf(2) ** (-self.context.prec)), 2.0**-1074)

    def convert(self, value: Any) -> Any:
        """Convert an int, float, Fraction, mpf or the midpoint of a ball; more digits are rounded."""
        if isinstance(value, Fraction):
            return self.context.mpf(value.numerator) / value.denominator
        if hasattr(value, "mid"):
            mantissa, exponent = value.mid().man_exp()
            return self.context.ldexp(self.context.mpf(int(mantissa)), int(exponent))
        if isinstance(value, complex | np.complexfloating):
            raise TypeError(f"got the complex number {value}; expected real numbers")
        return self.context.mpf(value) + 0

    def number(self, numerator: int, denominator: int = 1) -> Any:
        """Return the quotient rounded to the working precision."""
        return self.context.mpf(numerator) / denominator

    def all_finite(self, array: Array) -> bool:
        """Tell whether no entry is NaN or infinite (float64 may overflow where mpf does not)."""
        return all(self.context.isfinite(value) for value in np.asarray(array).ravel())

    def product(self, left: np.ndarray, right: np.ndarray) -> np.ndarray:
        """Return the exact product, rounded once."""
        exact = integers.product(self.context, left, right)
        return np.matmul(left, right) if exact is None else exact

    def exp(self, z: Array) -> Array:
        """Exponential."""
        return self.entrywise(self.context.exp, z)

    def tanh(self, z: Array) -> Array:
        """Hyperbolic tangent."""
        return self.entrywise(self.context.tanh, z)

    def sigmoid(self, z: Array) -> Array:
        """Logistic function."""
        return self.entrywise(lambda value: 1 / (1 + self.context.exp(-value)), z)

    def softplus(self, z: Array) -> Array:
        """Return log(1 + exp(z)) without overflow."""
        return self.entrywise(
            lambda value: max(value, 0) + self.context.log1p(self.context.exp(-abs(value))), z
        )

    def sin(self, z: Array) -> Array:
        """Sine."""
        return self.entrywise(self.context.sin, z)

    def cos(self, z: Array) -> Array:
        """Cosine."""
        return self.entrywise(self.context.cos, z)

    def erf(self, z: Array) -> Array:
        """Error function."""
        return self.entrywise(self.context.erf, z)

    def sqrt(self, z: Array) -> Array:
        """Square root, also of a scalar."""
        return self.entrywise(self.context.sqrt, z)

    def pi(self) -> Any:
        """Return pi to the working precision."""
        return +self.context.pi

    def svd(self, matrix: Array) -> tuple[Array, Array, Array]:
        """Thin SVD by mpmath, of the triangular factor; slow, for ranks in question."""
        rows, columns = matrix.shape
        wide = rows < columns
        q, r, order = self.pivoted_qr(matrix.T if wide else matrix)
        left, sigma, right = self.context.svd_r(self.context.matrix(r.tolist()))
        u = q @ self.own(np.array(left.tolist(), dtype=object))
        vt = self.own(np.array(right.tolist(), dtype=object))[:, np.argsort(order)]
        values = self.own(np.array(list(sigma), dtype=object))
        return (vt.T, values, u.T) if wide else (u, values, vt)

    def singular_values(self, matrix: Array) -> Array:
        """Singular values by mpmath, of the triangular factor."""
        r = self.pivoted_qr(matrix if matrix.shape[0] >= matrix.shape[1] else matrix.T)[1]
        values = self.context.svd_r(self.context.matrix(r.tolist()), compute_uv=False)
        return self.own(np.array(list(values), dtype=object))

    def doubled(self) -> Multiprecision:
        """Return the arithmetic of twice the digits."""
        return multiprecision(2 * self.digits)

    def pivoted_qr(self, matrix: Array) -> tuple[Array, Array, np.ndarray]:
        """Householder QR with column pivoting, in fixed point with guard bits."""
        bits = self.context.prec + integers.GUARD_BITS
        fixed, shift = integers.fixed_point(np.asarray(matrix), bits)
        q, r, order, _ = integers.pivoted_qr(fixed, bits)
        return (
            self.own(integers.numbers(self.context, q, -bits)),
            self.own(integers.numbers(self.context, r, -shift)),
            order,
        )

    def cholesky(self, matrix: Array) -> Callable[[Array], Array]:
        """Factor A = L D L^T, D > 0 diagonal, and return the solver."""
        size = len(matrix)
        work = np.array(matrix, dtype=object, copy=True)
        floor = 2 * self.unit_roundoff * size * self.largest(matrix)
        for column in range(size):
            if not work[column, column] > floor:
                raise SingularMatrixError(
                    f"a {size} x {size} Gram matrix is not positive definite to {self.name} precision "
                    f"(pivot {column + 1}); use method='svd' where the rank may be lost"
                )
            below = work[column + 1 :, column] / work[column, column]
            work[column + 1 :, column + 1 :] -= below[:, None] * work[column, column + 1 :][None, :]
            work[column + 1 :, column] = below
        # L^-1 once: later solves are two exact products
        lower = np.asarray(self.eye(size))
        for column in range(size):
            lower[column + 1 :, : column + 1] -= (
                work[column + 1 :, column][:, None] * lower[column, : column + 1][None, :]
            )
        inverse = self.own(lower)
        pivots = self.own(work.diagonal().copy())
        return lambda right: inverse.T @ ((inverse @ right).T / pivots).T


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
    return Multiprecision(checked_digits(digits))


def checked_digits(digits: int) -> int:
    """Return a number of decimal digits, or raise ValueError for less than 10 or no integer."""
    if isinstance(digits, bool) or not isinstance(digits, int) or digits < SMALLEST_DIGITS:
        raise ValueError(
            f"got a precision of {digits!r} digits; expected an integer of at least "
            f"{SMALLEST_DIGITS}, such as 50"
        )
    return digits
