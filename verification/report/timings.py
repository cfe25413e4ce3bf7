"""The files of `python -m geomdl bench`, read: who took how long for which kernel, and who did not run.

Their fields are described in benchmarks/README.md. Records of the same kernel, size, dtype, backend and
circumstances make a race: all of them are relative to this project's call, pair by pair, and that call
is relative to the floor; the product places every contender against the floor.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from statistics import median
from typing import Any

from verification.report.gather import ReportError

FORMAT = 1
OURS, QUICK = "geomdl", "quick.json"
_KEY = ("kernel", "size", "dtype", "backend", "contender", "threads", "machine")


@dataclass(frozen=True)
class Circumstances:
    """Where and how: only what shares all of these is drawn together."""

    machine: str
    threads: int
    clock: str

    def __str__(self) -> str:
        clock = {"cpu": "process CPU time", "wall": "wall time"}.get(self.clock, self.clock)
        return f"{self.machine}; {self.threads} thread{'' if self.threads == 1 else 's'}; {clock}"


@dataclass(frozen=True)
class Timing:
    """A contender in a race: its times in seconds, or why it has none.

    Attributes
    ----------
    name, role, version : str
    status, reason : str
        "timed", or "disagrees", "failed", "skipped", "absent" and a reason in words.
    seconds, wall : float or None
        Medians on the clock of the run, and on the wall.
    over_ours : (float, float, float) or None
        Lower quartile, median and upper quartile of its time over this project's, pair by pair.
    error : float or None
        Of its result, over what rounding allows.
    date : str
        Start of the run.
    """

    name: str
    role: str
    version: str
    status: str
    reason: str
    seconds: float | None
    wall: float | None
    over_ours: tuple[float, float, float] | None
    error: float | None
    date: str

    @property
    def said(self) -> str:
        """Why it has no time, in two or three words."""
        if self.status == "disagrees":
            return "wrong result"
        if self.status == "absent":
            return "not installed"
        if self.status == "skipped" and ("memory" in self.reason or " GB" in self.reason):
            return "did not fit"
        if self.status == "skipped" and self.reason.startswith("more than"):
            return "took too long"
        return {"failed": "failed", "skipped": "left out"}.get(self.status, self.status)


@dataclass(frozen=True)
class Race:
    """One kernel at one size, dtype and backend in the same circumstances, and all who took part.

    Attributes
    ----------
    kernel, size, dtype, backend, problem : str
        The problem is N and the widths in words.
    rows, columns : int
        QN and K.
    where : Circumstances
    floor : str
        The name of the floor, "" where there is none.
    floor_seconds, floor_ratio : float or None
        Its time, and this project's over it.
    timings : sequence of Timing
        Without the floor.
    """

    kernel: str
    size: str
    dtype: str
    backend: str
    problem: str
    rows: int
    columns: int
    where: Circumstances
    floor: str
    floor_seconds: float | None
    floor_ratio: float | None
    timings: Sequence[Timing]

    @property
    def name(self) -> str:
        """Size and what else tells it from the others of its kernel."""
        return f"{self.size}, {self.dtype}{'' if self.backend == 'numpy' else f', {self.backend}'}"

    @property
    def unit(self) -> str:
        """What the bars are relative to: the floor, or this project where there is no floor."""
        return self.floor if self.floor_ratio else OURS

    @cached_property
    def ours(self) -> Timing | None:
        """The call of this project itself, in the arithmetic of the race."""
        return next((t for t in self.timings if t.name == OURS), None)

    @property
    def best_peer(self) -> Timing | None:
        """The fastest of the other libraries that were timed."""
        timed = [t for t in self.timings if t.role == "peer" and t.over_ours]
        return min(timed, key=lambda t: t.over_ours[1] if t.over_ours else 0.0, default=None)

    def over_unit(self, timing: Timing) -> tuple[float, float, float] | None:
        """Return quartiles and median of a time over the unit, lower quartile first."""
        scale = self.floor_ratio or 1.0
        low, middle, high = timing.over_ours or (None, None, None)
        return None if low is None or middle is None or high is None else (
            low * scale, middle * scale, high * scale
        )  # fmt: skip


@dataclass(frozen=True)
class Timings:
    """All races, by kernel in the order of the files and by size, and the runs they come from."""

    races: Sequence[Race]
    runs: Sequence[Mapping[str, Any]]

    def of(self, **wanted: Any) -> list[Race]:
        """Return the races with these attributes."""
        return [r for r in self.races if all(getattr(r, key) == v for key, v in wanted.items())]

    def different(self, name: str, races: Iterable[Race] | None = None) -> list[Any]:
        """Return the different values of an attribute of races, in their order."""
        chosen = self.races if races is None else races
        return list(dict.fromkeys(getattr(race, name) for race in chosen))


def read(folder: Path) -> Timings | None:
    """Read all files of a folder; None where there are none.

    Of records of the same contender and circumstances the newest stays; what a quick run left yields to
    all others.

    Raises
    ------
    ReportError
        When a file is none of `python -m geomdl bench`.
    """
    known: dict[tuple[Any, ...], dict[str, Any]] = {}
    documents = [_document(path) for path in sorted(folder.glob("*.json"))]
    records = [record for document in documents for record in document]
    for record in sorted(records, key=lambda r: (r["file"] != QUICK, r["date"])):
        known[tuple(record[field] for field in _KEY)] = record
    groups: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
    for record in known.values():
        circumstances = Circumstances(record["machine"], record["threads"], record["clock"])
        key = (circumstances, *(record[field] for field in _KEY[:4]))
        groups.setdefault(key, []).append(record)
    races = [_race(key[0], group) for key, group in groups.items()]
    order = list(dict.fromkeys(record["kernel"] for record in records))
    races.sort(key=lambda r: (order.index(r.kernel), r.rows * r.columns, r.size, r.dtype, r.backend))
    runs = {
        (record["file"], record["date"]): {
            name: record[name]
            for name in ("file", "date", "machine", "threads", "clock", "python", "versions")
        }
        for record in known.values()
    }
    return Timings(races, [runs[key] for key in sorted(runs)]) if races else None


def by_pace(races: Sequence[Race]) -> list[str]:
    """Return the contenders of races: this project first, then by their median ratio to it."""
    ratios: dict[str, list[float]] = {}
    ours: dict[str, None] = {}
    for race in races:
        for timing in race.timings:
            if timing.status != "absent":
                known = ratios.setdefault(timing.name, [])
                known += [timing.over_ours[1]] if timing.over_ours else []
                if timing.role == OURS:
                    ours[timing.name] = None
    paces = {name: median(known) if known else float("inf") for name, known in ratios.items()}
    return sorted(ratios, key=lambda name: (name != OURS, name not in ours, paces[name]))


def _document(path: Path) -> list[dict[str, Any]]:
    """Return the records of a file, each with the fields of its run and the name of the file."""
    advice = "run `python -m geomdl bench` again or remove the file"
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ReportError(f"{path.name}: {error}; {advice}") from error
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise ReportError(
            f"{path.name}: expected an object with format {FORMAT}, as benchmarks/README.md describes"
            f" it; {advice}"
        )
    try:
        found = [
            {**record, **document["runs"][record["run"]], "file": path.name}
            for record in document["records"]
        ]
        for record in found:
            for name in (*_KEY, "role", "status", "date", "clock", "python", "versions"):
                _ = record[name]
    except (KeyError, TypeError) as error:
        raise ReportError(f"{path.name}: a record or its run lacks {error}; {advice}") from error
    return found


def _race(where: Circumstances, records: Sequence[Mapping[str, Any]]) -> Race:
    first = records[0]
    ours = next((r for r in records if r["contender"] == OURS), first)
    return Race(
        kernel=first["kernel"],
        size=first["size"],
        dtype=first["dtype"],
        backend=first["backend"],
        problem=first.get("problem") or "",
        rows=first.get("rows") or 0,
        columns=first.get("columns") or 0,
        where=where,
        floor=next((r["floor"] for r in records if r.get("floor")), ""),
        floor_seconds=ours.get("floor_seconds"),
        floor_ratio=ours.get("floor_ratio"),
        timings=[_timing(record) for record in records if record["role"] != "floor"],
    )


def _timing(record: Mapping[str, Any]) -> Timing:
    ratio = record.get("ratio") if record["status"] == "timed" else None
    quartiles = (record.get("ratio_low") or ratio, ratio, record.get("ratio_high") or ratio)
    return Timing(
        name=record["contender"],
        role=record["role"],
        version=record.get("version") or "",
        status=record["status"],
        reason=record.get("reason") or "",
        seconds=record.get("seconds"),
        wall=record.get("wall_seconds"),
        over_ours=quartiles if ratio else None,  # type: ignore[arg-type]
        error=record.get("error"),
        date=record["date"],
    )
