"""How fast the gradient of the cost can change: a Lipschitz constant on a ball of parameters.

The gradient of the cost of a network with hidden layers is a polynomial-like function of the weights;
no constant serves all of R^K. On a ball |theta| <= R one does, and follows from the activation alone.
With [W b] of Frobenius norm at most R, |a| = |x^(l)| and B = sup |sigma'| over the pre-activations,

    |z|   <= R (1 + |a|^2)^(1/2)           |sigma(z)| <= M_l^(1/2) |sigma(0)| + B |z|
    |z'|  <= (1 + |a|^2)^(1/2) + R |a'|    |sigma(z)'| <= B |z'|
    |z''| <= 2 |a'| + R |a''|              |sigma(z)''| <= Lambda |z'|^2 + B |z''|

for derivatives along a unit vector, layer by layer, Lambda the Lipschitz constant of sigma'.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from geomdl.arithmetic import FLOAT64
from geomdl.problems import Problem


@dataclass(frozen=True)
class ActivationBounds:
    """What the bound needs to know of an activation.

    Attributes
    ----------
    value, slope : float
        |sigma(0)| and |sigma'(0)|.
    curvature : float
        Lipschitz constant of sigma'.
    largest_slope, largest_value : float
        sup |sigma'| and sup |sigma|, infinite where there is none.
    """

    value: float
    slope: float
    curvature: float
    largest_slope: float = math.inf
    largest_value: float = math.inf


ACTIVATION_BOUNDS = {
    "tanh": ActivationBounds(0.0, 1.0, 4 / math.sqrt(27), 1.0, 1.0),
    "sigmoid": ActivationBounds(0.5, 0.25, 1 / math.sqrt(108), 0.25, 1.0),
    "softplus": ActivationBounds(math.log(2), 0.5, 0.25, 1.0),
    # phi(z) (2 - z^2) is largest at 0; the slope at z = 2^(1/2)
    "gelu": ActivationBounds(0.0, 0.5, math.sqrt(2 / math.pi), 1.13),
    "sin": ActivationBounds(0.0, 1.0, 1.0, 1.0, 1.0),
    # the curvature is largest at z = 2^(1/2) - 1
    "serpentine": ActivationBounds(0.0, 1.0, (3 + 2 * math.sqrt(2)) / 4, 1.0, 0.5),
    "square": ActivationBounds(0.0, 0.0, 2.0),
    "identity": ActivationBounds(0.0, 1.0, 0.0, 1.0),
}
"""The activations with a Lipschitz derivative, by name."""


def gradient_lipschitz_bound(
    problem: Problem, radius: float, bounds: ActivationBounds | None = None
) -> float:
    """Return a Lipschitz constant of theta -> grad_theta C on the ball |theta| <= radius.

    |grad C(theta) - grad C(theta')| <= L |theta - theta'| with
    L = sum over samples of (2/d_j) (|x'|^2 + |x - y| |x''|), each factor bounded
    as in the module's text.

    Parameters
    ----------
    problem : Problem
        Network, data and cost, in any arithmetic; the bound is computed in float64.
    radius : float
        R > 0.
    bounds : ActivationBounds, optional
        Of the activation; looked up by its name by default.

    Returns
    -------
    float
        Also a bound of the Hessian's norm, so that gradient descent with steps below 2 / L decreases
        the cost as long as it stays in the ball. Pessimistic: layers share one radius.

    Raises
    ------
    ValueError
        For a radius that is not positive and finite, or an activation whose derivative is not Lipschitz.

    Notes
    -----
    Source: the local form of arXiv:2311.15487, section 1.2, paragraph after (1.9). Without hidden layer
    L does not depend on the radius.

    Examples
    --------
    >>> from geomdl.data import Dataset
    >>> from geomdl.networks import Network
    >>> data = Dataset.regression(np.array([[3.0, 4.0]]), np.array([[1.0]]))
    >>> affine = Problem(Network([2, 1], "tanh"), data)
    >>> round(gradient_lipschitz_bound(affine, 1.0)), round(gradient_lipschitz_bound(affine, 1e6))
    (26, 26)
    """
    if not 0 < radius < math.inf:
        raise ValueError(f"got radius={radius}; expected a positive finite number")
    network, data = problem.network, problem.data
    if bounds is None:
        bounds = ACTIVATION_BOUNDS.get(network.activation.name)
    if bounds is None:
        raise ValueError(
            f"got the activation {network.activation.name}; expected one of "
            f"{', '.join(ACTIVATION_BOUNDS)}, whose derivatives are Lipschitz, or the argument bounds"
        )
    size = np.linalg.norm(FLOAT64.array(data.arithmetic.to_float64(data.inputs)), axis=1)
    first, second = np.zeros_like(size), np.zeros_like(size)
    for width in network.widths[1:-1]:
        z, z_first, z_second = _affine(radius, size, first, second)
        slope = np.minimum(bounds.slope + bounds.curvature * z, bounds.largest_slope)
        size = np.minimum(
            math.sqrt(width) * bounds.value + slope * z, math.sqrt(width) * bounds.largest_value
        )
        first, second = slope * z_first, bounds.curvature * z_first**2 + slope * z_second
    outputs, first, second = _affine(radius, size, first, second)
    targets = np.linalg.norm(data.arithmetic.to_float64(data.targets), axis=1)[data.labels]
    weights = 2 / problem.cost.divisors(data)
    return float(np.sum(weights * (first**2 + (outputs + targets) * second)))


def _affine(
    radius: float, size: np.ndarray, first: np.ndarray, second: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Bound W a + b and its two derivatives along a unit vector."""
    one = np.sqrt(1 + size**2)
    return radius * one, one + radius * first, 2 * first + radius * second
