"""Comparison model: the limit of x' = -grad_x C is y, the unique global minimizer, by convexity.

The gradient of C = |x - y|^2 / (2N) is strongly monotone,

    (grad C[x_1] - grad C[x_2]) . (x_1 - x_2) = |x_1 - x_2|^2 / N,

which is convexity with modulus 1/N: C lies above its tangents by |x_1 - x_2|^2 / (2N), has at most one
critical point, and that is its only global minimizer. Convexity without "strict" would not be enough for
uniqueness: max(|x - y|^2 - 1, 0) is convex, and has a ball of minimizers.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from geomdl import Dataset
from geomdl.arithmetic import Array
from verification.chen2023.orbit_laws import COMPARED, comparison_orbit
from verification.chen2023.printed_formulas import STENCIL, derivative, reference_arithmetic
from verification.machinery.checks import claim, variant
from verification.machinery.columns import ALGEBRAIC, ORBITS
from verification.machinery.points import Point
from verification.machinery.ratios import Ratio, along_orbit, identity, property_

TIMES = np.array([0.0, 2.0, 4.0])
"""In units of N."""

Value = Callable[[Dataset, Array], Any]


def printed_cost(data: Dataset, x: Array) -> Any:
    """Return |x - y|^2 / (2N)."""
    error = x - data.stacked_targets
    return (error * error).sum() / data.arithmetic.number(2 * data.size)


def flat_cost(data: Dataset, x: Array) -> Any:
    """Return a convex cost that vanishes on a ball around y."""
    return max(printed_cost(data, x) - data.arithmetic.number(10**4), data.arithmetic.number(0))


def double_well(data: Dataset, x: Array) -> Any:
    """Return a cost that is not convex, zero on a sphere around y."""
    return (printed_cost(data, x) - data.arithmetic.number(1)) ** 2


@claim(
    "slides2023/comparison-model/e",
    scenes=COMPARED,
    columns=ALGEBRAIC,
    controls=[
        variant("convex, but not strictly", value=flat_cost),
        variant("not convex", value=double_well),
        variant("another minimizer", shift=1),
    ],
)
def test_targets_are_the_unique_global_minimizer_by_convexity(
    at: Point, value: Value = printed_cost, shift: int = 0
) -> list[Ratio]:
    numbers, size = reference_arithmetic(at.arithmetic), len(at.y)
    data = at.problem.data.to(numbers)
    minimizer = at.y + shift
    apart = at.random(size) + at.number(1, 128)
    other = minimizer + apart

    def cost(x: Array) -> Any:
        return at.arithmetic.array([value(data, numbers.array(x))])[0]

    def gradient(x: Array) -> Array:
        moves = [[value(data, numbers.array(x) + k * e) for k in STENCIL] for e in numbers.eye(size)]
        return at.arithmetic.array([derivative(values, 1) for values in moves])

    modulus = (apart * apart).sum() / at.N
    scale = modulus + at.arithmetic.largest(at.y) ** 2  # y + apart is rounded
    monotone = (gradient(other) - gradient(minimizer)) @ apart
    above = cost(other) - cost(minimizer) - gradient(minimizer) @ apart
    return [
        identity(monotone, modulus, scale=scale, size=size, note="strongly monotone"),
        identity(above, modulus / 2, scale=scale, size=size, note="above the tangent"),
        identity(
            gradient(minimizer),
            at.arithmetic.zeros(size),
            scale=1 + scale,
            size=size,
            note="critical at y",
        ),
        property_(cost(other) > cost(minimizer) == 0, "lowest at y, and there only"),
    ]


@claim(
    "slides2023/comparison-model/e",
    scenes=COMPARED,
    columns=ORBITS,
    controls=[
        variant("the limit is half way to the targets", fraction=0.5),
        variant("continued at the rate 1/(2N)", decay=np.exp(-1.0)),
    ],
)
def test_comparison_flow_tends_to_the_targets(
    at: Point, fraction: float = 1.0, decay: float = np.exp(-2.0)
) -> Ratio:
    # x is linear in q = e^(-s/N): continued from s = 2 N and 4 N to q = 0, where s is infinite.
    _, states, targets = comparison_orbit(at, TIMES[-1], TIMES * at.N)
    first, second = states[1], states[2]
    limit = (second - decay * first) / (1 - decay)
    expected = states[0] + fraction * (targets - states[0])
    scale = max(np.abs(states[0]).max(), np.abs(targets).max())
    return along_orbit(limit, expected, rtol=at.rtol, scale=scale)
