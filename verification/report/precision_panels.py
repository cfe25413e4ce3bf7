"""What the figures of all precision pages share."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from verification.report.figures import Part, figure
from verification.report.studies import Study

ROUNDOFF: Mapping[str, float] = {
    "float32": 2.0**-24, "float64": 2.0**-53, "mp30": 1e-30, "mp50": 1e-50, "mp100": 1e-100,
}  # fmt: skip
"""Unit roundoffs, for theoretical lines and axes."""


def study_figure(
    study: Study,
    name: str,
    draw: Callable[[Figure], None],
    caption: str,
    alt: str,
    size: tuple[float, float],
) -> Part:
    """Draw a figure of a study, with its data and its table beside it."""
    return figure(
        f"{study.name}-{name}", draw, caption=caption, alt=alt, size=size,
        data=f"data/{study.name}.csv", table=f"data/{study.name}.txt",
    )  # fmt: skip


def legend_below(figure: Figure, axes: Axes) -> None:
    """Put one legend for all panels below them."""
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=min(len(labels), 5))
