"""All kernels and sizes at once: this project and the fastest peer against the floor."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

from matplotlib.axes import Axes

from verification.report.bars import ROW, bar, frame, mark, say
from verification.report.figures import Part, figure
from verification.report.palette import GREY, contender
from verification.report.races import aligned, milliseconds, three_digits
from verification.report.timings import OURS, Race

READING = (
    "The floor of a kernel is the part of it that is a single memory stream or a bare matrix product,"
    " called on memory that exists already: what no implementation can beat on the machine. A ratio to"
    " it survives a change of machine. Peers take turns with this project, call by call, once their"
    " result agrees with a reference in extended precision: who disagrees has no time."
)


def parts(same: Sequence[Race], number: int, files: Mapping[str, str]) -> list[Part | str]:
    """Draw the races of the same circumstances that have a floor, and say where a peer is ahead."""
    drawn = [race for race in same if race.floor_ratio]
    found: list[Part | str] = []
    if drawn:
        found.append(
            figure(
                f"speed-overview-{number}" if number else "speed-overview",
                lambda figure: _draw(figure.subplots(), drawn), caption=_caption(drawn), alt=_alt(drawn),
                size=(7.0, 1.3 + ROW * len(drawn)), **files,
            )
        )  # fmt: skip
    return [*found, *_without_floor(same), _ahead(same)]


def label(race: Race) -> str:
    """Name a race among those of all kernels; what is usual is left out."""
    unusual = [each for each in (race.dtype, race.backend) if each not in ("float64", "numpy")]
    return ", ".join([f"{race.kernel} {race.size}", *unusual])


def _draw(axes: Axes, races: Sequence[Race]) -> None:
    """Draw a line for each race: a bar to this project's mark, and the fastest peer's mark."""
    ends = []
    for place, race in enumerate(races):
        ours = race.floor_ratio or 1.0
        bar(axes, place, ours, contender(OURS, race.backend))
        said, right = three_digits(ours), ours
        best = race.best_peer
        if best and (over := race.over_unit(best)):
            mark(axes, place, over[1], contender(best.name))
            said, right = f"{said}; {best.name} {three_digits(over[1])}", max(ours, over[1])
        say(axes, place, right, said)
        ends += [ours, right]
        if place and races[place - 1].kernel != race.kernel:
            axes.axhline(place - 0.5, color=GREY, linewidth=0.5)
    frame(axes, [label(race) for race in races], ends, "the floor", room=5.0)


def _caption(drawn: Sequence[Race]) -> str:
    ratios = sorted((race.floor_ratio or 0.0, label(race)) for race in drawn)
    (low, nearest), (high, farthest) = ratios[0], ratios[-1]
    if len(ratios) == 1:
        said = f"{escape(nearest)}: {three_digits(low)} times the floor."
    else:
        said = (
            f"From {three_digits(low)} times the floor ({escape(nearest)}) to {three_digits(high)} times"
            f" ({escape(farthest)})."
        )
    return f"Bars: geomdl. Single marks: the fastest other library, named with its ratio. {said}"


def _alt(drawn: Sequence[Race]) -> str:
    each = (f"{label(race)} {three_digits(race.floor_ratio)}" for race in drawn)
    return f"geomdl's time over the floor: {', '.join(each)}"


def _without_floor(same: Sequence[Race]) -> list[str]:
    names = [label(race) for race in same if not race.floor_ratio]
    if not names:
        return []
    return [f'<p class="soft">Not drawn, for want of a floor: {escape(", ".join(names))}.</p>']


def _ahead(same: Sequence[Race]) -> str:
    """Say at how many races this project is ahead, and list those where it is not."""
    ratios = [
        (race, best, best.over_ours[1]) for race in same if (best := race.best_peer) and best.over_ours
    ]
    if not ratios:
        return (
            "<p>No other library was timed here: <code>python -m pip install --no-deps -r"
            " benchmarks/peers.txt</code> brings them.</p>"
        )
    behind = [
        f"<li>{escape(label(race))}: {escape(best.name)} takes {three_digits(ratio)} of our time</li>"
        for race, best, ratio in ratios
        if ratio < 1
    ]
    plural = "kernel and size" if len(ratios) == 1 else "kernels and sizes"
    said = (
        f"geomdl is faster than every other library that was timed at {len(ratios) - len(behind)} of"
        f" {len(ratios)} {plural}"
    )
    if not behind:
        return f"<p>{said}.</p>"
    return f'<p>{said}. It is not at</p><ul class="contents">{"".join(behind)}</ul>'


def as_text(races: Sequence[Race]) -> str:
    """Return a text table with a line for each race."""
    blocks = []
    for where in dict.fromkeys(race.where for race in races):
        rows = [["kernel, size", "floor", "ms", f"{OURS} ms", "/floor", "fastest peer", f"/{OURS}"]]
        for race in (race for race in races if race.where == where):
            ours, best = race.ours, race.best_peer
            rows.append([
                label(race), race.floor, milliseconds(race.floor_seconds),
                (milliseconds(ours.seconds) or ours.said) if ours else "",
                three_digits(race.floor_ratio), best.name if best else "",
                three_digits(best.over_ours[1]) if best and best.over_ours else "",
            ])  # fmt: skip
        blocks.append("\n".join([str(where), *aligned(rows, left=2)]))
    return "\n\n".join(blocks) + "\n"
