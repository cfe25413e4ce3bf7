"""One kernel at one size: who computes it right, and how long everybody takes, pair by pair."""

from __future__ import annotations

import gc
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from benchmarks import problems, references
from benchmarks.comparison import clocks
from benchmarks.comparison.contenders import PEERS, Contender, ours_on
from benchmarks.comparison.records import record
from benchmarks.kernels import KERNELS, Kernel

Call = Callable[[], Any]
Record = dict[str, Any]


class DisagreesError(Exception):
    """A result is off by more than rounding allows, so that its time means nothing."""


@dataclass
class Match:
    """A kernel on a case, and this project's call of it, which all others are paired with."""

    kernel_name: str
    size: str
    case: problems.Case
    clock: str
    budget: float

    @classmethod
    def of(cls, job: dict[str, str], clock: str, budget: float) -> Match:
        """Build the case of a job (kernel, size, dtype, backend) for a clock and seconds a pair."""
        case = problems.make_case(job["size"], job["dtype"], job["backend"])
        return cls(job["kernel"], job["size"], case, clock, budget)

    @property
    def kernel(self) -> Kernel:
        """The kernel."""
        return KERNELS[self.kernel_name]

    @cached_property
    def reference(self) -> references.Reference:
        """What results are held against."""
        return references.Reference(self.case)

    @cached_property
    def our_call(self) -> Call:
        """The call of this project, warm."""
        problems.require_memory(self.kernel.memory(self.case), self.kernel_name)
        call = self.kernel.prepare(self.case)
        call()
        return call

    def rivals(self) -> Sequence[Contender]:
        """Return geomdl on other backends, then the peers."""
        if self.case.backend == "torch:cuda":
            return [contender for contender in PEERS[self.kernel_name] if contender.on_cuda]
        if self.case.backend != "numpy":
            return ()
        other = () if self.kernel_name == "orbit" else (ours_on(self.kernel_name, "torch:cpu"),)
        return (*other, *PEERS[self.kernel_name])

    def ours(self) -> Iterator[Record]:
        """Check and time this project's call, in turn with the floor."""
        try:
            call = self.our_call
            error = self._checked(call())
        except Exception as problem:
            yield self._record("geomdl", "geomdl", **_excuse(problem))
            return
        floor = self._floor()
        if floor is None:
            (times,) = clocks.alternate([call], budget=self.budget)
            yield self._record("geomdl", "geomdl", error=error, ratio=1.0, **self._timed(times))
            return
        times, under = clocks.alternate([call, floor], budget=self.budget)
        ratio = clocks.spread(self._clock(times) / self._clock(under)).median
        yield self._record("floor", "floor", **self._timed(under))
        yield self._record(
            "geomdl", "geomdl", error=error, ratio=1.0, **self._timed(times),
            floor_seconds=clocks.spread(self._clock(under)).median, floor_ratio=ratio,
        )  # fmt: skip

    def rival(self, contender: Contender) -> Iterator[Record]:
        """Check a contender's result and time it in turn with this project's call."""
        role = "geomdl" if contender.name.startswith("geomdl") else "peer"
        values: Record = {"version": contender.version}
        if contender.version is None:
            yield self._record(contender.name, role, status="absent", reason="not installed")
            return
        try:
            needed = contender.memory(self.case) + self.kernel.memory(self.case)
            problems.require_memory(needed, contender.name)
            call = self.case.synchronized(contender.prepare(self.case))
            values["error"] = self._checked(contender.arrange(call()))
            gc.collect()
            ours, theirs = clocks.alternate([self.our_call, call], budget=self.budget)
            # On one thread ours is all in the calling one, whatever their pools still do.
            base = ours.own if self.clock == "cpu" else ours.wall
            ratio = clocks.spread(self._clock(theirs) / base)
            values |= {"ratio": ratio.median, "ratio_low": ratio.low, "ratio_high": ratio.high}
            yield self._record(contender.name, role, **values, **self._timed(theirs))
        except Exception as problem:
            yield self._record(contender.name, role, **values, **_excuse(problem))
        gc.collect()

    def _floor(self) -> Call | None:
        if self.kernel.floor is None:
            return None
        try:
            floor = self.kernel.floor(self.case)
        except NotImplementedError:
            return None
        floor()
        return floor

    def _checked(self, result: Any) -> float:
        ratio = self.kernel.ratio(self.reference, result)
        if not ratio <= references.THRESHOLD:
            raise DisagreesError(
                f"its result is off by {ratio:.2g} times what rounding allows, at most "
                f"{references.THRESHOLD:.0f} is accepted"
            )
        return ratio

    def _clock(self, times: clocks.Times) -> Any:
        return times.cpu if self.clock == "cpu" else times.wall

    def _timed(self, times: clocks.Times) -> Record:
        chosen = clocks.spread(self._clock(times))
        return {
            "status": "timed",
            "seconds": chosen.median,
            "low": chosen.low,
            "high": chosen.high,
            "cpu_seconds": clocks.spread(times.cpu).median,
            "wall_seconds": clocks.spread(times.wall).median,
            "rounds": len(times.cpu),
        }

    def _record(self, contender: str, role: str, **values: Any) -> Record:
        size = self.case.size
        return record(
            kernel=self.kernel_name, size=self.size, dtype=self.case.dtype, backend=self.case.backend,
            contender=contender, role=role, floor=self.kernel.floor_says or None, problem=str(size),
            rows=size.rows, columns=size.columns, **values,
        )  # fmt: skip


def _excuse(problem: Exception) -> Record:
    if isinstance(problem, DisagreesError):
        return {"status": "disagrees", "reason": str(problem)}
    if isinstance(problem, problems.Absent):
        return {"status": "skipped", "reason": str(problem)}
    if isinstance(problem, MemoryError):
        return {"status": "skipped", "reason": "out of memory"}
    line = traceback.format_exception_only(problem)[-1].strip().splitlines()[0]
    return {"status": "failed", "reason": line[:200]}
