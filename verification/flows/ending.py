"""Loss of rank on the way: an adapted orbit of rank QN that ends in finite time.

One hidden tanh neuron. The outputs of the adapted flow move on the segment from x0 to y, and the
segment leaves the image of the network where two outputs meet that the network cannot make equal. That
time is predicted from x0 and y alone. At every theta before it D has rank QN; towards it sigma_QN /
sigma_1 tends to zero and theta to infinity. peak: inputs -1, 0, 1, targets 0, 1, 0, which no monotone
function meets. xor: exclusive or. monotone, for comparison: the network of peak with targets in its own
order; the orbit goes on. Orbits are stopped at sigma_QN / sigma_1 = 1e-9 (tolerance 1e-10).
"""

from __future__ import annotations

import numpy as np

from geomdl import FLOAT64, adapted_field, integrate, rank_loss
from verification.flows.courses import END, chosen, drawn
from verification.precision.tables import Result, Settings, Value, aligned, as_number, counted
from verification.scenes.obstructed import MEETING, MONOTONE, PEAK, XOR, meeting_time

SCENES = {"peak": PEAK, "xor": XOR, "monotone": MONOTONE}
RATIO, TIGHT = 1e-9, 1e-10
SAMPLES = 4


def run(settings: Settings) -> Result:
    """Follow the adapted orbits to their end."""
    rows: list[tuple[Value, ...]] = []
    body: list[list[Value]] = []
    for name, scene in counted(list(SCENES.items()), settings, "ending: orbit"):
        at = drawn(scene, settings.seed)
        end = meeting_time(at) if scene.name in MEETING else None
        orbit = integrate(
            at.problem, adapted_field(rank=at.rank), at.theta, END * at.N, rtol=TIGHT,
            events=[rank_loss(at.rank, RATIO)],
        )  # fmt: skip
        times, costs, outputs = orbit.times / at.N, orbit.costs(), orbit.outputs()
        marks = np.concatenate([
            np.linspace(0, times[-1], 25), end - np.geomspace(1e-9, 0.1, 25) if end else []
        ])  # fmt: skip
        kept = chosen(times, np.sort(marks))
        start = len(rows)
        for i in kept:
            sigma = np.linalg.svd(at.problem.linearize(orbit.thetas[i]).jacobian(), compute_uv=False)
            law = float(np.exp(-2 * times[i]))
            left = float(end - times[i]) if end else None
            counted_rank = int(np.sum(sigma > len(sigma) * FLOAT64.unit_roundoff * sigma[0]))
            absent = [None] * (SAMPLES - len(at.y))
            values = [*map(float, outputs[i]), *absent, *map(float, at.y), *absent]
            rows.append((name, scene.name, float(times[i]), left, float(costs[i] / costs[0]),
                         law, float(abs(costs[i] / costs[0] / law - 1)),
                         counted_rank, len(sigma),
                         float(sigma[-1] / sigma[0]), float(np.abs(orbit.thetas[i]).max()),
                         *values))  # fmt: skip
        ranks = [int(as_number(row[7])) for row in rows[start:]]
        last = [as_number(rows[-1][column]) for column in (9, 10, 4)]
        body.append([name, len(at.y), end, float(times[-1]), orbit.status, min(ranks), *last])
    columns = {
        "name": "peak, xor or monotone",
        "scene": "name in verification/scenes",
        "time": "s / N",
        "left": "predicted end minus time; empty where no end is predicted",
        "cost": "C(s) / C(0)",
        "law": "e^(-2 s/N)",
        "off law": "relative deviation of the cost from the law",
        "rank": "singular values above QN u sigma_1",
        "QN": "number of equations",
        "ratio": "sigma_QN / sigma_1 of D",
        "largest": "largest |theta_k|",
        **{f"x{j + 1}": f"output of sample {j + 1}" for j in range(SAMPLES)},
        **{f"y{j + 1}": f"target of sample {j + 1}" for j in range(SAMPLES)},
    }
    head = ["name", "QN", "predicted end", "reached", "status", "least rank", "last ratio", "largest",
            "C/C0 there"]  # fmt: skip
    return Result(columns, rows, ["times in units of N", "", *aligned(head, body), ""])
