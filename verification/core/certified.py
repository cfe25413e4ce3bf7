"""Problems whose solutions are known: what certificates of existence are held against."""

import flint
import numpy as np
from flint import arb

from geomdl import Dataset, Network, Problem

CORNERS = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])


EXCLUSIVE_OR = Problem(
    Network([2, 4, 1], "tanh"), Dataset.regression(CORNERS, np.array([[0.0], [1.0], [1.0], [0.0]]))
)


def small_problem(activation: str, seed: int = 0, widths: tuple[int, ...] = (2, 6, 2)) -> Problem:
    """Draw three samples in the plane and a network for them."""
    generator = np.random.default_rng(seed)
    inputs, targets = generator.standard_normal((3, 2)), 0.3 * generator.standard_normal((3, 2))
    return Problem(Network(widths, activation), Dataset.regression(inputs, targets))


def affine_problem() -> Problem:
    """Return two samples and an affine network, which has one equation fewer than parameters."""
    return Problem(
        Network([2, 1], "tanh"),
        Dataset.regression(np.array([[1.0, 0.5], [-0.25, 2.0]]), np.array([[3.0], [-1.0]])),
    )


def nearest_solution(problem: Problem, theta: np.ndarray) -> np.ndarray:
    """Solve an affine problem: theta - D^+ (D theta - y) by rational arithmetic, rounded once."""
    at = problem.linearize(theta)
    d = flint.fmpq_mat(
        *at.shape, [flint.fmpq(*v.as_integer_ratio()) for v in at.jacobian().ravel().tolist()]
    )
    column = [flint.fmpq(*v.as_integer_ratio()) for v in theta.tolist()]
    start = flint.fmpq_mat(len(column), 1, column)
    targets = problem.data.stacked_targets.tolist()
    y = flint.fmpq_mat(len(targets), 1, [flint.fmpq(*v.as_integer_ratio()) for v in targets])
    solution = start - d.transpose() * (d * d.transpose()).solve(d * start - y)
    return np.array([float(arb(entry)) for entry in solution.entries()])
