"""A run in short: worst, weakest, slopes; what is kept; which run counts."""

from __future__ import annotations

import json
from math import inf
from pathlib import Path
from typing import Any, cast

import pytest

from verification.machinery import results
from verification.report import measured


def row(**changes: Any) -> results.Row:
    plain: Any = {
        **{"claims": ["alpha/model/a"], "check": "a/test_a.py::test_it", "kind": "identity"},
        **{"test": "a/test_a.py::test_it[x]", "role": "printed", "label": "", "scene": "s"},
        **{"column": "float64", "ratio": 3.0, "threshold": 30.0, "bite": None, "residual": 1e-16},
        **{"roundoff": 1.1e-16, "seed": 1, "seconds": 0.1, "passed": True, "message": ""},
    }
    return cast(results.Row, {**plain, **changes})


def document(*rows: results.Row, finished: str = "2026-01-02T00:00:00+00:00") -> results.Document:
    found: Any = {
        **{"format": 1, "started": finished, "finished": finished, "interrupted": False},
        **{"profile": "default", "seed": 7, "environment": {"python": "3.11", "packages": {}}},
        "rows": list(rows),
    }
    return cast(results.Document, found)


ROWS = (
    row(),
    row(ratio=6.0, seed=2, scene="t"),
    row(column="float64@1e-10", ratio=1.0),
    row(column="float64@1e-6", ratio=1.0),
    row(role="control", label="sign", ratio=3e9, bite=1000.0),
    row(role="control", label="sign", ratio=6e7, seed=5, bite=1000.0),
    row(role="refuted", label="rank lost", scene="u", ratio=inf, threshold=1.0, message="why\nrank 2"),
)


def test_worst_and_weakest_stand_for_the_others() -> None:
    found = measured.measured(ROWS)
    assert found.worst["float64"] == measured.Case("", "t", "float64", 2, 6.0, 30.0)
    assert found.largest == 0.2
    assert [(case.label, case.seed) for case in found.controls] == [("sign", 5)]
    assert found.bite == 2e6
    assert [(case.scene, case.ratio, case.message) for case in found.refutations] == [
        ("u", inf, "rank 2")
    ]
    assert (found.scenes, found.seeds, found.rows) == (2, 2, 7)


def test_tolerances_stand_from_the_coarsest_to_the_finest() -> None:
    assert list(measured.measured(ROWS).worst) == ["float64@1e-6", "float64@1e-10", "float64"]


def test_what_is_written_is_what_is_read(tmp_path: Path) -> None:
    run = measured.condensed(document(*ROWS, row(claims=["alpha/model/b"], passed=False)))
    path = tmp_path / "data" / "kept.json"
    measured.write(path, run)
    assert measured.read(path) == run
    assert run.claims["alpha/model/b"].failures
    json.loads(path.read_text(), parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))


def test_the_last_run_counts_over_the_kept_one_claim_by_claim(tmp_path: Path) -> None:
    assert measured.available(tmp_path) is None
    kept = measured.condensed(document(row(), row(claims=["beta/x/a"], ratio=9.0)))
    measured.write(tmp_path / measured.KEPT, kept)
    results.write(
        tmp_path / results.LAST_RUN, document(row(ratio=1.5), finished="2026-03-01T00:00:00+00:00")
    )
    found = measured.available(tmp_path)
    assert found is not None
    assert found.finished.startswith("2026-03-01")
    assert found.claims["alpha/model/a"].worst["float64"].ratio == 1.5
    assert found.claims["beta/x/a"].worst["float64"].ratio == 9.0


@pytest.mark.parametrize("text", ["", "{", '{"format": 0}', '{"format": 1}', "[]"])
def test_a_file_that_is_none_is_refused_by_name(tmp_path: Path, text: str) -> None:
    path = tmp_path / "kept.json"
    path.write_text(text)
    with pytest.raises(results.ResultsError, match=r"kept\.json"):
        measured.read(path)


def test_the_kept_run_has_numbers_of_every_claim_and_stays_small(material: Any) -> None:
    path = material.root / measured.KEPT
    claims = measured.read(path).claims
    missing = [e.id for e in material.entries if e.id not in claims and e.deciding.full_id not in claims]
    assert missing == [], "run `python -m geomdl verify` and `python -m geomdl report --keep`"
    assert path.stat().st_size < 1_000_000
