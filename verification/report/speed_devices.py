"""CPU against GPU: the same kernel, size and dtype on both, in seconds and over each device's floor."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape

from matplotlib.figure import Figure

from verification.report.bars import ROW, plain_ticks
from verification.report.figures import INK, Part, figure
from verification.report.palette import BACKENDS, GREY
from verification.report.panels import grid, legend
from verification.report.races import aligned, csv_text, duration, milliseconds
from verification.report.races import three_digits as three
from verification.report.timings import OURS, Race, Timing, Timings

GPU, CPUS = "torch:cuda", ("numpy", "torch:cpu")

READING = (
    "All calls are of this project, whose data and results stay on the device. First the wall time,"
    " since the clocks of a CPU do not see a GPU work. Then the same over the floor of its own device: a"
    " problem that is small for a GPU stands far to the right. Of several runs on a CPU the fastest"
    " counts."
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
        size = (4.4, 1.5 + 1.4 * ROW * len(both))
        wall = figure(
            "speed-devices-wall", _draw(both, Pair.wall), caption=_caption(both), alt=_alt(both),
            size=size, **files,
        )  # fmt: skip
        floor = figure(
            "speed-devices-floor", _draw(both, Pair.over_floor), size=size, **files,
            caption="The same calls, each over the floor of its own device. Where there is no floor"
            " there is no mark.",
            alt="The same calls over the floor of their device; the table has the numbers",
        )  # fmt: skip
        said.append(grid([wall, floor]))
    if alone := [pair.label for pair in found if not pair.gain]:
        said.append(
            f'<p class="note">Timed on the GPU only: {escape(", ".join(alone))}.'
            " <code>python -m geomdl bench</code> times the CPU.</p>"
        )
    return said


def _draw(both: Sequence[Pair], value: Callable[[Pair, str], float | None]) -> Callable[[Figure], None]:
    """Return what draws a line of marks for each pair, one for each backend."""

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        axes.set_xscale("log")
        used = [each for each in (*CPUS, GPU) if any(each in pair.calls for pair in both)]
        for n, backend in enumerate(used):
            stroke, shift = BACKENDS[backend], 0.24 * (n - (len(used) - 1) / 2)
            known = [
                (x, place + shift) for place, pair in enumerate(both) if (x := value(pair, backend))
            ]
            axes.plot(
                [x for x, _ in known], [y for _, y in known], stroke.marker, color=stroke.colour,
                markersize=8 if stroke.marker == "*" else 6, label=stroke.label,
            )  # fmt: skip
        for place in range(len(both) - 1):
            axes.axhline(place + 0.5, color=GREY, linewidth=0.4)
        axes.set(yticks=range(len(both)), ylim=(len(both) - 0.4, -0.6))
        axes.set_yticklabels([pair.label for pair in both])
        axes.grid(False, axis="y")
        axes.tick_params(axis="y", length=0)
        if value is Pair.over_floor:
            axes.axvline(1, color=INK, linewidth=1.2)
            axes.set_xlabel("time over the floor of the device (= 1)")
            plain_ticks(axes)
        else:
            axes.set_xlabel("seconds of wall time")
            axes.minorticks_off()
        legend(figure, axes)

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
