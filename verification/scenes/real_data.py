"""Real data that scikit-learn ships, one network each, with unit vectors as targets.

Draws are repeated until the inputs are distinct and sigma_QN / sigma_1 >= 1e-4, clear of the cut of the
machinery. Iris holds two identical rows of one class: they make the scene in which rank is lost for
every theta.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from geomdl import Dataset, Network, Problem, load_real_data
from verification.machinery.points import Scene
from verification.scenes.networks import inside_window

SMALLEST_COUNTED = 1e-4
ATTEMPTS = 50


def real_scene(
    data_set: str, samples: int, widths: Sequence[int], *, facts: Sequence[str] = (), profile: str
) -> Scene:
    """Make a scene: stratified samples of a data set, a tanh network of random parameters.

    Parameters
    ----------
    data_set : str
        As for :func:`geomdl.load_real_data`.
    samples : int
        N.
    widths : sequence of int
        All widths, inputs and outputs included.
    facts : sequence of str
        Beside "full rank", "over", "real data", "large".
    profile : str
    """
    network = Network(widths, "tanh")
    name = f"{data_set}-{network}-N{samples}"

    def draw(generator: np.random.Generator) -> tuple[Problem, np.ndarray]:
        for _ in range(ATTEMPTS):
            data = load_real_data(data_set, samples, seed=int(generator.integers(2**32)))
            problem, theta = Problem(network, data), network.random_theta(generator)
            if len(np.unique(data.inputs, axis=0)) < samples:
                continue
            sigma = np.linalg.svd(problem.linearize(theta).jacobian(), compute_uv=False)
            if sigma[-1] >= SMALLEST_COUNTED * sigma[0]:
                return problem, theta
        raise RuntimeError(f"scene {name}: no draw of {ATTEMPTS} has full rank with a clear gap")

    known = frozenset({"full rank", "over", "real data", "large", *facts})
    return Scene(name, draw, known, profile=profile)


IRIS = real_scene("iris", 30, [4, 24, 12, 3], profile="quick")
"""QN = 90, K = 459, kappa 1e3 to 5e3."""

BREAST_CANCER = real_scene("breast_cancer", 60, [30, 16, 2], profile="default")
"""QN = 120, K = 530, kappa 1e2 to 2e2."""

DIGITS = real_scene("digits", 100, [64, 64, 10], profile="default")
"""QN = 1000, K = 4810, kappa about 7e2."""

TRAINING = (IRIS, BREAST_CANCER, DIGITS)
"""All real data with full rank."""


def _iris_with_twins(samples: int = 12, widths: Sequence[int] = (4, 16, 3)) -> Scene:
    network = Network(widths, "tanh")
    name = f"iris-twins-{network}-N{samples}"

    def draw(generator: np.random.Generator) -> tuple[Problem, np.ndarray]:
        data = load_real_data("iris")
        _, inverse, counts = np.unique(data.inputs, axis=0, return_inverse=True, return_counts=True)
        twin = counts[inverse.reshape(-1)] > 1
        others = [
            generator.choice(np.flatnonzero((data.labels == c) & ~twin), samples // 3, replace=False)
            for c in range(3)
        ]
        chosen = np.concatenate([np.flatnonzero(twin), *others])[:samples]
        problem = Problem(network, Dataset(data.inputs[chosen], data.labels[chosen], data.targets))
        return problem, network.random_theta(generator)

    rank = network.outputs * (samples - 1)
    return Scene(name, inside_window(draw, rank, name), frozenset({"rank lost", "real data"}))


IRIS_TWINS = _iris_with_twins()
"""The two identical rows of iris among ten others: rank Q(N - 1) for every theta."""
