"""Gradient descent: the cost falls along the flow and has a limit. The deck's network has ReLU.

Off the kinks everything is as in chen2023/cost-decrease, for both costs of the deck. At a kink there
is no gradient. Orbits of ReLU networks meet kinks in finite time, and where the field pushes to the
kink from both sides, they do not leave it: the equation has no solution beyond. Backpropagation goes
on with ReLU'(0) = 0; in the scene KINK_MINIMUM the cost then rises along minus its gradient, although
(a) says that it falls by the square. So (a) and (b) need a differentiable activation with (locally)
Lipschitz derivative, as arXiv:2311.15487 asks, or orbits that meet no kink. (c) holds: from an open
set of starts the unit dies and the cost tends to that of the mean target, from another one to zero.
"""

from typing import Any

import numpy as np

from geomdl import CLASS_WEIGHTED, LEAST_SQUARES, Cost, Event, Problem, integrate, standard_field
from geomdl.arithmetic import Array
from verification.chen2023.standard_flow_laws import rate_by_differences
from verification.machinery.checks import claim, variant
from verification.machinery.columns import ALGEBRAIC, ORBITS
from verification.machinery.points import Point
from verification.machinery.ratios import Ratio, along_orbit, bound, identity, property_
from verification.scenes.labelled import LABELLED
from verification.scenes.networks import FULL_RANK, FULL_RANK_EXACT, distance_to_kinks
from verification.scenes.standard_flow import (
    ALIVE,
    BESIDE,
    DEAD,
    KINK_MINIMUM,
    SADDLE,
    TOWARDS_THE_KINK,
)

COSTS = (CLASS_WEIGHTED, LEAST_SQUARES)
LONG = 20.0
NEAR = 1e-7


def with_cost(at: Point, cost: Cost) -> Problem:
    """Return the problem of the scene with another cost."""
    return Problem(at.problem.network, at.problem.data, cost)


@claim(
    "slides2023/gradient-flow-monotone/a",
    scenes=(*LABELLED, FULL_RANK_EXACT[1]),
    columns=ALGEBRAIC,
    controls=[
        variant("twice the rate", factor=2),
        variant("the gradient of the other cost", swapped=True, scenes=LABELLED[:2]),
    ],
    refuted=[variant("ReLU at a kink", scenes=[KINK_MINIMUM])],
)
def test_cost_falls_at_the_rate_of_its_squared_gradient(
    at: Point, factor: int = 1, swapped: bool = False
) -> list[Ratio]:
    ratios = []
    for cost in COSTS:
        problem = with_cost(at, cost)
        gradient = problem.gradient(at.theta)
        moving = with_cost(at, COSTS[cost is CLASS_WEIGHTED]).gradient(at.theta) if swapped else gradient
        found: Any = at.arithmetic.array([rate_by_differences(at, problem, -moving)])[0]
        terms = abs(at.D).T @ cost.gradient(at.problem.data, at.y + abs(at.x) + abs(at.y))
        unit = {"scale": (terms * terms).sum(), "size": at.size, "note": cost.name}
        ratios.append(identity(found, -factor * (moving * moving).sum(), **unit))
        ratios.append(property_(bool(found <= 0), f"{cost.name}: the cost does not rise"))
    return ratios


def kink_is_met() -> Event:
    """Event ``kink``: a hidden pre-activation of a ReLU network comes close to zero."""
    return Event("kink", lambda problem, theta: distance_to_kinks(problem, theta) / NEAR - 1)


