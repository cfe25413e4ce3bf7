"""Classes with several samples: balanced, unbalanced, real, and such that nothing can collapse.

Collapse of classes concerns the deviations within a class, so that a class needs two samples or more.

Exclusive or as two classes: inputs 00, 01, 10, 11 with labels 0, 1, 1, 0 and one hidden neuron. As in
``obstructed``, the segment from the outputs to the targets leaves the image of the network, and the
adapted orbit ends in finite time at rank QN. The variances cannot vanish either, unless the outputs are
constant: x_00 = x_11 and x_01 = x_10 would make both pre-activations half of the same sum.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from geomdl import Dataset, Network, Problem, load_real_data
from verification.machinery.points import Scene
from verification.scenes.networks import inside_window, network_scene
from verification.scenes.obstructed import SQUARE


def class_scene(widths: Sequence[int], activation: str, sizes: Sequence[int], *facts: str) -> Scene:
    """Make a scene of classes with the given numbers of samples, drawn like all networks.

    Parameters
    ----------
    widths, activation
        The network.
    sizes : sequence of int
        N_1, ..., N_C; samples are not ordered by class.
    *facts : str
    """
    network, count = Network(widths, activation), sum(sizes)
    rank = network.outputs * count
    name = f"{network}-classes-of-{'-'.join(map(str, sizes))}"

    def draw(generator: np.random.Generator) -> tuple[Problem, np.ndarray]:
        labels = generator.permutation(np.repeat(np.arange(len(sizes)), sizes))
        inputs = generator.standard_normal((count, network.inputs))
        targets = generator.standard_normal((len(sizes), network.outputs))
        return Problem(network, Dataset(inputs, labels, targets)), network.random_theta(generator)

    known = frozenset({"full rank", "over", *facts})
    return Scene(name, inside_window(draw, rank, name), known)


BALANCED = class_scene([3, 12, 2], "tanh", (3, 3), "balanced")
"""QN = 12, K = 74."""

UNBALANCED = class_scene([3, 16, 2], "tanh", (5, 2, 1), "unbalanced")
"""Classes of five, two and one; QN = 16, K = 98."""

DEEP_UNBALANCED = class_scene([2, 6, 6, 1], "softplus", (1, 4), "unbalanced")
"""Two hidden layers; QN = 5, K = 67."""


def _wine(sizes: Sequence[int]) -> Scene:
    network = Network([13, 8, 3], "tanh")
    name = f"wine-{network}-classes-of-{'-'.join(map(str, sizes))}"

    def draw(generator: np.random.Generator) -> tuple[Problem, np.ndarray]:
        wine = load_real_data("wine")
        chosen = np.concatenate(
            [
                generator.choice(np.flatnonzero(wine.labels == c), size, replace=False)
                for c, size in enumerate(sizes)
            ]
        )
        data = Dataset(wine.inputs[chosen], wine.labels[chosen], wine.targets)
        return Problem(network, data), network.random_theta(generator)

    known = frozenset({"full rank", "over", "real data", "unbalanced"})
    return Scene(name, inside_window(draw, network.outputs * sum(sizes), name), known)


WINE_UNBALANCED = _wine((7, 3, 2))
"""Twelve wines of three unequal classes; QN = 36, K = 139."""

COLLAPSING = (BALANCED, UNBALANCED, DEEP_UNBALANCED, WINE_UNBALANCED)
"""Full rank along whole orbits."""

CLASSES_EXACT = network_scene([2, 4, 1], "square", 4, classes=2, bits=3, facts=["full rank", "over"])
"""Two classes of two, for exact arithmetic."""

NARROW_CLASSES = (
    network_scene(
        [3, 2, 1, 2], "tanh", 4, classes=2, rank=6, facts=["rank lost", "over"], suffix="-two-classes"
    ),
    network_scene([3, 1, 2], "tanh", 4, classes=2, rank=6, facts=["rank lost"], suffix="-two-classes"),
)
"""Two classes of two and rank 6 < QN = 8 for every theta; K = 15 in the first, K = 8 in the second. The
output weights w of the single neuron take any deviation within a class into the range of D, which
contains every c w^T: variances decay as at rank QN, averages do not."""

UNDER_CLASSES = network_scene(
    [2, 1, 1], "tanh", 9, classes=2, facts=["under", "injective"], suffix="-two-classes"
)
"""K = 5 < QN = 9 and rank K: full rank, but not rank QN."""


def _conflict() -> Scene:
    network, name = Network([2, 8, 2], "tanh"), "2-8-2-tanh-N6-twins-in-two-classes"

    def draw(generator: np.random.Generator) -> tuple[Problem, np.ndarray]:
        inputs = generator.standard_normal((6, 2))
        inputs[3] = inputs[0]
        data = Dataset(inputs, np.repeat([0, 1], 3), generator.standard_normal((2, 2)))
        return Problem(network, data), network.random_theta(generator)

    return Scene(name, inside_window(draw, 10, name), frozenset({"rank lost", "over"}))


CONFLICT = _conflict()
"""K = 42 > QN = 12, one input in both classes: rank 10 for every theta."""


def _exclusive_or() -> Scene:
    network = Network([2, 1, 1], "tanh")
    name = f"xor-two-classes-{network}"
    data = Dataset(np.array(SQUARE), np.array([0, 1, 1, 0]), np.array([[0.0], [1.0]]))

    def draw(generator: np.random.Generator) -> tuple[Problem, np.ndarray]:
        return Problem(network, data), network.random_theta(generator)

    known = frozenset({"full rank", "over", "obstructed"})
    return Scene(name, inside_window(draw, 4, name), known)


XOR_CLASSES = _exclusive_or()
"""K = 5 > QN = 4, two classes of two: the adapted orbit ends at full rank."""
