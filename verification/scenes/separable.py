"""Labelled data that hyperplanes cut off class by class, and data for which that cannot be done.

Networks have hidden widths Q - 1, as many layers as classes, and the weighted cost of the talks.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from geomdl import CLASS_WEIGHTED, Dataset, Network, Problem, load_real_data
from geomdl.arithmetic import Array
from verification.machinery.points import Scene
from verification.scenes.clusters import distinct_targets
from verification.scenes.few_bits import few_bits


def _scene(
    name: str, widths: Sequence[int], inputs: Array, labels: np.ndarray, *facts: str, exact: bool = True
) -> Scene:
    """Make a scene of given inputs, with random targets."""
    network = Network(widths, "relu")

    def draw(generator: np.random.Generator) -> tuple[Problem, np.ndarray]:
        data = Dataset(inputs, labels, distinct_targets(generator, int(labels.max()) + 1))
        theta = few_bits(network.random_theta(generator))
        return Problem(network, data, CLASS_WEIGHTED), theta

    return Scene(name, draw, frozenset(facts), exact=exact)


def peeled(
    classes: int, dimension: int, samples: int, hidden_widths: Sequence[int] | None = None
) -> Scene:
    """Make a scene of random points, of which random hyperplanes cut off one class after the other."""
    hidden = [classes - 1] * classes if hidden_widths is None else list(hidden_widths)
    network = Network([dimension, *hidden, classes], "relu")

    def draw(generator: np.random.Generator) -> tuple[Problem, np.ndarray]:
        spare = 3 * classes * samples
        points = few_bits(generator.standard_normal((spare, dimension)), 8)
        left, inputs = np.unique(points, axis=0), []
        for _ in range(classes):
            left = left[np.argsort(left @ generator.standard_normal(dimension))]
            inputs.append(left[:samples])
            left = left[samples + 2 :]  # what is skipped leaves a gap
        turns = generator.permutation(classes)
        labels = np.repeat(turns, samples)
        data = Dataset(np.concatenate(inputs), labels, distinct_targets(generator, classes))
        theta = few_bits(network.random_theta(generator))
        return Problem(network, data, CLASS_WEIGHTED), theta

    shape = "" if hidden_widths is None else "-" + "-".join(map(str, hidden))
    name = f"peeled-{classes}x{samples}-in-R{dimension}{shape}"
    return Scene(name, draw, frozenset({"separable"}), exact=True)


PEELED = (
    peeled(2, 2, 6),
    peeled(3, 2, 5),
    peeled(4, 5, 4, (5, 5, 4, 3)),
    peeled(3, 4, 5, (4, 3, 3, 2, 2)),
    peeled(5, 4, 3),
)
"""No clusters; non-increasing widths, down to Q - 1, with Q layers and more; M >= Q - 1."""


SIXTEEN = peeled(16, 16, 2)
"""Q = M = 16: K is many times Q(M + 2)."""


def _real(name: str) -> Scene:
    data = load_real_data(name)
    inputs = few_bits(data.inputs, 8)
    classes = len(data.targets)
    widths = [inputs.shape[1], *[classes - 1] * classes, classes]
    return _scene(name, widths, inputs, data.labels, "separable", "real data")


WINE, BREAST_CANCER = _real("wine"), _real("breast_cancer")
"""All 178 and all 569 samples, standardized."""

LINE_OF_THREE = _scene(
    "line-of-three",
    (1, 1, 1, 1, 3),
    np.array([[0.0], [1.0], [2.0]]),
    np.arange(3),
    "separable",
    "narrow",
)
"""Three classes on a line, hence of widths that do not increase from M = 1."""

PEELED_NARROW = peeled(4, 3, 3, (3, 3, 2, 2))
"""Widths that go below Q - 1."""

INTERLEAVED = _scene(
    "interleaved",
    (2, 1, 1, 2),
    np.array([[0.0, 0.0], [1.0, 1.0], [1.0, 0.0], [0.0, 1.0]]),
    np.array([0, 0, 1, 1]),
    "inseparable",
)
"""Exclusive or: no line separates the two classes."""

IRIS_RAW = _scene(
    "iris",
    (4, 2, 2, 2, 3),
    few_bits(load_real_data("iris").inputs, 8),
    load_real_data("iris").labels,
    "inseparable",
    "real data",
)
"""Two of the classes of iris reach across each other."""

ENCLOSED = _scene(
    "enclosed",
    (2, 2, 2, 2, 3),
    np.array([[4.0, 3.0], [4.0, -3.0], [0.0, 1.0], [3.0, 1.0], [0.0, -1.0], [3.0, -1.0]]),
    np.array([0, 0, 1, 1, 2, 2]),
    "separable",
)
"""Class 0 has to go first: no line has class 1, or class 2, alone on one side."""

SIMPLEX_OF_THREE = _scene(
    "simplex-of-three",
    (2, 2, 2, 2, 3),
    np.array([[0.0, 0.0], [2.0, 0.0], [0.0, 2.0]]),
    np.arange(3),
    "separable",
)
"""Every order serves."""
