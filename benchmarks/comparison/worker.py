"""The process that does the timing: a few jobs, one record a line to the parent as it goes.

A library that crashes, or takes all memory or time, ends this process and not the comparison; the
parent goes on with a new one, told which contenders are done.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, TextIO

Call = Callable[[], Any]


def main() -> int:
    """Read the request from the command line, and write records until it is done."""
    request = json.loads(sys.argv[1])
    # Whatever a library prints goes to stderr; the parent reads records only.
    channel = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    pin(request["threads"])
    try:
        for job in request["jobs"]:
            run_job(job, request, channel)
    except KeyboardInterrupt:
        return 130
    return 0


def pin(threads: int) -> None:
    """Keep this process to so many processors and threads, before any library is imported."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:threads])
    for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = str(threads)
    os.environ["TORCHINDUCTOR_COMPILE_THREADS"] = "1"  # no helper processes
    os.environ.setdefault("JAX_PLATFORMS", "cpu")


def run_job(job: dict[str, Any], request: dict[str, Any], channel: TextIO) -> None:
    """Run one kernel at one size: this project, its floor, then every contender against it."""
    from benchmarks.comparison import matches

    def send(event: str, content: Any) -> None:
        channel.write(json.dumps({"event": event, "job": job, "content": content}) + "\n")
        channel.flush()

    match = matches.Match.of(job, request["clock"], request["budget"])
    done: Sequence[str] = request["done"]
    for name, play in _turns(match, request):
        if name in done:  # by a worker that did not live to the end of this job
            continue
        send("start", name)
        for record in play():
            send("record", record)
            if name == "geomdl" and record["status"] != "timed":
                return  # nothing to hold the others against


def _turns(match: Any, request: dict[str, Any]) -> Iterator[tuple[str, Callable[[], Any]]]:
    yield "geomdl", match.ours
    for contender in match.rivals():
        chosen = contender.name in request["peers"] or not request["peers"]
        if chosen and not (request["quick"] and contender.slow):
            yield contender.name, partial(match.rival, contender)


if __name__ == "__main__":
    sys.exit(main())
