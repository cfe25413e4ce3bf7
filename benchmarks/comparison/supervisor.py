"""Start workers, listen to them, and go on without those that die or take too long."""

from __future__ import annotations

import json
import os
import selectors
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from benchmarks.comparison.records import record
from benchmarks.problems import SIZES

ROOT = Path(__file__).resolve().parents[2]

WORKER = ("-m", "benchmarks.comparison.worker")

Job = dict[str, str]


@dataclass(frozen=True)
class Settings:
    """Threads, the clock (``cpu`` or ``wall``), and seconds a pair and a contender may take."""

    threads: int
    clock: str
    quick: bool
    budget: float
    limit: float
    peers: tuple[str, ...] = ()  # all


@dataclass
class _State:
    """What the worker said last."""

    job: Job | None = None
    contender: str | None = None
    done: list[str] = field(default_factory=list)


def play(
    jobs: Sequence[Job], settings: Settings, progress: Callable[[str], None]
) -> Iterator[dict[str, Any]]:
    """Yield the records of all jobs; a worker takes all jobs of a quick run, else one."""
    groups = [list(jobs)] if settings.quick else [[job] for job in jobs]
    for group in groups:
        done: list[str] = []
        while group:
            state = _State(done=done)
            reason = ""
            for event in _listen(group, done, settings):
                if event["event"] == "ended":
                    reason = event["content"]
                    break
                if event["job"] != state.job and state.job is not None:
                    state.done = []
                state.job = event["job"]
                if event["event"] == "start":
                    state.contender = event["content"]
                    state.done.append(event["content"])
                    progress(" ".join([*event["job"].values(), event["content"]]))
                else:
                    yield event["content"]
            if not reason:
                break
            # The contender that was at work is named in `done`; the next worker leaves it out.
            job, contender = state.job or group[0], state.contender or "geomdl"
            yield _given_up(job, contender, reason)
            if contender == "geomdl":  # nothing to hold the others against
                group, done = group[group.index(job) + 1 :], []
            else:
                group, done = group[group.index(job) :], list(state.done)


def _given_up(job: Job, contender: str, reason: str) -> dict[str, Any]:
    size = SIZES[job["size"]]
    return record(
        **job, contender=contender, role="geomdl" if contender.startswith("geomdl") else "peer",
        status="skipped" if reason.startswith("more than") else "failed", reason=reason,
        problem=str(size), rows=size.rows, columns=size.columns,
    )  # fmt: skip


def _listen(jobs: Sequence[Job], done: Sequence[str], settings: Settings) -> Iterator[dict[str, Any]]:
    """Run a worker and yield what it says; at last, unless all went well, why it ended."""
    request = {
        "jobs": list(jobs),
        "done": list(done),
        "threads": settings.threads,
        "clock": settings.clock,
        "quick": settings.quick,
        "peers": list(settings.peers),
        "budget": settings.budget,
    }
    with tempfile.TemporaryFile() as errors:
        child = subprocess.Popen(
            [sys.executable, *WORKER, json.dumps(request)],
            stdout=subprocess.PIPE,
            stderr=errors,
            env={**os.environ, "PYTHONPATH": _path()},
        )
        assert child.stdout is not None
        try:
            late = False
            for line in _lines(child.stdout, settings.limit):
                if line is None:
                    late = True
                    break
                yield json.loads(line)
            if late:
                yield {"event": "ended", "content": f"more than {settings.limit:.0f} s"}
                return
            if child.wait() != 0:
                yield {"event": "ended", "content": _last_words(child.returncode, errors)}
        finally:
            if child.poll() is None:
                child.kill()
            child.wait()
            child.stdout.close()


def _lines(stream: IO[bytes], limit: float) -> Iterator[bytes | None]:
    """Yield lines as they come; None when none comes for a number of seconds."""
    descriptor, pending = stream.fileno(), b""
    with selectors.DefaultSelector() as selector:
        selector.register(descriptor, selectors.EVENT_READ)
        deadline = time.monotonic() + limit
        while True:
            if not selector.select(max(0.0, deadline - time.monotonic())):
                yield None
                return
            data = os.read(descriptor, 65536)
            if not data:
                return
            *lines, pending = (pending + data).split(b"\n")
            yield from lines
            deadline = time.monotonic() + limit


def _last_words(code: int, errors: IO[bytes]) -> str:
    if code == -9:
        return "killed, most likely for memory"
    errors.seek(0)
    lines = errors.read().decode("utf-8", "replace").strip().splitlines()
    return f"exit code {code}: {lines[-1][:200] if lines else 'no message'}"


def _path() -> str:
    return os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
