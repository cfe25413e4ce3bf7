"""The commands: exit codes, what is passed to pytest, what is printed, what Ctrl-C leaves behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import geomdl.__main__ as dispatcher
from verification import cli
from verification.machinery import environment, results, standings
from verification.machinery.register import RegisterError
from verification.machinery_tests import small_register
from verification.machinery_tests.doubles import SOUND, FakeCheck, document, row

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class FakeCase:
    """What the tables ask of a case."""

    id: str
    role: str = "control"


@dataclass(frozen=True)
class CheckWithCases(FakeCheck):
    """A check whose controls run once each."""

    def cases(self) -> list[FakeCase]:
        """Return a case for each control."""
        return [FakeCase(f"control: {label}-scene-float64") for label in self.controls]


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put a small register with sound checks in place of the real ones; return its root."""
    register = small_register(tmp_path)
    checks = [CheckWithCases(c.claims, c.node, c.roles, c.controls) for c in SOUND]
    monkeypatch.setattr(cli, "load_register", lambda: register)
    monkeypatch.setattr(standings, "collected_checks", lambda: checks)
    monkeypatch.setattr(standings, "ROOT", tmp_path)
    monkeypatch.setattr(cli, "ROOT", tmp_path)
    monkeypatch.setenv("COLUMNS", "160")
    return tmp_path


