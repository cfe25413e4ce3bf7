r"""Forward and backward pass with radii: what x[theta] and D[theta] are, for certain.

Pre-activations, activations and sensitivities are midpoint-radius matrices
(:class:`~geomdl.certificates.rounding.Enclosure`). A scalar activation s is evaluated at the midpoints m
by FLINT's balls, which enclose, and carried to the radius r by Taylor's theorem,

    |s(m + h) - s(m)|   <= min(B r, |s'(m)| r + Lambda r^2 / 2),      |h| <= r,
    |s'(m + h) - s'(m)| <= Lambda r,            B = sup |s'|,  Lambda = sup |s''|.

A kink that the radius does not exclude is enclosed by the hull of both slopes. theta may carry radii
too: all theta' with |theta' - theta| <= radius, entry by entry, and so every Euclidean ball of that
radius.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from geomdl.activations import Activation
from geomdl.certificates.rounding import Enclosure, norm_up, tiny, unit_roundoff, up
from geomdl.lipschitz import ACTIVATION_BOUNDS
from geomdl.networks import Network

FLINT_ASSUMPTION = "FLINT's ball arithmetic (python-flint's arb) encloses elementary functions"

BITS = 80
"""Precision of the scalar evaluations; their own radius is taken into account, whatever it is."""

Ball = Any


def require_flint() -> Any:
    """Return the module flint, or say which extra brings it."""
    try:
        import flint
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "certificates evaluate elementary functions with python-flint, which is not installed: "
            'pip install "geomdl-verify[rigorous]"'
        ) from error
    return flint


def _tanh(z: Ball) -> tuple[Ball, Ball]:
    t = z.tanh()
    return t, 1 - t * t


def _sigmoid(z: Ball) -> tuple[Ball, Ball]:
    p = 1 / (1 + (-z).exp())
    return p, p * (1 - p)


def _softplus(z: Ball) -> tuple[Ball, Ball]:
    value = (z if z > 0 else 0) + (-abs(z)).exp().log1p()
    return value, 1 / (1 + (-z).exp())


def _gelu(z: Ball) -> tuple[Ball, Ball]:
    half = 1 / require_flint().arb(2).sqrt()
    cumulative = (1 + (z * half).erf()) / 2
    density = (-z * z / 2).exp() * half / require_flint().arb.pi().sqrt()
    return z * cumulative, cumulative + z * density


def _sin(z: Ball) -> tuple[Ball, Ball]:
    return z.sin_cos()


def _serpentine(z: Ball) -> tuple[Ball, Ball]:
    r = 1 / (1 + z * z)
    return z * r, r * (2 * r - 1)


_AT_POINTS: dict[str, Callable[[Ball], tuple[Ball, Ball]]] = {
    "tanh": _tanh,
    "sigmoid": _sigmoid,
    "softplus": _softplus,
    "gelu": _gelu,
    "sin": _sin,
    "serpentine": _serpentine,
}
_SIDES = {"relu": (0.0, 1.0), "leaky_relu": (0.01, 1.0)}

ENCLOSED = (*_AT_POINTS, *_SIDES, "square", "identity")
"""Names of the activations that have enclosures."""


def check_enclosed(activation: Activation) -> None:
    """Raise ValueError for an activation without enclosures."""
    if activation.name not in ENCLOSED:
        raise ValueError(
            f"got the activation {activation.name!r}, which has no enclosures; expected one of "
            f"{', '.join(ENCLOSED)}"
        )


def activate(activation: Activation, z: Enclosure) -> tuple[Enclosure, Enclosure]:
    """Enclose value and slope of an activation on all members of an enclosure.

    Parameters
    ----------
    activation : Activation
        One of :data:`ENCLOSED`.
    z : Enclosure

    Returns
    -------
    value, slope : Enclosure

    Raises
    ------
    ValueError
        For an activation without enclosures.
    ModuleNotFoundError
        Without python-flint (extra ``rigorous``), for an activation that needs it.
    """
    check_enclosed(activation)
    name = activation.name
    if name == "identity":
        return z, Enclosure(np.ones_like(z.mid))
    if name == "square":
        # z * z encloses the products of any two members, in particular the squares
        return z * z, Enclosure(2 * z.mid, None if z.rad is None else 2 * z.rad)
    if name in _SIDES:
        return _piecewise(_SIDES[name], z)
    bounds = ACTIVATION_BOUNDS[name]
    value, slope = _at_midpoints(_AT_POINTS[name], z.mid)
    if z.rad is None:
        return value, slope
    steepest, bend = up(bounds.largest_slope), up(bounds.curvature, 4)
    real = z.dtype.type
    taylor = slope.magnitude() * z.rad + real(up(bend / 2, 2)) * np.square(z.rad)
    moved = up(np.minimum(taylor, real(up(steepest, 2)) * z.rad), 8)
    bent = up(real(up(bend, 2)) * z.rad, 4)
    return (
        replace(value, rad=up(value.radius + moved, 2)),
        replace(slope, rad=up(slope.radius + bent, 2)),
    )


def _at_midpoints(
    function: Callable[[Ball], tuple[Ball, Ball]], points: np.ndarray
) -> tuple[Enclosure, Enclosure]:
    """Evaluate with balls and round to the type of the points; the radii cover both errors."""
    flint = require_flint()
    arb = flint.arb
    results: list[np.ndarray] = [np.empty(points.size) for _ in range(4)]
    values, value_radii, slopes, slope_radii = results
    with flint.ctx.workprec(BITS):
        for index, point in enumerate(points.ravel().tolist()):
            value, slope = function(arb(point))
            values[index] = float(value)
            slopes[index] = float(slope)
            value_radii[index] = float(value.rad())
            slope_radii[index] = float(slope.rad())
    unit = unit_roundoff(points.dtype) + unit_roundoff(np.float64)
    pair = []
    for mids, radii in ((values, value_radii), (slopes, slope_radii)):
        # float() of a ball rounds its midpoint to nearest, and a radius of 30 bits exactly
        mid = mids.astype(points.dtype)
        rad = up(unit * np.abs(mids) * (1 + 2.0**-20) + radii, 8) + tiny(points.dtype)
        pair.append(Enclosure(mid.reshape(points.shape), _round_up(rad, points.dtype, points.shape)))
    return pair[0], pair[1]


def _round_up(values: np.ndarray, dtype: np.dtype, shape: tuple[int, ...]) -> np.ndarray:
    """Convert nonnegative float64 numbers to a type without becoming smaller."""
    return up(values.astype(dtype), 2).reshape(shape)


def _piecewise(sides: tuple[float, float], z: Enclosure) -> tuple[Enclosure, Enclosure]:
    """Enclose a function with one slope left of zero (zero included) and another one right of it."""
    real, (left, right) = z.dtype.type, sides
    # a decimal fraction such as 1/100 is enclosed: neither type holds it
    spread = np.where(z.mid > 0, real(0), real(2 * unit_roundoff(z.dtype) * left))
    slope = np.where(z.mid > 0, real(right), real(left))
    undecided = np.zeros_like(z.mid, dtype=bool) if z.rad is None else np.abs(z.mid) <= z.rad
    middle, half = real((left + right) / 2), up(real((right - left) / 2), 4)
    spread = np.where(undecided, half, spread)
    slopes = Enclosure(np.where(undecided, middle, slope), spread)
    # s(z) = (some slope between both) * z, for every z
    return slopes * z, slopes


@dataclass(frozen=True, eq=False)
class EnclosedPass:
    """Forward and backward pass of a network, enclosed; see :func:`enclose`.

    Attributes
    ----------
    network : Network
    activations : list of Enclosure, shapes (N, M_0), ..., (N, M_L)
    slopes : list of Enclosure, shapes (N, M_1), ..., (N, M_L)
    weights : list of Enclosure
        W_1, ..., W_(L+1).
    outputs : Enclosure, shape (N, Q)
        x[theta], one row a sample.
    """

    network: Network
    activations: list[Enclosure]
    slopes: list[Enclosure]
    weights: list[Enclosure]
    outputs: Enclosure

    @property
    def shape(self) -> tuple[int, int]:
        """Shape (QN, K) of D."""
        samples, outputs = self.outputs.shape
        return samples * outputs, self.network.parameter_count

    @cached_property
    def sensitivities(self) -> list[Enclosure]:
        """delta_1, ..., delta_L, shapes (N, Q, M_l); delta_(L+1) is the identity."""
        below: list[Enclosure] = []
        for weight, slope in zip(reversed(self.weights[1:]), reversed(self.slopes), strict=True):
            delta = below[0] @ weight if below else weight[None, :, :]
            below.insert(0, delta * slope[:, None, :])
        return below

    def jacobian(self) -> Enclosure:
        """Enclose D[theta] itself, shape (QN, K), rows sample by sample, columns in theta's order."""
        samples, outputs = self.outputs.shape
        blocks: list[Enclosure] = []
        for delta, below in zip(self.sensitivities, self.activations, strict=False):
            product = delta[:, :, :, None] * below[:, None, None, :]
            blocks += [product.reshape(samples, outputs, -1), delta]
        identity = np.eye(outputs, dtype=self.outputs.dtype)
        last = self.activations[-1]
        wide = last.map(lambda part: identity[None, :, :, None] * part[:, None, None, :])
        blocks.append(wide.reshape(samples, outputs, -1))
        blocks.append(Enclosure(np.broadcast_to(identity, (samples, outputs, outputs))))
        joined = Enclosure(
            np.concatenate([block.mid for block in blocks], axis=2),
            np.concatenate([block.radius for block in blocks], axis=2),
        )
        return joined.reshape(*self.shape)

    def jacobian_error(self) -> float:
        """Bound |D - D_mid| in the Frobenius norm, D_mid made of the midpoints in exact arithmetic.

        A row of layer l is delta (x) (a, 1): it moves by at most
        |d delta| (|a| + |d a| + 1) + |delta| |d a|. D itself is never formed.
        """
        total = 0.0
        for delta, below, delta_error, below_error in self.factor_norms:
            rows = delta_error * up(below + below_error)[:, None] + delta * below_error[:, None]
            total = up(total + up(float(norm_up(up(rows, 6).astype(np.float64))), 2) ** 2, 4)
        return up(math.sqrt(total), 2)

    @cached_property
    def factor_norms(self) -> list[tuple[np.ndarray, ...]]:
        """Return |delta|, |(a, 1)| and the norms of their radii, layer by layer: (N, Q), (N,), twice."""
        samples, outputs = self.outputs.shape
        one = np.ones((samples, outputs), dtype=self.outputs.dtype)
        deltas = [
            (norm_up(delta.mid, axis=2), norm_up(delta.radius, axis=2)) for delta in self.sensitivities
        ]
        deltas.append((one, np.zeros_like(one)))
        factors: list[tuple[np.ndarray, ...]] = []
        for (size, error), below in zip(deltas, self.activations, strict=True):
            extended = up(np.sqrt(up(np.square(norm_up(below.mid, axis=1)), 2) + 1), 3)
            below_error = (
                np.zeros(samples, dtype=self.outputs.dtype)
                if below.rad is None
                else norm_up(below.rad, axis=1)
            )
            factors.append((size, extended, error, below_error))
        return factors


