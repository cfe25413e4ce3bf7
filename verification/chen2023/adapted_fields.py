"""The adapted field as printed and in other forms, with the unit of its roundoff."""

from typing import Any

import numpy as np
from scipy.linalg import qr

from geomdl import Problem
from geomdl.arithmetic import Array
from verification.machinery.points import Point
from verification.scenes.bundles import smallest_sigma
from verification.scenes.pieces import push, squared


def by_two_factors(at: Point) -> Array:
    """-Pen[D] (Pen[D]^T grad_theta C), (1.26)."""
    pen = at.pinv.matrix()
    return -pen @ (pen.T @ at.grad_theta)


def by_gram_power(at: Point, power: int = 2) -> Array:
    """-D^T (D D^T)^-power D grad_theta C, (1.27)."""
    gram, result = at.D @ at.D.T, at.D @ at.grad_theta
    for _ in range(power):
        result = at.arithmetic.solve(gram, result)
    return -at.D.T @ result


def printed_row_projector(at: Point) -> Array:
    """P = Pen[D] D, the projector onto the range of D^T."""
    return at.pen @ at.D


def unit_of_velocity(at: Point) -> dict[str, Any]:
    """Return |g| / sigma_r, the size of the velocity, and kappa^2 for the solves with D D^T."""
    sigma = np.linalg.norm(at.arithmetic.to_float64(at.D), 2) / at.kappa
    scale = at.arithmetic.largest(at.g) * at.arithmetic.array([1 / sigma])[0]
    return {"scale": scale, "condition": at.kappa**2, "size": at.size}


def printed_field(problem: Problem, theta: Array, power: int = 2) -> Array:
    """-D^T (D D^T)^-power D grad_theta C at a point of an orbit."""
    at = problem.linearize(theta)
    jacobian, result = at.jacobian(), at.push(problem.gradient(theta))
    for _ in range(power):
        result = at.arithmetic.solve(jacobian @ jacobian.T, result)
    return -jacobian.T @ result


def velocity_by_another_right_inverse(at: Point) -> Array:
    """-R g with D R = 1, too, but R = S D^T (D S D^T)^-1 for the weights S = diag(1, 2, 3, ...)."""
    weighted = at.arithmetic.array(np.arange(1, at.D.shape[1] + 1))[:, None] * at.D.T
    return -weighted @ at.arithmetic.solve(at.D @ weighted, at.g)


def kernel(at: Point) -> Array:
    """Return a basis of the kernel of D, shape (K, K - QN), by elimination."""
    jacobian = at.arithmetic.to_float64(at.D)
    rows, columns = jacobian.shape
    order = qr(jacobian, mode="r", pivoting=True)[1]
    basis = at.arithmetic.zeros((columns, columns - rows))
    basis[order[rows:], range(columns - rows)] = at.number(1)
    basis[order[:rows]] = -at.arithmetic.solve(at.D[:, order[:rows]], at.D[:, order[rows:]])
    return basis


def unit_of_pairing(at: Point, v: Array, slope: Array) -> dict[str, Any]:
    """Return the size of dF(V) and |D V| |grad F| / sigma_r, and kappa^2 for the solves with D D^T."""
    pushed = at.arithmetic.array([smallest_sigma(at) ** -1])[0] * at.arithmetic.largest(push(at, v))
    terms = (
        abs(slope) @ abs(v) + squared(v) + (0 if at.is_matrix else at.arithmetic.largest(at.theta)) ** 2
    )
    scale = terms + pushed * at.arithmetic.largest(slope)
    return {"scale": scale, "condition": at.kappa**2, "size": at.size}
