"""One class a hidden layer is collapsed to a base point, in the wording of 2023.

The deck speaks of delta-balls around the corners of the simplex and does not say how small delta is.
With independent class means and |Xred^-1 (x - m_j)| < 1/4 (the hypothesis of 2024) everything works; two
classes that share an input, each around a mean of its own, cannot be told apart by any map. Claims c and
d are decided together with slides2024/strategy-collapse/c and d.
"""

import numpy as np

from geomdl import get_activation, pseudoinverse
from geomdl.arithmetic import Array
from geomdl.truncation import compose_truncations, cumulative_parameters
from verification.machinery.checks import claim, variant
from verification.machinery.columns import ALGEBRAIC
from verification.machinery.points import Point
from verification.machinery.ratios import Ratio, property_
from verification.scenes.clusters import (
    CLUSTERED,
    LOOSE,
    ONE_CLASS,
    REGULAR,
    SHARED_INPUT,
    SPREAD_CLUSTERS,
    TRUNCATING,
    cost_floor,
)
from verification.slides2024.strategy import (
    Positions,
    hidden_layers,
    near_the_means,
    no_deviation,
    spread,
    step_ratios,
)

SCENES = (*CLUSTERED, *REGULAR[1:3])
SHARED = variant("two classes share an input", scenes=[SHARED_INPUT])


def separable(at: Point) -> Ratio:
    """Decide whether no input belongs to two classes: else no map sends them to distinct points."""
    return property_(cost_floor(at) == 0, "no input belongs to two classes")


@claim(
    "slides2023/strategy-collapse/a",
    scenes=(*SPREAD_CLUSTERS, *REGULAR),
    columns=ALGEBRAIC,
    controls=[
        variant("classes that reach across each other", scenes=[LOOSE]),
        variant("one truncation too few", last=-1),
    ],
    refuted=[SHARED],
)
def test_truncations_leave_no_deviation_relative_to_the_truncated_means(
    at: Point, last: int | None = None
) -> list[Ratio]:
    data, layers = at.problem.data, hidden_layers(at)[:last]
    truncated = compose_truncations(cumulative_parameters(layers), data.inputs)
    rank = pseudoinverse(data.class_averages(truncated)).rank
    return [
        no_deviation(at, layers),
        property_(rank == len(data.targets), "the truncated class means are invertible"),
        separable(at),
    ]


@claim(
    "slides2023/strategy-collapse/b",
    scenes=(*TRUNCATING, CLUSTERED[1]),
    columns=ALGEBRAIC,
    controls=[
        variant("leaky ReLU", activation="leaky_relu"),
        variant("no activation", activation="identity"),
        variant("one negative entry", mixed=True),
    ],
)
def test_relu_fixes_the_positive_sector_and_sends_the_negative_one_to_zero(
    at: Point, activation: str = "relu", mixed: bool = False
) -> list[Ratio]:
    def sigma(z: Array) -> Array:
        return get_activation(activation).value(at.arithmetic, z)

    sector = abs(at.random(6, at.problem.network.inputs)) + at.number(1, 128)
    sector[0, 0] = at.number(0)  # the boundary belongs to both sectors
    positive, negative = sector.copy(), -sector
    if mixed:
        positive[1, 0], negative[1, 0] = -positive[1, 0], -negative[1, 0]
    return [
        property_(bool(np.all(sigma(positive) == positive)), "identity on the positive sector"),
        property_(bool(np.all(sigma(negative) == 0)), "zero on the negative sector"),
    ]


@claim(
    "slides2023/strategy-collapse/e",
    "slides2023/strategy-collapse/f",
    scenes=SCENES,
    columns=ALGEBRAIC,
    controls=[
        variant("classes that reach across each other", scenes=[LOOSE]),
        variant("base points next to the class means", positions=near_the_means),
        variant("one layer later", shift=1),
    ],
    refuted=[SHARED, variant("one class", scenes=[ONE_CLASS])],
)
def test_layer_l_sends_class_l_to_its_base_point_and_moves_nothing_else(
    at: Point, positions: Positions = spread, shift: int = 0
) -> list[Ratio]:
    return [*step_ratios(at, positions, shift), separable(at)]
