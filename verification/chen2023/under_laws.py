"""The flow for K < QN as printed in section 5, its projector, and the unit of its roundoff."""

from collections.abc import Callable
from typing import Any

from geomdl import Problem
from geomdl.arithmetic import Array
from verification.machinery.points import Point
from verification.scenes.matrices import FULL_COLUMN_RANK
from verification.scenes.networks import UNDER
from verification.scenes.underparametrized import AFFINE, TWO_CLASSES_BESIDE

Piece = Callable[[Point], Array]


UNDER_NETWORKS = (*UNDER, *AFFINE, TWO_CLASSES_BESIDE)


UNDER_AND_MATRICES = (*UNDER_NETWORKS, *FULL_COLUMN_RANK)


def printed_velocity(at: Point) -> Array:
    """-(D^T D)^-1 grad_theta C, (1.30) and (5.2), the gradient by backpropagation."""
    return -at.arithmetic.solve(at.D.T @ at.D, at.grad_theta)


def printed_projector(at: Point) -> Array:
    """P = D (D^T D)^-1 D^T, (1.32) and (5.4)."""
    return at.D @ at.arithmetic.solve(at.D.T @ at.D, at.D.T)


def printed_field(problem: Problem, theta: Array, sign: int = -1) -> Array:
    """(1.30) at a point of an orbit."""
    jacobian = problem.linearize(theta).jacobian()
    return sign * problem.data.arithmetic.solve(jacobian.T @ jacobian, problem.gradient(theta))


def unit_of_solve(at: Point) -> dict[str, Any]:
    """Return kappa^2 for the solves with D^T D."""
    return {"size": at.size, "condition": at.kappa**2}


def size_of_gradient(at: Point) -> Any:
    """Return the size of what cancels in g, rounding of theta included."""
    parts = abs(at.x) + abs(at.y) + abs(at.D) @ abs(at.theta)
    return at.arithmetic.largest(parts) / at.number(at.N)
