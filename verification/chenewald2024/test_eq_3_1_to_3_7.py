"""(3.1)-(3.7): velocities and orbits of the parameters recovered from a path of outputs.

x' = D theta' determines the part of theta' in ran D^T, D^+ x' = D^+ D theta', and nothing of the part in
ker D. For theta' in ran D^T, such as -D^T grad_x C, nothing is lost.

A path x(s) with x' in ran D(s) along the solution of theta' = D^+ x' is realized: D theta' = P x' = x'.
At full rank QN every path is admissible, straight, curved or with a pause; at constant rank below QN
every path x[theta(s)] of the network itself is, from the same start. The constraint has to hold along
the whole orbit: where it is violated the outputs follow the projection P x'. And "realizes" is said of
a solution on [0, T], which an admissible beginning does not grant (control: a segment that leaves the
image of the network).

ran D is the orthogonal complement of ker D^T = ker D^+ for matrices of every shape and rank. For x' in
ran D, |x'| / sigma_1 <= |theta'| <= |x'| / sigma_r: theta stands still exactly when the path does.
"""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from geomdl import Orbit, Problem, blow_up, rank_loss
from geomdl.arithmetic import Array
from geomdl.paths import (
    OutputPath,
    lift_path,
    lift_velocity,
    path_of_parameters,
    path_violations,
    polynomial_path,
    segment,
    violation,
)
from verification.chenewald2024.families import pull, velocity_of_outputs
from verification.chenewald2024.matrices import (
    EVERY_SHAPE,
    MATRICES,
    PROPER,
    kernel,
    orthogonal_projector,
    plus,
    violating_third,
)
from verification.chenewald2024.path_integrals import outputs_move_by
from verification.machinery.checks import claim, variant
from verification.machinery.columns import ALGEBRAIC, ALL_ORBITS, ORBITS, POINTWISE
from verification.machinery.points import Point
from verification.machinery.ratios import Ratio, along_orbit, bound, identity, property_
from verification.scenes.bundles import push, squared
from verification.scenes.critical import CRITICAL
from verification.scenes.matrices import DEFICIENT
from verification.scenes.networks import (
    BORDERLINE,
    FULL_RANK,
    FULL_RANK_EXACT,
    RANK_LOST,
    SMALLEST,
    UNDER,
)
from verification.scenes.obstructed import PEAK
from verification.scenes.real_data import IRIS

NETWORKS = (*FULL_RANK[:2], *RANK_LOST, *UNDER[:2], *BORDERLINE, *SMALLEST)
WITH_KERNEL = (FULL_RANK[0], *RANK_LOST)
SQUARE = (DEFICIENT[-1], RANK_LOST[0])

Recover = Callable[[Point, Array], Array]


def by_pseudoinverse(at: Point, velocity: Array) -> Array:
    """Return D^+ x'."""
    return plus(at) @ velocity


def recovered(at: Point, theta_dot: Array, x_dot: Array, expected: Array, recover: Recover) -> Ratio:
    """Measure D^+ x' against what it should be; x' = D theta' rounds like the sum of its terms."""
    terms = abs(plus(at)) @ (abs(at.D) @ abs(theta_dot))
    return identity(recover(at, x_dot), expected, scale=terms, size=10 * at.size, condition=at.kappa)


@claim(
    "chenewald2024/eq-3.1-3.2/a",
    scenes=(*NETWORKS, *MATRICES),
    columns=ALGEBRAIC,
    controls=[
        variant("the projector left out", scenes=WITH_KERNEL, project=False),
        variant("D^T in the place of D^+", scenes=WITH_KERNEL, recover=lambda at, v: at.D.T @ v),
        variant("projector onto ran D", scenes=SQUARE, spanned=lambda at: at.D),
    ],
)
def test_output_velocity_determines_the_part_of_the_parameter_velocity_in_the_row_space(
    at: Point,
    recover: Recover = by_pseudoinverse,
    spanned: Callable[[Point], Array] = lambda at: at.D.T,
    project: bool = True,
) -> Ratio:
    theta_dot = at.random(at.D.shape[1])
    x_dot = (
        push(at, theta_dot)
        if at.is_matrix
        else velocity_of_outputs(at, at.number(0), theta_dot, at.random(len(theta_dot)))
    )
    expected = orthogonal_projector(at, spanned(at)) @ theta_dot if project else theta_dot
    return recovered(at, theta_dot, x_dot, expected, recover)


