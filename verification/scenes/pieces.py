"""Pieces that the checks of all texts are made of: D v and D^T u, lengths, inverses, a projector.

Pseudoinverses are factored with the rank of the scene, which is known in advance, so that no rounding
decides it.
"""

from __future__ import annotations

from typing import Any

from geomdl import pseudoinverse
from geomdl.arithmetic import Array
from verification.machinery.points import Point


def push(at: Point, direction: Array) -> Array:
    """Return f_* V = D V, by forward differentiation where there is a network."""
    return at.D @ direction if at.is_matrix else at.at_theta.push(direction)


def pull(at: Point, covector: Array) -> Array:
    """Return D^T u, by backpropagation where there is a network."""
    return at.D.T @ covector if at.is_matrix else at.at_theta.pull(covector)


def squared(values: Array) -> Any:
    """Return the sum of all squares: |v|^2 of a vector, |A|^2 of Frobenius for a matrix."""
    return (values * values).sum()


def moore_penrose(at: Point, matrix: Array) -> Array:
    """Return the pseudoinverse of a matrix that has the rank of D, such as D^T, D D^T or D^T D."""
    return pseudoinverse(matrix, rank=at.rank).matrix()


def projector_onto_range(at: Point) -> Array:
    """Return the projector onto the range of D from an orthonormal basis of it (exactly: a dual one)."""
    return pseudoinverse(at.D, rank=at.rank).range_projector()
