"""Theorem 2.3: the a priori stopping time s_eps = (N/2) log(C_0 / eps).

Along an adapted orbit of full rank, the first time at which C <= eps is s_eps, on synthetic data and on
iris, breast cancer and digits. As printed, for arbitrary eps > 0 and rank QN along the orbit, it
misses two things: for eps > C_0 the formula is negative while the infimum over s >= 0 is 0; and the
orbit must live until s_eps, which rank QN along the orbit does not grant (scenes ``obstructed``).
"""

import numpy as np
from scipy.optimize import brentq

from verification.chen2023.orbit_laws import (
    FRACTION,
    OBSTRUCTED,
    STOPPED,
    SYNTHETIC,
    cost_growth,
    first_time_below,
    in_units_of_N,
    stopping_time,
)
from verification.machinery.checks import claim, variant
from verification.machinery.columns import ALL_ORBITS, ORBITS
from verification.machinery.points import Point
from verification.machinery.ratios import Ratio, along_orbit, property_
from verification.scenes.networks import FULL_RANK
from verification.scenes.real_data import TRAINING


@claim(
    "chen2023/theorem-2.3/a",
    scenes=STOPPED,
    columns=ALL_ORBITS,
    controls=[
        variant("N log instead of (N/2) log", scenes=(FULL_RANK[0], TRAINING[0]), factor=1.0),
        variant("(N/4) log, as of the cost |x - y|^2 / N", factor=0.25),
    ],
    refuted=[
        variant("eps above the initial cost", fraction=10.0),
        variant("the orbit ends before", scenes=OBSTRUCTED),
    ],
)
def test_cost_first_reaches_eps_at_the_predicted_time(
    at: Point, factor: float = 0.5, fraction: float = FRACTION
) -> Ratio:
    level = fraction * float(at.problem.value(at.theta))
    found = first_time_below(at, level, end=1.5 * abs(stopping_time(at, level)))
    return in_units_of_N(at, found, stopping_time(at, level, factor), fraction)


@claim(
    "chen2023/theorem-2.3/b",
    scenes=SYNTHETIC,
    columns=ORBITS,
    controls=[
        variant("a time one hundredth of N later", late=0.01),
        variant("a time one hundredth of N earlier", late=-0.01),
    ],
)
def test_stopping_time_is_sharp(at: Point, late: float = 0.0) -> list[Ratio]:
    level = FRACTION * float(at.problem.value(at.theta))
    stop = stopping_time(at, level) + late
    orbit = at.orbit(end=stop + 1.0, times=(stop - 0.1, stop))
    costs = orbit.costs()
    at_stop = int(np.argmin(np.abs(orbit.times - stop * at.N)))
    growth = cost_growth(at, FRACTION)
    return [
        along_orbit(costs[at_stop] / level, 1.0, rtol=at.rtol, scale=1.0, growth=growth),
        property_(bool(np.all(costs[:at_stop] > level)), "the cost exceeds eps at all earlier steps"),
        property_(bool(np.all(costs[at_stop + 1 :] < level)), "and is below it at all later ones"),
    ]


@claim(
    "chen2023/theorem-2.3/c",
    scenes=SYNTHETIC,
    columns=ORBITS,
    controls=[variant("the law with rate 1/N", rate=1.0), variant("without s >= 0", least=-np.inf)],
)
def test_first_time_is_the_one_of_the_exponential_law(
    at: Point, rate: float = 2.0, least: float = 0.0
) -> list[Ratio]:
    start, found = float(at.problem.value(at.theta)), []
    for fraction in (10.0, 0.5, FRACTION):
        root = brentq(lambda s, f=fraction: np.exp(-rate * s) - f, -20.0, 20.0, xtol=1e-14)
        measured = first_time_below(at, fraction * start, end=6.0)
        found.append(in_units_of_N(at, measured, max(least, root), fraction))
    return found
