"""Claims as lines of text: the table of `claims`, the counts, and the page of `claims show`."""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from verification.machinery import results
from verification.machinery.register import VERDICTS, Claim, Register, verdict_counts
from verification.machinery.standings import Standing, entry, worst_by_arithmetic

_LAST_RUN = {True: "passed", False: "FAILED", None: "not run"}


def claims_table(listed: Sequence[Standing]) -> list[str]:
    """Return a line a claim; what it says is shortened to the width of the terminal."""
    worst = [worst_by_arithmetic(standing.summary) for standing in listed]
    measured = {name for rows in worst for name in rows}
    columns = [name for name in results.LADDER if name in measured]
    columns += sorted(measured.difference(columns))
    header = ["claim", "verdict", "checks", "controls", *columns, "last run"]
    rows = []
    for standing, found in zip(listed, worst, strict=True):
        said = entry(standing)
        ratios = [_number(results.excess(found[name])) if name in found else "" for name in columns]
        counts = [str(len(said["checks"])), str(len(said["controls"]))]
        verdict = said["verdict"] + (" (copy)" if said["same_as"] else "")
        verdict += ", proved" if said["strength"] == "proved" else ""
        rows.append([said["id"], verdict, *counts, *ratios, _LAST_RUN[said["passed"]]])
    lines = aligned([header, *rows], left=(0, 1, len(header) - 1))
    room = _width() - len(lines[0]) - 2
    if room < 20:
        return [line.rstrip() for line in lines]
    says = ["says", *(textwrap.shorten(s.claim.says, room, placeholder=" ...") for s in listed)]
    return [f"{line}  {text}" for line, text in zip(lines, says, strict=True)]


def counts_table(register: Register, claims: Sequence[Claim]) -> list[str]:
    """Return how many claims of each source have each verdict."""
    groups = {
        source.key: [claim for claim in claims if claim.statement.startswith(f"{source.key}/")]
        for source in register.sources
    }
    rows = [["source", *VERDICTS, "all"]]
    for name, group in {**groups, "all": claims}.items():
        counts = verdict_counts(register, group)
        rows.append([name, *(str(counts[verdict]) for verdict in VERDICTS), str(len(group))])
    return aligned(rows, left=(0,))


def page_lines(page: Mapping[str, Any]) -> list[str]:
    """Return everything about a claim, the entry of `standings.page_entry`, as lines."""
    lines = [f"{page['id']}   {page['label']}: {page['title']}"]
    lines += _entries("hypotheses", page["hypotheses"])
    lines += _entries("equations", page["equations"])
    lines += _entries("claim", [page["says"]])
    lines += _entries("verdict", [page["verdict"]])
    for key in ("needs", "corrected", "counterexample", "reason", "note", "same_as"):
        lines += _entries(key.replace("_", " "), [page[key]] if page[key] else [])
    lines += _entries("proved", page["proved"])
    lines += _entries("checks", page["checks"] or ["none"])
    lines += _entries("controls", page["controls"] or ["none"])
    lines += _entries("last run", _last_lines(page["last"]))
    return lines + _entries("reproduce", [page["reproduce"]])


def _last_lines(last: Mapping[str, Any] | None) -> list[str]:
    if last is None:
        return ["not run"]
    lines = [
        f"{column}: ratio {_number(worst['ratio'])} against {_number(worst['threshold'])}"
        f" in {worst['scene']}"
        for column, worst in last["worst"].items()
    ]
    for key, text in (
        ("smallest_bite", "the weakest control exceeds its threshold"),
        ("smallest_refutation", "the weakest refutation exceeds its threshold"),
    ):
        if last[key] is not None:
            lines.append(f"{text} {_number(last[key])} times")
    found = sorted(slope["slope"] for slope in last["slopes"])
    if found:
        lines.append(f"slope of residual against roundoff {found[0]:.3f} to {found[-1]:.3f}")
    return lines + [f"failed: {name}" for name in last["failures"]]


def _entries(name: str, texts: Iterable[str]) -> list[str]:
    """Format a named paragraph of `claims show`; every text begins a line of its own."""
    lines = []
    for text in texts:
        wrapped = textwrap.wrap(
            text, max(40, _width() - 18), break_long_words=False, break_on_hyphens=False
        )
        lines += wrapped
    heads = [name, *[""] * len(lines)]
    return [f"  {head:16}{line}" for head, line in zip(heads, lines, strict=False)]


def aligned(rows: Sequence[Sequence[str]], left: Collection[int]) -> list[str]:
    """Rows of cells as lines of equal length; the columns named in `left` are flush left."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            cell.ljust(width) if n in left else cell.rjust(width)
            for n, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    ]


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.3g}"


def _width() -> int:
    return shutil.get_terminal_size((160, 24)).columns
