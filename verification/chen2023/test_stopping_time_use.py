"""Section 2.2, (2.21): training can stop at a time that is known in advance.

For s_stop >= s_eps the cost is at most eps, and s_eps depends on the orbit through its initial cost
alone, provided that the orbit lives that long.
"""

import numpy as np

from geomdl import adapted_field, cost_reaches, integrate, rank_loss, standard_field
from geomdl.flows import Field
from verification.chen2023.orbit_laws import STILL_FULL, first_time_below
from verification.chen2023.test_theorem_2_3 import (
    FRACTION,
    OBSTRUCTED,
    SCENES,
    in_units_of_N,
    stopping_time,
)
from verification.machinery.checks import claim, variant
from verification.machinery.columns import ALL_ORBITS, ORBITS
from verification.machinery.points import Point
from verification.machinery.ratios import Ratio, bound
from verification.scenes.networks import FULL_RANK


@claim(
    "chen2023/stopping-time-use/a",
    scenes=SCENES,
    columns=ALL_ORBITS,
    controls=[
        variant("stop earlier by 2 N", late=(-2.0,)),
        variant("the standard flow", field=standard_field),
    ],
)
def test_cost_is_at_most_eps_at_any_later_time(
    at: Point, late: tuple[float, ...] = (0.0, 0.5, 1.0), field: Field | None = None
) -> list[Ratio]:
    level = FRACTION * float(at.problem.value(at.theta))
    stop = stopping_time(at, level)
    orbit = at.orbit(field, end=stop + 1.0, times=[stop + each for each in late if each < 1.0])
    steps = [int(np.argmin(np.abs(orbit.times - (stop + each) * at.N))) for each in late]
    # At s_stop = s_eps the cost equals eps up to the tolerance, relative to C_0^(1/2) eps^(1/2).
    slack = 30 * at.rtol * FRACTION**-0.5
    return [bound(orbit.costs()[step], level, slack=slack) for step in steps]


@claim(
    "chen2023/stopping-time-use/b",
    scenes=FULL_RANK,
    columns=ORBITS,
    controls=[variant("the standard flow", field=standard_field, end=1.5)],
    refuted=[variant("the orbit ends before", scenes=OBSTRUCTED)],
)
def test_stopping_time_depends_on_the_orbit_through_its_initial_cost_alone(
    at: Point, field: Field | None = None, end: float = 6.0
) -> list[Ratio]:
    level = FRACTION * float(at.problem.value(at.theta))
    if field is None:
        found = [in_units_of_N(at, first_time_below(at, level, end), stopping_time(at, level), FRACTION)]
    else:
        found = []
    for _ in range(2):
        theta = at.arithmetic.array(at.problem.network.random_theta(at.generator))
        start = float(at.problem.value(theta))
        orbit = integrate(
            at.problem, field or adapted_field(), theta, end * at.N, rtol=at.rtol,
            events=[cost_reaches(FRACTION * start), rank_loss(at.rank, STILL_FULL)],
        )  # fmt: skip
        time = orbit.times[-1] / at.N if orbit.status == "cost reached" else np.inf
        found.append(in_units_of_N(at, time, 0.5 * float(-np.log(FRACTION)), FRACTION))
    return found
