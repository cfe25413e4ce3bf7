"""Calls are timed in turn, often enough, and never for longer than asked; the time here is simulated."""

from __future__ import annotations

import gc
from collections.abc import Callable

import pytest

from benchmarks.comparison import clocks


class SimulatedTime:
    """Stands for the module `time`: it passes only where a test says so, so no load disturbs a test."""

    def __init__(self) -> None:
        self.wall = self.busy = 0.0

    def perf_counter(self) -> float:
        """Return the seconds on the wall."""
        return self.wall

    def process_time(self) -> float:
        """Return the seconds of work."""
        return self.busy

    thread_time = process_time

    def work(self, seconds: float) -> None:
        """Let time pass at work."""
        self.wall += seconds
        self.busy += seconds

    def wait(self, seconds: float) -> None:
        """Let time pass without work."""
        self.wall += seconds


@pytest.fixture
def simulated(monkeypatch: pytest.MonkeyPatch) -> SimulatedTime:
    replaced = SimulatedTime()
    monkeypatch.setattr(clocks, "time", replaced)
    return replaced


def test_calls_alternate(simulated: SimulatedTime) -> None:
    heard: list[str] = []

    def named(name: str) -> Callable[[], None]:
        def call() -> None:
            heard.append(name)
            simulated.work(clocks.BLOCK)  # long enough to be called once a round

        return call

    first, second = clocks.alternate([named("a"), named("b")], budget=10 * clocks.BLOCK, least=4)
    assert "".join(heard[:2]) == "ab"  # the estimate
    assert "".join(heard[2:]) == "ab" * len(first.wall)
    # Rounds begin while the budget lasts; the sixth begins past it, but for what is lost in adding up.
    assert len(first.cpu) == len(second.cpu) == len(second.wall) in (5, 6)
    assert first.wall == pytest.approx(clocks.BLOCK)


def test_short_calls_are_repeated_within_a_block(simulated: SimulatedTime) -> None:
    counted = 0

    def call() -> None:
        nonlocal counted
        counted += 1
        simulated.work(clocks.BLOCK / 100)

    (times,) = clocks.alternate([call], budget=1.0, most=3)
    assert len(times.wall) == 3
    assert counted in (301, 304)  # the estimate and three blocks of 100, or of 101 after a rounding
    assert times.wall == pytest.approx(clocks.BLOCK / 100)


def test_a_call_far_beyond_the_budget_is_timed_once(simulated: SimulatedTime) -> None:
    (times,) = clocks.alternate([lambda: simulated.work(0.02)], budget=1e-4, least=5)
    assert times.wall.tolist() == [0.02]


def test_waiting_takes_wall_time_and_no_processor(simulated: SimulatedTime) -> None:
    (times,) = clocks.alternate([lambda: simulated.wait(0.02)], budget=0.1)
    assert times.wall == pytest.approx(0.02)
    assert not times.cpu.any()
    assert not times.own.any()


def test_garbage_collection_is_back_after_a_failure() -> None:
    calls = iter([None])  # the estimate works, the first round does not
    with pytest.raises(StopIteration):
        clocks.alternate([lambda: next(calls)], budget=0.01)
    assert gc.isenabled()
