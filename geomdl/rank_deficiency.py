"""Flows and restarts where the Jacobian has lost rank.

With g = grad_x C, the adapted flow is extended to any rank by a differential-algebraic system,

    theta' = D^T Psi,     Psi minimizes |D D^T Psi + g|.

Under rank loss many Psi do, but they differ by the kernel of D D^T, which is that of D^T: the velocity
D^T Psi = -D^+ g is unique, and x' = -P g with P the projector onto the range of D.

An orbit that has come to an equilibrium theta_* is restarted beside it. The first order of the cost
vanishes there, so that in any direction v

    C[theta_* + kappa v] - C[theta_*] = kappa^2 / 2 (v, H v) + O(kappa^3),     H the Hessian of C:

what matters is the sign of (v, H v), not that of kappa. A direction with (v, H v) < 0 exists exactly
when H has a negative eigenvalue; at a local minimum there is none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from geomdl.arithmetic import Array, UnsupportedOperationError, arithmetic_of
from geomdl.critical_points import normal_directions
from geomdl.flows import Field
from geomdl.jacobians import Linearization
from geomdl.networks import check_vector
from geomdl.problems import Problem
from geomdl.pseudoinverses import pseudoinverse
from geomdl.second_derivatives import cost_hessian

ROUNDING = 30
"""Units of roundoff below which a difference of costs, or an eigenvalue, counts as zero."""


def least_squares_multiplier(at: Linearization, covector: Array, *, rank: int | None = None) -> Array:
    """Return the shortest Psi that minimizes |D D^T Psi + u|.

    Psi = -(D D^T)^+ u; all others are Psi + n with D^T n = 0.

    Parameters
    ----------
    at : Linearization
    covector : array, shape (QN,)
        u, such as grad_x C.
    rank : int, optional
        Impose the rank of D, where it is known to be constant.

    Returns
    -------
    array, shape (QN,)

    Notes
    -----
    Source: arXiv:2311.15487, (4.5), (4.6) and (4.10).

    Examples
    --------
    >>> import numpy as np
    >>> from geomdl import Network, linearize
    >>> at = linearize(Network([1, 1], "identity"), np.zeros(2), np.array([[1.0], [1.0]]))  # D = 1 1^T
    >>> abs(least_squares_multiplier(at, np.array([-4.0, 4.0]))).round(12)  # u in the kernel of D^T
    array([0., 0.])
    >>> least_squares_multiplier(at, np.array([4.0, 4.0])).round(12)
    array([-1., -1.])
    """
    check_vector("a covector", covector, at.arithmetic, at.shape[0])
    inverse = pseudoinverse(at.jacobian(), rank=rank).matrix()
    return -inverse.T @ (inverse @ covector)


def differential_algebraic_field(*, rank: int | None = None, sign: int = 1) -> Field:
    """Return the field theta -> sign D^T Psi, Psi a minimizer of |D D^T Psi + grad_x C|.

    Parameters
    ----------
    rank : int, optional
        Impose the rank of D, where it is known to be constant along an orbit.
    sign : {1, -1}
        1 descends: the field is the adapted one, -D^+ grad_x C. -1 is the sign that is printed in
        (4.5) of the source; there the cost ascends.

    Returns
    -------
    callable
        (problem, theta) -> velocity, shape (K,), for :func:`geomdl.integrate`.

    Raises
    ------
    ValueError
        For another sign.

    Notes
    -----
    The field is as smooth as D where the rank of D is constant, and has jumps where it is not: an orbit
    may reach a point of lower rank in finite time, and several may leave from it.
    Source: arXiv:2311.15487, (4.5), with the sign of the talk of 2024.

    Examples
    --------
    >>> import numpy as np
    >>> from geomdl import Dataset, Network, adapted_field
    >>> data = Dataset.regression(np.array([[1.0], [1.0]]), np.array([[0.0], [2.0]]))
    >>> problem, theta = Problem(Network([1, 1], "identity"), data), np.array([2.0, 3.0])
    >>> field, printed = differential_algebraic_field(), differential_algebraic_field(sign=-1)
    >>> field(problem, theta).round(12), printed(problem, theta).round(12)
    (array([-1., -1.]), array([1., 1.]))
    >>> adapted_field()(problem, theta).round(12)
    array([-1., -1.])
    """
    if sign not in (1, -1):
        raise ValueError(f"got sign={sign!r}; expected 1, or -1 for the printed form")

    def field(problem: Problem, theta: Array) -> Array:
        at = problem.linearize(theta)
        gradient = problem.cost.gradient(problem.data, at.stacked)
        return sign * at.pull(least_squares_multiplier(at, gradient, rank=rank))

    return field


def normal_curvatures(problem: Problem, theta: Array, columns: Sequence[int]) -> Array:
    """Return the second derivatives of the cost along the gradients of g_alpha.

    (V, H V) with V = grad g_alpha = H e_(k_alpha) at an equilibrium, that is (H^3)_(k_alpha k_alpha).

    Parameters
    ----------
    problem : Problem
    theta : array, shape (K,)
        An equilibrium, such as found by :func:`geomdl.critical_points.polish`.
    columns : sequence of int
        The columns k_alpha of D, V_alpha in the source.

    Returns
    -------
    array, shape (len(columns),)
        Where an entry is positive, no small step along that gradient lowers the cost; where it is
        negative, small steps of either sign do.

    Notes
    -----
    Source: arXiv:2311.15487, (4.15)-(4.17), where the sign of the step is to decide.

    Examples
    --------
    >>> import numpy as np
    >>> from geomdl import Dataset, Network
    >>> data = Dataset.regression(np.array([[0.0], [0.0]]), np.array([[1.0], [3.0]]))
    >>> problem = Problem(Network([1, 1], "tanh"), data)
    >>> normal_curvatures(problem, np.array([0.0, 2.0]), [1])  # the bias: C = 1/2 + (b - 2)^2 / 2
    array([1.])
    """
    normals = normal_directions(problem, theta, columns)
    return ((normals @ cost_hessian(problem, theta)) * normals).sum(axis=1)


@dataclass(frozen=True)
class NegativeCurvature:
    """The direction in which the cost bends down most; see :func:`negative_curvature`.

    Attributes
    ----------
    direction : array, shape (K,)
        A unit vector.
    curvature : scalar
        The lowest eigenvalue of the Hessian, negative.
    """

    direction: Array
    curvature: Any


def negative_curvature(problem: Problem, theta: Array) -> NegativeCurvature | None:
    """Return an eigenvector of the lowest eigenvalue of the Hessian of the cost, if that is negative.

    Parameters
    ----------
    problem : Problem
        Not in exact arithmetic.
    theta : array, shape (K,)
        An equilibrium.

    Returns
    -------
    NegativeCurvature or None
        None where no eigenvalue is negative beyond rounding. The direction is normal to the critical
        set, the tangent vectors of which are in the kernel of the Hessian.

    Raises
    ------
    UnsupportedOperationError
        In exact arithmetic, where eigenvectors need not be rational.

    Examples
    --------
    >>> import numpy as np
    >>> from geomdl import Dataset, Network
    >>> data = Dataset.regression(np.array([[-1.0], [1.0]]), np.array([[-1.0], [1.0]]))
    >>> problem = Problem(Network([1, 1, 1], "tanh"), data)
    >>> found = negative_curvature(problem, np.zeros(4))  # C = 1 - w_1 w_2 + ... at the origin
    >>> float(round(found.curvature, 12)), abs(found.direction).round(6)
    (-1.0, array([0.707107, 0.      , 0.707107, 0.      ]))
    """
    hessian = cost_hessian(problem, theta)
    arithmetic = arithmetic_of(hessian)
    if arithmetic.exact:
        raise UnsupportedOperationError(
            f"negative_curvature was asked of {arithmetic.name} arithmetic; expected floating-point "
            "numbers, such as those of get_arithmetic('mp50')"
        )
    # Singular vectors of H mix eigenvalues of equal size and opposite sign; H + shift is positive.
    shift = abs(hessian).sum(axis=1).max()
    moved = (hessian + hessian.T) / arithmetic.number(2) + shift * arithmetic.eye(len(hessian))
    _, sigma, vt = arithmetic.svd(moved)
    direction = vt[-1]
    curvature = direction @ (hessian @ direction)
    limit = ROUNDING * len(sigma) * arithmetic.unit_roundoff * float(shift)
    return NegativeCurvature(direction, curvature) if curvature < -limit else None


@dataclass(frozen=True)
class Restart:
    """New initial parameters beside an equilibrium; see :func:`restart`.

    Attributes
    ----------
    theta : array, shape (K,)
        theta_* + kappa v.
    kappa : scalar
        Its sign and size.
    cost : scalar
        The cost there, lower than at theta_*.
    """

    theta: Array
    kappa: Any
    cost: Any


def restart(
    problem: Problem, theta: Array, direction: Array, *, length: float = 0.5, halvings: int = 30
) -> Restart | None:
    """Look along a direction, to both sides, for parameters of lower cost.

    kappa = +-length, +-length / 2, ..., in units of the direction; the best one is returned.

    Parameters
    ----------
    problem : Problem
    theta : array, shape (K,)
        An equilibrium theta_*.
    direction : array, shape (K,)
        For example from :func:`negative_curvature`.
    length : float
        Largest |kappa|.
    halvings : int
        How often it is halved.

    Returns
    -------
    Restart or None
        None when the cost is nowhere lower, beyond rounding: at a local minimum, for example.

    Raises
    ------
    ValueError
        For a direction that is zero, a length that is not positive, or halvings < 0.

    Notes
    -----
    Source: arXiv:2311.15487, (4.15)-(4.17).

    Examples
    --------
    >>> import numpy as np
    >>> from geomdl import Dataset, Network
    >>> data = Dataset.regression(np.array([[-1.0], [1.0]]), np.array([[-1.0], [1.0]]))
    >>> problem, saddle = Problem(Network([1, 1, 1], "tanh"), data), np.zeros(4)
    >>> down = restart(problem, saddle, negative_curvature(problem, saddle).direction)
    >>> bool(down.cost < problem.value(saddle))
    True
    >>> restart(problem, saddle, np.array([0.0, 0.0, 0.0, 1.0])) is None  # the output bias
    True
    """
    arithmetic = arithmetic_of(theta, direction)
    check_vector("a direction", direction, arithmetic, len(theta))
    largest = float(arithmetic.largest(direction))
    if not (length > 0 and halvings >= 0 and largest > 0):
        raise ValueError(
            f"got length={length}, halvings={halvings} and a direction of largest entry {largest}; "
            "expected length > 0, halvings >= 0 and a direction that is not zero"
        )
    x, y = problem.stacked(theta), problem.data.stacked_targets
    # An error u (|x| + |y|) of the outputs changes the cost by that times |grad_x C|.
    terms = (abs(problem.cost.gradient(problem.data, x)) * (abs(x) + abs(y))).sum()
    level = problem.value(theta) - arithmetic.array([ROUNDING * arithmetic.unit_roundoff])[0] * terms
    step = arithmetic.array([length])[0]
    best: Restart | None = None
    for _ in range(halvings + 1):
        for kappa in (step, -step):
            trial = theta + kappa * direction
            cost = problem.value(trial)
            if cost < (level if best is None else best.cost):
                best = Restart(trial, kappa, cost)
        step = step / arithmetic.number(2)
    return best
