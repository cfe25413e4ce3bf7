"""Section 1.2, after (1.10): whether the gradient vanishes as the cost converges, and what C_* is.

(a), (b) That a monotone function converges does not make its derivative vanish; along the standard
flow the integral of |grad C|^2 is finite, so that |grad C| comes near 0 again and again. On a bounded
orbit it tends to 0: with L a Lipschitz constant of grad C along it, |grad C|^2 cannot fall faster than
e^(-2Ls),

    |grad C(s)|^2 <= 2 L (C(s) - C(s + 1/L)) / (1 - e^-2).

On an unbounded orbit L may grow without bound, and then the gradient need not vanish. STAIRCASE is
such a network, one hidden unit with a C^1 activation of Lipschitz derivative: the orbit goes to
infinity, |grad C| is of order 1 at every passage of w_k = 4, 8, 16, ..., for ever. (Along the escaping
orbits of the analytic examples PARABOLA and STEP the gradient does vanish.)

(c), (d) The limit is the cost at a critical point if the orbit is bounded. In PARABOLA and STEP C ->
0, and no theta has C = 0: the outputs of one tanh neuron are strictly monotone or constant, so they
are not (0, 1, 1). C_* is then no stationary value. Nor is it in PEAK, whose targets (0, 1, 0) can be
moved: the least cost, that of the nearest monotone sequence, is not attained for any targets nearby.
That the limit need not be the global minimum is right: a saddle, or a strict local minimum from an
open set of starts (LOCAL_MINIMUM).
"""

import numpy as np

from geomdl import cost_hessian
from geomdl.critical_points import CriticalPoint, polish
from verification.chen2023.standard_flow_laws import gradients, rates_of_cost, standard_orbit
from verification.machinery.checks import claim, variant
from verification.machinery.columns import ALL_ORBITS, ONLY_FLOAT64, ORBITS
from verification.machinery.points import Point
from verification.machinery.ratios import Ratio, along_orbit, bound, property_
from verification.scenes.networks import FULL_RANK, FULL_RANK_EXACT, RANK_LOST, UNDER
from verification.scenes.real_data import BREAST_CANCER, IRIS
from verification.scenes.standard_flow import (
    BESIDE,
    BETTER,
    FIRST_STEP,
    HALF,
    LOCAL_MINIMUM,
    NO_STEPS,
    PARABOLA,
    PEAK_RISING,
    RATIO,
    SADDLE,
    STAIRCASE,
    STEP,
)

BOUNDED = (*FULL_RANK[:2], FULL_RANK_EXACT[0], *RANK_LOST, SADDLE, BESIDE, LOCAL_MINIMUM)
CONVERGED = (FULL_RANK[0], FULL_RANK[3], FULL_RANK_EXACT[0], SADDLE, BESIDE, LOCAL_MINIMUM)
"""Bounded orbits that are close to their limit at LONG."""

REAL = (IRIS, BREAST_CANCER)
ESCAPING = (PARABOLA, STEP, NO_STEPS)
LONG = 40.0
VERY_LONG = 300.0


def duration(at: Point) -> float:
    """Return a long time in units of N: until the second step of the staircase, less for real data."""
    if at.scene in (STAIRCASE, NO_STEPS):
        return VERY_LONG
    return 4.0 if "large" in at.scene.facts else LONG


def largest_late(values: np.ndarray, times: np.ndarray) -> float:
    """Return the largest |value| in the second half of the time."""
    return float(np.abs(values[times >= times[-1] / 2]).max())


@claim(
    "chen2023/gradient-vanishes/a",
    "chen2023/gradient-vanishes/b",
    scenes=(*BOUNDED, *FULL_RANK[2:], *UNDER[:1], *ESCAPING, *REAL),
    columns=ALL_ORBITS,
    controls=[
        variant("the initial gradient instead of the late one", scenes=(BESIDE, NO_STEPS), late=False),
    ],
    refuted=[variant("an orbit that climbs down a staircase for ever", scenes=[STAIRCASE])],
)
def test_late_gradient_is_no_larger_than_the_mean_rate_of_the_cost_allows(
    at: Point, late: bool = True
) -> list[Ratio]:
    # |d/ds C| that tends to 0 without bursts is at most its mean over the first half of the time.
    orbit = standard_orbit(at, duration(at))
    rates, costs, times = rates_of_cost(orbit), orbit.costs(), orbit.times
    squares = np.sum(gradients(orbit) ** 2, axis=1)
    mean = (costs[0] - costs[np.searchsorted(times, times[-1] / 2)]) / (times[-1] / 2)
    if not late:
        return [bound(squares[0], mean, note="|grad C|^2 at the start")]
    return [
        bound(largest_late(rates, times), mean, slack=30 * at.rtol, note="|d/ds C|"),
        bound(largest_late(squares, times), mean, slack=30 * at.rtol, note="|grad C|^2"),
    ]


