"""Small networks whose image is not all of R^(QN): segments that leave it, and segments that do not.

The adapted flow moves the outputs on the segment from x0 to y. Where the segment leaves the image of
the network, the orbit has to end, although the rank is QN at every theta that it visits.

One hidden tanh neuron, one input, N = 3: x_j = W tanh(w t_j + b) + c is strictly monotone in t or
constant. With v_j = tanh(w t_j + b) the columns of D for b, W, c are W (1 - v^2), v, 1, so

    det = W (v_2 - v_1)(v_3 - v_1)(v_3 - v_2)   up to sign:   rank D = 3 if and only if w W != 0.

Let two neighbouring outputs meet on the segment, for the first time, in a vector that is not constant.
It is not in the image; by continuity theta has no accumulation point there: it blows up.
The cost stays above that of the monotone sequence nearest to y: 1/12 for y = (0, 1, 0), whose
isotonic regression is (0, 1/2, 1/2).

One hidden neuron and the corners of the square, y = XOR: the four numbers w.t + b have
u_00 + u_11 = u_01 + u_10, so one diagonal pair encloses the other, and x keeps that order. The segment
leaves the image where outputs of the two diagonals meet. The cost stays above 1/12 here as well: at
best three outputs are 1/3 and one is 1.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from geomdl import Dataset, Network, Problem
from geomdl.arithmetic import Array
from verification.machinery.points import Point, Scene
from verification.scenes.networks import Draw, inside_window

COST_FLOOR = 1 / 12
"""Infimum of the cost over all parameters, in PEAK and in XOR."""

LINE = ((-1.0,), (0.0,), (1.0,))
SQUARE = ((0.0, 0.0), (0.0, 1.0), (1.0, 0.0), (1.0, 1.0))
NEIGHBOURS = ((0, 1), (1, 2))
DIAGONALS = ((0, 1), (0, 2), (3, 1), (3, 2))


def _scene(name: str, draw: Draw, rank: int, *facts: str) -> Scene:
    return Scene(name, inside_window(draw, rank, name), frozenset({"full rank", *facts}))


def _one_neuron(name: str, inputs: Sequence[Sequence[float]], targets: Sequence[float]) -> Scene:
    points, values = np.array(inputs), np.array(targets)[:, None]
    network = Network([points.shape[1], 1, 1], "tanh")

    def draw(generator: np.random.Generator) -> tuple[Problem, np.ndarray]:
        return Problem(network, Dataset.regression(points, values)), network.random_theta(generator)

    return _scene(f"{name}-{network}-N{len(points)}", draw, len(points), "over", "obstructed")


PEAK = _one_neuron("peak", LINE, (0.0, 1.0, 0.0))
"""K = 4 > QN = 3: targets that no monotone function meets."""

XOR = _one_neuron("xor", SQUARE, (0.0, 1.0, 1.0, 0.0))
"""K = 5 > QN = 4: exclusive or with one hidden neuron."""


MEETING = {PEAK.name: NEIGHBOURS, XOR.name: DIAGONALS}


def meeting_time(at: Point, theta: Array | None = None) -> float:
    """Return the time, in units of N, at which the segment from x[theta] to y leaves the image.

    The start is that of the scene unless another theta is given.

    On x0 + (1 - e^-s)(y - x0) the difference of two outputs is e^-s d0 + (1 - e^-s) d1; it vanishes at
    s = log(1 - d0/d1) where d0 and d1 have opposite signs. Infinite when no pair meets.
    """
    start = at.x if theta is None else at.problem.stacked(theta)
    x, y = at.arithmetic.to_float64(start), at.arithmetic.to_float64(at.y)
    gaps = [(x[i] - x[j], y[i] - y[j]) for i, j in MEETING[at.scene.name]]
    return min((float(np.log1p(-d0 / d1)) for d0, d1 in gaps if d0 * d1 < 0), default=np.inf)


def _monotone() -> Scene:
    network = Network([1, 1, 1], "tanh")

    def draw(generator: np.random.Generator) -> tuple[Problem, np.ndarray]:
        theta = network.random_theta(generator)
        direction = np.sign(theta[0] * theta[2])
        targets = direction * np.cumsum(generator.uniform(0.3, 1.0, size=(3, 1)), axis=0)
        return Problem(network, Dataset.regression(np.array(LINE), targets)), theta

    return _scene(f"monotone-{network}-N3", draw, 3, "over")


MONOTONE = _monotone()
"""The network of PEAK with targets ordered like its outputs: the segment stays in the image."""


def _close(widths: Sequence[int], samples: int, distance: float = 0.02) -> Scene:
    network = Network(widths, "tanh")
    name = f"close-{network}-N{samples}"

    def draw(generator: np.random.Generator) -> tuple[Problem, np.ndarray]:
        inputs = np.linspace(-1.5, 2.0, samples)[:, None] * np.ones(network.inputs)
        inputs = inputs + 0.5 * generator.standard_normal(inputs.shape) * (network.inputs > 1)
        theta = network.random_theta(generator)
        aim = theta + distance * generator.standard_normal(len(theta))
        problem = Problem(network, Dataset.regression(inputs, np.zeros((samples, network.outputs))))
        targets = problem.stacked(aim).reshape(samples, -1)
        return Problem(network, Dataset.regression(inputs, targets)), theta

    return _scene(name, draw, network.parameter_count, "borderline")


BORDERLINE_CLOSE = (_close([1, 1, 1], 4), _close([2, 2, 1], 9))
"""K = QN, targets that the network attains close to the start: the segment stays in the image."""


def _at_targets() -> Scene:
    network = Network([2, 8, 2], "tanh")

    def draw(generator: np.random.Generator) -> tuple[Problem, np.ndarray]:
        theta, inputs = network.random_theta(generator), generator.standard_normal((4, 2))
        problem = Problem(network, Dataset.regression(inputs, np.zeros((4, 2))))
        return Problem(network, Dataset.regression(inputs, problem.stacked(theta).reshape(4, 2))), theta

    return _scene(f"at-targets-{network}-N4", draw, 8, "over")


AT_TARGETS = _at_targets()
"""x0 = y: the cost is zero from the beginning."""
