"""Orbits of the family between the flows, and how they change with alpha and with the start.

Orbits of theta' = V_(theta, alpha) from theta_0 are followed up to s = 2 N. That the standard flow is
continuously deformed into the adapted one means that (alpha, theta_0) -> theta(s) is continuous. Where
V is smooth, it is Lipschitz continuous: the quotients

    max over s of |theta(s; alpha + h, theta_0 + h v) - theta(s; alpha - h, theta_0 - h v)| / h

stay bounded as h tends to 0. Where it jumps they grow like 1/h.
"""

from collections.abc import Callable
from functools import lru_cache

import numpy as np

from geomdl import Orbit, Problem, homotopy_field, integrate, pseudoinverse, rank_loss
from geomdl.arithmetic import Array
from geomdl.flows import Field
from geomdl.homotopy import relaxation_rates
from verification.chen2023.orbit_laws import STILL_FULL
from verification.chenewald2024.constrained_gradients import constrained
from verification.chenewald2024.path_integrals import Velocity
from verification.machinery.columns import Column
from verification.machinery.points import Point, Scene
from verification.machinery.ratios import Ratio, bound, property_

TIMES = (0.25, 0.5, 1.0, 2.0)
"""Times at which orbits are compared, in units of N."""

LARGE_STEP, SMALL_STEP = 2.0**-8, 2.0**-16
ALLOWED_GROWTH = 4.0
"""Quotients at the two steps differ by 256 where the dependence jumps, hardly where it is smooth."""

Family = Callable[[float, int], Field]


def homotopy(alpha: float, rank: int) -> Field:
    """Return the field V_(theta, alpha) where D has this rank."""
    return homotopy_field(alpha, rank=rank)


def jumping(alpha: float, rank: int) -> Field:
    """Return the end of the family that is nearer: a deformation with a jump."""
    return homotopy_field(round(alpha), rank=rank)


@lru_cache(maxsize=256)
def _orbit(scene: Scene, column: Column, seed: int, family: Family, alpha: float, step: float) -> Orbit:
    at = scene.at(column, seed)
    direction = at.arithmetic.to_float64(at.random(len(at.theta)))
    start = at.arithmetic.to_float64(at.theta) + step * direction / np.linalg.norm(direction)
    return integrate(
        at.problem,
        family(alpha, at.rank),
        at.arithmetic.array(start),
        TIMES[-1] * at.N,
        rtol=at.rtol,
        events=[rank_loss(at.rank, STILL_FULL)],
        times=[time * at.N for time in TIMES],
    )


def family_orbit(at: Point, alpha: float, family: Family = homotopy, step: float = 0.0) -> Orbit:
    """Return the orbit from theta + step v, v a random unit vector, stopped where rank is lost."""
    return _orbit(at.scene, at.column, at.seed, family, alpha, step)


def a_few_relaxations(at: Point, alpha: float) -> float:
    """Return a time, in units of N, at most 1, in which the fastest part of x - y shrinks by e^-4."""
    rates = relaxation_rates(pseudoinverse(at.D, rank=at.rank, method="svd"), alpha)
    return min(1.0, 4 / float(rates[0]))


def printed_velocity(alpha: float, rank: int) -> Velocity:
    """Return -(alpha 1 + (1 - alpha) D D^T) P grad_x C, (2.41)."""
    projected = constrained(rank)

    def velocity(problem: Problem, theta: Array) -> Array:
        at, minus_projected = problem.linearize(theta), projected(problem, theta)
        weight = at.arithmetic.array([alpha])[0]
        return weight * minus_projected + (1 - weight) * at.push(at.pull(minus_projected))

    return velocity


def at_marks(at: Point, orbit: Orbit) -> np.ndarray:
    """Return theta at TIMES, shape (4, K)."""
    marks = [int(np.argmin(np.abs(orbit.times - time * at.N))) for time in TIMES]
    return orbit.thetas[marks]


def deforms_continuously(
    at: Point, alpha: float, family: Family = homotopy, moved: bool = True
) -> list[Ratio]:
    """Measure the quotients around alpha at two steps; ``moved`` moves the start as well."""
    quotients = []
    for step in (LARGE_STEP, SMALL_STEP):
        ends = [(min(alpha + step, 1.0), step), (max(alpha - step, 0.0), -step)]
        orbits = [family_orbit(at, a, family, shift if moved else 0.0) for a, shift in ends]
        for orbit in orbits:
            if orbit.status != "completed":
                return [property_(False, f"alpha {alpha}, step {step:g}: {orbit.message}")]
        quotients.append(float(np.abs(at_marks(at, orbits[0]) - at_marks(at, orbits[1])).max()) / step)
    note = f"quotients {quotients[0]:.3g}, {quotients[1]:.3g} around alpha {alpha}"
    return [bound(quotients[1], ALLOWED_GROWTH * quotients[0], note=note)]
