"""The comparison as a table: a block for each kernel, a line for each size."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from benchmarks.kernels import KERNELS
from benchmarks.problems import SIZES

Record = Mapping[str, Any]

BASE = "geomdl"


def table(records: Sequence[Record]) -> str:
    """Return the table of joined records (:func:`benchmarks.comparison.records.joined`).

    Times in milliseconds; a peer's number is its time over geomdl's, measured pair by pair. Notes
    below a block say why a contender has none.
    """
    circumstances = dict.fromkeys((r["machine"], r["threads"], r["clock"]) for r in records)
    blocks = []
    for machine, threads, clock in circumstances:
        same = {"machine": machine, "threads": threads, "clock": clock}
        rows = [r for r in records if same.items() <= r.items()]
        what = "process CPU time" if clock == "cpu" else "wall time"
        plural = "" if threads == 1 else "s"
        blocks.append(f"{machine}; {threads} thread{plural}; milliseconds of {what}, medians")
        for kernel in KERNELS:
            if chosen := [r for r in rows if r["kernel"] == kernel]:
                blocks.append(_block(kernel, chosen))
    return "\n\n".join(blocks) + "\n"


def _block(kernel: str, records: Sequence[Record]) -> str:
    groups: dict[tuple[str, str, str], list[Record]] = {}
    for name in SIZES:
        for record in records:
            if record["size"] == name:
                groups.setdefault((name, record["dtype"], record["backend"]), []).append(record)
    peers = list(dict.fromkeys(r["contender"] for r in records if _is_rival(r) and r["ratio"]))
    floor = KERNELS[kernel].floor_says
    header = ["size", "N, widths", "dtype", f"floor ({floor})" if floor else "floor", BASE, "/floor"]
    lines = [[*header, *peers, "best peer"]]
    for (name, dtype, backend), group in groups.items():
        device = "" if backend == "numpy" else f" {backend}"
        lines.append([name, group[0]["problem"], dtype + device, *_cells(group, peers)])
    aligned = _aligned(lines, left=3)
    return "\n".join([f"{KERNELS[kernel].says} ({kernel})", *aligned, *_notes(records)])


def _cells(group: Sequence[Record], peers: Sequence[str]) -> list[str]:
    ours = next((r for r in group if r["role"] == "geomdl" and r["contender"] == BASE), None)
    floor, seconds, over = (
        ours[name] if ours else None for name in ("floor_seconds", "seconds", "floor_ratio")
    )
    cells = [_milliseconds(floor), _milliseconds(seconds), _ratio(over)]
    ratios = {r["contender"]: r["ratio"] for r in group if _is_rival(r)}
    cells += [_ratio(ratios.get(peer)) for peer in peers]
    timed = {r["contender"]: r["ratio"] for r in group if r["role"] == "peer" and r["ratio"]}
    best = min(timed, key=lambda name: timed[name], default="")
    return [*cells, f"{best} {_ratio(timed[best])}" if best else ""]


def _notes(records: Sequence[Record]) -> Iterable[str]:
    absent = dict.fromkeys(r["contender"] for r in records if r["status"] == "absent")
    if absent:
        yield f"  not installed: {', '.join(absent)} (benchmarks/peers.txt)"
    for r in records:
        if r["status"] in ("skipped", "failed", "disagrees"):
            yield f"  {r['size']}: {r['contender']} {r['status']}: {r['reason']}"


def _is_rival(record: Record) -> bool:
    return record["role"] == "peer" or (record["role"] == "geomdl" and record["contender"] != BASE)


def _milliseconds(seconds: float | None) -> str:
    return "" if seconds is None else _three_digits(1e3 * seconds)


def _ratio(value: float | None) -> str:
    return "" if value is None else _three_digits(value)


def _three_digits(value: float) -> str:
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def _aligned(rows: Sequence[Sequence[str]], left: int) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            cell.ljust(width) if n < left else cell.rjust(width)
            for n, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
