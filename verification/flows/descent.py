"""Cost against time, evaluations and distance from the straight line: both flows on real data.

From the same random theta the adapted and the standard flow are integrated by DOP853 at tolerance 1e-7
to s = 6 N. The theory predicts C(s) = e^(-2s/N) C(0) for the adapted flow as long as D has rank QN, and
outputs on the segment from x0 to y. For the standard flow it predicts neither. "off law" is
|C / (C(0) e^(-2s/N)) - 1|, which the tolerance bounds by a multiple of 1e-7 e^(s/N); "off line" is the
distance of x(s) from the line through x0 and y, in units of |y - x0|. An evaluation of the adapted
field solves a system of QN equations, one of the standard field does not: compare evaluations within
a flow, or as the price of a time step.
"""

from __future__ import annotations

import numpy as np

from verification.flows.courses import (
    END,
    FLOWS,
    RTOL,
    Course,
    chosen,
    course,
    drawn,
    real_scenes,
    title,
)
from verification.precision.tables import Result, Settings, Value, aligned, counted

EARLY = np.geomspace(1e-3, 0.1, 7)
"""Times in units of N that show the fast beginning of the standard flow."""


def run(settings: Settings) -> Result:
    """Follow both flows on every data set."""
    rows: list[tuple[Value, ...]] = []
    body: list[list[Value]] = []
    cases = [(scene, flow) for scene in real_scenes(settings) for flow in FLOWS]
    for scene, flow in counted(cases, settings, "descent: orbit"):
        at, found = drawn(scene, settings.seed), course(scene, flow, settings.seed)
        law, off_line = np.exp(-2 * found.times), np.linalg.norm(found.split[1], axis=1)
        off_law = np.abs(found.costs / law - 1) if flow == "adapted" else np.full(len(law), np.nan)
        for i in chosen(found.times, np.concatenate([EARLY, np.linspace(0, END, 41)])):
            deviation = float(off_law[i]) if flow == "adapted" else None
            rows.append(
                (title(scene), flow, float(found.times[i]), int(found.evaluations[i]),
                 float(found.costs[i]), float(law[i]), deviation, float(off_line[i]))
            )  # fmt: skip
        body.append(
            [title(scene), f"{len(at.y)} x {len(at.theta)}", at.kappa, flow, int(found.evaluations[-1]),
             float(found.costs[-1]), float(law[-1]),
             _worst(found, off_law) if flow == "adapted" else None, float(off_line.max()),
             found.orbit.status]
        )  # fmt: skip
    columns = {
        "data": "set of scikit-learn, drawn as in verification/scenes",
        "flow": "adapted or standard",
        "time": "s / N",
        "evaluations": "of the field, until then",
        "cost": "C(s) / C(0)",
        "law": "e^(-2 s/N)",
        "off law": "relative deviation of the cost from the law, adapted flow",
        "off line": "distance of the outputs from the line through x0 and y, over |y - x0|",
    }
    head = ["data", "QN x K", "kappa", "flow", "evaluations", "C/C0 at 6 N", "law", "off law / allowed",
            "off line", "status"]  # fmt: skip
    notes = [
        f"off law / allowed: largest deviation over {RTOL:g} e^(s/N), a number of order 1",
        "off line: largest along the orbit; kappa: condition number of D at the start",
    ]
    return Result(columns, rows, [*notes, "", *aligned(head, body), ""])


def _worst(found: Course, off_law: np.ndarray) -> float:
    return float(np.max(off_law / (RTOL * np.exp(found.times))))
