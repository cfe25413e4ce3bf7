"""Bars on a logarithmic axis: from 1, what they are relative to, each with its mark and its number."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes

from verification.report.figures import INK
from verification.report.palette import Stroke

ROW = 0.27
"""Inches of a bar with the space around it."""


def bar(axes: Axes, place: int, value: float, stroke: Stroke) -> None:
    """Draw a bar from 1 to a value, with the mark of whose it is at its end."""
    axes.barh(place, value - 1, left=1, height=0.5, color=stroke.colour, alpha=0.45)
    mark(axes, place, value, stroke)


def mark(axes: Axes, place: int, value: float, stroke: Stroke) -> None:
    """Draw the mark alone."""
    size = 8 if stroke.marker == "*" else 6  # the star has little area
    axes.plot([value], [place], stroke.marker, color=stroke.colour, markersize=size)


def say(axes: Axes, place: int, end: float, text: str) -> None:
    """Write to the right of a bar and of the 1."""
    axes.annotate(
        text, (max(end, 1.0), place), (7, 0), textcoords="offset points", va="center", fontsize=9.5
    )


def frame(
    axes: Axes,
    names: Sequence[str],
    ends: Sequence[float],
    unit: str,
    title: str = "",
    room: float = 2.2,
) -> None:
    """Set up the axes of bars: their names from above, the line at 1, room for numbers at the right.

    Parameters
    ----------
    axes : Axes
    names : sequence of str
        One for each bar.
    ends : sequence of float
        All that has to be seen, of other panels on the same axis too.
    unit, title : str
        What bars are relative to, and the title.
    room : float
        Factor from the longest bar to the end of the axis.
    """
    axes.set_xscale("log")
    axes.axvline(1, color=INK, linewidth=1.2)
    axes.set(
        yticks=range(len(names)), ylim=(len(names) - 0.4, -0.6), title=title,
        xlim=(min([1.0, *ends]) / 1.3, max([1.0, *ends]) * room), xlabel=f"time over {unit} (= 1)",
    )  # fmt: skip
    axes.set_yticklabels(names)
    axes.grid(False, axis="y")
    axes.tick_params(axis="y", length=0)
    plain_ticks(axes)


def plain_ticks(axes: Axes) -> None:
    """Write powers of ten, and a few others on short axes, as plain numbers without minor ticks."""
    from matplotlib.ticker import FuncFormatter, LogLocator

    low, high = axes.get_xlim()
    subs = (1.0,) if high / low > 200 else (1.0, 3.0) if high / low > 10 else (1.0, 2.0, 5.0)
    axes.xaxis.set_major_locator(LogLocator(subs=subs))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.minorticks_off()
