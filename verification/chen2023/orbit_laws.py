"""The laws of the adapted flow at full rank, as ratios along an integrated orbit.

x[theta(s)] - y = e^(-s/N) (x[theta(0)] - y) and C = e^(-2s/N) C_0. The error of the outputs stays a
multiple of the tolerance while x - y decays, so that the relative error of the cost grows like e^(s/N).
"""

import numpy as np
from scipy.integrate import solve_ivp

from geomdl import (
    Orbit,
    cost_reaches,
    rank_loss,
)
from geomdl.arithmetic import Array
from geomdl.flows import Field
from verification.chen2023.printed_formulas import (
    STENCIL,
    derivative,
    reference_arithmetic,
    step_for,
)
from verification.machinery.points import Point
from verification.machinery.ratios import Ratio, along_orbit, property_
from verification.scenes.networks import BORDERLINE, FULL_RANK, FULL_RANK_EXACT, SMALLEST, UNDER
from verification.scenes.obstructed import MONOTONE, PEAK, XOR
from verification.scenes.real_data import TRAINING

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


def outputs_along(at: Point, velocity: Array) -> Array:
    """Return d/dt x[theta + t v] at t = 0 by differences in the numbers of the reference."""
    numbers, step = reference_arithmetic(at.arithmetic), step_for(at.arithmetic)
    problem, theta, v = at.problem.to(numbers), numbers.array(at.theta), numbers.array(velocity)
    values = [problem.stacked(theta + k * step * v) for k in STENCIL]
    return at.arithmetic.array(derivative(values, step))


DECAY = np.exp(-6.0)


def long_orbit(at: Point, field: Field | None = None) -> tuple[Orbit, list[int]]:
    """Return the orbit to s = 18 N, with the steps at which s = 6 N, 12 N, 18 N."""
    orbit = at.orbit(field, end=18.0, times=(6.0, 12.0))
    return orbit, [int(np.argmin(np.abs(orbit.times - s * at.N))) for s in (6.0, 12.0, 18.0)]


def limit(values: np.ndarray) -> np.ndarray:
    """Continue a + b q + c q^2 from q, q^2, q^3, q = e^-6, to q = 0, where s is infinite."""
    once = (values[1:] - DECAY * values[:-1]) / (1 - DECAY)
    return (once[1] - DECAY**2 * once[0]) / (1 - DECAY**2)


END = 6.0


def comparison_orbit(
    at: Point, end: float = END, times: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Integrate x' = -grad_x C from the outputs of the scene: times, states, targets, in float64."""
    problem, convert = at.problem, at.arithmetic.array
    targets = at.arithmetic.to_float64(at.y)

    def velocity(_: float, state: np.ndarray) -> np.ndarray:
        return -np.asarray(problem.cost.gradient(problem.data, convert(state)), dtype=np.float64)

    start = at.arithmetic.to_float64(at.x)
    result = solve_ivp(
        velocity, (0.0, end * at.N), start, method="DOP853", rtol=at.rtol, atol=at.rtol * 1e-3,
        t_eval=times,
    )  # fmt: skip
    return result.t, result.y.T, targets


def stopping_time(at: Point, level: float, factor: float = 0.5) -> float:
    """Return the printed formula in units of N: (1/2) log(C_0 / eps)."""
    return factor * float(np.log(float(at.problem.value(at.theta)) / level))


def in_units_of_N(at: Point, found: float, predicted: float, fraction: float) -> Ratio:
    """Measure two times, in units of N, at which the cost comes to a fraction of C_0."""
    if not np.isfinite(found):
        return property_(False, "the cost never reaches the level: the orbit ends before")
    return along_orbit(found, predicted, rtol=at.rtol, scale=1.0, growth=cost_growth(at, fraction))


def cost_growth(at: Point, fraction: float) -> float:
    """Return by what the relative error of the cost exceeds the tolerance at this fraction of C_0.

    An error rtol |x| of the outputs is rtol |x| / |x - y| of their distance, and |x - y| has shrunk by
    the square root of the fraction; an orbit may start at a small distance already.
    """
    start, targets = (np.linalg.norm(at.arithmetic.to_float64(each)) for each in (at.x, at.y))
    distance = np.linalg.norm(at.arithmetic.to_float64(at.x - at.y))
    return float(max(1.0, start / distance, targets / distance) * max(1.0, fraction**-0.5))


COMPARED = (*FULL_RANK, *FULL_RANK_EXACT, *UNDER[:1], *BORDERLINE[:1], *SMALLEST)


SYNTHETIC = (*FULL_RANK, MONOTONE, *BORDERLINE[:1], *SMALLEST)


STOPPED = (*SYNTHETIC, *TRAINING)


OBSTRUCTED = (PEAK, XOR)


FRACTION = 1e-3
