"""Section 2, (2.3)-(2.16): the standard flow, two forms of the squared loss, and the chain rule.

(2.3) defines a path on [0, oo) as the solution of theta' = -grad_theta C. A curve solves that equation
exactly when it keeps the balance of energy and dissipation,

    C[theta(0)] - C[theta(s)] = (1/2) integral over [0, s] of |theta'|^2 + |grad_theta C|^2,

since -dC/ds = -grad_theta C . theta' is at most the integrand, with equality for this theta' only. Where
C is bounded from below, here by 0, and its gradient is locally Lipschitz, the solution lives for all
times, because |theta(s) - theta(0)|^2 <= s (C[theta(0)] - C[theta(s)]). "A cost function C: R^K -> R" is
not enough: with C = -|x - y|^4 / 4 and one affine output of one input t, e = x - y solves
e' = (1 + t^2) e^3 and blows up at s = 1 / (2 (1 + t^2) e_0^2).

(2.7) is (1/N) times the squared Frobenius norm of the Q x N matrix f(theta, X_0) - Y, (2.11) the same
for the stacked columns. The Jacobian (2.12) is D by forward mode, by backward mode and by differences;
(2.15) holds along every differentiable curve, at points where the curve bends. (2.18) is decided with
chen2023/induced-flow.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from geomdl import LEAST_SQUARES, MEAN_SQUARE, Cost, Problem, blow_up, integrate, standard_field
from geomdl.arithmetic import Array
from geomdl.flows import Field
from verification.chen2023.printed_formulas import (
    Position,
    by_output,
    by_sample,
    derivative,
    outputs_around,
    printed_network,
    reference_arithmetic,
    stacked,
    step_for,
)
from verification.chenewald2024.families import bent_curve, velocity_of_outputs
from verification.chenewald2024.output_orbits import with_cost
from verification.machinery.checks import claim, variant
from verification.machinery.columns import ALGEBRAIC, ALL_ORBITS, ORBITS, POINTWISE
from verification.machinery.points import Point, Scene
from verification.machinery.ratios import Ratio, along_orbit, bound, identity, property_
from verification.scenes.induced import AFFINE, QUARTIC, UNBOUNDED
from verification.scenes.labelled import AT_A_KINK, LABELLED
from verification.scenes.networks import (
    ATTEMPTS,
    BORDERLINE,
    FULL_RANK,
    FULL_RANK_EXACT,
    RANK_LOST,
    SMALLEST,
    UNDER,
)
from verification.scenes.real_data import IRIS

FAR = 1e6
"""The largest parameter at which an orbit counts as having blown up."""

TRAINED = (
    *FULL_RANK[:2],
    with_cost(FULL_RANK[2], MEAN_SQUARE),
    with_cost(RANK_LOST[1], QUARTIC),
    RANK_LOST[0],
    UNDER[1],
    *SMALLEST,
    IRIS,
)


def far_from_targets(scene: Scene) -> Scene:
    """Repeat the draws until |x - y|^2 >= 1/2, so that a path without end would be seen to end.

    With C = -|e|^4 / (4N), e = x - y and D D^T >= 1, as without hidden layers, |e|^2 grows at the rate
    2 |e|^4 / N at least and is infinite before s = N / (2 |e_0|^2), at most N. Near the targets it takes
    as long as one likes.
    """

    def draw(generator: np.random.Generator) -> tuple[Problem, np.ndarray]:
        for _ in range(ATTEMPTS):
            problem, theta = scene.draw(generator)
            error = problem.stacked(theta) - problem.data.stacked_targets
            if error @ error >= 0.5:
                return problem, theta
        raise RuntimeError(f"scene {scene.name}: all of {ATTEMPTS} draws are near the targets")

    return replace(scene, draw=draw)


WITHOUT_LOWER_BOUND = tuple(
    far_from_targets(with_cost(scene, UNBOUNDED)) for scene in (SMALLEST[0], AFFINE[0], FULL_RANK[0])
)


def sped_up(factor: float) -> Field:
    """Return the standard field times a number."""
    return lambda problem, theta: factor * standard_field(problem, theta)


def in_another_metric(problem: Problem, theta: Array) -> Array:
    """Return the gradient field for the metric diag(1, 1/2, 1, 1/2, ...) on parameter space."""
    field = standard_field(problem, theta)
    field[1::2] *= 2
    return field


@claim(
    "chenewald2024/eq-2.3/a",
    scenes=TRAINED,
    columns=ALL_ORBITS,
    controls=[
        variant("twice as fast", field=sped_up(2.0)),
        variant("ascent", field=sped_up(-1.0), end=0.25),
        variant("another metric on parameter space", field=in_another_metric),
    ],
    refuted=[variant("a cost without lower bound", scenes=WITHOUT_LOWER_BOUND)],
)
def test_standard_flow_descends_steepest_and_lives_for_all_times(
    at: Point, field: Field = standard_field, end: float = 4.0
) -> list[Ratio]:
    end, rtol, count = (0.05 if "large" in at.scene.facts else end) * at.N, at.rtol, len(at.theta)

    def with_dissipation(problem: Problem, state: Array) -> Array:
        theta = state[:count]
        velocity, gradient = field(problem, theta), problem.gradient(theta)
        half = at.arithmetic.array([0.5])
        return np.concatenate([velocity, half * (velocity @ velocity + gradient @ gradient)])

    start = np.concatenate([at.theta, at.arithmetic.zeros(1)])
    watch = blow_up(FAR)
    orbit = integrate(at.problem, with_dissipation, start, end, rtol=rtol, events=[watch])
    if orbit.status != "completed":
        return [property_(False, f"the path is not defined beyond s = {orbit.times[-1]:.6g}")]
    thetas, spent = orbit.thetas[:, :count], orbit.thetas[:, count]
    costs = np.array([float(at.problem.value(at.arithmetic.array(theta))) for theta in thetas])
    # An error rtol |theta| of theta changes C by its product with the gradient.
    steepest = float(np.linalg.norm(at.arithmetic.to_float64(at.grad_theta)))
    scale = costs[0] + spent[-1] + steepest * float(np.linalg.norm(np.abs(thetas).max(axis=0)))
    moved = np.sum((thetas - thetas[0]) ** 2, axis=1)[1:]
    reach = float(np.max(moved / (orbit.times[1:] * (costs[0] - costs[1:] + 30 * rtol * scale))))
    return [
        along_orbit(costs + spent, np.full(len(costs), costs[0]), rtol=rtol, scale=scale),
        bound(reach, 1.0, slack=30 * rtol, note="|theta(s) - theta(0)|^2 <= s (C_0 - C)"),
    ]


@claim(
    "chenewald2024/eq-2.3/a",
    scenes=WITHOUT_LOWER_BOUND[:1],
    columns=ORBITS[1:],  # float32 overflows on trial steps
    controls=[variant("1/((1 + t^2) e^2)", factor=1), variant("1/(4 (1 + t^2) e^2)", factor=4)],
)
def test_without_lower_bound_the_path_ends_when_the_closed_form_does(
    at: Point, factor: int = 2
) -> Ratio:
    orbit = at.orbit(standard_field, end=1e3, events=[blow_up(FAR)])
    if orbit.status != "blow-up":
        return property_(False, "the path does not blow up")
    point, error = float(at.problem.data.inputs[0, 0]), float(at.x[0] - at.y[0])
    return along_orbit(orbit.times[-1], 1 / factor / (1 + point**2) / error**2, rtol=at.rtol)


@claim(
    "chenewald2024/eq-2.7-2.11/a",
    scenes=(*LABELLED[:3], *LABELLED[5:8], FULL_RANK[0], *FULL_RANK_EXACT, *SMALLEST),
    columns=ALGEBRAIC,
    controls=[
        variant("1/(2N), as in (2.48)", cost=LEAST_SQUARES),
        variant("outputs stacked component by component", position=by_output),
        variant("norm of the matrix not squared", power=1),
        variant("mean over all components", count=lambda rows: len(rows) * len(rows[0])),
    ],
)
def test_squared_loss_of_the_matrix_is_that_of_the_stacked_vector(
    at: Point,
    cost: Cost = MEAN_SQUARE,
    position: Position = by_sample,
    power: int = 2,
    count: Callable[[list[Any]], int] = len,
) -> Ratio:
    numbers, data = reference_arithmetic(at.arithmetic), at.problem.data
    rows = [layers[-1] for layers in printed_network(at)]  # the columns of f(theta, X_0)
    targets = [numbers.array(data.targets).tolist()[label] for label in data.labels]
    # The Frobenius norm as a trace, before any stacking.
    gap = numbers.array(
        [[x - y for x, y in zip(*pair, strict=True)] for pair in zip(rows, targets, strict=True)]
    ).T
    square = (gap.T @ gap).trace()
    matrix_form = (square if power == 2 else numbers.array(np.array([abs(gap).sum()]))[0]) / count(rows)
    x = at.arithmetic.array(stacked(rows, position))
    size = at.arithmetic.largest(at.x) + at.arithmetic.largest(at.y)
    return identity(
        cost.value(data, x),
        at.arithmetic.array([matrix_form])[0],
        scale=len(x) * size * size / at.N,
        size=4,
    )


@claim(
    "chenewald2024/eq-2.12/a",
    scenes=(*LABELLED[5:8], *LABELLED[1:3], FULL_RANK_EXACT[0], UNDER[1], *BORDERLINE, *SMALLEST),
    columns=ALGEBRAIC,
    controls=[
        variant("index j of samples within components", position=by_output),
        variant("theta lists the weights column by column", row_by_row=False),
        variant("a kink hit exactly", scenes=AT_A_KINK),
    ],
)
def test_entries_of_the_jacobian_are_partial_derivatives_of_the_stacked_outputs(
    at: Point, position: Position = by_sample, row_by_row: bool = True
) -> list[Ratio]:
    around, step = outputs_around(at.scene, at.column, at.seed, row_by_row), step_for(at.arithmetic)
    columns = [
        [
            derivative(list(values), step)
            for values in zip(*(stacked(x, position) for x in one), strict=True)
        ]
        for one in around
    ]
    partial = at.arithmetic.array(columns).T
    forward = at.arithmetic.stack([at.at_theta.push(e) for e in at.eye(len(at.theta))], axis=1)
    backward = at.arithmetic.stack([at.at_theta.pull(e) for e in at.eye(len(at.y))])
    size = sum(at.problem.network.widths)
    return [
        identity(at.D, partial, size=size, note="the matrix"),
        identity(forward, partial, size=size, note="forward mode"),
        identity(backward, partial, size=size, note="backward mode"),
    ]


Curve = Callable[[Array, Array, Array, Any], Array]


@claim(
    "chenewald2024/eq-2.15-2.16/a",
    scenes=(*FULL_RANK[:3], *RANK_LOST, *UNDER[:2], *BORDERLINE, *SMALLEST, *LABELLED[2:4]),
    columns=POINTWISE,
    controls=[
        variant("minus sign", sign=-1),
        variant("Jacobian at the start of the path", frozen=True),
        variant("velocity at the start of the path", bend=0),
    ],
)
def test_outputs_move_by_the_jacobian_times_the_velocity_of_the_parameters(
    at: Point, sign: int = 1, frozen: bool = False, bend: int = 2
) -> Ratio:
    s, v, w = at.number(3, 8), at.random(len(at.theta)), at.random(len(at.theta))
    there = at.problem.linearize(at.theta if frozen else bent_curve(at.theta, v, w, s))
    velocity = v + bend * s * w
    terms = abs(there.jacobian()) @ abs(velocity)
    # theta(s) is rounded, which turns D by as much as its entries vary over a unit of theta.
    turn = (1 + at.arithmetic.largest(there.theta)) ** len(at.problem.network.widths)
    return identity(
        velocity_of_outputs(at, s, v, w),
        sign * (there.jacobian() @ velocity),
        scale=terms * turn,
        size=sum(at.problem.network.widths),
    )
