"""The file that a comparison leaves behind; benchmarks/README.md describes its fields.

One record says how long one contender took for one kernel, size, dtype and backend, or why it did not
run. What all records of a run share (machine, versions, threads, date) stands once, under ``runs``.
"""

from __future__ import annotations

import json
import os
import platform
import tempfile
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from geomdl import native

FORMAT = 1
STATUSES = ("timed", "disagrees", "failed", "skipped", "absent")
ROLES = ("floor", "geomdl", "peer")
FIELDS = (
    "kernel", "size", "dtype", "backend", "contender", "role", "status", "reason", "version",
    "seconds", "low", "high", "cpu_seconds", "wall_seconds", "rounds",
    "ratio", "ratio_low", "ratio_high", "floor", "floor_seconds", "floor_ratio", "error",
    "problem", "rows", "columns", "run",
)  # fmt: skip
KEY = ("kernel", "size", "dtype", "backend", "contender", "threads", "machine")

_PACKAGES = ("geomdl-verify", "numpy", "scipy", "torch", "jax", "jaxlib")


class RecordsError(Exception):
    """A file is none of ours; the message says what was found and what to do."""


def record(**values: Any) -> dict[str, Any]:
    """Return a record with every field, null where no value is given.

    Raises
    ------
    ValueError
        For an unknown field, status or role.
    """
    if unknown := sorted(set(values).difference(FIELDS)):
        raise ValueError(f"got the fields {unknown}; expected some of {', '.join(FIELDS)}")
    if values.get("status") not in STATUSES or values.get("role") not in ROLES:
        raise ValueError(
            f"got status {values.get('status')!r} and role {values.get('role')!r}; expected one of "
            f"{', '.join(STATUSES)} and one of {', '.join(ROLES)}"
        )
    return {name: values.get(name) for name in FIELDS}


def describe_run(threads: int, clock: str, backend: str = "numpy") -> dict[str, Any]:
    """Return machine, versions, threads, clock and date: what the records of one run share."""
    # Runs of a time before the compiled loops have no such field.
    loops = "NumPy" if native.compiled is None else "compiled"
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "machine": f"{_processor()}, {os.cpu_count()} cores",
        "threads": threads,
        "clock": clock,
        "device": _device(backend),
        "loops": loops,
        "python": platform.python_version(),
        "versions": {name: version for name in _PACKAGES if (version := _version(name))},
    }


def _device(backend: str) -> str | None:
    """Return the name of the CUDA device that a run used, None on the CPU."""
    if backend != "torch:cuda":
        return None
    import torch

    return torch.cuda.get_device_name() if torch.cuda.is_available() else None


def read(path: Path) -> dict[str, Any]:
    """Read a file of records.

    Raises
    ------
    RecordsError
        When the file is none of ours.
    """
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise RecordsError(f"{path}: {error}; name another file, or remove this one") from error
    known = isinstance(document, dict) and document.get("format") == FORMAT
    if not known or not {"runs", "records"} <= set(document):
        raise RecordsError(
            f"{path}: expected an object with format {FORMAT}, runs and records; name another file, or "
            "remove this one"
        )
    return document


def joined(document: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return all records, each with the fields of its run."""
    return [{**record, **document["runs"][record["run"]]} for record in document["records"]]


def merged(
    old: Mapping[str, Any] | None, run: Mapping[str, Any], records: Iterable[Mapping[str, Any]]
) -> dict[str, Any]:
    """Return a document in which new records replace those of the same contender and circumstances.

    The circumstances are kernel, size, dtype, backend, threads and machine.
    """
    name = str(run["date"])
    document: dict[str, Any] = {"format": FORMAT, "runs": {}, "records": []}
    fresh = [{**record, "run": name} for record in records]
    runs = {**(old["runs"] if old else {}), name: dict(run)}

    def key(record: Mapping[str, Any]) -> tuple[Any, ...]:
        full = {**record, **runs[record["run"]]}
        return tuple(full[field] for field in KEY)

    replaced = {key(record) for record in fresh}
    kept = [record for record in (old["records"] if old else []) if key(record) not in replaced]
    document["records"] = kept + fresh
    used = {record["run"] for record in document["records"]}
    document["runs"] = {name: value for name, value in runs.items() if name in used}
    return document


def write(path: Path, text: str) -> None:
    """Replace a file as a whole: a run that is interrupted leaves the old one."""
    with tempfile.NamedTemporaryFile(
        "w", encoding="utf-8", dir=path.parent, prefix=f".{path.name}.", delete=False
    ) as file:
        file.write(text)
    os.chmod(file.name, 0o644)
    os.replace(file.name, path)


def as_json(document: Mapping[str, Any]) -> str:
    """Return the text of a document, a record a line, so that changes can be read."""
    lines = ",\n  ".join(json.dumps(record, allow_nan=False) for record in document["records"])
    runs = json.dumps(document["runs"], indent=1, allow_nan=False).replace("\n", "\n ")
    return f'{{\n "format": {FORMAT},\n "runs": {runs},\n "records": [\n  {lines}\n ]\n}}\n'


def _processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            for line in file:
                if line.startswith("model name"):
                    return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def _version(distribution: str) -> str | None:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None
