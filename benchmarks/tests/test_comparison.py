"""The comparison: peers are right before they are timed, and whoever dies does not take it along."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks import problems
from benchmarks.comparison import __main__ as command
from benchmarks.comparison import contenders, matches, records, supervisor, worker
from benchmarks.comparison.contenders import PEERS, Contender
from benchmarks.kernels import KERNELS
from benchmarks.references import THRESHOLD, Reference

ROOT = Path(__file__).resolve().parents[2]
JOB = {"kernel": "gram", "size": "tiny", "dtype": "float64", "backend": "numpy"}
SETTINGS = supervisor.Settings(threads=1, clock="cpu", quick=False, budget=0.01, limit=30.0)


def contender(prepare: Callable[[problems.Case], Any], **changes: Any) -> Contender:
    return Contender("fake", "numpy", prepare, lambda _: 0.0)._replace(**changes)


def play(fake: Contender) -> dict[str, Any]:
    (record,) = matches.Match.of(JOB, "cpu", 0.01).rival(fake)
    return record


# ---- peers ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kernel", "peer"),
    [
        pytest.param(kernel, peer, id=f"{kernel}-{peer.name}", marks=[pytest.mark.slow] * peer.slow)
        for kernel, peers in PEERS.items()
        for peer in peers
    ],
)
@pytest.mark.filterwarnings("ignore")
def test_every_peer_that_is_installed_computes_the_same(kernel: str, peer: Contender) -> None:
    if peer.version is None:
        pytest.skip(f"{peer.distribution} is not installed (benchmarks/peers.txt)")
    case = problems.make_case("tiny")
    assert KERNELS[kernel].ratio(Reference(case), peer.arrange(peer.prepare(case)())) <= THRESHOLD


def test_every_kernel_has_peers() -> None:
    assert set(PEERS) == set(KERNELS) == set(command.FULL)


# ---- a match ----------------------------------------------------------------------------------


def test_a_right_contender_is_timed_against_ours() -> None:
    record = play(contender(KERNELS["gram"].prepare))
    assert record["status"] == "timed"
    assert record["ratio_low"] <= record["ratio"] <= record["ratio_high"]
    assert record["low"] <= record["seconds"] == record["cpu_seconds"] <= record["high"]
    assert record["error"] <= THRESHOLD


def test_a_wrong_contender_is_reported_and_not_timed() -> None:
    def prepare(case: problems.Case) -> Any:
        right = case.linearize().gram()
        return lambda: right * (1 + 1e-9)

    record = play(contender(prepare))
    assert record["status"] == "disagrees"
    assert record["seconds"] is record["ratio"] is None
    assert "what rounding allows" in record["reason"]


def test_a_failing_contender_is_reported() -> None:
    def prepare(case: problems.Case) -> Any:
        raise RuntimeError("no kernel image\nsecond line")

    record = play(contender(prepare))
    assert (record["status"], record["reason"]) == ("failed", "RuntimeError: no kernel image")


def test_an_absent_contender_is_reported() -> None:
    record = play(contender(KERNELS["gram"].prepare, distribution="no-such-distribution"))
    assert (record["status"], record["version"]) == ("absent", None)


def test_a_contender_beyond_memory_is_skipped_with_a_forecast() -> None:
    record = play(contender(KERNELS["gram"].prepare, memory=lambda _: 1e18))
    assert record["status"] == "skipped"
    assert "fake needs about 1e+09 GB" in record["reason"]


def test_our_own_wrong_result_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = KERNELS["gram"]._replace(prepare=lambda case: lambda: np.eye(8))
    monkeypatch.setitem(KERNELS, "gram", wrong)
    (record,) = matches.Match.of(JOB, "cpu", 0.01).ours()
    assert (record["contender"], record["status"]) == ("geomdl", "disagrees")


def test_ours_has_its_floor_beside_it() -> None:
    floor, ours = matches.Match.of(JOB, "cpu", 0.01).ours()
    assert (floor["role"], ours["role"]) == ("floor", "geomdl")
    assert ours["floor"] == "SYRK"
    assert ours["floor_ratio"] > 1
    assert ours["ratio"] == 1


def test_on_cuda_only_contenders_of_the_device_play() -> None:
    names = {peer.name for peer in PEERS["gram"] if peer.on_cuda}
    assert {"torch.func", "nngeometry"} <= names
    assert not names & {"jax", "neural-tangents"}


def test_where_ours_does_not_run_nobody_does() -> None:
    heard = io.StringIO()
    request = {"clock": "cpu", "budget": 0.01, "quick": False, "peers": [], "done": []}
    worker.run_job({**JOB, "kernel": "orbit", "size": "deep"}, request, heard)
    events = [json.loads(line) for line in heard.getvalue().splitlines()]
    assert [event["event"] for event in events] == ["start", "record"]
    assert events[1]["content"]["reason"] == "an orbit takes too long at this size"


# ---- workers that die -------------------------------------------------------------------------

# The first contender plays well; the second ends its process or hangs; a new worker is told so.
WORKER = """
import json, os, signal, sys, time
request = json.loads(sys.argv[1])
def say(event, content):
    print(json.dumps({{"event": event, "job": request["jobs"][0], "content": content}}), flush=True)
