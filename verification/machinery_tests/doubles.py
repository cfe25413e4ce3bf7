"""Stand-ins for registers, checks and result files."""

from dataclasses import dataclass
from typing import Any

from verification.machinery.results import Document, Row


@dataclass(frozen=True)
class FakeCheck:
    """What coverage asks of a check."""

    claims: tuple[str, ...]
    node: str
    roles: frozenset[str]
    controls: tuple[str, ...] = ("half the cost",)


def fake(name: str, claim: str, *roles: str) -> FakeCheck:
    """Return a check of one claim that has the default control."""
    return FakeCheck((claim,), f"test_{name}.py::test_{name}", frozenset({"control", *roles}))


HOLDS = fake("holds", "alpha/model/a", "printed")


NEEDS = fake("needs", "alpha/theorem-2.1/a", "printed", "refuted")


FAILS = fake("fails", "alpha/theorem-2.1/b", "corrected", "refuted")


UNDECIDABLE = fake("undecidable", "alpha/theorem-2.1/c", "evidence")


SOUND = [HOLDS, NEEDS, FAILS, UNDECIDABLE]


def row(**changes: Any) -> Row:
    """Make a row that passes, with changes."""
    entries: dict[str, Any] = {
        "claims": ["alpha/model/a"],
        "check": "verification/alpha/test_model.py::test_cost",
        "test": "verification/alpha/test_model.py::test_cost[2-8-2-tanh-float64]",
        "role": "printed",
        "label": "",
        "scene": "2-8-2-tanh",
        "column": "float64",
        "ratio": 1.25,
        "threshold": 30.0,
        "bite": None,
        "residual": 1e-15,
        "roundoff": 2.0**-52,
        "kind": "identity",
        "seed": 0,
        "seconds": 0.1,
        "passed": True,
        "message": "",
    }
    assert changes.keys() <= entries.keys()
    return Row(**{**entries, **changes})  # type: ignore[typeddict-item]


def document(*rows: Row, **changes: Any) -> Document:
    """Make a run of these rows."""
    entries: dict[str, Any] = {
        "format": 1,
        "started": "2026-01-01T00:00:00",
        "finished": "2026-01-01T00:01:00",
        "interrupted": False,
        "profile": "default",
        "seed": 0,
        "environment": {"python": "3.11"},
        "rows": list(rows),
    }
    return Document(**{**entries, **changes})  # type: ignore[typeddict-item]
