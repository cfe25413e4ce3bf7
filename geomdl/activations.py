"""Activation functions with two derivatives, and what is true of each.

The hypotheses of theorems ("the derivative of the activation is Lipschitz", "the activation is smooth")
are checked against the facts recorded here, never against a name.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from geomdl.arithmetic import Arithmetic, Array

Jet = tuple[Array, Array, Array]
Values = tuple[Any, Callable[[], Array], Callable[[], Array]]


@dataclass(frozen=True)
class Activation:
    """A scalar function applied entrywise, with its first two derivatives.

    Attributes
    ----------
    name : str
        As in the table of :data:`ACTIVATIONS`.
    parts : callable
        ``parts(arithmetic, z)`` returns the value and two callables for the derivatives, which share
        the work of the value.
    analytic : bool
        Real analytic on the whole line.
    lipschitz_derivative : bool
        The first derivative exists everywhere and is (globally) Lipschitz: what arXiv:2311.15487
        asks of an activation.
    piecewise_linear : bool
        Derivatives at the kink are taken from the left: ReLU'(0) = 0.
    homogeneous : bool
        f(c z) = c f(z) for every c > 0.
    rational : bool
        Maps rational numbers to rational numbers, so that networks run in exact arithmetic.
    """

    name: str
    parts: Callable[[Arithmetic, Array], Values]
    analytic: bool = False
    lipschitz_derivative: bool = False
    piecewise_linear: bool = False
    homogeneous: bool = False
    rational: bool = False

    def value(self, arithmetic: Arithmetic, z: Array) -> Array:
        """Return f(z) entrywise."""
        return self.parts(arithmetic, z)[0]

    def value_and_slope(self, arithmetic: Arithmetic, z: Array) -> tuple[Array, Array]:
        """Return f(z) and f'(z) entrywise."""
        value, slope, _ = self.parts(arithmetic, z)
        return value, slope()

    def jet(self, arithmetic: Arithmetic, z: Array) -> Jet:
        """Return f(z), f'(z) and f''(z) entrywise."""
        value, slope, curvature = self.parts(arithmetic, z)
        return value, slope(), curvature()


def _tanh(a: Arithmetic, z: Array) -> Values:
    t = a.tanh(z)
    return t, lambda: 1 - t * t, lambda: -2 * t * (1 - t * t)


def _sigmoid(a: Arithmetic, z: Array) -> Values:
    p = a.sigmoid(z)
    return p, lambda: p * (1 - p), lambda: p * (1 - p) * (1 - 2 * p)


def _softplus(a: Arithmetic, z: Array) -> Values:
    def curvature() -> Array:
        p = a.sigmoid(z)
        return p * (1 - p)

    return a.softplus(z), lambda: a.sigmoid(z), curvature


def _gelu(a: Arithmetic, z: Array) -> Values:
    # z Phi(z) with the normal distribution function Phi and its density phi = Phi'.
    cumulative = (1 + a.erf(z / a.sqrt(a.number(2)))) / 2

    def density() -> Array:
        # The density vanishes long before |z| = 1000; the square of a huge z would overflow.
        near = z * (1 - a.step(abs(z) - 1000))
        far = a.step(abs(z) - 1000)
        return (1 - far) * a.exp(-near * near / 2) / a.sqrt(2 * a.pi())

    def curvature() -> Array:
        near = z * (1 - a.step(abs(z) - 1000))
        return density() * (2 - near * near)

    return z * cumulative, lambda: cumulative + z * density(), curvature


def _sin(a: Arithmetic, z: Array) -> Values:
    s = a.sin(z)
    return s, lambda: a.cos(z), lambda: -s


def _relu(a: Arithmetic, z: Array) -> Values:
    step = a.step(z)
    return z * step, lambda: step, lambda: a.zeros(z.shape)


def _leaky_relu(a: Arithmetic, z: Array) -> Values:
    slope = a.number(1, 100) + a.number(99, 100) * a.step(z)
    return z * slope, lambda: slope, lambda: a.zeros(z.shape)


def _square(a: Arithmetic, z: Array) -> Values:
    return z * z, lambda: 2 * z, lambda: a.zeros(z.shape) + a.number(2)


def _serpentine(a: Arithmetic, z: Array) -> Values:
    # With r = 1/(1 + z^2), z^2 r = 1 - r: no quotient of two huge numbers.
    r = a.number(1) / (1 + z * z)
    value = z * r
    return value, lambda: r * (2 * r - 1), lambda: 2 * value * r * (1 - 4 * r)


def _identity(a: Arithmetic, z: Array) -> Values:
    return z, lambda: a.zeros(z.shape) + a.number(1), lambda: a.zeros(z.shape)


_SMOOTH = {"analytic": True, "lipschitz_derivative": True}

ACTIVATIONS: dict[str, Activation] = {
    activation.name: activation
    for activation in (
        Activation("tanh", _tanh, **_SMOOTH),
        Activation("sigmoid", _sigmoid, **_SMOOTH),
        Activation("softplus", _softplus, **_SMOOTH),
        Activation("gelu", _gelu, **_SMOOTH),
        Activation("sin", _sin, **_SMOOTH),
        Activation("relu", _relu, piecewise_linear=True, homogeneous=True, rational=True),
        Activation("leaky_relu", _leaky_relu, piecewise_linear=True, homogeneous=True, rational=True),
        Activation("square", _square, rational=True, **_SMOOTH),
        Activation("serpentine", _serpentine, rational=True, **_SMOOTH),
        Activation("identity", _identity, homogeneous=True, rational=True, **_SMOOTH),
    )
}
"""All activations by name; leaky ReLU has slope 1/100 on the left, the serpentine is z / (1 + z^2)."""


def get_activation(name: str | Activation) -> Activation:
    """Return an activation by its name.

    Raises
    ------
    ValueError
        For an unknown name; the message lists the known ones and the nearest.

    Examples
    --------
    >>> get_activation("tanh").analytic
    True
    """
    if isinstance(name, Activation):
        return name
    if name in ACTIVATIONS:
        return ACTIVATIONS[name]
    near = difflib.get_close_matches(str(name), ACTIVATIONS, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    raise ValueError(f"got activation {name!r}; expected one of {', '.join(ACTIVATIONS)}{hint}")
