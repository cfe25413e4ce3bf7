"""Gradients in the constrained and unconstrained tangent spaces, by routes that share no formula."""

import math
from collections.abc import Iterator
from functools import lru_cache

from geomdl import CLASS_WEIGHTED, LEAST_SQUARES, Problem, pseudoinverse
from geomdl.arithmetic import Array
from geomdl.flows import Field
from verification.chenewald2024.families import TINY
from verification.chenewald2024.matrices import PROPER, SCENES
from verification.chenewald2024.path_integrals import Velocity
from verification.machinery.columns import FLOAT64, MP50, RATIONAL, Column
from verification.machinery.points import Point, Scene
from verification.machinery.ratios import Ratio, bound, identity, property_
from verification.scenes.critical_exact import CRITICAL
from verification.scenes.networks import BORDERLINE, FULL_RANK, FULL_RANK_EXACT, UNDER
from verification.scenes.output_costs import CROSS_ENTROPY, QUARTIC, SHELL, with_cost
from verification.scenes.pieces import moore_penrose

GENERIC = PROPER[1:]
"""Rank at least 1 and below both dimensions, without 2 x 2 matrices: some of them are projectors."""


@lru_cache(maxsize=1024)
def _inverses(scene: Scene, column: Column, seed: int) -> tuple[Array, Array]:
    at = scene.at(column, seed)
    return moore_penrose(at, at.D @ at.D.T), moore_penrose(at, at.D.T)


def outer_inverse(at: Point) -> Array:
    """Return (D D^T)^+."""
    return _inverses(at.scene, at.column, at.seed)[0]


def transposed_plus(at: Point) -> Array:
    """Return (D^T)^+, factored from D^T."""
    return _inverses(at.scene, at.column, at.seed)[1]


def covectors(at: Point) -> Iterator[Array]:
    """Yield output gradients: that of the scene and any others."""
    yield at.g
    for _ in range(2):
        yield at.random(len(at.D))


def along(at: Point, left: Array, right: Array, g: Array, power: int) -> Ratio:
    """Measure equality of two vectors of the size of g."""
    scale = at.arithmetic.largest(g)
    return identity(left, right, scale=scale, size=at.size, condition=at.kappa**power)


def gram(at: Point) -> Array:
    """Return D^T D."""
    return at.D.T @ at.D


def from_parameter_gradient(rank: int) -> Field:
    """Return the field -D^+ (D^+)^T grad_theta C = -(D^T D)^+ grad_theta C."""

    def field(problem: Problem, theta: Array) -> Array:
        inverse = pseudoinverse(problem.linearize(theta).jacobian(), rank=rank).matrix()
        return -inverse @ (inverse.T @ problem.gradient(theta))

    return field


def constrained(rank: int) -> Velocity:
    """Return the velocity -P grad_x C of (2.28)."""

    def velocity(problem: Problem, theta: Array) -> Array:
        at = problem.linearize(theta)
        projector = pseudoinverse(at.jacobian(), rank=rank, method="qr").range_projector()
        return -projector @ problem.cost.gradient(problem.data, at.stacked)

    return velocity


def unconstrained(rank: int) -> Velocity:
    """Return the velocity -grad_x C."""
    return lambda problem, theta: -problem.cost.gradient(problem.data, problem.stacked(theta))


NETWORKS = (FULL_RANK[0], FULL_RANK_EXACT[1], UNDER[1], *BORDERLINE, *CRITICAL)
EVERYWHERE = (*NETWORKS, *SCENES)


EXACT_OR_BOTH = (FLOAT64, MP50, RATIONAL)


def least_pivot(at: Point, matrix: Array) -> Array:
    """Return the least pivot of symmetric elimination, with the largest pivot first.

    Positive if and only if the symmetric matrix is positive definite, and then at least the smallest
    eigenvalue.
    """
    work, left, least = matrix, list(range(len(matrix))), None
    while left:
        chosen = max(left, key=lambda index: work[index, index])
        pivot = work[chosen, chosen]
        least = pivot if least is None or pivot < least else least
        if not pivot > 0:
            return pivot
        column = work[:, chosen]
        work = work - column[:, None] * (column / pivot)[None, :]
        left.remove(chosen)
    return least


def noise_of_pivots(at: Point, matrix: Array, power: int = 0) -> float:
    """Return below which size pivots are rounding, for entries known to kappa^power units."""
    unit = 30 * at.size * at.kappa**power * at.arithmetic.unit_roundoff
    return unit * float(at.arithmetic.largest(matrix))


def least_resolved(at: Point, matrix: Array, power: int = 0) -> Array:
    """Return a small eigenvalue clear of rounding: 1/TINY, or the power of two above twice the noise."""
    noise = noise_of_pivots(at, matrix, power)
    if 2 * noise * TINY <= 1:
        return at.number(1, TINY)
    return at.number(1, 2 ** -math.ceil(math.log2(2 * noise)))


def definite(at: Point, matrix: Array, smallest: Array, power: int = 0) -> list[Ratio]:
    """Measure that a symmetric matrix is positive definite, with at least this smallest eigenvalue.

    Its entries are known to kappa^power units of rounding.
    """
    noise = noise_of_pivots(at, matrix, power)
    least = least_pivot(at, matrix)
    positive = property_(float(least) > noise, f"least pivot {float(least):.2g}, noise {noise:.2g}")
    if not smallest > 0:
        return [positive]
    return [positive, bound(smallest, least, slack=noise / float(smallest), note="least pivot")]


COSTS = (LEAST_SQUARES, CLASS_WEIGHTED, QUARTIC, SHELL, CROSS_ENTROPY)


def problems(at: Point) -> Iterator[Problem]:
    """Yield the problem of the scene with every cost that can be had.

    Cross entropy needs the exponential function, and is constant where there is one output.
    """
    for cost in COSTS:
        if cost is not CROSS_ENTROPY or (at.problem.network.outputs > 1 and not at.arithmetic.exact):
            yield with_cost(at.problem, cost)
