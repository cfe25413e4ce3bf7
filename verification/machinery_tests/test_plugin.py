"""The pytest plugin, from outside: what fails, what is selected, what is written, what reproduces."""

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from verification.machinery.checks import ROOT
from verification.machinery.results import read

CONFTEST = """
from pathlib import Path
from verification.machinery import plugin
plugin.ROOT = Path(__file__).parent  # results of this run belong here, not to the project
"""

CLAIMS = """
import math

import pytest

from verification.machinery.checks import claim, variant
from verification.machinery.columns import FLOAT32, FLOAT64, MP30
from verification.machinery.points import Scene
from verification.machinery.ratios import Ratio, identity, property_
from verification.scenes.networks import FULL_RANK

SCENE = FULL_RANK[0]
DEEP = Scene("deep-twin", SCENE.draw, profile="deep")
TWICE = variant("twice, the author's way", factor=2)


def check(name, **changes):
    parts = dict(scenes=[SCENE, DEEP], columns=[FLOAT32, FLOAT64, MP30], controls=[TWICE])
    return claim(name, **{**parts, **changes})


@check("alpha/model/true")
def test_a_true_claim(at, factor=1):
    return identity(at.at_theta.gram(), factor * (at.D @ at.D.T), size=at.size)


@check("alpha/model/false", columns=[FLOAT64])
def test_a_false_claim(at, factor=1):
    return identity(at.at_theta.gram(), (1 + factor) * (at.D @ at.D.T), size=at.size)


@check("alpha/model/idle", columns=[FLOAT64], controls=[variant("nothing changed")])
def test_a_claim_with_an_idle_control(at):
    return identity(at.at_theta.gram(), at.D @ at.D.T, size=at.size)


@check("alpha/model/nan", columns=[FLOAT64])
def test_a_claim_that_is_nan(at, factor=1):
    return Ratio(math.nan, "identity")


def test_something_else():
    pass


@pytest.mark.slow
def test_something_slow():
    pass
"""

INTERRUPTED = """
from verification.machinery.checks import claim, variant
from verification.machinery.columns import FLOAT64
from verification.machinery.ratios import property_
from verification.scenes.networks import FULL_RANK


@claim("alpha/model/a", scenes=FULL_RANK[:2], columns=[FLOAT64], controls=[variant("off", on=False)])
def test_first(at, on=True):
    return property_(on)


def test_interrupted():
    raise KeyboardInterrupt


@claim("alpha/model/b", scenes=FULL_RANK[:2], columns=[FLOAT64], controls=[variant("off", on=False)])
def test_never_reached(at, on=True):
    return property_(on)
"""


class Run(NamedTuple):
    """One run of pytest: its exit code, what it printed, its folder and the rows it wrote."""

    code: int
    text: str
    folder: Path
    rows: list[Any]


def pytest_run(folder: Path, *options: str) -> Run:
    """Run pytest on the folder in a process of its own."""
    target = folder / "out" / "claims.json"
    target.unlink(missing_ok=True)
    command = [sys.executable, "-P", "-m", "pytest", "-p", "verification.machinery.plugin"]
    command += [
        "-p",
        "no:cacheprovider",
        "-o",
        "addopts=",
        "-o",
        "markers=claim\nslow",
        "--strict-markers",
    ]
    command += ["--rootdir", str(folder), "--claims-json", str(target), *options, str(folder)]
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    done = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    rows = list(read(target)["rows"]) if target.exists() else []
    return Run(done.returncode, done.stdout + done.stderr, folder, rows)


