"""Section 1.4.2, (1.30)-(1.32): the modified flow for K < QN and its constrained image.

At rank K, theta' = -(D^T D)^-1 grad_theta C and x' = -P grad_x C, P = D (D^T D)^-1 D^T, determine each
other. From theta to x by the chain rule. Back, because D is injective: whatever left inverse of D is
applied to the velocity -P grad_x C, the same theta' comes out, and along a whole orbit the outputs,
integrated without parameters on the manifold that they move on, have those of (1.30) as their
parameters. (b) holds at rank K; (c) is compared with tangent vectors found without D, from differences
of outputs along curves.

At rank below K the flow is not defined. That is so for every theta of a network with a hidden layer and
a homogeneous activation, such as ReLU: a factor moves from what enters a unit to what leaves it, so that
D has a kernel (scenes WITHOUT_RANK).
"""

from collections.abc import Callable

import numpy as np
from scipy.integrate import solve_ivp

from geomdl import blow_up, linearize, pseudoinverse, rank_loss, standard_field
from geomdl.arithmetic import Array
from geomdl.flows import Field
from geomdl.output_manifold import recover_parameters
from verification.chen2023.orbit_laws import outputs_along
from verification.chen2023.under_laws import (
    UNDER_AND_MATRICES,
    UNDER_NETWORKS,
    Piece,
    printed_field,
    printed_projector,
    printed_velocity,
    unit_of_solve,
)
from verification.machinery.checks import claim, variant
from verification.machinery.columns import ALGEBRAIC, ORBITS
from verification.machinery.points import Point
from verification.machinery.ratios import Ratio, along_orbit, identity
from verification.scenes.matrices import DEFICIENT
from verification.scenes.pieces import projector_onto_range
from verification.scenes.underparametrized import AFFINE, NEAR, TWO_CLASSES_BESIDE, WITHOUT_RANK

Project = Callable[[Array, Array], Array]
TRAINING = (*NEAR, AFFINE[1], TWO_CLASSES_BESIDE)
NO_RANK = variant("rank below K", scenes=(*WITHOUT_RANK, *DEFICIENT[2:5]))


@claim(
    "chen2023/under-flow/a",
    "chen2023/theorem-5.1/a",
    scenes=UNDER_NETWORKS,
    columns=ALGEBRAIC,
    controls=[
        variant("rank below K", scenes=WITHOUT_RANK),
        variant("the standard velocity", velocity=lambda at: -at.grad_theta),
        variant("uphill", velocity=lambda at: -printed_velocity(at)),
        variant(
            "the inverse applied twice",
            velocity=lambda at: at.arithmetic.solve(at.D.T @ at.D, printed_velocity(at)),
        ),
        variant("without the projector", law=lambda at: -at.g),
    ],
)
def test_velocity_of_the_parameters_moves_the_outputs_by_the_projected_gradient(
    at: Point,
    velocity: Piece = printed_velocity,
    law: Piece = lambda at: -projector_onto_range(at) @ at.g,
) -> list[Ratio]:
    moved = velocity(at)
    unit = {"scale": at.arithmetic.largest(at.g), **unit_of_solve(at)}
    return [
        identity(outputs_along(at, moved), law(at), note="x' by differences", **unit),
        identity(at.at_theta.push(moved), law(at), note="x' = D theta'", **unit),
    ]


@claim(
    "chen2023/under-flow/a",
    scenes=UNDER_AND_MATRICES,
    columns=ALGEBRAIC,
    controls=[
        variant("rank below K", scenes=(*WITHOUT_RANK, *DEFICIENT[2:5])),
        variant("x' not projected", output_velocity=lambda at: -at.g),
        variant("D^T in the place of a left inverse", left_inverse=lambda at: at.D.T),
    ],
)
def test_velocity_of_the_outputs_determines_that_of_the_parameters(
    at: Point,
    output_velocity: Piece = lambda at: -projector_onto_range(at) @ at.g,
    left_inverse: Piece = lambda at: weighted_left_inverse(at),
) -> Ratio:
    sigma = np.linalg.norm(at.arithmetic.to_float64(at.D), 2) / at.kappa
    scale = at.arithmetic.largest(at.g) * at.arithmetic.array([1 / sigma])[0]
    found = left_inverse(at) @ output_velocity(at)
    return identity(found, printed_velocity(at), scale=scale, **unit_of_solve(at))


