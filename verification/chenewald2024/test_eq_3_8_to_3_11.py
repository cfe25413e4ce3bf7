"""(3.8)-(3.11) and the sentence after it: class averages, deviations, and the cost in terms of them.

The samples in another order are a permutation of the blocks of x, y, g and of the rows of D: cost,
spectra, grad_theta C and the velocities of the parameters stay, so that ordering by classes costs
nothing.

With xbar_j the average of the outputs of class j and the cost (2.7), 1/N in front,

    C = (1/N) sum_j sum_i |x_(j,i) - xbar_j|^2 + (1/N) sum_j N_j |xbar_j - y_j|^2:

the cross terms drop out, but the last sum over i gives the factor N_j / N, which is missing in print.
The printed sum is right for Q = 1 and wherever all averages are matched, too large everywhere else:
twice the right value for two classes of one sample.

C lies between multiples of the largest |x_(j,i) - xbar_j|^2 and |xbar_j - y_j|^2, so that C -> 0 along
x(t) if and only if all of them vanish. The diameter of the image of a class lies between the largest
deviation and twice that.
"""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from geomdl import LEAST_SQUARES, MEAN_SQUARE, Cost, Dataset, Problem, adapted_field, standard_field
from geomdl.arithmetic import Array
from geomdl.flows import Field
from geomdl.paths import lift_velocity
from verification.chenewald2024.collapse_laws import watched_orbit
from verification.machinery.checks import claim, variant
from verification.machinery.columns import ALGEBRAIC, ALL_ORBITS
from verification.machinery.points import Point
from verification.machinery.ratios import Ratio, bound, identity, property_
from verification.scenes.networks import FULL_RANK, RANK_LOST
from verification.scenes.paths import CLASSES, ONE_CLASS, ONE_EACH, SPREAD
from verification.scenes.real_data import IRIS
from verification.slides2024.splitting import Centre, mean, two_parts, unit

SCENES = (*CLASSES, ONE_CLASS)

# (3.8)-(3.10)


def by_classes(labels: np.ndarray) -> np.ndarray:
    """Return the order of (3.8): all samples of the first class, then those of the second, ..."""
    return np.argsort(labels, kind="stable")


def reordered(problem: Problem, order: np.ndarray, carry_labels: bool) -> Problem:
    """Return the problem with its samples in another order."""
    data = problem.data
    labels = data.labels[order] if carry_labels else data.labels
    return Problem(problem.network, Dataset(data.inputs[order], labels, data.targets), problem.cost)


def earlier_samples_count_more(problem: Problem, theta: Array) -> Array:
    """Return a field that depends on the order: sample j has the weight 1/j."""
    at = problem.linearize(theta)
    rows = problem.cost.gradient(problem.data, at.stacked).reshape(at.outputs.shape)
    weights = [at.arithmetic.number(1, j + 1) for j in range(len(rows))]
    return -at.pull(at.arithmetic.concatenate([w * row for w, row in zip(weights, rows, strict=True)]))


