"""Truncation networks at a global minimum, and what their cost is measured against."""

from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from geomdl import CLASS_WEIGHTED, Network, outputs
from geomdl.arithmetic import Array
from geomdl.truncation import corner_sector
from verification.machinery.points import Point
from verification.machinery.ratios import THRESHOLDS, Ratio, bound, identity, property_
from verification.scenes.clusters import (
    around_the_means,
)

Theta = Callable[[Point], Array]


Positions = Callable[[Point], Sequence[Fraction]]


def for_the_means(at: Point) -> Array:
    """Return theta of the explicit network for the class means alone."""
    return around_the_means(at).theta


def accuracy(at: Point) -> dict[str, Any]:
    """Scale, size and condition of the error model: size of the targets, layers, sectors."""
    classes = len(at.problem.data.targets)
    sector = corner_sector(classes, 0)[0] if classes > 1 else np.eye(1)
    return {
        "scale": at.arithmetic.largest(at.y),
        "size": classes,
        "condition": float(np.linalg.cond(sector)),
    }


def vanishing_cost(at: Point, network: Network, theta: Array) -> list[Ratio]:
    """Hold outputs against targets, and the cost against what the same error of all outputs gives."""
    data, expected = at.problem.data, accuracy(at)
    reached = outputs(network, theta, data.inputs)
    cost = CLASS_WEIGHTED.value(data, reached.reshape(-1))
    roundoff = at.arithmetic.unit_roundoff * expected["size"] * expected["condition"]
    largest = float(expected["scale"]) * THRESHOLDS["identity"] * roundoff
    limit = data.targets.size * largest**2
    return [
        identity(reached, data.targets[data.labels], note="outputs", **expected),
        property_(cost >= 0, "the cost is bounded below by 0"),
        bound(cost, limit, note="cost") if limit else property_(cost == 0, "the cost is exactly 0"),
    ]


def inside_the_cube(at: Point) -> list[Fraction]:
    """Draw mu in [3/8, 11/16]^Q, inside I^Q for deviations below 1/4 and every Q >= 2."""
    steps = at.generator.integers(24, 45, len(at.problem.data.targets))
    return [Fraction(int(step), 64) for step in steps]


def all_at(numerator: int, denominator: int) -> Positions:
    """Put all mu_j at one place."""
    return lambda at: [Fraction(numerator, denominator)] * len(at.problem.data.targets)
