"""Data behind truncations: ranks that change or not, noise against signal, independent targets.

Like the scenes of :mod:`verification.scenes.clusters` they are dyadic and exact in every arithmetic.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from geomdl import CLASS_WEIGHTED, Dataset, Network, Problem
from geomdl.arithmetic import Array
from geomdl.networks import Layers
from geomdl.truncation import compose_truncations, cumulative_parameters
from verification.machinery.points import Point, Scene
from verification.scenes.clusters import (
    CLUSTERED,
    ONE_CLASS,
    REGULAR,
    SHARED_INPUT,
    around_the_means,
    cluster_scene,
    fixed_scene,
    random_means,
)
from verification.scenes.few_bits import few_bits

LARGEST_MEANS_CONDITION = 1e4
"""Of the matrix of truncated class means: beyond, the relative deviations are not looked at."""

LARGE_TARGETS = 64.0


def relu_problem(inputs: Array, labels: Sequence[int], targets: Array, depth: int = 1) -> Problem:
    """Return a problem of a ReLU network of equal widths M = Q."""
    network = Network([len(targets)] * (depth + 2), "relu")
    return Problem(network, Dataset(inputs, np.array(labels), targets), CLASS_WEIGHTED)


# Ranks.


def rank_scene(name: str, classes: Sequence[Sequence[Sequence[float]]], *facts: str) -> Scene:
    """Make a scene in which W X is given, and the layer is relu(W x) with a random W and no bias.

    tau = W^-1 relu(W x), so that the ranks of X and tau(X) are those of W X and relu(W X).
    """

    def draw(generator: np.random.Generator) -> tuple[Problem, np.ndarray]:
        count = len(classes)
        weight = np.tri(count) @ np.tri(count).T  # of determinant 1, as its inverse is integer too
        order = generator.permutation(count)
        weight = weight[:, order]
        seen = np.concatenate([np.array(samples) for samples in classes])
        inputs = seen @ np.round(np.linalg.inv(weight)).T
        labels = np.repeat(np.arange(count), [len(samples) for samples in classes])
        problem = relu_problem(inputs, labels.tolist(), np.eye(count))
        theta = problem.network.flatten([(weight, np.zeros(count)), (np.eye(count), np.zeros(count))])
        return problem, theta

    return Scene(name, draw, frozenset(facts), exact=True)


UNTOUCHED = rank_scene("untouched", [[[1, 2], [3, 2]], [[4, 1]]], "data rank kept", "means rank kept")
"""All of W X is positive: tau is the identity."""

CUT_OFF = rank_scene("cut-off", [[[3, -1], [1, 1]], [[1, 4]]], "data rank kept", "means rank kept")
"""One entry is cut off, and nothing happens to the ranks."""

DATA_RANK_FALLS = rank_scene("data-rank-falls", [[[1, -1], [1, -3]], [[2, -4]]], "means rank kept")
"""Class means on a line through 0 before and after; the samples come to lie on it."""

MEANS_RANK_FALLS = rank_scene("means-rank-falls", [[[-4, 2], [2, 0]], [[3, 3]]], "data rank kept")
MEANS_RANK_RISES = rank_scene("means-rank-rises", [[[1, -1], [1, 1]], [[2, 0]]], "data rank kept")
"""The samples span the plane before and after."""

BOTH_FALL = rank_scene("both-ranks-fall", [[[1, -1]], [[2, -1]]])
BOTH_RISE = rank_scene("both-ranks-rise", [[[1, -1]], [[-1, 1]]])
"""One sample a class; points on a line through 0 that the corner of the sector bends."""

ALL_NEGATIVE = rank_scene("all-negative", [[[-1], [-2]]])
"""Q = 1: rank 1 becomes 0."""

RANK_KEPT = (UNTOUCHED, CUT_OFF)
RANK_CHANGED = (
    DATA_RANK_FALLS,
    MEANS_RANK_FALLS,
    MEANS_RANK_RISES,
    BOTH_FALL,
    BOTH_RISE,
    ALL_NEGATIVE,
)


# Noise and signal.


def with_large_targets(scene: Scene) -> Scene:
    """Multiply the unit vectors by 64 and take them as targets."""

    def draw(generator: np.random.Generator) -> tuple[Problem, np.ndarray]:
        problem, theta = scene.draw(generator)
        data, classes = problem.data, len(problem.data.targets)
        targets = LARGE_TARGETS * np.eye(classes)
        return Problem(problem.network, Dataset(data.inputs, data.labels, targets), problem.cost), theta

    return Scene(f"{scene.name}-large-targets", draw, scene.facts, exact=scene.exact)


THREE_POINTS = with_large_targets(
    fixed_scene("three-points", [[1, 0], [0, 1]], [[[0, 1], [2, -1]], [[0, 1]]], "shared")
)
"""The only sample of class 2 is one of the two of class 1; class means are the unit vectors."""

SHARED_LARGE = with_large_targets(SHARED_INPUT)

WIDE = cluster_scene((4, 6), radius=32.0, facts=["loose"], suffix="-wide")
"""Deviations of 32: all eigenvalues of D are large or small."""

TIGHT = cluster_scene((4, 3, 4), radius=1 / 64, suffix="-tight")
"""Deviations of 1/64."""

ONE_PAIR = cluster_scene((2, 2, 2), radius=2.0, facts=["loose"], suffix="-pairs")
"""Deviations of 2 along one line a class."""

OUTLIERS = fixed_scene(
    "outliers",
    [[2, 0], [0, 2]],
    [[[3.0, 0.0], [-1.0, 0.0], *[[1.0, 0.0]] * 30], [[0.0, 1.0]]],
    "outliers",
)
"""Two of 32 samples of class 1 deviate by 2, all others not at all: delta_P does not see how many."""


def truncations(at: Point) -> Iterator[tuple[str, Array]]:
    """Yield truncated inputs with independent class means and something left of the deviations.

    The hidden layers are the first ones of the explicit network for the class means, and those of
    theta; none at all is a truncation as well, with a large bias.
    """
    data, network = at.problem.data, at.problem.network
    classes = len(data.targets)
    families: list[tuple[str, Layers]] = [("theta", network.layers(at.theta)[:-1])]
    if "clustered" in at.scene.facts or "loose" in at.scene.facts:
        found = around_the_means(at)
        families.append(("explicit", found.network.layers(found.theta)[: classes - 1]))
    yield "no layer", data.inputs
    for name, layers in families:
        cumulative = cumulative_parameters(layers)
        for depth in range(1, len(layers) + 1):
            weight = at.arithmetic.to_float64(cumulative[depth - 1][0])
            if np.linalg.cond(weight) > LARGEST_MEANS_CONDITION:
                break
            points = compose_truncations(cumulative[:depth], data.inputs)
            if is_usable(at, points):
                yield f"{name}, {depth} layers", points


def is_usable(at: Point, points: Array) -> bool:
    """Tell whether class means are well conditioned and deviations not small, in every column."""
    means = at.arithmetic.to_float64(at.problem.data.class_averages(points))
    left = np.abs(at.arithmetic.to_float64(at.problem.data.class_deviations(points))).max()
    singular = np.linalg.svd(means, compute_uv=False)
    independent = singular[-1] * LARGEST_MEANS_CONDITION > singular[0]
    return bool(independent and left > 1e-3 * singular[0])


# Test inputs.


def with_independent_targets(scene: Scene) -> Scene:
    """Replace the targets by the columns of an invertible matrix."""

    def draw(generator: np.random.Generator) -> tuple[Problem, np.ndarray]:
        problem, theta = scene.draw(generator)
        data, classes = problem.data, len(problem.data.targets)
        targets = random_means(generator, classes).T / 4
        return Problem(problem.network, Dataset(data.inputs, data.labels, targets), problem.cost), theta

    return Scene(f"{scene.name}-basis", draw, scene.facts, exact=scene.exact)


def with_proportional_targets(scene: Scene) -> Scene:
    """Replace the targets by distinct multiples (1, 0, ...), (2, 0, ...), ... of one vector."""

    def draw(generator: np.random.Generator) -> tuple[Problem, np.ndarray]:
        problem, theta = scene.draw(generator)
        data, classes = problem.data, len(problem.data.targets)
        targets = np.outer(np.arange(1.0, classes + 1), np.eye(classes)[0])
        return Problem(problem.network, Dataset(data.inputs, data.labels, targets), problem.cost), theta

    return Scene(f"{scene.name}-proportional", draw, scene.facts, exact=scene.exact)


BASES = tuple(with_independent_targets(scene) for scene in (*CLUSTERED, *REGULAR[:3]))
"""Clustered data with independent targets, hence distinct ones."""

ONE_CLASS_BASIS = with_independent_targets(ONE_CLASS)

PROPORTIONAL = tuple(with_proportional_targets(scene) for scene in (CLUSTERED[0], CLUSTERED[1]))
"""The same with distinct targets on a line."""


def _unit_vectors() -> Scene:
    def draw(generator: np.random.Generator) -> tuple[Problem, np.ndarray]:
        problem = relu_problem(np.eye(2), [0, 1], np.eye(2), depth=2)
        return problem, few_bits(problem.network.random_theta(generator))

    return Scene("unit-vectors", draw, frozenset({"clustered"}), exact=True)


UNIT_VECTORS = _unit_vectors()
"""x_1 = y_1 = e_1, x_2 = y_2 = e_2."""


def _opposite() -> Scene:
    def draw(generator: np.random.Generator) -> tuple[Problem, np.ndarray]:
        inputs = np.array([[1.0, 0.0], [-1.0, 0.0]])
        problem = relu_problem(inputs, [0, 1], np.eye(2), depth=2)
        return problem, few_bits(problem.network.random_theta(generator))

    return Scene("opposite-points", draw, frozenset({"dependent"}), exact=True)


OPPOSITE = _opposite()
"""Two distinct class means on a line through the origin."""