@claim(
    "chen2023/gradient-vanishes/a",
    "chen2023/gradient-vanishes/b",
    scenes=BOUNDED[2:],
    columns=ORBITS[1:],
    controls=[
        variant("a bound that is a thousand times smaller", factor=1e-3),
        variant("the constant of the start, on the staircase", scenes=[STAIRCASE], moving=False),
    ],
)
def test_bounded_orbits_cannot_have_a_large_gradient_while_the_cost_settles(
    at: Point, factor: float = 1.0, moving: bool = True
) -> list[Ratio]:
    orbit = standard_orbit(at, duration(at))
    squares, costs = np.sum(gradients(orbit) ** 2, axis=1), orbit.costs()
    if moving:
        hessians = [cost_hessian(at.problem, at.arithmetic.array(theta)) for theta in orbit.thetas]
        constant = max(float(np.linalg.norm(hessian, 2)) for hessian in hessians)
    else:  # the quotient of the first two gradients: the activation has no second derivative
        first = gradients(orbit)[:2]
        distance = np.linalg.norm(orbit.thetas[1] - orbit.thetas[0])
        constant = float(np.linalg.norm(first[1] - first[0]) / distance)
    chosen = np.flatnonzero(orbit.times + 1 / constant <= orbit.times[-1])
    later = [float(at.problem.value(at.arithmetic.array(theta)))
             for theta in orbit.dense(orbit.times[chosen] + 1 / constant)]  # fmt: skip
    falls = costs[chosen] - np.array(later)
    limits = factor * 2 * constant * falls / -np.expm1(-2)
    # the cost is known to the tolerance
    noise = 30 * at.rtol * constant * costs[0]
    return [bound(np.max(squares[chosen] / (limits + noise)), 1.0, note="|grad C|^2")]


@claim(
    "chen2023/gradient-vanishes/a",
    "chen2023/gradient-vanishes/b",
    scenes=[STAIRCASE],
    columns=ORBITS[1:],
    controls=[variant("the activation without steps", scenes=[NO_STEPS])],
)
def test_gradient_on_the_staircase_is_as_large_at_the_second_step_as_at_the_first(
    at: Point,
) -> list[Ratio]:
    orbit = standard_orbit(at, VERY_LONG)
    sizes, w = np.linalg.norm(gradients(orbit), axis=1), orbit.thetas[:, 0]
    ratios = []
    for position in (FIRST_STEP, 2 * FIRST_STEP):
        width = HALF / position
        inside = (w >= position) & (w <= position + width)
        # in the middle of a step E'/E is 15/8 up to the factor 1 - height/2; the error of the second
        # sample is 40 + W sigma(T w), a little more than 40, and W sigma(w) is between 3 and 4
        least = 0.5 * 40 * 3 * 15 / 8 / RATIO / 1.25
        peak = float(sizes[inside].max()) if inside.any() else 0.0
        ratios.append(bound(least, peak, note=f"|grad C| at w = {position}"))
    symmetric = float(np.abs(orbit.thetas[:, [1, 3]]).max())
    return [
        *ratios,
        property_(orbit.status == "completed", orbit.message),
        along_orbit(symmetric, 0.0, rtol=at.rtol, scale=1.0, note="b = c = 0"),
    ]


