"""What a study is, and how its data file and text table are written."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from verification.machinery.environment import environment
from verification.machinery.files import replace_text

Value = str | int | float | None


@dataclass(frozen=True)
class Settings:
    """How a study is run.

    Attributes
    ----------
    seed : int
    quick : bool
        Fewer and smaller cases, for a look in seconds.
    progress : callable
        Takes one line of text now and then.
    """

    seed: int = 2311
    quick: bool = False
    progress: Callable[[str], None] = lambda line: None


@dataclass(frozen=True)
class Result:
    """What a study found.

    Attributes
    ----------
    columns : dict
        Name of each column of the data and its unit or meaning.
    rows : list of tuples
    table : list of str
        The lines of the text table.
    absent : list of str
        Peers that are not installed.
    """

    columns: dict[str, str]
    rows: list[tuple[Value, ...]]
    table: list[str]
    absent: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Study:
    """A named study; the first line of ``about`` is its title."""

    name: str
    about: str
    run: Callable[[Settings], Result]

    @property
    def title(self) -> str:
        """The first sentence of the docstring of its module."""
        return self.about.strip().splitlines()[0]


def counted(items: Sequence[Any], settings: Settings, what: str) -> Iterator[Any]:
    """Go through items and say how far it is."""
    for number, item in enumerate(items, 1):
        settings.progress(f"{what} {number}/{len(items)}")
        yield item


def aligned(head: Sequence[str], rows: Iterable[Sequence[Value]]) -> list[str]:
    """Align a small table: text to the left, numbers to the right."""
    body = [list(row) for row in rows]
    cells = [list(head), *([shown(value) for value in row] for row in body)]
    widths = [max(len(row[i]) for row in cells) for i in range(len(head))]
    left = [all(isinstance(row[i], str) for row in body) for i in range(len(head))]
    return [
        "  ".join(
            cell.ljust(width) if to_left else cell.rjust(width)
            for cell, width, to_left in zip(row, widths, left, strict=True)
        ).rstrip()
        for row in cells
    ]


def as_number(value: Value) -> float:
    """Return a numerical cell of a row."""
    assert isinstance(value, int | float)
    return float(value)


def shown(value: Value) -> str:
    """Format a value for reading; an absent one as a dot."""
    if value is None:
        return "."
    if isinstance(value, float):
        if value == 0 or not math.isfinite(value):
            return f"{value:g}"
        return f"{value:.3g}" if 1e-3 <= abs(value) < 1e4 else f"{value:.1e}"
    return str(value)


def write(study: Study, result: Result, settings: Settings, directory: Path) -> tuple[Path, Path]:
    """Write data file and text table, each replaced at once, and return their paths."""
    data, text = directory / f"{study.name}.csv", directory / f"{study.name}.txt"
    header = _header(study, settings)
    buffer = io.StringIO()
    for line in (*header, *(f"column {name}: {unit}" for name, unit in result.columns.items())):
        buffer.write(f"# {line}\n")
    for name in result.absent:
        buffer.write(f"# absent: {name}\n")
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(result.columns)
    writer.writerows([_data(value) for value in row] for row in result.rows)
    replace_text(data, buffer.getvalue())
    missing = [f"absent here: {name}" for name in result.absent]
    replace_text(
        text, "\n".join([study.about.strip(), "", *header[1:], *missing, "", *result.table, ""])
    )
    return data, text


def _data(value: Value) -> str:
    if value is None:
        return ""
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _header(study: Study, settings: Settings) -> list[str]:
    known = environment(devices=False)
    versions = {name: version for name, version in known["packages"].items() if version}
    names = ("numpy", "scipy", "mpmath", "torch", "python-flint", "gmpy2")
    listed = ", ".join(f"{name} {versions[name]}" for name in names if name in versions)
    profile = "quick" if settings.quick else "full"
    return [
        f"study: {study.name}: {study.title}",
        f"seed: {settings.seed}; profile: {profile}; python {known['python']}, {listed}",
    ]
