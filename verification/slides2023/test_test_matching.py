"""Test inputs are matched to the nearest base point, in the metric d(x, x') = |Y Xred[mu]^-1 (x - x')|.

P = Xred[mu] has the base points p_j as columns. Every output layer of zero cost sends p_j to y_j: in
the coordinates of truncated inputs

    W tau + b - y_j = W (tau - p_j),      W = (Y - b 1^T) P^-1,  b arbitrary.

For b = 0 the distance to y_j is d(tau, p_j), for every test input; the explicit minimizers of
:mod:`geomdl.truncation` are of this kind. For other b it is not, off the hyperplane through the base
points, where 1^T P^-1 tau differs from 1: the nearest target need not be that of the nearest base point.

d is a metric if and only if Y is invertible, which is assumed in 2023 and not in 2024. With independent
class means, P = Xred (diag(1 - mu) + 1 mu^T / Q) is invertible for all mu_j in (0, 1),

    P^-1 Xred = R - R 1 mu^T R / (Q + mu^T R 1),      R = diag(1 / (1 - mu_j)).

Class means on a line through the origin, which need not trouble a network, make P singular.
"""

from collections.abc import Callable, Sequence
from fractions import Fraction
from itertools import permutations
from typing import Any

import numpy as np

from geomdl import CLASS_WEIGHTED, outputs, pseudoinverse
from geomdl.arithmetic import Array
from geomdl.truncation import (
    HALF,
    ExplicitMinimizer,
    barycentric_coordinates,
    compose_truncations,
    cumulative_parameters,
)
from verification.machinery.checks import claim, variant
from verification.machinery.columns import ALGEBRAIC, FLOAT64, RATIONAL
from verification.machinery.points import Point
from verification.machinery.ratios import Ratio, bound, identity, property_
from verification.scenes.clusters import (
    CLUSTERED,
    DEPENDENT_MEANS,
    LOOSE,
    ONE_CLASS,
    REGULAR,
    around_the_means,
)
from verification.scenes.truncated import BASES, ONE_CLASS_BASIS, OPPOSITE, PROPORTIONAL, UNIT_VECTORS

SLACK = 1000.0
"""Of comparisons, in units of roundoff times condition."""

Bias = Callable[[Point], Array]
Truncate = Callable[[Point, ExplicitMinimizer, Array], Array]


def inputs_to_match(at: Point) -> Array:
    """Draw inputs anywhere: up to twice as far from the origin as the class means, and the samples.

    And inputs on the way from the centre of the simplex to its corners, near the centre: no layer
    truncates them, and no metric but the right one tells which base point is nearest.
    """
    means = at.problem.data.class_averages(at.problem.data.inputs)
    kappa = at.random(40, len(means))
    centre = 0 * at.eye(len(means)) + at.number(1, len(means))
    kappa = at.arithmetic.concatenate([kappa, centre + (at.eye(len(means)) - centre) / 64])
    if len(means) > 1:  # near the line between the first two classes, off the hyperplane of the means
        kappa[0] = 0 * kappa[0]
        kappa[0, 0], kappa[0, 1] = at.number(17, 16), at.number(15, 16)
    return at.arithmetic.concatenate([kappa @ means, at.problem.data.inputs])


def no_bias(at: Point) -> Array:
    """Return b = 0."""
    return 0 * at.problem.data.targets[0]


def along_the_first_target(at: Point) -> Array:
    """Return b = y_1."""
    return at.problem.data.targets[0]


def far_along_the_first_target(at: Point) -> Array:
    """Return b = 16 y_1."""
    return 16 * at.problem.data.targets[0]


def with_bias(at: Point, found: ExplicitMinimizer, bias: Array) -> Array:
    """Return theta with the output layer W = (Y - b 1^T) P^-1, b in the coordinates of truncated inputs.

    Added to the explicit network is b (1 - 1^T P^-1 tau), which vanishes at the base points.
    """
    *hidden, (weight, shift) = found.network.layers(found.theta)
    cumulative_weight, cumulative_bias = cumulative_parameters(hidden)[-1]
    ones = at.arithmetic.zeros(len(bias)) + at.number(1)
    normal = at.arithmetic.solve(cumulative_weight.T, at.arithmetic.solve(found.base_points, ones))
    height = at.number(1) + normal @ cumulative_bias
    return found.network.flatten([*hidden, (weight - np.outer(bias, normal), shift + height * bias)])


