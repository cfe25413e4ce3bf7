"""asv's results: the newest commit of each machine against the floors, and the way to asv's pages."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape
from itertools import product
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from verification.report.bars import ROW, bar, frame, say
from verification.report.figures import Part, figure, text_table, together
from verification.report.gather import ReportError
from verification.report.palette import BACKENDS, GREY, Stroke
from verification.report.panels import grid
from verification.report.races import aligned, csv_text, milliseconds, three_digits
from verification.report.site import Missing, Page

RESULTS, PAGES = Path("benchmarks") / "results", Path(".asv") / "html" / "index.html"
LINK = f"../../{PAGES.as_posix()}"
"""From the site, which stands in reports/site, to where `asv publish` puts its pages (asv.conf.json)."""

FORMAT = 2
FLOORS: Mapping[str, str] = {
    "Jacobian": "JacobianFill", "Gram": "GramSyrk", "GramProduct": "GramProductGemm",
    "Solve": "SolveSyrkPotrf", "AdaptedField": "SolveSyrkPotrf", "Pseudoinverse": "PseudoinverseGemm",
}  # fmt: skip
"""The class of the suite that is the floor of another, as benchmarks/README.md lists them."""


@dataclass(frozen=True)
class Clocked:
    """A kernel of asv's suite at one size, dtype and backend; seconds, and the error over rounding."""

    kernel: str
    size: str
    dtype: str
    backend: str
    seconds: float
    over_floor: float | None
    error: float | None


@dataclass(frozen=True)
class Commit:
    """The newest results of a machine: of which commit, when, with what, and the numbers."""

    machine: str
    cpu: str
    commit: str
    date: str
    python: str
    versions: Mapping[str, str]
    threads: str
    commits: int
    clocked: Sequence[Clocked]


def pages(root: Path, typeset: Callable[[str], str]) -> list[Page | Missing]:
    """Return the page of asv's results and pages, or the commands that make them."""
    commits, published = read(root / RESULTS), (root / PAGES).is_file()
    found: list[Page | Missing] = []
    if commits or published:
        found.append(_page(commits, published))
    if not commits:
        found.append(Missing("asv's results by commit", 'asv run "HEAD^!"'))
    if not published:
        found.append(Missing("asv's pages with the trends over commits", "asv publish"))
    return found


def read(folder: Path) -> list[Commit]:
    """Read the newest results that time a kernel, one set for each machine.

    Raises
    ------
    ReportError
        When a file is none that this reads.
    """
    found = []
    for machine in sorted(path for path in folder.glob("*") if path.is_dir()):
        files = [file for file in sorted(machine.glob("*.json")) if file.name != "machine.json"]
        documents = [_document(file) for file in files]
        timed = [(d, clocked) for d in documents if (clocked := _clocked(d))]
        if timed:
            newest, clocked = max(timed, key=lambda pair: (pair[0]["date"], len(pair[1])))
            commits = len({document["commit_hash"] for document, _ in timed})
            found.append(_commit(newest, clocked, commits))
    return found


def _document(path: Path) -> dict[str, Any]:
    where = f"{path.parent.name}/{path.name}"
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ReportError(f"{where}: {error}; remove it and let asv measure again") from error
    if not isinstance(document, dict) or document.get("version") != FORMAT:
        got = document.get("version") if isinstance(document, dict) else type(document).__name__
        raise ReportError(
            f"{where}: got version {got} of asv's format, expected {FORMAT}; `asv update` rewrites it"
        )
    return document


def _commit(document: Mapping[str, Any], clocked: Sequence[Clocked], commits: int) -> Commit:
    params, requirements = document["params"], document.get("requirements") or {}
    return Commit(
        machine=params.get("machine", ""),
        cpu=params.get("cpu", ""),
        commit=document["commit_hash"][:8],
        date=datetime.fromtimestamp(document["date"] / 1000, UTC).strftime("%Y-%m-%d"),
        python=python if (python := str(document.get("python", "")))[:1].isdigit() else "",
        versions={name.removeprefix("pip+"): version for name, version in requirements.items()},
        threads=(document.get("env_vars") or {}).get("OPENBLAS_NUM_THREADS", ""),
        commits=commits,
        clocked=clocked,
    )


def _clocked(document: Mapping[str, Any]) -> list[Clocked]:
    """Return the times of all kernels, each with the floor of its size, dtype and backend."""
    columns = document["result_columns"]
    known: dict[str, dict[tuple[str, ...], float]] = {}
    for name, row in document["results"].items():
        cells = dict(zip(columns, row, strict=False))
        keys = product(*([text.strip("'") for text in values] for values in cells.get("params") or []))
        values = cells.get("result") or []
        known[name] = {
            key: value
            for key, value in zip(keys, values, strict=False)
            if value is not None and math.isfinite(value) and len(key) == 3
        }
    found = []
    for name, times in known.items():
        _, kernel, clock = (*name.split("."), "", "")[:3]
        if clock != "time_kernel":
            continue
        floors = known.get(f"suite.{FLOORS.get(kernel)}.time_floor", {})
        errors = known.get(f"suite.{kernel}.track_ratio", {})
        for key, seconds in times.items():
            over = seconds / floors[key] if floors.get(key) else None
            size, dtype, backend = key
            found.append(Clocked(kernel, size, dtype, backend, seconds, over, errors.get(key)))
    return found


