"""Sectors and apexes of the explicit networks of the study "layers", in the coordinates of its pictures.

Hidden layer l fixes the points at which all of its n forms a u + b v + c are at least 0, and sends those
at which all are at most 0 to the apex, where they vanish. Between lie points that it moves otherwise;
of the data there are none.
"""

from __future__ import annotations

import numpy as np

from verification.flows.layers import example, names
from verification.precision.tables import Result, Settings, Value, aligned, counted


def run(settings: Settings) -> Result:
    """Write down the forms of every layer, and how clear of their zeros the data are."""
    rows: list[tuple[Value, ...]] = []
    body: list[list[Value]] = []
    for name in counted(names(settings), settings, "sectors: example"):
        one = example(name, settings.quick)
        for layer, ((weight, bias), apex) in enumerate(
            zip(one.clouds.sectors, one.clouds.apexes, strict=True), 1
        ):
            values = one.clouds.points[layer - 1] @ weight.T + bias
            kept, sent = int((values > 0).all(axis=1).sum()), int((values < 0).all(axis=1).sum())
            between, margin = one.data.size - kept - sent, float(np.abs(values).min())
            away = np.linalg.norm(one.data.class_deviations(one.clouds.points[layer]), axis=1)
            done = np.isin(one.data.labels, one.order[:layer])
            spread = float(away[done].max())
            forms, constants, (u, v) = weight @ one.basis, weight @ one.origin + bias, one.flat(apex)
            for index, ((a, b), c) in enumerate(zip(forms, constants, strict=True), 1):
                rows.append((name, layer, one.order[layer - 1], index, float(a), float(b), float(c),
                             float(u), float(v), kept, sent, between, spread, one.error))  # fmt: skip
            body.append([name, layer, one.order[layer - 1], kept, sent, between, margin, spread,
                         float(u), float(v), one.error])  # fmt: skip
    columns = {
        "example": "as in layers",
        "layer": "hidden layer, from 1",
        "collapses": "the class that it sends to its apex",
        "form": "number of the form",
        "a": "coefficient of u",
        "b": "coefficient of v",
        "c": "constant",
        "apex u": "first coordinate of the apex",
        "apex v": "second coordinate of the apex",
        "kept": "samples in the sector",
        "sent": "samples in the opposite sector",
        "between": "samples in neither",
        "spread": "largest distance from its class average of a sample that has been collapsed so far",
        "error": "of the network: largest |x - y| of a sample",
    }
    head = ["example", "layer", "collapses", "kept", "sent", "between", "margin", "spread", "apex u",
            "apex v", "|x - y|"]  # fmt: skip
    notes = [
        "samples kept, sent to the apex, and between; margin: least absolute value of a form on",
        "the data; spread: largest distance from its class average of a sample collapsed so far;",
        "|x - y| of the outputs",
    ]
    return Result(columns, rows, [*notes, "", *aligned(head, body), ""])
