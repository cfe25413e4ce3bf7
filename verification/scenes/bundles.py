"""Scenes and pieces for the bundle of fibres range(D^T): folds, symmetric networks, test functions.

At a fold a network that reaches every pair of outputs loses rank: one hidden unit w_2 f(w_1 X + b_1) +
b_2 on two distinct inputs is a surjection R^4 -> R^2 (any two values, with f injective: choose w_1 != 0
and solve two linear equations for w_2, b_2), and at w_1 = w_2 = 0 both rows of D are (0, 0, f(b_1), 1).
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np

from geomdl import Dataset, Network, Problem
from geomdl.arithmetic import Array
from verification.machinery.points import Point, Scene
from verification.scenes.networks import inside_window, network_scene


def _fold(activation: str, exact: bool) -> Scene:
    network = Network([1, 1, 1], activation)

    def draw(generator: np.random.Generator) -> tuple[Problem, np.ndarray]:
        inputs, targets = np.array([[0.0], [1.0]]), generator.integers(-8, 9, size=(2, 1)) / 4
        theta = np.array([0.0, generator.integers(1, 9) / 8, 0.0, generator.integers(-8, 9) / 8])
        return Problem(network, Dataset.regression(inputs, targets)), theta

    name = f"fold-{network}-N2"
    return Scene(name, inside_window(draw, 1, name), frozenset({"rank lost", "fold", "over"}), exact)


FOLDS = (_fold("identity", True), _fold("tanh", False))
"""Rank 1 at theta, rank QN = 2 at almost every theta nearby; K = 4, every pair of outputs is reached."""


def _two_equal_units() -> Scene:
    network = Network([2, 3, 1], "tanh")

    def draw(generator: np.random.Generator) -> tuple[Problem, np.ndarray]:
        inputs, targets = generator.standard_normal((3, 2)), generator.standard_normal((3, 1))
        theta = network.random_theta(generator)
        theta[2:4], theta[7], theta[10] = theta[0:2], theta[6], theta[9]
        return Problem(network, Dataset.regression(inputs, targets)), theta

    name = f"equal-units-{network}-N3"
    return Scene(name, inside_window(draw, 3, name), frozenset({"full rank", "over"}))


EQUAL_UNITS = _two_equal_units()
"""Two hidden units with equal parameters: by symmetry horizontal curves keep them equal. Rank QN."""

GENERATING = (
    network_scene([1, 1, 1], "tanh", 2, facts=["full rank", "over"]),
    network_scene([1, 2, 1], "tanh", 3, facts=["full rank", "over"]),
    network_scene([2, 3, 1], "tanh", 3, facts=["full rank", "over"]),
    network_scene([2, 3, 1], "softplus", 3, facts=["full rank", "over"]),
    network_scene([2, 2, 1], "sigmoid", 3, facts=["full rank", "over"]),
)
"""Activations that are not homogeneous; small enough for two steps of brackets to fill R^K."""

FEW_SAMPLES = (
    network_scene([2, 3, 1], "tanh", 2, facts=["full rank", "over"]),
    network_scene([3, 2, 1], "softplus", 3, facts=["full rank", "over"]),
)
"""N <= M: with n orthogonal to all (x_j, 1), n.(row of (W_1, b_1)) is constant on horizontal curves."""

HOMOGENEOUS = {
    network_scene([2, 3, 1], "square", 3, bits=3, facts=["full rank", "over"]): 2,
    network_scene([2, 3, 1], "leaky_relu", 3, bits=3, facts=["full rank", "over"]): 1,
    network_scene([2, 6, 2], "relu", 2, bits=3, facts=["full rank", "over"]): 1,
    network_scene([2, 3, 2], "identity", 2, bits=3, facts=["full rank", "over"]): 1,
    network_scene([2, 3, 2, 1], "leaky_relu", 3, bits=3, facts=["full rank", "over"]): 1,
    network_scene([2, 3, 2, 1], "square", 3, bits=3, facts=["full rank", "over"]): 2,
}
"""Activations with f(c z) = c^d f(z), and d."""


APART = 1e-3
"""Distance above which two theta count as different."""


def fibre_basis(at: Point) -> Array:
    """Return columns that span range(D^T), found without a pseudoinverse; orthonormal unless exact."""
    if at.arithmetic.exact:
        return at.arithmetic.rank_factorization(at.D.T)[0]
    return at.arithmetic.pivoted_qr(at.D.T)[0][:, : at.rank]


def section(at: Point) -> Array:
    """Return the value D^T c of a section of the bundle, c random."""
    return at.D.T @ at.random(at.D.shape[0])


def euclidean(at: Point) -> Array:
    """Return the Euclidean metric of output space, the identity."""
    return at.eye(at.D.shape[0])


def another_metric(at: Point) -> Array:
    """Return a metric tensor of outputs that is not Euclidean: L L^T, condition below 9."""
    lower = euclidean(at)
    for row, below in pairwise(range(len(lower))):
        lower[below, row] = at.number(1, 2)
    return lower @ lower.T


def riesz(at: Point, differential: Array, metric: Array | None = None) -> Array:
    """Solve dF(V) = h(V, z) for all V in range(D^T), z = sum of c_i B_i, over a basis B of the fibre.

    sum_i h(B_j, B_i) c_i = dF(B_j): the definition (2.23), with no formula for its solution.
    """
    basis = fibre_basis(at)
    pushed = at.D @ basis
    gram = pushed.T @ pushed if metric is None else pushed.T @ metric @ pushed
    return basis @ at.arithmetic.solve(gram, basis.T @ differential)


def smallest_sigma(at: Point) -> float:
    """Return the smallest nonzero singular value of D."""
    return float(np.linalg.norm(at.arithmetic.to_float64(at.D), 2)) / at.kappa


def size_of_gradient(at: Point, differential: Array) -> Any:
    """Return |dF| / sigma_r^2, the natural size of grad_h F."""
    scale = at.arithmetic.array([smallest_sigma(at) ** -2])[0]
    return at.arithmetic.largest(differential) * scale


def probe(at: Point) -> tuple[Array, Callable[[Array], Any]]:
    """Return grad_theta F and the differential dF of F(theta) = c.theta + |theta|^2, c random.

    F is not a function of the outputs. Its differential is measured, not read off the gradient: a
    central difference of step 1 is exact for a quadratic.
    """
    slope = at.random(at.D.shape[1])
    start = at.random(at.D.shape[1]) if at.is_matrix else at.theta

    def value(theta: Array) -> Any:
        return slope @ theta + theta @ theta

    def differential(direction: Array) -> Any:
        return (value(start + direction) - value(start - direction)) / at.number(2)

    return slope + 2 * start, differential


def kernel_direction(at: Point) -> Array:
    """Return a direction of ker D, of entries of order 1: outside of the fibre."""
    direction, basis = at.random(at.D.shape[1]), fibre_basis(at)
    return direction - basis @ at.arithmetic.solve(basis.T @ basis, basis.T @ direction)


def any_differential(at: Point) -> Array:
    """Return grad_theta F for an F that is not a function of the outputs."""
    return at.random(at.D.shape[1])
