"""Abstract and introduction: what is announced of rates, stopping times and local equilibria.

(a) Along orbits of rank QN the time in which the cost falls by a factor f is (N/2) log(1/f), the same
for all of them; (b) so it is known before training. Both need the orbit to live that long, which the
rank does not grant (scenes ``obstructed``).

(c) At rank QN an equilibrium of either flow is a global minimizer: |g| <= |D^+| |grad_theta C| and
|g| <= |D| |velocity|, g = grad_x C, with C = (N/2) |g|^2.

(d) Where the rank r of D is constant and less than K, no equilibrium is isolated, whatever the targets:
the fibre of x through it, of dimension K - r, consists of equilibria (that M_crit is no larger needs
generic targets, see test_theorem_4_2). Without constant rank it is false, and not only for exceptional
targets: in the scenes ``ISOLATED`` with K > QN the Hessian is invertible at an equilibrium which is not
global, for an open set of targets.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from scipy.optimize import least_squares

import geomdl
from geomdl import cost_hessian, pseudoinverse
from geomdl.arithmetic import Array
from geomdl.critical_points import polish
from geomdl.rank_deficiency import negative_curvature, restart
from verification.chen2023.critical_fibres import (
    off_the_fibre,
    on_the_fibre,
    rests_beside,
    search_beside,
)
from verification.chen2023.equilibria import algebraic_system, at_most, lost_rank, terms, with_targets
from verification.chen2023.orbit_laws import first_time_below, in_units_of_N, stopping_time
from verification.machinery.checks import claim, variant
from verification.machinery.columns import ALGEBRAIC, ALL_ORBITS, FLOAT64, MP30, MP50
from verification.machinery.points import Point
from verification.machinery.ratios import Ratio, bound, identity, property_
from verification.scenes.critical_points import (
    BUILT,
    CLOSED_FORM,
    CRITICAL,
    MINIMIZERS,
    NOT_GLOBAL,
    ONE_HOT,
)
from verification.scenes.networks import BORDERLINE, FULL_RANK, FULL_RANK_EXACT, RANK_LOST, SMALLEST
from verification.scenes.obstructed import MONOTONE, PEAK, XOR
from verification.scenes.pieces import squared
from verification.scenes.rank_loss import BELOW_THE_TRAP, ISOLATED, LINEAR_SADDLE, LOCAL_MINIMUM
from verification.scenes.rank_missing import TWINS
from verification.scenes.real_data import IRIS

ORBITS_OF_FULL_RANK = (*FULL_RANK, MONOTONE, *SMALLEST, IRIS)
OBSTRUCTED = variant("the orbit ends before", scenes=(PEAK, XOR))
FACTORS = (1e-1, 1e-3)
FAR = 8.0
"""Times in units of N: nothing is waited for longer."""

RANDOM_STARTS = 20


@claim(
    "chen2023/abstract/a",
    "chen2023/equilibria-conclusion/c",
    scenes=ORBITS_OF_FULL_RANK,
    columns=ALL_ORBITS,
    controls=[variant("rate 1/N", rate=1.0), variant("rank lost", scenes=(TWINS,))],
    refuted=[OBSTRUCTED],
)
def test_every_orbit_takes_the_same_time_to_lower_the_cost_by_a_factor(
    at: Point, rate: float = 2.0
) -> list[Ratio]:
    start = float(at.problem.value(at.theta))
    return [
        in_units_of_N(at, first_time_below(at, factor * start, end=FAR), -np.log(factor) / rate, factor)
        for factor in FACTORS
    ]


@claim(
    "chen2023/abstract/b",
    scenes=ORBITS_OF_FULL_RANK,
    columns=ALL_ORBITS,
    controls=[
        variant("a quarter of the time", part=0.25),
    ],
    refuted=[OBSTRUCTED],
)
def test_cost_is_as_prescribed_at_a_time_known_before_training(
    at: Point, part: float = 1.0
) -> list[Ratio]:
    ratios = []
    for level in (1e-1, 1e-3):  # the distance itself is prescribed, not its ratio to the initial cost
        stop = part * max(0.0, stopping_time(at, level))
        if stop == 0:
            ratios.append(bound(at.problem.value(at.theta), level, note="at the start"))
            continue
        if "obstructed" in at.scene.facts and first_time_below(at, level, end=FAR) == np.inf:
            ratios.append(property_(False, "the orbit ends before the stopping time"))
            continue
        cost = at.orbit(end=stop).costs()[-1]
        scale = max(1.0, float(np.max(at.arithmetic.to_float64(at.y) ** 2)), level)
        ratios.append(bound(cost, level, slack=30 * at.rtol * np.sqrt(scale * len(at.y) / level)))
    return ratios


@claim(
    "chen2023/abstract/c",
    scenes=(*FULL_RANK, *FULL_RANK_EXACT, *BORDERLINE, *SMALLEST, *MINIMIZERS),
    columns=ALGEBRAIC,
    controls=[
        variant("rank lost", scenes=CRITICAL),
        variant("a quarter of the norm", scenes=SMALLEST[:1], part=4),
    ],
)
def test_equilibria_of_either_flow_have_cost_zero_at_full_rank(at: Point, part: int = 1) -> list[Ratio]:
    inverse, velocity = squared(pseudoinverse(at.D, rank=at.rank).matrix()), algebraic_system(at, at.g)
    gradient, size = at.D.T @ at.g, squared(at.D)
    return [
        at_most(at, part * at.g, inverse, gradient, 1, "standard flow"),
        at_most(at, part * at.g, size, velocity, 1, "adapted flow"),
    ]


def lower_cost(at: Point) -> Any:
    """Return a cost that is attained elsewhere, infinite where none is known."""
    if at.scene is LOCAL_MINIMUM:
        return at.problem.value(at.arithmetic.array(BELOW_THE_TRAP))
    down = negative_curvature(at.problem, at.theta)
    found = restart(at.problem, at.theta, down.direction, halvings=12) if down is not None else None
    if found is None and "isolated" in at.scene.facts:  # it may be a local minimum
        return best_fit(at)
    return found.cost if found is not None else np.inf


def best_fit(at: Point) -> float:
    """Return the least cost that a few random starts lead to."""
    problem, generator = at.problem.to(geomdl.FLOAT64), np.random.default_rng(0)

    def misfit(theta: np.ndarray) -> np.ndarray:
        return problem.stacked(theta) - problem.data.stacked_targets

    starts = [problem.network.random_theta(generator) for _ in range(RANDOM_STARTS)]
    return min(float(problem.value(least_squares(misfit, start).x)) for start in starts)


@claim(
    "chen2023/abstract/c",
    scenes=(*NOT_GLOBAL, LOCAL_MINIMUM, *ISOLATED),
    columns=(FLOAT64, MP30, MP50),
    controls=[
        variant("a global minimizer", scenes=MINIMIZERS),
        variant("no equilibrium", scenes=(FULL_RANK[0], *RANK_LOST[:1])),
    ],
)
def test_equilibria_that_are_not_global_have_lost_rank(at: Point) -> list[Ratio]:
    scale = at.arithmetic.largest(abs(at.D).T @ terms(at))
    return [
        identity(at.grad_theta, 0 * at.grad_theta, scale=scale, size=at.size, note="an equilibrium"),
        property_(bool(lower_cost(at) < at.problem.value(at.theta)), "not global"),
        lost_rank(at),
    ]


CONSTANT_RANK = (
    CLOSED_FORM[0], CLOSED_FORM[2], *BUILT[:3], LINEAR_SADDLE, LOCAL_MINIMUM, ONE_HOT,
)  # fmt: skip
"""Equilibria around which the rank is constant and less than K, for generic and exceptional targets."""


@claim(
    "chen2023/abstract/d",
    scenes=CONSTANT_RANK,
    columns=(FLOAT64, MP30),
    controls=[
        variant("off the fibre", moves=(off_the_fibre,)),
        variant("K = r: the fibre is a point", scenes=BUILT[3:]),
    ],
    refuted=[variant("rank not constant", scenes=ISOLATED, moves=(search_beside,))],
)
def test_equilibria_continue_along_the_fibre_of_the_outputs(
    at: Point, moves: Sequence[Callable[[Point], Array]] = (on_the_fibre, search_beside)
) -> list[Ratio]:
    return [ratio for move in moves for ratio in rests_beside(at, move)]


@claim(
    "chen2023/abstract/d",
    scenes=ISOLATED,
    columns=(FLOAT64, MP30),
    controls=[variant("rank constant", scenes=(CLOSED_FORM[0], BUILT[0], LOCAL_MINIMUM))],
    evidence=True,
)
def test_isolated_equilibria_exist_for_all_targets_near_by(at: Point) -> list[Ratio]:
    targets = at.y.reshape(at.N, -1)
    moved = with_targets(at, targets + at.number(1, 2**20) * at.random(*targets.shape))
    found = polish(moved, at.theta)
    sigma = at.arithmetic.singular_values(cost_hessian(moved, found.theta))
    jacobian = at.arithmetic.to_float64(moved.linearize(found.theta).jacobian())
    lowest = np.linalg.svd(jacobian, compute_uv=False)[-1]
    distance = float(at.arithmetic.largest(found.theta - at.theta))
    return [
        property_(found.converged and distance < 0.01, f"an equilibrium, moved by {distance:.2g}"),
        property_(float(moved.value(found.theta)) > 1e-3, "with positive cost"),
        bound(1e-6, sigma[-1] / sigma[0], note="an invertible Hessian: isolated"),
        property_(bool(lowest < 1e-9), "rank below QN"),
        property_(at.D.shape[1] > len(at.D), "K > QN"),
    ]
