"""Critical points theta*, known exactly: D^T grad_x C = 0, most with outputs off the targets.

With y := x[theta*] - rho the gradient in output space is rho / N, and theta* is critical exactly when
rho lies in the kernel of D^T. All numbers have few bits, so that the outputs are exact in float64 and
theta* stays critical in every arithmetic, not only to 16 digits. Critical points that have to be
computed, with more digits than any column has, stand in :mod:`verification.scenes.critical_points`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from geomdl import Dataset, Network, Problem
from verification.machinery.points import Scene
from verification.scenes.few_bits import few_bits
from verification.scenes.networks import Draw, inside_window

SAMPLES = 4
"""A power of two, so that means of targets are exact."""


def quarters(generator: np.random.Generator, *shape: int) -> np.ndarray:
    """Draw normal numbers rounded to multiples of 1/4."""
    return few_bits(generator.standard_normal(shape), 2)


def exact_scene(
    name: str, draw: Draw, rank: int, *facts: str, exact: bool = True, profile: str = "quick"
) -> Scene:
    """Make a scene of a critical point at which D has this rank."""
    return Scene(name, inside_window(draw, rank, name), frozenset({"critical", *facts}), exact, profile)


def narrow(widths: Sequence[int], activation: str) -> Scene:
    """Make a scene with one unit in the last hidden layer and rho in the kernel of D^T.

    Row (j, q) of D is made of a_j e_q, e_q and multiples of w_q, with a_j the activation of the unit
    and w its output weights. Hence rho_j = c_j w' with w' orthogonal to w, and c to (1, ..., 1) and a.
    """
    network = Network(widths, activation)

    def draw(generator: np.random.Generator) -> tuple[Problem, np.ndarray]:
        theta, inputs = (
            quarters(generator, network.parameter_count),
            quarters(generator, SAMPLES, network.inputs),
        )
        unlabelled = Problem(network, Dataset.regression(inputs, np.zeros((SAMPLES, network.outputs))))
        at = unlabelled.linearize(theta)
        a, w = at.activations[-1][:, 0], at.layers[-1][0][:, 0]
        rho = np.outer([a[1] - a[2], a[2] - a[0], a[0] - a[1], 0], [-w[1], w[0]])
        return Problem(network, Dataset.regression(inputs, at.outputs - rho)), theta

    # 1 and a for each of the two outputs, and w times two more directions: 6 of 8
    return exact_scene(f"{network}-N{SAMPLES}-critical", draw, 6, "rank lost")


def constant_outputs(activation: str, hidden_bias: int, exact: bool = True) -> Scene:
    """Make a scene whose outputs are the mean target for every input: only the last bias acts.

    With ``hidden_bias`` 0 all weights are zero as well, and the rank of D jumps up nearby; with a very
    negative one all units of a ReLU network are dead, and the rank is constant.
    """
    network = Network([2, 3, 2], activation)

    def draw(generator: np.random.Generator) -> tuple[Problem, np.ndarray]:
        inputs, targets = quarters(generator, SAMPLES, 2), quarters(generator, SAMPLES, 2)
        weights = [quarters(generator, 3, 2), quarters(generator, 2, 3)]
        if hidden_bias == 0:
            weights = [0 * weight for weight in weights]
        layers = [(weights[0], np.full(3, float(hidden_bias))), (weights[1], targets.mean(axis=0))]
        return Problem(network, Dataset.regression(inputs, targets)), network.flatten(layers)

    changes = "rank changes" if hidden_bias == 0 else "dead units"
    name = f"{network}-N{SAMPLES}-{changes.replace(' ', '-')}"
    return exact_scene(name, draw, 2, "rank lost", changes, exact=exact)


def minimum(widths: Sequence[int], activation: str, samples: int) -> Scene:
    """Make a scene at full rank whose targets are the outputs: grad_x C = 0."""
    network = Network(widths, activation)

    def draw(generator: np.random.Generator) -> tuple[Problem, np.ndarray]:
        theta, inputs = (
            quarters(generator, network.parameter_count),
            quarters(generator, samples, network.inputs),
        )
        unlabelled = Problem(network, Dataset.regression(inputs, np.zeros((samples, network.outputs))))
        data = Dataset.regression(inputs, unlabelled.linearize(theta).outputs)
        return Problem(network, data), theta

    rank = min(samples * network.outputs, network.parameter_count)
    return exact_scene(f"{network}-N{samples}-minimum", draw, rank, "full rank")


CRITICAL_RANK_LOST = (
    narrow([3, 1, 2], "square"),
    narrow([3, 1, 2], "identity"),
    narrow([3, 2, 1, 2], "square"),
)
"""Critical with outputs off the targets; rank 6 < QN = 8, constant nearby."""

DEAD_UNITS = constant_outputs("relu", hidden_bias=-64)
"""Critical, all hidden units dead: rank Q, constant nearby."""

RANK_CHANGES = (
    constant_outputs("tanh", hidden_bias=0, exact=False),
    constant_outputs("square", hidden_bias=0),
)
"""Critical, all weights zero: rank Q, larger at almost every theta nearby."""

MINIMUM = minimum([2, 4, 1], "square", 3)
"""Critical because the outputs are the targets; full rank."""

CRITICAL = (*CRITICAL_RANK_LOST, DEAD_UNITS, *RANK_CHANGES, MINIMUM)
"""Critical points of every kind."""
