"""Definition of the ReLU network and of its weighted cost, one sample and one entry at a time.

x^(l) = (W_l x^(l-1) + b_l)_+ for l = 1..L, x^(L+1) = W_(L+1) x^(L) + b_(L+1), and

    C_N = sum over j of (1/N_j) sum over i of |x_(j,i)^(L+1) - y_j|^2.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from geomdl import outputs
from geomdl.arithmetic import Array
from geomdl.networks import Layers
from verification.machinery.checks import claim, variant
from verification.machinery.columns import ALGEBRAIC
from verification.machinery.points import Point
from verification.machinery.ratios import Ratio, identity
from verification.scenes.clusters import CLUSTERED, LABELLED_RELU, TRUNCATING, scaled_units

SCENES = (*LABELLED_RELU, *TRUNCATING, CLUSTERED[1])


def printed_layers(
    layers: Layers, sample: Sequence[Any], positive: bool, affine_output: bool, bias: int
) -> list[list[Any]]:
    """Return x^(1), ..., x^(L+1) of one sample by explicit sums."""
    reached, below = [], list(sample)
    for depth, (weight, shift) in enumerate(layers):
        z = []
        for row, start in zip(weight.tolist(), shift.tolist(), strict=True):
            total = bias * start
            for entry, value in zip(row, below, strict=True):
                total = total + entry * value
            z.append(total)
        last = depth == len(layers) - 1
        active = positive and not (last and affine_output)
        below = [max(value, 0 * value) for value in z] if active else z
        reached.append(below)
    return reached


@claim(
    "slides2024/network-and-cost/a",
    scenes=SCENES,
    columns=ALGEBRAIC,
    controls=[
        variant("activated output", affine_output=False),
        variant("hidden layers not activated", positive=False),
        variant("no biases", bias=0),
    ],
)
def test_hidden_layers_are_cut_off_at_zero_and_the_output_layer_is_affine(
    at: Point, positive: bool = True, affine_output: bool = True, bias: int = 1
) -> list[Ratio]:
    # Python's floats are float64: in the float32 column the reference is more precise than the network.
    linear = at.problem.linearize(scaled_units(at, at.theta))
    by_loops = [
        printed_layers(linear.layers, sample, positive, affine_output, bias)
        for sample in at.problem.data.inputs.tolist()
    ]
    found = [*linear.activations[1:], linear.outputs]
    scale = max(at.arithmetic.largest(layer) for layer in (*found, linear.theta))
    return [
        identity(
            layer,
            at.arithmetic.array([sample[depth] for sample in by_loops]),
            scale=scale,
            size=sum(at.problem.network.widths[: depth + 1]),
            note=f"x^({depth + 1})",
        )
        for depth, layer in enumerate(found)
    ]


def size_of_class(labels: np.ndarray, j: int) -> int:
    """N_j."""
    return int(np.sum(labels == j))


@claim(
    "slides2024/network-and-cost/b",
    scenes=SCENES,
    columns=ALGEBRAIC,
    controls=[
        variant("divided by N / Q", divisor=lambda labels, j: len(labels) / (labels.max() + 1)),
        variant("divided by 2 N_j", divisor=lambda labels, j: 2 * size_of_class(labels, j)),
        variant("not divided", divisor=lambda labels, j: 1),
        variant("distances not squared", power=1),
    ],
)
def test_cost_averages_each_class_by_itself(
    at: Point, divisor: Callable[[np.ndarray, int], Any] = size_of_class, power: int = 2
) -> Ratio:
    data = at.problem.data
    rows = outputs(at.problem.network, scaled_units(at, at.theta), data.inputs)
    total = at.number(0)
    for j, target in enumerate(data.targets):
        for sample in np.flatnonzero(data.labels == j):
            gap: Array = abs(rows[sample] - target)
            total = total + sum(entry**power for entry in gap) / divisor(data.labels, j)
    found = at.problem.cost.value(data, rows.reshape(-1))
    return identity(found, total, size=rows.size)
