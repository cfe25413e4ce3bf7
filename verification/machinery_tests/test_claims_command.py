"""`claims`: what it lists, shows and checks, on a small register and on the real one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from verification import cli
from verification.machinery import results, standings
from verification.machinery_tests import small_register
from verification.machinery_tests.commands import run
from verification.machinery_tests.doubles import SOUND, document, row


def test_claims_json_has_an_entry_for_every_claim(
    house: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    results.update_last_run(
        house,
        document(
            row(ratio=2.0, column="float64@1e-6"),
            row(ratio=1.0, column="float64@1e-10"),
            row(claims=["alpha/theorem-2.1/a"], ratio=float("inf"), passed=False),
        ),
    )
    assert cli.main(["claims", "--json"]) == 0
    entries = {entry["id"]: entry for entry in json.loads(capsys.readouterr().out)}
    assert len(entries) == 6
    assert entries["alpha/model/a"] == {
        "id": "alpha/model/a",
        "statement": "alpha/model",
        "source": "alpha",
        "verdict": "holds",
        "strength": "measured",
        "same_as": None,
        "checks": ["test_holds.py::test_holds"],
        "controls": ["test_holds.py::test_holds[control: half the cost-scene-float64]"],
        "worst": {"float64": 2.0},
        "passed": True,
    }
    assert entries["alpha/theorem-2.1/a"]["worst"] == {"float64": "inf"}
    assert entries["alpha/theorem-2.1/a"]["passed"] is False
    assert entries["alpha/theorem-2.1/b"]["passed"] is None
    assert entries["alpha/model/b"]["verdict"] == "open"
    assert entries["alpha/model/b"]["checks"] == []
    copy, original = entries["beta/recall/a"], entries["alpha/model/a"]
    assert copy["same_as"] == original["id"]
    assert {key: copy[key] for key in ("verdict", "checks", "controls", "worst", "passed")} == {
        key: original[key] for key in ("verdict", "checks", "controls", "worst", "passed")
    }


@pytest.mark.parametrize(
    ("arguments", "ids"),
    [
        (["--source", "beta"], ["beta/recall/a"]),
        (["list", "--verdict", "holds"], ["alpha/model/a", "beta/recall/a"]),
        (["--source", "alpha", "list", "--verdict", "open"], ["alpha/model/b"]),
    ],
)
def test_claims_are_filtered(
    house: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], ids: list[str]
) -> None:
    assert cli.main(["claims", "--json", *arguments]) == 0
    assert [entry["id"] for entry in json.loads(capsys.readouterr().out)] == ids


@pytest.mark.parametrize("width", [40, 90, 160])
def test_claims_table_fits_the_terminal(
    house: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    width: int,
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    results.update_last_run(house, document(row(), row(column="float32", ratio=2.5, passed=False)))
    assert cli.main(["claims"]) == 0
    lines = capsys.readouterr().out.splitlines()
    header, first = lines[0].split(), lines[1].split()
    assert header[:6] == ["claim", "verdict", "checks", "controls", "float32", "float64"]
    assert first[:7] == ["alpha/model/a", "holds", "1", "1", "0.0833", "0.0417", "FAILED"]
    assert any(line.split()[:2] == ["alpha/model/b", "open"] for line in lines)
    assert "copy" in lines[6]
    assert [line.split() for line in lines[8:12]] == [
        ["source", "open", "holds", "needs", "fails", "undecidable", "all"],
        ["alpha", "1", "1", "1", "1", "1", "5"],
        ["beta", "0", "1", "0", "0", "0", "1"],
        ["all", "1", "2", "1", "1", "1", "6"],
    ]
    if width > 40:
        assert max(map(len, lines)) <= width
    assert ("Nobody has looked." in "\n".join(lines)) == (width == 160)


def test_show_says_everything_about_a_claim(house: Path, capsys: pytest.CaptureFixture[str]) -> None:
    claim = ["alpha/theorem-2.1/b"]
    rungs = (("float32", 2.0**-23), ("float64", 2.0**-52), ("mp50", 1e-50))
    results.update_last_run(
        house,
        document(
            *(row(claims=claim, column=name, residual=u, roundoff=u) for name, u in rungs),
            row(claims=claim, role="control", ratio=3e4, bite=100.0, test="t::c"),
            row(claims=claim, role="refuted", ratio=6e4, bite=100.0, passed=False, test="t::r"),
        ),
    )
    assert cli.main(["claims", "show", "alpha/theorem-2.1/b"]) == 0
    page = capsys.readouterr().out
    for part in (
        "alpha/theorem-2.1/b   Theorem 2.1: The theorem",
        "claim           Twice.",
        "verdict         fails",
        "corrected       Once.",
        "counterexample  one-input: once",
        "test_fails.py::test_fails[control: half the cost-scene-float64]",
        "float64: ratio 1.25 against 30 in 2-8-2-tanh",
        "the weakest control exceeds its threshold 1e+03 times",
        "the weakest refutation exceeds its threshold 2e+03 times",
        "slope of residual against roundoff 1.000 to 1.000",
        "failed: t::r",
        "python -m geomdl verify alpha/theorem-2.1/b",
    ):
        assert part in page


def test_show_json_of_a_statement_has_all_its_claims(
    house: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["claims", "show", "alpha/theorem-2.1", "--json"]) == 0
    pages = json.loads(capsys.readouterr().out)
    assert [page["id"] for page in pages] == [f"alpha/theorem-2.1/{c}" for c in "abc"]
    assert pages[0]["needs"] == "$K = QN$"
    assert pages[2]["reason"] == "a measure"
    assert pages[2]["note"] == "see there"
    assert pages[2]["last"] is None


def test_show_of_an_open_claim_says_that_nothing_decides_it(
    house: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["claims", "show", "alpha/model/b"]) == 0
    page = capsys.readouterr().out
    assert "verdict         open" in page
    assert "checks          none" in page
    assert "last run        not run" in page


def test_check_passes_on_a_sound_house_and_counts_the_open(
    house: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["claims", "check"]) == 0
    last = capsys.readouterr().out.splitlines()[-1]
    assert last == "3 statements, 6 claims, of which 1 open (checked by nobody yet); 0 problems"


def test_check_reports_register_and_coverage(
    house: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = small_register(house, ("corrected = 'Once.'\n", ""))
    monkeypatch.setattr(cli, "load_register", lambda: broken)
    monkeypatch.setattr(standings, "collected_checks", lambda: SOUND[1:])
    assert cli.main(["claims", "check", "--json"]) == 1
    problems = json.loads(capsys.readouterr().out)["problems"]
    assert [problem.partition(":")[0] for problem in problems] == [
        "alpha/theorem-2.1/b",
        "alpha/model/a",
    ]


# ---- the real register ------------------------------------------------------------------------


def test_claims_of_the_real_register(tmp_path: Path) -> None:
    done = run("claims", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    entries = json.loads(done.stdout)
    assert len(entries) == 482
    assert len({entry["id"] for entry in entries}) == 482
    assert len({entry["statement"] for entry in entries}) == 169


def test_unknown_claim_of_the_real_register(tmp_path: Path) -> None:
    done = run("verify", "theorem-2.1", cwd=tmp_path)
    assert done.returncode == 2
    assert "nearest: chen2023/theorem-2.1" in done.stderr


def test_claims_show_and_check_run_on_the_real_tree() -> None:
    shown = run("claims", "show", "chen2023/theorem-2.1")
    assert shown.returncode == 0, shown.stderr
    assert "chen2023/theorem-2.1/a" in shown.stdout
    checked = run("claims", "check")
    assert checked.returncode == 0, checked.stdout + checked.stderr
