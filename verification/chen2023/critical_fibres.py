"""Points beside a critical point, on its fibre and off it, and what moves there."""

from collections.abc import Callable

import numpy as np

from geomdl.arithmetic import Array
from geomdl.critical_points import polish
from geomdl.fibres import follow_fibre
from verification.chen2023.equilibria import terms
from verification.machinery.points import Point
from verification.machinery.ratios import Ratio, identity, property_

STEP = 2.0**-6


def along_the_kernel(at: Point) -> Array:
    """Return a vector of ker D, about as long as a unit vector."""
    drawn = at.random(at.D.shape[1])
    kernel = drawn - at.pinv.row_projector() @ drawn
    length = np.linalg.norm(at.arithmetic.to_float64(kernel))
    return kernel / at.arithmetic.array([length])[0]


def on_the_fibre(at: Point) -> Array:
    """Return another theta with the same outputs."""
    step = at.arithmetic.array([STEP])[0]
    return follow_fibre(at.at_theta, step * along_the_kernel(at))[-1]


def search_beside(at: Point) -> Array:
    """Return the equilibrium that Levenberg's method finds from a theta beside it, along ker D."""
    step = at.arithmetic.array([STEP])[0]
    return polish(at.problem, at.theta + step * along_the_kernel(at)).theta


def off_the_fibre(at: Point) -> Array:
    """Return a theta beside it whose outputs differ."""
    drawn = at.pinv.row_projector() @ at.random(at.D.shape[1])
    return at.theta + at.arithmetic.array([STEP])[0] * drawn


def rests_beside(at: Point, move: Callable[[Point], Array]) -> list[Ratio]:
    """Measure whether there is another equilibrium near theta."""
    if at.D.shape[1] == at.rank:
        return [property_(False, "the fibre is a point")]
    moved = move(at)
    there = at.problem.linearize(moved)
    gradient = there.pull(at.problem.cost.gradient(at.problem.data, there.stacked))
    scale = at.arithmetic.largest(abs(there.jacobian()).T @ terms(at))
    distance = float(at.arithmetic.largest(moved - at.theta))
    return [
        property_(0.01 * STEP < distance < 10 * STEP, f"moved by {distance:.3g}"),
        identity(gradient, 0 * gradient, scale=scale, size=at.size, condition=at.kappa, note="at rest"),
    ]
