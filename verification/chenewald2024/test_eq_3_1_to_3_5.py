"""(3.1)-(3.5): velocities and orbits of the parameters recovered from a path of outputs.

x' = D theta' determines the part of theta' in ran D^T, D^+ x' = D^+ D theta', and nothing of the part in
ker D. For theta' in ran D^T, such as -D^T grad_x C, nothing is lost.

A path x(s) with x' in ran D(s) along the solution of theta' = D^+ x' is realized: D theta' = P x' = x'.
At full rank QN every path is admissible, straight, curved or with a pause; at constant rank below QN
every path x[theta(s)] of the network itself is, from the same start. And "realizes" is said of a
solution on [0, T], which an admissible beginning does not grant (control: a segment that leaves the
image of the network).
"""

from collections.abc import Callable, Iterator

import numpy as np

from geomdl import Orbit, blow_up, rank_loss
from geomdl.arithmetic import Array
from geomdl.paths import (
    OutputPath,
    lift_path,
    lift_velocity,
    path_of_parameters,
    path_violations,
    polynomial_path,
    segment,
)
from verification.chenewald2024.families import velocity_of_outputs
from verification.chenewald2024.lifts import NETWORKS, Recover, by_pseudoinverse
from verification.chenewald2024.matrices import MATRICES, SQUARE, orthogonal_projector, plus
from verification.machinery.checks import claim, variant
from verification.machinery.columns import ALGEBRAIC, ALL_ORBITS
from verification.machinery.points import Point
from verification.machinery.ratios import Ratio, along_orbit, identity, property_
from verification.scenes.critical_exact import CRITICAL
from verification.scenes.networks import (
    BORDERLINE,
    FULL_RANK,
    FULL_RANK_EXACT,
    RANK_LOST,
    SMALLEST,
    UNDER,
)
from verification.scenes.obstructed import PEAK
from verification.scenes.pieces import pull, push
from verification.scenes.real_data import IRIS

WITH_KERNEL = (FULL_RANK[0], *RANK_LOST)


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
