"""Rates of collapse: variances and target distances of every class along both flows on real data.

For the adapted flow of rank QN the theory predicts e^(-2s/N) for both and for every class, whatever its
size. For the standard flow every class has a rate of its own, which changes in time.
"""

from __future__ import annotations

import numpy as np

from geomdl.collapse import collapse_history
from verification.flows.courses import END, FLOWS, RTOL, chosen, course, drawn, real_scenes, title
from verification.precision.tables import Result, Settings, Value, aligned, counted


def run(settings: Settings) -> Result:
    """Follow every class."""
    rows: list[tuple[Value, ...]] = []
    body: list[list[Value]] = []
    cases = [(scene, flow) for scene in real_scenes(settings) for flow in FLOWS]
    for scene, flow in counted(cases, settings, "classes: orbit"):
        found, sizes = (
            course(scene, flow, settings.seed),
            drawn(scene, settings.seed).problem.data.class_sizes,
        )
        history = collapse_history(found.orbit)
        variances, distances = (
            history.variances / history.variances[0],
            history.distances / history.distances[0],
        )
        for i in chosen(found.times, np.linspace(0, END, 25)):
            law = float(np.exp(-2 * found.times[i]))
            for c, size in enumerate(sizes):
                rows.append((title(scene), flow, float(found.times[i]), c, int(size),
                             float(variances[i, c]), float(distances[i, c]), law))  # fmt: skip
        off = None
        if flow == "adapted":
            law_at = np.exp(-2 * found.times)[:, None]
            allowed = RTOL * np.exp(found.times)[:, None]
            both = (np.abs(variances / law_at - 1), np.abs(distances / law_at - 1))
            off = float(max((each / allowed).max() for each in both))
        spread = [float(f(each[-1])) for each in (variances, distances) for f in (np.min, np.max)]
        body.append([title(scene), flow, len(sizes), "-".join(map(str, sizes)), *spread, off])
    columns = {
        "data": "set of scikit-learn",
        "flow": "adapted or standard",
        "time": "s / N",
        "class": "counted from 0",
        "samples": "of the class",
        "variance": "of the outputs of the class, relative to the start",
        "distance": "square of class average minus target, relative to the start",
        "law": "e^(-2 s/N)",
    }
    head = ["data", "flow", "classes", "sizes", "least variance", "largest", "least distance", "largest",
            "off law / allowed"]  # fmt: skip
    notes = [
        f"least and largest over the classes at {END:g} N, relative to the start, where the law asks"
        f" for {np.exp(-2 * END):.2g};",
        f"off law / allowed: largest relative deviation from the law over {RTOL:g} e^(s/N)", "",
    ]  # fmt: skip
    return Result(columns, rows, [*notes, *aligned(head, body), ""])
