"""How long the law C(s) = e^(-2s/N) C(0) survives finite precision.

The adapted flow of full rank, integrated by DOP853 in float64 with the field in float32 or float64, to
s = 60 N, where the law asks for C(0) 1e-52. The outputs contract towards the targets, and with them the
errors of earlier steps, so that the decay goes far below the tolerance; what stops it is the rounding
of x - y: a floor of about (u |y|)^2 in C. The study records C along the orbit and the first time at
which C is off the law by a factor of 2.
"""

from __future__ import annotations

import numpy as np

from geomdl import adapted_field, get_arithmetic, integrate
from verification.machinery.columns import Column
from verification.precision.tables import Result, Settings, Value, aligned, as_number, counted
from verification.scenes.networks import FULL_RANK

END = 60
CASES = (
    ("float32", 1e-3), ("float32", 1e-5), ("float32", 1e-7),
    ("float64", 1e-4), ("float64", 1e-6), ("float64", 1e-8), ("float64", 1e-10), ("float64", 1e-12),
)  # fmt: skip


def run(settings: Settings) -> Result:
    """Follow the cost along orbits."""
    scenes = FULL_RANK[: 1 if settings.quick else 3]
    cases = [(scene, *case) for scene in scenes for case in CASES[:: 3 if settings.quick else 1]]
    rows: list[tuple[Value, ...]] = []
    for scene, name, rtol in counted(cases, settings, "decay: orbit"):
        at = scene.at(Column(name, name), settings.seed)
        times = np.arange(0, END + 1, 2)
        orbit = integrate(
            at.problem, adapted_field(), at.theta, float(END * at.N), rtol=rtol, times=times * at.N
        )
        # costs below float32's range are evaluated in float64 at the same theta
        exact = at.scene.at(Column("float64", "float64"), settings.seed).problem
        costs = np.array([float(exact.value(theta)) for theta in orbit.thetas])
        for s in times:
            index = int(np.argmin(np.abs(orbit.times - s * at.N)))
            if abs(orbit.times[index] - s * at.N) < 1e-6 * at.N:
                law = float(np.exp(-2.0 * s))
                cost = float(costs[index] / costs[0])
                rows.append((scene.name, name, rtol, int(s), cost, law, orbit.status))
    columns = {
        "scene": "network, activation, number of samples",
        "precision": "arithmetic of the field",
        "rtol": "relative tolerance of DOP853",
        "time": "s / N",
        "cost": "C(s) / C(0)",
        "law": "e^(-2 s/N)",
        "status": "of the orbit",
    }
    return Result(columns, rows, _table(rows))


def _table(rows: list[tuple[Value, ...]]) -> list[str]:
    body: list[list[Value]] = []
    for key in dict.fromkeys(row[:3] for row in rows):
        mine = [row for row in rows if row[:3] == key]
        ratios = np.array([as_number(row[4]) / as_number(row[5]) for row in mine])
        off = np.flatnonzero((ratios > 2) | (ratios < 0.5))
        lost = int(as_number(mine[off[0]][3])) if off.size else None
        floor = min(as_number(row[4]) for row in mine)
        roundoff = get_arithmetic(str(key[1])).unit_roundoff
        body.append([*key, lost, floor, as_number(key[2]) ** 2, roundoff**2, str(mine[-1][6])])
    head = ["scene", "precision", "rtol", "lost at s/N", "least C/C0", "rtol^2", "u^2", "status"]
    title = f"first time (every 2 N) at which C is off the law by a factor of 2; dot: never to {END} N"
    return [title, *aligned(head, body), ""]
