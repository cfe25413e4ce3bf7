"""CPU against GPU: the same kernel, size and dtype on both, in seconds and over each device's floor."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape

from matplotlib.figure import Figure

from verification.report.bars import ROW, plain_ticks
from verification.report.figures import INK, Part, figure
from verification.report.palette import BACKENDS, GREY
from verification.report.races import aligned, csv_text, duration, milliseconds
from verification.report.races import three_digits as three
from verification.report.timings import OURS, Race, Timing, Timings

GPU, CPUS = "torch:cuda", ("numpy", "torch:cpu")

READING = (
    "All of it is this project. Left: wall time, since the clocks of a CPU do not see a GPU work; data"
    " and results stay on the device. Right: the same over the floor of its own device, so that a kernel"
    " that is small for a GPU stands far to the right. Of several runs on a CPU the fastest counts."
)


@dataclass(frozen=True)
class Pair:
    """Calls of this project for one kernel, size and dtype by backend, with the race of each."""

    kernel: str
    size: str
    dtype: str
    calls: Mapping[str, tuple[Race, Timing]]

    @property
    def label(self) -> str:
        """How it is called among the others."""
        return f"{self.kernel} {self.size}{'' if self.dtype == 'float64' else f', {self.dtype}'}"

    @property
    def races(self) -> list[Race]:
        """Where the calls are from."""
        return [race for race, _ in self.calls.values()]

    def wall(self, backend: str) -> float | None:
        """Return its seconds on a backend."""
        return self.calls[backend][1].wall if backend in self.calls else None

    def over_floor(self, backend: str) -> float | None:
        """Return its time over the floor of that device."""
        if backend not in self.calls:
            return None
        race, timing = self.calls[backend]
        over = race.over_unit(timing) if race.floor_ratio else None
        return over[1] if over else None

    @property
    def gain(self) -> float | None:
        """The fastest time on a CPU over that on the GPU."""
        known = [wall for each in CPUS if (wall := self.wall(each))]
        gpu = self.wall(GPU)
        return min(known) / gpu if known and gpu else None


def pairs(known: Timings) -> list[Pair]:
    """Return what was timed on a GPU, with its counterparts on a CPU where there are some."""
    found: dict[tuple[str, str, str], dict[str, tuple[Race, Timing]]] = {}
    for race in known.races:
        mine = found.setdefault((race.kernel, race.size, race.dtype), {})
        for timing in race.timings:
            if timing.role != OURS or not timing.wall:
                continue
            backend = race.backend if timing.name == OURS else timing.name.removeprefix(f"{OURS} ")
            before = mine.get(backend)
            if before is None or timing.wall < (before[1].wall or timing.wall):
                mine[backend] = (race, timing)
    return [Pair(*key, calls) for key, calls in found.items() if GPU in calls]


def parts(found: Sequence[Pair], files: Mapping[str, str]) -> list[Part | str]:
    """Draw both sides, and say what has no counterpart on the CPU."""
    both = [pair for pair in found if pair.gain]
    said: list[Part | str] = []
    if both:
        said.append(
            figure(
                "speed-devices", _draw(both), caption=_caption(both), alt=_alt(both),
                size=(10.0, 1.5 + 1.5 * ROW * len(both)), **files,
            )
        )  # fmt: skip
    if alone := [pair.label for pair in found if not pair.gain]:
        said.append(
            f'<p class="note">Timed on the GPU only: {escape(", ".join(alone))}.'
            " <code>python -m geomdl bench</code> times the CPU.</p>"
        )
    return said


def _draw(both: Sequence[Pair]) -> Callable[[Figure], None]:
    def draw(figure: Figure) -> None:
        left, right = figure.subplots(1, 2, sharey=True)
        used = [each for each in (*CPUS, GPU) if any(each in pair.calls for pair in both)]
        for axes, value in ((left, Pair.wall), (right, Pair.over_floor)):
            axes.set_xscale("log")
            for n, backend in enumerate(used):
                stroke = BACKENDS[backend]
                known = [(place, value(pair, backend)) for place, pair in enumerate(both)]
                shift = 0.24 * (n - (len(used) - 1) / 2)
                places = [place + shift for place, x in known if x]
                axes.plot(
                    [x for _, x in known if x], places, stroke.marker, color=stroke.colour,
                    markersize=6, label=stroke.label,
                )  # fmt: skip
            for place in range(len(both) - 1):
                axes.axhline(place + 0.5, color=GREY, linewidth=0.4)
            axes.grid(False, axis="y")
            axes.tick_params(axis="y", length=0)
        right.axvline(1, color=INK, linewidth=1.2)
        left.set(xlabel="seconds of wall time", yticks=range(len(both)), ylim=(len(both) - 0.4, -0.6))
        left.set_yticklabels([pair.label for pair in both])
        right.set(xlabel="time over the floor of the device (= 1)")
        left.minorticks_off()
        plain_ticks(right)
        handles, labels = left.get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=len(labels))

    return draw


def _caption(both: Sequence[Pair]) -> str:
    gains = sorted((pair.gain or 0.0, pair.label) for pair in both)
    (low, least), (high, most) = gains[0], gains[-1]
    ahead = sum(gain > 1 for gain, _ in gains)
    return (
        f"The GPU is faster at {ahead} of {len(gains)}: from {three(low)} times the speed of the best"
        f" CPU call ({escape(least)}) to {three(high)} times ({escape(most)}). Marks tell backends"
        " apart, as in the legend."
    )


def _alt(both: Sequence[Pair]) -> str:
    said = []
    for pair in both:
        times = [(BACKENDS[each].label, wall) for each in (*CPUS, GPU) if (wall := pair.wall(each))]
        said.append(f"{pair.label} {', '.join(f'{name} {duration(wall)}' for name, wall in times)}")
    return f"Wall times by backend: {'; '.join(said)}"


def _columns(pair: Pair) -> Iterable[tuple[str, float | None, float | None]]:
    return ((each, pair.wall(each), pair.over_floor(each)) for each in (*CPUS, GPU))


def as_text(found: Sequence[Pair]) -> str:
    """Return a text table with a line for each pair; times in milliseconds."""
    names = [BACKENDS[each].label for each in (*CPUS, GPU)]
    rows = [
        ["kernel, size", *(f"{n}{what}" for n in names for what in (": ms", " /floor")), "CPU / GPU"]
    ]
    for pair in found:
        cells = [cell for _, wall, over in _columns(pair) for cell in (milliseconds(wall), three(over))]
        rows.append([pair.label, *cells, three(pair.gain)])
    return "\n".join(aligned(rows)) + "\n"


def as_csv(found: Sequence[Pair]) -> str:
    """Return the same numbers as CSV, a line for each call."""
    head = ("kernel", "size", "dtype", "backend", "wall_seconds", "over_floor", "machine", "threads")
    return csv_text(
        head,
        (
            [pair.kernel, pair.size, pair.dtype, backend, wall, over, race.where.machine,
             race.where.threads]
            for pair in found
            for backend, wall, over in _columns(pair)
            if backend in pair.calls
            for race in (pair.calls[backend][0],)
        ),
    )  # fmt: skip
