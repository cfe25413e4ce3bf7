"""The data files of studies: CSV below a head of comments, and a text table with an introduction."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Study:
    """What a study left behind.

    Attributes
    ----------
    name, title : str
    about : sequence of str
        The paragraphs of the introduction after the title.
    rows : sequence of dict
        The data, every value as text.
    data, table : str
        The two files as they are.
    """

    name: str
    title: str
    about: Sequence[str]
    rows: Sequence[dict[str, str]]
    data: str
    table: str

    def where(self, **wanted: str) -> Iterator[dict[str, str]]:
        """Go through the rows in which these columns have these values."""
        return (row for row in self.rows if all(row[key] == value for key, value in wanted.items()))

    def values(self, column: str) -> list[str]:
        """Return the different values of a column, in their order."""
        return list(dict.fromkeys(row[column] for row in self.rows))


def read(folder: Path, name: str) -> Study | None:
    """Read the files of a study; None where they are not there."""
    data, table = folder / f"{name}.csv", folder / f"{name}.txt"
    if not (data.exists() and table.exists()):
        return None
    text, said = data.read_text(encoding="utf-8"), table.read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    head, _, _ = said.partition("\nseed: ")
    title, *about = (" ".join(part.split()) for part in head.split("\n\n") if part.strip())
    return Study(name, title.rstrip("."), about, list(csv.DictReader(lines)), text, said)


def number(text: str) -> float:
    """Return a number of a data file, NaN where there is none."""
    return float(text) if text else math.nan
