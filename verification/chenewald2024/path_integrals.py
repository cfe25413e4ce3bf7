"""Laws of motion along orbits, by integration: x[theta(s)] - x[theta(0)] = int_0^s velocity ds'.

theta and the integrals of what the text says about the velocity of the outputs are integrated together.
Orbits may come to a loss of rank in finite time; what is said of them is said up to there.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.integrate import solve_ivp

from geomdl import Problem
from geomdl.arithmetic import Array, SingularMatrixError
from geomdl.flows import Field
from verification.machinery.points import Point
from verification.machinery.ratios import Ratio, along_orbit

STILL_OF_THIS_RANK = 1e-4
"""sigma_r / sigma_1 at which an orbit is left."""

Velocity = Callable[[Problem, Array], Array]


def outputs_move_by(at: Point, field: Field, *velocities: Velocity, end: float) -> list[Ratio]:
    """Measure the way of the outputs along an orbit against the integrals of velocities.

    Parameters
    ----------
    at : Point
    field : callable
        The vector field in parameter space.
    *velocities : callables
        (problem, theta) -> array of shape (QN,), what x' is said to be.
    end : float
        Final time in units of N; the orbit is left earlier where the rank of D is about to drop.
    """
    problem, convert, back = at.problem, at.arithmetic.array, at.arithmetic.to_float64
    theta, parameters, equations = back(at.theta), len(at.theta), len(at.y)

    def derivative(_: float, state: np.ndarray) -> np.ndarray:
        # A trial step may leave the domain of the field; NaN makes the integrator reject it.
        if not np.all(np.isfinite(state)):
            return np.full_like(state, np.nan)
        here = convert(state[:parameters])
        try:
            return np.concatenate([back(each(problem, here)) for each in (field, *velocities)])
        except (SingularMatrixError, np.linalg.LinAlgError):
            return np.full_like(state, np.nan)

    def rank_left(_: float, state: np.ndarray) -> float:
        jacobian = problem.linearize(convert(state[:parameters])).jacobian()
        sigma = np.linalg.svd(back(jacobian), compute_uv=False)
        return float(sigma[at.rank - 1] / sigma[0]) / STILL_OF_THIS_RANK - 1

    rank_left.terminal = True  # type: ignore[attr-defined]
    # An error rtol |theta| of theta moves the outputs by rtol |D| |theta|.
    size = (
        np.abs(back(at.x)).max() + np.abs(back(at.y)).max() + (np.abs(back(at.D)) @ np.abs(theta)).max()
    )
    tolerances = np.repeat([np.abs(theta).max(), size], [parameters, equations * len(velocities)])
    result = solve_ivp(
        derivative, (0.0, end * at.N), np.concatenate([theta, np.zeros(equations * len(velocities))]),
        method="DOP853", rtol=at.rtol, atol=at.rtol * tolerances, events=rank_left,
    )  # fmt: skip
    states = result.y.T
    outputs = np.array([back(problem.stacked(convert(state[:parameters]))) for state in states])
    ways = states[:, parameters:].reshape(len(states), len(velocities), equations)
    return [
        along_orbit(outputs - outputs[0], ways[:, index], rtol=at.rtol, scale=size)
        for index in range(len(velocities))
    ]
