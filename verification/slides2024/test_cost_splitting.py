"""The weighted cost is the sum of the class variances and of the distances of class means to targets.

With xbar_j the mean of the outputs of class j,

    C_N = sum_j (1/N_j) sum_i |x_(j,i) - xbar_j|^2 + sum_j |xbar_j - y_j|^2.

The second printing sums over i = 1..Q outside, so that j stays free. Both parts have minimum zero, the
first at any network with constant outputs, the second whenever the network is affine on the data and the
class means are independent; that their sum has minimum zero needs one network that does both.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from geomdl import outputs
from geomdl.arithmetic import Array
from verification.machinery.checks import claim, variant
from verification.machinery.columns import ALGEBRAIC
from verification.machinery.points import Point
from verification.machinery.ratios import Ratio, identity, property_
from verification.scenes.clusters import (
    CLUSTERED,
    LABELLED_RELU,
    REGULAR,
    SHARED_INPUT,
    TRUNCATING,
    around_the_means,
    cost_floor,
)
from verification.slides2024.splitting import Centre, mean, two_parts, unit

SCENES = (*LABELLED_RELU, *TRUNCATING, CLUSTERED[1])
SEVERAL_CLASSES = (*LABELLED_RELU[:2], *TRUNCATING[1:], CLUSTERED[1])


def class_size(at: Point, j: int) -> int:
    """N_j."""
    return int(at.problem.data.class_sizes[j])


@claim(
    "slides2024/cost-splitting/a",
    scenes=SCENES,
    columns=ALGEBRAIC,
    controls=[
        variant("a sample of the class for its mean", centre=lambda rows: rows[0]),
        variant("variances not divided by N_j", weight=class_size),
        variant("variances left out", weight=lambda at, j: 0),
    ],
)
def test_cost_is_variance_within_classes_plus_distance_of_class_means_to_targets(
    at: Point, centre: Centre = mean, weight: Callable[[Point, int], int] = lambda at, j: 1
) -> list[Ratio]:
    data, cost = at.problem.data, at.problem.cost
    ratios = []
    for rows in (at.at_theta.outputs, at.random(at.N, at.problem.network.outputs) / 3):
        within, between = two_parts(at, rows, centre)
        weighted = sum(weight(at, j) * variance for j, variance in enumerate(within))
        stacked = rows.reshape(-1)
        ratios += [
            identity(cost.value(data, stacked), weighted + sum(between), **unit(at, rows)),
            *(
                identity(found, expected, note=note, **unit(at, rows))
                for found, expected, note in zip(
                    cost.class_decomposition(data, stacked),
                    (weighted, sum(between)),
                    ("variances", "distances"),
                    strict=True,
                )
            ),
        ]
    return ratios


def summed_over_i(at: Point, parts: list[Any], cost: Any) -> Any:
    """Sum over i = 1..Q as printed, with j free: Q times the part of one class, the best fitting."""
    return min((len(parts) * part for part in parts), key=lambda total: abs(total - cost))


def summed_over_j(at: Point, parts: list[Any], cost: Any) -> Any:
    """Sum over the classes."""
    return sum(parts)


@claim(
    "slides2024/cost-splitting/b",
    scenes=SCENES,
    columns=ALGEBRAIC,
    controls=[
        variant("deviations from a sample", outer=summed_over_j, centre=lambda rows: rows[0]),
        variant("classes after the first left out", outer=lambda at, parts, cost: parts[0]),
    ],
    refuted=[variant("outer sums over i", scenes=SEVERAL_CLASSES)],
    corrected=[variant("outer sums over j", outer=summed_over_j)],
)
def test_cost_splits_with_deviations_from_the_class_means(
    at: Point, outer: Callable[[Point, list[Any], Any], Any] = summed_over_i, centre: Centre = mean
) -> Ratio:
    rows = at.random(at.N, at.problem.network.outputs) / 3
    cost = at.problem.cost.value(at.problem.data, rows.reshape(-1))
    parts = [sum(pair) for pair in zip(*two_parts(at, rows, centre), strict=True)]
    return identity(cost, outer(at, parts, cost), **unit(at, rows))


def constant_outputs(at: Point) -> Array:
    """Return theta with all weights zero and the mean target as output, of variance zero."""
    network = at.problem.network
    layers = [(0 * weight, 0 * bias) for weight, bias in network.layers(at.theta)]
    layers[-1] = (layers[-1][0], mean(at.problem.data.targets))
    return network.flatten(layers)


def affine_on_the_data(at: Point) -> Array:
    """Return theta of a network that no layer truncates and that maps class means to targets."""
    data, network = at.problem.data, at.problem.network
    means = data.class_averages(data.inputs)
    weight = at.arithmetic.solve(means, data.targets).T
    shift = 0 * means[0] + at.arithmetic.largest(data.inputs)
    layers = [(at.eye(len(shift)), shift * (depth == 0)) for depth in range(len(network.widths) - 2)]
    return network.flatten([*layers, (weight, -(weight @ shift))])


@claim(
    "slides2024/cost-splitting/c",
    scenes=(*CLUSTERED, *REGULAR[:3]),
    columns=ALGEBRAIC,
    controls=[
        variant("the network that minimizes the variances alone", common=constant_outputs),
        variant("the network that minimizes the distances alone", common=affine_on_the_data),
    ],
    refuted=[variant("two classes share an input", scenes=[SHARED_INPUT])],
)
def test_minimum_of_the_cost_is_the_sum_of_the_minima_of_its_parts(
    at: Point, common: Callable[[Point], Array] = lambda at: around_the_means(at).theta
) -> list[Ratio]:
    data, network = at.problem.data, at.problem.network
    networks = (constant_outputs, affine_on_the_data, common)
    constant, affine, both = (outputs(network, theta(at), data.inputs) for theta in networks)
    means = at.arithmetic.to_float64(data.class_averages(data.inputs))
    accuracy: dict[str, Any] = {
        "scale": at.arithmetic.largest(at.y),
        "size": sum(network.widths),
        "condition": float(np.linalg.cond(means)),
    }
    return [
        identity(data.class_deviations(constant), 0 * constant, note="no variance", **accuracy),
        identity(data.class_averages(affine), data.targets, note="no distance", **accuracy),
        identity(both, data.targets[data.labels], note="neither at once", **accuracy),
        property_(cost_floor(at) == 0, "no network has cost below the conflict of equal inputs"),
    ]
