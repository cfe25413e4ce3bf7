"""One class a hidden layer is collapsed to a point, the other classes stay where they are.

W^(l), b^(l) are the cumulative parameters. In the coordinates of the input, layer l truncates to the
sector {W^(l) x + b^(l) >= 0}: its diagonal (1, ..., 1) is the direction from the class mean m_l to the
centre m of all class means, its apex the base point m_l[mu] = (1 - mu) m_l + mu m; the ball around m_l
lies in the negative sector, all others in the positive one.

With a single class the centre is the class mean, and there is no direction. A Euclidean ball that
holds the samples of a class can be much larger than they are in barycentric coordinates, so that the
balls overlap although the data satisfy the hypothesis.
"""

from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from geomdl.arithmetic import Array
from geomdl.networks import Layers
from geomdl.truncation import (
    HALF,
    compose_truncations,
    cumulative_parameters,
    truncate,
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
    around_the_means,
)

Positions = Callable[[int], list[Fraction]]
SCENES = (*CLUSTERED, *REGULAR[1:3])


def hidden_layers(at: Point, **options: Any) -> Layers:
    """Return the Q layers that collapse the classes of a scene.

    For one class, where there is no line to a centre, the apex lies half way to the origin.
    """
    data = at.problem.data
    classes = len(data.targets)
    if classes == 1:
        mean = data.class_averages(data.inputs)
        return [(-1 / mean, at.arithmetic.array([at.number(1, 2)]))]
    found = around_the_means(at, **options)
    return found.network.layers(found.theta)[:classes]


def collapsing(at: Point, **options: Any) -> Layers:
    """Return the cumulative parameters of these layers."""
    return cumulative_parameters(hidden_layers(at, **options))


def condition(at: Point, cumulative: Layers) -> float:
    """Return the largest condition number of the weights, for the error model."""
    return max(float(np.linalg.cond(at.arithmetic.to_float64(weight))) for weight, _ in cumulative)


def no_deviation(at: Point, layers: Layers) -> Ratio:
    """Hold W^(l) tau(x) + b^(l) of every sample against the class mean of x^(l), by the forward pass."""
    data = at.problem.data
    cumulative = cumulative_parameters(layers)
    (weight, bias), truncated = cumulative[-1], compose_truncations(cumulative, data.inputs)
    activations = data.inputs
    for each in layers:
        z = activations @ each[0].T + each[1]
        activations = (z + abs(z)) / 2
    expected = data.class_averages(activations)[data.labels]
    scale = max(at.arithmetic.largest(points) for points in (expected, bias))
    unit: dict[str, Any] = {"size": len(layers), "condition": condition(at, cumulative)}
    return identity(truncated @ weight.T + bias, expected, scale=scale, **unit)


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


def step_by_step(at: Point, positions: Sequence[Any]) -> list[tuple[Array, Array]]:
    """Return what the first l truncations make of the inputs and what they should, for l = 1..Q."""
    data = at.problem.data
    means = data.class_averages(data.inputs)
    classes = len(means)
    mu = at.arithmetic.array(positions)[:, None]
    base = (1 - mu) * means + mu * means.sum(axis=0) / classes
    if classes == 1:
        # The apex is the only base point there is; of the two sectors the better one.
        both = [truncate(side / means, -side + 0 * means[0], data.inputs) for side in (1, -1)]
        better = min(both, key=lambda points: at.arithmetic.largest(points - base))
        return [(better, base[data.labels])]
    steps, points = [], data.inputs
    for depth, (weight, bias) in enumerate(collapsing(at, mu=positions)):
        points = truncate(weight, bias, points)
        collapsed = (data.labels <= depth)[:, None]
        steps.append((points, np.where(collapsed, base[data.labels], data.inputs)))
    return steps


def spread(classes: int) -> list[Fraction]:
    """Return positions mu_j that differ from class to class and serve deviations of 1/4."""
    return [Fraction(7, 16) + Fraction(j % 4, 16) for j in range(classes)]


def near_the_means(classes: int) -> list[Fraction]:
    """Return positions too close to the class means, inside of the balls."""
    return [Fraction(1, 16)] * classes


def step_ratios(at: Point, positions: Positions = spread, shift: int = 0) -> list[Ratio]:
    """Hold what the first l truncations make of the inputs against what they should."""
    classes = len(at.problem.data.targets)
    steps = step_by_step(at, positions(classes))
    unit: dict[str, Any] = {"size": classes, "condition": condition(at, collapsing(at))}
    return [
        identity(found, expected, note=f"after {shift + depth + 1} layers", **unit)
        for depth, ((found, _), (_, expected)) in enumerate(zip(steps[shift:], steps, strict=False))
    ]


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
