"""Figures that compare methods: pseudoinverses, rank rules, integrators, explicit networks."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from matplotlib.figure import Figure

from verification.report.figures import INK, Part
from verification.report.palette import BACKENDS, series
from verification.report.precision_panels import ROUNDOFF, legend_below, study_figure
from verification.report.studies import Study, number

# ---- error against condition ------------------------------------------------------------------


def condition(study: Study) -> list[Part]:
    """Draw forward error and residual against the condition number, a panel a precision."""
    routes = series(study.values("route"))
    precisions = study.values("precision")

    def panels(column: str, theory: bool) -> Callable[[Figure], None]:
        def draw(figure: Figure) -> None:
            axes_of = figure.subplots(1, len(precisions))
            for axes, precision in zip(axes_of, precisions, strict=True):
                u = ROUNDOFF[precision]
                for route, stroke in routes.items():
                    points = [
                        (number(row["kappa"]), number(row[column]))
                        for row in study.where(precision=precision, route=route, status="solved")
                    ]
                    x, y = zip(*sorted(points), strict=True) if points else ((), ())
                    axes.loglog(
                        x, y, stroke.marker, color=stroke.colour, label=route, markersize=4, alpha=0.75
                    )
                kappa = np.logspace(0, 16.5, 50)
                if theory:
                    axes.loglog(kappa, u * kappa, color=INK, linewidth=1, label=r"$u\kappa$")
                    axes.loglog(
                        kappa, u * kappa**2, color=INK, linewidth=1, linestyle="--", label="u kappa²"
                    )
                else:
                    axes.axhline(u, color=INK, linewidth=1, label="$u$")
                known = [number(row[column]) for row in study.where(precision=precision) if row[column]]
                axes.set_ylim(min(u / 30, *known) / 3, max(known) * 30)
                axes.set(title=BACKENDS[precision].label, xlabel="condition number", xlim=(0.5, 1e17))
            axes_of[0].set_ylabel("forward error" if theory else "residual")
            legend_below(figure, axes_of[1])

        return draw

    return [
        study_figure(
            study,
            "forward",
            panels("forward", True),
            "Forward error of every route that answered, against the lines of the theory: SVD and QR"
            " belong to the full one, the normal equations to the dashed one, refinement comes back"
            " from the one to the other. Where marks end, the route refused.",
            "Forward error against condition number in three precisions, with the lines of the theory.",
            (10.0, 4.6),
        ),
        study_figure(
            study,
            "residual",
            panels("residual", False),
            "The residuals of the same solutions, and the unit roundoff: a small residual says"
            " nothing of the error above it.",
            "Residual against condition number in three precisions: nearly level for the stable routes.",
            (10.0, 4.6),
        ),
    ]


# ---- rank decisions ---------------------------------------------------------------------------


def ranks(study: Study) -> list[Part]:
    """Draw which rank each rule decides, and the error that follows."""
    precisions, rules = study.values("precision"), study.values("rule")
    deltas = study.values("delta")
    room = {delta: n for n, delta in enumerate(deltas)}

    def decided(figure: Figure) -> None:
        from matplotlib.colors import LinearSegmentedColormap

        shades = LinearSegmentedColormap.from_list(
            "ranks", [BACKENDS["float64"].colour, "#d9c27a", "#d5511f"]
        )
        for axes, precision in zip(
            np.atleast_1d(figure.subplots(len(precisions), 1)), precisions, strict=True
        ):
            here = [rule for rule in rules if any(study.where(precision=precision, rule=rule))]
            table = np.full((len(here), len(deltas)), math.nan)
            for y, rule in enumerate(here):
                for row in study.where(precision=precision, rule=rule):
                    table[y, room[row["delta"]]] = number(row["rank"])
            axes.imshow(table, cmap=shades, vmin=12, vmax=20, aspect="auto")
            for (y, x), rank in np.ndenumerate(table):
                if math.isfinite(rank):
                    axes.text(x, y, f"{rank:.0f}", ha="center", va="center", fontsize=8, color="#fff")
            axes.set_yticks(range(len(here)), here)
            axes.set_xticks(range(len(deltas)), [_power(delta) for delta in deltas], fontsize=8)
            axes.grid(False)
            axes.set_title(precision)
        axes.set_xlabel("size of the 8 smallest singular values, relative to the largest")

    def errors(figure: Figure) -> None:
        strokes = series([rule for rule in rules if any(row["error"] for row in study.where(rule=rule))])
        axes_of = figure.subplots(1, len(precisions), sharey=True)
        for axes, precision in zip(axes_of, precisions, strict=True):
            for rule, stroke in strokes.items():
                rows = [row for row in study.where(precision=precision, rule=rule) if row["error"]]
                axes.semilogy(
                    [room[row["delta"]] for row in rows],
                    [number(row["error"]) for row in rows],
                    **stroke.plot(),
                )
            shown = range(0, len(deltas), 4)
            axes.set_xticks(shown, [_power(deltas[n]) for n in shown])
            axes.set(title=precision, xlabel="size of what should be dropped")
        axes_of[0].set_ylabel("error of the pseudoinverse")
        legend_below(figure, axes_of[0])

    return [
        study_figure(
            study,
            "decided",
            decided,
            "The rank that each rule decides; 12 singular values are at least 10<sup>−2</sup>. The"
            " rules differ in one number, the cutoff.",
            "Decided ranks by rule and by the size of the small singular values, for float32 and"
            " float64.",
            (9.0, 6.6),
        ),
        study_figure(
            study,
            "errors",
            errors,
            "What follows from it: the error of the pseudoinverse against the one of rank 12.",
            "Error of the pseudoinverse against the size of the small singular values.",
            (9.0, 4.4),
        ),
    ]


def _power(delta: str) -> str:
    value = float(delta)
    return "0" if value == 0 else f"$10^{{{math.log10(value):.0f}}}$"


# ---- work and precision -----------------------------------------------------------------------


def integrators(study: Study) -> list[Part]:
    """Draw error against evaluations of the field, a panel a scene."""
    methods, scenes = series(study.values("method")), study.values("scene")

    def draw(figure: Figure) -> None:
        axes_of = figure.subplots(1, len(scenes), sharey=True)
        for axes, scene in zip(axes_of, scenes, strict=True):
            for method, stroke in methods.items():
                rows = [row for row in study.where(scene=scene, method=method) if row["error"]]
                axes.loglog(
                    [number(row["evaluations"]) for row in rows],
                    [number(row["error"]) for row in rows],
                    **stroke.plot(),
                )
            axes.set(title=scene, xlabel="evaluations of the field")
        axes_of[0].set_ylabel("error at s = 5N")
        legend_below(figure, axes_of[0])

    costs = {method: _evaluations(study, scenes[0], method, 1e-8) for method in methods}
    best = sorted((cost, method) for method, cost in costs.items() if cost)
    ranking = ", ".join(f"{method} {cost:.0f}" for cost, method in best)
    return [
        study_figure(
            study,
            "work",
            draw,
            "The further left and down, the better; each mark is a tolerance. Evaluations for an"
            f" error of 10<sup>−8</sup> on {scenes[0]}, read off the lines: {ranking}.",
            f"Error against evaluations of the field for {len(methods)} integrators; for an error of"
            f" 1e-8 on {scenes[0]} they need: {ranking}.",
            (10.0, 4.4),
        )
    ]


def _evaluations(study: Study, scene: str, method: str, error: float) -> float | None:
    """Interpolate the work for an error in double logarithmic scale; None where it was not reached."""
    rows = [row for row in study.where(scene=scene, method=method) if row["error"]]
    points = sorted(
        (math.log(number(row["error"])), math.log(number(row["evaluations"]))) for row in rows
    )
    errors, work = zip(*points, strict=True)
    if not errors[0] <= math.log(error) <= errors[-1]:
        return None
    return math.exp(float(np.interp(math.log(error), errors, work)))


# ---- explicit networks ------------------------------------------------------------------------


def explicit(study: Study) -> list[Part]:
    """Draw the accuracy on held-out samples beside the peers'."""
    rows = [row for row in study.rows if row["test"]]
    names = [f"{row['data']} ({row['features']})" for row in rows]
    strokes = series(["test", "logistic", "svm"])
    labels = {"test": "explicit network", "logistic": "logistic regression", "svm": "linear SVM"}

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        for column, stroke in strokes.items():
            axes.plot(
                [number(row[column]) for row in rows],
                range(len(rows)),
                stroke.marker,
                color=stroke.colour,
                label=labels[column],
                markersize=8,
            )
        axes.set_yticks(range(len(rows)), names)
        axes.invert_yaxis()
        axes.set_xlabel("accuracy on the 30 % of the samples that were left out")
        legend_below(figure, axes)

    return [
        study_figure(
            study,
            "accuracy",
            draw,
            "Accuracy on samples that the network was not built from, beside two peers that were"
            " trained.",
            "Accuracy of the explicit network, logistic regression and a linear SVM, by data set.",
            (7.6, 3.4),
        )
    ]
