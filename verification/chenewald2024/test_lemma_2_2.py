"""Lemma 2.2: parameter flows that move the outputs by their own (projected) gradient flow.

(a) Where rank D = QN <= K, theta' = -(D^T D)^+ grad_theta C gives x' = -D D^+ grad_x C = -grad_x C, for
every cost that depends on theta only through x: quadratic or not, convex or not, a sum over samples or
not. At lower rank, and for K < QN, x' is the projection only.

(b) At any rank, theta' = -D^T psi with D D^T psi = P grad_x C gives x' = -P grad_x C. The solutions psi
form an affine space, psi_0 + ker D D^T, on which D^T psi is constant, as ker D D^T = ker D^T: the flow
does not depend on the choice, not even on one that changes with theta.
"""

import math
from collections.abc import Callable

import numpy as np
from scipy.integrate import solve_ivp

from geomdl import Problem, pseudoinverse, rank_loss, standard_field
from geomdl.arithmetic import Array
from geomdl.flows import Field
from verification.chen2023.orbit_laws import END, STILL_FULL, outputs_law
from verification.chenewald2024.constrained_gradients import (
    GENERIC,
    along,
    constrained,
    covectors,
    from_parameter_gradient,
    outer_inverse,
    problems,
    unconstrained,
)
from verification.chenewald2024.families import gram_inverse
from verification.chenewald2024.matrices import SCENES, SQUARE, SQUARED, kernel, orthogonal_projector
from verification.chenewald2024.path_integrals import Velocity, outputs_move_by
from verification.machinery.checks import claim, variant
from verification.machinery.columns import LARGE_ORBITS, ORBITS, POINTWISE
from verification.machinery.points import Point
from verification.machinery.ratios import Ratio, along_orbit, identity
from verification.scenes.matrices import FULL_ROW_RANK
from verification.scenes.networks import (
    BORDERLINE,
    FULL_RANK,
    FULL_RANK_EXACT,
    RANK_LOST,
    SMALLEST,
    UNDER,
)
from verification.scenes.output_costs import CROSS_ENTROPY, with_cost
from verification.scenes.pieces import pull, push
from verification.scenes.real_data import IRIS, TRAINING

WIDE = FULL_RANK[:3]


def adapted(at: Point, problem: Problem) -> Array:
    """Return -(D^T D)^+ grad_theta C, (2.19)."""
    return -gram_inverse(at) @ problem.gradient(at.theta)


def with_decay(at: Point, problem: Problem) -> Array:
    """Return (2.19) for the cost C + |theta|^2 / 2, which does not depend on theta through x alone."""
    return -gram_inverse(at) @ (problem.gradient(at.theta) + at.theta)


def inverted_once(at: Point, problem: Problem) -> Array:
    """Return -D^+ D grad_theta C, with one inverse too little."""
    return -gram_inverse(at) @ (at.D.T @ (at.D @ problem.gradient(at.theta)))


@claim(
    "chenewald2024/lemma-2.2/a",
    scenes=(*FULL_RANK, *FULL_RANK_EXACT, *BORDERLINE, *SMALLEST),
    columns=SQUARED,
    controls=[
        variant("rank lost", scenes=RANK_LOST),
        variant("K < QN", scenes=UNDER),
        variant("weight decay added to the cost", scenes=WIDE, flow=with_decay),
        variant("standard flow", scenes=WIDE, flow=lambda at, problem: -problem.gradient(at.theta)),
        variant("one inverse too little", scenes=WIDE, flow=inverted_once),
    ],
)
def test_adapted_flow_of_full_rank_moves_the_outputs_by_minus_their_gradient(
    at: Point, flow: Callable[[Point, Problem], Array] = adapted
) -> list[Ratio]:
    ratios = []
    for problem in problems(at):
        gradient = problem.cost.gradient(problem.data, at.x)
        velocity = push(at, flow(at, problem))
        scale = at.arithmetic.largest(gradient) + at.arithmetic.largest(at.g)
        ratios.append(
            identity(
                velocity, -gradient, scale=scale, size=at.size, condition=at.kappa**2,
                note=problem.cost.name,
            )
        )  # fmt: skip
    return ratios


