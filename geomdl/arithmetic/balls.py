"""Rigorous numbers: balls of python-flint, each an interval that contains the true value.

A ball is a midpoint of so many digits with an error radius; every operation encloses, whatever the
rounding. FLINT takes the precision from a global setting, so it is set around every array operation
and restored, and numbers taken out of an array stay in an array without dimensions that knows its
arithmetic. Comes with the extra ``rigorous``; imported when first asked for.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from fractions import Fraction
from functools import cache
from typing import Any

import flint
import numpy as np
from mpmath.libmp import dps_to_prec

from geomdl.arithmetic.base import Array, SingularMatrixError
from geomdl.arithmetic.multiprecision import checked_digits
from geomdl.arithmetic.objects import ObjectArithmetic


class Balls(ObjectArithmetic):
    """Object arrays of ``flint.arb``; make them with :func:`balls`.

    Attributes
    ----------
    digits : int
        Decimal digits.
    bits : int
        Bits of a midpoint: the same as :class:`~geomdl.arithmetic.Multiprecision` of these digits.
    """

    encloses = True
    pseudoinverse_methods = ("normal",)

    def __init__(self, digits: int) -> None:
        self.digits = digits
        self.name = f"arb{digits}"
        self.bits = dps_to_prec(digits)
        self.unit_roundoff = 2.0**-self.bits

    def working(self) -> AbstractContextManager[Any]:
        """Set FLINT's precision, and restore it in the end."""
        return flint.ctx.workprec(self.bits)

    def own(self, value: Any) -> Any:
        """Keep single balls in arrays without dimensions: a ball does not know its precision."""
        if isinstance(value, flint.arb):
            held = np.empty((), dtype=object)
            held[()] = value
            value = held
        return super().own(value)

    def convert(self, value: Any) -> Any:
        """Convert an int, float, Fraction, mpf (exact values, enclosed) or ball (rounded outwards)."""
        if isinstance(value, flint.arb):
            return +value
        if isinstance(value, Fraction):
            return flint.arb(flint.fmpq(value.numerator, value.denominator))
        if hasattr(value, "_mpf_"):
            sign, mantissa, exponent, _ = value._mpf_
            return +flint.arb((-int(mantissa) if sign else int(mantissa), int(exponent)))
        return flint.arb(value)

    def number(self, numerator: int, denominator: int = 1) -> Any:
        """Return the ball of a quotient, as an array without dimensions."""
        with self.working():
            return self.own(flint.arb(flint.fmpq(int(numerator), int(denominator))))

    def array(self, values: Any) -> Array:
        """Convert number by number; balls of no more digits are kept as they are."""
        given = getattr(values, "arithmetic", None)
        if isinstance(given, Balls) and given.bits <= self.bits:
            return self.own(values.view(np.ndarray))
        return super().array(values)

    def all_finite(self, array: Array) -> bool:
        """Tell whether every ball is bounded."""
        return all(value.is_finite() for value in np.asarray(array).ravel())

    def largest(self, array: Array) -> Any:
        """Return an upper bound of the absolute values in an array, 0 for an empty one."""
        with self.working():
            bounds = [value.abs_upper() for value in np.asarray(array).ravel()]
            return self.own(max(bounds, default=flint.arb(0)))

    def radius(self, array: Array) -> float:
        """Return the largest error radius in an array."""
        with self.working():
            return max((float(value.rad()) for value in np.asarray(array).ravel()), default=0.0)

    def contains(self, array: Array, other: Array) -> bool:
        """Tell whether every ball contains the exact value of the number in its place in other."""
        other = other if isinstance(other, np.ndarray) else np.asarray(other, dtype=object)
        with self.working():
            exact = [_exact(value) for value in np.asarray(other).ravel().tolist()]
            return all(
                ball.contains(value)
                for ball, value in zip(np.asarray(array).ravel(), exact, strict=True)
            )

    def exp(self, z: Array) -> Array:
        """Exponential."""
        return self.entrywise(flint.arb.exp, self._balls(z))

    def tanh(self, z: Array) -> Array:
        """Hyperbolic tangent."""
        return self.entrywise(flint.arb.tanh, self._balls(z))

    def sigmoid(self, z: Array) -> Array:
        """Logistic function."""
        return self.entrywise(lambda value: 1 / (1 + (-value).exp()), self._balls(z))

    def softplus(self, z: Array) -> Array:
        """Return log(1 + exp(z))."""
        return self.entrywise(
            lambda value: (
                (value if value > 0 else 0) + (-abs(value)).exp().log1p()
                if not value.contains(0)
                else value.exp().log1p()
            ),
            self._balls(z),
        )

    def sin(self, z: Array) -> Array:
        """Sine."""
        return self.entrywise(flint.arb.sin, self._balls(z))

    def cos(self, z: Array) -> Array:
        """Cosine."""
        return self.entrywise(flint.arb.cos, self._balls(z))

    def erf(self, z: Array) -> Array:
        """Error function."""
        return self.entrywise(flint.arb.erf, self._balls(z))

    def sqrt(self, z: Array) -> Array:
        """Square root."""
        return self.entrywise(flint.arb.sqrt, self._balls(z))

    def pi(self) -> Any:
        """Return a ball around pi."""
        with self.working():
            return self.own(flint.arb.pi())

    def step(self, z: Array) -> Array:
        """Return 1 where z > 0 and 0 where z <= 0; between 0 and 1 where a ball does not decide."""
        return self.entrywise(_step, self._balls(z))

    def _balls(self, z: Any) -> Array:
        return z if isinstance(z, np.ndarray) else self.own(self.array(z))

    def product(self, left: np.ndarray, right: np.ndarray) -> np.ndarray:
        """Return the product by FLINT; called with its precision set."""
        return _from_flint(_to_flint(left) * _to_flint(right))

    def doubled(self) -> Balls:
        """Return the balls of twice the digits."""
        return balls(2 * self.digits)

    def cholesky(self, matrix: Array) -> Callable[[Array], Array]:
        """Return the solver right -> x; only invertible is proved, not positive definite."""
        return lambda right: self.solve(matrix, right)

    def solve(self, matrix: Array, right: Array) -> Array:
        """Solve; the solution of every matrix and right-hand side in the balls is enclosed.

        Raises
        ------
        SingularMatrixError
            When the balls do not exclude that the matrix is singular.
        """
        size = matrix.shape[0]
        with self.working():
            try:
                solution = _to_flint(matrix).solve(_to_flint(right.reshape(size, -1)))
            except ZeroDivisionError as error:
                raise SingularMatrixError(
                    f"a {size} x {size} matrix of {self.name} is not proved to be invertible; use more "
                    "digits, or the pseudoinverse of another arithmetic where the rank may be lost"
                ) from error
            return self.own(_from_flint(solution).reshape(right.shape))


def _exact(value: Any) -> Any:
    if isinstance(value, Fraction):
        return flint.fmpq(value.numerator, value.denominator)
    if hasattr(value, "_mpf_"):
        sign, mantissa, exponent, _ = value._mpf_
        return flint.arb((-int(mantissa) if sign else int(mantissa), int(exponent)))
    return value if isinstance(value, flint.arb) else flint.arb(value)


def _step(value: flint.arb) -> flint.arb:
    if value > 0:
        return flint.arb(1)
    return flint.arb(0) if value <= 0 else flint.arb(0.5, 0.5)


def _to_flint(matrix: Array) -> Any:
    rows, columns = matrix.shape
    return flint.arb_mat(int(rows), int(columns), np.asarray(matrix).ravel().tolist())


def _from_flint(matrix: Any) -> np.ndarray:
    result = np.empty((matrix.nrows(), matrix.ncols()), dtype=object)
    result.ravel()[:] = matrix.entries()
    return result


@cache
def balls(digits: int) -> Balls:
    """Return the one ball arithmetic of this many decimal digits.

    Raises
    ------
    ValueError
        When digits is not an integer of at least 10.
    """
    return Balls(checked_digits(digits))
