"""The outputs that an underparametrized network can reach: curvature, and parameters from outputs.

Where D[theta] is injective, the outputs x[theta'] of all theta' near theta form a manifold of dimension
K in R^(QN), with the range of D as tangent space. Along a normal n, a vector of ker D^T, it curves by
the second fundamental form

    B_n(v, w) = sum_i n_i (Hess x_i)(v, w).

Its eigenvalues, with |D v| for the length of v, are the principal curvatures. With the targets
y = x[theta] + t n at a distance t along a unit normal, theta is critical, and the Hessian of
|x - y|^2 / 2 has the eigenvalues 1 - t kappa_i in orthonormal tangent directions: theta is a strict
local minimum as long as t is below the first focal distance 1 / max kappa_i, and a saddle beyond it.
"""

from __future__ import annotations

from dataclasses import dataclass

from geomdl.arithmetic import Array
from geomdl.jacobians import Linearization, linearize
from geomdl.networks import check_vector
from geomdl.pseudoinverses import pseudoinverse
from geomdl.second_derivatives import jacobian_derivative


def principal_curvatures(at: Linearization, normal: Array) -> Array:
    """Return the principal curvatures of the manifold of outputs in a normal direction.

    Eigenvalues of the symmetric matrix D^+T (sum_i n_i Hess x_i) D^+ on the range of D, with n the part
    of ``normal`` that is orthogonal to the range of D.

    Parameters
    ----------
    at : Linearization
        With D injective.
    normal : array, shape (QN,)
        A direction of output space; its length scales the result.

    Returns
    -------
    array, shape (K,)
        Descending. The largest is 1 / (first focal distance) for a unit normal, where it is positive.

    Raises
    ------
    ValueError
        When the rank of D is below K.

    Notes
    -----
    Parameters enter by the manifold alone: the curvatures do not change when theta is replaced by other
    coordinates. Errors are absolute, of the size of the largest curvature times the roundoff.

    Examples
    --------
    >>> import numpy as np
    >>> from geomdl.networks import Network
    >>> at = linearize(Network([1, 1], "tanh"), np.ones(2), np.array([[0.0], [1.0], [3.0]]))
    >>> principal_curvatures(at, np.array([1.0, 0.0, 0.0])) + 0.0  # an affine network: a plane
    array([0., 0.])
    """
    check_vector("a normal", normal, at.arithmetic, at.shape[0])
    factored, parameters = pseudoinverse(at.jacobian()), at.shape[1]
    if factored.rank < parameters:
        raise ValueError(
            f"got a Jacobian of rank {factored.rank}; expected rank K = {parameters}: the outputs near "
            "this theta are no manifold of dimension K"
        )
    n = normal - factored.range_basis @ (factored.range_dual @ normal)
    form = at.arithmetic.stack([jacobian_derivative(at, e).T @ n for e in at.arithmetic.eye(parameters)])
    # D^+ turns an orthonormal basis of the tangent space into the directions v that it comes from.
    tangents = factored.apply(factored.range_basis)
    shape = tangents.T @ form @ tangents
    shape = (shape + shape.T) / at.arithmetic.number(2)
    # Shifted to be positive semidefinite, its eigenvalues are its singular values.
    shift = at.arithmetic.sqrt((shape * shape).sum())
    return at.arithmetic.singular_values(shape + shift * at.arithmetic.eye(parameters)) - shift


@dataclass(frozen=True)
class RecoveredParameters:
    """Parameters whose outputs are nearest to given ones; see :func:`recover_parameters`.

    Attributes
    ----------
    theta : array, shape (K,)
    iterations : int
    converged : bool
        Whether the last step was rounding.
    """

    theta: Array
    iterations: int
    converged: bool


def recover_parameters(
    at: Linearization, outputs: Array, *, rank: int | None = None, limit: int = 60
) -> RecoveredParameters:
    """Find the parameters near a given theta whose outputs are (nearest to) given ones.

    The method of Gauss and Newton, theta <- theta + D^+ (z - x[theta]): the local inverse of
    theta -> x[theta] where D is injective, and the adapted flow in unit steps.

    Parameters
    ----------
    at : Linearization
        Where to start.
    outputs : array, shape (QN,)
        z, stacked sample by sample.
    rank : int, optional
        Impose the rank of D; losing it is a SingularMatrixError then.
    limit : int
        Largest number of iterations.

    Returns
    -------
    RecoveredParameters
        Not converged where D loses rank on the way, as it does when the start was too far away, or when
        the outputs are farther from the manifold than a focal distance.

    Examples
    --------
    >>> import numpy as np
    >>> from geomdl.networks import Network
    >>> network, inputs = Network([1, 1, 1], "tanh"), np.linspace(-1.0, 2.0, 6)[:, None]
    >>> theta = np.array([1.0, 0.2, 2.0, -1.0])
    >>> known = linearize(network, theta, inputs).stacked
    >>> found = recover_parameters(linearize(network, theta + 0.1, inputs), known)
    >>> found.converged, np.abs(found.theta - theta).max() < 1e-12
    (True, np.True_)
    """
    check_vector("outputs", outputs, at.arithmetic, at.shape[0])
    unit, previous = at.arithmetic.unit_roundoff, float("inf")
    factored = pseudoinverse(at.jacobian(), rank=rank)
    first_rank = factored.rank
    for iteration in range(1, limit + 1):
        step = factored.apply(outputs - at.stacked)
        theta = at.theta + step
        size, length = float(at.arithmetic.largest(theta)), float(at.arithmetic.largest(step))
        if not size + length < float("inf"):
            return RecoveredParameters(at.theta, iteration - 1, False)
        at = linearize(at.network, theta, at.inputs)
        # Quadratic (or linear) convergence ends where steps are rounding and no longer shrink.
        stalled = length > previous / 2 and length <= unit**0.5 * size
        if length <= 4 * unit * size or stalled:
            return RecoveredParameters(theta, iteration, True)
        previous, factored = length, pseudoinverse(at.jacobian(), rank=rank)
        if factored.rank != first_rank:
            return RecoveredParameters(theta, iteration, False)
    return RecoveredParameters(at.theta, limit, False)
