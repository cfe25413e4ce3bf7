"""Calls are timed in turn, often enough, and never for longer than asked."""

from __future__ import annotations

import gc
import time

import pytest

from benchmarks.comparison import clocks


def test_calls_alternate() -> None:
    heard: list[str] = []

    def call(name: str) -> None:
        heard.append(name)
        time.sleep(clocks.BLOCK)  # long enough to be called once a round

    first, second = clocks.alternate([lambda: call("a"), lambda: call("b")], budget=0.05, least=4)
    assert "".join(heard[:2]) == "ab"  # the estimate
    assert "".join(heard[2:]) == "ab" * len(first.wall)
    assert len(first.cpu) == len(second.cpu) == len(second.wall) >= 4


def test_short_calls_are_repeated_within_a_block() -> None:
    counted = 0

    def call() -> None:
        nonlocal counted
        counted += 1

    (times,) = clocks.alternate([call], budget=0.05, most=3)
    assert len(times.wall) == 3
    assert counted > 1000
    assert times.wall.max() < clocks.BLOCK


def test_a_call_far_beyond_the_budget_is_timed_once() -> None:
    (times,) = clocks.alternate([lambda: time.sleep(0.02)], budget=1e-4, least=5)
    assert len(times.wall) == 1
    assert times.wall[0] >= 0.02
    assert times.cpu[0] < 0.02  # sleeping takes no processor


def test_garbage_collection_is_back_after_a_failure() -> None:
    calls = iter([None])  # the estimate works, the first round does not
    with pytest.raises(StopIteration):
        clocks.alternate([lambda: next(calls)], budget=0.01)
    assert gc.isenabled()