@claim(
    "slides2023/gradient-flow-monotone/b",
    scenes=(DEAD, ALIVE, *FULL_RANK[:2], BESIDE),
    columns=ORBITS,
    controls=[variant("the flow of the reversed sign", scenes=(DEAD, BESIDE), sign=-1)],
    refuted=[variant("orbits that meet a kink", scenes=[TOWARDS_THE_KINK])],
)
def test_orbits_live_and_their_cost_settles(at: Point, sign: int = 1) -> list[Ratio]:
    def field(problem: Problem, theta: Array) -> Array:
        small = bool(np.abs(theta).max() < 1e8)
        return sign * standard_field(problem, theta) if small else np.nan * theta

    watch = [kink_is_met()] if at.problem.network.activation.piecewise_linear else []
    ratios = []
    for cost in COSTS:
        problem = with_cost(at, cost)
        # the weighted cost is 2N/N_c times the other: its time runs faster
        end = LONG * float(cost.divisors(at.problem.data).min()) / 2
        orbit = integrate(problem, field, at.theta, end, rtol=at.rtol, events=watch)
        costs, half = orbit.costs(), np.searchsorted(orbit.times, orbit.times[-1] / 2)
        noise = at.rtol * (costs[0] + float(np.sum(at.arithmetic.to_float64(at.y) ** 2)))
        ratios += [
            property_(orbit.status == "completed", f"{cost.name}: {orbit.message}"),
            along_orbit(max(0.0, float(np.diff(costs).max())), 0.0, rtol=1.0, scale=noise, note="rise"),
            bound(costs[half] - costs[-1], 0.5 * (costs[0] - costs[-1]) + 30 * noise, note="late fall"),
        ]
    return ratios


@claim(
    "slides2023/gradient-flow-monotone/a",
    "slides2023/gradient-flow-monotone/b",
    scenes=[TOWARDS_THE_KINK],
    columns=ORBITS[1:],
    controls=[variant("an orbit that meets none", scenes=[ALIVE])],
)
def test_relu_orbits_end_at_kinks_to_which_the_field_pushes_from_both_sides(at: Point) -> list[Ratio]:
    orbit = at.orbit(standard_field, end=LONG, events=[kink_is_met()])
    if orbit.status != "kink":
        return [property_(False, "the orbit meets no kink")]
    (weight, bias), _ = at.problem.network.layers(orbit.end)
    inputs = at.problem.data.inputs
    z = (inputs @ weight.T + bias)[:, 0]
    sample = int(np.argmin(np.abs(z)))
    normal = np.array([inputs[sample, 0], 1.0, 0.0, 0.0])  # the gradient of z in theta
    shift = 1e-5 * normal / (normal @ normal)
    speeds = [normal @ standard_field(at.problem, orbit.end + side * shift) for side in (-1, 1)]
    return [
        property_(bool(speeds[0] > 1e-2 and speeds[1] < -1e-2), f"dz/ds to both sides: {speeds}"),
        bound(abs(z[sample]), 2 * NEAR, note="the pre-activation"),
    ]


def limit_of(at: Point, cost: Cost) -> float:
    """Return C_*: the cost of the mean target for a dead unit, 1/2 of y^2 at the saddle, else 0."""
    problem = with_cost(at, cost)
    targets = at.arithmetic.to_float64(at.y)
    constant = {DEAD.name: targets.mean(), SADDLE.name: 0.0}.get(at.scene.name)
    outputs = targets if constant is None else np.full_like(targets, constant)
    return float(problem.cost.value(problem.data, at.arithmetic.array(outputs)))


OTHER_START = {DEAD.name: ALIVE, ALIVE.name: DEAD, SADDLE.name: BESIDE, BESIDE.name: SADDLE}


@claim(
    "slides2023/gradient-flow-monotone/c",
    scenes=(DEAD, ALIVE, SADDLE, BESIDE),
    columns=ORBITS[1:],
    controls=[variant("the limit from another start", scenes=(DEAD, ALIVE, SADDLE, BESIDE), same=False)],
)
def test_limit_of_the_cost_depends_on_the_start(at: Point, same: bool = True) -> list[Ratio]:
    start = at if same else OTHER_START[at.scene.name].at(at.column, at.seed)
    ratios = []
    for cost in COSTS:
        end = 4 * LONG * float(cost.divisors(at.problem.data).min())
        orbit = integrate(with_cost(at, cost), standard_field, at.theta, end, rtol=at.rtol)
        ratios.append(
            along_orbit(
                orbit.costs()[-1], limit_of(start, cost), rtol=at.rtol, scale=1.0, note=cost.name
            )
        )
    return ratios
