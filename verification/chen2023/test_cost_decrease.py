"""Section 1.2, (1.10): the cost falls along the standard flow at the rate |grad_theta C|^2.

(a) The rate is held against differences of the cost alone, at a point, and against the fall of the cost
along orbits, on real data too. (b) The cost never rises, and as it is bounded below, C_* exists; that
orbits live for all s >= 0 is chen2023/existence/b. (c) C_* is a function of theta(0), as printed not of
x[theta(0)]: at (w, W) = (1, -1) and (2, -1/2) two layers of the identity have the same outputs, and on
the first orbit the cost tends to 1/2, on the second to 0. The talks say it rightly: of theta_0.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from geomdl import Dataset, Problem, adapted_field, standard_field
from geomdl.arithmetic import Array
from geomdl.flows import Field
from verification.chen2023.standard_flow_laws import (
    integral_along,
    rate_by_differences,
    standard_orbit,
)
from verification.machinery.checks import claim, variant
from verification.machinery.columns import ALGEBRAIC, ALL_ORBITS, ORBITS
from verification.machinery.points import Point, Scene
from verification.machinery.ratios import Ratio, along_orbit, bound, identity, property_
from verification.scenes.labelled import LABELLED
from verification.scenes.networks import (
    BORDERLINE,
    FULL_RANK,
    FULL_RANK_EXACT,
    RANK_LOST,
    SMALLEST,
    UNDER,
)
from verification.scenes.obstructed import PEAK
from verification.scenes.real_data import BREAST_CANCER, IRIS
from verification.scenes.standard_flow import BESIDE, NEAR_ORIGIN, ORIGIN, PARABOLA, SADDLE, STEP

POINTS = (*LABELLED, *FULL_RANK[:2], *FULL_RANK_EXACT, *RANK_LOST, *UNDER[:1], *BORDERLINE, *SMALLEST)
ALONG = (*FULL_RANK, FULL_RANK_EXACT[0], *RANK_LOST, *UNDER, *BORDERLINE, PEAK, STEP, PARABOLA)
REAL = (IRIS, BREAST_CANCER)

Rate = Callable[[Point], Any]


def minus_square(at: Point) -> Any:
    """Return -|grad_theta C|^2."""
    return -(at.grad_theta * at.grad_theta).sum()


@claim(
    "chen2023/cost-decrease/a",
    scenes=POINTS,
    columns=ALGEBRAIC,
    controls=[
        variant("without the square", rate=lambda at: -abs(at.grad_theta).sum()),
        variant("-|grad_x C|^2", rate=lambda at: -(at.g * at.g).sum()),
        variant("-2 |grad_theta C|^2", rate=lambda at: 2 * minus_square(at)),
    ],
)
def test_rate_of_the_cost_is_minus_the_square_of_its_gradient(
    at: Point, rate: Rate = minus_square
) -> list[Ratio]:
    found = rate_by_differences(at, at.problem, -at.grad_theta)
    terms = abs(at.D).T @ ((abs(at.x) + abs(at.y)) / at.number(at.N))
    unit = {"scale": (terms * terms).sum(), "size": at.size}
    return [
        identity(at.arithmetic.array([found])[0], rate(at), **unit),
        property_(bool(found <= 0), "not positive"),
    ]


def square_of_gradient(problem: Problem, theta: Array) -> float:
    """Return |grad_theta C|^2."""
    gradient = problem.gradient(theta)
    return float((gradient * gradient).sum())


@claim(
    "chen2023/cost-decrease/a",
    scenes=(*FULL_RANK, *RANK_LOST, UNDER[0], PEAK, *REAL),
    columns=ALL_ORBITS,
    controls=[
        variant("half the rate", scenes=(FULL_RANK[0], IRIS), factor=0.5),
        variant("along the adapted flow", field=adapted_field()),
    ],
)
def test_fall_of_the_cost_is_the_integral_of_the_squared_gradient(
    at: Point, field: Field = standard_field, factor: float = 1.0
) -> Ratio:
    _, thetas, integral = integral_along(at, field, square_of_gradient, end=1.0)
    costs = np.array([float(at.problem.value(at.arithmetic.array(theta))) for theta in thetas])
    scale = float(np.sum(at.arithmetic.to_float64(at.y) ** 2 + at.arithmetic.to_float64(at.x) ** 2))
    return along_orbit(costs[0] - costs, factor * integral, rtol=at.rtol, scale=scale / at.N)


def towards_other_targets(problem: Problem, theta: Array) -> Array:
    """Return the standard field of the targets 2 m - y, m the mean target."""
    data = problem.data
    mirrored = data.targets.sum(axis=0) * (2 / len(data.targets)) - data.targets
    other = Problem(problem.network, Dataset(data.inputs, data.labels, mirrored), problem.cost)
    return standard_field(other, theta)


def upwards(problem: Problem, theta: Array) -> Array:
    """Return the field of the reversed time."""
    return problem.gradient(theta)


@claim(
    "chen2023/cost-decrease/b",
    scenes=(*ALONG, *REAL),
    columns=ALL_ORBITS,
    controls=[
        variant("time reversed", scenes=[FULL_RANK[0], IRIS], field=upwards, end=0.02),
        variant("the flow to other targets", field=towards_other_targets),
    ],
)
def test_cost_never_rises_and_settles(
    at: Point, field: Field | None = None, end: float = 4.0
) -> list[Ratio]:
    end = min(end, 1.0) if "large" in at.scene.facts else end
    orbit = standard_orbit(at, end) if field is None else at.orbit(field, end=end)
    costs, times = orbit.costs(), orbit.times
    size = float(np.sum(at.arithmetic.to_float64(at.y) ** 2) + np.sum(orbit.outputs()[0] ** 2)) / at.N
    rise = max(0.0, float(np.max(np.diff(costs))))
    late = costs[np.searchsorted(times, times[-1] / 2)] - costs[-1]
    return [
        property_(orbit.status == "completed", orbit.message),
        along_orbit(rise, 0.0, rtol=at.rtol, scale=size, note="largest rise of the cost in a step"),
        property_(bool(costs.min() >= 0), "bounded below"),
        bound(late, costs[0] - costs[-1], slack=at.rtol, note="fall in the second half of the time"),
    ]


LIMITS = {SADDLE.name: 0.5, ORIGIN.name: 0.5, BESIDE.name: 0.0, NEAR_ORIGIN.name: 0.0}
"""From w = -W, the stable manifold of the saddle 0, to 1/2; from everywhere else to 0."""

TWINS = {SADDLE.name: BESIDE, ORIGIN.name: NEAR_ORIGIN, BESIDE.name: SADDLE}
LONG = 12.0


def at_the_end(at: Point) -> float:
    """Return the cost after 12 N."""
    return float(standard_orbit(at, LONG).costs()[-1])


def by_outputs(at: Point) -> float:
    """Return the cost after 12 N on the orbit from another theta with the same outputs."""
    other: Scene = TWINS[at.scene.name]
    twin = other.at(at.column, at.seed)
    if not np.all(twin.x == at.x):
        raise ValueError("the outputs of the two scenes differ")
    return at_the_end(twin)


def by_parameters(at: Point) -> float:
    """Return C_* = (1 - 0)^2 / 2 on w = -W, else 0."""
    return LIMITS[at.scene.name]


@claim(
    "chen2023/cost-decrease/c",
    scenes=(SADDLE, BESIDE, ORIGIN, NEAR_ORIGIN),
    columns=ORBITS,
    controls=[variant("the initial cost", limit=lambda at: float(at.problem.value(at.theta)))],
    refuted=[variant("a function of the outputs", scenes=(SADDLE, ORIGIN, BESIDE), limit=by_outputs)],
    corrected=[variant("a function of the parameters", limit=by_parameters)],
)
def test_limit_of_the_cost_depends_on_the_initial_parameters(
    at: Point, limit: Callable[[Point], float] = by_outputs
) -> Ratio:
    return along_orbit(at_the_end(at), limit(at), rtol=at.rtol, scale=1.0)
