"""Section 2.2, (2.21): training can stop at a time that is known in advance.

For s_stop >= s_eps the cost is at most eps, and s_eps depends on the orbit through its initial cost
alone, provided that the orbit lives that long. Rank QN along the orbit does not grant it: in the scenes
``obstructed`` there is no theta(s_stop), and of two orbits with the same initial cost one reaches eps
and the other ends above it.
"""

from collections.abc import Callable

import numpy as np

from geomdl import adapted_field, cost_reaches, integrate, rank_loss, standard_field
from geomdl.arithmetic import Array
from geomdl.flows import Field
from verification.chen2023.orbit_laws import FRACTION, OBSTRUCTED, STILL_FULL, STOPPED, stopping_time
from verification.machinery.checks import claim, variant
from verification.machinery.columns import ALL_ORBITS, ORBITS
from verification.machinery.points import Point
from verification.machinery.ratios import Ratio, along_orbit, bound, property_
from verification.scenes.networks import FULL_RANK, SMALLEST_COUNTED
from verification.scenes.obstructed import meeting_time

END = 6.0


@claim(
    "chen2023/stopping-time-use/a",
    scenes=STOPPED,
    columns=ALL_ORBITS,
    controls=[
        variant("stop earlier by 2 N", late=(-2.0,)),
    ],
    refuted=[variant("the orbit has ended by then", scenes=OBSTRUCTED)],
)
def test_cost_is_at_most_eps_at_any_later_time(
    at: Point, late: tuple[float, ...] = (0.0, 0.5, 1.0)
) -> list[Ratio]:
    level = FRACTION * float(at.problem.value(at.theta))
    stop = stopping_time(at, level)
    boundary = [rank_loss(at.rank, STILL_FULL)] if "obstructed" in at.scene.facts else []
    times = [stop + each for each in late if each < 1.0]
    orbit = at.orbit(end=stop + 1.0, times=times, events=boundary)
    if orbit.status != "completed":
        return [property_(False, f"there is no theta(s_stop): {orbit.message}")]
    steps = [int(np.argmin(np.abs(orbit.times - (stop + each) * at.N))) for each in late]
    # At s_stop = s_eps the cost equals eps up to the tolerance, relative to C_0^(1/2) eps^(1/2).
    slack = 30 * at.rtol * FRACTION**-0.5
    return [bound(orbit.costs()[step], level, slack=slack) for step in steps]


def starts_of_equal_cost(at: Point) -> list[Array]:
    """Return theta and another random start of full rank, of equal cost by their output biases.

    Adding t to every output changes |e|^2, e = x - y, by 2 t sum(e) + t^2 QN; the common cost is twice
    the larger of the two minima over t.
    """
    starts = [at.arithmetic.to_float64(at.theta)]
    while len(starts) < 2:
        drawn = at.problem.network.random_theta(at.generator)
        jacobian = at.problem.linearize(at.arithmetic.array(drawn)).jacobian()
        sigma = np.linalg.svd(at.arithmetic.to_float64(jacobian), compute_uv=False)
        if sigma[-1] >= SMALLEST_COUNTED * sigma[0]:
            starts.append(drawn)
    stacked = [at.problem.stacked(at.arithmetic.array(start)) for start in starts]
    errors = [at.arithmetic.to_float64(outputs - at.y) for outputs in stacked]
    common = 2 * max(np.sum((e - e.mean()) ** 2) for e in errors)
    for start, e in zip(starts, errors, strict=True):
        shift = np.sqrt((common - np.sum((e - e.mean()) ** 2)) / len(e)) - e.mean()
        start[-at.problem.network.outputs :] += shift
    return [at.arithmetic.array(start) for start in starts]


def between_the_last_costs(at: Point, starts: list[Array]) -> float:
    """Return a fraction of the initial cost that one of two obstructed orbits reaches."""
    return float(np.exp(-sum(meeting_time(at, start) for start in starts)))


@claim(
    "chen2023/stopping-time-use/b",
    scenes=FULL_RANK,
    columns=ORBITS,
    controls=[
        variant("the standard flow", field=standard_field, fraction=lambda at, starts: 0.5),
        variant("initial costs that differ", stretch=1.5),
    ],
    refuted=[
        variant("one of two orbits ends before", scenes=OBSTRUCTED, fraction=between_the_last_costs)
    ],
)
def test_stopping_time_depends_on_the_orbit_through_its_initial_cost_alone(
    at: Point,
    field: Field | None = None,
    fraction: Callable[[Point, list[Array]], float] = lambda at, starts: FRACTION,
    stretch: float = 1.0,
) -> Ratio:
    starts = starts_of_equal_cost(at)
    share = fraction(at, starts)
    level = share * float(at.problem.value(starts[0]))
    starts[1][-1] *= stretch
    found = []
    for start in starts:
        orbit = integrate(
            at.problem, field or adapted_field(rank=at.rank), start, END * at.N, rtol=at.rtol,
            events=[cost_reaches(level), rank_loss(at.rank, STILL_FULL)],
        )  # fmt: skip
        found.append(orbit.times[-1] / at.N if orbit.status == "cost reached" else np.inf)
    if np.isinf(found).all():
        return Ratio(np.nan, "property", note="neither orbit reaches the level: nothing is decided")
    if np.isinf(found).any():
        return property_(False, f"times {found}: only one orbit reaches the level")
    return along_orbit(found[0], found[1], rtol=at.rtol, scale=1.0, growth=share**-0.5)
