"""The printed formulas of network, cost and derivatives, entry by entry: slow references."""

import math
from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import Any

from geomdl import (
    get_arithmetic,
)
from geomdl.arithmetic import Arithmetic, Array
from verification.machinery.columns import Column
from verification.machinery.points import Point, Scene


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


Piece = Callable[[Point], Any]


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


STENCIL = (-2, -1, 1, 2)


def step_for(arithmetic: Arithmetic) -> Any:
    """Return h, with h^4 below the roundoff of the column and 1/h below the digits to spare."""
    numbers = reference_arithmetic(arithmetic)
    if arithmetic.exact:
        return numbers.number(1, 2**24)
    return numbers.number(1, 10 ** (math.ceil(-math.log10(arithmetic.unit_roundoff)) // 2 + 2))


def derivative(values: Sequence[Any], step: Any) -> Any:
    """Return f'(0) from f(-2h), f(-h), f(h), f(2h)."""
    return (8 * (values[2] - values[1]) - (values[3] - values[0])) / (12 * step)


@lru_cache(maxsize=1024)
def outputs_around(scene: Scene, column: Column, seed: int, row_by_row: bool) -> list[list[Any]]:
    """Return x_1, ..., x_N at theta + k h e_l, for every parameter l and every k of the stencil."""
    at = scene.at(column, seed)
    theta, step = reference_arithmetic(at.arithmetic).array(at.theta).tolist(), step_for(at.arithmetic)
    around = []
    for index in range(len(theta)):
        moved = [[*theta[:index], theta[index] + k * step, *theta[index + 1 :]] for k in STENCIL]
        around.append(
            [[x[-1] for x in printed_network(at, one, row_by_row=row_by_row)] for one in moved]
        )
    return around


def printed_cost(at: Point, rows: Sequence[Sequence[Any]], position: Position = by_sample) -> Any:
    """Return (1.7) for outputs x_1, ..., x_N in the numbers of the reference."""
    data = at.problem.data
    targets = reference_arithmetic(at.arithmetic).array(data.targets).tolist()
    pairs = zip(stacked(rows), stacked([targets[label] for label in data.labels], position), strict=True)
    return sum((x - y) ** 2 for x, y in pairs) / (2 * at.N)


@lru_cache(maxsize=1024)
def gradient_by_differences(scene: Scene, column: Column, seed: int, position: Position) -> Array:
    """Return the gradient of theta -> C[x[theta]]."""
    at, around = scene.at(column, seed), outputs_around(scene, column, seed, True)
    costs = [[printed_cost(at, rows, position) for rows in of_parameter] for of_parameter in around]
    step = step_for(at.arithmetic)
    return at.arithmetic.array([derivative(values, step) for values in costs])


def output_gradient(at: Point) -> Array:
    """(1.20): (x[theta] - y_omega) / N."""
    return (at.x - at.y) / at.number(at.N)


def unit_of_gradient(at: Point) -> dict[str, Any]:
    """Return the size of the terms that are summed in D^T grad_x C, and their number."""
    return {
        "scale": at.arithmetic.largest(abs(at.D).T @ (abs(at.x) + abs(at.y))) / at.N,
        "size": at.size,
    }
