r"""A Lipschitz constant of theta -> D[theta] on a Euclidean ball around a point, for certain.

Along a unit direction v = (v_1, ..., v_(L+1)) of parameter space, with a = x^(l) and a', a'' its
first two derivatives along v,

    z'  = V a + c + W a'          |z'|^2 <= (|a|^2 + 1 + |W|^2 s^2) (|v_1|^2 + ... + |v_(l+1)|^2),
    z'' = 2 V a' + W a''          |z''|  <= s + |W| t,

where |a'| <= s (|v_1|^2 + ... + |v_l|^2)^(1/2) and |a''| <= t (twice a product of numbers with squares
that add up to one is at most 1), and through the activation, with Lambda = sup |s''|,

    s <- B |z'|,   t <- Lambda |z'|^2 + B |z''|,    B = sup |s'| over the pre-activations.

On the ball |theta' - theta| <= rho, |W'| <= |W| + rho, |a' - a| <= s rho and the slopes change by at
most Lambda rho |z'|. The second derivative of one sample's output, a symmetric bilinear form with
values in R^Q, has its norm on the diagonal; summing over samples, |D - D'|_2 <= |D - D'|_F over
samples, at most (t_1^2 + ... + t_N^2)^(1/2) |theta - theta'|.

With one hidden layer more is true. No second derivative mixes two neurons: along u and v, neuron m with
input weights u_m, output weights p_m, and the extended inputs X = [x 1], contributes

    T_m(u, v) = W_m s'' (X u_m)(X v_m) + s' (p_m(u) X v_m + p_m(v) X u_m),

and a pairing with any covector is block diagonal, so the whole has the norm of the worst neuron,

    L = max_m (a_m + (a_m^2 + 4 b^2)^(1/2)) / 2,   a_m = |W_m| Lambda max_j |X_j| |X|_2,   b = B |X|_2,

the norm of the form a |u_m||v_m| + b (|p_m(u)||v_m| + |p_m(v)||u_m|). It does not grow with the width.
"""

from __future__ import annotations

import math

import numpy as np

from geomdl.certificates.definite import spectral_norm_up
from geomdl.certificates.enclosures import EnclosedPass, check_enclosed, enclose
from geomdl.certificates.rounding import norm_up, up
from geomdl.lipschitz import ACTIVATION_BOUNDS
from geomdl.networks import Network


def jacobian_lipschitz_bound(
    network: Network,
    theta: np.ndarray,
    inputs: np.ndarray,
    radius: float,
    at: EnclosedPass | None = None,
) -> float:
    """Return L with |D[theta'] - D[theta'']|_2 <= L |theta' - theta''| on the ball of this radius.

    Parameters
    ----------
    network : Network
        With an activation whose derivative is Lipschitz.
    theta : ndarray, shape (K,), float64 or float32
        The centre.
    inputs : ndarray, shape (N, M), same type
    radius : float
        rho >= 0, Euclidean.
    at : EnclosedPass, optional
        The pass at theta, when it is at hand.

    Returns
    -------
    float
        Rigorous; infinite where the bound overflows.

    Raises
    ------
    ValueError
        For an activation with a kink or without enclosures, or a negative radius.

    Examples
    --------
    An affine network has a constant Jacobian:

    >>> jacobian_lipschitz_bound(Network([2, 1], "tanh"), np.ones(3), np.eye(2), 1.0) < 1e-100
    True
    """
    check_enclosed(network.activation)
    bounds = ACTIVATION_BOUNDS.get(network.activation.name)
    if bounds is None:
        raise ValueError(
            f"got the activation {network.activation.name}; expected one of "
            f"{', '.join(ACTIVATION_BOUNDS)}, whose derivatives are Lipschitz"
        )
    if not radius >= 0:
        raise ValueError(f"got radius={radius}; expected a number >= 0")
    at = enclose(network, theta, inputs) if at is None else at
    steepest = up(bounds.largest_slope, 4) if math.isfinite(bounds.largest_slope) else math.inf
    bend, rho = up(bounds.curvature, 4), float(radius)
    first = np.zeros(len(inputs))  # s
    second = np.zeros(len(inputs))  # t
    with np.errstate(over="ignore"):
        for index, weight in enumerate(at.weights):
            factor = up(spectral_norm_up(weight) + rho, 2)
            size = up(norm_up(at.activations[index].magnitude().astype(np.float64), axis=1), 1)
            size = up(size + rho * first, 3)
            z_first = up(np.sqrt(size**2 + 1 + factor**2 * first**2), 8)
            z_second = up(first + factor * second, 3)
            if index == len(at.slopes):
                second = z_second
                break
            slopes = at.slopes[index].magnitude().max(axis=1).astype(np.float64)
            slope = np.minimum(up(slopes + bend * rho * z_first, 4), steepest)
            first, second = up(slope * z_first, 2), up(bend * z_first**2 + slope * z_second, 6)
        general = float(norm_up(second))
        if len(at.slopes) != 1:
            return general
        return min(general, _one_hidden_layer(at, steepest, bend, rho))


def _one_hidden_layer(at: EnclosedPass, steepest: float, bend: float, rho: float) -> float:
    """Bound L by the worst neuron; see the module's text."""
    inputs = at.activations[0].mid.astype(np.float64)
    extended = np.column_stack([inputs, np.ones(len(inputs))])
    longest, data = float(np.max(norm_up(extended, axis=1))), spectral_norm_up(extended)
    neuron = up(float(np.max(norm_up(at.weights[1].magnitude().astype(np.float64), axis=0))) + rho, 2)
    slope = up(float(np.max(at.slopes[0].magnitude())) + bend * rho * longest, 4)
    a, b = up(neuron * bend * longest * data, 4), up(min(slope, steepest) * data, 2)
    return up((a + math.sqrt(a**2 + 4 * b**2)) / 2, 8)