def run(*arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run `python -m geomdl` on the real tree, from any folder."""
    return subprocess.run(
        [sys.executable, "-m", "geomdl", *arguments],
        cwd=cwd or ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


# ---- claims -----------------------------------------------------------------------------------


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


# ---- refusals ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments",
    [["verify", "alpha/modle/a"], ["claims", "show", "alpha/modle/a"]],
    ids=["verify", "show"],
)
def test_unknown_id_is_refused_with_the_nearest(
    house: Path, capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    assert cli.main(arguments) == 2
    assert "nearest: alpha/model/a" in capsys.readouterr().err


def test_unknown_source_is_refused(house: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["claims", "--source", "alpa"]) == 2
    assert "nearest: alpha" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["verfy"],
        ["verify", "--quick", "--deep"],
        ["verify", "--jobs", "0"],
        ["verify", "--seed", "-1"],
        ["claims", "--verdict", "true"],
        ["claims", "show"],
    ],
    ids=" ".join,
)
def test_bad_usage_is_code_2(house: Path, arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        cli.main(arguments)
    assert caught.value.code == 2


def raising(error: BaseException) -> Callable[..., Any]:
    """Make a function that raises."""

    def fail(*_: object) -> Any:
        raise error

    return fail


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (RegisterError("alpha.toml: line 1"), 2, "geomdl: alpha.toml: line 1"),
        (ModuleNotFoundError("no", name="pytest"), 2, 'pip install "geomdl-verify[verify]"'),
        (ModuleNotFoundError("no", name="flint"), 2, "python-flint not installed, brought by the "),
        (ModuleNotFoundError("no", name="elsewhere"), 2, "Traceback"),
        (ZeroDivisionError("crash"), 2, "Traceback"),
        (KeyboardInterrupt(), 130, ""),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else None,
)
def test_a_crash_never_looks_like_a_failed_claim(
    house: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    error: BaseException,
    code: int,
    message: str,
) -> None:
    monkeypatch.setattr(cli, "load_register", raising(error))
    assert cli.main(["claims"]) == code
    assert message in capsys.readouterr().err


def test_a_spoilt_results_file_is_named(house: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = results.update_last_run(house, document(row()))
    file.write_text("{")
    assert cli.main(["claims"]) == 2
    assert str(file) in capsys.readouterr().err


# ---- verify -----------------------------------------------------------------------------------


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


# ---- Ctrl-C -----------------------------------------------------------------------------------

SLOW = """
import pathlib, sys, time
try:
    print("ready", flush=True)
    time.sleep(60)
except KeyboardInterrupt:
    time.sleep(0.5)
    pathlib.Path(r"{kept}").write_text("kept")
    sys.exit(2)
"""

VERIFY = """
import sys
from verification import cli
cli.find_spec = str
cli._pytest_command = lambda *_: [sys.executable, "-c", {slow!r}]
sys.exit(cli.main(["verify"]))
"""

DISPATCH = """
import sys, pathlib
import geomdl.__main__ as dispatcher
dispatcher.ROOT = pathlib.Path(r"{root}")
dispatcher.COMMANDS["slow"] = dispatcher.Command("tool", "tool.slow", "")
sys.exit(dispatcher.main(["slow"]))
"""


def interrupted(script: str) -> tuple[int, str]:
    """Run a script, press Ctrl-C once its child says "ready", and return code and messages."""
    process = subprocess.Popen(
        [sys.executable, "-c", script],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    assert any(line.strip() == "ready" for line in process.stdout)
    os.killpg(process.pid, signal.SIGINT)
    _, messages = process.communicate(timeout=60)
    return process.returncode, messages


@pytest.mark.skipif(os.name != "posix", reason="process groups are POSIX")
def test_ctrl_c_waits_for_pytest_and_says_that_results_are_kept(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    code, messages = interrupted(VERIFY.format(slow=SLOW.format(kept=kept)))
    assert code == 130
    assert kept.read_text() == "kept"
    assert "the results so far are kept in" in messages
    assert "Traceback" not in messages


@pytest.mark.skipif(os.name != "posix", reason="process groups are POSIX")
def test_ctrl_c_lets_the_tool_of_the_dispatcher_finish(tmp_path: Path) -> None:
    tool = tmp_path / "tool"
    tool.mkdir()
    kept = tmp_path / "kept"
    (tool / "slow.py").write_text(SLOW.format(kept=kept))
    code, messages = interrupted(DISPATCH.format(root=tmp_path))
    assert code == 2
    assert kept.read_text() == "kept"
    assert messages == ""


# ---- the dispatcher and the real tree ---------------------------------------------------------


def test_dispatcher_explains_a_missing_tree(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dispatcher, "ROOT", tmp_path)
    assert dispatcher.main(["verify"]) == 2
    assert "needs the folder 'verification' of the source tree" in capsys.readouterr().err


def test_dispatcher_imports_no_verification() -> None:
    script = "import sys, geomdl.__main__; print([m for m in sys.modules if 'verification' in m])"
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("arguments", [[], ["--help"]], ids=["nothing", "help"])
def test_dispatcher_helps(arguments: Sequence[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert dispatcher.main(arguments) == 0
    said = capsys.readouterr().out
    for command in dispatcher.COMMANDS:
        assert f"\n  {command} " in said


def test_version_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert dispatcher.main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("geomdl-verify ")


def test_unknown_command_is_code_2() -> None:
    done = run("verfy")
    assert done.returncode == 2
    assert "unknown command 'verfy'" in done.stderr


def test_env_runs_from_any_folder_past_a_namesake(tmp_path: Path) -> None:
    namesake = tmp_path / "verification"
    namesake.mkdir()
    (namesake / "__init__.py").write_text("raise RuntimeError('not ours')")
    done = run("env", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["packages"]["numpy"]


def test_env_names_the_extra_of_what_is_absent(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    absent: dict[str, Any] = environment.environment(devices=False)
    absent["packages"] = dict.fromkeys(absent["packages"])
    absent["blas"] = [{"library": "b", "version": "1", "threads": None}]
    monkeypatch.setattr(environment, "environment", lambda: absent)
    assert cli.main(["env"]) == 0
    lines = capsys.readouterr().out.splitlines()
    extras = {"torch": "torch", "gmpy2": "rigorous", "pytest": "verify", "asv": "bench"}
    for name, extra in extras.items():
        (line,) = [line for line in lines if line.split()[0] == name]
        assert line.endswith(f'absent; brought by pip install "geomdl-verify[{extra}]"')
    assert any(line.split() == ["BLAS", "b", "1,", "threads:", "unknown"] for line in lines)


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
