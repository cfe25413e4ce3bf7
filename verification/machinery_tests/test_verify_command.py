"""`verify`: what is passed to pytest, what its exit codes become, what is refused before it runs."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from verification import cli


def pytest_arguments(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> list[str]:
    """Return what `verify` would pass to pytest."""
    seen: list[list[str]] = []
    original = cli._pytest_command

    def command(*given: Any) -> list[str]:
        seen.append(original(*given))
        return [sys.executable, "-c", ""]

    monkeypatch.setattr(cli, "_pytest_command", command)
    assert cli.main(["verify", *arguments]) == 0
    assert seen[0][:6] == [sys.executable, "-m", "pytest", "verification", "-m", "claim"]
    return seen[0][6:]


def test_verify_passes_its_options_on(house: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(house)
    given = ["--deep", "--arithmetic", "float32,mp50", "--seed", "7", "--json", "out.json"]
    assert pytest_arguments(monkeypatch, "alpha/model", *given, "--jobs", "2") == [
        *("--profile", "deep"),
        *("--claim", "alpha/model/a", "--claim", "alpha/model/b"),
        *("--arithmetic", "float32,mp50"),
        *("--seed", "7"),
        *("--claims-json", str(house / "out.json")),
        *("-n", "2"),
    ]


def test_verify_of_everything_names_no_claim(house: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert pytest_arguments(monkeypatch) == ["--profile", "default"]


def test_verify_of_a_copy_runs_the_checks_of_its_original(
    house: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert pytest_arguments(monkeypatch, "beta", "--quick") == [
        *("--profile", "quick"),
        *("--claim", "beta/recall/a", "--claim", "alpha/model/a"),
    ]


@pytest.mark.parametrize(
    ("ended", "code", "message"),
    [
        (0, 0, ""),
        (1, 1, ""),
        (2, 2, "stopped before the end"),
        (3, 2, "internal error"),
        (4, 2, "refused its arguments"),
        (5, 2, "no check was run"),
        (77, 2, "code 77"),
    ],
)
def test_exit_codes_of_pytest_are_translated(
    house: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    ended: int,
    code: int,
    message: str,
) -> None:
    command = [sys.executable, "-c", f"raise SystemExit({ended})"]
    monkeypatch.setattr(cli, "_pytest_command", lambda *_: command)
    assert cli.main(["verify"]) == code
    said = capsys.readouterr()
    assert "6 claims selected: 1 open, 2 holds" in said.out
    assert message in said.err


@pytest.mark.parametrize(
    ("absent", "jobs", "named"),
    [("pytest", "1", "pytest"), ("sklearn", "1", "scikit-learn"), ("xdist", "2", "pytest-xdist")],
)
def test_verify_names_the_extra_of_an_absent_package(
    house: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    absent: str,
    jobs: str,
    named: str,
) -> None:
    monkeypatch.setattr(cli, "find_spec", lambda name: None if name == absent else name)
    assert cli.main(["verify", "--jobs", jobs]) == 2
    line = capsys.readouterr().err
    assert line.startswith(f"geomdl: {named} not installed")
    assert 'pip install "geomdl-verify[verify]"' in line
    assert '-e ".[verify]"' in line


@pytest.mark.parametrize("path", [".", "absent/out.json"])
def test_verify_refuses_an_unwritable_path_before_it_runs(
    house: Path, capsys: pytest.CaptureFixture[str], path: str
) -> None:
    assert cli.main(["verify", "--json", path]) == 2
    assert f"--json {path}: expected a file in an existing folder" in capsys.readouterr().err
