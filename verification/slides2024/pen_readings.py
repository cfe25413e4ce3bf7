"""What the talks may mean by Pen[D] and Pen[D^T], and the field each reading gives."""

from collections.abc import Callable

from geomdl import Problem
from geomdl.arithmetic import Array
from geomdl.flows import Field
from verification.machinery.points import Point

Penrose = Callable[[Point, Array], Array]


def printed(at: Point, pen: Penrose, d: Array, gradient: Array) -> Array:
    """Return -Pen[D] Pen[D^T] grad_theta C."""
    return -pen(at, d) @ (pen(at, d.T) @ gradient)


def penrose_field(at: Point, pen: Penrose) -> Field:
    """Return the field theta -> -Pen[D] Pen[D^T] grad_theta C, both inverses as they are printed."""

    def field(problem: Problem, theta: Array) -> Array:
        d = problem.linearize(theta).jacobian()
        return printed(at, pen, d, problem.gradient(theta))

    return field


def by_formula(at: Point, matrix: Array) -> Array:
    """Return A^T (A A^T)^-1, the slides' definition of Pen[A]."""
    return matrix.T @ at.inverse(matrix @ matrix.T)
