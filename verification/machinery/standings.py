"""Where each claim stands: its verdict, its checks and what the last run said, as tables for JSON."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from verification.machinery import results
from verification.machinery.coverage import checks_of
from verification.machinery.register import Claim, Register

if TYPE_CHECKING:
    from verification.machinery.checks import Check

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Standing:
    """A claim with its checks and its rows of the last run; a copy has those of its original."""

    claim: Claim
    verdict: str
    checks: Sequence[Check]
    rows: Sequence[results.Row]
    summary: results.Summary | None


def standings_of(register: Register, claims: Iterable[Claim]) -> list[Standing]:
    """Look up checks and last rows of claims; a copy without rows has those of its original."""
    checks, path = collected_checks(), ROOT / results.LAST_RUN
    rows = results.rows_by_claim(results.read(path)["rows"] if path.exists() else [])
    standings = []
    for claim in claims:
        mine = rows.get(claim.full_id) or rows.get(register.original(claim).full_id, [])
        standings.append(
            Standing(
                claim,
                register.effective_verdict(claim),
                checks_of(register, claim, checks),
                mine,
                results.summary(mine) if mine else None,
            )
        )
    return standings


def strength(claim: Claim, rows: Sequence[results.Row]) -> str:
    """Return "proved" if a certificate or exact arithmetic decides an instance, else "measured"."""
    return "proved" if claim.proved or results.is_proved(rows) else "measured"


def collected_checks() -> Sequence[Check]:
    """Return the checks of all modules of claims."""
    # importing the checks needs pytest and takes a moment: not for `env`, not for `--help`
    from verification.machinery.checks import collect_checks

    return collect_checks()


def entry(standing: Standing) -> dict[str, Any]:
    """Return what `claims --json` says of a claim."""
    claim, summary = standing.claim, standing.summary
    return {
        "id": claim.full_id,
        "statement": claim.statement,
        "source": claim.statement.partition("/")[0],
        "verdict": standing.verdict,
        "strength": strength(claim, standing.rows) if standing.checks else None,
        "same_as": claim.same_as or None,
        "checks": [check.node for check in standing.checks],
        "controls": [
            f"{check.node}[{case.id}]"
            for check in standing.checks
            for case in check.cases()
            if case.role == "control"
        ],
        "worst": {name: row["ratio"] for name, row in worst_by_arithmetic(summary).items()},
        "passed": summary.passed if summary else None,
    }


def worst_by_arithmetic(summary: results.Summary | None) -> dict[str, results.Row]:
    """Return the worst row of each arithmetic, over the tolerances it was run with."""
    worst: dict[str, results.Row] = {}
    for column, row in summary.worst.items() if summary else ():
        name = column.partition("@")[0]
        if name not in worst or results.excess(row) > results.excess(worst[name]):
            worst[name] = row
    return worst


def page_entry(register: Register, standing: Standing) -> dict[str, Any]:
    """Return what `claims show` says of a claim: the entry, the texts, the last result."""
    statement = register.statement(standing.claim.statement)
    deciding = register.deciding(standing.claim)
    texts = ("needs", "corrected", "counterexample", "reason")
    return {
        **entry(standing),
        "label": statement.label,
        "title": statement.title,
        "hypotheses": list(statement.hypotheses),
        "equations": list(statement.equations),
        "depends_on": list(statement.depends_on),
        "says": standing.claim.says,
        **{key: getattr(deciding, key) or None for key in texts},
        "note": standing.claim.note or None,
        "proved": [f"python -m geomdl certify {instance}" for instance in standing.claim.proved],
        "last": _last_result(standing) if standing.summary else None,
        "reproduce": f"python -m geomdl verify {standing.claim.full_id}",
    }


def _last_result(standing: Standing) -> dict[str, Any]:
    summary = standing.summary
    assert summary is not None
    return {
        "worst": {
            column: {key: row[key] for key in ("ratio", "threshold", "scene", "seed")}
            for column, row in summary.worst.items()
        },
        "smallest_bite": summary.smallest_bite,
        "smallest_refutation": summary.smallest_refutation,
        "slopes": [asdict(slope) for slope in results.slopes(standing.rows)],
        "failures": summary.failures,
    }
