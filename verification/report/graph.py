"""The dependency graph of each source as SVG: what rests on what, from left to right.

The colour and sign of a box are the gravest verdict among the claims of its statement; its outline says
what the statement rests on, directly or not: drawn through where all of that holds as printed, in dashes
where something below needs a hypothesis, fails or is open. A statement of
another source that is repeated stands in italics, joined by a dashed line.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from itertools import pairwise

from verification.machinery.register import Source
from verification.report.gather import Material
from verification.report.layout import layout
from verification.report.mathematics import unset
from verification.report.palette import LOOKS
from verification.report.rendering import render
from verification.report.site import Page
from verification.report.sources import NAMES, link

BOX, HEIGHT, GAP, STEP, MARGIN = 196, 26, 46, 34, 6
FOOTINGS: Mapping[str, tuple[str, str]] = {
    "firm": ("none", "all that it rests on holds as printed"),
    "needs": ("7 3", "something that it rests on needs a hypothesis, nothing fails"),
    "fails": ("3 2.5", "something that it rests on fails as printed"),
    "open": ("1 3", "something that it rests on is still open"),
}
"""What a statement rests on: the dashes of its outline, and words."""


def pages(material: Material) -> list[Page]:
    """Return a page with the graph of each source."""
    return [_page(material, source) for source in material.register.sources]


def _page(material: Material, source: Source) -> Page:
    mine = [s.id for s in material.register.statements if s.source == source.key]
    footings = [material.footing(id) for id in mine]
    html = render(
        "graph.html",
        material,
        source=source,
        svg=svg(material, source.key),
        footings=[(footings.count(name), *how) for name, how in FOOTINGS.items()],
        listed=[(id, material.register.statement(id), material.foundations[id]) for id in mine],
        link=link,
    )
    title = NAMES.get(source.key, source.key)
    return Page(
        f"graph-{source.key}", title, "graph", html, heading=f"What rests on what: {escape(title)}"
    )


def svg(material: Material, source: str) -> str:
    """Draw the statements of a source; each box is a link to its statement."""
    needs: dict[str, list[str]] = {}
    repeated: set[tuple[str, str]] = set()
    for statement in material.register.statements:
        if statement.source == source:
            originals = [id for id in material.repeats[statement.id] if not id.startswith(f"{source}/")]
            repeated |= {(id, statement.id) for id in originals}
            needs |= {id: [] for id in originals}
            inside = [id for id in statement.depends_on if id.startswith(f"{source}/")]
            needs[statement.id] = [*inside, *originals]
    found = layout(needs)
    heights = found.heights()
    places = {
        node: (MARGIN + column * (BOX + GAP), MARGIN + (0.5 + heights[node]) * STEP)
        for column, layer in enumerate(found.layers)
        for node in layer
    }
    width = len(found.layers) * (BOX + GAP) - GAP + 2 * MARGIN
    height = round((1 + max(heights.values())) * STEP) + 2 * MARGIN
    lines = [
        f'<svg viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="group"'
        f' aria-label="What rests on what in {escape(source)}">'
    ]
    for path in found.paths:
        ends = (str(path[0]), str(path[-1]))
        kind = "edge same" if ends in repeated else "edge"
        lines.append(
            f'<path class="{kind}" data-from="{_name(ends[0])}" data-to="{_name(ends[1])}"'
            f' d="{_curve([places[node] for node in path])}"/>'
        )
    lines += [_box(material, id, *places[id], is_ghost=not id.startswith(f"{source}/")) for id in needs]
    return "\n".join([*lines, "</svg>"])


def _name(id: str) -> str:
    return f"g-{id.replace('/', '-').replace('.', '_')}"


def _box(material: Material, id: str, x: float, y: float, is_ghost: bool) -> str:
    statement = material.register.statement(id)
    state, footing = material.states[id], material.footing(id)
    verdicts = [entry.verdict for entry in material.by_statement[id]]
    counts = ", ".join(f"{verdicts.count(v)} {LOOKS[v].word}" for v in LOOKS if v in verdicts)
    label, title = unset(statement.label), unset(statement.title)
    place = f"{NAMES.get(statement.source, statement.source)}, " if is_ghost else ""
    dashes, ground = FOOTINGS[footing]
    says = f"{place}{label}: {title}. Claims: {counts}; {ground}."
    top = y - HEIGHT / 2
    return (
        f'<a href="{link(id)}" id="{_name(id)}" class="node {state}{" ghost" * is_ghost}">'
        f"<title>{escape(says)}</title>"
        f'<rect class="box" x="{x}" y="{top:.1f}" width="{BOX}" height="{HEIGHT}" rx="4"'
        f' stroke-dasharray="{dashes}"/>'
        f'<rect class="flag" x="{x + 1}" y="{top + 1:.1f}" width="19" height="{HEIGHT - 2}" rx="3"/>'
        f'<text x="{x + 10}" y="{y + 4.5:.1f}" class="sign">{LOOKS[state].sign}</text>'
        f'<text x="{x + 26}" y="{y + 4.5:.1f}">{escape(_shortened(_shown(label, title)))}</text></a>'
    )


def _shown(label: str, title: str) -> str:
    """Return what a box says: the label where it is a number, else the title, which says more."""
    named = any(
        word in label for word in ("Theorem ", "Proposition ", "Lemma ", "Corollary ", "Remark ")
    )
    if named and any(character.isdigit() for character in label) and "(C" not in label:
        return label
    if label.startswith("("):
        return f"{label} {title}"
    return title


def _shortened(text: str) -> str:
    """Cut a text to the room in a box, by the widths of an average sans serif."""
    room = BOX - 36.0
    for count, character in enumerate(text):
        room -= 4 if character in " .,:;()[]'|ijlftrI1-" else 11 if character in "mwMW" else 7.4
        if room < 0:
            return f"{text[: count - 1].rstrip(' (,')}…"
    return text


def _curve(points: Sequence[tuple[float, float]]) -> str:
    """Return a smooth line from the right end of the first box to the left end of the last."""
    (x, y), bend = points[0], GAP / 2
    parts = [f"M{x + BOX:.0f} {y:.1f}"]
    for (last, level), (left, height) in pairwise(points):
        if last != x:
            parts.append(f"H{last + BOX:.0f}")
        start = last + BOX
        parts.append(
            f"C{start + bend:.0f} {level:.1f} {left - bend:.0f} {height:.1f} {left:.0f} {height:.1f}"
        )
    return "".join(parts)
