"""The standard flow theta' = -grad_theta C: orbits, rates of the cost, integrals along orbits."""

import math
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from scipy.integrate import solve_ivp

from geomdl import Orbit, Problem, standard_field
from geomdl.arithmetic import FLOAT64, Array
from geomdl.flows import Field
from verification.chen2023.printed_formulas import reference_arithmetic
from verification.machinery.columns import Column
from verification.machinery.points import Point, Scene

ONE_SIDED = (-147, 360, -450, 400, -225, 72, -10)
"""60 h f'(0) = sum of c_k f(k h), k = 0..6: exact for polynomials of degree 6, from one side."""


@lru_cache(maxsize=64)
def _standard_orbit(
    scene: Scene, column: Column, seed: int, end: float, times: tuple[float, ...]
) -> Orbit:
    return scene.at(column, seed).orbit(standard_field, end=end, times=times)


def standard_orbit(at: Point, end: float, times: Sequence[float] = ()) -> Orbit:
    """Return the orbit of the standard flow from theta; end and times in units of N; remembered."""
    return _standard_orbit(at.scene, at.column, at.seed, end, tuple(times))


def gradients(orbit: Orbit) -> np.ndarray:
    """Return grad_theta C at all steps, by backpropagation, shape (T, K)."""
    convert = orbit.problem.data.arithmetic.array
    return np.array([FLOAT64.array(orbit.problem.gradient(convert(theta))) for theta in orbit.thetas])


def rates_of_cost(orbit: Orbit) -> np.ndarray:
    """Return d/ds C = (grad_x C, D theta') at all steps, theta' pushed forward, shape (T,)."""
    problem, rates = orbit.problem, []
    for theta in orbit.thetas:
        at = problem.linearize(problem.data.arithmetic.array(theta))
        g = problem.cost.gradient(problem.data, at.stacked)
        rates.append(float((g * at.push(-at.pull(g))).sum()))
    return np.array(rates)


def rate_by_differences(at: Point, problem: Problem, velocity: Array) -> Any:
    """Return d/dt C[x[theta + t v]] at t = 0+, from values of the cost with the digits to spare."""
    numbers = reference_arithmetic(at.arithmetic)
    if numbers.exact:
        step = numbers.number(1, 2**24)
    else:
        digits = math.ceil(-math.log10(at.arithmetic.unit_roundoff))
        step = numbers.number(1, 10 ** (math.ceil(digits / 6) + 3))
    problem, theta, v = problem.to(numbers), numbers.array(at.theta), numbers.array(velocity)
    values = [problem.value(theta + k * step * v) for k in range(len(ONE_SIDED))]
    return sum(c * value for c, value in zip(ONE_SIDED, values, strict=True)) / (60 * step)


Density = Callable[[Problem, Array], float]


def integral_along(
    at: Point, field: Field, density: Density, end: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Integrate theta' = field together with I' = density; times, thetas and I, in float64."""
    problem, convert = at.problem, at.arithmetic.array

    def velocity(_: float, state: np.ndarray) -> np.ndarray:
        theta = convert(state[:-1])
        return np.append(FLOAT64.array(field(problem, theta)), float(density(problem, theta)))

    start = np.append(at.arithmetic.to_float64(at.theta), 0.0)
    found = solve_ivp(
        velocity, (0.0, end * at.N), start, method="DOP853", rtol=at.rtol, atol=at.rtol * 1e-3
    )
    return found.t, found.y[:-1].T, found.y[-1]
