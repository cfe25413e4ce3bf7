"""(3.6)-(3.7): the constraint x' in ran D on a path of outputs, and what it is on a segment.

ran D is the orthogonal complement of ker D^T = ker D^+ for matrices of every shape and rank. For x' in
ran D, |x'| / sigma_1 <= |theta'| <= |x'| / sigma_r: theta stands still exactly when the path does.

The constraint has to hold along the whole orbit: where it is violated the outputs follow the projection
P x' of the velocity onto ran D.
"""

from collections.abc import Callable
from typing import Any

from geomdl import Problem
from geomdl.arithmetic import Array
from geomdl.paths import lift_velocity, violation
from verification.chenewald2024.lifts import NETWORKS, Recover, by_pseudoinverse
from verification.chenewald2024.matrices import (
    EVERY_SHAPE,
    MATRICES,
    PROPER,
    SQUARE,
    kernel,
    orthogonal_projector,
    plus,
    violating_third,
)
from verification.chenewald2024.path_integrals import outputs_move_by
from verification.machinery.checks import claim, variant
from verification.machinery.columns import ALGEBRAIC, ORBITS, POINTWISE
from verification.machinery.points import Point
from verification.machinery.ratios import Ratio, bound, identity
from verification.scenes.critical_exact import CRITICAL
from verification.scenes.matrices import DEFICIENT
from verification.scenes.networks import BORDERLINE, FULL_RANK, FULL_RANK_EXACT, RANK_LOST, UNDER
from verification.scenes.pieces import push, squared

# (3.6)


def complement(at: Point, basis: Array) -> Array:
    """Return the projector onto the orthogonal complement of the span of independent columns."""
    one = at.eye(len(basis))
    if basis.shape[1] == 0:
        return one
    return one - basis @ at.arithmetic.solve(basis.T @ basis, basis.T)


@claim(
    "chenewald2024/eq-3.6/a",
    scenes=(*MATRICES, *EVERY_SHAPE, *FULL_RANK_EXACT, *RANK_LOST, *UNDER[:1], *CRITICAL),
    columns=ALGEBRAIC,
    controls=[
        variant("complement of ker D", scenes=SQUARE, other=lambda at: at.D),
        variant("ran D^T", scenes=SQUARE, spanned=lambda at: at.D.T),
    ],
)
def test_range_is_the_orthogonal_complement_of_the_kernel_of_the_transpose(
    at: Point,
    other: Callable[[Point], Array] = lambda at: at.D.T,
    spanned: Callable[[Point], Array] = lambda at: at.D,
) -> Ratio:
    onto_range = orthogonal_projector(at, spanned(at))
    outside = complement(at, kernel(at, other(at)))
    return identity(outside, onto_range, size=at.size, condition=at.kappa)


@claim(
    "chenewald2024/eq-3.6/b",
    scenes=(*MATRICES, *EVERY_SHAPE, *FULL_RANK_EXACT, *RANK_LOST, *UNDER[:1], *CRITICAL),
    columns=ALGEBRAIC,
    controls=[
        variant("complement of ker D", scenes=SQUARE, other=lambda at: at.D),
        variant("an inverse with (A.1), (A.2), (A.4) only", scenes=PROPER, inverse=violating_third),
    ],
)
def test_complements_of_the_kernels_of_transpose_and_pseudoinverse_are_the_same(
    at: Point,
    other: Callable[[Point], Array] = lambda at: at.D.T,
    inverse: Callable[[Point], Array] = plus,
) -> Ratio:
    of_transpose = complement(at, kernel(at, other(at)))
    of_inverse = complement(at, kernel(at, inverse(at)))
    return identity(of_transpose, of_inverse, size=at.size, condition=at.kappa)


def nothing(at: Point) -> Array:
    """Return the zero vector of output space."""
    return at.arithmetic.zeros(at.D.shape[0])


def out_of_range(at: Point) -> Array:
    """Return a vector of ker D^T."""
    return kernel(at, at.D.T)[:, 0]


