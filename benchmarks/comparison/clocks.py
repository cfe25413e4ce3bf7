"""Two or more calls timed in turn, so that what disturbs one disturbs the others too."""

from __future__ import annotations

import gc
import math
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

BLOCK = 5e-3  # seconds: a call that is shorter is repeated up to this


class Times(NamedTuple):
    """Seconds of one call in every round.

    Attributes
    ----------
    cpu : ndarray
        CPU time of the process, all threads.
    own : ndarray
        CPU time of the calling thread. A library's pool may go on working after its call returned
        (jax's threads give memory back), and must not do so on the next one's account.
    wall : ndarray
    """

    cpu: np.ndarray
    own: np.ndarray
    wall: np.ndarray


class Spread(NamedTuple):
    """Median and quartiles."""

    median: float
    low: float
    high: float


def spread(values: np.ndarray) -> Spread:
    """Return median and quartiles.

    Examples
    --------
    >>> spread(np.array([1.0, 2.0, 3.0, 4.0, 5.0]))
    Spread(median=3.0, low=2.0, high=4.0)
    """
    low, median, high = np.quantile(values, [0.25, 0.5, 0.75])
    return Spread(float(median), float(low), float(high))


def alternate(
    calls: Sequence[Callable[[], Any]], *, budget: float, least: int = 3, most: int = 25
) -> list[Times]:
    """Time warm calls in turn, A, B, A, B, ..., for a budget of seconds.

    Parameters
    ----------
    calls : sequence of callables
    budget : float
        Seconds to spend; at least `least` rounds are done, unless they would take ten times as long.
    least, most : int
        Numbers of rounds.

    Returns
    -------
    list of Times, one for each call, with the same number of rounds

    Examples
    --------
    >>> first, second = alternate([lambda: None, lambda: None], budget=0.01)
    >>> len(first.cpu) == len(second.wall) >= 3
    True
    """
    numbers = [_repetitions(call) for call in calls]
    rounds: list[list[tuple[float, float, float]]] = []
    enabled, begin = gc.isenabled(), time.perf_counter()
    gc.disable()
    try:
        while len(rounds) < most:
            spent = time.perf_counter() - begin
            if rounds and spent > (budget if len(rounds) >= least else 10 * budget):
                break
            pairs = zip(calls, numbers, strict=True)
            rounds.append([_block(call, number) for call, number in pairs])
    finally:
        if enabled:
            gc.enable()
    table = np.array(rounds)  # rounds x calls x clocks
    return [Times(*table[:, n].T) for n in range(len(calls))]


def _repetitions(call: Callable[[], Any]) -> int:
    seconds = max(_block(call, 1)[-1], 1e-7)
    return max(1, math.ceil(BLOCK / seconds))


def _block(call: Callable[[], Any], number: int) -> tuple[float, float, float]:
    clocks = time.process_time, time.thread_time, time.perf_counter
    begin = [clock() for clock in clocks]
    for _ in range(number):
        call()
    cpu, own, wall = ((clock() - at) / number for clock, at in zip(clocks, begin, strict=True))
    return cpu, own, wall