def in_row_space(at: Point) -> Array:
    """Return an arbitrary velocity D^T u."""
    return pull(at, at.random(at.D.shape[0]))


@claim(
    "chenewald2024/eq-3.1-3.2/b",
    scenes=(*NETWORKS, *FULL_RANK_EXACT, *MATRICES),
    columns=ALGEBRAIC,
    controls=[
        variant(
            "a velocity outside of ran D^T",
            scenes=WITH_KERNEL,
            velocity=lambda at: at.random(at.D.shape[1]),
        ),
        variant("D^T in the place of D^+", scenes=WITH_KERNEL, recover=lambda at, v: at.D.T @ v),
        variant("minus sign", scenes=WITH_KERNEL, recover=lambda at, v: -plus(at) @ v),
    ],
)
def test_velocity_in_the_row_space_is_recovered_from_the_output_velocity(
    at: Point,
    velocity: Callable[[Point], Array] = in_row_space,
    recover: Recover = by_pseudoinverse,
) -> list[Ratio]:
    theta_dot = velocity(at)
    x_dot = push(at, theta_dot)
    ratios = [recovered(at, theta_dot, x_dot, theta_dot, recover)]
    if not at.is_matrix:
        lifted = lift_velocity(at.at_theta, x_dot, rank=at.rank)
        ratios.append(recovered(at, theta_dot, lifted, theta_dot, lambda at, found: found))
    return ratios


@claim(
    "chenewald2024/eq-3.1-3.2/c",
    scenes=(*NETWORKS, *FULL_RANK_EXACT, *MATRICES, *CRITICAL),
    columns=ALGEBRAIC,
    controls=[
        variant("a cost of theta and x", scenes=WITH_KERNEL, field=lambda at: at.grad_theta + at.theta),
        variant("the gradient in output space pushed", scenes=SQUARE, field=lambda at: at.D @ at.g),
        variant(
            "each coordinate divided by its size, as by Adam",
            scenes=WITH_KERNEL,
            field=lambda at: at.grad_theta / abs(at.grad_theta),
        ),
    ],
)
def test_standard_gradient_is_orthogonal_to_the_kernel_of_D(
    at: Point, field: Callable[[Point], Array] = lambda at: at.grad_theta
) -> Ratio:
    velocity, pulled = field(at), abs(at.D.T) @ abs(at.g)
    projected = orthogonal_projector(at, at.D.T) @ velocity
    scale = at.arithmetic.largest(pulled) + at.arithmetic.largest(velocity)
    return identity(projected, velocity, scale=scale, size=at.size, condition=at.kappa)


# (3.3)-(3.5)


def taught(at: Point) -> OutputPath:
    """Return the outputs along theta_0 + s v + s^2 w: a path that the network can follow.

    No parameter changes its sign, because |v| and |w| are at most a quarter of |theta_0|, component by
    component: where a unit loses its output weight, D loses rank.
    """
    v, w = at.theta * at.random(len(at.theta)) / 8, at.theta * at.random(len(at.theta)) / 8
    return path_of_parameters(at.problem, lambda s: (at.theta + s * v + s * s * w, v + 2 * s * w), 1.0)


def bent(at: Point) -> OutputPath:
    """Return a parabola from x_0 to y."""
    b = at.random(len(at.y)) / 4
    return polynomial_path([at.x, at.y - at.x + b, -b], 1.0)


def pausing(at: Point) -> OutputPath:
    """Return the segment from x_0 to y, run through with the speed 12 (s - 1/2)^2."""
    v = at.y - at.x
    return polynomial_path([at.x, 3 * v, -6 * v, 4 * v], 1.0)


