"""Figures of classes: how they collapse along both flows, and layer by layer in explicit networks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from verification.report.figures import INK, Part
from verification.report.palette import GREY, Stroke, series
from verification.report.panels import FLOWS, columns, grid, legend, panel, power
from verification.report.studies import Study, number

Typeset = Callable[[str], str]
Points = np.ndarray
Shade = tuple[Points, str, float]


def collapse(studies: Mapping[str, Study], typeset: Typeset) -> Sequence[Part | str]:
    """Draw the outputs at five times under both flows, and the rates of all classes."""
    clouds, rates = studies["collapse"], studies["classes"]
    said = typeset(
        "Along the adapted flow every class contracts to its average, and the average moves to the"
        " target, all at the same rate, however many samples a class has (chenewald2024/corollary-3.2)."
        " Along the standard flow every class has its own. Outputs of three classes in the plane of the"
        " three targets (crosses); time goes down."
    )
    said_of_rates = typeset(
        "For every class, relative to the start: the variance of its outputs, and"
        " the square of the distance of its average from the target. The prediction is $e^{-2s/N}$ for"
        " both."
    )
    return [
        f"<p>{said}</p>",
        grid([_clouds(clouds, name, typeset) for name in clouds.values("data")]),
        "<h2>The rate of every class</h2>",
        f"<p>{said_of_rates}</p>",
        grid([_rates(rates, name, typeset) for name in rates.values("data")]),
    ]


def layers(studies: Mapping[str, Study], typeset: Typeset) -> Sequence[Part | str]:
    """Draw the data before and after every hidden layer."""
    clouds, sectors = studies["layers"], studies["sectors"]
    said = typeset(
        "The explicit networks of zero cost send one class after the other to a point. In the panel of a"
        " layer, what lies in its sector (faint) stays; what lies in the opposite sector (shaded) is"
        " sent to the apex, the star. Hollow marks: where samples of the collapsed class came from. The"
        " output layer then is an affine map that sends as many points to the targets. Users have these"
        " clouds from"
    )
    code = "<code>geomdl.layer_clouds.layer_clouds</code>, for trained networks too."
    return [
        f"<p>{said} {code}</p>",
        grid(_layers(clouds, sectors, name, typeset) for name in clouds.values("example")),
    ]


def _classes(study: Study, **wanted: str) -> dict[str, Stroke]:
    names = dict.fromkeys(row["class"] for row in study.where(**wanted))
    return {
        name: stroke
        for name, stroke in zip(names, series([f"class {c}" for c in names]).values(), strict=True)
    }


def _clouds(study: Study, name: str, typeset: Typeset) -> Part:
    strokes = dict(sorted(_classes(study, data=name).items()))
    times = list(dict.fromkeys(row["time"] for row in study.where(data=name)))
    sizes = [
        sum(row["class"] == c for row in study.where(data=name, flow="adapted", time=times[0]))
        for c in strokes
    ]
    targets = np.array([[-1, -1, 2], [-1, 1, 0]])[::-1].T / np.sqrt([2, 6])

    def draw(figure: Figure) -> None:
        panels = figure.subplots(len(times), len(FLOWS), sharex=True, sharey=True)
        for row, time in zip(panels, times, strict=True):
            for axes, (flow, look) in zip(row, FLOWS.items(), strict=True):
                for c, stroke in strokes.items():
                    known = {"data": name, "flow": flow, "time": time, "class": c}
                    u, v = columns(study, ["u", "v"], **known)
                    axes.plot(u, v, stroke.marker, color=stroke.colour, markersize=4.5, alpha=0.85,
                              label=stroke.label)  # fmt: skip
                axes.plot(*targets.T, "x", color=INK, markersize=7, label="targets", zorder=1)
                axes.set_aspect("equal", adjustable="box")
                axes.set(xticks=[], yticks=[])
                axes.set_title(f"{look.label.split()[0]}, $s = {float(time):g}N$", fontsize=10)
                axes.grid(False)
        figure.suptitle(name, fontsize=11)
        legend(figure, panels[0, 0], 4)

    height = max(
        abs(number(row["height"])) for row in study.where(data=name, flow="adapted", time=times[-1])
    )
    caption = typeset(
        f"{name}, classes of {', '.join(map(str, sizes))} samples. At ${float(times[-1]):g}N$ the"
        f" adapted outputs are within {power(height)} of the plane that is drawn."
    )
    alt = f"{name}: outputs of three classes at five times under both flows"
    return panel(study, name, draw, caption, alt, (4.4, 10.6))


def _rates(study: Study, name: str, typeset: Typeset) -> Part:
    classes = list(dict.fromkeys(row["class"] for row in study.where(data=name)))
    ends: dict[str, list[float]] = {flow: [] for flow in FLOWS}

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        for flow, look in FLOWS.items():
            for c in classes:
                time, variance, distance = columns(
                    study, ["time", "variance", "distance"], **{"data": name, "flow": flow, "class": c}
                )
                for values, marker, what in (
                    (variance, look.marker, "variance"),
                    (distance, "x", "distance"),
                ):
                    label = f"{flow}: {what}" if c == classes[0] else None
                    axes.semilogy(
                        time,
                        values,
                        color=look.colour,
                        linestyle=look.dash,
                        linewidth=0.9,
                        marker=marker,
                        markersize=3.5,
                        markevery=4,
                        alpha=0.8,
                        label=label,
                    )
        line = np.linspace(0, time[-1], 50)
        axes.semilogy(line, np.exp(-2 * line), color=INK, linestyle="--", linewidth=1, zorder=4,
                      label="$e^{-2s/N}$, predicted")  # fmt: skip
        axes.set(xlabel="time $s/N$", ylabel="relative to the start", title=name)
        legend(figure, axes, 2)

    for flow in FLOWS:
        for c in classes:
            ends[flow].append(
                columns(study, ["variance"], **{"data": name, "flow": flow, "class": c})[0][-1]
            )
    sizes = "-".join(next(study.where(**{"data": name, "class": c}))["samples"] for c in classes)
    caption = typeset(
        f"{name}, {len(classes)} classes of {sizes} samples: of the variances, the adapted flow leaves"
        f" {power(min(ends['adapted']))} to {power(max(ends['adapted']))} at the end, the standard flow"
        f" {power(min(ends['standard']))} to {power(max(ends['standard']))}."
    )
    alt = f"{name}: variances and target distances of all classes against time under both flows"
    return panel(study, name, draw, caption, alt, (4.4, 3.8))


# ---- explicit networks ------------------------------------------------------------------------


def _layers(study: Study, sectors: Study, name: str, typeset: Typeset) -> Part:
    strokes = dict(sorted(_classes(study, example=name).items()))
    numbers = list(dict.fromkeys(row["layer"] for row in study.where(example=name)))
    order = [next(study.where(example=name, layer=layer))["collapses"] for layer in numbers[1:]]
    everything = np.array(columns(study, ["u", "v"], example=name)).T
    low, high = everything.min(axis=0), everything.max(axis=0)
    low, high = low - 0.08 * (high - low), high + 0.08 * (high - low)

    def points(layer: str, c: str) -> Points:
        return np.array(columns(study, ["u", "v"], **{"example": name, "layer": layer, "class": c}))

    def draw(figure: Figure) -> None:
        rows = (len(numbers) + 1) // 2
        panels = figure.subplots(rows, 2, sharex=True, sharey=True).ravel()
        for axes, layer in zip(panels, numbers, strict=False):
            collapsed = next(study.where(example=name, layer=layer))["collapses"]
            if collapsed:
                _sector(axes, sectors, name, layer, (low, high))
                before = points(str(int(layer) - 1), collapsed)
                _mark(axes, before, strokes[collapsed], fillstyle="none", markeredgewidth=0.8, alpha=1)
                apex = columns(sectors, ["apex u", "apex v"], example=name, layer=layer)
                star = replace(strokes[collapsed], marker="*")
                first = apex[0][:1], apex[1][:1]
                _mark(
                    axes, first, star, markersize=13, markeredgecolor=INK, markeredgewidth=0.8, zorder=5
                )
            for c, stroke in strokes.items():
                size = 7 if c in order[: int(layer)] else 3.5
                _mark(
                    axes,
                    points(layer, c),
                    stroke,
                    markersize=size,
                    markeredgewidth=0,
                    label=stroke.label,
                )
            title = f"layer {layer}: class {collapsed}" if collapsed else "the data"
            axes.set_title(title, fontsize=10)
            axes.set(xlim=(low[0], high[0]), ylim=(low[1], high[1]))
            axes.tick_params(labelsize=8.5)
            axes.grid(False)
        for axes in panels[len(numbers) :]:
            axes.set_visible(False)
        panels[0].plot([], [], "*", color=INK, markersize=10, fillstyle="none", label="apex")
        figure.suptitle(name, fontsize=11)
        legend(figure, panels[0], 4)

    samples = len(list(study.where(example=name, layer=numbers[0])))
    between, spread, error = columns(sectors, ["between", "spread", "error"], example=name)
    caption = typeset(
        f"{name}: {samples} samples. In all layers together {between.sum():.0f} samples lie between the"
        f" two sectors; a class that was sent to a point is within {power(spread.max())} of it; the"
        f" largest error $|x - y|$ of an output is {power(error[0])}, in float64."
    )
    alt = f"{name}: each of {len(numbers) - 1} layers sends one class to a point and leaves the others"
    return panel(study, name, draw, caption, alt, (4.4, 2.1 * ((len(numbers) + 1) // 2) + 0.7))


def _mark(axes: Axes, points: Sequence[Points] | Points, stroke: Stroke, **more: Any) -> None:
    axes.plot(
        *points, stroke.marker, **{"color": stroke.colour, "markersize": 3.5, "alpha": 0.85, **more}
    )


def _sector(axes: Axes, study: Study, name: str, layer: str, box: tuple[Points, Points]) -> None:
    """Shade what a layer keeps and what it sends to the apex."""
    forms = np.array(columns(study, ["a", "b", "c"], example=name, layer=layer)).T
    (left, bottom), (right, top) = box
    corners = np.array([(left, bottom), (right, bottom), (right, top), (left, top)])
    for sign, shade in ((1, 0.10), (-1, 0.28)):
        region = corners
        for form in forms:
            region = clipped(region, sign * form)
        if len(region):
            axes.fill(*region.T, facecolor=GREY, alpha=shade, edgecolor=INK, linewidth=0.7, zorder=0)


def clipped(polygon: Points, form: Points) -> Points:
    """Return the part of a convex polygon on which a u + b v + c >= 0.

    Examples
    --------
    >>> clipped(np.array([[0, 0], [2, 0], [2, 2], [0, 2]]), np.array([1, 0, -1])).tolist()
    [[1.0, 0.0], [2.0, 0.0], [2.0, 2.0], [1.0, 2.0]]
    """
    if not len(polygon):
        return polygon
    values = polygon @ form[:2] + form[2]
    found = []
    for (p, f), (q, g) in pairwise([*zip(polygon, values, strict=True), (polygon[0], values[0])]):
        if f >= 0:
            found.append(p)
        if f * g < 0:
            found.append(p + f / (f - g) * (q - p))
    return np.array(found, dtype=float).reshape(-1, 2)