@claim(
    "chenewald2024/eq-3.6/c",
    scenes=(*NETWORKS, *FULL_RANK_EXACT, *MATRICES, *CRITICAL),
    columns=ALGEBRAIC,
    controls=[
        variant(
            "the constraint violated",
            scenes=(*RANK_LOST, *UNDER[:1], *DEFICIENT[2:]),
            added=out_of_range,
        ),
        variant(
            "the part outside of ran D lifted",
            scenes=SQUARE,
            lift=lambda at, v: at.D.T @ (v - at.D @ (plus(at) @ v)),
        ),
    ],
)
def test_parameters_stand_still_exactly_where_the_path_does(
    at: Point,
    added: Callable[[Point], Array] = nothing,
    lift: Recover = by_pseudoinverse,
) -> list[Ratio]:
    longest, longest_back = squared(at.D), squared(plus(at))
    direction, ratios = push(at, at.random(at.D.shape[1])), []
    for speed in (at.number(1), at.number(1, 64), at.number(1, 2**40), at.number(0)):
        x_dot = speed * direction + added(at)
        theta_dot = lift(at, x_dot)
        ratios += [  # 2 for the rounding: at rank 1 the bounds are attained
            bound(squared(x_dot), 2 * longest * squared(theta_dot), note="theta' = 0 only if x' = 0"),
            bound(squared(theta_dot), 2 * longest_back * squared(x_dot), note="and if"),
        ]
    return ratios


# (3.7)


def interpolation(at: Point, t: Any) -> Array:
    """Return (2.51), y + (1 - t)(x_0 - y)."""
    return at.y + (1 - t) * (at.x - at.y)


def parabola(at: Point, t: Any) -> Array:
    """Return a curve with the same ends."""
    return interpolation(at, t) + t * (1 - t) * (at.x + at.y)


@claim(
    "chenewald2024/eq-3.7/a",
    scenes=(*FULL_RANK[:2], *RANK_LOST, *UNDER[:2], *BORDERLINE),
    columns=POINTWISE,
    controls=[
        variant("x_0 + y", scenes=RANK_LOST, direction=lambda at: at.x + at.y),
        variant("x_0 without y", scenes=RANK_LOST, direction=lambda at: at.x),
        variant("a parabola", scenes=RANK_LOST, path=parabola),
    ],
)
def test_constraint_on_the_segment_is_a_condition_on_its_direction(
    at: Point,
    path: Callable[[Point, Any], Array] = interpolation,
    direction: Callable[[Point], Array] = lambda at: at.x - at.y,
) -> list[Ratio]:
    size = at.arithmetic.largest(at.x) + at.arithmetic.largest(at.y)
    ratios = []
    for k in range(4):
        # The difference quotient of a linear path is its derivative.
        t, h = at.number(k, 8), at.number(1, 8)
        x_dot = (path(at, t + h) - path(at, t)) / h
        there = at.problem.linearize(at.theta + t * at.random(len(at.theta)) / 8)
        left, right = (violation(there, v, rank=at.rank) for v in (x_dot, -direction(at)))
        ratios.append(
            identity(left, right, scale=8 * size, size=at.size, condition=at.kappa, note=f"t = {k}/8")
        )
    return ratios


def along_range(problem: Problem, theta: Array, v: Array, rank: int) -> Array:
    """Return P v, P the projector onto the range of D[theta]."""
    return v - violation(problem.linearize(theta), v, rank=rank)


@claim(
    "chenewald2024/eq-3.7/a",
    scenes=(*FULL_RANK[:1], *RANK_LOST, UNDER[1], *BORDERLINE[:1]),
    columns=ORBITS,
    controls=[variant("along the segment though (3.7) fails", scenes=RANK_LOST, project=False)],
)
def test_outputs_leave_the_segment_by_what_its_direction_lacks_in_the_range(
    at: Point, project: bool = True
) -> list[Ratio]:
    v, rank = (at.y - at.x) / at.N, at.rank

    def field(problem: Problem, theta: Array) -> Array:
        return lift_velocity(problem.linearize(theta), v, rank=rank)

    def velocity(problem: Problem, theta: Array) -> Array:
        return along_range(problem, theta, v, rank) if project else v

    ratios = outputs_move_by(at, field, velocity, end=0.5)
    if rank == len(at.y):  # (3.7) holds, and the segment itself is followed
        ratios += outputs_move_by(at, field, lambda problem, theta: v, end=0.5)
    return ratios
