"""Collapse of classes along the adapted flow, as ratios along orbits that are watched for their end.

At rank QN, with q = e^(-s/N) = 1 - t: class averages minus targets and deviations from the averages are
q times what they were, variances q^2 times.
"""

from functools import lru_cache

import numpy as np

from geomdl import Event, Orbit, rank_loss
from geomdl.collapse import CollapseHistory, collapse_history
from geomdl.flows import Field
from verification.chen2023.orbit_laws import END, STILL_FULL
from verification.machinery.columns import Column
from verification.machinery.points import Point, Scene
from verification.machinery.ratios import Ratio, along_orbit, property_


@lru_cache(maxsize=128)
def _watched(
    scene: Scene, column: Column, seed: int, field: Field | None, end: float, times: tuple[float, ...]
) -> Orbit:
    at = scene.at(column, seed)
    watch: list[Event] = [rank_loss(at.rank, STILL_FULL)] if field is None else []
    return at.orbit(field, end=end, events=watch, times=times)


def watched_orbit(
    at: Point, field: Field | None = None, end: float = END, times: tuple[float, ...] = ()
) -> Orbit:
    """Return the orbit, stopped where the rank of D at theta is about to be lost; remembered.

    Large scenes keep their rank, and share the orbit of other checks.
    """
    if field is None and "large" in at.scene.facts:
        return at.orbit(end=end, times=times)
    return _watched(at.scene, at.column, at.seed, field, end, times)


def ended(at: Point, orbit: Orbit) -> Ratio:
    """Say at which t an orbit ends that should live for all times; a broken property."""
    t = -np.expm1(-orbit.times[-1] / at.N)
    return property_(False, f"the orbit ends at t = {t:.4f}: {orbit.message}")


def history_of(at: Point, field: Field | None = None) -> CollapseHistory | Ratio:
    """Return the classes along the orbit up to s = 6 N, or the broken property that it ends before."""
    orbit = watched_orbit(at, field)
    return collapse_history(orbit) if orbit.status == "completed" else ended(at, orbit)


def size_of_outputs(history: CollapseHistory) -> float:
    """Return the largest entry of outputs and targets at the start, which errors are relative to."""
    outputs = history.averages[0][history.labels] + history.deviations[0]
    return float(max(np.abs(outputs).max(), np.abs(history.targets).max()))


def variance_law(at: Point, history: CollapseHistory, rate: float = 2.0) -> Ratio:
    """Measure variances against e^(-rate s/N) times what they were.

    An error rtol of the outputs changes a variance by rtol times their size and deviation.
    """
    q, size = np.exp(-history.times / at.N)[:, None], size_of_outputs(history)
    scale = (q * np.sqrt(history.variances[0]) + at.rtol * size) * size
    expected = np.exp(-rate * history.times / at.N)[:, None] * history.variances[0]
    note = "variances of classes"
    return along_orbit(history.variances, expected, rtol=at.rtol, scale=scale, note=note)


def average_law(at: Point, history: CollapseHistory, rate: float = 1.0) -> Ratio:
    """Measure class averages minus targets against e^(-rate s/N) times what they were."""
    errors = history.averages - history.targets
    expected = np.exp(-rate * history.times / at.N)[:, None, None] * errors[0]
    scale = size_of_outputs(history)
    return along_orbit(errors, expected, rtol=at.rtol, scale=scale, note="averages of classes")


def deviation_law(at: Point, history: CollapseHistory, rate: float = 1.0) -> Ratio:
    """Measure the deviation of every sample from its class average in the same way."""
    expected = np.exp(-rate * history.times / at.N)[:, None, None] * history.deviations[0]
    scale = size_of_outputs(history)
    return along_orbit(history.deviations, expected, rtol=at.rtol, scale=scale, note="deviations")
