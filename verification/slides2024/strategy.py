"""The strategy of collapse layer by layer, and its measured steps."""

from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from geomdl.arithmetic import Array
from geomdl.networks import Layers
from geomdl.truncation import compose_truncations, cumulative_parameters, truncate
from verification.machinery.points import Point
from verification.machinery.ratios import Ratio, identity
from verification.scenes.clusters import (
    around_the_means,
)

Positions = Callable[[int], list[Fraction]]


def hidden_layers(at: Point, **options: Any) -> Layers:
    """Return the Q layers that collapse the classes of a scene.

    For one class, where there is no line to a centre, the apex lies half way to the origin.
    """
    data = at.problem.data
    classes = len(data.targets)
    if classes == 1:
        mean = data.class_averages(data.inputs)
        return [(-1 / mean, at.arithmetic.array([at.number(1, 2)]))]
    found = around_the_means(at, **options)
    return found.network.layers(found.theta)[:classes]


def collapsing(at: Point, **options: Any) -> Layers:
    """Return the cumulative parameters of these layers."""
    return cumulative_parameters(hidden_layers(at, **options))


def condition(at: Point, cumulative: Layers) -> float:
    """Return the largest condition number of the weights, for the error model."""
    return max(float(np.linalg.cond(at.arithmetic.to_float64(weight))) for weight, _ in cumulative)


def no_deviation(at: Point, layers: Layers) -> Ratio:
    """Hold W^(l) tau(x) + b^(l) of every sample against the class mean of x^(l), by the forward pass."""
    data = at.problem.data
    cumulative = cumulative_parameters(layers)
    (weight, bias), truncated = cumulative[-1], compose_truncations(cumulative, data.inputs)
    activations = data.inputs
    for each in layers:
        z = activations @ each[0].T + each[1]
        activations = (z + abs(z)) / 2
    expected = data.class_averages(activations)[data.labels]
    scale = max(at.arithmetic.largest(points) for points in (expected, bias))
    unit: dict[str, Any] = {"size": len(layers), "condition": condition(at, cumulative)}
    return identity(truncated @ weight.T + bias, expected, scale=scale, **unit)


def step_by_step(at: Point, positions: Sequence[Any]) -> list[tuple[Array, Array]]:
    """Return what the first l truncations make of the inputs and what they should, for l = 1..Q."""
    data = at.problem.data
    means = data.class_averages(data.inputs)
    classes = len(means)
    mu = at.arithmetic.array(positions)[:, None]
    base = (1 - mu) * means + mu * means.sum(axis=0) / classes
    if classes == 1:
        # The apex is the only base point there is; of the two sectors the better one.
        both = [truncate(side / means, -side + 0 * means[0], data.inputs) for side in (1, -1)]
        better = min(both, key=lambda points: at.arithmetic.largest(points - base))
        return [(better, base[data.labels])]
    steps, points = [], data.inputs
    for depth, (weight, bias) in enumerate(collapsing(at, mu=positions)):
        points = truncate(weight, bias, points)
        collapsed = (data.labels <= depth)[:, None]
        steps.append((points, np.where(collapsed, base[data.labels], data.inputs)))
    return steps


def spread(classes: int) -> list[Fraction]:
    """Return positions mu_j that differ from class to class and serve deviations of 1/4."""
    return [Fraction(7, 16) + Fraction(j % 4, 16) for j in range(classes)]


def near_the_means(classes: int) -> list[Fraction]:
    """Return positions too close to the class means, inside of the balls."""
    return [Fraction(1, 16)] * classes


def step_ratios(at: Point, positions: Positions = spread, shift: int = 0) -> list[Ratio]:
    """Hold what the first l truncations make of the inputs against what they should."""
    classes = len(at.problem.data.targets)
    steps = step_by_step(at, positions(classes))
    unit: dict[str, Any] = {"size": classes, "condition": condition(at, collapsing(at))}
    return [
        identity(found, expected, note=f"after {shift + depth + 1} layers", **unit)
        for depth, ((found, _), (_, expected)) in enumerate(zip(steps[shift:], steps, strict=False))
    ]
