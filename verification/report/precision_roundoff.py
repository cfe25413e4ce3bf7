"""Figures of what roundoff leaves: of the claims, of the decay of the cost, of single precision."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from verification.machinery.results import LADDER
from verification.report.figures import INK, Part
from verification.report.palette import BACKENDS, GREY, series
from verification.report.precision_panels import ROUNDOFF, legend_below, study_figure
from verification.report.studies import Study, number

# ---- the ladder -------------------------------------------------------------------------------


def ladder(study: Study) -> list[Part]:
    """Draw residual against roundoff, and how the slopes are distributed."""
    u = np.array([ROUNDOFF[name] for name in LADDER])
    residuals = np.array([[number(row[name]) for name in LADDER] for row in study.rows])
    slopes = np.array([[number(row["smallest"]), number(row["largest"])] for row in study.rows])

    def climbs(figure: Figure) -> None:
        left, right = figure.subplots(1, 2)
        for axes, values in ((left, residuals), (right, residuals / u)):
            axes.loglog(u, values.T, color=BACKENDS["float64"].colour, linewidth=0.6, alpha=0.35)
            for name, x, column in zip(LADDER, u, values.T, strict=True):
                stroke = BACKENDS[name]
                marks = np.full(len(column), x)
                axes.plot(marks, column, stroke.marker, color=stroke.colour, markersize=3, alpha=0.6)
        left.loglog(u, u, color=INK, linestyle="--", linewidth=1, label="residual = roundoff")
        for name, x in zip(LADDER, u, strict=True):
            label = BACKENDS[name].label
            left.annotate(label, (x, x), (8, -12), textcoords="offset points", fontsize=9)
        left.set(
            xlabel="unit roundoff", ylabel="largest relative residual of a claim", xlim=(1e-105, 1e8)
        )
        right.set(xlabel="unit roundoff", ylabel="the same, over the unit roundoff")
        left.legend(loc="upper left")

    def spread(figure: Figure) -> None:
        axes = figure.subplots()
        order = np.argsort(slopes.mean(axis=1))
        axes.vlines(
            range(len(order)), slopes[order, 0], slopes[order, 1], color=BACKENDS["float64"].colour
        )
        axes.axhline(1, color=INK, linestyle="--", linewidth=1)
        for bound in (0.95, 1.05):
            axes.axhline(bound, color=GREY, linestyle=":", linewidth=1)
        axes.set(
            xlabel="claim, by mean slope", ylabel="fitted slope", ylim=(0.9, 1.1), xlim=(-1, len(order))
        )

    low, high = f"{slopes.min():.3f}", f"{slopes.max():.3f}"
    return [
        study_figure(
            study,
            "residuals",
            climbs,
            f"A line for each of {len(study.rows)} claims. Left: its residual falls with the unit"
            " roundoff. A wrong formula would stay level; one into which numbers of less precision"
            " leaked would bend. Right: over the roundoff, which makes the constant of each claim"
            " visible.",
            "Residual against unit roundoff, double logarithmic: all lines fall parallel to the"
            " diagonal.",
            (10.0, 4.4),
        ),
        study_figure(
            study,
            "slopes",
            spread,
            "The slopes of log residual against log roundoff, smallest to largest of the ladders of a"
            f" claim: all between {low} and {high}. Dotted: the tolerance of a full ladder.",
            f"Fitted slopes of all claims lie between {low} and {high}.",
            (10.0, 2.6),
        ),
    ]


# ---- decay ------------------------------------------------------------------------------------


def decay(study: Study) -> list[Part]:
    """Draw the cost along orbits with the law, a panel a scene."""
    scenes, precisions = study.values("scene"), study.values("precision")

    def draw(figure: Figure) -> None:
        axes_of = figure.subplots(1, len(scenes), sharey=True)
        for axes, scene in zip(axes_of, scenes, strict=True):
            for precision in precisions:
                stroke = BACKENDS[precision]
                rtols = dict.fromkeys(
                    row["rtol"] for row in study.where(scene=scene, precision=precision)
                )
                for n, rtol in enumerate(rtols):
                    rows = list(study.where(scene=scene, precision=precision, rtol=rtol))
                    axes.semilogy(
                        [number(row["time"]) for row in rows],
                        [number(row["cost"]) for row in rows],
                        color=stroke.colour,
                        linewidth=1,
                        marker=stroke.marker,
                        markevery=5,
                        markersize=3.5,
                        label=stroke.label if n == 0 else None,
                    )
                axes.axhline(ROUNDOFF[precision] ** 2, color=stroke.colour, linestyle=":", linewidth=1)
            rows = list(study.where(scene=scene))
            times = sorted({number(row["time"]) for row in rows})
            axes.semilogy(
                times, np.exp(-2 * np.array(times)), color=INK, linestyle="--", label=r"$e^{-2s/N}$"
            )
            axes.set(title=scene, xlabel="s / N", ylim=(1e-36, 3))
        axes_of[0].set_ylabel("cost, relative to its start")
        legend_below(figure, axes_of[0])

    return [
        study_figure(
            study,
            "law",
            draw,
            "The cost and the law; one line for each tolerance of the integrator. What stops the"
            " decay is the rounding of <i>x</i> − <i>y</i>, near the square of the unit roundoff"
            " (dotted).",
            "Cost against time, half logarithmic: straight down along the law, then level near u"
            " squared.",
            (10.0, 4.4),
        )
    ]


# ---- single precision -------------------------------------------------------------------------


def single(study: Study) -> list[Part]:
    """Draw the error of each function in units of the roundoff, by library."""
    libraries, functions = series(study.values("library")), study.values("function")

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        for library, stroke in libraries.items():
            rows = list(study.where(library=library))
            axes.semilogx(
                [number(row["error"]) for row in rows],
                [functions.index(row["function"]) for row in rows],
                stroke.marker,
                color=stroke.colour,
                label=library,
                markersize=7,
            )
        axes.axvline(1, color=INK, linestyle="--", linewidth=1)
        axes.set_yticks(range(len(functions)), functions)
        axes.invert_yaxis()
        axes.set_xlabel("error in units of the roundoff of float32")
        legend_below(figure, axes)

    return [
        study_figure(
            study,
            "units",
            draw,
            "Left of the dashed line, at most one unit: at this condition number only a function that"
            " computes in float64 and rounds gets there.",
            "Errors in units of the roundoff of float32, by function and library.",
            (7.6, 4.2),
        )
    ]