@claim(
    "chen2023/gradient-vanishes/a",
    "chen2023/gradient-vanishes/b",
    scenes=[STAIRCASE],
    columns=ONLY_FLOAT64,
    controls=[variant("a constant twenty times smaller", constant=0.2)],
)
def test_activation_of_the_staircase_has_a_lipschitz_derivative(
    at: Point, constant: float = 4.0
) -> Ratio:
    activation, quotients = at.problem.network.activation, []
    # around the steps and their copies at RATIO w_k and RATIO^2 w_k
    for step in range(12):
        for copy in (1, RATIO, RATIO**2):
            position = copy * FIRST_STEP * 2.0**step
            z = position + np.linspace(-0.1, 1.1, 2001) * copy * HALF / (FIRST_STEP * 2.0**step)
            slopes = activation.value_and_slope(at.arithmetic, z)[1]
            quotients.append(np.abs(np.diff(slopes) / np.diff(z)).max())
    z = np.linspace(-3, 3, 6001)
    quotients.append(np.abs(np.diff(activation.value_and_slope(at.arithmetic, z)[1]) / np.diff(z)).max())
    return bound(max(quotients), constant)


def critical_point_near(at: Point, theta: np.ndarray) -> CriticalPoint:
    """Polish theta with a few steps of Levenberg's method, which cannot carry it to infinity."""
    return polish(at.problem, at.arithmetic.array(theta), limit=15)


@claim(
    "chen2023/gradient-vanishes/c",
    "chen2023/gradient-vanishes/d",
    "slides2023/challenges/a",
    scenes=CONVERGED,
    columns=ORBITS[1:],
    controls=[
        variant("the limit at half of the initial cost", level=0.5),
        variant("the critical point of another start", scenes=[SADDLE], other=BESIDE),
    ],
    refuted=[
        variant("an infimum that no theta attains", scenes=(PARABOLA, STEP)),
        variant("and so for all targets nearby", scenes=[PEAK_RISING]),
    ],
)
def test_limit_of_the_cost_is_its_value_at_a_critical_point(
    at: Point, level: float = 0.0, other: object = None
) -> list[Ratio]:
    orbit = standard_orbit(at, LONG)
    start = orbit.end if other is None else standard_orbit(BESIDE.at(at.column, at.seed), LONG).end
    found = critical_point_near(at, start)
    if not found.converged:
        return [property_(False, f"no critical point within reach: C = {orbit.costs()[-1]:.3g}")]
    costs = orbit.costs()
    limit = max(float(at.problem.value(found.theta)), level * costs[0])
    middle = int(np.searchsorted(orbit.times, orbit.times[-1] / 2))
    gap, distance = costs[-1] - limit, np.linalg.norm(orbit.end - at.arithmetic.to_float64(found.theta))
    gradient = np.linalg.norm(
        at.arithmetic.to_float64(at.problem.gradient(at.arithmetic.array(orbit.end)))
    )
    noise = 30 * at.rtol * costs[0]
    return [
        bound(abs(gap), gradient * distance + noise, note="C(s) - C[theta_*]"),
        bound(abs(gap), 0.5 * (costs[middle] - limit) + noise, note="halved from s/2 to s"),
    ]


@claim(
    "chen2023/gradient-vanishes/d",
    "slides2023/challenges/a",
    scenes=(SADDLE, LOCAL_MINIMUM),
    columns=ORBITS[1:],
    controls=[variant("an orbit to the global minimum", scenes=[BESIDE])],
)
def test_limit_of_the_cost_need_not_be_the_global_minimum(at: Point) -> list[Ratio]:
    orbit = standard_orbit(at, LONG)
    found = critical_point_near(at, orbit.end)
    better = np.array(BETTER if at.scene is LOCAL_MINIMUM else (1.0, 0.0, 1.0, 0.0))
    limit, lower = float(at.problem.value(found.theta)), float(at.problem.value(better))
    distance = np.linalg.norm(orbit.end - found.theta)
    hessian = np.linalg.eigvalsh(cost_hessian(at.problem, found.theta))
    return [
        property_(found.converged, "the orbit comes to a critical point"),
        bound(distance, np.sqrt(at.rtol), note="and stays there"),
        property_(limit > 1.2 * lower + 1e-2, f"C_* = {limit:.4g}, elsewhere C = {lower:.4g}"),
        property_(
            at.scene is SADDLE or hessian[0] > 0.1, "a strict local minimum: an open set of starts"
        ),
    ]
