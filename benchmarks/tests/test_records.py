"""The file of the comparison: its fields, how runs are merged, what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks.comparison import records
from benchmarks.comparison.table import table

ROOT = Path(__file__).resolve().parents[2]


def run(date: str = "2026-01-01T00:00:00Z", **changes: Any) -> dict[str, Any]:
    return {**records.describe_run(threads=1, clock="cpu"), "date": date, "machine": "m", **changes}


def one(contender: str, role: str = "peer", **values: Any) -> dict[str, Any]:
    default = {
        "kernel": "gram", "size": "small", "dtype": "float64", "backend": "numpy", "status": "timed",
        "problem": "32, 16-32-32-4", "seconds": 2e-3, "ratio": 2.0,
    }  # fmt: skip
    return records.record(contender=contender, role=role, **{**default, **values})


def test_a_record_has_every_field_and_no_other() -> None:
    assert tuple(one("jax")) == records.FIELDS
    assert one("jax")["error"] is None
    with pytest.raises(ValueError, match=r"got the fields \['speed'\]"):
        one("jax", speed=3)
    with pytest.raises(ValueError, match="status 'slow'"):
        one("jax", status="slow")


def test_a_run_describes_machine_versions_and_threads() -> None:
    described = records.describe_run(threads=2, clock="wall")
    assert described["threads"] == 2
    assert "numpy" in described["versions"]
    assert "cores" in described["machine"]
    assert described["device"] is None
    assert described["loops"] in ("compiled", "NumPy")
    assert "/" not in described["machine"]


def test_new_records_replace_those_of_the_same_circumstances() -> None:
    first = records.merged(None, run(), [one("jax", seconds=1.0), one("torch.func", seconds=2.0)])
    later = run("2026-01-02T00:00:00Z")
    document = records.merged(first, later, [one("jax", seconds=3.0)])
    seconds = {r["contender"]: (r["seconds"], r["date"]) for r in records.joined(document)}
    assert seconds == {"torch.func": (2.0, run()["date"]), "jax": (3.0, later["date"])}
    assert set(document["runs"]) == {run()["date"], later["date"]}
    assert len(records.merged(document, later, [one("torch.func")])["runs"]) == 1


@pytest.mark.parametrize("changes", [{"threads": 2}, {"machine": "another"}])
def test_other_circumstances_stand_beside_each_other(changes: dict[str, Any]) -> None:
    first = records.merged(None, run(), [one("jax")])
    document = records.merged(first, run("2026-01-02T00:00:00Z", **changes), [one("jax")])
    assert len(document["records"]) == 2
    assert table(records.joined(document)).count("(gram)") == 2


def test_a_document_survives_the_file(tmp_path: Path) -> None:
    document = records.merged(None, run(), [one("jax"), one("geomdl", "geomdl")])
    path = tmp_path / "peers.json"
    records.write(path, records.as_json(document))
    assert records.read(path) == document
    assert [file.name for file in tmp_path.iterdir()] == ["peers.json"]


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"format": 99, "runs": {}, "records": []}'])
def test_a_foreign_file_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "other.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(records.RecordsError, match=r"other\.json: .*remove this one"):
        records.read(path)


def test_the_table_names_the_best_peer_and_the_reasons() -> None:
    rows = [
        one("geomdl", "geomdl", ratio=1.0, floor_seconds=1e-3, floor_ratio=2.0),
        one("geomdl torch:cpu", "geomdl", ratio=1.1),
        one("jax", ratio=12.345),
        one("torch.func", ratio=20.0),
        one("torchjd", status="disagrees", reason="off by 1e5", ratio=None, seconds=None),
        one("neural-tangents", status="absent", reason="not installed", ratio=None, seconds=None),
    ]
    text = table(records.joined(records.merged(None, run(), rows)))
    line = next(line for line in text.splitlines() if line.startswith("small"))
    assert line.split()[-9:] == ["float64", "1", "2", "2", "1.1", "12.3", "20", "jax", "12.3"]
    assert "not installed: neural-tangents" in text
    assert "small: torchjd disagrees: off by 1e5" in text


@pytest.mark.parametrize("path", sorted((ROOT / "reports" / "speed").glob("*.json")), ids=str)
def test_committed_records_can_be_read_and_shown(path: Path) -> None:
    document = records.read(path)
    assert all(tuple(record) == records.FIELDS for record in document["records"])
    assert json.dumps(document, allow_nan=False)
    if not path.name.startswith("quick"):
        assert path.with_suffix(".txt").read_text() == table(records.joined(document))
