"""The laws of the adapted flow at full rank, as ratios along an integrated orbit.

x[theta(s)] - y = e^(-s/N) (x[theta(0)] - y) and C = e^(-2s/N) C_0. The error of the outputs stays a
multiple of the tolerance while x - y decays, so that the relative error of the cost grows like e^(s/N).
"""

import numpy as np

from geomdl import Orbit, cost_reaches, rank_loss
from verification.machinery.points import Point
from verification.machinery.ratios import Ratio, along_orbit

END = 6.0
"""Final time of the shared orbits, in units of N."""

STILL_FULL = 1e-5
"""sigma_QN / sigma_1 at which an orbit counts as having reached the boundary of full rank."""


def outputs_law(at: Point, orbit: Orbit, rate: float = 1.0) -> Ratio:
    """Measure x - y against e^(-rate s/N) (x_0 - y)."""
    outputs, targets = orbit.outputs(), at.arithmetic.to_float64(at.y)
    decay = np.exp(-rate * orbit.times / at.N)[:, None]
    scale = max(np.abs(outputs[0]).max(), np.abs(targets).max())
    return along_orbit(outputs - targets, decay * (outputs[0] - targets), rtol=at.rtol, scale=scale)


def cost_law(at: Point, orbit: Orbit, rate: float = 2.0) -> Ratio:
    """Measure C against e^(-rate s/N) C_0.

    An error rtol |x| of the outputs changes C = |x - y|^2 / (2N) by rtol |x| |x - y| / N, and by the
    square of that error where x - y is smaller still.
    """
    outputs, costs, targets = orbit.outputs(), orbit.costs(), at.arithmetic.to_float64(at.y)
    times = orbit.times / at.N
    size = max(np.linalg.norm(outputs, axis=1).max(), float(np.linalg.norm(targets)))
    distance = np.exp(-times) * np.linalg.norm(outputs[0] - targets)
    scale = (distance + at.rtol * size) * size / at.N
    return along_orbit(costs, np.exp(-rate * times) * costs[0], rtol=at.rtol, scale=scale)


def first_time_below(at: Point, level: float, end: float) -> float:
    """Return inf {s >= 0 : C[x[theta(s)]] <= level} in units of N, infinite when the orbit ends before.

    An orbit that comes to the boundary of full rank is stopped there.
    """
    if float(at.problem.value(at.theta)) <= level:
        return 0.0
    watch = [] if "large" in at.scene.facts else [rank_loss(at.rank, STILL_FULL)]
    orbit = at.orbit(end=end, events=[cost_reaches(level), *watch])
    return orbit.times[-1] / at.N if orbit.status == "cost reached" else np.inf