@claim(
    "chenewald2024/eq-3.8-3.10/a",
    scenes=SPREAD,
    columns=ALGEBRAIC,
    controls=[
        variant("inputs without their labels", carry_labels=False),
        variant("earlier samples count more", fields=(earlier_samples_count_more,)),
        variant("components instead of samples", blocks=False),
    ],
)
def test_order_of_the_samples_changes_nothing_but_the_order_of_the_outputs(
    at: Point,
    carry_labels: bool = True,
    fields: tuple[Field, ...] = (standard_field,),
    blocks: bool = True,
) -> list[Ratio]:
    order, q = by_classes(at.problem.data.labels), at.problem.network.outputs
    other = reordered(at.problem, order, carry_labels)
    there = other.linearize(at.theta)
    rows = (order[:, None] * q + np.arange(q)).reshape(-1)
    rows = rows if blocks else (order + at.N * np.arange(q)[:, None]).reshape(-1)
    g, scale = other.cost.gradient(other.data, there.stacked), unit(at, at.at_theta.outputs)
    pulled = at.arithmetic.largest(abs(at.D.T) @ abs(at.g))
    ratios = [
        property_(bool(np.all(np.diff(at.problem.data.labels[order]) >= 0)), "ordered by classes"),
        identity(other.value(at.theta), at.problem.value(at.theta), **scale),
        identity(there.stacked, at.x[rows], size=at.size, note="outputs"),
        identity(g, at.g[rows], scale=at.arithmetic.largest(at.x) + at.arithmetic.largest(at.y)),
        identity(there.jacobian(), at.D[rows], size=at.size, note="rows of D"),
    ]
    for field in fields:
        moves = field(other, at.theta), field(at.problem, at.theta)
        ratios.append(identity(*moves, scale=pulled, size=at.size, note="velocity of theta"))
    adapted = adapted_field(rank=at.rank)
    size = at.arithmetic.largest(at.g) * at.arithmetic.largest(abs(at.pinv.matrix()))
    moves = adapted(other, at.theta), adapted(at.problem, at.theta)
    return [
        *ratios,
        identity(*moves, scale=size, size=at.size, condition=at.kappa, note="adapted velocity"),
    ]


# (3.11)


def samples_of_outputs(at: Point) -> Iterator[Array]:
    """Yield outputs: those of the network, and arbitrary ones."""
    yield at.at_theta.outputs
    yield at.random(at.N, at.problem.network.outputs) / 3


def double_sum(at: Point, rows: Array, weight: Callable[[Point, int], Any]) -> Any:
    """Return the sum over classes j, over their samples i, of weight |x_(j,i) - y_j|^2."""
    total = at.number(0)
    for j, target in enumerate(at.problem.data.targets):
        for sample in np.flatnonzero(at.problem.data.labels == j):
            gap = rows[sample] - target
            total = total + weight(at, j) * (gap * gap).sum()
    return total


def class_size(at: Point, j: int) -> int:
    """N_j."""
    return int(at.problem.data.class_sizes[j])


@claim(
    "chenewald2024/eq-3.11/a",
    scenes=(*SCENES, IRIS),
    columns=ALGEBRAIC,
    controls=[
        variant("1/(2N), as in (2.48)", cost=LEAST_SQUARES),
        variant("1/N_j, as in the talks", weight=lambda at, j: at.number(1, class_size(at, j))),
    ],
)
def test_cost_is_the_double_sum_over_classes_and_their_samples(
    at: Point,
    cost: Cost = MEAN_SQUARE,
    weight: Callable[[Point, int], Any] = lambda at, j: at.number(1, at.N),
) -> list[Ratio]:
    return [
        identity(
            cost.value(at.problem.data, rows.reshape(-1)), double_sum(at, rows, weight), **unit(at, rows)
        )
        for rows in samples_of_outputs(at)
    ]


@claim(
    "chenewald2024/eq-3.11/b",
    scenes=(*SCENES, IRIS),
    columns=ALGEBRAIC,
    controls=[
        variant("a sample of the class for its average", centre=lambda rows: rows[0]),
        variant("half of the average", centre=lambda rows: mean(rows) / 2),
        variant("deviations left out", deviations=0),
    ],
)
def test_cross_terms_drop_out(at: Point, centre: Centre = mean, deviations: int = 1) -> list[Ratio]:
    data, ratios = at.problem.data, []
    for rows in samples_of_outputs(at):
        within, between = two_parts(at, rows, centre)
        total = sum(
            class_size(at, j) * (deviations * within[j] + between[j]) for j in range(len(within))
        )
        cost = MEAN_SQUARE.value(data, rows.reshape(-1))
        ratios.append(identity(cost, total / at.number(at.N), **unit(at, rows)))
    return ratios


