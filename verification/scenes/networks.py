"""Networks with synthetic data, drawn at random inside a rank window.

A draw is repeated until sigma_r / sigma_1 >= 1e-3 and sigma_(r+1) / sigma_1 <= 1e-12 for the rank r
that the scene promises, so that no check ever depends on a rank in doubt.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from geomdl import Dataset, Network, Problem
from verification.machinery.points import Scene
from verification.scenes.few_bits import few_bits

SMALLEST_COUNTED = 1e-3
LARGEST_DROPPED = 1e-12
NEAREST_KINK = 2.0**-10
ATTEMPTS = 500

Draw = Callable[[np.random.Generator], tuple[Problem, np.ndarray]]


def rank_of(problem: Problem, theta: np.ndarray) -> int | None:
    """Return the rank of D[theta] if its singular values leave the window free, else None."""
    sigma = np.linalg.svd(problem.linearize(theta).jacobian(), compute_uv=False)
    relative = sigma / sigma[0]
    counted = relative >= SMALLEST_COUNTED
    return int(counted.sum()) if np.all(counted | (relative <= LARGEST_DROPPED)) else None


def distance_to_kinks(problem: Problem, theta: np.ndarray) -> float:
    """Return the smallest |pre-activation|, infinite for an activation without kinks."""
    if not problem.network.activation.piecewise_linear:
        return math.inf
    at = problem.linearize(theta)
    below = zip(at.activations, at.layers[:-1], strict=False)
    return min((float(np.abs(a @ w.T + b).min()) for a, (w, b) in below), default=math.inf)


def inside_window(draw: Draw, rank: int | None, name: str) -> Draw:
    """Repeat a draw until the Jacobian has the promised rank with a clear gap, off all kinks."""

    def window(generator: np.random.Generator) -> tuple[Problem, np.ndarray]:
        for _ in range(ATTEMPTS):
            problem, theta = draw(generator)
            found = rank_of(problem, theta)
            smooth = distance_to_kinks(problem, theta) >= NEAREST_KINK
            if smooth and found is not None and rank in (None, found):
                return problem, theta
        raise RuntimeError(f"scene {name}: no draw of {ATTEMPTS} has rank {rank} with a clear gap")

    return window


def network_scene(
    widths: Sequence[int],
    activation: str,
    samples: int,
    *,
    classes: int | None = None,
    rank: int | None = None,
    facts: Sequence[str] = (),
    bits: int | None = None,
    suffix: str = "",
    profile: str = "quick",
) -> Scene:
    """Make a scene: theta N(0, 1/fan-in), inputs and targets N(0, 1).

    Parameters
    ----------
    widths, activation
        The network.
    samples : int
        N.
    classes : int, optional
        Number of classes with a common target; by default every sample has its own target.
    rank : int, optional
        Rank of D to insist on; min(QN, K) by default.
    facts : sequence of str
    bits : int, optional
        Round all numbers to multiples of 2^-bits and mark the scene exact (for rational activations).
    suffix : str
        Distinguishes the name.
    profile : str
    """
    network = Network(widths, activation)
    rank = min(network.outputs * samples, network.parameter_count) if rank is None else rank
    name = f"{network}-N{samples}{suffix}"

    def draw(generator: np.random.Generator) -> tuple[Problem, np.ndarray]:
        inputs = few_bits(generator.standard_normal((samples, network.inputs)), bits)
        count = samples if classes is None else classes
        targets = few_bits(generator.standard_normal((count, network.outputs)), bits)
        data = Dataset(inputs, np.arange(samples) % count, targets)
        return Problem(network, data), few_bits(network.random_theta(generator), bits)

    return Scene(
        name, inside_window(draw, rank, name), frozenset(facts), exact=bits is not None, profile=profile
    )


def without_zeros(scene: Scene) -> Scene:
    """Repeat the draws of a scene until no parameter is 0, as on a grid it may be."""

    def draw(generator: np.random.Generator) -> tuple[Problem, np.ndarray]:
        for _ in range(ATTEMPTS):
            problem, theta = scene.draw(generator)
            if np.all(theta != 0):
                return problem, theta
        raise RuntimeError(f"scene {scene.name}: all of {ATTEMPTS} draws hold a zero")

    return replace(scene, draw=draw)


FULL_RANK = (
    network_scene([2, 8, 2], "tanh", 4, classes=2, facts=["full rank", "over"]),
    network_scene([3, 6, 5, 1], "tanh", 6, facts=["full rank", "over"]),
    network_scene([2, 10, 1], "softplus", 5, facts=["full rank", "over"]),
    network_scene([2, 12, 3], "tanh", 5, classes=3, facts=["full rank", "over"]),
)
"""Overparametrized and of rank QN along whole orbits of the adapted flow; kappa mostly 10 to 100."""

FULL_RANK_EXACT = (
    network_scene([2, 4, 1], "square", 3, bits=3, facts=["full rank", "over"]),
    network_scene([2, 4, 2], "leaky_relu", 2, bits=3, facts=["full rank", "over"]),
)
"""The same with rational activations, for exact arithmetic."""

RANK_LOST = (
    network_scene([3, 1, 2], "tanh", 4, rank=6, facts=["rank lost"]),
    network_scene([3, 2, 1, 2], "tanh", 4, rank=6, facts=["rank lost", "over"]),
)
"""Rank 6 < QN = 8 for every theta, distinct inputs, moving range: a last hidden layer of width 1."""

UNDER = (
    network_scene([2, 1, 1], "tanh", 9, facts=["under", "injective"]),
    network_scene([1, 1, 2], "tanh", 6, facts=["under", "injective"]),
    network_scene([2, 2, 1], "tanh", 14, facts=["under", "injective"]),
)
"""K < QN with D injective."""

BORDERLINE = (
    network_scene([2, 1], "identity", 3, facts=["full rank", "borderline"]),
    network_scene([1, 1, 1], "tanh", 4, facts=["full rank", "borderline"]),
)
"""K = QN with D invertible."""

SMALLEST = (
    network_scene([1, 1], "tanh", 1, facts=["full rank", "over"]),
    network_scene([1, 1, 1], "tanh", 1, facts=["full rank", "over"]),
)
"""N = 1 and Q = 1."""
