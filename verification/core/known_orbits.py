"""Problems whose orbits are known in closed form, and what it means to follow them."""

import numpy as np

from geomdl import (
    Dataset,
    Network,
    Problem,
)
from geomdl.arithmetic import Array
from geomdl.flows import Field
from verification.core.strategies import random_problem
from verification.machinery.ratios import along_orbit

AFFINE = {"over": ([4, 2], 3), "borderline": ([2, 1], 3), "under": ([1, 2], 5)}


def affine_problem(regime: str, seed: int) -> tuple[Problem, Array]:
    """Draw an affine network, for which D is constant, of a regime."""
    shape, count = AFFINE[regime]
    problem, theta = random_problem(shape, "tanh", count, seed)
    assert problem.regime.startswith(regime)
    return problem, theta


def affine_orbit(problem: Problem, theta: Array, alpha: float, times: np.ndarray) -> np.ndarray:
    """Return the closed form of the homotopy flow at constant D = U S V^T.

    theta(s) = theta - sum over i of v_i (1 - exp(-l_i s)) / sigma_i u_i.(x0 - y), with the rates
    l_i = (alpha + (1 - alpha) sigma_i^2) / N.
    """
    jacobian = problem.linearize(theta).jacobian()
    left, sigma, right = np.linalg.svd(jacobian, full_matrices=False)
    keep = sigma > 1e-10 * sigma[0]
    left, sigma, right = left[:, keep], sigma[keep], right[keep]
    errors = left.T @ (problem.stacked(theta) - problem.data.stacked_targets)
    rates = (alpha + (1 - alpha) * sigma**2) / problem.data.size
    return theta - (-np.expm1(-np.outer(times, rates)) * errors / sigma) @ right


def falling_slope() -> tuple[Problem, Array]:
    """X = w2 (w1 X + b1) + b2 on X = -1, 1 with slope 1 at first and the target slope -1.

    By symmetry w1 = w2 = a(s), b1 = b2 = 0 and a^2 = 2 e^(-s/2) - 1: the slope, and with it the rank
    2 of D, is lost at s = 2 log 2. The singular values of D are 2 a and sqrt(2 (1 + a^2)).
    """
    data = Dataset.regression(np.array([[-1.0], [1.0]]), np.array([[1.0], [-1.0]]))
    return Problem(Network([1, 1, 1], "identity"), data), np.array([1.0, 0.0, 1.0, 0.0])


def follows(orbit_values: np.ndarray, expected: np.ndarray, rtol: float) -> None:
    """Assert that an orbit follows a closed form to its tolerance."""
    ratio = along_orbit(orbit_values, expected, rtol=rtol)
    assert ratio.relative <= 1, f"ratio {ratio.value:.3g}"


def bounded(field: Field, most: int = 20_000) -> Field:
    """Make a field that ends a test instead of letting the integrator ask for ever."""
    asked = [0]

    def counting(problem: Problem, theta: Array) -> Array:
        asked[0] += 1
        assert asked[0] < most, f"the integrator asked {most} times and does not end"
        return field(problem, theta)

    return counting
