"""`python -m geomdl report`: what it says, its exit codes, and what it opens."""

from __future__ import annotations

import doctest
import importlib
import webbrowser
from pathlib import Path

import pytest

from verification import cli
from verification.machinery_tests import small_register

pytest.importorskip("jinja2", reason="the report needs the extra report")

from verification.report import build


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "verification" / "register").mkdir(parents=True)
    small_register(tmp_path / "verification" / "register")
    monkeypatch.setattr(cli, "ROOT", tmp_path)
    return tmp_path


def test_report_says_what_is_missing_and_which_command_makes_it(
    tree: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["report"]) == 0
    said = capsys.readouterr().out
    assert "missing: the study error and condition\n    python -m geomdl precision condition\n" in said
    assert said.rstrip().endswith(str(tree / "reports" / "site" / "index.html"))


def test_open_opens_the_front_page(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    monkeypatch.setattr(webbrowser, "open", opened.append)
    assert cli.main(["report", "--open"]) == 0
    assert opened == [(tree / "reports" / "site" / "index.html").as_uri()]


def test_nothing_to_keep_is_code_2(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["report", "--keep"]) == 2
    assert "python -m geomdl verify" in capsys.readouterr().err


def test_results_that_cannot_be_read_are_code_2_and_leave_the_report(
    tree: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["report"]) == 0
    front = tree / "reports" / "site" / "index.html"
    before = front.stat().st_mtime_ns
    (tree / ".geomdl").mkdir()
    (tree / ".geomdl" / "last-run.json").write_text("{")
    assert cli.main(["report"]) == 2
    assert "last-run.json" in capsys.readouterr().err
    assert front.stat().st_mtime_ns == before


def test_absent_packages_are_named_with_their_extra(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(cli, "find_spec", lambda name: None)
    assert cli.main(["report"]) == 2
    said = capsys.readouterr().err
    assert "jinja2, matplotlib not installed" in said
    assert 'pip install "geomdl-verify[report]"' in said


def test_examples_in_docstrings_say_the_truth() -> None:
    folder = Path(build.__file__).parent
    tested = 0
    for file in sorted(folder.glob("*.py")):
        result = doctest.testmod(importlib.import_module(f"verification.report.{file.stem}"))
        assert result.failed == 0, file.name
        tested += result.attempted
    assert tested > 5
