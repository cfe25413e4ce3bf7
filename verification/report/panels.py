"""What the pages of flows share: small figures that wrap, and how flows and classes are drawn."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from verification.report.figures import Part, figure, together
from verification.report.palette import BLUE, RED, Stroke
from verification.report.studies import Study, number

PANEL = (4.4, 3.3)
"""Inches of a panel: as wide as a phone, so that its text keeps its size there."""

FLOWS = {
    "adapted": Stroke(BLUE, "o", "-", "adapted flow"),
    "standard": Stroke(RED, "s", "--", "standard flow"),
}


def panel(
    study: Study,
    name: str,
    draw: Callable[[Figure], None],
    caption: str,
    alt: str,
    size: tuple[float, float] = PANEL,
) -> Part:
    """Draw one figure of a study of flows; the caption is HTML."""

    def drawn(figure: Figure) -> None:
        draw(figure)
        for axes in figure.axes:
            axes.minorticks_off()  # on logarithmic axes they take half of the time

    return figure(
        f"flows-{study.name}-{name.replace(' ', '-')}", drawn, caption=caption, alt=alt, size=size,
        data=f"data/flows-{study.name}.csv", table=f"data/flows-{study.name}.txt",
    )  # fmt: skip


def legend(figure: Figure, axes: Axes, columns: int = 3) -> None:
    """Put the legend below the panel, where it covers nothing."""
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=columns, fontsize=9.5,
                  columnspacing=1.0, handletextpad=0.5)  # fmt: skip


def grid(parts: Iterable[Part]) -> Part:
    """Put panels side by side, two where there is room: pairs stay together."""
    joined = together(list(parts))
    return Part(f'<div class="grid" style="max-width:52rem">{joined.html}</div>', joined.files)


def columns(study: Study, names: Sequence[str], **wanted: str) -> list[np.ndarray]:
    """Return columns of the rows in which others have these values, as arrays; NaN where empty."""
    rows = list(study.where(**wanted))
    return [np.array([number(row[name]) for row in rows]) for name in names]


def power(value: float, digits: int = 2) -> str:
    r"""Write a number as people do, for text with formulas: $2.3 \cdot 10^{-5}$.

    Examples
    --------
    >>> power(2.345e-5), power(0.25), power(204.0)
    ('$2.3 \\cdot 10^{-5}$', '0.25', '204')
    """
    if abs(value) >= 10**digits and abs(value) < 1e5:
        return f"{value:.0f}"
    if value == 0 or 1e-2 <= abs(value) < 1e5:
        return f"{value:.{digits}g}"
    mantissa, exponent = f"{value:.{digits - 1}e}".split("e")
    return f"${mantissa} \\cdot 10^{{{int(exponent)}}}$"