def weighted_left_inverse(at: Point) -> Array:
    """Return (D^T S D)^-1 D^T S, S = diag(1, 2, 1, 2, ...): a left inverse of D unlike D^+."""
    weights = at.arithmetic.array(1.0 + np.arange(len(at.D)) % 2)
    weighted = at.D.T * weights
    return at.arithmetic.solve(weighted @ at.D, weighted)


def constrained_orbit(at: Point, times: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Integrate x' = -P grad_x C for outputs alone; return outputs and their parameters.

    The state is x. Its tangent space is that of the nearest point of the manifold of outputs, which the
    method of Gauss and Newton finds from the last one.
    """
    convert, problem = at.arithmetic.array, at.problem
    last = at.theta

    def parameters(state: np.ndarray) -> Array:
        nonlocal last
        start = linearize(problem.network, last, problem.data.inputs)
        last = recover_parameters(start, convert(state), rank=at.rank).theta
        return last

    def velocity(_: float, state: np.ndarray) -> np.ndarray:
        jacobian = problem.linearize(parameters(state)).jacobian()
        gradient = problem.cost.gradient(problem.data, convert(state))
        factored = pseudoinverse(jacobian, rank=at.rank)
        along = factored.range_basis @ (factored.range_dual @ gradient)
        return -at.arithmetic.to_float64(along)

    start = at.arithmetic.to_float64(at.x)
    solved = solve_ivp(
        velocity, (0.0, times[-1]), start, method="DOP853", t_eval=times,
        rtol=at.rtol, atol=at.rtol * np.abs(start).max(),
    )  # fmt: skip
    last = at.theta
    thetas = [at.arithmetic.to_float64(parameters(state)) for state in solved.y.T]
    return solved.y.T, np.array(thetas)


MARKS = (0.5, 1.0, 2.0, 4.0)
"""Times of comparison, in units of N."""

LARGE = 1e3
STILL_FULL = 1e-4


@claim(
    "chen2023/under-flow/a",
    "chen2023/theorem-5.1/a",
    scenes=TRAINING,
    columns=ORBITS[1:],  # in float32 the printed inverse loses more digits than the tolerance leaves
    controls=[
        variant("the standard flow", field=standard_field),
        variant("uphill", field=lambda p, theta: printed_field(p, theta, sign=1)),
    ],
)
def test_orbits_of_parameters_and_of_outputs_determine_each_other(
    at: Point, field: Field = printed_field
) -> list[Ratio]:
    # The events stop the controls, some of which run to infinity.
    stops = [rank_loss(at.rank, STILL_FULL), blow_up(LARGE)]
    orbit = at.orbit(field, end=MARKS[-1], times=MARKS[:-1], events=stops)
    marks = np.unique([int(np.argmin(np.abs(orbit.times - s * at.N))) for s in (0, *MARKS)])
    outputs, thetas = constrained_orbit(at, orbit.times[marks])
    expected, found = orbit.outputs()[marks], orbit.thetas[marks]
    sigma = np.linalg.norm(at.arithmetic.to_float64(at.D), 2) / at.kappa
    scale = float(np.abs(expected).max())
    return [
        along_orbit(outputs, expected, rtol=at.rtol, scale=scale, note="outputs"),
        along_orbit(thetas, found, rtol=at.rtol, scale=scale / sigma, note="parameters"),
    ]


def oblique_projector(at: Point) -> Array:
    """Return a projector onto the range of D along a wrong complement: idempotent, not symmetric."""
    return at.D @ weighted_left_inverse(at)


@claim(
    "chen2023/under-flow/b",
    "chen2023/theorem-5.1/b",
    scenes=UNDER_AND_MATRICES,
    columns=ALGEBRAIC,
    controls=[
        NO_RANK,
        variant("twice P", projector=lambda at: 2 * printed_projector(at)),
        variant("an oblique projector", projector=oblique_projector),
        variant("D D^T", projector=lambda at: at.D @ at.D.T),
    ],
)
def test_projector_is_idempotent_and_symmetric(
    at: Point, projector: Piece = printed_projector
) -> list[Ratio]:
    p, unit = projector(at), unit_of_solve(at)
    return [identity(p @ p, p, **unit), identity(p.T, p, **unit)]


@claim(
    "chen2023/theorem-5.1/b",
    scenes=UNDER_AND_MATRICES,
    columns=ALGEBRAIC,
    controls=[
        NO_RANK,
        variant("an oblique projector", projector=oblique_projector),
        variant("the identity of R^(QN)", projector=lambda at: at.eye(len(at.D))),
        variant("the complement", projector=lambda at: at.eye(len(at.D)) - printed_projector(at)),
    ],
)
def test_projector_maps_orthogonally_onto_the_range_of_the_jacobian(
    at: Point, projector: Piece = printed_projector
) -> list[Ratio]:
    p, v, unit = projector(at), at.random(len(at.D)), unit_of_solve(at)
    size = at.arithmetic.largest(v)
    beyond = v - projector_onto_range(at) @ v
    return [
        identity(p @ at.D, at.D, note="P fixes the range of D", **unit),
        identity(p @ v, v - beyond, scale=size, note="P v lies in the range of D", **unit),
        identity(
            at.D.T @ (v - p @ v),
            at.arithmetic.zeros(at.D.shape[1]),
            scale=size * at.arithmetic.largest(at.D),
            note="v - P v is orthogonal to the range of D",
            **unit,
        ),
    ]


def tangents_by_differences(at: Point) -> Array:
    """Return the velocities of x[theta + t v] for K random v, from outputs alone, shape (QN, K)."""
    directions = at.random(len(at.theta), len(at.theta))
    return at.arithmetic.stack([outputs_along(at, v) for v in directions], axis=1)


@claim(
    "chen2023/under-flow/c",
    scenes=UNDER_NETWORKS,
    columns=ALGEBRAIC,
    controls=[
        variant("rank below K", scenes=WITHOUT_RANK),
        variant("the tangent space at another theta", scenes=UNDER_NETWORKS[:3], elsewhere=True),
        variant("one tangent too few", count=-1),
        variant("the complement", project=lambda p, v: v - p @ v),
    ],
)
def test_projector_is_that_of_the_tangent_space_of_the_image(
    at: Point,
    elsewhere: bool = False,
    count: int | None = None,
    project: Project = lambda p, v: p @ v,
) -> list[Ratio]:
    tangents = tangents_by_differences(at)[:, :count]
    where = linearize(
        at.problem.network, at.theta + at.random(len(at.theta)) if elsewhere else at.theta,
        at.problem.data.inputs,
    ).jacobian()  # fmt: skip
    p = where @ at.arithmetic.solve(where.T @ where, where.T)
    v = at.random(len(at.D))
    spread = np.linalg.cond(at.arithmetic.to_float64(tangents))
    factored = pseudoinverse(tangents)
    along = factored.range_basis @ (factored.range_dual @ v)
    unit = {"size": at.size, "condition": max(at.kappa, spread) ** 2}
    return [
        identity(project(p, tangents), tangents, note="velocities of curves are tangent", **unit),
        identity(project(p, v), along, scale=at.arithmetic.largest(v), note="and span it", **unit),
    ]