for name in ("geomdl", "first", "second", "third"):
    if name not in request["done"]:
        say("start", name)
        if name == "second":
            {ending}
        say("record", {{"contender": name, "status": "timed"}})
"""


@pytest.mark.parametrize(
    ("ending", "status", "reason"),
    [
        ("os.kill(os.getpid(), signal.SIGKILL)", "failed", "killed, most likely for memory"),
        ("sys.exit('bad luck')", "failed", "exit code 1: bad luck"),
        ("time.sleep(60)", "skipped", "more than 5 s"),
    ],
)
def test_a_dead_contender_does_not_end_the_comparison(
    monkeypatch: pytest.MonkeyPatch, ending: str, status: str, reason: str
) -> None:
    monkeypatch.setattr(supervisor, "WORKER", ("-c", WORKER.format(ending=ending)))
    settings = supervisor.Settings(1, "cpu", False, 0.01, limit=5.0)
    heard = list(supervisor.play([JOB], settings, lambda _: None))
    assert [each["contender"] for each in heard] == ["geomdl", "first", "second", "third"]
    assert (heard[2]["status"], heard[2]["reason"]) == (status, reason)


def test_without_our_own_call_a_size_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    dying = WORKER.replace('"second"', '"geomdl"').format(ending="sys.exit('no memory')")
    monkeypatch.setattr(supervisor, "WORKER", ("-c", dying))
    (record,) = supervisor.play([JOB], SETTINGS, lambda _: None)
    assert (record["contender"], record["reason"]) == ("geomdl", "exit code 1: no memory")


# ---- the command ------------------------------------------------------------------------------


def bench(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "geomdl", "bench", *arguments],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def test_the_command_writes_records_and_prints_the_table(tmp_path: Path) -> None:
    path = tmp_path / "tiny.json"
    wanted = ("--peer", "SciPy gelsd", "--peer", "NumPy pinv")
    done = bench("solve", "--size", "tiny", "--quick", "--json", str(path), *wanted)
    assert done.returncode == 0, done.stderr
    found = records.joined(records.read(path))
    assert {r["contender"] for r in found} == {"floor", "geomdl", "SciPy gelsd", "NumPy pinv"}
    assert {r["status"] for r in found} == {"timed"}
    assert {r["threads"] for r in found} == {1}
    assert "D^+ r (solve)" in done.stdout
    assert path.with_suffix(".txt").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["jacobain"], "unknown kernel 'jacobain'; did you mean jacobian"),
        (["--size", "larg"], "unknown size 'larg'"),
        (["--peer", "jaxx"], "unknown peer 'jaxx'; did you mean jax"),
        (["--json", "no/such/folder/x.json"], "expected a file in an existing folder"),
    ],
)
def test_what_cannot_be_done_is_refused_before_anything_runs(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command.main(arguments) == 2
    assert message in capsys.readouterr().err


def test_a_foreign_file_is_never_overwritten(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "mine.json"
    path.write_text("{}", encoding="utf-8")
    assert command.main(["gram", "--size", "tiny", "--json", str(path)]) == 2
    assert path.read_text(encoding="utf-8") == "{}"


@pytest.mark.parametrize("option", ["--threads", "--budget", "--limit"])
@pytest.mark.parametrize("value", ["0", "-1", "many"])
def test_numbers_must_be_positive(option: str, value: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        command.main([option, value])
    assert ended.value.code == 2
    assert "expected a number above 0" in capsys.readouterr().err


def test_the_list_says_what_would_run(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["--list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "jacobian wide float64 numpy" in lines
    assert "gram digits float32 numpy" in lines
    assert command.main(["--list", "--quick"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == len(KERNELS)


def test_requirements_of_the_peers_are_pinned_and_leave_torch_alone() -> None:
    names: set[str] = set()
    for file in ("peers.txt", "peers-neural-tangents.txt"):
        lines = (ROOT / "benchmarks" / file).read_text(encoding="utf-8").splitlines()
        pins = [line for line in lines if line and not line.startswith("#")]
        assert all("==" in line for line in pins)
        names |= {line.partition("==")[0] for line in pins}
    ours = {"torch", "numpy", "scipy"}  # from constraints.txt
    assert not names & {*ours, "torchvision"}
    distributions = {peer.distribution for peers in contenders.PEERS.values() for peer in peers}
    assert distributions - ours <= names


def test_the_quick_look_runs() -> None:
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "benchmarks/quick", "-q", "--benchmark-disable"),
            *("-p", "no:cacheprovider", "-k", "kernel and not torch or penrose"),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
