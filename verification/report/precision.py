"""Precision pages: one a study, from the files in reports/precision."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from html import escape

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from verification.machinery.results import LADDER
from verification.report.figures import INK, Part, figure, text_table, together
from verification.report.gather import Material
from verification.report.palette import BACKENDS, GREY, series
from verification.report.site import Missing, Page
from verification.report.studies import Study, number, read

ROUNDOFF: Mapping[str, float] = {
    "float32": 2.0**-24, "float64": 2.0**-53, "mp30": 1e-30, "mp50": 1e-50, "mp100": 1e-100,
}  # fmt: skip
"""Unit roundoffs, for theoretical lines and axes."""


def pages(material: Material) -> Sequence[Page | Missing]:
    """Return one page a study, or which study to run."""
    found: list[Page | Missing] = []
    for name, (title, parts) in STUDIES.items():
        study = read(material.root / "reports" / "precision", name)
        if study is None:
            missing = Missing(f"the study {title.lower()}", f"python -m geomdl precision {name}")
            found.append(missing)
        else:
            found.append(page(study, title, parts(study)))
    return found


def page(study: Study, title: str, parts: Sequence[Part]) -> Page:
    """Return the page of a study: its introduction, its figures, its table, its files."""
    data, table = f"data/{study.name}.csv", f"data/{study.name}.txt"
    about = [f"<p>{escape(paragraph)}</p>" for paragraph in study.about]
    shown = together(
        [*about[:1], *parts, *about[1:], text_table("The numbers as a table", study.table, table)]
    )
    files = {data: study.data, **shown.files}
    lead = f'<p class="lead">{escape(study.title)}.</p>'
    return Page(
        f"precision-{study.name}", title, "precision", lead + shown.html, files, escape(study.title)
    )


def _figure(
    study: Study,
    name: str,
    draw: Callable[[Figure], None],
    caption: str,
    alt: str,
    size: tuple[float, float],
) -> Part:
    return figure(
        f"{study.name}-{name}", draw, caption=caption, alt=alt, size=size,
        data=f"data/{study.name}.csv", table=f"data/{study.name}.txt",
    )  # fmt: skip


def _outside(figure: Figure, axes: Axes) -> None:
    """Put one legend for all panels below them."""
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=min(len(labels), 5))


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
        _figure(
            study,
            "residuals",
            climbs,
            f"A line for each of {len(study.rows)} claims. Left: its residual falls with the unit"
            " roundoff. A"
            " wrong formula would stay level; one into which numbers of less precision leaked would"
            " bend."
            " Right: over the roundoff, which makes the constant of each claim visible.",
            "Residual against unit roundoff, double logarithmic: all lines fall parallel to the"
            " diagonal.",
            (10.0, 4.4),
        ),
        _figure(
            study,
            "slopes",
            spread,
            "The slopes of log residual against log roundoff, smallest to largest of the ladders of a"
            " claim:"
            f" all between {low} and {high}. Dotted: the tolerance of a full ladder.",
            f"Fitted slopes of all claims lie between {low} and {high}.",
            (10.0, 2.6),
        ),
    ]


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
            _outside(figure, axes_of[1])

        return draw

    return [
        _figure(
            study,
            "forward",
            panels("forward", True),
            "Forward error of every route that answered, against the lines of the theory: SVD and QR"
            " belong to"
            " the full one, the normal equations to the dashed one, refinement comes back from the"
            " one to the"
            " other. Where marks end, the route refused.",
            "Forward error against condition number in three precisions, with the lines of the theory.",
            (10.0, 4.6),
        ),
        _figure(
            study,
            "residual",
            panels("residual", False),
            "The residuals of the same solutions, and the unit roundoff: a small residual says"
            " nothing of the"
            " error above it.",
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
        _outside(figure, axes_of[0])

    return [
        _figure(
            study,
            "decided",
            decided,
            "The rank that each rule decides; 12 singular values are at least 10<sup>−2</sup>. The"
            " rules differ"
            " in one number, the cutoff.",
            "Decided ranks by rule and by the size of the small singular values, for float32 and"
            " float64.",
            (9.0, 6.6),
        ),
        _figure(
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
        _outside(figure, axes_of[0])

    costs = {method: _evaluations(study, scenes[0], method, 1e-8) for method in methods}
    best = sorted((cost, method) for method, cost in costs.items() if cost)
    ranking = ", ".join(f"{method} {cost:.0f}" for cost, method in best)
    return [
        _figure(
            study,
            "work",
            draw,
            "The further left and down, the better; each mark is a tolerance. Evaluations for an"
            " error of"
            f" 10<sup>−8</sup> on {scenes[0]}, read off the lines: {ranking}.",
            f"Error against evaluations of the field for {len(methods)} integrators; for an error of"
            " 1e-8 on"
            f" {scenes[0]} they need: {ranking}.",
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
        _outside(figure, axes_of[0])

    return [
        _figure(
            study,
            "law",
            draw,
            "The cost and the law; one line for each tolerance of the integrator. What stops the"
            " decay is the"
            " rounding of <i>x</i> − <i>y</i>, near the square of the unit roundoff (dotted).",
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
        _outside(figure, axes)

    return [
        _figure(
            study,
            "units",
            draw,
            "Left of the dashed line, at most one unit: at this condition number only a function that"
            " computes"
            " in float64 and rounds gets there.",
            "Errors in units of the roundoff of float32, by function and library.",
            (7.6, 4.2),
        )
    ]


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
        _outside(figure, axes)

    return [
        _figure(
            study,
            "accuracy",
            draw,
            "Accuracy on samples that the network was not built from, beside two peers that were"
            " trained.",
            "Accuracy of the explicit network, logistic regression and a linear SVM, by data set.",
            (7.6, 3.4),
        )
    ]


STUDIES: Mapping[str, tuple[str, Callable[[Study], list[Part]]]] = {
    "ladder": ("Residual and roundoff", ladder),
    "condition": ("Error and condition", condition),
    "ranks": ("Rank decisions", ranks),
    "integrators": ("Work and precision", integrators),
    "decay": ("Decay in finite precision", decay),
    "single": ("Single precision", single),
    "explicit": ("Explicit networks", explicit),
}
"""The studies in the order of the navigation: the name of each page, and its figures."""
