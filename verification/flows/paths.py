"""Paths of the outputs against the straight line to the targets, in a plane chosen by the data.

The plane is spanned by y - x0 and by the direction in which the standard orbit deviates most from the
line, orthogonal to the first; |y - x0| is the unit, x0 the origin, y the point (1, 0). Both flows are
projected to it. "rest" is the distance of x(s) from the plane, which a picture of the plane does not
show. Points are the steps of the integrator at about equal distances along the path.
"""

from __future__ import annotations

import numpy as np

from verification.flows.courses import FLOWS, chosen, course, real_scenes, title
from verification.precision.tables import Result, Settings, Value, aligned, counted

POINTS = 48


def run(settings: Settings) -> Result:
    """Project the paths of both flows."""
    rows: list[tuple[Value, ...]] = []
    body: list[list[Value]] = []
    for scene in counted(real_scenes(settings), settings, "paths: data set"):
        farthest = course(scene, "standard", settings.seed).split[1]
        deviation = farthest[np.argmax(np.linalg.norm(farthest, axis=1))]
        direction = deviation / np.linalg.norm(deviation)
        for flow in FLOWS:
            found = course(scene, flow, settings.seed)
            along, across = found.split
            height = across @ direction
            rest = np.linalg.norm(across - np.outer(height, direction), axis=1)
            way = np.concatenate([[0], np.cumsum(_lengths(np.column_stack([along, across])))])
            for i in chosen(way, np.linspace(0, way[-1], POINTS)):
                rows.append((title(scene), flow, float(found.times[i]), float(along[i]),
                             float(height[i]), float(rest[i])))  # fmt: skip
            body.append([title(scene), flow, float(way[-1]), float(np.abs(height).max()),
                         float(rest.max()), float(along[-1])])  # fmt: skip
    columns = {
        "data": "set of scikit-learn",
        "flow": "adapted or standard",
        "time": "s / N",
        "along": "coordinate along y - x0",
        "across": "coordinate in the direction of the standard flow's largest deviation",
        "rest": "distance from the plane",
    }
    head = ["data", "flow", "length to 6 N", "largest across", "largest rest", "along at 6 N"]
    note = "lengths in units of |y - x0|; the segment has length 1"
    return Result(columns, rows, [note, "", *aligned(head, body), ""])


def _lengths(points: np.ndarray) -> np.ndarray:
    return np.linalg.norm(np.diff(points, axis=0), axis=1)