def admissible(at: Point) -> Iterator[OutputPath]:
    """Yield paths that satisfy (3.3) along the lifted orbit."""
    if "full rank" not in at.scene.facts:
        yield taught(at)
    elif "large" in at.scene.facts:
        yield segment(at.x, at.x + (at.y - at.x) / 4)
    else:
        yield bent(at)
        yield pausing(at)


def only(path: Callable[[Point], OutputPath]) -> Callable[[Point], Iterator[OutputPath]]:
    """Return a choice of one path."""
    return lambda at: iter([path(at)])


def shifted(at: Point) -> OutputPath:
    """Return an admissible path that does not start at x[theta_0]."""
    path = bent(at)
    return OutputPath(lambda s: path.position(s) + 1, path.velocity, path.end)


def in_half_the_time(at: Point) -> OutputPath:
    """Return a path with twice its velocity."""
    path = bent(at)
    return OutputPath(path.position, lambda s: 2 * path.velocity(s), path.end)


def admissible_at_the_start(at: Point) -> OutputPath:
    """Return a segment whose direction lies in ran D at theta_0."""
    return segment(at.x, at.x + at.D @ at.random(len(at.theta)) / 2)


def numbers(at: Point, path: OutputPath, orbit: Orbit) -> np.ndarray:
    """Return the positions of the path at the steps of an orbit."""
    back, convert = at.arithmetic.to_float64, at.arithmetic.array
    return np.array([back(path.position(convert([time])[0])) for time in orbit.times])


def lifted(at: Point, path: OutputPath) -> Orbit:
    """Follow a path from theta_0."""
    method = "gram" if "large" in at.scene.facts else "svd"
    watch = [] if method == "gram" else [rank_loss(at.rank, 1e-5), blow_up(1e6)]
    rank = None if method == "gram" else at.rank
    return lift_path(at.problem, path, at.theta, rtol=at.rtol, rank=rank, method=method, events=watch)


def outputs_scale(at: Point, orbit: Orbit) -> float:
    """Return |x| + |D| |theta|: an error rtol |theta| of theta moves the outputs by rtol |D| |theta|."""
    size = np.abs(orbit.thetas).max(axis=0)
    moved = (np.abs(at.arithmetic.to_float64(at.D)) @ size).max()
    return float(moved + np.abs(orbit.outputs()).max())


@claim(
    "chenewald2024/eq-3.3-3.5/a",
    scenes=(*FULL_RANK, *RANK_LOST, *UNDER, *BORDERLINE[:1], *SMALLEST, IRIS),
    columns=ALL_ORBITS,
    controls=[
        variant("a path that starts elsewhere", paths=only(shifted)),
        variant("twice the velocity", paths=only(in_half_the_time)),
        variant(
            "the constraint violated", scenes=(*RANK_LOST, UNDER[1]), paths=only(lambda at: bent(at))
        ),
        variant(
            "the constraint at the start only",
            scenes=RANK_LOST,
            paths=only(admissible_at_the_start),
        ),
        variant(
            "no solution up to T",
            scenes=[PEAK],
            paths=only(lambda at: segment(at.x, at.y)),
        ),
    ],
)
def test_solution_realizes_the_prescribed_path_up_to_its_end(
    at: Point, paths: Callable[[Point], Iterator[OutputPath]] = admissible
) -> list[Ratio]:
    ratios = []
    for path in paths(at):
        orbit = lifted(at, path)
        if orbit.status != "completed":
            return [property_(False, orbit.message)]
        positions, outputs = numbers(at, path, orbit), orbit.outputs()
        scale = outputs_scale(at, orbit)
        if "large" not in at.scene.facts:
            sines = path_violations(orbit, path, rank=at.rank)
            ratios.append(along_orbit(sines, 0 * sines, rtol=at.rtol, scale=1.0, note="(3.3)"))
        ratios += [
            along_orbit(outputs, positions, rtol=at.rtol, scale=scale),
            along_orbit(outputs[-1], positions[-1], rtol=at.rtol, scale=scale, note="theta_*"),
        ]
    return ratios


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
