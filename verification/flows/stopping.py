"""Stopping times: predicted from the initial cost alone, and met by the orbits.

Along the adapted flow of rank QN the cost falls to C(0) / f at the time s = (N/2) log f, known before
the run. Measured is the time at which an integrated orbit meets that cost (an event of the integrator,
tolerance 1e-7); "difference" is relative. For the standard flow there is no prediction; its time is
measured as far as the last prediction reaches, a dot says that it came later.
"""

from __future__ import annotations

import numpy as np

from geomdl import cost_reaches, integrate
from verification.flows.courses import FLOWS, RTOL, drawn, field_of, real_scenes, title
from verification.machinery.points import Point
from verification.precision.tables import Result, Settings, Value, aligned, counted

FACTORS = (1e1, 1e2, 1e3, 1e4, 1e5, 1e6)


def run(settings: Settings) -> Result:
    """Measure when both flows have reduced the cost by powers of ten."""
    rows: list[tuple[Value, ...]] = []
    factors = FACTORS[: 3 if settings.quick else None]
    for scene in counted(real_scenes(settings), settings, "stopping: data set"):
        at = drawn(scene, settings.seed)
        adapted, standard = (times_of(at, flow, factors) for flow in FLOWS)
        for factor, measured, other in zip(factors, adapted, standard, strict=True):
            predicted = float(np.log(factor) / 2)
            off = abs(measured / predicted - 1) if measured is not None else None
            rows.append((title(scene), at.N, int(factor), predicted, measured, off, other))
    columns = {
        "data": "set of scikit-learn",
        "N": "samples",
        "factor": "by which the cost is reduced",
        "predicted": "stopping time of the adapted flow, s / N",
        "measured": "on the adapted orbit, s / N",
        "difference": "relative, of the two",
        "standard": "the time that the standard flow takes, s / N",
    }
    return Result(columns, rows, [*aligned(list(columns), rows), ""])


def times_of(at: Point, flow: str, factors: tuple[float, ...]) -> list[float | None]:
    """Return the times in units of N at which the cost is C(0) / f, None beyond the last prediction."""
    start, theta, passed = float(at.problem.value(at.theta)), at.theta, 0.0
    end, found = (np.log(factors[-1]) / 2 + 1e-3) * at.N, list[float | None]()
    for factor in factors:
        orbit = integrate(
            at.problem, field_of(flow, at), theta, end - passed, rtol=RTOL,
            events=[cost_reaches(start / factor)],
        )  # fmt: skip
        if orbit.status != "cost reached":
            break
        # The fields do not depend on time: the orbit goes on from where it was met.
        theta, passed = orbit.end, passed + float(orbit.times[-1])
        found.append(passed / at.N)
    return found + [None] * (len(factors) - len(found))
