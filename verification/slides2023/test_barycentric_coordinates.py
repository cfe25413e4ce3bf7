"""Coordinates of a point with respect to the simplex of class means.

kappa = Xred^-1 x gives x = sum_j kappa_j xbar_(0,j) for every x, when the class means are independent.
Barycentric coordinates add up to 1 and do not see a translation of point and simplex together. Both
hold on the hyperplane through the class means, where 1^T Xred^-1 x = 1, and nowhere else: the origin has
kappa = 0.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from geomdl.arithmetic import Array
from geomdl.truncation import barycentric_coordinates
from verification.machinery.checks import claim, variant
from verification.machinery.columns import ALGEBRAIC
from verification.machinery.points import Point
from verification.machinery.ratios import Ratio, identity, property_
from verification.scenes.clusters import CLUSTERED, DEPENDENT_MEANS, LOOSE, ONE_CLASS, class_means

SCENES = (*CLUSTERED, LOOSE, ONE_CLASS)
Draw = Callable[[Point], Array]


def unit(at: Point, corners: Array) -> dict[str, Any]:
    """Size and condition of the error model: one solution with Xred."""
    condition = float(np.linalg.cond(at.arithmetic.to_float64(corners)))
    return {"size": len(corners), "condition": condition}


def anywhere(at: Point) -> Array:
    """Draw points of R^Q, one row each."""
    return at.random(4, len(at.problem.data.targets))


def on_the_hyperplane(at: Point) -> Array:
    """Draw points of the hyperplane through the class means, inside and outside of the simplex."""
    means = class_means(at.problem.data)
    weights = at.random(4, len(means))
    weights[:, 0] = at.number(1) - weights.sum(axis=1) + weights[:, 0]
    return weights @ means


def origin(at: Point) -> Array:
    """Return the origin."""
    return at.arithmetic.zeros((1, len(at.problem.data.targets)))


@claim(
    "slides2023/barycentric-coordinates/a",
    scenes=SCENES,
    columns=ALGEBRAIC,
    controls=[
        variant("class means on a line", scenes=[DEPENDENT_MEANS]),
        variant("rows and columns of the matrix of means exchanged", scenes=[LOOSE], transposed=True),
    ],
)
def test_every_point_is_a_combination_of_the_class_means(
    at: Point, transposed: bool = False
) -> list[Ratio]:
    means, points = class_means(at.problem.data), anywhere(at)
    kappa = barycentric_coordinates(means.T if transposed else means, points)
    combined = [
        sum(kappa[row, i] * means[i] for i in range(1, len(means))) + kappa[row, 0] * means[0]
        for row in range(len(points))
    ]
    scale = at.arithmetic.largest(kappa) * at.arithmetic.largest(means)
    return [
        identity(combined[row], point, scale=scale, size=len(means), note="sum of kappa_i xbar_i")
        for row, point in enumerate(points)
    ]


@claim(
    "slides2023/barycentric-coordinates/b",
    scenes=SCENES,
    columns=ALGEBRAIC,
    controls=[
        variant("rows and columns of the matrix of means exchanged", scenes=[LOOSE], transposed=True),
        variant("any point of R^Q", points=anywhere),
    ],
    refuted=[variant("the origin", scenes=CLUSTERED[:2], points=origin)],
)
def test_coordinates_add_up_to_one_and_do_not_see_translations(
    at: Point, points: Draw = on_the_hyperplane, transposed: bool = False
) -> list[Ratio]:
    means, drawn = class_means(at.problem.data), points(at)
    kappa = barycentric_coordinates(means.T if transposed else means, drawn)
    total = at.arithmetic.zeros(len(drawn)) + at.number(1)
    shift = class_means(at.problem.data).sum(axis=0)
    moved = barycentric_coordinates(means + shift, drawn + shift)
    accuracy = unit(at, means)
    accuracy["condition"] = max(unit(at, each)["condition"] for each in (means, means + shift))
    scale = max(at.arithmetic.largest(kappa), at.number(1))
    return [
        identity(kappa.sum(axis=1), total, scale=scale, note="sum of kappa_i", **accuracy),
        identity(moved, kappa, scale=scale, note="after a translation", **accuracy),
    ]


@claim(
    "slides2023/barycentric-coordinates/c",
    scenes=SCENES,
    columns=ALGEBRAIC,
    controls=[
        variant("deviations as they are", of=lambda means, deviations: deviations),
        variant("the matrix of means not inverted", of=lambda means, deviations: deviations @ means),
        variant("class means on a line", scenes=[DEPENDENT_MEANS]),
    ],
)
def test_relative_deviations_are_differences_of_coordinates(
    at: Point, of: Callable[[Array, Array], Array] = barycentric_coordinates
) -> list[Ratio]:
    data, means = at.problem.data, class_means(at.problem.data)
    relative = of(means, data.class_deviations(data.inputs))
    kappa, corners = barycentric_coordinates(means, data.inputs), barycentric_coordinates(means, means)
    sums = data.class_averages(relative)
    scale = at.number(1)  # the coordinate of a class mean in its own direction
    return [
        identity(relative, kappa - corners[data.labels], scale=scale, **unit(at, means)),
        identity(sums, 0 * sums, scale=scale, note="they cancel in each class", **unit(at, means)),
        property_(relative.shape == data.inputs.shape, "one column of Delta_1^(0) a sample"),
    ]
