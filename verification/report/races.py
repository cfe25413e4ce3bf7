"""How races are drawn and told: bars over the floor, ours beside every peer, and why one has none."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from html import escape
from typing import Any

from matplotlib.figure import Figure

from verification.report.bars import ROW, bar, frame, say
from verification.report.figures import Part, figure
from verification.report.palette import contender
from verification.report.panels import grid
from verification.report.timings import OURS, Race, Timing, by_pace

FLOORS: Mapping[str, str] = {
    "fill": "one write of every entry of $D$",
    "SYRK": "the symmetric products of the sensitivities of every hidden layer",
    "GEMMs": "the bare matrix products of all layers",
    "SYRK + POTRF": "the symmetric products of every hidden layer, a Cholesky factor and two triangular"
    " solves",
    "GEMM": "one product of a matrix of the smaller side of $D$ with $D$",
}


def panels(kernel: str, races: Sequence[Race], number: int, files: Mapping[str, str]) -> Part:
    """Draw one panel of bars for each race of a kernel, all on the same axis and in the same order."""
    order = by_pace(races)
    ends = [end for race in races for end in _ends(race)]
    drawn = []
    for race in races:
        name = "-".join(["speed", kernel, *race.name.replace(":", "-").split(", ")])
        rows = [t for each in order for t in race.timings if t.name == each]
        if rows:
            name = f"{name}-{number}" if number else name
            draw, size = _bars(race, rows, ends), (4.4, 0.95 + ROW * len(rows))
            drawn.append(figure(name, draw, caption=caption(race), alt=alt(race), size=size, **files))
    return grid(drawn)


def _ends(race: Race) -> list[float]:
    return [value for t in race.timings for value in (race.over_unit(t) or ())]


def _bars(race: Race, rows: Sequence[Timing], ends: Sequence[float]) -> Callable[[Figure], None]:
    """Return what draws a bar with quartiles for each ratio, and words for those who have none."""

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        for place, timing in enumerate(rows):
            stroke = contender(timing.name, race.backend)
            spread = race.over_unit(timing)
            if spread is None:
                axes.text(1.0, place, f"  {timing.said}", va="center", style="italic", fontsize=9.5)
                continue
            low, middle, high = spread
            bar(axes, place, middle, stroke)
            axes.plot([low, high], [place, place], color=stroke.colour, linewidth=1.2)
            say(axes, place, max(middle, high), three_digits(middle))
        frame(axes, [t.name for t in rows], ends, race.unit, race.name)

    return draw


def caption(race: Race) -> str:
    """Say what is in a panel, who is fastest, and why somebody has no bar; HTML."""
    return " ".join([
        f"<b>{escape(race.name)}</b>: N and widths {escape(race.problem)}; D is"
        f" {race.rows} × {race.columns}.",
        *map(escape, [*_ours_said(race), *_best_said(race), *unplaced([race])]),
    ])  # fmt: skip


def alt(race: Race) -> str:
    """Say all bars of a panel in one line."""
    shown = [(t.name, race.over_unit(t)) for t in race.timings]
    bars = ", ".join(f"{name} {three_digits(over[1])}" for name, over in shown if over)
    return f"{race.name}: time over {race.unit}: {bars or 'nothing was timed'}"


def _ours_said(race: Race) -> list[str]:
    ours = race.ours
    if ours is None or ours.seconds is None:
        return ["This project's own call has no time."]
    if race.floor_ratio is None:
        return [f"geomdl takes {duration(ours.seconds)}; there is no floor."]
    return [
        f"geomdl takes {duration(ours.seconds)}, {three_digits(race.floor_ratio)} times the floor"
        f" ({race.floor})."
    ]


def _best_said(race: Race) -> list[str]:
    best = race.best_peer
    if best is None or best.over_ours is None:
        return ["No other library was timed."]
    ratio = best.over_ours[1]
    if ratio < 1:
        return [f"{best.name} is faster: it takes {three_digits(ratio)} of geomdl's time."]
    return [f"The fastest peer, {best.name}, takes {three_digits(ratio)} times geomdl's time."]


def unplaced(races: Iterable[Race]) -> list[str]:
    """Say why contenders that are installed have no time, one sentence each."""
    return [
        f"{timing.name} {timing.said}: {timing.reason}."
        for race in races
        for timing in race.timings
        if timing.status in ("disagrees", "failed", "skipped")
    ]


def absent(races: Iterable[Race]) -> list[str]:
    """Return the contenders that were not installed."""
    return list(dict.fromkeys(t.name for r in races for t in r.timings if t.status == "absent"))


# ---- numbers ----------------------------------------------------------------------------------


def three_digits(value: float | None) -> str:
    """Write a number with three digits, without an exponent where people would not use one.

    Examples
    --------
    >>> three_digits(0.0125), three_digits(8.2086), three_digits(1234.5), three_digits(None)
    ('0.0125', '8.21', '1234', '')
    """
    if value is None:
        return ""
    return f"{value:.0f}" if 100 <= abs(value) < 1e6 else f"{value:.3g}"


def duration(seconds: float) -> str:
    """Write a time in its unit.

    Examples
    --------
    >>> duration(0.0002804), duration(0.0312), duration(12.0)
    ('280 µs', '31.2 ms', '12 s')
    """
    for unit, size in (("s", 1.0), ("ms", 1e-3)):
        if seconds >= size:
            return f"{three_digits(seconds / size)} {unit}"
    return f"{three_digits(seconds / 1e-6)} µs"


def milliseconds(seconds: float | None) -> str:
    """Write a time in milliseconds, empty where there is none."""
    return "" if seconds is None else three_digits(1e3 * seconds)


HEAD = (
    "kernel", "size", "dtype", "backend", "machine", "threads", "clock", "contender", "role", "version",
    "status", "reason", "seconds", "wall_seconds", "floor", "floor_seconds", "over_floor_low",
    "over_floor", "over_floor_high", "over_geomdl_low", "over_geomdl", "over_geomdl_high", "error",
    "problem", "rows", "columns", "date",
)  # fmt: skip


def as_csv(races: Sequence[Race]) -> str:
    """Return all that is drawn of races, a contender a line; empty where there is no number."""
    return csv_text(HEAD, (_line(race, timing) for race in races for timing in race.timings))


def csv_text(head: Sequence[str], lines: Iterable[Sequence[Any]]) -> str:
    """Write lines below a head as CSV."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(head)
    writer.writerows(["" if value is None else value for value in line] for line in lines)
    return out.getvalue()


