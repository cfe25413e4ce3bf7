"""Layers by composed truncation maps against layers by the network itself."""

from collections.abc import Callable

import numpy as np

from geomdl.arithmetic import Array
from geomdl.networks import Layers
from geomdl.truncation import compose_truncations, cumulative_parameters
from verification.machinery.points import Point
from verification.machinery.ratios import Ratio, identity, property_

Select = Callable[[Layers], Layers]


def all_layers(layers: Layers) -> Layers:
    """Select all layers, as printed."""
    return layers


def condition(at: Point, weight: Array) -> float:
    """Condition number of a weight matrix, for the error model."""
    return float(np.linalg.cond(at.arithmetic.to_float64(weight)))


def worst_condition(at: Point, layers: Layers) -> float:
    """Return the largest condition number of the weights."""
    return max(condition(at, weight) for weight, _ in layers)


def last_bias(cumulative: Layers) -> Array:
    """b^(l)."""
    return cumulative[-1][1]


def layers_by_composed_truncations(
    at: Point,
    bias: Callable[[Layers], Array],
    *,
    selected: Select = all_layers,
) -> list[Ratio]:
    """Hold x^(l) against W^(l) tau(x^(0)) + bias for every l; each sample by itself."""
    hidden, reached = at.at_theta.layers[:-1], at.at_theta.activations
    cumulative = cumulative_parameters(hidden)
    ratios = []
    for depth in range(1, len(hidden) + 1):
        so_far = cumulative[:depth]
        truncated = compose_truncations(selected(so_far), at.problem.data.inputs)
        weight, added = so_far[-1][0], bias(so_far)
        scale = max(at.arithmetic.largest(points) for points in (*reached, *(b for _, b in so_far)))
        unit = {"scale": scale, "size": len(weight) * depth, "condition": worst_condition(at, so_far)}
        ratios += [
            identity(
                reached[depth][sample],
                weight @ truncated[sample] + vector,
                note=f"x^({depth}) of sample {sample}",
                **unit,
            )
            for sample in range(at.N)
            for vector in np.atleast_2d(added)
        ]
        ratios.append(property_(added.shape == weight.shape[:1], "the added bias is a vector of R^Q"))
    return ratios
