"""Section 1.1: the label map, the network, its parameter vector and the cost.

Every formula of (1.1)-(1.8) is evaluated once more as it is printed, one sample, one layer and one
entry at a time, in numbers of twice the digits (or in fractions), and held against the arrays of the
library. The text leaves the order of theta open; layer by layer, W_l row by row, then b_l, is ours.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from geomdl import Dataset, Network, Problem, get_arithmetic, outputs
from geomdl.arithmetic import FLOAT64, Arithmetic, Array
from verification.machinery.checks import claim, variant
from verification.machinery.columns import ALGEBRAIC, ONLY_FLOAT64
from verification.machinery.points import Point, Scene
from verification.machinery.ratios import Ratio, identity, property_
from verification.scenes.networks import ATTEMPTS, FULL_RANK, FULL_RANK_EXACT, SMALLEST, UNDER

NEAREST_KINK = 2.0**-10
"""Least distance of a pre-activation from the kinks of a piecewise linear activation."""


def hidden_pre_activations(network: Network, theta: np.ndarray, inputs: np.ndarray) -> Iterator[Array]:
    """Yield the pre-activations of the hidden layers, in float64."""
    below = inputs
    for weight, bias in network.layers(theta)[:-1]:
        z = below @ weight.T + bias
        yield z
        below = network.activation.value(FLOAT64, z)


def labelled_scene(
    widths: Sequence[int],
    activation: str,
    class_sizes: Sequence[int],
    *,
    bits: int | None = None,
    targets_coincide: bool = False,
    suffix: str = "",
) -> Scene:
    """Make a scene with exactly Q targets, class_sizes[i] samples of target i in shuffled order.

    Targets are pairwise distinct unless they shall coincide; pre-activations stay off all kinks.
    """
    network = Network(widths, activation)
    if len(class_sizes) != network.outputs:
        raise ValueError(f"got {len(class_sizes)} class sizes; expected Q = {network.outputs}")
    name = f"{network}-N{'+'.join(map(str, class_sizes))}{suffix}"

    def grid(values: np.ndarray) -> np.ndarray:
        return values if bits is None else np.round(values * 2**bits) / 2**bits

    def draw(generator: np.random.Generator) -> tuple[Problem, np.ndarray]:
        labels = generator.permutation(np.repeat(np.arange(len(class_sizes)), class_sizes))
        for _ in range(ATTEMPTS):
            inputs = grid(generator.standard_normal((len(labels), network.inputs)))
            targets = grid(generator.standard_normal((len(class_sizes), network.outputs)))
            if targets_coincide:
                targets[:] = targets[0]
            theta = grid(network.random_theta(generator))
            distinct = len(np.unique(targets, axis=0)) == len(targets)
            smooth = not network.activation.piecewise_linear or all(
                np.abs(z).min() >= NEAREST_KINK for z in hidden_pre_activations(network, theta, inputs)
            )
            if smooth and distinct != (targets_coincide and len(targets) > 1):
                return Problem(network, Dataset(inputs, labels, targets)), theta
        raise RuntimeError(f"scene {name}: no draw of {ATTEMPTS} is off the kinks")

    return Scene(name, draw, frozenset({"labelled"}), exact=bits is not None)


LABELLED = (
    labelled_scene([2, 3, 3], "sigmoid", (3, 2, 1)),
    labelled_scene([3, 3, 2], "tanh", (4, 1)),
    labelled_scene([2, 3, 2, 2], "gelu", (1, 3)),
    labelled_scene([1, 4, 2], "sin", (2, 3)),
    labelled_scene([1, 1, 1, 1], "softplus", (3,)),
    labelled_scene([2, 3, 2], "square", (2, 1), bits=3),
    labelled_scene([2, 3, 2, 2], "leaky_relu", (1, 3), bits=3),
    labelled_scene([2, 4, 2], "relu", (2, 2), bits=3),
    labelled_scene([3, 2], "identity", (3, 1), bits=3),
    labelled_scene([2, 1], "identity", (1,), bits=3),
)
"""Every activation, Q classes of different sizes; also without hidden layer, of width 1, with N = 1."""

UNLABELLED = (*FULL_RANK[:2], *FULL_RANK_EXACT, *UNDER[:1], *SMALLEST)
"""Any targets: overparametrized and underparametrized, N = 1 and Q = 1."""

SCENES = (*LABELLED, *UNLABELLED)


def reference_arithmetic(arithmetic: Arithmetic) -> Arithmetic:
    """Return numbers of twice the digits and ten more; exact numbers stay what they are."""
    if arithmetic.exact:
        return arithmetic
    return get_arithmetic(f"mp{2 * math.ceil(-math.log10(arithmetic.unit_roundoff)) + 10}")


def textbook_activation(name: str, numbers: Arithmetic) -> Callable[[Any], Any]:
    """Return an activation of one number by its textbook definition, without its derivative."""
    context: Any = getattr(numbers, "context", None)  # of mpmath; fractions know rational functions only
    return {
        "tanh": lambda z: 1 - 2 / (context.exp(2 * z) + 1),
        "sigmoid": lambda z: 1 / (1 + context.exp(-z)),
        "softplus": lambda z: context.log(1 + context.exp(z)),
        "gelu": lambda z: z * context.ncdf(z),
        "sin": lambda z: context.sin(z),
        "relu": lambda z: max(z, 0 * z),
        "leaky_relu": lambda z: max(z, z / 100),
        "square": lambda z: z**2,
        "identity": lambda z: z,
    }[name]


def printed_layers(
    widths: Sequence[int],
    activation: Callable[[Any], Any],
    theta: Sequence[Any],
    point: Sequence[Any],
    *,
    row_by_row: bool = True,
    biases: int = 1,
    affine_output: bool = True,
) -> list[list[Any]]:
    """Return x^(0), ..., x^(L+1) of one sample by (1.3)-(1.4), one entry at a time."""
    entries, layers = iter(theta), [list(point)]
    for index, (narrow, wide) in enumerate(pairwise(widths), start=1):
        if row_by_row:
            weight = {(row, column): next(entries) for row in range(wide) for column in range(narrow)}
        else:
            weight = {(row, column): next(entries) for column in range(narrow) for row in range(wide)}
        layer = []
        for row in range(wide):
            z = biases * next(entries)
            for column in range(narrow):
                z = z + weight[row, column] * layers[-1][column]
            layer.append(z if index == len(widths) - 1 and affine_output else activation(z))
        layers.append(layer)
    if next(entries, None) is not None:
        raise ValueError("theta has more entries than the layers use")
    return layers


def printed_network(
    at: Point, theta: Sequence[Any] | None = None, **pieces: Any
) -> list[list[list[Any]]]:
    """Return the layers of every sample in the numbers of the reference, at at.theta or elsewhere."""
    numbers, network = reference_arithmetic(at.arithmetic), at.problem.network
    activation = textbook_activation(network.activation.name, numbers)
    theta = numbers.array(at.theta).tolist() if theta is None else theta
    return [
        printed_layers(network.widths, activation, theta, point, **pieces)
        for point in numbers.array(at.problem.data.inputs).tolist()
    ]


Position = Callable[[int, int, int, int], int]
Index = Callable[[int, Array], int]
Width = Callable[[Sequence[int]], int]
Piece = Callable[[Point], Any]
Count = Callable[[Point, int], float]


def by_sample(j: int, q: int, samples: int, outputs_: int) -> int:
    """Place component q of sample j as in (1.2) and (1.8)."""
    return j * outputs_ + q


def by_output(j: int, q: int, samples: int, outputs_: int) -> int:
    """Place it in the wrong order; the same for N = 1 or Q = 1."""
    return q * samples + j


def stacked(rows: Sequence[Sequence[Any]], position: Position = by_sample) -> list[Any]:
    """Stack N vectors of Q components."""
    samples, outputs_ = len(rows), len(rows[0])
    result: list[Any] = [None] * (samples * outputs_)
    for j in range(samples):
        for q in range(outputs_):
            result[position(j, q, samples, outputs_)] = rows[j][q]
    return result


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
    scenes=SCENES,
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
    scenes=SCENES,
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
    scenes=SCENES,
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
