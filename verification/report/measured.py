"""What a run says of each claim, condensed: small enough to be committed, all that the report shows.

The rows of a full run take tens of megabytes in `.geomdl/last-run.json`, which is not committed; their
condensed form stands in `reports/data/verification.json`, one line a claim, so that the report can be
built from a clean clone. Numbers are kept to three digits.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from math import inf
from pathlib import Path
from typing import Any

from verification.machinery import results
from verification.machinery.files import replace_text

KEPT = Path("reports") / "data" / "verification.json"
FORMAT = 1
COLUMNS = (*results.LADDER, "rational")


@dataclass(frozen=True)
class Case:
    """One row that stands for others: the worst of a column, the weakest of a control or refutation.

    `check` is the position of its check among those of the claim.
    """

    label: str
    scene: str
    column: str
    seed: int
    ratio: float
    threshold: float
    message: str = ""
    check: int = 0

    @property
    def excess(self) -> float:
        """The ratio over its threshold."""
        return self.ratio / self.threshold


@dataclass(frozen=True)
class Measured:
    """What a run says of a claim.

    Attributes
    ----------
    worst : mapping
        The row of the largest ratio over threshold among the asserted forms, by column.
    ladder : (float, float) or None
        Smallest and largest slope of log residual against log roundoff.
    controls, refutations : sequences of Case
        The weakest row of every control; of the printed form in every scene that breaks it.
    scenes, seeds, rows : int
        How many there were among the asserted forms, and rows in all.
    checks : sequence of str
        The checks that ran, as file::function.
    failures : sequence of str
        What behaved otherwise than recorded.
    """

    worst: Mapping[str, Case]
    ladder: tuple[float, float] | None
    controls: Sequence[Case]
    refutations: Sequence[Case]
    scenes: int
    seeds: int
    rows: int
    checks: Sequence[str]
    failures: Sequence[str]

    @property
    def largest(self) -> float:
        """The largest ratio over threshold of all asserted forms."""
        return max((case.excess for case in self.worst.values()), default=0.0)

    @property
    def bite(self) -> float | None:
        """By how much the weakest control exceeds its threshold."""
        return min((case.excess for case in self.controls), default=None)


@dataclass(frozen=True)
class Run:
    """The circumstances of a run and what it says of each claim that it has rows for."""

    finished: str
    profile: str
    seed: int
    environment: Mapping[str, Any]
    claims: Mapping[str, Measured]


def condensed(document: results.Document) -> Run:
    """Condense the document of a run."""
    return Run(
        document["finished"],
        document["profile"],
        document["seed"],
        document["environment"],
        {id: measured(rows) for id, rows in sorted(results.rows_by_claim(document["rows"]).items())},
    )


def measured(rows: Sequence[results.Row]) -> Measured:
    """Sum up the rows of one claim."""
    total = results.summary(rows)
    slopes = [slope.slope for slope in results.slopes(rows)]
    asserted = [row for row in rows if row["role"] in results.ASSERTED]
    checks = total.checks
    return Measured(
        worst={name: _case(total.worst[name], checks) for name in sorted(total.worst, key=_order)},
        ladder=(_short(min(slopes)), _short(max(slopes))) if slopes else None,
        controls=_weakest([row for row in rows if row["role"] == "control"], checks, ("check", "label")),
        refutations=_weakest(
            [row for row in rows if row["role"] == "refuted"], checks, ("check", "label", "scene")
        ),
        scenes=len({row["scene"] for row in asserted}),
        seeds=len({row["seed"] for row in asserted}),
        rows=len(rows),
        checks=checks,
        failures=total.failures,
    )


def _order(column: str) -> tuple[int, float]:
    """Order columns by arithmetic, then from the coarsest tolerance to the finest."""
    name, _, rtol = column.partition("@")
    return COLUMNS.index(name) if name in COLUMNS else len(COLUMNS), -float(rtol or 0)


def _weakest(rows: Sequence[results.Row], checks: Sequence[str], keys: Sequence[str]) -> list[Case]:
    found: dict[tuple[object, ...], results.Row] = {}
    for row in rows:
        key = tuple(row[name] for name in keys)  # type: ignore[literal-required]
        if key not in found or results.excess(row) < results.excess(found[key]):
            found[key] = row
    return [_case(row, checks) for row in found.values()]


def _case(row: results.Row, checks: Sequence[str]) -> Case:
    said = row["message"].strip().splitlines() if row["role"] == "refuted" else []
    return Case(
        row["label"],
        row["scene"],
        row["column"],
        row["seed"],
        _short(row["ratio"]),
        row["threshold"],
        said[-1] if said else "",
        checks.index(row["check"]),
    )


def _short(number: float) -> float:
    return float(f"{number:.3g}")


# ---- the file ---------------------------------------------------------------------------------


def write(path: Path, run: Run) -> None:
    """Write a condensed run, one line a claim; the file is replaced at once."""
    head = {
        "format": FORMAT,
        **{key: getattr(run, key) for key in ("finished", "profile", "seed", "environment")},
    }
    lines = [json.dumps(head, allow_nan=False)[:-1] + ', "claims": {']
    body = [f"{json.dumps(id)}: {_packed(each)}" for id, each in run.claims.items()]
    text = "\n".join([*lines, ",\n".join(body), "}}", ""])
    replace_text(path, text)


def _packed(each: Measured) -> str:
    """Return the JSON of one claim without the empty entries."""
    raw = results.with_inf_as_text(asdict(each))
    for key in ("controls", "refutations", "failures"):
        if not raw[key]:
            del raw[key]
    raw["worst"] = {column: _without_empty(case) for column, case in raw["worst"].items()}
    for key in {"controls", "refutations"} & raw.keys():
        raw[key] = [_without_empty(case) for case in raw[key]]
    return json.dumps(raw, allow_nan=False, ensure_ascii=False, separators=(",", ":"))


def _without_empty(table: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in table.items() if value not in ("", 0) or key == "ratio"}


def read(path: Path) -> Run:
    """Read a condensed run.

    Raises
    ------
    ResultsError
        When the file cannot be read or is not what `write` writes.
    """
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
        if raw["format"] != FORMAT:
            raise ValueError(f"format is {raw['format']}, expected {FORMAT}")
        claims = {id: _unpacked(each) for id, each in raw["claims"].items()}
        return Run(raw["finished"], raw["profile"], raw["seed"], raw["environment"], claims)
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise results.ResultsError(f"{path}: no condensed results can be read: {error!r}") from error


def _unpacked(raw: Mapping[str, Any]) -> Measured:
    def case(table: Mapping[str, Any]) -> Case:
        ratio = inf if table["ratio"] == "inf" else float(table["ratio"])
        return Case(**{"label": "", "seed": 0, **table, "ratio": ratio})

    return Measured(
        **{
            **raw,
            "worst": {column: case(table) for column, table in raw["worst"].items()},
            "ladder": tuple(raw["ladder"]) if raw["ladder"] else None,
            "controls": [case(table) for table in raw.get("controls", ())],
            "refutations": [case(table) for table in raw.get("refutations", ())],
            "failures": raw.get("failures", []),
        }
    )


def available(root: Path) -> Run | None:
    """Return the last run of a tree over the kept one, claim by claim; None where there is neither."""
    kept, last = root / KEPT, root / results.LAST_RUN
    runs = [read(kept)] if kept.exists() else []
    if last.exists():
        runs.append(condensed(results.read(last)))
    if not runs:
        return None
    newest = runs[-1]
    claims = {id: each for run in runs for id, each in run.claims.items()}
    return Run(newest.finished, newest.profile, newest.seed, newest.environment, claims)
