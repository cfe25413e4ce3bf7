"""Situations for level sets and images of the output map, and for bundles that are given by a form.

SINE_AT_ZERO: w2 sin(w1 t + b1) + b2 on five inputs, of which four are different, at w2 = 0. The image of
the network is all of the hyperplane {x_1 = x_5} of R^5, an embedded submanifold of dimension K = 4:
given x that is not constant, x_j = A sin(w t_j) + B cos(w t_j) + c has a solution (A, B, c) for every
zero w > 0 of

    det [sin(w t_j), cos(w t_j), 1, x_j],

an odd sum of sines of w of different frequencies, which takes both signs; the four inputs are
incommensurable, so that the other columns are independent for all w > 0. At constant outputs w2 = 0 or
all sin(w1 t_j + b1) are equal, and the rank of D is at most 3 on the whole fibre.

GERMS: a 1-form w on R^K as (J, w) at a point, J_(ij) = d_j w_i: all that brackets at the point need.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from geomdl import Dataset, Network, Problem
from verification.machinery.points import Scene
from verification.scenes.networks import Draw, inside_window, network_scene, without_zeros

SINE_INPUTS = np.array([0.0, 1.0, np.sqrt(2.0), np.sqrt(3.0), 0.0])
ROOT_STEP = 0.05
LARGEST_FREQUENCY = 500.0


def special(name: str, draw: Draw, rank: int, *facts: str, exact: bool = False) -> Scene:
    """Make a scene at a special theta at which D has this rank."""
    return Scene(name, inside_window(draw, rank, name), frozenset(facts), exact=exact)


def _equal_inputs(generator: np.random.Generator) -> tuple[Problem, np.ndarray]:
    network, inputs = Network([1, 2, 1], "tanh"), generator.standard_normal((4, 1))
    inputs[3] = inputs[0]
    data = Dataset.regression(inputs, generator.standard_normal((4, 1)))
    return Problem(network, data), network.random_theta(generator)


EQUAL_INPUTS = special("equal-inputs-1-2-1-tanh-N4", _equal_inputs, 3, "rank lost", "over")
"""K = 7, QN = 4, rank 3 for every theta: two of the inputs are equal."""


def one_sample_scene(activation: str, *, zero: bool = False, bits: int | None = None) -> Scene:
    """Make a scene of 1-1-2 with one sample: the two output biases alone give D the rank QN = 2."""
    base = network_scene([1, 1, 2], activation, 1, bits=bits, facts=["full rank", "over"])
    base = without_zeros(base)
    if not zero:
        return base

    def draw(generator: np.random.Generator) -> tuple[Problem, np.ndarray]:
        problem, theta = base.draw(generator)
        return problem, np.concatenate([0 * theta[:4], theta[4:]])

    return special(f"{base.name}-zero-weights", draw, 2, "full rank", "over", exact=bits is not None)


ONE_SAMPLE = (
    one_sample_scene("tanh"),
    one_sample_scene("softplus"),
    one_sample_scene("square", bits=3),
)
"""Rank QN = 2 at every theta in R^6, and onto R^2: the fibres foliate all of R^6."""

ONE_SAMPLE_AT_ZERO = (one_sample_scene("tanh", zero=True), one_sample_scene("square", zero=True, bits=3))
"""The same with all weights and hidden biases zero, where other networks lose rank."""

CODIMENSION_ONE = (
    network_scene([1, 1, 1], "tanh", 3, facts=["full rank", "over"]),
    network_scene([2, 1, 1], "softplus", 4, facts=["full rank", "over"]),
    network_scene([1, 2, 1], "tanh", 6, facts=["full rank", "over"], profile="default"),
)
"""K = QN + 1: the fibres of V = range(D^T) have rank K - 1, those of f are curves."""

NORMAL_TO_A_GRADIENT = network_scene([1, 1, 1], "square", 3, bits=3, facts=["full rank", "over"])
"""K = QN + 1 again, but V is the tangent bundle of the level sets of w1^2 + b1^2 - 2 w2^2."""


def _sine_at_zero(generator: np.random.Generator) -> tuple[Problem, np.ndarray]:
    targets = generator.standard_normal((5, 1))
    theta = np.array([*generator.uniform(0.5, 1.5, size=2), 0.0, generator.standard_normal()])
    return Problem(Network([1, 1, 1], "sin"), Dataset.regression(SINE_INPUTS[:, None], targets)), theta


SINE_AT_ZERO = special("sine-at-zero-1-1-1-sin-N5", _sine_at_zero, 2, "under")
"""K = 4 < QN = 5; the image is a hyperplane, and D of rank 2 < K at theta."""


def sine_parameters(outputs: np.ndarray) -> np.ndarray:
    """Return theta with given outputs, not all equal, of the network of SINE_AT_ZERO.

    Parameters
    ----------
    outputs : ndarray, shape (5,), float64
        With x_1 = x_5.
    """
    t, x = SINE_INPUTS[:4], outputs[:4]

    def columns(w: float) -> np.ndarray:
        return np.stack([np.sin(w * t), np.cos(w * t), np.ones(4), x - x.mean()])

    grid = np.arange(1.0, LARGEST_FREQUENCY, ROOT_STEP)
    values = np.array([np.linalg.det(columns(w)) for w in grid])
    best: tuple[float, np.ndarray] | None = None  # the better conditioned, the better
    for i in np.flatnonzero(values[1:] * values[:-1] < 0):
        low, high = grid[i], grid[i + 1]
        for _ in range(60):
            middle = (low + high) / 2
            low, high = (
                (middle, high)
                if np.linalg.det(columns(middle)) * np.linalg.det(columns(low)) > 0
                else (low, middle)
            )
        matrix = columns(low)[:3].T
        condition = float(np.linalg.cond(matrix))
        if best is None or condition < best[0]:
            a, b, c = np.linalg.lstsq(matrix, x, rcond=None)[0]
            best = condition, np.array([low, np.arctan2(b, a), np.hypot(a, b), c])
        if best[0] < 10:
            break
    if best is None:
        raise RuntimeError("the determinant has no zero in the interval that was searched")
    return best[1]


def germ_scene(name: str, form: Sequence[int], derivative: Sequence[Sequence[int]], fact: str) -> Scene:
    """Make a scene of a 1-form at a point: D is its derivative J, g its coefficients."""
    value = np.array(derivative), np.array(form)
    return Scene(name, lambda generator: value, frozenset({fact}), exact=True)


def random_germ(size: int) -> Scene:
    """Make a scene of a random 1-form on R^size."""

    def draw(generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        form = generator.integers(1, 4, size=size) * generator.choice([-1, 1], size=size)
        return generator.integers(-3, 4, size=(size, size)), form

    return Scene(f"random-form-on-R{size}", draw, frozenset({"twisted"}), exact=True)


GERMS = (
    germ_scene("contact-form-dz-ydx", [-2, 0, 1], [[0, -1, 0], [0, 0, 0], [0, 0, 0]], "twisted"),
    germ_scene("martinet-form-dz-yydx", [-1, 0, 1], [[0, -2, 0], [0, 0, 0], [0, 0, 0]], "twisted"),
    random_germ(4),
    random_germ(5),
)
"""The contact form at y = 2, the form dz - y^2 dx at y = 1, and forms drawn at random."""

CLOSED_GERMS = (
    germ_scene("closed-form-yzdx+xzdy+xydz", [6, 3, 2], [[0, 3, 2], [3, 0, 1], [2, 1, 0]], "closed"),
    germ_scene("form-z-times-dx", [3, 0, 0], [[0, 0, 1], [0, 0, 0], [0, 0, 0]], "closed"),
)
"""Forms w with w ^ dw = 0: the differential of xyz, and z dx."""
