"""Orbits of the adapted flow that are proved to exist for all times, and those that never may be."""

import math

import numpy as np
import pytest

pytest.importorskip("flint", reason="extra `rigorous` is absent")

from geomdl import Dataset, Network, Problem, load_real_data
from geomdl.certificates.interpolation import polish, spread_theta
from geomdl.certificates.orbits import INTEGRATED, certify_orbit
from geomdl.costs import CLASS_WEIGHTED, MEAN_SQUARE
from verification.core.certified import (
    CORNERS,
    EXCLUSIVE_OR,
    affine_problem,
    nearest_solution,
    small_problem,
)
from verification.machinery.points import Scene
from verification.scenes.obstructed import MEETING, MONOTONE, PEAK, XOR

# what must never be proved, and what makes no difference


def test_one_target_for_a_repeated_input_is_one_equation() -> None:
    inputs, targets = np.array([[0.5, 1.0], [2.0, -1.0], [0.5, 1.0]]), np.array([[0.3], [-0.2], [0.3]])
    network = Network([2, 3, 1], "tanh")
    twice = Problem(network, Dataset.regression(inputs, targets))
    once = Problem(network, Dataset.regression(inputs[:2], targets[:2]))
    theta = network.random_theta(0)
    found, expected = certify_orbit(twice, theta), certify_orbit(once, theta)
    assert found.proved
    assert found.details["limit"] == expected.details["limit"]


@pytest.mark.parametrize(
    ("scene", "seed"),
    [(PEAK, 0), (XOR, 0), *(pytest.param(PEAK, seed, marks=pytest.mark.slow) for seed in range(1, 10))],
)
def test_orbits_that_blow_up_are_never_proved(scene: Scene, seed: int) -> None:
    problem, theta = scene.draw(np.random.default_rng(seed))
    found = certify_orbit(problem, theta)
    assert found.status == "unknown"
    assert found.upper == math.inf
    assert "measured (not proved), the orbit seems to leave" in found.method
    assert found.details["t"] < meeting_time_in_t(problem, theta, scene)


def meeting_time_in_t(problem: Problem, theta: np.ndarray, scene: Scene) -> float:
    """Return the t at which the segment leaves the image: the enclosure must have ended before."""
    start, aim = problem.stacked(theta), problem.data.stacked_targets
    gaps = [(start[i] - start[j], aim[i] - aim[j]) for i, j in MEETING[scene.name]]
    return min(d0 / (d0 - d1) for d0, d1 in gaps if d0 * d1 < 0)


def test_no_orbit_is_proved_from_a_point_of_rank_loss() -> None:
    theta = np.zeros(EXCLUSIVE_OR.network.parameter_count)
    found = certify_orbit(EXCLUSIVE_OR, theta)
    assert found.status == "unknown"
    assert "rank" in found.method


# what is proved


@pytest.mark.parametrize("seed", [4, 9])
def test_exclusive_or_is_proved_for_all_times(seed: int) -> None:
    theta = EXCLUSIVE_OR.network.random_theta(seed)
    found = certify_orbit(EXCLUSIVE_OR, theta)
    assert found.proved
    limit = np.array(found.details["limit"])
    assert found.lower <= np.linalg.norm(limit - theta) <= found.upper
    assert np.linalg.norm(limit - reference_limit(EXCLUSIVE_OR, theta)) <= (
        found.bounds["limit_error_upper"] + 1e-9
    )


def reference_limit(problem: Problem, theta: np.ndarray) -> np.ndarray:
    """Integrate d theta/dt = -D^+ e0 to t = 1 by another method, to about ten digits."""
    from scipy.integrate import solve_ivp

    error = problem.stacked(theta) - problem.data.stacked_targets
    return solve_ivp(
        lambda _, at: -np.linalg.pinv(problem.linearize(at).jacobian()) @ error,
        (0.0, 1.0), theta, method="DOP853", rtol=1e-11, atol=1e-12,
    ).y[:, -1]  # fmt: skip


@pytest.mark.slow
def test_exclusive_or_is_proved_for_nine_seeds_of_ten() -> None:
    proved = [
        certify_orbit(EXCLUSIVE_OR, EXCLUSIVE_OR.network.random_theta(seed)).proved for seed in range(24)
    ]
    assert np.mean(proved) >= 0.9


@pytest.mark.parametrize("activation", [name for name in INTEGRATED if name != "tanh"])
def test_every_integrated_activation_is_followed_to_its_limit(activation: str) -> None:
    data = small_problem(activation).data
    data = Dataset.regression(data.inputs[:2], data.targets[:2, :1])
    problem = Problem(Network([2, 4, 1], activation), data)
    theta = problem.network.random_theta(2)
    found = certify_orbit(problem, theta)
    assert found.proved
    error = np.linalg.norm(np.array(found.details["limit"]) - reference_limit(problem, theta))
    assert error <= found.bounds["limit_error_upper"] + 1e-8


def test_orbits_of_affine_networks_end_at_the_nearest_solution() -> None:
    problem, theta = affine_problem(), np.array([0.3, -0.2, 0.9])
    found = certify_orbit(problem, theta)
    assert found.proved
    assert (
        np.linalg.norm(nearest_solution(problem, theta) - found.details["limit"])
        <= (found.bounds["limit_error_upper"])
    )


def test_the_number_of_samples_and_the_factor_of_the_cost_only_set_the_clock() -> None:
    data = Dataset.regression(CORNERS[1:3], np.array([[0.3], [-0.2]]))
    problem = Problem(Network([2, 3, 1], "tanh"), data)
    other = Problem(problem.network, data, MEAN_SQUARE)
    theta = problem.network.random_theta(0)
    found, expected = certify_orbit(problem, theta), certify_orbit(other, theta)
    assert found.proved
    assert found.details["limit"] == expected.details["limit"]


def test_wide_networks_need_no_integration() -> None:
    problem = Problem(Network([2, 2048, 1], "tanh"), EXCLUSIVE_OR.data)
    found = certify_orbit(problem, problem.network.random_theta(0))
    assert found.proved
    assert found.details["pieces"] == 0


def test_unequal_weights_are_proved_by_the_theorem_alone() -> None:
    data = Dataset(CORNERS, np.array([0, 1, 1, 1]), np.array([[0.1], [0.2]]))
    problem = Problem(Network([2, 30, 1], "tanh"), data, CLASS_WEIGHTED)
    theta = polish(problem, problem.network.random_theta(0))
    near = certify_orbit(problem, theta + 1e-3)
    assert near.proved
    assert near.details["pieces"] == 0
    far = certify_orbit(problem, problem.network.random_theta(1))
    assert far.proved or "different weights" in far.method


def test_an_orbit_on_real_data_is_proved_after_training() -> None:
    problem = Problem(Network([4, 64, 3], "tanh"), load_real_data("iris", 30))
    near = polish(problem, spread_theta(problem.network, 0))
    step = np.random.default_rng(0).standard_normal(len(near))
    found = certify_orbit(problem, near + 1e-3 * step / np.linalg.norm(step))
    assert found.proved
    assert found.bounds["limit_error_upper"] < 1e-2


def test_orbits_that_stay_in_the_image_are_proved() -> None:
    problem, theta = MONOTONE.draw(np.random.default_rng(3))
    assert certify_orbit(problem, theta).proved