def truncated(at: Point, found: ExplicitMinimizer, points: Array) -> Array:
    """Apply tau of the hidden layers."""
    return compose_truncations(cumulative_parameters(found.network.layers(found.theta)[:-1]), points)


def own_base_points(found: ExplicitMinimizer) -> Array:
    """Return p_1, ..., p_Q."""
    return found.base_points


def next_base_points(found: ExplicitMinimizer) -> Array:
    """Return p_Q, p_1, ..., p_(Q-1)."""
    return np.roll(found.base_points, 1, axis=0)


def not_truncated(at: Point, found: ExplicitMinimizer, points: Array) -> Array:
    """Return the points as they are."""
    return points


def squared_distances(points: Array, others: Array) -> Array:
    """Return |x - x'|^2, one row a point x, one column an x'."""
    return ((points[:, None, :] - others[None, :, :]) ** 2).sum(axis=2)


def in_the_metric(at: Point, base: Array, points: Array, others: Array) -> Array:
    """d(x, x')^2 with these base points."""
    targets = at.problem.data.targets
    images = [barycentric_coordinates(base, each) @ targets for each in (points, others)]
    return squared_distances(*images)


def euclidean(at: Point, base: Array, points: Array, others: Array) -> Array:
    """|x - x'|^2."""
    return squared_distances(points, others)


def without_targets(at: Point, base: Array, points: Array, others: Array) -> Array:
    """|P^-1 (x - x')|^2."""
    return squared_distances(*(barycentric_coordinates(base, each) for each in (points, others)))


def condition(at: Point, found: ExplicitMinimizer) -> float:
    """Return the condition number of tau and of the base points."""
    layers = cumulative_parameters(found.network.layers(found.theta)[:-1])
    matrices = [found.base_points, *(weight for weight, _ in layers)]
    return max(float(np.linalg.cond(at.arithmetic.to_float64(matrix))) for matrix in matrices)


def nearest(at: Point, squares: Array, rounding: float) -> list[set[int]]:
    """Return all indices at which a row is least, up to rounding."""
    values = squares if at.arithmetic.exact else at.arithmetic.to_float64(squares)
    return [{j for j, value in enumerate(row) if value <= min(row) + rounding} for row in values]


@claim(
    "slides2023/test-matching/a",
    scenes=(*BASES, UNIT_VECTORS),
    columns=ALGEBRAIC,
    controls=[
        variant("Euclidean distance of inputs", scenes=BASES[4:5], metric=euclidean),
        variant("without Y", scenes=BASES[4:5], metric=without_targets),
        variant("inputs not truncated", scenes=BASES[4:5], tau=not_truncated),
        variant("base points of the next classes", centres=next_base_points),
    ],
    refuted=[
        variant("b = y_1", scenes=[UNIT_VECTORS], bias=along_the_first_target),
        variant("b = 16 y_1", scenes=BASES[3:6], bias=far_along_the_first_target),
    ],
)
def test_nearest_target_is_that_of_the_nearest_base_point(
    at: Point,
    metric: Callable[[Point, Array, Array, Array], Array] = in_the_metric,
    tau: Truncate = truncated,
    bias: Bias = no_bias,
    centres: Callable[[ExplicitMinimizer], Array] = own_base_points,
) -> list[Ratio]:
    data, found, points = at.problem.data, around_the_means(at), inputs_to_match(at)
    theta = with_bias(at, found, bias(at))
    answers = outputs(found.network, theta, points)
    to_targets = squared_distances(answers, data.targets)
    to_base = metric(at, found.base_points, tau(at, found, points), centres(found))
    scale = float(at.arithmetic.largest(answers) + at.arithmetic.largest(data.targets)) ** 2
    unit = SLACK * at.arithmetic.unit_roundoff * condition(at, found)
    pairs = zip(
        nearest(at, to_targets, unit * scale),
        nearest(at, to_base, unit * max(scale, float(at.arithmetic.largest(to_base)))),
        strict=True,
    )
    trained = outputs(found.network, theta, data.inputs)
    cost = CLASS_WEIGHTED.value(data, trained.reshape(-1))
    return [
        property_(
            cost <= data.size * (unit**2) * scale if unit else cost == 0, "a minimizer: the cost is zero"
        ),
        *(
            # Ties are ties in both, which shows in exact arithmetic only.
            property_(first == second if at.arithmetic.exact else bool(first & second), f"input {i}")
            for i, (first, second) in enumerate(pairs)
        ),
    ]


