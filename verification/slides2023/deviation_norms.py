"""Norms of deviations relative to the class means, behind truncations, and where they are measured."""

from collections.abc import Callable
from typing import Any

import numpy as np

from geomdl.arithmetic import Array
from geomdl.output_layer import relative_deviations
from verification.machinery.points import Point
from verification.scenes.clusters import CLUSTERED, LOOSE
from verification.scenes.truncated import ONE_PAIR, OUTLIERS, TIGHT, WIDE, truncations

SCENES = (CLUSTERED[0], CLUSTERED[1], CLUSTERED[4], LOOSE, TIGHT, WIDE, ONE_PAIR, OUTLIERS)


Least = Callable[[Point, Array], Any]


def condition(at: Point, points: Array) -> float:
    """Return the condition number of the class means."""
    means = at.arithmetic.to_float64(at.problem.data.class_averages(points))
    return float(np.linalg.cond(means))


def weighted_norm_squared(at: Point, points: Array) -> Any:
    """|Y Delta_1|^2 in L^2_N: (1/N_j) sum over i of |Y d_(j,i)|^2, summed over the classes."""
    data = at.problem.data
    images = relative_deviations(data, points) @ data.targets
    sizes = at.arithmetic.array(data.class_sizes[data.labels])
    return ((images * images).sum(axis=1) / sizes).sum()


def largest_deviation_squared(at: Point, points: Array) -> Any:
    """delta_P^2."""
    return (relative_deviations(at.problem.data, points) ** 2).sum(axis=1).max()


def behind_truncations(at: Point) -> list[Array]:
    """Return the inputs behind several truncations."""
    return [points for _, points in truncations(at)]
