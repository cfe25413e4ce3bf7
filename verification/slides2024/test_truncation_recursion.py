"""Hidden layers as truncations with cumulative parameters W^(l) = W_l ... W_1, b^(l).

x^(l) = W_l tau_(W_l,b_l)(x^(l-1)) + b_l, and with tau of the underlined tuples the composition of
tau_(W^(1),b^(1)), ..., tau_(W^(l),b^(l)) in this order, x^(l) = W^(l) tau(x^(0)) + b^(l). The deck of
2024 prints the additive bias with an underline, which makes it the tuple (b^(1), ..., b^(l)): no vector
of R^Q, and none of its entries but the last would do. In all scenes every layer truncates the data; on
others tau is the identity.
"""

from collections.abc import Callable

import numpy as np

from geomdl import Network, outputs
from geomdl.arithmetic import Array
from geomdl.networks import Layers
from geomdl.truncation import cumulative_parameters, truncate
from verification.machinery.checks import claim, variant
from verification.machinery.columns import ALGEBRAIC
from verification.machinery.points import Point
from verification.machinery.ratios import Ratio, identity
from verification.scenes.clusters import TRUNCATING, scaled_units
from verification.slides2024.recursion import (
    Select,
    all_layers,
    condition,
    last_bias,
    layers_by_composed_truncations,
)


@claim(
    "slides2024/truncation-recursion/a",
    "slides2023/truncation-recursion/a",
    scenes=TRUNCATING,
    columns=ALGEBRAIC,
    controls=[
        variant("tau of the cumulative parameters", of=cumulative_parameters),
        variant("without tau", tau=lambda weight, bias, points: points),
        variant("bias subtracted", sign=-1),
    ],
)
def test_each_hidden_layer_is_a_truncation_followed_by_its_affine_map(
    at: Point, of: Select = all_layers, tau: Callable[..., Array] = truncate, sign: int = 1
) -> list[Ratio]:
    hidden, below = at.at_theta.layers[:-1], at.at_theta.activations
    return [
        identity(
            below[depth + 1],
            tau(*of(hidden)[depth], below[depth]) @ weight.T + sign * bias,
            scale=max(at.arithmetic.largest(points) for points in (weight, bias, *below)),
            size=len(bias),
            condition=condition(at, weight),
            note=f"layer {depth + 1}",
        )
        for depth, (weight, bias) in enumerate(hidden)
    ]


def tuple_of_biases(cumulative: Layers) -> Array:
    """Return the underlined b^(l) as printed: all cumulative biases, one row each."""
    return np.stack([bias for _, bias in cumulative])


@claim(
    "slides2024/truncation-recursion/b",
    scenes=TRUNCATING,
    columns=ALGEBRAIC,
    controls=[
        variant("tau of the last pair only", bias=last_bias, selected=lambda layers: layers[-1:]),
        variant(
            "composed in the other order",
            scenes=TRUNCATING[1:],  # in one dimension truncations may commute
            bias=last_bias,
            selected=lambda layers: layers[::-1],
        ),
        variant("bias of the layer before", bias=lambda layers: layers[max(len(layers) - 2, 0)][1]),
    ],
    refuted=[variant("the tuple of biases is added", scenes=TRUNCATING[:2])],
    corrected=[variant("bias without underline", bias=last_bias)],
)
def test_every_layer_is_one_affine_map_of_composed_truncations(
    at: Point, bias: Callable[[Layers], Array] = tuple_of_biases, selected: Select = all_layers
) -> list[Ratio]:
    return layers_by_composed_truncations(at, bias, selected=selected)


@claim(
    "slides2024/truncation-recursion/c",
    "slides2023/truncation-recursion/d",
    scenes=TRUNCATING,
    columns=ALGEBRAIC,
    controls=[
        variant("product in the other order", scenes=TRUNCATING[1:], reverse=True),
        variant("biases summed without weights", scenes=TRUNCATING[1:], carry=False),
        variant("ReLU layers instead of affine ones", activation="relu"),
    ],
)
def test_product_and_sum_are_the_weight_and_bias_of_the_layers_without_activation(
    at: Point, reverse: bool = False, carry: bool = True, activation: str = "identity"
) -> list[Ratio]:
    inputs = at.problem.data.inputs
    linear = at.problem.linearize(scaled_units(at, at.theta))
    hidden = linear.layers[:-1]
    recursive = cumulative_parameters(hidden)
    ratios = []
    for depth in range(1, len(hidden) + 1):
        weights = [weight for weight, _ in hidden[:depth]]
        affine = Network(at.problem.network.widths[: depth + 1], "identity")
        square = at.eye(len(weights[0]))
        product = _product(weights if reverse else weights[::-1], square)  # W_l ... W_1
        total = sum(
            (_product(weights[k + 1 :][::-1], square) if carry else square) @ bias
            for k, (_, bias) in enumerate(hidden[:depth])
        )  # W_l ... W_2 b_1 + ... + W_l b_(l-1) + b_l
        if activation == "identity":
            composed = outputs(affine, affine.flatten(hidden[:depth]), inputs)
        else:
            composed = linear.activations[depth]
        scale = max(at.arithmetic.largest(each) for each in (*weights, product, total, inputs, composed))
        unit = {"scale": scale, "size": len(product) * depth}
        ratios += [
            identity(composed, inputs @ product.T + total, note=f"layers 1 to {depth}", **unit),
            identity(recursive[depth - 1][0], product, note=f"W^({depth}) by recursion", **unit),
            identity(recursive[depth - 1][1], total, note=f"b^({depth}) by recursion", **unit),
        ]
    return ratios


def _product(factors: list[Array], start: Array) -> Array:
    for factor in factors:
        start = start @ factor
    return start