def positions(at: Point) -> list[Fraction]:
    """Draw mu_j in (0, 1)."""
    steps = at.generator.integers(1, 16, len(at.problem.data.targets))
    return [Fraction(int(step), 16) for step in steps]


def base_points(at: Point, mu: Sequence[Fraction]) -> Array:
    """(1 - mu_j) m_j + mu_j m, m the mean of the class means, one row each."""
    means = at.problem.data.class_averages(at.problem.data.inputs)
    column = at.arithmetic.array(mu)[:, None]
    return (1 - column) * means + column * means.sum(axis=0) / len(means)


def triangle(first: Any, second: Any, third: Any, slack: Any) -> bool:
    """Decide sqrt(third) <= sqrt(first) + sqrt(second) without square roots, up to rounding."""
    rest = third - first - second - slack
    return bool(rest <= 0 or rest**2 <= 4 * first * second + slack * (first + second + slack))


def square_of_distance(distance_squared: Any) -> Any:
    """Take d^2 in the place of d."""
    return distance_squared**2


def metric_ratios(at: Point, sign: int = -1, of: Callable[[Any], Any] = lambda d: d) -> list[Ratio]:
    """Decide whether d is definite and symmetric, and satisfies the triangle inequality."""
    targets, base = at.problem.data.targets, base_points(at, positions(at))
    inverse = pseudoinverse(targets.T)
    classes = len(targets)
    spread = float(np.linalg.cond(at.arithmetic.to_float64(base)))
    unit: dict[str, Any] = {"size": classes, "condition": spread}
    points = at.random(6, classes)
    points[2] = (points[0] + points[1]) / 2  # d(x, z) + d(z, y) = d(x, y)

    if inverse.rank < classes:
        # n in the kernel of Y moves x by P n at no distance.
        random = at.random(classes)
        move = (random - inverse.row_projector() @ random) @ base
        squares = in_the_metric(at, base, (points[0] + move)[None, :], points[:1])[0, 0]
        moved = at.arithmetic.largest(move) > at.arithmetic.largest(base) / 1000
        return [property_(not moved, f"distinct points at distance {float(squares) ** 0.5:.1e}")]
    stretch = inverse.matrix().T @ base  # Y^-T P^T: |x - x'| <= |P Y^-1| d(x, x')
    norm = (stretch * stretch).sum()
    images = barycentric_coordinates(base, points) @ targets
    largest = at.number(1) + at.arithmetic.largest(images)
    squares = ((images[:, None, :] + sign * images[None, :, :]) ** 2).sum(axis=2)
    slack = SLACK * at.arithmetic.unit_roundoff * spread
    rest = at.arithmetic.array([slack])[0] * largest**2 if slack else at.number(0)
    diagonal = squares.diagonal()
    ratios = [
        identity(diagonal, 0 * diagonal, scale=largest**2, note="d(x, x) = 0", **unit),
        identity(squares, squares.T, scale=largest**2, note="symmetric", **unit),
    ]
    for i, j in permutations(range(len(points)), 2):
        apart = ((points[i] - points[j]) ** 2).sum()
        ratios.append(bound(apart, norm * squares[i, j], slack=slack, note="definite"))
        for k in range(len(points)):
            first, second, third = (of(squares[pair]) for pair in ((i, k), (k, j), (i, j)))
            holds = triangle(first, second, third, rest)
            ratios.append(property_(holds, "triangle inequality"))
    return ratios


METRIC_CONTROLS = (
    variant("sum in the place of the difference", sign=1),
    variant("square of d", of=square_of_distance),
)


@claim(
    "slides2023/test-matching/b",
    scenes=(*BASES[:6], ONE_CLASS_BASIS),
    columns=ALGEBRAIC,
    controls=[*METRIC_CONTROLS, variant("Y not invertible", scenes=PROPORTIONAL)],
)
def test_distance_is_a_metric_for_independent_targets(
    at: Point, sign: int = -1, of: Callable[[Any], Any] = lambda d: d
) -> list[Ratio]:
    return metric_ratios(at, sign, of)


