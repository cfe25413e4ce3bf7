"""Zero cost for sequentially linearly separable data, and in how many orders.

A hidden layer cuts off one class with a cone that approximates a half-space, and sends it to a point;
the output layer sends Q points to Q targets. The networks are those of geomdl.sequential: their cost is
zero over the rationals, for no clusters at all, for real data and for any widths from Q - 1 up.

Narrower layers cannot do it. Behind a hidden layer of width m the outputs lie in an affine space of
dimension m, so that Q affinely independent targets need m >= Q - 1 in every layer, and M >= Q - 1 if
widths do not increase: three classes on a line are separable, and no such network fits them. What no
network of width m can beat is the distance of the targets from the best affine space of dimension m.

The Q(M + 2) numbers describe the construction, a normal, an offset and an aperture for each class; as a
count of weights and biases they would be wrong in general.

Orders are never unique for more than one class: a hyperplane that separates the last two classes
serves for either. So 1 -> 2 -> 3 comes with 1 -> 3 -> 2, whatever the picture shows.
"""

from itertools import permutations

import numpy as np

from geomdl import CLASS_WEIGHTED, Dataset, outputs
from geomdl.arithmetic import Array
from geomdl.networks import Network
from geomdl.separability import InseparableError, class_order
from geomdl.sequential import SequentialMinimizer, sequential_minimizer, sequential_network
from verification.machinery.checks import claim, variant
from verification.machinery.columns import FLOAT64, RATIONAL
from verification.machinery.points import Point
from verification.machinery.ratios import THRESHOLDS, Ratio, bound, identity, property_
from verification.scenes.clusters import CLUSTERED
from verification.scenes.separable import (
    BREAST_CANCER,
    ENCLOSED,
    INTERLEAVED,
    IRIS_RAW,
    LINE_OF_THREE,
    PEELED,
    PEELED_NARROW,
    SIMPLEX_OF_THREE,
    SIXTEEN,
    WINE,
)

SCENES = (*PEELED, SIMPLEX_OF_THREE, ENCLOSED, CLUSTERED[1], WINE, BREAST_CANCER)
COLUMNS = (FLOAT64, RATIONAL)
NOT_SEPARABLE = variant("not separable", scenes=[INTERLEAVED, IRIS_RAW])


def hidden_widths(at: Point) -> tuple[int, ...]:
    return at.problem.network.widths[1:-1]


def explicit(at: Point) -> SequentialMinimizer:
    """Return the explicit network of the scene; found once for all checks."""
    key = (at.scene.name, at.column.name, at.seed)
    if key not in _EXPLICIT:
        _EXPLICIT[key] = sequential_minimizer(at.problem.data, hidden_widths=hidden_widths(at))
    return _EXPLICIT[key]


_EXPLICIT: dict[tuple[str, str, int], SequentialMinimizer] = {}


def for_the_means(at: Point) -> tuple[Network, Array]:
    """Return the network of the class means, whatever the samples are."""
    data = at.problem.data
    means, classes = data.class_averages(data.inputs), len(data.targets)
    if np.unique(at.arithmetic.to_float64(means), axis=0).shape[0] < classes:
        means = means + at.arithmetic.eye(classes)[:, : means.shape[1]]
    found = sequential_minimizer(Dataset(means, np.arange(classes), data.targets))
    return found.network, found.theta


def reached(at: Point) -> tuple[Array, float]:
    """Return the outputs of the explicit network, or the best that its widths allow, and a condition."""
    data, widths = at.problem.data, hidden_widths(at)
    if min(widths) < len(data.targets) - 1:
        return within_dimension(at, min(widths)), 1.0
    try:
        found = explicit(at)
    except InseparableError:
        network, theta = for_the_means(at)
        return outputs(network, theta, data.inputs), 1.0
    return outputs(found.network, found.theta, data.inputs), accuracy(found)


def accuracy(found: SequentialMinimizer) -> float:
    """Condition of the error model: the base points pass from one sector to the next."""
    return float(max(found.conditions) ** 2)


def within_dimension(at: Point, dimension: int) -> Array:
    """Return the outputs nearest to the targets in an affine space, which no narrow network can beat."""
    weights = np.sqrt(1 / at.problem.data.class_sizes[at.problem.data.labels])[:, None]
    targets = at.arithmetic.to_float64(at.problem.data.targets)[at.problem.data.labels]
    centre = (weights**2 * targets).sum(axis=0) / (weights**2).sum()
    _, _, directions = np.linalg.svd(weights * (targets - centre))
    projector = directions[:dimension].T @ directions[:dimension]
    return at.arithmetic.array(centre + (targets - centre) @ projector)


def vanishing(at: Point, answers: Array, condition: float) -> list[Ratio]:
    """Hold the outputs against the targets, and the cost against what rounding leaves."""
    data = at.problem.data
    layers = len(hidden_widths(at))
    scale = at.arithmetic.largest(data.targets)
    cost = CLASS_WEIGHTED.value(data, answers.reshape(-1))
    largest = THRESHOLDS["identity"] * layers * condition * at.arithmetic.unit_roundoff * float(scale)
    limit = data.targets.size * largest**2
    return [
        identity(answers, data.targets[data.labels], scale=scale, size=layers, condition=condition),
        bound(cost, limit, note="cost") if limit else property_(cost == 0, "the cost is exactly 0"),
    ]


