"""ReLU networks with labelled data: classes clustered around independent means, and data that are not.

Everything is drawn on dyadic grids of few bits, so that the same data are exact in every arithmetic: the
coordinates kappa = Xred^-1 x of the samples are multiples of 2^-12, the class means are integer vectors.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import combinations
from typing import Any

import numpy as np

from geomdl import CLASS_WEIGHTED, Dataset, Network, Problem
from geomdl.arithmetic import Array
from geomdl.truncation import (
    ExplicitMinimizer,
    clustered_minimizer,
    compose_truncations,
    cumulative_parameters,
)
from verification.machinery.points import Point, Scene
from verification.scenes.few_bits import few_bits
from verification.scenes.networks import ATTEMPTS

Means = Callable[[np.random.Generator, int], np.ndarray]

QUARTER = 1 / 4
GRID = 2.0**12
LARGEST_CONDITION = 50.0
"""Of the matrix of class means, and of the weight matrices of square layers."""
LARGEST_RANDOM_CONDITION = 1e4
"""Of the weight matrices of random square layers, of which there may be many."""
CLEAR = 2.0**-5
"""Least size of what a layer has to cut off, for the layer to count as truncating."""


def random_means(generator: np.random.Generator, classes: int) -> np.ndarray:
    """Draw an invertible integer matrix [m_1 ... m_Q] with entries from -4 to 4."""
    limit = LARGEST_CONDITION * max(1.0, classes / 4)
    for _ in range(ATTEMPTS):
        means = generator.integers(-4, 5, size=(classes, classes)).astype(np.float64)
        if np.linalg.matrix_rank(means) == classes and np.linalg.cond(means) <= limit:
            return means
    raise RuntimeError(f"no draw of {ATTEMPTS} matrices of class means has condition {limit}")


def orthogonal_means(generator: np.random.Generator, classes: int) -> np.ndarray:
    """Shuffle the columns of Q - 2 1 1^T, which is Q times a reflection: a regular simplex."""
    reflection = classes * np.eye(classes) - 2
    return reflection[:, generator.permutation(classes)] * generator.choice([-1.0, 1.0], size=classes)


def stretched_means(generator: np.random.Generator, classes: int) -> np.ndarray:
    """Stretch one direction of input space by 64, for a matrix of class means of large condition."""
    means = random_means(generator, classes)
    means[0] *= 64
    return means


def dependent_means(generator: np.random.Generator, classes: int) -> np.ndarray:
    """Put the last class mean half way between the first two."""
    means = 2 * random_means(generator, classes)
    means[:, -1] = (means[:, 0] + means[:, 1]) / 2
    return means


def deviations(
    generator: np.random.Generator, classes: int, corner: int, samples: int, radius: float
) -> np.ndarray:
    """Draw deviations of one class, in barycentric coordinates: pairs +-d just shorter than the radius.

    The first pair points to the centre of the simplex, the second to another corner, the rest anywhere;
    an odd sample sits at the class mean. Sums are zero, so that the class mean is what it should be.
    """
    drawn = [np.zeros(classes)] if samples % 2 else []
    for pair in range(samples // 2):
        direction = generator.standard_normal(classes)
        if classes > 1 and pair < 2:
            other = generator.choice(np.delete(np.arange(classes), corner))
            goal = np.full(classes, 1 / classes) if pair == 0 else np.eye(classes)[other]
            direction = goal - np.eye(classes)[corner]
        # Rounding towards zero keeps the length below the radius.
        step = np.trunc(direction / np.linalg.norm(direction) * radius * GRID) / GRID
        drawn += [step, -step]
    return np.array(drawn)


def cluster_scene(
    class_sizes: Sequence[int],
    *,
    radius: float = QUARTER,
    means: Means = random_means,
    hidden_layers: int | None = None,
    targets_coincide: bool = False,
    facts: Sequence[str] = ("clustered",),
    suffix: str = "",
    exact: bool = True,
    profile: str = "quick",
) -> Scene:
    """Make a scene of Q classes in R^Q with a ReLU network of width Q and random invertible layers.

    Parameters
    ----------
    class_sizes : sequence of int
        Numbers of samples of the classes.
    radius : float
        The deviations |Xred^-1 (x - m_j)| are below it, by less than one in a hundred.
    means : callable
        Draws Xred = [m_1 ... m_Q].
    hidden_layers : int, optional
        L; Q by default.
    targets_coincide : bool
        The first two targets are equal.
    facts, suffix, exact, profile
        As in :class:`Scene`; the suffix distinguishes names.
    """
    classes = len(class_sizes)
    network = Network([classes] * ((hidden_layers or classes) + 2), "relu")
    alike = len(set(class_sizes)) == 1
    sizes = f"{classes}x{class_sizes[0]}" if alike else "+".join(map(str, class_sizes))

    def draw(generator: np.random.Generator) -> tuple[Problem, np.ndarray]:
        labels = generator.permutation(np.repeat(np.arange(classes), class_sizes))
        kappa = np.eye(classes)[labels]
        for corner, samples in enumerate(class_sizes):
            kappa[labels == corner] += deviations(generator, classes, corner, samples, radius)
        inputs = kappa @ means(generator, classes).T
        targets = distinct_targets(generator, classes)
        if targets_coincide:
            targets[1] = targets[0]
        data = Dataset(inputs, labels, targets)
        return Problem(network, data, CLASS_WEIGHTED), invertible_layers(network, generator)

    return Scene(f"clusters-{sizes}{suffix}", draw, frozenset(facts), exact=exact, profile=profile)


def class_means(data: Dataset) -> Array:
    """Return the means m_j of the inputs of each class, one row each."""
    return data.class_averages(data.inputs)


def invertible_layers(network: Network, generator: np.random.Generator) -> np.ndarray:
    """Draw a theta on the grid whose square hidden layers are invertible, as truncations want them."""
    for _ in range(ATTEMPTS):
        theta = few_bits(network.random_theta(generator))
        hidden = network.layers(theta)[:-1]
        if all(np.linalg.cond(weight) <= LARGEST_RANDOM_CONDITION for weight, _ in hidden):
            return theta
    raise RuntimeError(
        f"no draw of {ATTEMPTS} has hidden layers of condition {LARGEST_RANDOM_CONDITION}"
    )


def distinct_targets(generator: np.random.Generator, classes: int) -> np.ndarray:
    """Draw pairwise different targets, the largest entry at least 1."""
    while True:
        targets = few_bits(generator.standard_normal((classes, classes)))
        if len(np.unique(targets, axis=0)) == classes and np.abs(targets).max() >= 1:
            return targets


def fixed_scene(
    name: str, means: Sequence[Sequence[float]], kappa: Sequence[Sequence[Sequence[float]]], fact: str
) -> Scene:
    """Make a scene with given class means (columns) and given barycentric coordinates class by class."""

    def draw(generator: np.random.Generator) -> tuple[Problem, np.ndarray]:
        labels = np.repeat(np.arange(len(kappa)), [len(samples) for samples in kappa])
        inputs = (
            np.concatenate([np.array(samples) for samples in kappa]) @ np.array(means, dtype=float).T
        )
        network = Network([len(kappa)] * (len(kappa) + 2), "relu")
        data = Dataset(inputs, labels, distinct_targets(generator, len(kappa)))
        return Problem(network, data, CLASS_WEIGHTED), few_bits(network.random_theta(generator))

    return Scene(name, draw, frozenset({fact}), exact=True)


def truncates(network: Network, theta: np.ndarray, inputs: np.ndarray) -> bool:
    """Tell whether every hidden layer cuts something off and leaves something that differs.

    The last layer would cut something off too if it were activated, and no bias vanishes. For square
    layers also: their weights are well conditioned, and one truncation by the cumulative
    parameters is not the same as the composed one; nor are, beyond one dimension, those composed in the
    other order, and no weight is symmetric.
    """
    if not np.all(np.concatenate([bias for _, bias in network.layers(theta)])):
        return False
    below = inputs
    weight_so_far, bias_so_far = np.eye(network.inputs), np.zeros(network.inputs)
    for depth, (weight, bias) in enumerate(network.layers(theta)[:-1]):
        z = below @ weight.T + bias
        if not z.min() < -CLEAR or np.ptp(np.maximum(z, 0), axis=0).max() < CLEAR:
            return False
        weight_so_far, bias_so_far = weight @ weight_so_far, weight @ bias_so_far + bias
        below = np.maximum(z, 0)
        if len(set(network.widths)) == 1:
            at_once = np.maximum(inputs @ weight_so_far.T + bias_so_far, 0)
            if np.linalg.cond(weight) > LARGEST_CONDITION or np.abs(weight).max() == 0:
                return False
            if depth and np.abs(at_once - below).max() < CLEAR:
                return False
    if len(set(network.widths)) == 1 and network.inputs > 1:
        if any(np.array_equal(weight, weight.T) for weight, _ in network.layers(theta)):
            return False
        backwards = cumulative_parameters(network.layers(theta)[:-1])[::-1]
        other = compose_truncations(backwards, inputs) @ weight_so_far.T + bias_so_far
        if np.abs(other - below).max() < CLEAR:
            return False
    weight, bias = network.layers(theta)[-1]
    return bool((below @ weight.T + bias).min() < -CLEAR)


def relu_scene(widths: Sequence[int], class_sizes: Sequence[int]) -> Scene:
    """Make a scene of labelled Gaussian data and a ReLU network whose every hidden layer truncates."""
    network = Network(widths, "relu")
    if len(class_sizes) != network.outputs:
        raise ValueError(f"got {len(class_sizes)} class sizes; expected Q = {network.outputs}")
    name = f"truncating-{network}-N{'+'.join(map(str, class_sizes))}"

    def draw(generator: np.random.Generator) -> tuple[Problem, np.ndarray]:
        labels = generator.permutation(np.repeat(np.arange(len(class_sizes)), class_sizes))
        for _ in range(ATTEMPTS):
            inputs = few_bits(generator.standard_normal((len(labels), network.inputs)))
            theta = few_bits(network.random_theta(generator))
            if truncates(network, theta, inputs):
                data = Dataset(inputs, labels, distinct_targets(generator, len(class_sizes)))
                return Problem(network, data, CLASS_WEIGHTED), theta
        raise RuntimeError(f"scene {name}: no draw of {ATTEMPTS} truncates in every layer")

    return Scene(name, draw, frozenset({"truncating"}), exact=True)


ONE_SAMPLE_EACH = cluster_scene((1,) * 4)
"""Nothing to collapse."""

CLUSTERED = (
    cluster_scene((5, 3)),
    cluster_scene((1, 3, 7)),
    cluster_scene((4, 3, 4), targets_coincide=True, suffix="-same-target"),
    ONE_SAMPLE_EACH,
    cluster_scene((3, 4, 3, 2), means=stretched_means, suffix="-stretched"),
    cluster_scene((2, 3, 2, 3, 2), hidden_layers=7, suffix="-7-layers"),
    cluster_scene((4, 3, 2, 1, 2, 1, 2, 1)),
)
"""Deviations just below 1/4: balanced or not, one sample a class, equal targets, L > Q."""

SPREAD_CLUSTERS = tuple(scene for scene in CLUSTERED if scene is not ONE_SAMPLE_EACH)
"""Those with deviations."""

MANY_CLASSES = (cluster_scene((3,) * 16, exact=False), cluster_scene((3,) * 32, exact=False))
"""The same for Q = 16 and 32."""

REGULAR = tuple(
    cluster_scene(sizes, means=orthogonal_means, suffix="-regular")
    for sizes in ((5, 3), (3, 1, 7), (4, 5, 4, 5), (2,) * 8)
)
"""Clusters around the corners of a regular simplex: there Euclidean balls are barycentric ones."""

ONE_CLASS = fixed_scene("one-class", [[2]], [[[1], [7 / 8], [9 / 8]]], "one class")
"""Q = 1: the centre of the simplex is its only corner."""

LOOSE = cluster_scene((5, 4, 4), radius=1.0, facts=["loose"], suffix="-loose")
"""Deviations of 1: the classes reach across each other."""

SHARED_INPUT = fixed_scene(
    "shared-input", [[1, -1], [1, 1]], [[[1.5, -0.5], [0.5, 0.5]], [[0.5, 0.5], [-0.5, 1.5]]], "shared"
)
"""Two classes around independent means have one input in common; deviations are 1/sqrt(2)."""

THIN_SIMPLEX = fixed_scene(
    "thin-simplex",
    [[8, 8], [1, -1]],
    [[[1.125, 0.125], [0.875, -0.125]], [[0.125, 1.125], [-0.125, 0.875]]],
    "clustered",
)
"""Deviations of 0.18 in barycentric coordinates, of 2 in R^2; the class means are 2 apart."""

DEPENDENT_MEANS = cluster_scene(
    (3, 3, 3), means=dependent_means, facts=["dependent"], suffix="-dependent"
)
"""Class means on a line."""

TRUNCATING = (
    relu_scene([1, 1, 1, 1], (3,)),
    relu_scene([2, 2, 2, 2], (3, 2)),
    relu_scene([3, 3, 3, 3, 3], (2, 3, 1)),
    relu_scene([4, 4, 4, 4, 4], (1, 2, 1, 3)),
)
"""Square invertible layers on data that every one of them truncates."""

LABELLED_RELU = (
    relu_scene([3, 5, 2], (4, 1)),
    relu_scene([2, 4, 3, 3], (1, 3, 2)),
    relu_scene([4, 3, 2, 1], (3,)),
)
"""Any widths, unbalanced classes."""


def around_the_means(at: Point, **options: Any) -> ExplicitMinimizer:
    """Return the explicit network for the class means alone, whatever the deviations of the samples."""
    data, network = at.problem.data, at.problem.network
    means = data.class_averages(data.inputs)
    labels = np.arange(len(means))
    return clustered_minimizer(
        Dataset(means, labels, data.targets), hidden_layers=len(network.widths) - 2, **options
    )


def scaled_units(at: Point, theta: Array, *, outgoing: bool = True, sign: int = 1) -> Array:
    """Scale every hidden unit by a third of 2, 4, 5 or 7, and what leaves it by the inverse.

    With ReLU the outputs stay the same, up to rounding: the new theta is no dyadic number in any
    arithmetic, and no residual that it gives vanishes by luck. The controls leave out the outgoing
    weights or turn the sign.
    """
    network = at.problem.network
    *hidden, output = network.layers(theta)
    below = at.arithmetic.zeros(network.inputs) + at.number(1)
    layers = []
    for weight, bias in hidden:
        own = sign * at.arithmetic.array(at.generator.choice([2, 4, 5, 7], len(bias))) / 3
        layers.append((own[:, None] * weight / below, own * bias))
        below = own if outgoing else 1 + 0 * own
    return network.flatten([*layers, (output[0] / below, output[1])])


def cost_floor(at: Point) -> Any:
    """Return a cost that no map of the inputs gets below: the label conflict of equal inputs.

    Equal inputs have equal outputs z, and sum over j of w_j |z - y_j|^2 with w_j = 1 / N_j is at least
    the sum over pairs of w_j w_k |y_j - y_k|^2 divided by the sum of w_j.
    """
    data = at.problem.data
    labels_at: dict[tuple[Any, ...], list[int]] = {}
    for point, label in zip(data.inputs.tolist(), data.labels.tolist(), strict=True):
        labels_at.setdefault(tuple(point), []).append(label)
    weights = [at.number(1, int(size)) for size in data.class_sizes]
    floor = at.number(0)
    for labels in labels_at.values():
        total = sum(weights[j] for j in labels)
        for j, k in combinations(labels, 2):
            square = ((data.targets[j] - data.targets[k]) ** 2).sum()
            floor = floor + weights[j] * weights[k] * square / total
    return floor
