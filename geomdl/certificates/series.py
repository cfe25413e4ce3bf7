"""Power series with ball coefficients as one more kind of number: theta may be a function of time.

A number is a truncated series c_0 + c_1 u + ... + c_(m-1) u^(m-1) of FLINT with balls as coefficients.
Forward pass, Jacobian and products of :mod:`geomdl.jacobians` run on it unchanged, and give the Taylor
coefficients of t -> D[theta(t)] and whatever else is made of it.

With points as c_0 these are the coefficients at u = 0. With c_k that enclose the k-th coefficient of
the same function at EVERY base point of [-1, 1] (:func:`at_every_base_point`), the last one encloses
f^(m-1)/(m-1)! on the whole interval, which bounds the remainder of Taylor's formula.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import flint
import numpy as np

from geomdl.arithmetic import Array
from geomdl.arithmetic.objects import ObjectArithmetic

Ball = Any
Series = Any


class UndecidedKinkError(ArithmeticError):
    """A kink of the activation is not excluded, so there is no power series."""


def _filled(series: list[Series], shape: int | tuple[int, ...]) -> np.ndarray:
    """Put series into an array one by one: NumPy would take them for rows of numbers."""
    result = np.empty(len(series), dtype=object)
    for index, each in enumerate(series):
        result[index] = each
    return result.reshape(shape)


class PowerSeries(ObjectArithmetic):
    """Object arrays of ``flint.arb_series``, truncated to ``terms`` coefficients of ``bits`` bits."""

    encloses = True
    pseudoinverse_methods = ()

    def __init__(self, terms: int, bits: int) -> None:
        self.terms = terms
        self.bits = bits
        self.name = f"series{terms}x{bits}"
        self.unit_roundoff = 2.0**-bits

    @contextmanager
    def working(self) -> Iterator[None]:
        """Set FLINT's precision and length of series, and restore both in the end."""
        bits, terms = flint.ctx.prec, flint.ctx.cap
        flint.ctx.prec, flint.ctx.cap = self.bits, self.terms
        try:
            yield
        finally:
            flint.ctx.prec, flint.ctx.cap = bits, terms

    def own(self, value: Any) -> Any:
        """Keep single series in arrays without dimensions: a series does not know its precision."""
        if isinstance(value, flint.arb_series):
            value = _filled([value], ())
        return super().own(value)

    def convert(self, value: Any) -> Series:
        """Convert a number, a ball, or the sequence of the coefficients."""
        if isinstance(value, flint.arb_series):
            return value
        return flint.arb_series(list(value) if isinstance(value, list | tuple) else [value])

    def number(self, numerator: int, denominator: int = 1) -> Any:
        """Return a constant series."""
        with self.working():
            return self.own(self.convert(flint.arb(flint.fmpq(int(numerator), int(denominator)))))

    def zeros(self, shape: int | tuple[int, ...]) -> Array:
        """Return an object array that holds the zero series."""
        with self.working():
            zero = flint.arb_series([0])
            return self.own(_filled([zero] * int(np.prod(shape)), shape))

    def entrywise(self, function: Callable[[Any], Any], z: Any) -> Any:
        """Apply a function of one series to every entry."""
        with self.working():
            return self.own(_filled([function(each) for each in np.asarray(z).ravel()], z.shape))

    def from_coefficients(self, coefficients: np.ndarray) -> Array:
        """Make series of their coefficients (floats or balls), which run along the first axis."""
        coefficients = np.asarray(coefficients)
        flat = coefficients.reshape(len(coefficients), -1).T.tolist()
        with self.working():
            series = [flint.arb_series([flint.arb(c) for c in each]) for each in flat]
            return self.own(_filled(series, coefficients.shape[1:]))

    def coefficients(self, series: Array) -> np.ndarray:
        """Return the coefficients as balls, along a new first axis of length ``terms``."""
        series = np.asarray(series)
        result = np.empty((self.terms, series.size), dtype=object)
        with self.working():
            for column, each in enumerate(series.ravel()):
                result[:, column] = [each[k] for k in range(self.terms)]
        return result.reshape(self.terms, *series.shape)

    def derivative(self, series: Array) -> Array:
        """Differentiate every series; the last coefficient, which is not known, becomes missing.

        The result has one term less: read it in ``PowerSeries(terms - 1, bits)`` or ignore the last.
        """
        return self.entrywise(lambda each: each.derivative(), series)

    def all_finite(self, array: Array) -> bool:
        """Tell whether every coefficient is bounded."""
        return all(c.is_finite() for each in np.asarray(array).ravel() for c in each.coeffs())

    def exp(self, z: Array) -> Array:
        """Exponential."""
        return self.entrywise(lambda s: s.exp(), z)

    def tanh(self, z: Array) -> Array:
        """Hyperbolic tangent."""
        return self.entrywise(lambda s: 1 - 2 / ((2 * s).exp() + 1), z)

    def sigmoid(self, z: Array) -> Array:
        """Logistic function."""
        return self.entrywise(lambda s: 1 / (1 + (-s).exp()), z)

    def softplus(self, z: Array) -> Array:
        """Return log(1 + exp(z))."""
        return self.entrywise(lambda s: (1 + s.exp()).log(), z)

    def sin(self, z: Array) -> Array:
        """Sine."""
        return self.entrywise(lambda s: s.sin(), z)

    def cos(self, z: Array) -> Array:
        """Cosine."""
        return self.entrywise(lambda s: s.cos(), z)

    def erf(self, z: Array) -> Array:
        """Error function."""
        return self.entrywise(lambda s: s.erf(), z)

    def sqrt(self, z: Array) -> Array:
        """Square root."""
        return self.entrywise(lambda s: s.sqrt(), z)

    def pi(self) -> Any:
        """Return the constant series pi."""
        with self.working():
            return self.own(flint.arb_series([flint.arb.pi()]))

    def step(self, z: Array) -> Array:
        """Return 1 where z > 0 and 0 where z < 0.

        Raises
        ------
        UndecidedKinkError
            Where the ball of a constant coefficient contains 0.
        """

        def of_one(series: Series) -> Series:
            if series[0] > 0:
                return flint.arb_series([1])
            if series[0] < 0:
                return flint.arb_series([0])
            raise UndecidedKinkError("the sign of a pre-activation is not decided along the path")

        return self.entrywise(of_one, z)
