"""Approximate pieces of an orbit in float64: polynomials that a rigorous bound is computed for later.

In the time t of :mod:`geomdl.certificates.kantorovich` the orbit solves d theta / dt = -D^+ e0 with a
constant e0. On a short interval, with u in [-1, 1] for the time, theta and the multiplier lambda = (D
D^T)^-1 e0 are approximated by polynomials through Chebyshev points (collocation, solved by fixed-point
iteration). Nothing here needs to be right: what is wrong shows as a defect.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from geomdl.problems import Problem

SWEEPS = 40


@dataclass(frozen=True, eq=False)
class Piece:
    """Polynomials in u on [-1, 1]; the time is t = t0 + half (1 + u).

    Attributes
    ----------
    half : float
        Half the length of the time interval.
    theta : ndarray, shape (order + 1, K)
        Coefficients of theta by powers of u.
    multiplier : ndarray, shape (order, QN)
        Coefficients of half * (D D^T)^-1 e0.
    defect : float
        Estimate of the largest |theta' - f(theta)|, per unit of u.
    """

    half: float
    theta: np.ndarray
    multiplier: np.ndarray
    defect: float


@dataclass(frozen=True, eq=False)
class _Nodes:
    interpolate: np.ndarray  # values -> coefficients
    evaluate: np.ndarray  # coefficients of one degree more -> values
    integrate: np.ndarray  # coefficients -> coefficients of the integral from -1


@cache
def _nodes(order: int) -> _Nodes:
    points = np.cos(np.pi * (np.arange(order) + 0.5) / order)
    powers = np.arange(1, order + 1)
    integral = np.zeros((order + 1, order))
    integral[powers, powers - 1] = 1 / powers
    integral[0] = -((-1.0) ** powers) / powers
    return _Nodes(
        np.linalg.inv(np.vander(points, order, increasing=True)),
        np.vander(points, order + 1, increasing=True),
        integral,
    )


def velocity(problem: Problem, theta: np.ndarray, drive: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return -D^+ e0 and (D D^T)^-1 e0 at full row rank, in float64.

    Raises
    ------
    numpy.linalg.LinAlgError
        At exact rank loss.
    """
    jacobian = problem.linearize(theta).jacobian()
    triangle = np.asarray(np.linalg.qr(jacobian.T, mode="r"))
    multiplier = np.linalg.solve(triangle, np.linalg.solve(triangle.T, drive))
    return -(jacobian.T @ multiplier), multiplier


def collocate(
    problem: Problem, start: np.ndarray, drive: np.ndarray, length: float, order: int
) -> Piece | None:
    """Approximate the orbit from a start over a time interval; None where the iteration fails.

    Parameters
    ----------
    problem : Problem
    start : ndarray, shape (K,)
    drive : ndarray, shape (QN,)
        e0, the error at the beginning of the orbit.
    length : float
        Of the time interval.
    order : int
        Number of points.

    Returns
    -------
    Piece or None
    """
    nodes, half = _nodes(order), length / 2
    values = np.tile(start, (order, 1))
    change = np.inf
    for _ in range(SWEEPS):
        try:
            found = [velocity(problem, value, drive) for value in values]
        except (np.linalg.LinAlgError, ValueError):
            return None
        slopes = half * np.array([slope for slope, _ in found])
        theta = nodes.integrate @ (nodes.interpolate @ slopes)
        theta[0] += start
        new = nodes.evaluate @ theta
        before, change = change, float(np.max(np.abs(new - values)))
        values = new
        if not change < 2 * before:  # diverges, or NaN
            return None
        if change < 1e-14 * (1 + float(np.max(np.abs(start)))) or (
            change < 1e-12 and change > before / 2
        ):
            multipliers = half * np.array([multiplier for _, multiplier in found])
            defect = _defect(problem, theta, half * drive)
            return Piece(half, theta, nodes.interpolate @ multipliers, defect)
    return None


def _defect(problem: Problem, theta: np.ndarray, drive: np.ndarray) -> float:
    """Measure how well polynomials solve the equation, between the points."""
    powers = np.arange(len(theta))
    found = []
    for u in (-1.0, -0.6, 0.05, 0.7, 1.0):
        slope = (powers[1:] * u ** (powers[1:] - 1)) @ theta[1:]
        found.append(np.linalg.norm(slope - velocity(problem, u**powers @ theta, drive)[0]))
    return float(np.max(found))
