"""The ReLU network and its weighted cost in the matrix form of 2023.

Samples are columns, in the order of their classes: X_0 = [X_(0,1) ... X_(0,Q)], B_l = [b_l ... b_l],

    X^(l) = (W_l X^(l-1) + B_l)_+  for l = 1..L,        X^(L+1) = W_(L+1) X^(L) + B_(L+1),
    C_N = |X^(L+1) - Y^ext|^2 in L^2_N = tr (X^(L+1) - Y^ext) N^-1 (X^(L+1) - Y^ext)^T,

with Y^ext = [Y_1 ... Y_Q] and the diagonal matrix N that has N_j in the columns of class j. R_+ contains
0, which ReLU attains. The matrices are formed in numbers of twice the digits, and held against the rows
of the library.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from geomdl import get_activation, linearize, outputs
from geomdl.arithmetic import Array
from verification.chen2023.printed_formulas import reference_arithmetic
from verification.machinery.checks import claim, variant
from verification.machinery.columns import ALGEBRAIC
from verification.machinery.points import Point
from verification.machinery.ratios import Ratio, identity, property_
from verification.scenes.clusters import CLUSTERED, LABELLED_RELU, ONE_CLASS, TRUNCATING, scaled_units

SCENES = (*LABELLED_RELU, *TRUNCATING, CLUSTERED[1])
Map = Callable[[Array], Array]


def by_class(at: Point) -> np.ndarray:
    """Return the samples in the order of their classes."""
    return np.argsort(at.problem.data.labels, kind="stable")


def positive_part(matrix: Array) -> Array:
    """Return (a)_+ = max{0, a} of every entry."""
    result = 0 * matrix
    for row, column in np.ndindex(matrix.shape):
        result[row, column] = max(0 * matrix[row, column], matrix[row, column])
    return result


@claim(
    "slides2023/network-definition/a",
    scenes=(*LABELLED_RELU, ONE_CLASS),
    columns=ALGEBRAIC,
    controls=[
        variant("leaky ReLU", activation="leaky_relu"),
        variant("no activation", activation="identity"),
        variant("negative part", of=lambda matrix: positive_part(-matrix)),
        variant("largest entry of each row", of=lambda matrix: positive_part(matrix).max(1)[:, None]),
    ],
)
def test_relu_takes_the_positive_part_of_every_entry(
    at: Point, activation: str = "relu", of: Map = positive_part
) -> list[Ratio]:
    ratios = []
    for shape in ((at.problem.network.inputs, at.N), (1, 6), (5, 2)):
        matrix = at.random(*shape) / 3
        matrix[0, 0], matrix[0, -1] = at.number(0), -abs(matrix[0, -1]) - at.number(1)
        reached = get_activation(activation).value(at.arithmetic, matrix)
        ratios += [
            property_(reached.shape == matrix.shape, "a matrix of the same size"),
            property_(bool(np.all(reached == of(matrix))), "max{0, a} of every entry"),
            property_(bool(np.all(reached >= 0)), "in R_+"),
        ]
    return ratios


def columns_of(bias: Array, count: int) -> Array:
    """[b ... b]."""
    return np.stack([bias] * count, axis=1)


def rows_of(bias: Array, count: int) -> Array:
    """Spread b over the columns instead: entry i of it is added to column i."""
    return np.resize(bias, count)[None, :] + 0 * bias[:, None]


@claim(
    "slides2023/network-definition/b",
    scenes=SCENES,
    columns=ALGEBRAIC,
    controls=[
        variant("activated output", affine_output=False),
        variant("hidden layers not activated", activation=lambda matrix: matrix),
        variant("biases along the rows", scenes=TRUNCATING[1:2], repeated=rows_of),
        variant("samples of another order", scenes=TRUNCATING[1:2], turn=1),
    ],
)
def test_layers_are_matrices_with_one_column_a_sample(
    at: Point,
    affine_output: bool = True,
    activation: Map = positive_part,
    repeated: Callable[[Array, int], Array] = columns_of,
    turn: int = 0,
) -> list[Ratio]:
    numbers, network, order = reference_arithmetic(at.arithmetic), at.problem.network, by_class(at)
    linear = at.problem.linearize(scaled_units(at, at.theta))
    found = [*linear.activations[1:], linear.outputs]
    scale = max(at.arithmetic.largest(layer) for layer in (*found, linear.theta))
    matrix, ratios = numbers.array(at.problem.data.inputs[order]).T, []
    for depth, (weight, bias) in enumerate(linear.layers):
        matrix = numbers.array(weight) @ matrix + repeated(numbers.array(bias), at.N)
        if depth < len(linear.layers) - 1 or not affine_output:
            matrix = activation(matrix)
        printed = at.arithmetic.array(np.roll(matrix, turn, axis=1))
        shape = (network.widths[depth + 1], at.N)
        ratios += [
            property_(printed.shape == shape, f"X^({depth + 1}) is {shape[0]} x N"),
            identity(
                found[depth][order].T,
                printed,
                scale=scale,
                size=sum(network.widths[: depth + 1]),
                note=f"X^({depth + 1})",
            ),
        ]
    return ratios


def norm_squared(square: Any, numbers: Any) -> Any:
    """Return the square of the norm."""
    return square


def norm_itself(square: Any, numbers: Any) -> Any:
    """Return the norm."""
    return numbers.sqrt(numbers.array([square]))[0]


@claim(
    "slides2023/cost-hilbert-schmidt/a",
    scenes=(*SCENES, ONE_CLASS),
    columns=ALGEBRAIC,
    controls=[
        variant("norm not squared", of=norm_itself),
        variant("all columns weighted by 1/N", weight=lambda at, size: at.N),
        variant("columns not weighted", weight=lambda at, size: 1),
        variant("columns weighted by N_j", weight=lambda at, size: 1 / size),
        variant("columns of Y^ext in another order", turn=1),
    ],
)
def test_cost_is_the_square_of_a_weighted_hilbert_schmidt_norm(
    at: Point,
    of: Callable[[Any, Any], Any] = norm_squared,
    weight: Callable[[Point, int], Any] = lambda at, size: size,
    turn: int = 0,
) -> list[Ratio]:
    numbers, data = reference_arithmetic(at.arithmetic), at.problem.data
    theta = scaled_units(at, at.theta)
    rows = outputs(at.problem.network, theta, data.inputs)
    layer = numbers.array(rows[by_class(at)]).T
    targets = numbers.array(data.targets)
    extended = np.concatenate(
        [columns_of(targets[j], int(size)) for j, size in enumerate(data.class_sizes)], axis=1
    )
    divisors = [weight(at, int(size)) for size in data.class_sizes for _ in range(int(size))]
    gap = layer - np.roll(extended, turn, axis=1)
    inverse = numbers.diagonal(1 / numbers.array(divisors))
    square = np.trace(gap @ inverse @ gap.T)
    found = linearize(at.problem.network, theta, data.inputs).stacked
    largest = at.arithmetic.largest(rows) + at.arithmetic.largest(data.targets)
    cost = at.problem.cost.value(data, found)
    printed = at.arithmetic.array([of(square, numbers)])[0]
    return [identity(cost, printed, scale=largest**2, size=rows.size)]
