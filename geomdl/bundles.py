"""The bundle of fibres V = range(D^T[theta]), its metric h and the gradients that h defines.

The map theta -> x[theta] pushes a direction V of parameter space to D V. With a metric g of outputs (a
symmetric positive definite matrix G, Euclidean unless given),

    h(V, W) = g(D V, D W)

is positive definite on range(D^T), whatever the rank of D, and vanishes along ker D. So every function
F of theta has exactly one gradient in the fibre: dF(V) = h(V, grad_h F) for all V in range(D^T). Where
the rank of D jumps the gradient does, and it is unbounded nearby.

The fibres depend on the metric of parameter space, here the Euclidean one: range(D^T) is the orthogonal
complement of the directions ker D along which the outputs do not move.
"""

from __future__ import annotations

from typing import Any

from geomdl.arithmetic import Array
from geomdl.jacobians import Linearization
from geomdl.networks import check_vector
from geomdl.pseudoinverses import pseudoinverse


def _check_metric(at: Linearization, metric: Array | None) -> None:
    if metric is not None and tuple(metric.shape) != (at.shape[0], at.shape[0]):
        raise ValueError(
            f"got a metric of shape {tuple(metric.shape)}; expected {(at.shape[0], at.shape[0])}, a "
            "symmetric positive definite matrix on output space"
        )


def bundle_metric(at: Linearization, first: Array, second: Array, *, metric: Array | None = None) -> Any:
    """Evaluate the pullback metric of two directions.

    h(V, W) = (D V)^T G (D W)

    Parameters
    ----------
    at : Linearization
    first, second : arrays, shape (K,)
        V and W, same arithmetic as theta.
    metric : array, shape (QN, QN), optional
        G at x[theta], symmetric positive definite; the identity by default.

    Returns
    -------
    scalar of the arithmetic in use
        Positive for V = W != 0 in range(D^T), and zero for V in ker D.

    Raises
    ------
    ValueError, TypeError
        For wrong shapes, numbers that are not finite, or arrays of different arithmetics.

    Notes
    -----
    Source: arXiv:2311.15487, (2.22) and (2.25).

    Examples
    --------
    >>> import numpy as np
    >>> from geomdl import Network, linearize
    >>> at = linearize(Network([1, 1], "tanh"), np.array([2.0, 1.0]), np.array([[3.0]]))  # D = (3, 1)
    >>> fibre, kernel = np.array([3.0, 1.0]), np.array([1.0, -3.0])
    >>> float(bundle_metric(at, fibre, fibre)), float(bundle_metric(at, kernel, kernel))
    (100.0, 0.0)
    """
    _check_metric(at, metric)
    pushed = at.push(second)
    return at.push(first) @ (pushed if metric is None else metric @ pushed)


def bundle_gradient(
    at: Linearization, differential: Array, *, metric: Array | None = None, rank: int | None = None
) -> Array:
    """Return the gradient of a function with respect to the pullback metric.

    grad_h F = D^+ R (R^T G R)^-1 R^T (D^+)^T grad_theta F, the columns of R a basis of range(D); for
    the Euclidean metric D^+ (D^+)^T grad_theta F, or Pen[D] Pen[D]^T grad_theta F at full row rank.

    Parameters
    ----------
    at : Linearization
    differential : array, shape (K,)
        The partial derivatives grad_theta F at theta; F need not be a function of the outputs.
    metric : array, shape (QN, QN), optional
        G at x[theta], symmetric positive definite; the identity by default.
    rank : int, optional
        Impose the rank of D, as for :func:`geomdl.pseudoinverse`.

    Returns
    -------
    array, shape (K,)
        The only vector of range(D^T) with dF(V) = h(V, grad_h F) for all V in range(D^T).

    Raises
    ------
    ValueError, TypeError
        For wrong shapes, numbers that are not finite, or arrays of different arithmetics.

    Notes
    -----
    A section of the bundle where the rank of D is locally constant; near points where it drops, of size
    |grad_theta F| / sigma_min^2. Source: arXiv:2311.15487, (2.23) and (2.30).

    Examples
    --------
    >>> import numpy as np
    >>> from geomdl import Network, linearize
    >>> at = linearize(Network([1, 1], "tanh"), np.array([2.0, 1.0]), np.array([[3.0]]))  # D = (3, 1)
    >>> gradient = bundle_gradient(at, np.array([10.0, 0.0]))
    >>> gradient.round(12).tolist()
    [0.9, 0.3]
    >>> float(round(bundle_metric(at, np.array([3.0, 1.0]), gradient), 12))  # dF(V) for V = (3, 1)
    30.0
    """
    check_vector("a differential", differential, at.arithmetic, at.shape[1])
    _check_metric(at, metric)
    factored = pseudoinverse(at.jacobian(), rank=rank)
    inverse = factored.matrix()
    covector = inverse.T @ differential
    if metric is None:
        return inverse @ covector
    if factored.rank == 0:
        return 0 * differential
    basis = factored.range_basis
    coefficients = at.arithmetic.solve(basis.T @ metric @ basis, basis.T @ covector)
    return inverse @ (basis @ coefficients)


def rescaling_directions(at: Linearization, *, degree: int = 1) -> Array:
    """Return the directions in which a homogeneous network can be rescaled unit by unit.

    For an activation with f(c z) = c^degree f(z), c > 0, the outputs do not change when the row of
    (W_l, b_l) of a hidden unit is multiplied by c and its column of W_(l+1) by c^(-degree). The
    direction is n = (row, -degree * column): D n = 0.

    Parameters
    ----------
    at : Linearization
    degree : int
        1 for ReLU, leaky ReLU and the identity, 2 for the square.

    Returns
    -------
    array, shape (number of hidden units, K)
        One direction a row, layer by layer; in the kernel of D where the activation is homogeneous.

    Notes
    -----
    n is half of the gradient of |row|^2 - degree |column|^2. Hence this quantity is constant along every
    curve with velocity in range(D^T), and so along the standard and the adapted flow; brackets of
    sections are orthogonal to n as well, so that the bundle never generates all directions.

    Examples
    --------
    >>> import numpy as np
    >>> from geomdl import Network, linearize
    >>> at = linearize(Network([1, 1, 1], "relu"), np.array([2.0, 1.0, 3.0, 0.0]), np.array([[1.0]]))
    >>> rescaling_directions(at)
    array([[ 2.,  1., -3.,  0.]])
    >>> at.push(rescaling_directions(at)[0]).tolist()
    [0.0]
    """
    a, network = at.arithmetic, at.network
    rows = []
    for index, (weight, bias) in enumerate(at.layers[:-1]):
        for unit in range(weight.shape[0]):
            parts = [(0 * w, 0 * b) for w, b in at.layers]
            chosen = a.zeros(weight.shape[0])
            chosen[unit] = a.number(1)
            parts[index] = (chosen[:, None] * weight, chosen * bias)
            parts[index + 1] = (-degree * at.layers[index + 1][0] * chosen, parts[index + 1][1])
            rows.append(network.flatten(parts))
    return a.stack(rows) if rows else at.jacobian()[:0]
