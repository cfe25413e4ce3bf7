"""Figures of flows on real data and in small scenes: cost, stopping times, paths, spectra, traps, ends.

Dashed black lines are predictions of the theory, everything else is measured. Numbers in captions are
read from the data files.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from verification.report.figures import INK, Part
from verification.report.palette import GREEN, series
from verification.report.panels import FLOWS, columns, grid, legend, panel, power
from verification.report.studies import Study, number

Typeset = Callable[[str], str]
LAW = "$e^{-2s/N}$, predicted"
RELATIVE_COST = "$\\mathcal{C}(s)\\,/\\,\\mathcal{C}(0)$"
TIME = "time $s/N$"
LEFT = "time left, predicted end $- s/N$"


def cost(studies: Mapping[str, Study], typeset: Typeset) -> Sequence[Part | str]:
    """Draw cost against time and evaluations, distance from the line, and stopping times."""
    descent, stopping = studies["descent"], studies["stopping"]
    names = descent.values("data")
    said = typeset(
        "As long as the rank is $QN$ the adapted flow has no choice: the cost is"
        " $e^{-2s/N}\\mathcal{C}(0)$, whatever the data, the network and the random start"
        " (chen2023/theorem-2.1). The standard flow from the same start is faster at first, where the"
        " gradient points along large singular values of $D$, and slow later, where it does not."
    )
    return [
        f"<p>{said}</p>",
        grid(_against_time(descent, name, typeset) for name in names),
        "<h2>Stopping times</h2>",
        "<p>" + typeset("The time at which the cost is $\\mathcal{C}(0)/f$ is known before the run: $s ="
        " \\frac{N}{2}\\log f$ (chen2023/theorem-2.3).") + "</p>",
        grid(_stopping(stopping, name, typeset) for name in names),
        "<h2>Against evaluations of the field</h2>",
        grid(_against_evaluations(descent, name, typeset) for name in names),
        "<h2>Distance from the straight line</h2>",
        grid(_off_line(descent, name, typeset) for name in names),
    ]  # fmt: skip


def paths(studies: Mapping[str, Study], typeset: Typeset) -> Sequence[Part | str]:
    """Draw the paths of the outputs in a plane."""
    study = studies["paths"]
    said = typeset(
        "$x_0$ is the origin, the targets $\\underline{y}$ are the point $(1, 0)$, and the second"
        " coordinate is the direction in which the standard flow deviates most. The adapted flow is"
        " predicted to run on the segment; marks are steps of the integrator."
    )
    return [f"<p>{said}</p>", grid(_path(study, name, typeset) for name in study.values("data"))]


def spectrum(studies: Mapping[str, Study], typeset: Typeset) -> Sequence[Part | str]:
    """Draw singular values along both flows."""
    study = studies["spectrum"]
    said = typeset(
        "What the laws of the adapted flow need is that the smallest singular value, the lowest line,"
        " stays off zero. Seven of the $QN$ singular values of $D[\\underline{\\theta}(s)]$ along both"
        " flows."
    )
    return [f"<p>{said}</p>", grid(_spectrum(study, name, typeset) for name in study.values("data"))]


def trapping(studies: Mapping[str, Study], typeset: Typeset) -> Sequence[Part | str]:
    """Draw cost and rate in the three situations."""
    study = studies["trapping"]
    said = typeset(
        "The metric $(DD^{T})^{-1}$ that the standard flow sees in the output layer holds it back where"
        " it is large (chen2023/abstract/e); the adapted flow sees the Euclidean one. Where the rank of"
        " $D$ is lost in a whole neighbourhood, both are trapped."
    )
    return [
        f"<p>{said}</p>",
        grid(part for name in study.values("situation") for part in _trapped(study, name, typeset)),
    ]


def ending(studies: Mapping[str, Study], typeset: Typeset) -> Sequence[Part | str]:
    """Draw outputs, cost and the approach to the end."""
    study = studies["ending"]
    said = typeset(
        "Rank $QN$ at every $\\underline{\\theta}$ of the orbit is not enough: the straight line to the"
        " targets may leave the image of the network, and the orbit ends there"
        " (chen2023/adapted-flow-output/c). Outputs on their straight lines until two meet:"
    )
    names = study.values("name")
    return [
        f"<p>{said}</p>",
        grid(_outputs(study, name, typeset) for name in names),
        "<h2>The approach to the end</h2>",
        grid(
            part for name in names if not np.isnan(columns(study, ["left"], name=name)[0]).all()
            for part in _approach(study, name, typeset)
        ),
    ]  # fmt: skip


def _against_time(study: Study, name: str, typeset: Typeset) -> Part:
    time, costs, off = columns(study, ["time", "cost", "off law"], data=name, flow="adapted")
    late, other = columns(study, ["time", "cost"], data=name, flow="standard")

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        axes.semilogy(
            time, np.exp(-2 * time), color=INK, linestyle="--", linewidth=1, zorder=3, label=LAW
        )
        axes.semilogy(time, costs, **{**FLOWS["adapted"].plot(), "linestyle": ""})
        axes.semilogy(late, other, markevery=4, **FLOWS["standard"].plot())
        axes.set(xlabel=TIME, ylabel=RELATIVE_COST, title=name)
        legend(figure, axes)

    caption = typeset(
        f"{name}: the adapted flow leaves the law by at most {power(float(np.nanmax(off)))} (relative)"
        f" at tolerance $10^{{-7}}$; at ${time[-1]:.0f}N$ it has {power(costs[-1])} of the cost left,"
        f" the standard flow {power(other[-1])}."
    )
    alt = f"{name}: cost of both flows against time; the adapted one lies on the predicted line"
    return panel(study, f"time-{name}", draw, caption, alt)


def _stopping(study: Study, name: str, typeset: Typeset) -> Part:
    factor, predicted, measured, other, off = columns(
        study, ["factor", "predicted", "measured", "standard", "difference"], data=name
    )

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        line = np.geomspace(1, factor[-1], 3)
        axes.plot(np.log(line) / 2, line, color=INK, linestyle="--", linewidth=1,
                  label="$(1/2)\\,\\log f$, predicted")  # fmt: skip
        axes.plot(measured, factor, **{**FLOWS["adapted"].plot(), "linestyle": ""})
        axes.plot(other, factor, **FLOWS["standard"].plot())
        axes.set(yscale="log", xlabel=TIME, ylabel="reduction $f$ of the cost", title=name)
        legend(figure, axes)

    late = int(np.isnan(other).sum())
    caption = typeset(
        f"{name}: measured and predicted times differ by at most {power(float(np.nanmax(off)))},"
        f" relative."
        + (f" The standard flow reaches {len(other) - late} of the {len(other)} levels by"
           f" $s = {predicted[-1]:.1f}N$." if late else "")
    )  # fmt: skip
    alt = f"{name}: stopping times of the adapted flow lie on the predicted line"
    return panel(study, name, draw, caption, alt)


def _against_evaluations(study: Study, name: str, typeset: Typeset) -> Part:
    known = {flow: columns(study, ["evaluations", "cost"], data=name, flow=flow) for flow in FLOWS}

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        for flow, stroke in FLOWS.items():
            axes.loglog(*known[flow], **stroke.plot())
        axes.set(xlabel="evaluations of the field", ylabel=RELATIVE_COST, title=name)
        legend(figure, axes)

    adapted, standard = (known[flow][0][-1] for flow in FLOWS)
    caption = typeset(
        f"{name}: {adapted:.0f} evaluations of the adapted field, {standard:.0f} of the standard one"
        f" for the"
        " same time at the same tolerance."
    )
    alt = f"{name}: cost against evaluations of the field; the adapted flow needs fewer"
    return panel(study, f"evaluations-{name}", draw, caption, alt)


def _off_line(study: Study, name: str, typeset: Typeset) -> Part:
    known = {flow: columns(study, ["time", "off line"], data=name, flow=flow) for flow in FLOWS}

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        for flow, stroke in FLOWS.items():
            time, off = known[flow]
            axes.semilogy(time[off > 0], off[off > 0], **stroke.plot())
        axes.set(xlabel=TIME, ylabel="distance / $|\\,y - x_0|$", title=name)
        legend(figure, axes)

    adapted, standard = (known[flow][1].max() for flow in FLOWS)
    caption = typeset(
        f"{name}: the adapted outputs stay within {power(adapted)} of the line through $x_0$ and"
        f" $\\underline{{y}}$, in units of their distance; the standard ones go as far as"
        f" {power(standard)}."
    )
    alt = f"{name}: distance of the outputs from the straight line, adapted flow near zero"
    return panel(study, f"line-{name}", draw, caption, alt)


def _path(study: Study, name: str, typeset: Typeset) -> Part:
    known = {flow: columns(study, ["along", "across", "rest"], data=name, flow=flow) for flow in FLOWS}

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        axes.plot(
            [0, 1], [0, 0], color=INK, linestyle="--", linewidth=1, label="segment, predicted", zorder=3
        )
        for flow, stroke in FLOWS.items():
            along, across, _ = known[flow]
            axes.plot(along, across, **stroke.plot())
        axes.plot([0, 1], [0, 0], "o", color=INK, markersize=7, fillstyle="none")
        for at, label in ((0, "$x_0$"), (1, "$y$")):
            axes.annotate(label, (at, 0), (0, -16), textcoords="offset points", ha="center")
        axes.set(xlabel="along $y - x_0$", ylabel="across", title=name, xlim=(-0.08, 1.12))
        axes.set_aspect("equal", adjustable="datalim")
        legend(figure, axes)

    caption = typeset(
        f"{name}: the adapted path is off the segment by at most"
        f" {power(np.abs(known['adapted'][1]).max())} in this plane; the standard path goes"
        f" {power(np.abs(known['standard'][1]).max())} across, and {power(known['standard'][2].max())}"
        f" out of the plane."
    )
    alt = f"{name}: the adapted path is the segment from x0 to y, the standard path is bent"
    return panel(study, name, draw, caption, alt)


def _spectrum(study: Study, name: str, typeset: Typeset) -> Part:
    size = int(next(study.where(data=name))["QN"])
    indices = list(dict.fromkeys(row["index"] for row in study.where(data=name)))
    least = {flow: columns(study, ["sigma"], data=name, flow=flow, index=str(size))[0] for flow in FLOWS}

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        for flow, stroke in FLOWS.items():
            for index in indices:
                time, sigma = columns(study, ["time", "sigma"], data=name, flow=flow, index=index)
                first = {"label": stroke.label if index == indices[0] else None}
                axes.semilogy(
                    time, sigma, **{**stroke.plot(), "markersize": 3.5, "linewidth": 1.1, **first}
                )
        for index in (indices[0], indices[-1]):
            time, sigma = columns(study, ["time", "sigma"], data=name, flow="adapted", index=index)
            axes.annotate(f"$\\sigma_{{{index}}}$", (time[-1], sigma[-1]), (6, -3),
                          textcoords="offset points")  # fmt: skip
        axes.set(xlabel=TIME, ylabel="singular values of $D$", title=name, xlim=(-0.2, 7))
        legend(figure, axes)

    said = " and ".join(f"{power(least[flow].min())} along the {flow} flow" for flow in FLOWS)
    time = columns(study, ["time"], data=name, flow="adapted", index=str(size))[0]
    late = time > time[-1] / 2
    rate = np.polyfit(time[late], np.log(least["adapted"][late]), 1)[0]
    caption = typeset(
        f"{name}: rank $QN = {size}$ at all times looked at; $\\sigma_{{QN}}$ is"
        f" {power(least['adapted'][0])} at the start and at least {said}. In the second half it goes"
        f" like $e^{{{rate:.2f} s/N}}$ along the adapted flow (fitted)."
    )
    alt = f"{name}: seven of {size} singular values along both flows, none reaches zero"
    return panel(study, name, draw, caption, alt)


def _trapped(study: Study, name: str, typeset: Typeset) -> Sequence[Part]:
    known = {flow: columns(study, ["time", "cost", "rate"], situation=name, flow=flow) for flow in FLOWS}
    end = known["standard"][0][-1]

    def costs(figure: Figure) -> None:
        axes = figure.subplots()
        time = np.linspace(0, end, 200)
        axes.semilogy(
            time, np.exp(-2 * time), color=INK, linestyle="--", linewidth=1, label=LAW, zorder=3
        )
        for flow, stroke in FLOWS.items():
            every = max(1, len(known[flow][0]) // 14)
            axes.semilogy(*known[flow][:2], markevery=every, **stroke.plot())
        if np.isfinite(rest):
            axes.axhline(rest, color=INK, linestyle=":", linewidth=1, label="cost at the critical point")
        axes.set(xlabel=TIME, ylabel=RELATIVE_COST, title=name, ylim=(1e-7, 3))
        legend(figure, axes)

    def rates(figure: Figure) -> None:
        axes = figure.subplots()
        for flow, stroke in FLOWS.items():
            every = max(1, len(known[flow][0]) // 14)
            axes.semilogy(known[flow][0], known[flow][2], markevery=every, **stroke.plot())
        axes.axhline(
            1, color=INK, linestyle="--", linewidth=1, label="1, predicted at rank $QN$", zorder=3
        )
        axes.set(xlabel=TIME, ylabel="rate $-(N/2)\\, d/ds\\, \\log\\mathcal{C}$", title=name)
        legend(figure, axes)

    left = {flow: float(known[flow][1][np.argmin(np.abs(known[flow][0] - 3))]) for flow in FLOWS}
    rest = columns(study, ["rest"], situation=name)[0][0]
    slowest = {flow: float(known[flow][2].min()) for flow in FLOWS}
    scene = next(study.where(situation=name))["scene"]
    first = typeset(
        f"{name} ({scene}): at $s = 3N$ the adapted flow has {power(left['adapted'], 3)} of the cost"
        f" left, the standard flow {power(left['standard'], 4)}; the law asks for"
        f" {power(float(np.exp(-6)), 3)}."
    )
    second = typeset(
        f"{name}: the rate of decrease in units of the law; the least is {power(slowest['standard'])}"
        f" for the standard flow and {power(slowest['adapted'])} for the adapted one."
    )
    return [
        panel(
            study, name, costs, first, f"{name}: cost of both flows against time and the predicted line"
        ),
        panel(study, f"rate {name}", rates, second, f"{name}: rates of decrease of both flows"),
    ]


def _outputs(study: Study, name: str, typeset: Typeset) -> Part:
    rows = list(study.where(name=name))
    samples = [key for key in rows[0] if key.startswith("x") and rows[0][key]]
    time, costs, off, left = columns(study, ["time", "cost", "off law", "left"], name=name)
    strokes = series([f"output {key[1:]}" for key in samples])
    end = time[0] + left[0]

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        # on the segment outputs are straight lines in 1 - e^(-s/N)
        t = -np.expm1(-time)
        for key, stroke in zip(samples, strokes.values(), strict=True):
            values, targets = columns(study, [key, f"y{key[1:]}"], name=name)
            axes.plot(
                [0, 1], [values[0], targets[0]], color=INK, linestyle="--", linewidth=0.9, zorder=1
            )
            axes.plot(t, values, markevery=max(1, len(t) // 12), **stroke.plot())
        if np.isfinite(end):
            axes.axvline(-np.expm1(-end), color=INK, linewidth=1, linestyle=":", label="predicted end")
        axes.set(xlabel="$t = 1 - e^{-s/N}$", ylabel="outputs", title=name, xlim=(-0.03, 1.03))
        legend(figure, axes)

    reached = (
        f"predicted to end at $s = {end:.4f}N$, followed until {power(left[-1])} $N$ before that, with"
        f" {power(costs[-1], 3)} of the cost left" if np.isfinite(end)
        else f"not predicted to end, followed to ${time[-1]:.0f}N$, with {power(costs[-1])} of the cost"
        " left"
    )  # fmt: skip
    caption = typeset(
        f"{name} ({rows[0]['scene']}): {reached}. Until then the cost keeps the law to"
        f" {power(off.max())}. Dashed: the straight lines to the targets, drawn on."
    )
    return panel(
        study, f"outputs-{name}", draw, caption, f"{name}: outputs against time, straight lines"
    )


def _approach(study: Study, name: str, typeset: Typeset) -> Sequence[Part]:
    left, ratio, largest, rank = columns(study, ["left", "ratio", "largest", "rank"], name=name)
    size = int(number(next(study.where(name=name))["QN"]))
    near = left > 0

    def ratios(figure: Figure) -> None:
        axes = figure.subplots()
        axes.loglog(
            left[near], ratio[near], **{**FLOWS["adapted"].plot(), "label": "$\\sigma_{QN}/\\sigma_1$"}
        )
        axes.set(xlabel=LEFT, ylabel="$\\sigma_{QN}\\,/\\,\\sigma_1$ of $D$", title=name)
        axes.invert_xaxis()

    def parameters(figure: Figure) -> None:
        axes = figure.subplots()
        axes.semilogx(left[near], largest[near], color=GREEN, marker="^")
        axes.set(xlabel=LEFT, ylabel="largest $|\\theta_k|$", title=name)
        axes.invert_xaxis()

    late = near & (left < 1e-2) & (left > 1e-8)
    slope = np.polyfit(np.log(left[late]), np.log(ratio[late]), 1)[0]
    growth = -np.polyfit(np.log(left[late]), largest[late], 1)[0]
    first = typeset(
        f"{name}: rank {int(rank.min())} of $QN = {size}$ at every $\\underline{{\\theta}}$ visited,"
        f" while $\\sigma_{{QN}}/\\sigma_1$ falls like the time left to the power {slope:.3f} (fitted)."
    )
    second = typeset(
        f"{name}: the parameters grow like {growth:.3f} times the logarithm of 1 over the time left"
        f" (fitted)."
    )
    return [
        panel(
            study, f"ratio-{name}", ratios, first, f"{name}: sigma ratio falls to zero towards the end"
        ),
        panel(
            study, f"parameters-{name}", parameters, second, f"{name}: parameters grow towards the end"
        ),
    ]