@claim(
    "slides2024/test-matching/a",
    scenes=(*BASES[:6], ONE_CLASS_BASIS),
    columns=(FLOAT64, RATIONAL),
    controls=METRIC_CONTROLS,
    refuted=[variant("distinct targets on a line", scenes=PROPORTIONAL)],
)
def test_distance_is_a_metric(
    at: Point, sign: int = -1, of: Callable[[Any], Any] = lambda d: d
) -> list[Ratio]:
    return metric_ratios(at, sign, of)


def all_in_the_centre(at: Point) -> list[Fraction]:
    """mu_j = 1."""
    return [Fraction(1)] * len(at.problem.data.targets)


def first_among_the_others(at: Point) -> list[Fraction]:
    """Return mu = (Q/(Q - 1), 0, ..., 0): the first base point is the mean of the other class means."""
    classes = len(at.problem.data.targets)
    return [Fraction(classes, classes - 1), *[Fraction(0)] * (classes - 1)]


@claim(
    "slides2023/test-matching/c",
    scenes=(*CLUSTERED, *REGULAR[:3], LOOSE, ONE_CLASS),
    columns=ALGEBRAIC,
    controls=[
        variant("all base points in the centre", mu=all_in_the_centre),
        variant("a base point beyond the centre", mu=first_among_the_others),
        variant("weights 1/(Q - 1) in the centre", scenes=CLUSTERED[1:2], share=1),
    ],
    refuted=[variant("class means on a line", scenes=[OPPOSITE, DEPENDENT_MEANS])],
)
def test_base_points_are_independent(
    at: Point, mu: Callable[[Point], list[Fraction]] = positions, share: int = 0
) -> list[Ratio]:
    drawn = mu(at)
    base, means = base_points(at, drawn), at.problem.data.class_averages(at.problem.data.inputs)
    if pseudoinverse(base).rank < len(base):
        return [property_(False, "linearly dependent")]
    position = at.arithmetic.array(drawn)
    right = at.number(1) / (1 - position)
    tail = position * right
    matrix = at.arithmetic.diagonal(right) - np.outer(right, tail) / (len(base) - share + tail.sum())
    inverse = matrix @ at.arithmetic.solve(means.T, at.eye(len(base)))
    spread = float(np.linalg.cond(at.arithmetic.to_float64(means)))
    spread *= float(np.linalg.cond(at.arithmetic.to_float64(matrix)))
    return [identity(inverse @ base.T, at.eye(len(base)), size=len(base), condition=spread)]


@claim(
    "slides2024/test-matching/b",
    scenes=(*BASES, *PROPORTIONAL, CLUSTERED[2]),
    columns=ALGEBRAIC,
    controls=[
        variant("inputs not truncated", tau=not_truncated),
        variant("base points of another mu", mu=Fraction(7, 16)),
        variant("output layer with bias", bias=far_along_the_first_target),
        variant("classes that reach across each other", scenes=[LOOSE], samples_only=True),
    ],
)
def test_distance_to_a_base_point_is_the_distance_of_the_answer_to_its_target(
    at: Point,
    tau: Truncate = truncated,
    mu: Fraction = HALF,
    bias: Bias = no_bias,
    samples_only: bool = False,
) -> list[Ratio]:
    data, found = at.problem.data, around_the_means(at)
    points = data.inputs if samples_only else inputs_to_match(at)
    base = around_the_means(at, mu=mu).base_points
    answers = outputs(found.network, with_bias(at, found, bias(at)), points)
    distances = in_the_metric(at, base, tau(at, found, points), base)
    largest = at.arithmetic.largest(answers) + at.arithmetic.largest(data.targets)
    unit: dict[str, Any] = {
        "scale": largest**2,
        "size": len(base),
        "condition": condition(at, found),
    }
    own = distances[-at.N :][range(at.N), data.labels]
    return [
        identity(distances, squared_distances(answers, data.targets), note="d^2", **unit),
        identity(own, 0 * own, note="samples are matched to their targets", **unit),
    ]
