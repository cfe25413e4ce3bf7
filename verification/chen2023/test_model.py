"""Section 1.1: the label map, the network, its parameter vector and the cost.

Every formula of (1.1)-(1.8) is evaluated once more as it is printed, one sample, one layer and one
entry at a time, in numbers of twice the digits (or in fractions), and held against the arrays of the
library. The text leaves the order of theta open; layer by layer, W_l row by row, then b_l, is ours.
"""

from collections.abc import Callable, Sequence
from itertools import pairwise

from geomdl import outputs
from geomdl.arithmetic import Array
from verification.chen2023.printed_formulas import (
    Piece,
    Position,
    by_output,
    by_sample,
    printed_network,
    reference_arithmetic,
    stacked,
)
from verification.machinery.checks import claim, variant
from verification.machinery.columns import ALGEBRAIC, ONLY_FLOAT64
from verification.machinery.points import Point
from verification.machinery.ratios import Ratio, identity, property_
from verification.scenes.labelled import ANY_NETWORK, LABELLED, labelled_scene

Index = Callable[[int, Array], int]
Width = Callable[[Sequence[int]], int]
Count = Callable[[Point, int], float]


@claim(
    "chen2023/model/a",
    scenes=LABELLED,
    columns=ONLY_FLOAT64,
    controls=[
        variant("stacked output by output", position=by_output),
        variant("the j-th target instead of the one of label j", index=lambda j, labels: j % 3),
    ],
)
def test_label_map_gives_every_sample_its_target(
    at: Point, position: Position = by_sample, index: Index = lambda j, labels: labels[j]
) -> list[Ratio]:
    data = at.problem.data
    rows = [data.targets[index(j, data.labels)] for j in range(at.N)]
    return [
        property_(len(data.targets) == at.problem.network.outputs, "there are Q targets in R^Q"),
        property_(data.stacked_targets.tolist() == stacked(rows, position), "y_omega"),
    ]


@claim(
    "chen2023/model/b",
    scenes=ANY_NETWORK,
    columns=ALGEBRAIC,
    controls=[
        variant("activated output", affine_output=False),
        variant("no biases", biases=0),
        variant("theta lists the weights column by column", row_by_row=False),
    ],
)
def test_layers_are_activated_affine_maps_and_the_output_is_affine(
    at: Point, row_by_row: bool = True, biases: int = 1, affine_output: bool = True
) -> list[Ratio]:
    layers = printed_network(at, row_by_row=row_by_row, biases=biases, affine_output=affine_output)
    network, inputs = at.problem.network, at.problem.data.inputs
    found = [*at.at_theta.activations, at.at_theta.outputs, outputs(network, at.theta, inputs)]
    depths = [*range(len(network.widths)), len(network.widths) - 1]
    scale = max(at.arithmetic.largest(layer) for layer in (*found, at.theta))
    return [
        identity(
            layer,
            at.arithmetic.array([sample[depth] for sample in layers]),
            scale=scale,
            size=sum(network.widths[:depth]) + 1,
            note=f"x^({depth})",
        )
        for layer, depth in zip(found, depths, strict=True)
    ]


@claim(
    "chen2023/model/c",
    scenes=ANY_NETWORK,
    columns=ONLY_FLOAT64,
    controls=[
        variant("no biases", biases=0),
        variant("the last layer left out", last=-1),
        variant("M_0 is the first hidden width", m_0=lambda widths: widths[1]),
    ],
)
def test_number_of_parameters_counts_all_weights_and_biases(
    at: Point, biases: int = 1, last: int | None = None, m_0: Width = lambda widths: widths[0]
) -> list[Ratio]:
    widths = at.problem.network.widths
    pairs = list(pairwise((m_0(widths), *widths[1:])))[:last]
    count = sum(wide * narrow + biases * wide for narrow, wide in pairs)
    listed = sum(1 for weight, bias in at.at_theta.layers for _ in (*weight.ravel(), *bias))
    return [
        property_(count == listed, "entries of W_l and b_l"),
        property_(count == at.problem.network.parameter_count, "the count of the network"),
        property_(at.D.shape == (len(at.y), count), "columns of D"),
        property_(at.theta.shape == (count,), "theta"),
    ]


@claim(
    "chen2023/model/d",
    scenes=ANY_NETWORK,
    columns=ALGEBRAIC,
    controls=[
        variant("without 1/2", divisor=lambda at: at.N),
        variant("without 1/N", divisor=lambda at: 2),
        variant("mean over all components", divisor=lambda at: 2 * len(at.y)),
        variant("outputs stacked output by output", position=by_output),
        variant("distances not squared", power=1),
    ],
)
def test_cost_is_the_squared_distance_over_twice_the_number_of_samples(
    at: Point, divisor: Piece = lambda at: 2 * at.N, position: Position = by_sample, power: int = 2
) -> list[Ratio]:
    numbers, data = reference_arithmetic(at.arithmetic), at.problem.data
    rows = [layers[-1] for layers in printed_network(at)]
    targets = numbers.array(data.targets).tolist()
    x, y = stacked(rows, position), stacked([targets[label] for label in data.labels])
    of_stack = sum(abs(x[i] - y[i]) ** power for i in range(len(x)))
    of_samples = sum(
        sum(abs(rows[j][q] - targets[data.labels[j]][q]) ** power for q in range(len(targets[0])))
        for j in range(at.N)
    )
    largest = at.arithmetic.largest
    unit = {
        "scale": (largest(at.x) + largest(at.y) + largest(at.theta)) ** 2,
        "size": sum(at.problem.network.widths),
    }
    return [
        identity(at.x, at.arithmetic.array(x), scale=unit["scale"], size=unit["size"], note="(1.8)"),
        *(
            identity(cost, at.arithmetic.array([total / divisor(at)])[0], note=note, **unit)
            for cost in (at.problem.value(at.theta), at.problem.cost.value(data, at.x))
            for total, note in ((of_stack, "norm of the stack"), (of_samples, "sum over samples"))
        ),
    ]


def members(at: Point, i: int) -> int:
    """Count the inputs whose target is y_i."""
    data = at.problem.data
    return sum(data.targets[data.labels[j]].tolist() == data.targets[i].tolist() for j in range(at.N))


@claim(
    "chen2023/model/e",
    scenes=LABELLED,
    columns=ONLY_FLOAT64,
    controls=[
        variant("all classes of the same size", count=lambda at, i: at.N / len(at.problem.data.targets)),
        variant("components of targets counted", count=lambda at, i: members(at, i) * len(at.y) // at.N),
    ],
    refuted=[
        variant(
            "targets that coincide",
            scenes=[
                labelled_scene([2, 2, 2], "tanh", (2, 1), targets_coincide=True, suffix="-same-target")
            ],
        )
    ],
)
def test_class_sizes_count_the_inputs_of_each_target_and_add_up_to_N(
    at: Point, count: Count = members
) -> list[Ratio]:
    data = at.problem.data
    sizes = [count(at, i) for i in range(len(data.targets))]
    return [
        property_(sizes == data.class_sizes.tolist(), "N_i"),
        property_(sum(sizes) == at.N, "the sum of all N_i"),
    ]