def _line(race: Race, timing: Timing) -> list[Any]:
    none = (None, None, None)
    over_floor = (race.over_unit(timing) if race.floor_ratio else None) or none
    return [
        race.kernel, race.size, race.dtype, race.backend, race.where.machine, race.where.threads,
        race.where.clock, timing.name, timing.role, timing.version, timing.status, timing.reason,
        timing.seconds, timing.wall, race.floor, race.floor_seconds, *over_floor,
        *(timing.over_ours or none), timing.error, race.problem, race.rows, race.columns, timing.date,
    ]  # fmt: skip


def as_text(races: Sequence[Race]) -> str:
    """Return a text table, a block for each race, this project first."""
    order, blocks = by_pace(races), []
    for race in races:
        head = [
            f"{race.kernel}, {race.name}: N, widths {race.problem}; D {race.rows} x {race.columns}",
            f"  {race.where}",
        ]
        if race.floor_ratio:
            head.append(f"  floor: {race.floor}, {milliseconds(race.floor_seconds)} ms")
        rows = [["contender", "ms", "/floor", f"/{OURS}", "quartiles", "error", "version"]]
        for timing in (t for name in order for t in race.timings if t.name == name):
            low, middle, high = timing.over_ours or (None, None, None)
            over = race.over_unit(timing) if race.floor_ratio else None
            varied = low is not None and low != high
            rows.append([
                timing.name, milliseconds(timing.seconds) or timing.said,
                three_digits(over[1] if over else None), three_digits(middle),
                f"{three_digits(low)} to {three_digits(high)}" if varied else "",
                "" if timing.error is None else f"{timing.error:.2g}", timing.version,
            ])  # fmt: skip
        notes = [f"  {note}" for note in unplaced([race])]
        blocks.append("\n".join([*head, *aligned(rows), *notes]))
    return "\n\n".join(blocks) + "\n"


def aligned(rows: Sequence[Sequence[str]], left: int = 1) -> list[str]:
    """Align columns: the first ones to the left, the others to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  " + "  ".join(
            cell.ljust(width) if n < left else cell.rjust(width)
            for n, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]  # fmt: skip
