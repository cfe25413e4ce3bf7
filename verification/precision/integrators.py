"""Work and precision of SciPy's integrators on adapted flows.

At full rank the outputs of the adapted flow are known, x(s) = y + e^(-s/N) (x(0) - y), so the error at
s = 5 N is measured against the law itself and no reference orbit is needed. Work is the number of
evaluations of the field, those for the difference Jacobians of the implicit methods included.
"""

from __future__ import annotations

import numpy as np
from scipy.integrate import solve_ivp

from geomdl import adapted_field
from geomdl.problems import Problem
from verification.machinery.columns import FLOAT64
from verification.precision.tables import Result, Settings, Value, aligned, counted
from verification.scenes.networks import FULL_RANK

METHODS = ("RK23", "RK45", "DOP853", "LSODA", "BDF", "Radau")
END = 5.0


def run(settings: Settings) -> Result:
    """Integrate the scenes of full rank by every method at every tolerance."""
    scenes = FULL_RANK[: 1 if settings.quick else 3]
    tolerances = [10.0**-k for k in range(3, 12, 4 if settings.quick else 2)]
    cases = [(scene, method) for scene in scenes for method in METHODS]
    rows: list[tuple[Value, ...]] = []
    for scene, method in counted(cases, settings, "integrators: orbit family"):
        at = scene.at(FLOAT64, settings.seed)
        for rtol in tolerances:
            if method == "RK23" and rtol < 1e-8:
                continue  # an order 2 method needs some 1e5 evaluations there
            rows.append((scene.name, method, rtol, *_orbit(at.problem, at.theta, method, rtol)))
    columns = {
        "scene": "network, activation, number of samples",
        "method": "method of scipy.integrate.solve_ivp",
        "rtol": "relative tolerance; the absolute one is rtol times the largest initial parameter",
        "evaluations": "evaluations of the field",
        "error": "max |x(5N) - law| / max |x(0) - y|",
        "status": "what the integrator says",
    }
    return Result(columns, rows, _table(rows))


def _orbit(
    problem: Problem, theta: np.ndarray, method: str, rtol: float
) -> tuple[int, float | None, str]:
    field, evaluations = adapted_field(), 0

    def velocity(_: float, state: np.ndarray) -> np.ndarray:
        nonlocal evaluations
        evaluations += 1
        return field(problem, state)

    samples, scale = problem.data.size, float(np.abs(theta).max())
    result = solve_ivp(
        velocity, (0.0, END * samples), theta, method=method, rtol=rtol, atol=rtol * scale
    )
    if result.status != 0:
        return evaluations, None, "step failed"
    start, targets = problem.stacked(theta), problem.data.stacked_targets
    law = targets + np.exp(-END) * (start - targets)
    error = np.abs(problem.stacked(result.y[:, -1]) - law).max() / np.abs(start - targets).max()
    return evaluations, float(error), "completed"


def _table(rows: list[tuple[Value, ...]]) -> list[str]:
    lines: list[str] = []
    for scene in dict.fromkeys(row[0] for row in rows):
        mine = {(row[1], row[2]): row for row in rows if row[0] == scene}
        tolerances = sorted({key[1] for key in mine}, key=lambda value: -float(value or 0))
        body: list[list[Value]] = []
        for method in METHODS:
            cells: list[Value] = []
            for rtol in tolerances:
                row = mine.get((method, rtol))
                cells += [row[3], row[4]] if row else [None, None]
            body.append([method, *cells])
        head = ["method"]
        for rtol in tolerances:
            head += [f"evals@{rtol:.0e}", "error"]
        lines += [f"{scene}: evaluations and error at each tolerance", *aligned(head, body), ""]
    return lines
