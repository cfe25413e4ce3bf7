"""Figures: matplotlib draws, SVG comes out, legible in light and dark, with its data beside it.

Text is set as paths, so that a figure looks the same everywhere. What is drawn in `INK` becomes the text
colour of the page, `FAINT` that of its rules; all other colours come from `palette` and serve both.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

INK, FAINT = "#010203", "#010204"
"""Colours that follow the page; `color=INK` is the default of everything that is not a series."""

_STYLE: dict[str, Any] = {
    "svg.fonttype": "path",
    "font.family": "serif",
    "font.serif": ["STIXGeneral", "DejaVu Serif"],
    "mathtext.fontset": "stix",
    "font.size": 11,
    "axes.titlesize": 11,
    "axes.titlelocation": "left",
    "axes.labelsize": 11,
    "legend.fontsize": 10,
    "legend.frameon": False,
    "xtick.labelsize": 9.5,
    "ytick.labelsize": 9.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.8,
    "axes.grid": True,
    "grid.color": FAINT,
    "grid.linewidth": 0.6,
    "lines.linewidth": 1.5,
    "lines.markersize": 5,
    "figure.constrained_layout.use": True,
    **dict.fromkeys(
        (
            "text.color",
            "axes.edgecolor",
            "axes.labelcolor",
            "axes.titlecolor",
            "xtick.color",
            "ytick.color",
        ),
        INK,
    ),
}

PIXELS = 96 / 72
"""CSS pixels in a point of matplotlib."""

_DARK = "@media(prefers-color-scheme:dark){svg:root{color:#dfe3e6;--rule:#3a4046}}"


@dataclass(frozen=True)
class Part:
    """A piece of a page with the files that belong to it."""

    html: str
    files: Mapping[str, str | bytes]


def figure(
    name: str,
    draw: Callable[[Figure], None],
    *,
    caption: str,
    alt: str,
    data: str = "",
    table: str = "",
    size: tuple[float, float] = (7.2, 4.2),
) -> Part:
    """Draw a figure and return it as HTML with its SVG file.

    Parameters
    ----------
    name : str
        Unique in the site; the file is `figures/<name>.svg`.
    draw : callable
        Draws into an empty `matplotlib.figure.Figure`, in the style of the report.
    caption : str
        HTML below the figure: what it shows and what to see in it.
    alt : str
        The same for those who do not see it, plain text.
    data, table : str
        Paths in the site of the data file and of the text table.
    size : (float, float)
        Width and height in inches; text has 11 points.
    """
    import matplotlib
    from matplotlib.figure import Figure

    style: Any = {**_STYLE, "svg.hashsalt": name}
    with matplotlib.rc_context(style):
        drawn = Figure(figsize=size)
        draw(drawn)
        buffer = io.StringIO()
        drawn.savefig(buffer, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    svg = themed(buffer.getvalue(), name, alt)
    path = f"figures/{name}.svg"
    links = [
        (path, "figure"),
        *((where, what) for where, what in ((data, "data"), (table, "table")) if where),
    ]
    listed = " · ".join(f'<a href="{where}">{what}</a>' for where, what in links)
    # the page's own copy has no style: the page's colours reach it
    inline = re.sub(r"<style>.*?</style>", "", svg, flags=re.DOTALL)
    html = (
        f'<figure id="{name}"><div class="scroll">{inline}</div>'
        f"<figcaption>{caption} <small>{listed}</small></figcaption></figure>"
    )
    return Part(html, {path: f'<?xml version="1.0" encoding="utf-8"?>\n{svg}'})


def themed(svg: str, name: str, alt: str) -> str:
    """Make an SVG of matplotlib a part of a page: own ids, a text for readers, colours of the page."""
    svg = svg[svg.index("<svg") :].strip()
    svg = re.sub(r"<metadata>.*?</metadata>|<!--.*?-->", "", svg, flags=re.DOTALL)
    svg = re.sub(r'\bid="', f'id="{name}-', svg)
    svg = re.sub(r'(href="#|url\(#)', rf"\g<1>{name}-", svg)
    svg = svg.replace(INK, "currentColor").replace(FAINT, "var(--rule,#d5d9dc)")
    size = re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', svg)
    assert size is not None
    width, height = float(size[1]), float(size[2])
    head = (
        '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
        f'viewBox="0 0 {width:g} {height:g}" '
        f'width="{width * PIXELS:.0f}" height="{height * PIXELS:.0f}" '
        f'role="img" aria-labelledby="{name}-title"><title id="{name}-title">{escape(alt)}</title>'
        f"<style>svg:root{{color:#1b1f23;--rule:#d5d9dc}}{_DARK}</style>"
    )
    return re.sub(r"<svg[^>]*>", lambda _: head, svg, count=1)


def text_table(title: str, text: str, path: str) -> Part:
    """Show a text table that unfolds, with the file beside it."""
    html = (
        f'<details><summary>{escape(title)}</summary><div class="scroll"><pre tabindex="0">'
        f"{escape(text)}</pre></div><p><small>"
        f'<a href="{path}">{escape(path)}</a></small></p></details>'
    )
    return Part(html, {path: text})


def together(parts: Sequence[Part | str], around: str = "") -> Part:
    """Join parts and pieces of HTML; `around` is a class of a <div> about all of it ("grid")."""
    html = "\n".join(part if isinstance(part, str) else part.html for part in parts)
    files: dict[str, str | bytes] = {}
    for part in parts:
        if isinstance(part, Part):
            files |= part.files
    return Part(f'<div class="{around}">{html}</div>' if around else html, files)
