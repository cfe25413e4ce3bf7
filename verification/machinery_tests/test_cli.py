"""All commands: bad usage, crashes and interruptions, and the dispatcher that starts them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

import geomdl.__main__ as dispatcher
from verification import cli
from verification.machinery import environment, results
from verification.machinery.register import RegisterError
from verification.machinery_tests.commands import ROOT, run
from verification.machinery_tests.doubles import document, row

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


# ---- Ctrl-C -----------------------------------------------------------------------------------

SLOW = """
import pathlib, sys, time
try:
    print("ready", flush=True)
    time.sleep(3600)
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


LATE = """
import subprocess, time
class Late(subprocess.Popen):
    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        time.sleep(1)  # as on a machine that has other things to do
subprocess.Popen = Late
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
    _, messages = process.communicate()
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
@pytest.mark.parametrize("machine", ["", LATE], ids=["idle", "busy"])
def test_ctrl_c_lets_the_tool_of_the_dispatcher_finish(tmp_path: Path, machine: str) -> None:
    tool = tmp_path / "tool"
    tool.mkdir()
    kept = tmp_path / "kept"
    (tool / "slow.py").write_text(SLOW.format(kept=kept))
    code, messages = interrupted(machine + DISPATCH.format(root=tmp_path))
    assert code == 2
    assert kept.read_text() == "kept"
    assert messages == ""


# ---- the dispatcher and env -------------------------------------------------------------------


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
    absent["compiled_loops"] = False
    monkeypatch.setattr(environment, "environment", lambda: absent)
    assert cli.main(["env"]) == 0
    lines = capsys.readouterr().out.splitlines()
    extras = {"torch": "torch", "gmpy2": "rigorous", "pytest": "verify", "asv": "bench"}
    for name, extra in extras.items():
        (line,) = [line for line in lines if line.split()[0] == name]
        assert line.endswith(f'absent; brought by pip install "geomdl-verify[{extra}]"')
    assert any(line.split() == ["BLAS", "b", "1,", "threads:", "unknown"] for line in lines)
    assert any(line.split()[:3] == ["compiled", "loops", "no:"] for line in lines)