@claim(
    "chenewald2024/lemma-2.2/a",
    scenes=FULL_ROW_RANK,
    columns=SQUARED,
    controls=[variant("rank lost", scenes=GENERIC[:3])],
)
def test_at_full_rank_every_output_gradient_is_followed(at: Point) -> list[Ratio]:
    return [along(at, push(at, -gram_inverse(at) @ pull(at, g)), -g, g, power=2) for g in covectors(at)]


@claim(
    "chenewald2024/lemma-2.2/a",
    scenes=FULL_RANK[:3],
    columns=POINTWISE[1:],
    controls=[
        variant("standard flow", flow=lambda at, problem: -problem.gradient(at.theta)),
    ],
)
def test_every_cost_falls_at_the_rate_of_its_gradient_flow_in_output_space(
    at: Point, flow: Callable[[Point, Problem], Array] = adapted
) -> list[Ratio]:
    # dC/ds = -|grad_x C|^2 by differences of the cost itself, with h^3 = u: also a test of its gradient.
    h = at.number(1, 2 ** round(-math.log2(at.arithmetic.unit_roundoff) / 3))
    ratios = []
    for problem in problems(at):
        gradient = problem.cost.gradient(problem.data, at.x)
        velocity = flow(at, problem)
        speed = at.arithmetic.largest(velocity) + at.arithmetic.largest(gradient)
        step = h / speed * velocity
        fall = problem.value(at.theta + step) - problem.value(at.theta - step)
        scale = 1 + abs(problem.value(at.theta))
        ratios.append(
            identity(
                fall, -2 * h / speed * (gradient @ gradient), scale=scale, size=at.size,
                condition=at.kappa, note=problem.cost.name,
            )
        )  # fmt: skip
    return ratios


def output_orbit(at: Point, problem: Problem, times: np.ndarray, pace: int = 1) -> np.ndarray:
    """Integrate x' = -pace grad_x C from the outputs of the scene; states in float64."""
    convert, back = at.arithmetic.array, at.arithmetic.to_float64

    def velocity(_: float, state: np.ndarray) -> np.ndarray:
        return -pace * back(problem.cost.gradient(problem.data, convert(state)))

    start = back(at.x)
    result = solve_ivp(
        velocity, (0.0, times[-1]), start, method="DOP853", rtol=at.rtol, atol=at.rtol * 1e-3,
        t_eval=times,
    )  # fmt: skip
    return result.y.T


def follows_the_output_flow(
    at: Point, problem: Problem, field: Callable[[int], Field], end: float, pace: int = 1
) -> Ratio:
    """Measure the outputs of an orbit, while its rank is full, against the flow in output space."""
    flow, watch = field(at.rank), [rank_loss(at.rank, STILL_FULL)]
    orbit = at.orbit(lambda _, theta: flow(problem, theta), end=end, events=watch)
    outputs, states = orbit.outputs(), output_orbit(at, problem, orbit.times, pace)
    scale = max(np.abs(outputs).max(), np.abs(at.arithmetic.to_float64(at.y)).max())
    return along_orbit(outputs, states, rtol=at.rtol, scale=scale, note=problem.cost.name)


@claim(
    "chenewald2024/lemma-2.2/a",
    scenes=FULL_RANK[:2],
    columns=ORBITS,
    controls=[
        variant("standard flow", scenes=FULL_RANK[:1], flow=lambda rank: standard_field),
        variant("twice the pace", scenes=FULL_RANK[:1], pace=2),
    ],
)
def test_outputs_follow_their_gradient_flow_for_any_cost(
    at: Point, flow: Callable[[int], Field] = from_parameter_gradient, pace: int = 1
) -> list[Ratio]:
    return [follows_the_output_flow(at, problem, flow, end=1.0, pace=pace) for problem in problems(at)]


@claim(
    "chenewald2024/lemma-2.2/a",
    scenes=[IRIS],
    columns=LARGE_ORBITS,
    controls=[variant("standard flow", flow=lambda rank: standard_field)],
)
def test_outputs_follow_the_gradient_flow_of_cross_entropy_on_iris(
    at: Point, flow: Callable[[int], Field] = from_parameter_gradient
) -> Ratio:
    return follows_the_output_flow(at, with_cost(at.problem, CROSS_ENTROPY), flow, end=0.5)