def printed(at: Point, j: int) -> Any:
    """Return the printed weight of |xbar_j - y_j|^2, which is 1."""
    return at.number(1)


def share(at: Point, j: int) -> Any:
    """Return N_j / N."""
    return at.number(class_size(at, j), at.N)


@claim(
    "chenewald2024/eq-3.11/c",
    scenes=(*SCENES, IRIS),
    columns=ALGEBRAIC,
    refuted=[variant("averages not weighted", scenes=(ONE_EACH, *SPREAD))],
    corrected=[variant("averages weighted by N_j / N", weight=share)],
    controls=[
        variant("1/N without N_j", scenes=SPREAD, weight=lambda at, j: at.number(1, at.N)),
        variant(
            "1/Q", scenes=SPREAD[:2], weight=lambda at, j: at.number(1, len(at.problem.data.targets))
        ),
    ],
)
def test_cost_is_mean_square_deviation_plus_mismatch_of_the_class_averages(
    at: Point, weight: Callable[[Point, int], Any] = printed
) -> list[Ratio]:
    data, ratios = at.problem.data, []
    for rows in samples_of_outputs(at):
        within, between = two_parts(at, rows)
        deviations = sum(share(at, j) * part for j, part in enumerate(within))
        averages = sum(weight(at, j) * part for j, part in enumerate(between))
        cost = MEAN_SQUARE.value(data, rows.reshape(-1))
        by_package = MEAN_SQUARE.class_decomposition(data, rows.reshape(-1))
        ratios += [
            identity(cost, deviations + averages, **unit(at, rows)),
            identity(by_package[0], deviations, note="deviations", **unit(at, rows)),
            identity(by_package[1], averages, note="averages", **unit(at, rows)),
        ]
    return ratios


# after (3.11)


def squared_rows(rows: Array) -> list[Any]:
    """Return the squared lengths of the rows."""
    return [(row * row).sum() for row in rows]


def towards_targets(at: Point) -> Iterator[Array]:
    """Yield outputs that come to the targets, also by way of averages or deviations alone."""
    data, q = at.problem.data, at.problem.network.outputs
    matched = data.targets[data.labels]
    noise = at.random(at.N, q) / 64
    deviating, shifted = data.class_deviations(noise), data.class_averages(noise)[data.labels]
    for exponent in (0, 5, 10):
        for part in (noise, deviating, shifted):
            yield matched + part / at.number(2**exponent)


def exact_parts(at: Point, rows: Array) -> tuple[Any, Any, Any]:
    """Return C, the largest |x_(j,i) - xbar_j|^2 and the largest |xbar_j - y_j|^2."""
    data = at.problem.data
    cost = MEAN_SQUARE.value(data, rows.reshape(-1))
    deviations = squared_rows(data.class_deviations(rows))
    averages = squared_rows(data.class_averages(rows) - data.targets)
    return cost, max(deviations), max(averages)


def zero_together(
    at: Point, cost: Any, deviation: Any, average: Any, parts: tuple[int, int] = (1, 1)
) -> list[Ratio]:
    """Measure the bounds between the cost and the largest deviation and mismatch, both ways."""
    least = int(min(at.problem.data.class_sizes))
    # Where one of the parts vanishes the other bounds are rounding: of squares of x and y.
    largest = float(at.arithmetic.largest(at.y)) + 1
    noise = 0.0 if at.arithmetic.exact else (30 * len(at.y) * at.arithmetic.unit_roundoff * largest) ** 2
    return [
        bound(cost, 2 * (parts[0] * deviation + parts[1] * average) + noise, note="C -> 0 if"),
        bound(deviation, 2 * at.N * cost + noise, note="only if the deviations vanish"),
        bound(average, 2 * at.number(at.N, least) * cost + noise, note="only if averages are matched"),
    ]


