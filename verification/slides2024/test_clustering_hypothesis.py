"""The hypothesis of the construction: class means in general position, deviations below 1/4.

With Xred = [m_1 ... m_Q] in GL(Q), kappa = Xred^-1 x are linear coordinates in which m_j is the unit
vector e_j, and d = Xred^-1 (x - m_j) is the deviation that has to satisfy |d| < 1/4. On the hyperplane
through the class means, and only there, the coordinates add up to 1 and are barycentric ones.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from geomdl import Dataset
from geomdl.arithmetic import Array
from geomdl.truncation import barycentric_coordinates
from verification.machinery.checks import claim, variant
from verification.machinery.columns import ALGEBRAIC
from verification.machinery.points import Point
from verification.machinery.ratios import Ratio, identity, property_
from verification.scenes.clusters import (
    CLUSTERED,
    DEPENDENT_MEANS,
    LOOSE,
    ONE_CLASS,
    QUARTER,
    THIN_SIMPLEX,
    class_means,
)

SCENES = (*CLUSTERED, THIN_SIMPLEX, ONE_CLASS)


def condition_of_means(at: Point, data: Dataset) -> float:
    """Return the condition number of Xred."""
    return float(np.linalg.cond(at.arithmetic.to_float64(class_means(data))))


def deviations(data: Dataset) -> Array:
    """Return x - m_j, one row a sample."""
    return data.class_deviations(data.inputs)


def relative_deviations(data: Dataset) -> Array:
    """Return d = Xred^-1 (x - m_j), one row a sample."""
    return barycentric_coordinates(class_means(data), deviations(data))


@claim(
    "slides2024/clustering-hypothesis/a",
    scenes=SCENES,
    columns=ALGEBRAIC,
    controls=[
        variant("deviations in the coordinates of the inputs", of=deviations),
        variant("deviations of 1", scenes=[LOOSE]),
        variant("class means on a line", scenes=[DEPENDENT_MEANS]),
    ],
)
def test_clustering_bounds_deviations_in_units_that_linear_maps_of_the_inputs_leave_alone(
    at: Point, of: Callable[[Dataset], Array] = relative_deviations
) -> list[Ratio]:
    data = at.problem.data
    size = data.inputs.shape[1]
    mixing = at.eye(size) * 3 + at.arithmetic.array(np.tri(size, k=-1))
    moved = Dataset(data.inputs @ mixing.T, data.labels, data.targets)
    measured = of(data)
    condition = max(condition_of_means(at, each) for each in (data, moved))
    square = (measured**2).sum(axis=1).max()
    return [
        identity(of(moved), measured, scale=at.number(1), size=size, condition=condition),
        property_(square < QUARTER**2, "all deviations are below 1/4"),
    ]


def last_samples(data: Dataset) -> Array:
    """Return one sample of each class, off the class mean."""
    return data.inputs[[int(np.flatnonzero(data.labels == j)[-1]) for j in range(len(data.targets))]]


@claim(
    "slides2024/clustering-hypothesis/b",
    scenes=SCENES,
    columns=ALGEBRAIC,
    controls=[
        variant("the transposed matrix of means", scenes=CLUSTERED[1:2], transposed=True),
        variant("class means on a line", scenes=[DEPENDENT_MEANS]),
        variant("a sample of each class for its mean", corner_of=last_samples),
    ],
)
def test_class_means_are_the_unit_vectors_and_deviations_the_differences_from_them(
    at: Point,
    transposed: bool = False,
    corner_of: Callable[[Dataset], Array] = class_means,
) -> list[Ratio]:
    data = at.problem.data
    means = class_means(data)
    corners = corner_of(data).T if transposed else corner_of(data)
    mixture = abs(at.random(4, len(means))) + at.number(1, 8)
    mixture = mixture / mixture.sum(axis=1)[:, None]
    unit: dict[str, Any] = {"size": len(means), "condition": condition_of_means(at, data)}
    kappa = barycentric_coordinates(corners, data.inputs)
    one = at.number(1)
    return [
        identity(barycentric_coordinates(corners, means), at.eye(len(means)), note="corners", **unit),
        identity(
            barycentric_coordinates(corners, mixture @ means), mixture, scale=one, note="simplex", **unit
        ),
        identity(kappa - at.eye(len(means))[data.labels], relative_deviations(data), scale=one, **unit),
    ]
