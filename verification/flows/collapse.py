"""Collapse of classes as pictures: the outputs of iris and wine along both flows, balanced and not.

With three classes and unit vectors as targets the outputs live in R^3; the picture shows the plane
through the three targets (a regular triangle), "height" is the distance from it. Iris has three
classes of ten samples, wine has seven, three and two. States are steps of the integrator, not
interpolated.
"""

from __future__ import annotations

import numpy as np

from geomdl import integrate
from geomdl.collapse import collapse_history
from verification.flows.courses import FLOWS, RTOL, drawn, field_of, title
from verification.precision.tables import Result, Settings, Value, aligned, counted
from verification.scenes.collapse import WINE_UNBALANCED
from verification.scenes.real_data import IRIS

TIMES = (0.0, 0.5, 1.0, 2.0, 4.0)
PLANE = np.array([[-1.0, 1.0, 0.0], [-1.0, -1.0, 2.0]]).T / np.sqrt([2.0, 6.0])
"""Orthonormal directions of the plane through the unit vectors of R^3, as columns."""


def run(settings: Settings) -> Result:
    """Write down all outputs at five times."""
    rows: list[tuple[Value, ...]] = []
    body: list[list[Value]] = []
    cases = [(scene, flow) for scene in (IRIS, WINE_UNBALANCED) for flow in FLOWS]
    for scene, flow in counted(cases, settings, "collapse: orbit"):
        at = drawn(scene, settings.seed)
        stops = [time * at.N for time in TIMES]
        orbit = integrate(
            at.problem, field_of(flow, at), at.theta, stops[-1], rtol=RTOL, times=stops[1:]
        )
        history = collapse_history(orbit)
        for time, stop in zip(TIMES, stops, strict=True):
            i = int(np.argmin(np.abs(orbit.times - stop)))
            outputs = history.averages[i][history.labels] + history.deviations[i]
            flat = (outputs - 1 / 3) @ PLANE
            height = (outputs.sum(axis=1) - 1) / np.sqrt(3)
            for sample, label in enumerate(history.labels):
                rows.append((title(scene), flow, time, sample, int(label), float(flat[sample, 0]),
                             float(flat[sample, 1]), float(height[sample])))  # fmt: skip
            law = float(np.exp(-2 * time))
            for c, size in enumerate(at.problem.data.class_sizes):
                variance = history.variances[i, c] / history.variances[0, c]
                distance = history.distances[i, c] / history.distances[0, c]
                body.append(
                    [title(scene), flow, time, c, int(size), float(variance), float(distance), law]
                )
    columns = {
        "data": "set of scikit-learn",
        "flow": "adapted or standard",
        "time": "s / N",
        "sample": "counted from 0",
        "class": "of the sample, counted from 0",
        "u": "coordinate in the plane of the targets, along target 1 - target 0",
        "v": "coordinate in the plane of the targets, towards target 2",
        "height": "distance from the plane, with sign",
    }
    head = ["data", "flow", "s/N", "class", "samples", "variance", "distance", "law"]
    notes = [
        "variance: mean square of the deviations from the class average; distance: square of average",
        "minus target; both relative to the start, where the law asks for e^(-2s/N) of the adapted flow",
        "",
    ]  # fmt: skip
    return Result(columns, rows, [*notes, *aligned(head, body), ""])
