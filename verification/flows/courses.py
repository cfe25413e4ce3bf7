"""Orbits of the adapted and of the standard flow from the same theta, and what is read off them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np

from geomdl import Orbit, Problem, adapted_field, integrate, standard_field
from geomdl.arithmetic import Array
from geomdl.flows import Field
from verification.machinery.columns import FLOAT64
from verification.machinery.points import Point, Scene
from verification.precision.tables import Settings
from verification.scenes.collapse import WINE_UNBALANCED
from verification.scenes.real_data import BREAST_CANCER, DIGITS, IRIS

FLOWS = ("adapted", "standard")
RTOL = 1e-7
END = 6.0
"""Final time in units of N: the law leaves e^-12 of the cost."""

REAL = (IRIS, WINE_UNBALANCED, BREAST_CANCER, DIGITS)


def real_scenes(settings: Settings) -> Sequence[Scene]:
    """Return the scenes of real data; the quick profile leaves the digits out."""
    return REAL[:-1] if settings.quick else REAL


def title(scene: Scene) -> str:
    """Return the name of a data set as it is read: "breast cancer" of "breast_cancer-30-16-2-..."."""
    return scene.name.partition("-")[0].replace("_", " ")


def drawn(scene: Scene, seed: int) -> Point:
    """Return the scene's point in float64."""
    return scene.at(FLOAT64, seed)


def field_of(flow: str, at: Point) -> Field:
    """Return a flow's field; large scenes, all of full rank, go through the Gram matrix."""
    if flow == "standard":
        return standard_field
    return adapted_field(method="gram") if "large" in at.scene.facts else adapted_field(rank=at.rank)


@dataclass(frozen=True, eq=False)
class Course:
    """An orbit, and how many evaluations of the field had been made when each step was reached."""

    orbit: Orbit
    evaluations: np.ndarray

    @property
    def times(self) -> np.ndarray:
        """Times in units of N."""
        return self.orbit.times / self.orbit.problem.data.size

    @cached_property
    def outputs(self) -> np.ndarray:
        """Stacked outputs at all steps, shape (T, QN)."""
        return self.orbit.outputs()

    @cached_property
    def costs(self) -> np.ndarray:
        """Costs at all steps relative to the first."""
        costs = self.orbit.costs()
        return costs / costs[0]

    @cached_property
    def split(self) -> tuple[np.ndarray, np.ndarray]:
        """Parts of x(s) - x0 along y - x0, shape (T,), and across, shape (T, QN), |y - x0| the unit."""
        moved = self.outputs - self.outputs[0]
        way = self.orbit.problem.data.stacked_targets - self.outputs[0]
        along = moved @ way / (way @ way)
        return along, (moved - along[:, None] * way) / np.linalg.norm(way)


@lru_cache(maxsize=32)
def course(scene: Scene, flow: str, seed: int, end: float = END) -> Course:
    """Integrate a flow to s = end N; remembered, as several studies look at the same orbits."""
    at = drawn(scene, seed)
    return follow(at.problem, field_of(flow, at), at.theta, end)


def follow(problem: Problem, field: Field, theta: Array, end: float) -> Course:
    """Integrate a field to s = end N and count its evaluations."""
    known: dict[int, int] = {}
    count = 0

    def counted(problem: Problem, theta: Array) -> Array:
        nonlocal count
        count += 1
        known.setdefault(hash(theta.tobytes()), count)
        return field(problem, theta)

    orbit = integrate(problem, counted, theta, end * problem.data.size, rtol=RTOL)
    # The last stage of a step is the first of the next: every theta of the orbit has been evaluated.
    return Course(orbit, np.array([known[hash(theta.tobytes())] for theta in orbit.thetas]))


def chosen(position: np.ndarray, marks: Sequence[float] | np.ndarray) -> np.ndarray:
    """Return the indices of the steps nearest to marks of an increasing position, each once."""
    after = np.clip(np.searchsorted(position, marks), 1, len(position) - 1)
    nearer = np.abs(position[after - 1] - marks) < np.abs(position[after] - marks)
    return np.unique([0, *(after - nearer), len(position) - 1])