@claim(
    "slides2024/sequential-separability/a",
    "slides2024/sequential-separability/b",
    scenes=SCENES,
    columns=COLUMNS,
    controls=[NOT_SEPARABLE, variant("leaky ReLU", scenes=PEELED[1:2], activation="leaky_relu")],
    refuted=[
        variant("Q - 1 > M on a line", scenes=[LINE_OF_THREE]),
        variant("a layer narrower than Q - 1", scenes=[PEELED_NARROW]),
    ],
)
def test_an_explicit_network_of_these_widths_has_zero_cost(
    at: Point, activation: str = "relu"
) -> list[Ratio]:
    if activation != "relu":
        found = explicit(at)
        network = Network(found.network.widths, activation)
        return vanishing(at, outputs(network, found.theta, at.problem.data.inputs), accuracy(found))
    return vanishing(at, *reached(at))


@claim(
    "slides2024/sequential-separability/c",
    scenes=SCENES,
    columns=COLUMNS,
    controls=[
        variant("counting weights and biases", scenes=[SIXTEEN], weights_and_biases=True),
        variant("without the offsets", scenes=PEELED[1:2], offset=0),
        variant("without the apertures", scenes=PEELED[3:4], opening=1 / 64),
    ],
)
def test_a_normal_an_offset_and_an_aperture_for_each_class_give_the_network(
    at: Point, weights_and_biases: bool = False, offset: int = 1, opening: float = 1.0
) -> list[Ratio]:
    data = at.problem.data
    found = explicit(at)
    plan = found.order
    network, theta = sequential_network(
        at.arithmetic.array(plan.normals),
        at.arithmetic.array(offset * plan.offsets),
        [opening * aperture for aperture in found.apertures],
        data.targets[list(plan.order)],
        hidden_widths(at),
    )
    numbers = plan.normals.size + plan.offsets.size + found.apertures.size
    count = network.parameter_count if weights_and_biases else numbers
    allowed = len(data.targets) * (data.inputs.shape[1] + 2)
    answers = outputs(network, theta, data.inputs)
    return [bound(count, allowed, note="Q(M + 2)"), *vanishing(at, answers, accuracy(found))]


def is_order(data: Dataset, order: tuple[int, ...]) -> bool:
    """Tell whether hyperplanes cut off the classes in this order; a refusal has to be certified."""
    try:
        class_order(data, order)
    except InseparableError as error:
        remaining = order[order.index(error.classes[0]) :]
        if not all(point.holds_for(data, remaining) for point in error.certificate):
            raise AssertionError(f"the certificate against {order} does not hold") from error
        return False
    return True


@claim(
    "slides2024/unique-ordering/a",
    scenes=[ENCLOSED],
    columns=COLUMNS,
    controls=[variant("a simplex", scenes=[SIMPLEX_OF_THREE], expected={(0, 1, 2), (0, 2, 1)})],
    refuted=[variant("as printed", expected={(0, 1, 2)})],
    corrected=[variant("up to the last two", expected={(0, 1, 2), (0, 2, 1)})],
)
def test_orders_are_unique_up_to_the_last_two_classes(
    at: Point, expected: frozenset[tuple[int, ...]] = frozenset({(0, 1, 2)})
) -> list[Ratio]:
    data = at.problem.data
    found = {order for order in permutations(range(len(data.targets))) if is_order(data, order)}
    measured = []
    for order in sorted(found):
        minimizer = sequential_minimizer(data, order=order)
        answers = outputs(minimizer.network, minimizer.theta, data.inputs)
        measured += vanishing(at, answers, accuracy(minimizer))
    return [property_(found == set(expected), f"orders {sorted(found)}"), *measured]


@claim(
    "slides2024/unique-ordering/b",
    scenes=(PEELED[2], PEELED[1], ENCLOSED, WINE),
    columns=(FLOAT64,),
    controls=[
        variant("narrow cones", aperture=2.0**-6),
        variant("the other sides of the hyperplanes", side=-1),
    ],
)
def test_wide_cones_take_the_sides_of_the_hyperplanes_layer_by_layer(
    at: Point, aperture: float = 2.0**12, side: int = 1
) -> list[Ratio]:
    # A share of order 1 / d of the space lies in neither the cone nor its opposite.
    data = at.problem.data
    plan, count = class_order(data), 2000
    network, theta = sequential_network(
        plan.normals, plan.offsets, [aperture] * len(plan.order), data.targets
    )
    centre, spread = data.inputs.mean(axis=0), data.inputs.std(axis=0)
    left = centre + 3 * spread * at.generator.standard_normal((count, data.inputs.shape[1]))
    heights, measured = side * (left @ plan.normals.T - plan.offsets), []
    for layer, (weight, bias) in enumerate(network.layers(theta)[: len(plan.normals)]):
        left = left @ weight.T + bias
        inside, opposite = np.all(left > 0, axis=1), np.all(left < 0, axis=1)
        beyond = heights[:, layer] > 0
        differ = int(np.sum(np.where(beyond, ~inside, ~opposite)))
        measured.append(bound(differ, count / 100, note=f"layer {layer + 1}: {differ} of {len(left)}"))
        left, heights = left[inside], heights[inside]
    return measured