def enclose(
    network: Network, theta: np.ndarray, inputs: np.ndarray, radius: float | np.ndarray = 0.0
) -> EnclosedPass:
    """Enclose the pass of a network for every theta' with |theta' - theta| <= radius entry by entry.

    Parameters
    ----------
    network : Network
    theta : ndarray, shape (K,), float64 or float32
        Taken as exact numbers.
    inputs : ndarray, shape (N, M), same type
        Taken as exact numbers.
    radius : float or ndarray of shape (K,)

    Returns
    -------
    EnclosedPass

    Raises
    ------
    ValueError
        For an activation without enclosures, a negative radius, or shapes that do not fit.

    Examples
    --------
    >>> network = Network([2, 3, 1], "tanh")
    >>> found = enclose(network, network.random_theta(0), np.eye(2))
    >>> found.jacobian().shape, bool(found.outputs.radius.max() < 1e-14)
    ((2, 13), True)
    """
    check_enclosed(network.activation)
    if not np.all(np.asarray(radius) >= 0):
        raise ValueError("got a radius that is negative or NaN; expected numbers >= 0")
    layers = network.layers(theta)
    radii: list[tuple[Any, Any]] = [(None, None)] * len(layers)
    if np.any(np.asarray(radius) > 0):
        spread = np.broadcast_to(np.asarray(radius, dtype=np.float64), theta.shape)
        radii = network.layers(_round_up(spread, theta.dtype, theta.shape))
    weights, activations, slopes = [], [Enclosure(inputs)], []
    for index, ((weight, bias), (weight_radius, bias_radius)) in enumerate(
        zip(layers, radii, strict=True)
    ):
        enclosed = Enclosure(weight, weight_radius)
        weights.append(enclosed)
        z = activations[-1] @ enclosed.T + Enclosure(bias, bias_radius)
        if index + 1 < len(layers):
            value, slope = activate(network.activation, z)
            activations.append(value)
            slopes.append(slope)
    return EnclosedPass(network, activations, slopes, weights, z)
