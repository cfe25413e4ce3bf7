"""Section 1.4, (1.22), and section 3, (3.1): what the standard flow does to the outputs.

theta' = -grad_theta C, theta(0) = theta_0, gives

    x' = -D D^T grad_x C,   x(0) = x[theta_0],

for every rank of D, every ratio of K to QN, and every cost that sees theta through the outputs only.
Pointwise, the velocity is a difference of outputs of the network along a difference of its cost, without
a Jacobian. Along orbits, theta and a second vector z are integrated side by side,

    theta' = -grad_theta C[theta],   z' = -(D D^T)[theta] grad_x C[z],   z(0) = x[theta_0],

with the tangent kernel in its block form, and z(s) = x[theta(s)] at all steps.
"""

from collections.abc import Callable

import numpy as np

from geomdl import MEAN_SQUARE, Problem, integrate, standard_field
from geomdl.arithmetic import Array
from verification.chen2023.orbit_laws import outputs_along
from verification.chen2023.printed_formulas import (
    STENCIL,
    Piece,
    derivative,
    reference_arithmetic,
    step_for,
)
from verification.chenewald2024.output_orbits import with_cost
from verification.machinery.checks import claim, variant
from verification.machinery.columns import ALGEBRAIC, ALL_ORBITS
from verification.machinery.points import Point
from verification.machinery.ratios import Ratio, along_orbit, identity
from verification.scenes.critical_exact import CRITICAL_RANK_LOST
from verification.scenes.induced import QUARTIC
from verification.scenes.labelled import AT_A_KINK, LABELLED
from verification.scenes.networks import (
    BORDERLINE,
    FULL_RANK,
    FULL_RANK_EXACT,
    RANK_LOST,
    SMALLEST,
    UNDER,
)
from verification.scenes.rank_missing import TWINS
from verification.scenes.real_data import IRIS

OTHER_COSTS = (
    with_cost(LABELLED[3], MEAN_SQUARE),
    with_cost(FULL_RANK_EXACT[0], QUARTIC),
    with_cost(RANK_LOST[1], QUARTIC),
)
POINTS = (
    *FULL_RANK_EXACT, *RANK_LOST, UNDER[1], BORDERLINE[1], *SMALLEST, LABELLED[3], *OTHER_COSTS,
    CRITICAL_RANK_LOST[0],
)  # fmt: skip
"""The first scene is the cheapest that is exact; K < QN, K = QN and lost rank among the others."""

ORBITED = (*FULL_RANK[:3], *RANK_LOST, TWINS, *UNDER[:2], BORDERLINE[1], *SMALLEST, *OTHER_COSTS, IRIS)
Kernel = Callable[[Array], Array]


def gradient_by_differences(at: Point) -> Array:
    """Return grad_theta of the cost, whichever it is, from values in the numbers of the reference."""
    numbers, step = reference_arithmetic(at.arithmetic), step_for(at.arithmetic)
    problem, theta = at.problem.to(numbers), numbers.array(at.theta)
    moves = step * numbers.eye(len(theta))
    slopes = [derivative([problem.value(theta + k * e) for k in STENCIL], step) for e in moves]
    return at.arithmetic.array(slopes)


def printed_velocity(at: Point) -> Array:
    """-D D^T grad_x C with the matrix D."""
    return -at.D @ (at.D.T @ at.g)


def size_of_terms(at: Point) -> Array:
    """Return the sizes of all terms in D D^T grad_x C, cancellations in x - y included."""
    gradient = abs(at.problem.cost.gradient(at.problem.data, at.y + abs(at.x) + abs(at.y)))
    return abs(at.D) @ (abs(at.D).T @ gradient)


@claim(
    "chen2023/induced-flow/a",
    "chen2023/standard-flow-over/a",
    "chenewald2024/eq-2.18/a",
    scenes=POINTS,
    columns=ALGEBRAIC,
    controls=[
        variant("ascent", velocity=lambda at: -printed_velocity(at)),
        variant("without D D^T", velocity=lambda at: -at.g),
        variant("N times as fast", velocity=lambda at: at.N * printed_velocity(at)),
        variant("D D in its place, K = QN", scenes=BORDERLINE, velocity=lambda at: -at.D @ at.D @ at.g),
        variant("a cost that sees theta directly", decay=1),
        variant("a kink hit exactly", scenes=AT_A_KINK[:1]),
    ],
)
def test_standard_velocity_moves_the_outputs_by_the_tangent_kernel(
    at: Point, velocity: Piece = printed_velocity, decay: int = 0
) -> Ratio:
    standard = -gradient_by_differences(at) - decay * at.theta
    return identity(
        outputs_along(at, standard), velocity(at), scale=size_of_terms(at), size=sum(at.D.shape)
    )


@claim(
    "chen2023/induced-flow/a",
    "chen2023/standard-flow-over/a",
    "chenewald2024/eq-2.18/a",
    scenes=ORBITED,
    columns=ALL_ORBITS,
    controls=[
        variant("ascent", kernel=lambda kernel: -kernel),
        variant("without D D^T", kernel=lambda kernel: np.eye(len(kernel))),
        variant(
            "the diagonal of D D^T", scenes=(FULL_RANK[0], IRIS), kernel=lambda k: np.diag(np.diag(k))
        ),
        variant("another start", start=0.01),
    ],
)
def test_outputs_of_the_standard_flow_solve_the_induced_flow(
    at: Point, kernel: Kernel = lambda kernel: kernel, start: float = 0.0
) -> Ratio:
    count, end = len(at.theta), (0.1 if "large" in at.scene.facts else 1.5) * at.N

    def side_by_side(problem: Problem, state: Array) -> Array:
        theta, z = state[:count], state[count:]
        gradient = problem.cost.gradient(problem.data, z)
        gram = problem.linearize(theta).gram()
        return np.concatenate([standard_field(problem, theta), -kernel(gram) @ gradient])

    state = np.concatenate([at.theta, at.x + at.arithmetic.array([start])[0]])
    orbit = integrate(at.problem, side_by_side, state, end, rtol=at.rtol)
    thetas, z = orbit.thetas[:, :count], orbit.thetas[:, count:]
    outputs = np.array([at.problem.stacked(at.arithmetic.array(theta)) for theta in thetas])
    # An error of theta, rtol |theta|, shows in the outputs through D, in z it does not.
    steepest = float(np.linalg.norm(at.arithmetic.to_float64(at.D), 2))
    scale = np.abs(z).max() + steepest * np.abs(thetas).max()
    return along_orbit(outputs, z, rtol=at.rtol, scale=scale)
