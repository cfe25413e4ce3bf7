"""Speed pages, made from reports/speed/*.json and asv's results: kernels against peers and floors."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import NamedTuple

from verification.report import races, speed_devices, speed_overview, timings, trends
from verification.report.figures import Part, text_table, together
from verification.report.gather import Material
from verification.report.site import Missing, Page
from verification.report.timings import OURS, Race, Timings

Typeset = Callable[[str], str]


class Kernel(NamedTuple):
    """How a kernel is called in the navigation, and what it computes."""

    title: str
    says: str


KERNELS: Mapping[str, Kernel] = {
    "jacobian": Kernel("Jacobian", r"The Jacobian $D[\theta]$ formed, from $\theta$ on"),
    "gram": Kernel("Gram matrix", r"The Gram matrix $D D^T$ formed, from $\theta$ on"),
    "push": Kernel("Push", "$D v$ at a linearization that exists"),
    "pull": Kernel("Pull", "$D^T u$ at a linearization that exists"),
    "gram-product": Kernel("Gram product", "$D D^T u$ at a linearization that exists"),
    "solve": Kernel("Least squares", r"$D^+ r$, the least-squares solution of minimum norm, from"
                    r" $\theta$ on"),
    "pseudoinverse": Kernel("Pseudoinverse", "The pseudoinverse $D^+$ formed, of a $D$ that exists"),
    "field": Kernel("Adapted field", r"The adapted field at $\theta$"),
    "orbit": Kernel("Adapted orbit", "An orbit of the adapted flow"),
}  # fmt: skip

COMMAND = "python -m geomdl bench"
NOT_ON_GPU = Missing("timings of the kernels on a GPU", f"{COMMAND} --backend torch:cuda")


def pages(material: Material) -> Sequence[Page | Missing]:
    """Return the pages of the clocks, or which command makes what is missing."""
    typeset = material.typesetter.text
    known = timings.read(material.root / "reports" / "speed")
    over_commits = trends.pages(material.root, typeset)
    if known is None:
        return [Missing("timings of the kernels", COMMAND), *over_commits]
    found: list[Page | Missing] = [overview(known, typeset)]
    found += [kernel_page(name, known, typeset) for name in known.different("kernel")]
    if known.of(backend="torch:cuda"):
        found.append(devices(known, typeset))
    else:
        found.append(NOT_ON_GPU)
    return [*found, *over_commits]


def kernel(name: str) -> Kernel:
    """Return what is said of a kernel; of one that is new here, its name."""
    return KERNELS.get(name, Kernel(name.capitalize(), f"The kernel {name}"))


def kernel_page(name: str, known: Timings, typeset: Typeset) -> Page:
    """Return the page of a kernel: bars for each size, grouped by circumstances, table and data."""
    mine = known.of(kernel=name)
    data, table = f"data/speed-{name}.csv", f"data/speed-{name}.txt"
    parts: list[Part | str] = [
        f'<p class="lead">{typeset(kernel(name).says)}.</p>', f"<p>{typeset(_how_to_read(mine))}</p>"
    ]  # fmt: skip
    for number, where in enumerate(known.different("where", mine)):
        same = [race for race in mine if race.where == where]
        parts += [
            f"<h2>{escape(str(where))}</h2>",
            races.panels(name, same, number, {"data": data, "table": table}),
        ]
    if lacking := races.absent(mine):
        parts.append(
            f'<p class="soft">Not installed where this was measured: {escape(", ".join(lacking))}'
            " (<code>benchmarks/peers.txt</code>).</p>"
        )
    parts += [text_table("The numbers as a table", races.as_text(mine), table), sources(mine, known)]
    shown = together(parts)
    return Page(
        f"speed-{name}", kernel(name).title, "speed", shown.html,
        {**shown.files, data: races.as_csv(mine)}, summary(mine),
    )  # fmt: skip


def _how_to_read(mine: Sequence[Race]) -> str:
    floors = dict.fromkeys(race.floor for race in mine if race.floor_ratio)
    said = "; ".join(f"{name}: {races.FLOORS.get(name, name)}" for name in floors)
    without = [race for race in mine if not race.floor_ratio]
    text = []
    if floors:
        text.append(
            f"Times relative to the floor ({said}), which no implementation can beat and which is 1 on a"
            " logarithmic axis."
        )
    if without and not floors:
        text.append(f"There is no floor here: bars are relative to this project ({OURS} = 1).")
    elif without:
        names = "; ".join(dict.fromkeys(race.name for race in without))
        text.append(
            f"There is no floor at {names}: bars there are relative to this project ({OURS} = 1)."
        )
    text.append(
        "Marks are medians, lines quartiles over pairs of calls that took turns. Whoever gave a wrong"
        " result, failed or did not fit has no bar: the reason stands below."
    )
    return " ".join(text)


def summary(mine: Sequence[Race]) -> str:
    """Say in a few words how far this project is from the floor and from the fastest peer."""
    floors = [race.floor_ratio for race in mine if race.floor_ratio]
    peers = [best.over_ours[1] for race in mine if (best := race.best_peer) and best.over_ours]
    said = []
    if floors:
        said.append(f"{_between(floors)} times its floor")
    if peers:
        said.append(f"the fastest peer at {_between(peers)} times our time")
    return "; ".join(said) + "." if said else "timed."


def _between(values: Sequence[float]) -> str:
    low, high = (races.three_digits(value) for value in (min(values), max(values)))
    return low if low == high else f"{low} to {high}"


def sources(mine: Sequence[Race], known: Timings) -> str:
    """Return a table of the runs that races come from: date, machine, threads, clock, versions."""
    dates = {(timing.date, race.where) for race in mine for timing in race.timings}
    lines = []
    for run in known.runs:
        where = timings.Circumstances(run["machine"], run["threads"], run["clock"])
        if (run["date"], where) not in dates:
            continue
        versions = ", ".join(f"{name} {version}" for name, version in run["versions"].items())
        cells = (run["date"].replace("T", " "), str(where), f"Python {run['python']}, {versions}",
                 run["file"])  # fmt: skip
        lines.append(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in cells)}</tr>")
    return (
        "<h2>Where and when</h2>"
        '<div class="scroll"><table><thead><tr><th>begun</th><th>machine, threads, clock</th>'
        f"<th>versions</th><th>file</th></tr></thead><tbody>{''.join(lines)}</tbody></table></div>"
    )


def overview(known: Timings, typeset: Typeset) -> Page:
    """Return the first page: every kernel and size at once, who is ahead, and where it was measured."""
    data, table = "data/speed.csv", "data/speed.txt"
    parts: list[Part | str] = [
        '<p class="lead">How far the kernels are from what the machine allows, and from other'
        " libraries.</p>",
        f"<p>{typeset(speed_overview.READING)}</p>",
    ]
    for number, where in enumerate(known.different("where")):
        same = known.of(where=where)
        parts += [
            f"<h2>{escape(str(where))}</h2>",
            *speed_overview.parts(same, number, {"data": data, "table": table}),
        ]
    if not known.of(backend="torch:cuda"):
        parts.append(
            '<p class="note">There are no results on a GPU here. On a machine with one,'
            f" <code>{NOT_ON_GPU.command}</code> adds them to the same file; they then stand beside"
            " those of the CPU.</p>"
        )
    parts += [
        text_table("The numbers as a table", speed_overview.as_text(known.races), table),
        sources(known.races, known),
    ]
    shown = together(parts)
    said = f"{len(known.different('kernel'))} kernels against floors and other libraries."
    return Page(
        "speed", "Overview", "speed", shown.html,
        {**shown.files, data: races.as_csv(known.races)}, said, "Speed",
    )  # fmt: skip


def devices(known: Timings, typeset: Typeset) -> Page:
    """Return the page that holds the CPU against the GPU."""
    pairs = speed_devices.pairs(known)
    data, table = "data/speed-devices.csv", "data/speed-devices.txt"
    shown = together([
        '<p class="lead">The same kernel, size and dtype on CPU and GPU.</p>',
        f"<p>{typeset(speed_devices.READING)}</p>",
        *speed_devices.parts(pairs, {"data": data, "table": table}),
        text_table("The numbers as a table", speed_devices.as_text(pairs), table),
        sources([race for pair in pairs for race in pair.races], known),
    ])  # fmt: skip
    return Page(
        "speed-devices", "CPU and GPU", "speed", shown.html,
        {**shown.files, data: speed_devices.as_csv(pairs)}, "The kernels on both, side by side.",
    )  # fmt: skip
