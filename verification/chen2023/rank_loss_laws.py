"""Projectors, bases and velocities where D has lost rank, section 4."""

from dataclasses import dataclass

import numpy as np

from geomdl import pseudoinverse
from geomdl.arithmetic import Array
from geomdl.critical_points import independent_columns
from verification.chen2023.equilibria import ON_THE_SIMPLEX
from verification.chen2023.orbit_laws import outputs_along
from verification.machinery.points import Point
from verification.machinery.ratios import Ratio, identity
from verification.scenes.matrices import ANY_MATRIX
from verification.scenes.networks import FULL_RANK, RANK_LOST, UNDER
from verification.scenes.pieces import projector_onto_range
from verification.scenes.rank_loss import rational_rotation


@dataclass(frozen=True)
class Diagonalization:
    """R and the diagonals of Lambda, of its generalized inverse and of P_Lambda."""

    rotation: Array
    values: Array
    inverse: Array
    support: Array


def diagonalize(at: Point) -> Diagonalization:
    """Diagonalize D D^T by the singular vectors of D, or by the rotation that the scene is made with."""
    rows, columns = at.D.shape
    if "rotated" in at.scene.facts:
        rotation = at.arithmetic.array(rational_rotation(rows))
        values = (rotation @ at.D @ at.D.T @ rotation.T).diagonal()
    else:
        # Columns of zeros change nothing in D D^T, and bring all of its eigenvectors.
        zeros = at.arithmetic.zeros((rows, max(rows - columns, 0)))
        left, sigma, _ = at.arithmetic.svd(at.arithmetic.concatenate([at.D, zeros], axis=1))
        rotation, values = left.T, sigma * sigma
    if np.linalg.det(at.arithmetic.to_float64(rotation)) < 0:
        rotation = at.arithmetic.concatenate([-rotation[:1], rotation[1:]])
    one, zero = at.number(1), at.number(0)
    largest = set(np.argsort(-at.arithmetic.to_float64(values))[: at.rank].tolist())
    inverse = [one / value if k in largest else zero for k, value in enumerate(values)]
    support = [one if k in largest else zero for k in range(rows)]
    return Diagonalization(rotation, values, at.arithmetic.array(inverse), at.arithmetic.array(support))


def back(rotation: Array, values: Array) -> Array:
    """R^T diag(values) R."""
    return rotation.T @ (values[:, None] * rotation)


def complement(at: Point) -> Array:
    """Return 1 - P."""
    return at.eye(len(at.D)) - projector_onto_range(at)


def output_velocity_matches(at: Point, velocity: Array, expected: Array) -> Ratio:
    """Measure the derivative of the outputs along a velocity of theta, by differences of the network."""
    scale = at.arithmetic.largest(abs(at.D) @ abs(velocity)) + at.arithmetic.largest(abs(expected))
    return identity(outputs_along(at, velocity), expected, scale=scale, size=at.size, condition=at.kappa)


ANYWHERE = (*RANK_LOST, *FULL_RANK[:1], *UNDER[:1], ON_THE_SIMPLEX, *ANY_MATRIX)


def gram(at: Point) -> Array:
    """Return D D^T."""
    return at.D @ at.D.T


def shortest(at: Point) -> Array:
    """Return Psi = -(D D^T)^+ g, from the pseudoinverse of D."""
    inverse = pseudoinverse(at.D, rank=at.rank).matrix()
    return -(inverse.T @ (inverse @ at.g))


def kernel_vector(at: Point) -> Array:
    """Draw n with D^T n = 0, of the size of Psi."""
    drawn = complement(at) @ at.random(len(at.D))
    return drawn * (at.arithmetic.largest(shortest(at)) + at.number(1))


def basic(at: Point) -> Array:
    """Return a minimizer with at most r nonzero entries: by least squares on r columns of D D^T."""
    chosen = independent_columns(gram(at), at.rank)
    psi = at.arithmetic.zeros(len(at.D))
    if chosen:
        psi[chosen] = -pseudoinverse(gram(at)[:, chosen]).apply(at.g)
    return psi
