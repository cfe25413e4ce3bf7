"""One class a hidden layer is collapsed to a point, the other classes stay where they are.

W^(l), b^(l) are the cumulative parameters. In the coordinates of the input, layer l truncates to the
sector {W^(l) x + b^(l) >= 0}: its diagonal (1, ..., 1) is the direction from the class mean m_l to the
centre m of all class means, its apex the base point m_l[mu] = (1 - mu) m_l + mu m; the ball around m_l
lies in the negative sector, all others in the positive one.

With a single class the centre is the class mean, and there is no direction. A Euclidean ball that
holds the samples of a class can be much larger than they are in barycentric coordinates, so that the
balls overlap although the data satisfy the hypothesis.
"""

from fractions import Fraction
from typing import Any

import numpy as np

from geomdl.arithmetic import Array
from geomdl.truncation import (
    HALF,
)
from verification.machinery.checks import claim, variant
from verification.machinery.columns import ALGEBRAIC
from verification.machinery.points import Point
from verification.machinery.ratios import Ratio, identity, property_
from verification.scenes.clusters import (
    CLUSTERED,
    LOOSE,
    ONE_CLASS,
    REGULAR,
    SPREAD_CLUSTERS,
    THIN_SIMPLEX,
)
from verification.slides2024.strategy import (
    Positions,
    collapsing,
    condition,
    hidden_layers,
    near_the_means,
    no_deviation,
    spread,
    step_ratios,
)

SCENES = (*CLUSTERED, *REGULAR[1:3])


@claim(
    "slides2024/strategy-collapse/a",
    scenes=(*SPREAD_CLUSTERS, *REGULAR, THIN_SIMPLEX, ONE_CLASS),
    columns=ALGEBRAIC,
    controls=[
        variant("classes that reach across each other", scenes=[LOOSE]),
        variant("one truncation too few", last=-1),
        variant("base points next to the class means", mu=Fraction(1, 16)),
    ],
)
def test_truncations_remove_all_deviations_within_classes(
    at: Point, last: int | None = None, mu: Fraction = HALF
) -> Ratio:
    return no_deviation(at, hidden_layers(at, mu=mu)[:last])


def radii_squared(at: Point) -> list[Any]:
    """Return delta^2 of the Euclidean ball around each class mean that just holds the samples."""
    data = at.problem.data
    squares = (data.class_deviations(data.inputs) ** 2).sum(axis=1)
    return [squares[data.labels == label].max() for label in range(len(data.targets))]


def ball_in_sector(weight: Array, centre: Array, radius_squared: Any, side: int) -> Ratio:
    """Decide whether a ball lies in the positive or negative sector of W x + b.

    centre is the value of W x + b there; component i varies by delta |row i of W| over the ball.
    """
    reach_squared = radius_squared * (weight**2).sum(axis=1)
    inside = (side * centre > 0) & (centre**2 > reach_squared)
    return property_(bool(np.all(inside)), f"ball in the sector of sign {side}")


@claim(
    "slides2024/strategy-collapse/c",
    "slides2023/strategy-collapse/c",
    scenes=REGULAR,
    columns=ALGEBRAIC,
    controls=[
        variant("the sector of the next class", scenes=REGULAR[1:], turn=1),
        variant("base points next to the class means", mu=Fraction(1, 16)),
        variant("the bias of the layer, not the cumulative one", own_bias=True),
    ],
    refuted=[variant("one class", scenes=[ONE_CLASS])],
)
def test_diagonals_point_to_the_centre_and_balls_move_into_the_negative_sector(
    at: Point, turn: int = 0, mu: Fraction = HALF, own_bias: bool = False
) -> list[Ratio]:
    data = at.problem.data
    means = data.class_averages(data.inputs)
    classes = len(means)
    centre = means.sum(axis=0) / classes
    cumulative = collapsing(at, mu=mu)
    unit: dict[str, Any] = {"size": classes, "condition": condition(at, cumulative)}
    radii = radii_squared(at)
    ratios = []
    for label, mean in enumerate(means):
        weight, bias = cumulative[(label + turn) % classes]
        if own_bias and label:
            bias = bias - weight @ at.inverse(cumulative[label - 1][0]) @ cumulative[label - 1][1]
        along = weight @ (centre - mean)
        ratios += [
            identity(along, along.sum() / classes + 0 * along, note="diagonal", **unit),
            property_(along.sum() > 0, "the centre lies in the direction of the diagonal"),
            ball_in_sector(weight, weight @ mean + bias, radii[label], side=-1),
        ]
    return ratios


@claim(
    "slides2024/strategy-collapse/d",
    "slides2023/strategy-collapse/d",
    scenes=REGULAR,
    columns=ALGEBRAIC,
    controls=[
        variant("the opening of an orthant", scenes=REGULAR[2:3], opening=Fraction(9, 4)),
        variant("classes that reach across each other", scenes=[LOOSE]),
        variant("base points at the centre", scenes=REGULAR[1:], mu=Fraction(63, 64)),
    ],
    refuted=[variant("Euclidean balls around a thin simplex", scenes=[THIN_SIMPLEX])],
)
def test_opening_of_the_sector_leaves_all_other_balls_alone(
    at: Point, opening: Fraction = HALF, mu: Fraction = HALF
) -> list[Ratio]:
    data = at.problem.data
    means = data.class_averages(data.inputs)
    cumulative = collapsing(at, mu=mu, opening=opening)
    radii = radii_squared(at)
    # Balls that overlap cannot be told apart by any layer, whatever its opening.
    disjoint = [
        property_(((means[j] - means[k]) ** 2).sum() > 4 * max(radii), f"balls {j} and {k} are disjoint")
        for j in range(len(means))
        for k in range(j)
    ]
    others = [
        ball_in_sector(weight, weight @ means[other] + bias, radii[other], side=1)
        for label, (weight, bias) in enumerate(cumulative)
        for other in range(len(means))
        if other != label
    ]
    return [*disjoint, *others]


@claim(
    "slides2024/strategy-collapse/e",
    "slides2024/distinct-points/a",
    scenes=SCENES,
    columns=ALGEBRAIC,
    controls=[
        variant("classes that reach across each other", scenes=[LOOSE]),
        variant("base points next to the class means", positions=near_the_means),
        variant("one layer later", shift=1),
    ],
    refuted=[variant("one class", scenes=[ONE_CLASS])],
)
def test_layer_l_sends_class_l_to_its_base_point_and_moves_nothing_else(
    at: Point, positions: Positions = spread, shift: int = 0
) -> list[Ratio]:
    return step_ratios(at, positions, shift)
