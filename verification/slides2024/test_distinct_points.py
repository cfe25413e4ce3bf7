"""The base points are Q distinct points, and the output layer matches them to the targets.

Claim a, each class is reduced to its base point, is decided with slides2024/strategy-collapse/e. Points
m_j[mu_j] lie in input space; the output layer receives them as W^(L) m_j[mu_j] + b^(L). For mu_j < 1
they are not only distinct but affinely independent, as matching Q targets by an affine map requires.
"""

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np

from geomdl import linearize, outputs, pseudoinverse
from geomdl.arithmetic import Array
from geomdl.truncation import (
    HALF,
    ExplicitMinimizer,
    barycentric_coordinates,
    corner_sector,
    cumulative_parameters,
    sector_layers,
)
from verification.machinery.checks import claim, variant
from verification.machinery.columns import ALGEBRAIC
from verification.machinery.points import Point
from verification.machinery.ratios import Ratio, identity, property_
from verification.scenes.clusters import CLUSTERED, LOOSE, REGULAR, around_the_means

SCENES = (*CLUSTERED, *REGULAR[:3])


def condition(at: Point, found: ExplicitMinimizer) -> float:
    """Return the condition number of W^(Q), for the error model."""
    classes = len(at.problem.data.targets)
    weight, _ = cumulative_parameters(found.network.layers(found.theta)[:classes])[-1]
    return float(np.linalg.cond(at.arithmetic.to_float64(weight)))


def entering_the_output_layer(at: Point, found: ExplicitMinimizer) -> Array:
    """Return x^(L), one row a sample."""
    return linearize(found.network, found.theta, at.problem.data.inputs).activations[-1]


def in_the_centre(at: Point) -> Array:
    """Return x^(L) of the network whose apexes all lie at the centre, mu_j = 1."""
    data = at.problem.data
    classes = len(data.targets)
    means = data.class_averages(data.inputs)
    sectors = [corner_sector(classes, corner, HALF, at.arithmetic) for corner in range(classes)]
    centre = at.arithmetic.zeros((classes, classes)) + at.number(1, classes)
    hidden = sector_layers(at.inverse(means.T), sectors, centre)
    points = data.inputs
    for weight, bias in hidden:
        z = points @ weight.T + bias
        points = (z + abs(z)) / 2
    return points


@claim(
    "slides2024/distinct-points/b",
    scenes=SCENES,
    columns=ALGEBRAIC,
    controls=[
        variant("all mu_j = 1", entering=lambda at, found: in_the_centre(at)),
        variant("base points of another mu", mu=Fraction(7, 16)),
        variant("classes that reach across each other", scenes=[LOOSE]),
    ],
)
def test_output_layer_receives_q_distinct_points(
    at: Point,
    entering: Callable[[Point, ExplicitMinimizer], Array] = entering_the_output_layer,
    mu: Fraction = HALF,
) -> list[Ratio]:
    data = at.problem.data
    found = around_the_means(at)
    classes = len(data.targets)
    weight, bias = cumulative_parameters(found.network.layers(found.theta)[:classes])[-1]
    base = around_the_means(at, mu=mu).base_points
    points = entering(at, found)
    one_each = points[[int(np.flatnonzero(data.labels == j)[0]) for j in range(classes)]]
    unit: dict[str, Any] = {"size": classes, "condition": condition(at, found)}
    apart = [
        property_(
            at.arithmetic.largest(one_each[j] - one_each[k])
            > 1000 * classes * at.arithmetic.unit_roundoff * at.arithmetic.largest(points),
            f"points {j} and {k} are distinct",
        )
        for j in range(classes)
        for k in range(j)
    ]
    expected = (base @ weight.T + bias)[data.labels]
    return [identity(points, expected, note="x^(L) = W^(L) m_j[mu_j] + b^(L)", **unit), *apart]


def on_a_line(points: Array) -> Array:
    """Replace Q points by distinct ones on the line through the first two."""
    step = points[1] - points[0]
    return np.stack([points[0] + index * step for index in range(len(points))])


@claim(
    "slides2024/distinct-points/c",
    scenes=SCENES,
    columns=ALGEBRAIC,
    controls=[
        variant("distinct points on a line", scenes=REGULAR[1:3], rearranged=on_a_line),
        variant("matched in another order", turn=1),
        variant("classes that reach across each other", scenes=[LOOSE]),
    ],
)
def test_an_affine_map_matches_the_base_points_to_any_targets(
    at: Point, rearranged: Callable[[Array], Array] = lambda points: points, turn: int = 0
) -> list[Ratio]:
    data, network = at.problem.data, at.problem.network
    found = around_the_means(at)
    classes = len(data.targets)
    points = entering_the_output_layer(at, found)
    one_each = points[[int(np.flatnonzero(data.labels == j)[0]) for j in range(classes)]]
    one_each = rearranged(one_each)
    targets = at.random(classes, network.outputs)
    # Least squares for W p_j + b = y_j; it has residual zero when the points are affinely independent.
    design = at.arithmetic.concatenate([one_each, at.eye(classes)[:, :1] * 0 + at.number(1)], axis=1)
    inverse = pseudoinverse(design)
    solution = inverse.apply(np.roll(targets, turn, axis=0))
    layers = [*found.network.layers(found.theta)[:-1], (solution[:-1].T, solution[-1])]
    reached = outputs(network, network.flatten(layers), data.inputs)
    spread = pseudoinverse(at.arithmetic.to_float64(design)).condition
    unit: dict[str, Any] = {"size": classes, "condition": spread}
    kappa = barycentric_coordinates(data.class_averages(data.inputs), found.base_points)
    return [
        identity(design @ solution, targets, note="the affine map matches the points", **unit),
        identity(reached, targets[data.labels], note="and the network the samples", **unit),
        identity(kappa.sum(axis=1), at.arithmetic.zeros(classes) + at.number(1), **unit),
    ]
