"""Definition of the truncation map: ReLU in the coordinates of an invertible affine map.

tau_(W,b)(x) = W^-1 (relu(W x + b) - b) = (a^-1 o relu o a)(x) with a(x) = W x + b. It is a map of R^Q
into itself: the identity on the sector {W x + b >= 0}, the constant -W^-1 b on {W x + b <= 0}.

The deck of 2023 has matrices, X in R^(Q x N) with one column a sample and B = [b ... b]; the arrays here
are their transposes, one row a sample, and are truncated as a whole.
"""

from collections.abc import Callable

import numpy as np

from geomdl.arithmetic import Array
from geomdl.truncation import truncate
from verification.machinery.checks import claim, variant
from verification.machinery.columns import ALGEBRAIC
from verification.machinery.points import Point
from verification.machinery.ratios import Ratio, identity
from verification.scenes.clusters import TRUNCATING

Map = Callable[[Array], Array]


def first_layer(at: Point, singular: bool = False) -> tuple[Array, Array]:
    """W and b of the first layer; made singular by a repeated row."""
    weight, bias = at.at_theta.layers[0]
    return (weight[[0, *range(len(weight) - 1)]] if singular else weight), bias


def unit(at: Point) -> dict[str, float]:
    """Size and condition of the error model: one product and one solution with W."""
    weight, _ = first_layer(at)
    return {"size": len(weight), "condition": float(np.linalg.cond(at.arithmetic.to_float64(weight)))}


@claim(
    "slides2024/truncation-conjugation/a",
    "slides2023/truncation-conjugation/a",
    scenes=TRUNCATING,
    columns=ALGEBRAIC,
    controls=[
        variant("W singular", scenes=TRUNCATING[1:], singular=True),
        variant("bias added at the end", scenes=TRUNCATING[1:], sign=1),
        variant("W transposed at the end", scenes=TRUNCATING[1:], outer=lambda weight: weight.T),
    ],
)
def test_truncation_fixes_the_positive_sector_and_sends_the_negative_one_to_its_apex(
    at: Point, singular: bool = False, sign: int = -1, outer: Map = lambda weight: weight
) -> list[Ratio]:
    weight, bias = first_layer(at, singular)

    def tau(points: Array) -> Array:
        z = points @ weight.T + bias
        return at.arithmetic.solve(outer(weight), ((z + abs(z)) / 2 + sign * bias).T).T

    inputs = at.problem.data.inputs
    sector = abs(at.random(5, len(bias))) + at.number(1, 8)
    positive, negative = (
        at.arithmetic.solve(weight, (side * sector - bias).T).T for side in (1, -1)
    )  # W x + b = +-sector
    apex = at.arithmetic.solve(weight, -bias)
    scale = max(at.arithmetic.largest(points) for points in (inputs, positive, negative))
    pieces = {"scale": scale, **unit(at)}
    return [
        identity(truncate(weight, bias, inputs), tau(inputs), note="the printed formula", **pieces),
        identity(tau(positive), positive, note="positive sector", **pieces),
        identity(tau(negative), apex + 0 * negative, note="negative sector", **pieces),
    ]


@claim(
    "slides2024/truncation-conjugation/b",
    "slides2023/truncation-conjugation/b",
    scenes=TRUNCATING,
    columns=ALGEBRAIC,
    controls=[
        variant("conjugated the other way round", scenes=TRUNCATING[1:], swapped=True),
        variant("without the bias", scenes=TRUNCATING[1:], keep=0),
        variant("the activation left out", activation=lambda z: z),
    ],
)
def test_truncation_is_the_activation_conjugated_by_the_affine_map(
    at: Point, swapped: bool = False, keep: int = 1, activation: Map = lambda z: (z + abs(z)) / 2
) -> list[Ratio]:
    weight, bias = first_layer(at)
    inverse = at.inverse(weight)

    def affine(x: Array) -> Array:
        return x @ weight.T + keep * bias

    def back(z: Array) -> Array:
        return (z - keep * bias) @ inverse.T

    inner, outer = (back, affine) if swapped else (affine, back)
    inputs = at.problem.data.inputs
    conjugated = outer(activation(inner(inputs)))
    truncated = truncate(weight, bias, inputs)
    scale = max(at.arithmetic.largest(points) for points in (inputs, truncated))
    pieces = {"scale": scale, **unit(at)}
    return [
        identity(truncated, conjugated, note="conjugation", **pieces),
        identity(truncate(weight, bias, truncated), truncated, note="idempotent as relu is", **pieces),
    ]
