"""Section 1.2: that the cost converges to C[theta_*] says nothing about theta(s).

(a) The minimizers of a network with K > QN are not isolated: theta(s) converges, and to another one
than theta_*. (b), (c) PARABOLA_SPARE: the cost tends to 0 = C[theta_*], theta_* known and a global
minimizer, while theta(s) goes to infinity: A = W w^2 > 0 decreases to 0 and B = 2 W w b tends to 1, so
that b / w = B / (2 A) grows without bound and w tends to 0. The orbit has no limit in R^K at all. It
keeps the second unit at zero, where only part of all orbits start; without that unit (PARABOLA) all
random starts escape, but then C_* = 0 is attained nowhere. What is conserved is w^2 + b^2 - 2 W^2 for
each hidden unit of an activation that is homogeneous of degree 2.

Bounded orbits that do not converge are impossible for analytic activations (Lojasiewicz); the example
for (c) has to escape.
"""

from itertools import pairwise

import numpy as np

from geomdl import Orbit, pseudoinverse
from geomdl.critical_points import polish
from verification.chen2023.standard_flow_laws import standard_orbit
from verification.machinery.checks import claim, variant
from verification.machinery.columns import ORBITS
from verification.machinery.points import Point
from verification.machinery.ratios import Ratio, along_orbit, bound, property_
from verification.scenes.networks import FULL_RANK, FULL_RANK_EXACT, network_scene
from verification.scenes.standard_flow import (
    BESIDE,
    LOCAL_MINIMUM,
    PARABOLA,
    PARABOLA_SPARE,
    SPARE_MINIMIZER,
)

LONG = 40.0
UNIQUE = network_scene([1, 1], "identity", 4, facts=["under", "injective"], suffix="-line-fit")
"""Four points and a straight line: the cost is strictly convex in theta."""


def another_minimizer(at: Point) -> np.ndarray:
    """Return a minimizer that Gauss and Newton's method finds from a displaced end of the orbit."""
    theta = standard_orbit(at, LONG).end + 0.5 * at.generator.standard_normal(at.theta.size)
    targets = at.arithmetic.to_float64(at.y)
    for _ in range(20):
        linear = at.problem.linearize(theta)
        theta = theta - pseudoinverse(linear.jacobian()).apply(linear.stacked - targets)
    return theta


@claim(
    "chen2023/parameters-need-not-converge/a",
    scenes=(FULL_RANK[0], FULL_RANK[3], FULL_RANK_EXACT[0], BESIDE),
    columns=ORBITS[1:],
    controls=[variant("a unique minimizer", scenes=[UNIQUE])],
)
def test_orbit_converges_to_another_point_than_the_minimizer_of_the_same_cost(at: Point) -> list[Ratio]:
    orbit, other = standard_orbit(at, LONG), another_minimizer(at)
    costs, limit = orbit.costs(), float(at.problem.value(at.arithmetic.array(other)))
    own = polish(at.problem, at.arithmetic.array(orbit.end))
    # C >= C_* up to the end: what is left of the cost bounds how far theta still has to go
    left = float(np.linalg.norm(orbit.end - at.arithmetic.to_float64(own.theta)))
    apart = float(np.linalg.norm(orbit.end - other))
    noise = 30 * at.rtol * costs[0]
    return [
        property_(own.converged, "the orbit comes to a critical point"),
        bound(abs(costs[-1] - limit), 1e-4 * costs[0] + noise, note="C(s) - C[theta_*]"),
        bound(0.1 + 3 * left, apart, note="distance to theta_*"),
    ]


TIMES = tuple(LONG / 4**k for k in (3, 2, 1))


def quarters(orbit: Orbit) -> list[int]:
    """Return the steps at 1/64, 1/16, 1/4 of the time and at its end."""
    return [
        int(np.argmin(np.abs(orbit.times - orbit.times[-1] / 4**k)))
        for k in reversed(range(len(TIMES) + 1))
    ]


@claim(
    "chen2023/parameters-need-not-converge/b",
    "chen2023/parameters-need-not-converge/c",
    scenes=[PARABOLA_SPARE],
    columns=ORBITS,
    controls=[
        variant("bounded orbits", scenes=(FULL_RANK_EXACT[0], LOCAL_MINIMUM), minimizer=None),
        variant("another theta_*", minimizer=(1.0, 1.0, 1.0, -1.0, 0.25, 0.25, 0.0)),
    ],
)
def test_orbit_escapes_while_its_cost_tends_to_the_one_of_a_minimizer(
    at: Point, minimizer: tuple[float, ...] | None = SPARE_MINIMIZER
) -> list[Ratio]:
    orbit = standard_orbit(at, LONG, TIMES)
    costs, sizes, steps = orbit.costs(), np.abs(orbit.thetas).max(axis=1), quarters(orbit)
    ratios = []
    if minimizer is not None:
        least = float(at.problem.value(at.arithmetic.array(np.array(minimizer))))
        ratios.append(property_(least == 0, f"C[theta_*] = {least}"))
    ratios += [
        bound(costs[later], 0.75 * costs[earlier], note="cost at four times the time")
        for earlier, later in pairwise(steps)
    ]
    gains = np.diff(sizes[steps])
    grows = bool(np.all(gains > 0.1) and gains[2] > 0.9 * gains[1])
    return [*ratios, property_(grows, f"|theta| gains {gains} whenever the time is four times as long")]


@claim(
    "chen2023/parameters-need-not-converge/c",
    scenes=(PARABOLA, PARABOLA_SPARE),
    columns=ORBITS,
    controls=[
        variant("w^2 + b^2 - W^2, as for activations of degree 1", degree=1.0),
        variant("w^2 - 2 W^2, without the bias", bias=0.0),
    ],
)
def test_what_is_conserved_keeps_the_escaping_orbit_from_every_limit(
    at: Point, degree: float = 2.0, bias: float = 1.0
) -> list[Ratio]:
    orbit = standard_orbit(at, LONG, TIMES)
    thetas, units, steps = orbit.thetas, (at.theta.size - 1) // 3, quarters(orbit)
    w, b, outgoing = thetas[:, 0], thetas[:, units], thetas[:, 2 * units]
    kept = w**2 + bias * b**2 - degree * outgoing**2
    quadratic, linear = outgoing * w**2, 2 * outgoing * w * b
    quotients = (linear / quadratic)[steps[1:]]
    # steps are shorter than the time over which their errors accumulate
    scale = float(np.max(thetas**2)) * (1 + orbit.times / at.N)
    return [
        along_orbit(kept, np.full_like(kept, kept[0]), rtol=at.rtol, scale=scale, note="conserved"),
        property_(
            bool(np.all(quadratic > 0) and np.all(np.diff(quadratic[steps[1:]]) < 0)), "A falls, A > 0"
        ),
        bound(abs(linear[-1] - 1), 0.2, note="B tends to 1: no theta has A = 0 and B = 1"),
        *(
            bound(1.1 * early, late, note="b / w = B / (2 A) grows")
            for early, late in pairwise(quotients)
        ),
    ]
