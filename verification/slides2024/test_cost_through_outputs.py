"""Key observation: the cost sees theta through x[theta] only; the flow in its Jacobian form.

Two thetas with the same outputs have the same cost: along lines in the fibre of theta on which only the
output layer moves, along curves in it, and under a change of sign of hidden units.
theta' = -grad_theta C is -D^T grad_x C, by differences of the printed cost of the printed network.
"""

from collections.abc import Callable
from typing import Any

from geomdl import standard_field
from geomdl.arithmetic import Array
from verification.chen2023.printed_formulas import (
    Piece,
    by_sample,
    gradient_by_differences,
    output_gradient,
    printed_cost,
    printed_network,
    reference_arithmetic,
    unit_of_gradient,
)
from verification.machinery.checks import claim, variant
from verification.machinery.columns import ALGEBRAIC
from verification.machinery.points import Point
from verification.machinery.ratios import Ratio, identity, property_
from verification.scenes.induced import AFFINE, HIDDEN_EXACT, move_in_fibre
from verification.scenes.labelled import AT_A_KINK, LABELLED
from verification.scenes.networks import (
    BORDERLINE,
    FULL_RANK,
    FULL_RANK_EXACT,
    RANK_LOST,
    SMALLEST,
    UNDER,
    network_scene,
)

CURVED_ONLY = (network_scene([2, 3, 1], "tanh", 5, facts=["full rank", "over"]),)
"""More samples than last hidden units: no line in the fibre, a curve is needed."""

WITH_FIBERS = (
    *HIDDEN_EXACT,
    *AFFINE,
    FULL_RANK[2],
    RANK_LOST[0],
    *CURVED_ONLY,
    BORDERLINE[1],
    SMALLEST[0],
)


def cost_of_theta(at: Point, theta: Array, decay: int) -> Any:
    """Return C[x[theta]] + decay |theta|^2 / 2 of the printed network and the printed cost."""
    numbers = reference_arithmetic(at.arithmetic)
    rows = [layers[-1] for layers in printed_network(at, numbers.array(theta).tolist())]
    cost = at.arithmetic.array([printed_cost(at, rows)])[0]
    return cost + decay * (theta * theta).sum() / at.number(2)


@claim(
    "slides2024/cost-through-outputs/a",
    scenes=WITH_FIBERS,
    columns=ALGEBRAIC,
    controls=[
        variant("weight decay: a cost that sees theta", scenes=(*HIDDEN_EXACT, FULL_RANK[2]), decay=1),
        variant("another fibre", move=lambda at: at.theta + at.random(len(at.theta)) / at.number(4)),
    ],
)
def test_cost_is_the_same_wherever_the_outputs_are(
    at: Point, move: Callable[[Point], Array] = move_in_fibre, decay: int = 0
) -> list[Ratio]:
    other = move(at)
    largest = at.arithmetic.largest
    # A theta on the fibre is known to kappa roundoffs, its outputs to the products of all layers.
    size_of_x = (1 + largest(other) + largest(at.theta)) ** len(at.problem.network.widths)
    scale = (size_of_x + largest(at.x) + largest(at.y)) ** 2
    return [
        property_(largest(other - at.theta) > at.number(1, 100), "another theta"),
        identity(
            cost_of_theta(at, other, decay),
            cost_of_theta(at, at.theta, decay),
            scale=scale,
            size=at.size,
            condition=at.kappa,
        ),
    ]


@claim(
    "slides2024/cost-through-outputs/b",
    scenes=(
        *LABELLED[:4],
        *LABELLED[5:8],
        *FULL_RANK_EXACT[:1],
        RANK_LOST[0],
        UNDER[1],
        *BORDERLINE,
        *SMALLEST,
    ),
    columns=ALGEBRAIC,
    controls=[
        variant("ascent", sign=1),
        variant("D instead of its transpose, K = QN", scenes=BORDERLINE, transpose=lambda D: D),
        variant("grad_x C without 1/N", slope=lambda at: at.x - at.y),
        variant("a kink hit exactly", scenes=AT_A_KINK),
    ],
)
def test_euclidean_gradient_flow_is_minus_the_transposed_jacobian_times_the_output_gradient(
    at: Point,
    sign: int = -1,
    transpose: Callable[[Array], Array] = lambda D: D.T,
    slope: Piece = output_gradient,
) -> list[Ratio]:
    middle = -gradient_by_differences(at.scene, at.column, at.seed, by_sample)
    printed, unit = sign * (transpose(at.D) @ slope(at)), unit_of_gradient(at)
    return [
        identity(middle, printed, note="both right-hand sides", **unit),
        identity(standard_field(at.problem, at.theta), middle, note="the flow", **unit),
    ]
