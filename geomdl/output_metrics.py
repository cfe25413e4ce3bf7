"""Metrics that parameters induce on output space: are they functions of the outputs? Lines in fibres.

At one theta of rank QN the tangent kernel D D^T is the inverse of an inner product on output space,

    <v, w> = v^T (D D^T)^-1 w,      <v, v> = the least |u|^2 of all u in R^K with D u = v.

It would be a Riemannian metric on output space, with f: theta -> x[theta] a Riemannian submersion, if
D D^T were the same at all theta of a fibre f^-1(x). Hence its derivative, to be taken along ker D, and
straight lines inside fibres, exact in every arithmetic; :mod:`geomdl.fibres` walks on curved ones.
"""

from __future__ import annotations

from geomdl.arithmetic import Array
from geomdl.jacobians import Linearization
from geomdl.networks import check_vector
from geomdl.pseudoinverses import pseudoinverse
from geomdl.second_derivatives import jacobian_derivative


def kernel_derivative(at: Linearization, direction: Array) -> Array:
    """Return the derivative of the tangent kernel D D^T along a direction v of parameter space.

    d(D D^T)[v] = dD[v] D^T + D dD[v]^T

    Parameters
    ----------
    at : Linearization
    direction : array, shape (K,)
        A direction of ker D, to see whether the kernel is a function of the outputs.

    Returns
    -------
    array, shape (QN, QN)

    Notes
    -----
    Where the rank of D is constant, D D^T is locally a function of x[theta] exactly when this vanishes
    for every v in ker D around theta. It does in networks without hidden layer, and where ker D = 0.
    Source: arXiv:2311.15487, (1.22) and (3.1).

    Examples
    --------
    >>> import numpy as np
    >>> from geomdl.jacobians import linearize
    >>> from geomdl.networks import Network
    >>> theta = np.array([0.0, 1.0, 1.0, 0.0])
    >>> at = linearize(Network([1, 1, 1], "identity"), theta, np.array([[0.0]]))
    >>> kernel_derivative(at, np.array([0.0, 0.0, 1.0, -1.0]))  # x = w2 b1 + b2, D D^T = w2^2 + b1^2 + 1
    array([[2.]])
    """
    half = jacobian_derivative(at, direction) @ at.jacobian().T
    return half + half.T


def line_in_fibre(at: Linearization, direction: Array) -> Array:
    """Return a direction n with x[theta + t n] = x[theta] for every t: only the output layer moves.

    The outputs are linear in (W, b) of the output layer, x_j = W a_j + b; n is the orthogonal projection
    of the output layer of ``direction`` onto the changes (dW, db) with dW a_j + db = 0 for all j.

    Parameters
    ----------
    at : Linearization
    direction : array, shape (K,)
        Which line, where there are many.

    Returns
    -------
    array, shape (K,)
        Zero for every direction exactly when there is no such line: when the last activations affinely
        span R^(M_L), for which N > M_L is necessary.

    Examples
    --------
    >>> import numpy as np
    >>> from geomdl.jacobians import linearize
    >>> from geomdl.networks import Network
    >>> theta = np.array([0.0, 1.0, 1.0, 0.0])
    >>> at = linearize(Network([1, 1, 1], "identity"), theta, np.array([[0.0]]))
    >>> line = line_in_fibre(at, np.array([0.0, 0.0, 1.0, -1.0]))
    >>> other = linearize(at.network, theta + line, at.inputs)
    >>> other.theta, other.outputs == at.outputs  # w2 = 1 and 2, the same output
    (array([ 0.,  1.,  2., -1.]), array([[ True]]))
    >>> float(at.gram()[0, 0]), float(other.gram()[0, 0])
    (3.0, 6.0)
    """
    a, last = at.arithmetic, at.activations[-1]
    check_vector("a direction", direction, a, at.shape[1])
    weight, bias = at.network.layers(direction)[-1]
    layer = a.concatenate([weight, bias[:, None]], axis=1)
    values = a.concatenate([last, a.zeros((len(last), 1)) + 1], axis=1)
    layer = layer - layer @ pseudoinverse(values).row_projector()
    moved = a.concatenate([layer[:, :-1].reshape(-1), layer[:, -1]])
    return a.concatenate([a.zeros(at.shape[1] - len(moved)), moved])