@claim(
    "chenewald2024/lemma-2.2/a",
    scenes=TRAINING,
    columns=LARGE_ORBITS,
    controls=[variant("rate 2/N", scenes=TRAINING[:1], rate=2.0)],
)
def test_outputs_of_real_data_follow_their_gradient_flow(at: Point, rate: float = 1.0) -> Ratio:
    return outputs_law(at, at.orbit(end=END), rate)


def shortest(at: Point, g: Array) -> Array:
    """Return (D D^T)^+ P g, a solution of (2.22)."""
    return outer_inverse(at) @ (orthogonal_projector(at, at.D) @ g)


def any_solution(at: Point, g: Array) -> Array:
    """Return another solution of (2.22): a combination of ker D D^T added, found by elimination."""
    free = kernel(at, at.D @ at.D.T)
    return shortest(at, g) + free @ at.random(free.shape[1])


def disturbed(at: Point, g: Array) -> Array:
    """Return a solution of (2.22) with something added from outside of the kernel."""
    return shortest(at, g) + at.random(len(at.D))


@claim(
    "chenewald2024/lemma-2.2/b",
    scenes=SCENES,
    columns=SQUARED,
    controls=[
        variant("D D^T psi = -P grad_x C", scenes=GENERIC, solution=lambda at, g: -any_solution(at, g)),
        variant("psi not a solution", scenes=GENERIC, solution=disturbed),
        variant("P left out of x'", scenes=GENERIC, project=lambda p, g: g),
        variant("projector onto ran D^T D", scenes=SQUARE, spanned=lambda at: at.D.T),
    ],
)
def test_any_solution_of_the_normal_equation_gives_the_projected_flow(
    at: Point,
    solution: Callable[[Point, Array], Array] = any_solution,
    spanned: Callable[[Point], Array] = lambda at: at.D,
    project: Callable[[Array, Array], Array] = lambda p, g: p @ g,
) -> list[Ratio]:
    p, largest = orthogonal_projector(at, spanned(at)), at.arithmetic.largest
    ratios = []
    for g in covectors(at):
        psi = solution(at, g)
        # What is rounded in D D^T psi is as large as psi itself, the part in the kernel included.
        stretch = largest(psi) * largest(at.D) ** 2 if at.rank else at.number(0)
        ratios += [
            identity(push(at, -pull(at, psi)), -project(p, g), scale=largest(g) + stretch,
                     size=at.size, condition=at.kappa, note="x'"),
            identity(pull(at, psi), pull(at, shortest(at, g)), scale=largest(psi) * largest(at.D),
                     size=at.size, condition=at.kappa**2, note="theta' is the same for every psi"),
        ]  # fmt: skip
    return ratios


def with_psi(at: Point, free: float = 1.0) -> Callable[[int], Field]:
    """Return theta' = -D^T psi with a part of psi in ker D D^T that turns with theta."""
    drawn = at.random(len(at.y))

    def of_rank(rank: int) -> Field:
        def field(problem: Problem, theta: Array) -> Array:
            here = problem.linearize(theta)
            inverse = pseudoinverse(here.jacobian(), rank=rank)
            p, gradient = inverse.range_projector(), problem.cost.gradient(problem.data, here.stacked)
            outer = inverse.matrix().T @ inverse.matrix()
            turning = drawn * here.arithmetic.tanh(here.stacked[:1])
            return -here.pull(outer @ gradient + turning - free * (p @ turning))

        return field

    return of_rank


@claim(
    "chenewald2024/lemma-2.2/b",
    scenes=(*RANK_LOST, FULL_RANK[0]),
    columns=ORBITS,
    controls=[
        variant("psi not a solution", scenes=RANK_LOST, free=0.99),
        variant("P left out of x'", scenes=RANK_LOST, law=unconstrained),
    ],
)
def test_outputs_travel_by_the_projected_gradient_whatever_solution_is_taken(
    at: Point, free: float = 1.0, law: Callable[[int], Velocity] = constrained
) -> list[Ratio]:
    return outputs_move_by(at, with_psi(at, free)(at.rank), law(at.rank), end=1.0)