@claim(
    "chenewald2024/zero-loss-iff/a",
    scenes=(*SPREAD, ONE_CLASS),
    columns=ALGEBRAIC,
    controls=[
        variant("deviations need not vanish", parts=(0, 1)),
        variant("averages need not be matched", parts=(1, 0)),
    ],
)
def test_cost_vanishes_exactly_with_deviations_and_mismatch_of_averages(
    at: Point, parts: tuple[int, int] = (1, 1)
) -> list[Ratio]:
    return [
        ratio
        for rows in towards_targets(at)
        for ratio in zero_together(at, *exact_parts(at, rows), parts)
    ]


def averages_only(problem: Problem, theta: Array) -> Array:
    """Return the adapted field of the part of the cost that sees class averages alone."""
    return part_of_the_gradient(problem, theta, lambda data, g: data.class_averages(g)[data.labels])


def deviations_only(problem: Problem, theta: Array) -> Array:
    """Return the adapted field of the part of the cost that sees deviations alone."""
    return part_of_the_gradient(problem, theta, lambda data, g: data.class_deviations(g))


def part_of_the_gradient(
    problem: Problem, theta: Array, part: Callable[[Dataset, Array], Array]
) -> Array:
    """Return -D^+ times a part of grad_x C."""
    at = problem.linearize(theta)
    rows = problem.cost.gradient(problem.data, at.stacked).reshape(at.outputs.shape)
    return -lift_velocity(at, part(problem.data, rows).reshape(-1))


@claim(
    "chenewald2024/zero-loss-iff/a",
    scenes=(FULL_RANK[0], FULL_RANK[3], RANK_LOST[0], IRIS),
    columns=ALL_ORBITS,
    controls=[
        variant("deviations need not vanish", field=averages_only, parts=(0, 1)),
        variant("averages need not be matched", field=deviations_only, parts=(1, 0)),
    ],
)
def test_along_training_the_cost_falls_with_deviations_and_mismatch_of_averages(
    at: Point, field: Field | None = None, parts: tuple[int, int] = (1, 1)
) -> list[Ratio]:
    # An orbit that comes to a loss of rank is followed up to there.
    steps = watched_orbit(at, field).outputs()
    outputs = at.arithmetic.array(steps).reshape(len(steps), at.N, -1)
    return [ratio for rows in outputs for ratio in zero_together(at, *exact_parts(at, rows), parts)]


def diameter(rows: Array) -> Any:
    """Return the square of the largest distance between two rows."""
    return max(max(squared_rows(rows - row)) for row in rows)


def of_one_class(at: Point, rows: Array) -> Iterator[Array]:
    """Yield the image of each class."""
    for j in range(len(at.problem.data.targets)):
        yield rows[at.problem.data.labels == j]


@claim(
    "chenewald2024/zero-loss-iff/b",
    scenes=(*SPREAD, ONE_CLASS),
    columns=ALGEBRAIC,
    controls=[
        variant("one point for all classes", images=lambda at, rows: iter([rows])),
        variant("around the targets", centres=lambda at, rows: at.problem.data.targets),
    ],
)
def test_image_of_a_class_is_as_wide_as_its_deviations(
    at: Point,
    images: Callable[[Point, Array], Iterator[Array]] = of_one_class,
    centres: Callable[[Point, Array], Array] = lambda at, rows: at.problem.data.class_averages(rows),
) -> list[Ratio]:
    data, ratios, largest = at.problem.data, [], float(at.arithmetic.largest(at.y)) + 1
    noise = 0.0 if at.arithmetic.exact else (30 * len(at.y) * at.arithmetic.unit_roundoff * largest) ** 2
    for rows in towards_targets(at):
        widest = max(diameter(image) for image in images(at, rows))
        deviation = max(squared_rows(rows - centres(at, rows)[data.labels]))
        ratios += [
            bound(widest, 4 * deviation * 2 + noise, note="diameters vanish with deviations"),
            bound(deviation, 2 * widest + noise, note="and deviations with diameters"),
        ]
    return ratios
