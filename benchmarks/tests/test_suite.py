"""The asv suite cannot rot: asv accepts it, and every clock runs once on a tiny problem."""

from __future__ import annotations

import inspect
import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks import problems, references, suite

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "benchmarks" / "results" / "benchmarks.json"
PREFIXES = ("time_", "timeraw_", "peakmem_", "track_")


def clocks() -> list[tuple[type, str]]:
    classes = [value for name, value in vars(suite).items() if inspect.isclass(value) and name[0] != "_"]
    return [(each, name) for each in classes for name in dir(each) if name.startswith(PREFIXES)]


@pytest.fixture
def _tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give every name a problem of milliseconds; the one with K < QN keeps that."""
    tiny = dict.fromkeys(problems.SIZES, problems.SIZES["tiny"])
    tiny["underparametrized"] = problems.Size(9, (2, 2, 1))
    monkeypatch.setattr(problems, "SIZES", tiny)


@pytest.mark.usefixtures("_tiny")
@pytest.mark.parametrize("backend", problems.BACKENDS)
@pytest.mark.parametrize(("clock", "name"), [pair for pair in clocks() if hasattr(pair[0], "params")])
def test_every_clock_runs_or_says_what_is_absent(clock: Any, name: str, backend: str) -> None:
    for dtype in clock.params[1]:
        parameters = (clock.params[0][0], dtype, backend)
        instance = clock()
        try:
            instance.setup(*parameters)
        except NotImplementedError as reason:
            skipped = str(reason)  # of NumPy's only the orbits in float32
            assert backend != "numpy" or "orbits are integrated" in skipped
            continue
        value = getattr(instance, name)(*parameters)
        if name.startswith("track_"):
            assert 0 <= value <= references.THRESHOLD


def test_an_absent_backend_skips_as_asv_expects() -> None:
    from geomdl.arithmetic import missing_extra

    if missing_extra("torch:cuda:float64") is None:
        pytest.skip("there is a CUDA device here")
    with pytest.raises(NotImplementedError, match="torch:cuda needs"):
        suite.Gram().setup("small", "float64", "torch:cuda")


def test_a_size_beyond_memory_skips_with_a_forecast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(problems, "available_memory", lambda: 1_000_000)
    with pytest.raises(NotImplementedError, match=r"jacobian needs about 0\.\d+ GB, 0\.001 GB are"):
        suite.Jacobian().setup("small", "float64", "numpy")


def test_import_is_timed_in_a_fresh_interpreter() -> None:
    for name in ("timeraw_geomdl", "timeraw_floor"):
        code = getattr(suite.Import(), name)()
        subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT, timeout=120)


def test_a_tracked_ratio_is_finite(monkeypatch: pytest.MonkeyPatch) -> None:
    instance = suite.Gram()
    instance.case, instance.call = problems.make_case("tiny"), lambda: np.full((8, 8), np.inf)
    assert np.isfinite(instance.track_ratio())


def test_parameters_are_those_of_the_committed_results() -> None:
    committed = json.loads(RESULTS.read_text(encoding="utf-8"))
    names = {f"suite.{clock.__name__}.{name}": clock for clock, name in clocks()}
    for name, entry in committed.items():
        if name in names and entry["params"]:
            params: Any = vars(names[name])["params"]
            now = [[repr(value) for value in axis] for axis in params]
            assert now == entry["params"], name


@pytest.mark.skipif(find_spec("asv") is None, reason="asv comes with the extra bench")
def test_asv_accepts_the_suite() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "asv", "check", "-E", f"existing:{sys.executable}"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "No problems found" in done.stdout