def _page(commits: Sequence[Commit], published: bool) -> Page:
    data, table = "data/speed-commits.csv", "data/speed-commits.txt"
    parts: list[Part | str] = [
        '<p class="lead">What asv measured: the newest commit of each machine here, all commits in its'
        " own pages.</p>",
        _way(published),
    ]
    for commit in commits:
        parts += _machine(commit, {"data": data, "table": table})
    files = {}
    if commits:
        parts.append(text_table("The numbers as a table", as_text(commits), table))
        files[data] = as_csv(commits)
    shown = together(parts)
    said = "; ".join(f"{c.machine}, commit {c.commit}" for c in commits) or "asv's own pages."
    return Page(
        "speed-commits", "Over commits", "speed", shown.html, {**shown.files, **files}, escape(said)
    )


def _way(published: bool) -> str:
    if not published:
        return (
            "<p>Trends over commits are asv's own pages. They are not there yet:"
            f" <code>asv publish</code> puts them into <code>{PAGES.parent.as_posix()}</code>.</p>"
        )
    return (
        f'<p>Trends over commits are <a href="{LINK}">asv\'s own pages</a>, in'
        f" <code>{PAGES.parent.as_posix()}</code>. They need a server and load scripts from the network:"
        " <code>asv preview</code> shows them.</p>"
    )


def _machine(commit: Commit, files: Mapping[str, str]) -> list[Part | str]:
    packages = {"Python": commit.python, **commit.versions} if commit.python else commit.versions
    versions = ", ".join(f"{name} {version}".strip() for name, version in packages.items())
    of = "" if commit.commits == 1 else f", the newest of {commit.commits}"
    threads = commit.threads or "1 unless OPENBLAS_NUM_THREADS was set"
    said = f"Commit {commit.commit} of {commit.date}{of}; {commit.cpu}; threads of BLAS: {threads}"
    said = f"{said}; {versions}." if versions else f"{said}."
    parts = [
        _panel(commit, kernel, files)
        for kernel in dict.fromkeys(each.kernel for each in commit.clocked)
        if any(each.over_floor for each in commit.clocked if each.kernel == kernel)
    ]
    bare = dict.fromkeys(each.kernel for each in commit.clocked if not each.over_floor)
    note = f'<p class="soft">Without a floor, in the table only: {escape(", ".join(bare))}.</p>'
    return [
        f"<h2>{escape(commit.machine)}</h2><p>{escape(said)}</p>",
        grid(parts) if parts else "",
        note if bare else "",
    ]


def _panel(commit: Commit, kernel: str, files: Mapping[str, str]) -> Part:
    """Draw bars over the floor by size and dtype, the backends side by side."""
    mine = [each for each in commit.clocked if each.kernel == kernel and each.over_floor]
    overs = [each.over_floor or 1.0 for each in mine]
    names = [f"{each.size}, {each.dtype}, {each.backend}" for each in mine]

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        for place, (each, over) in enumerate(zip(mine, overs, strict=True)):
            bar(axes, place, over, BACKENDS.get(each.backend, Stroke(GREY, "o", "-", each.backend)))
            say(axes, place, over, three_digits(over))
        frame(axes, names, overs, FLOORS[kernel], kernel)

    said = "; ".join(f"{name} {three_digits(over)}" for name, over in zip(names, overs, strict=True))
    return figure(
        f"speed-commits-{commit.machine}-{kernel}", draw,
        caption=f"<b>{escape(kernel)}</b> over its floor on the same backend.",
        alt=f"{kernel} over {FLOORS[kernel]}: {said}", size=(4.4, 0.95 + ROW * len(mine)), **files,
    )  # fmt: skip


def as_text(commits: Sequence[Commit]) -> str:
    """Return a text table, a block for each machine; times in milliseconds."""
    blocks = []
    for commit in commits:
        rows = [["kernel", "size", "dtype", "backend", "ms", "/floor", "error"]]
        for e in commit.clocked:
            error = "" if e.error is None else f"{e.error:.2g}"
            rows.append([
                e.kernel, e.size, e.dtype, e.backend, milliseconds(e.seconds),
                three_digits(e.over_floor), error,
            ])  # fmt: skip
        head = f"{commit.machine} ({commit.cpu}), commit {commit.commit} of {commit.date}"
        blocks.append("\n".join([head, *aligned(rows, left=4)]))
    return "\n\n".join(blocks) + "\n"


def as_csv(commits: Sequence[Commit]) -> str:
    """Return the same numbers as CSV."""
    head = ("machine", "cpu", "commit", "date", "kernel", "size", "dtype", "backend", "seconds",
            "over_floor", "error")  # fmt: skip
    return csv_text(
        head,
        (
            [c.machine, c.cpu, c.commit, c.date, e.kernel, e.size, e.dtype, e.backend, e.seconds,
             e.over_floor, e.error]
            for c in commits
            for e in c.clocked
        ),
    )  # fmt: skip