def prepared(folder: Path, source: str) -> Path:
    """Write the claims to a folder of their own."""
    (folder / "conftest.py").write_text(CONFTEST, encoding="utf-8")
    (folder / "test_alpha.py").write_text(source, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return prepared(tmp_path_factory.mktemp("claims"), CLAIMS)


@pytest.fixture(scope="module")
def whole(house: Path) -> Run:
    return pytest_run(house, "--seed", "11")


def outcomes(run: Run) -> dict[tuple[str, str], set[bool]]:
    """Whether rows passed, by claim and role."""
    found: dict[tuple[str, str], set[bool]] = {}
    for row in run.rows:
        found.setdefault((row["claims"][0].rpartition("/")[2], row["role"]), set()).add(row["passed"])
    return found


def test_false_claims_idle_controls_and_nan_fail_the_run(whole: Run) -> None:
    assert whole.code == pytest.ExitCode.TESTS_FAILED, whole.text
    assert outcomes(whole) == {
        ("true", "printed"): {True},
        ("true", "control"): {True},
        ("false", "printed"): {False},
        ("false", "control"): {True},
        ("idle", "printed"): {True},
        ("idle", "control"): {False},
        ("nan", "printed"): {False},
        ("nan", "control"): {False},
    }
    assert "4 failed" in whole.text


def test_failures_say_what_was_measured_and_what_was_expected(whole: Run) -> None:
    assert "alpha/model/false [printed] in 2-8-2-tanh-N4, float64, seed 11: the ratio" in whole.text
    assert "exceeds the threshold 30" in whole.text
    assert "alpha/model/idle [control: nothing changed]" in whole.text
    assert "the control form does not break: ratio" in whole.text
    assert "expected at least 30000" in whole.text
    assert "the ratio is NaN" in whole.text


def test_the_line_that_reproduces_a_failure_has_node_and_seed_and_survives_the_shell(whole: Run) -> None:
    lines = [line.strip() for line in whole.text.splitlines() if line.strip().startswith("reproduce: ")]
    assert lines
    nodes = {row["test"] for row in whole.rows if not row["passed"]}
    for line in lines:
        words = shlex.split(line.removeprefix("reproduce: "))
        assert words[:3] == ["python", "-m", "pytest"]
        assert words[3] in nodes
        assert words[4:] == ["--seed", words[5], "--seeds", "1", "--profile", "deep"]
        assert words[5] in {"11", "12", "13"}
    # an apostrophe in a label must not end the quotes
    assert any("the author's way" in shlex.split(line)[4] for line in lines)


def test_the_table_ends_the_run_and_marks_the_failures(whole: Run) -> None:
    assert "claims (default profile, first seed 11)" in whole.text
    assert "1 of 4 claims behave as recorded" in whole.text
    assert "FAILED (" in whole.text


def test_results_are_kept_where_the_next_run_finds_them(whole: Run) -> None:
    kept = read(whole.folder / ".geomdl" / "last-run.json")
    assert kept["rows"] == whole.rows
    assert kept["interrupted"] is False
    assert kept["seed"] == 11


def test_the_profile_decides_on_scenes_seeds_and_slow_tests(house: Path, whole: Run) -> None:
    def seeds(run: Run, column: str) -> set[int]:
        return {row["seed"] for row in run.rows if row["column"] == column and row["role"] == "printed"}

    quick = pytest_run(house, "--profile", "quick", "-k", "true or something")
    deep = pytest_run(house, "--profile", "deep", "--seeds", "2", "-k", "true or something")
    assert quick.code == deep.code == 0, quick.text + deep.text
    assert (
        {row["scene"] for row in quick.rows} == {row["scene"] for row in whole.rows} == {"2-8-2-tanh-N4"}
    )
    assert {row["scene"] for row in deep.rows} == {"2-8-2-tanh-N4", "deep-twin"}
    assert {row["column"] for row in quick.rows} == {"float32", "float64"}
    assert {row["column"] for row in whole.rows} == {"float32", "float64", "mp30"}
    assert seeds(quick, "float64") == {2311}
    assert seeds(whole, "float64") == {11, 12, 13}
    assert seeds(whole, "mp30") == {11}
    assert seeds(deep, "mp30") == {2311, 2312}
    assert "4 passed" in quick.text  # two printed, one control, one other test
    assert "9 passed" in deep.text  # six printed, one control, two other tests


def test_claim_and_arithmetic_select(house: Path) -> None:
    one = pytest_run(
        house,
        "--claim",
        "alpha/model/true",
        "--claim",
        "alpha/model/idle",
        "--arithmetic",
        "float32,mp30",
    )
    assert one.code == 0, one.text
    assert {(row["claims"][0], row["column"]) for row in one.rows} == {
        ("alpha/model/true", "float32"),
        ("alpha/model/true", "mp30"),
    }


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--arithmetic", "float46"], "got arithmetic float46; expected some of float32, float64"),
        (["--profile", "fast"], "invalid choice: 'fast'"),
        (["--seed", "-1"], "got seed -1"),
        (["--seeds", "0"], "got seeds 0"),
    ],
)
def test_wrong_options_are_usage_errors_before_anything_runs(
    house: Path, options: list[str], words: str
) -> None:
    run = pytest_run(house, *options)
    assert run.code == pytest.ExitCode.USAGE_ERROR, run.text[-2000:]
    assert words in run.text
    assert not run.rows


def test_rows_survive_processes_side_by_side(house: Path, whole: Run) -> None:
    pytest.importorskip(
        "xdist", reason='pytest-xdist is not installed: pip install "geomdl-verify[verify]"'
    )
    parallel = pytest_run(house, "--seed", "11", "-n", "1")
    assert parallel.code == pytest.ExitCode.TESTS_FAILED

    def comparable(run: Run) -> list[str]:
        return sorted(json.dumps({**row, "seconds": 0}, sort_keys=True) for row in run.rows)

    assert comparable(parallel) == comparable(whole)
    assert "1 of 4 claims behave as recorded" in parallel.text


def test_an_interrupted_run_keeps_what_was_measured(tmp_path: Path) -> None:
    run = pytest_run(prepared(tmp_path, INTERRUPTED))
    assert run.code == pytest.ExitCode.INTERRUPTED, run.text
    document = read(tmp_path / "out" / "claims.json")
    assert document["interrupted"] is True
    assert {row["claims"][0] for row in document["rows"]} == {"alpha/model/a"}
    assert len(document["rows"]) == 2 * 3 + 3  # two scenes and one control, three seeds
    assert read(tmp_path / ".geomdl" / "last-run.json") == document


def test_a_run_without_claims_writes_no_results(tmp_path: Path) -> None:
    run = pytest_run(prepared(tmp_path, "def test_nothing():\n    pass\n"))
    assert run.code == 0
    assert not (tmp_path / "out").exists()
    assert not (tmp_path / ".geomdl").exists()
