"""Zero-cost networks that are proved to exist near computed ones, and what the proof stands on."""

import math

import numpy as np
import pytest

pytest.importorskip("flint", reason="extra `rigorous` is absent")

from geomdl import Dataset, Network, Problem, load_real_data
from geomdl.certificates.curvature import jacobian_lipschitz_bound
from geomdl.certificates.equations import distinct_equations
from geomdl.certificates.interpolation import certify_interpolation, polish, spread_theta
from geomdl.certificates.kantorovich import attraction
from geomdl.certificates.orbits import certify_orbit
from geomdl.jacobians import linearize
from verification.core.certified import EXCLUSIVE_OR, affine_problem, nearest_solution, small_problem
from verification.scenes.obstructed import PEAK, XOR

# the theorem


@pytest.mark.parametrize("bend", [0.1, 1.0, 30.0])
@pytest.mark.parametrize("share", [0.01, 0.5, 0.99])
def test_the_radius_contains_the_solution_of_a_parabola_and_is_attained(
    bend: float, share: float
) -> None:
    # F = theta - bend theta^2 / 2 - y at 0 has sigma = 1, eta = y and the constant bend
    y = share / (2 * bend)
    found = attraction(1.0, y, lambda radius: bend)
    solution = 2 * y / (1 + math.sqrt(1 - share))
    assert found is not None
    assert solution <= found.radius <= solution * (1 + 1e-12)
    assert found.sigma_lower == pytest.approx(math.sqrt(1 - share), rel=1e-12)
    assert found.sigma_lower <= math.sqrt(1 - share)


@pytest.mark.parametrize("excess", [0.0, 1e-15, 0.1])
def test_the_theorem_is_silent_at_and_beyond_the_top_of_the_parabola(excess: float) -> None:
    assert attraction(1.0, (1 + excess) / 2, lambda radius: 1.0) is None


def test_the_lipschitz_constant_is_that_of_the_ball_in_which_the_path_stays() -> None:
    asked: list[float] = []

    def constant(radius: float) -> float:
        asked.append(radius)
        return 1.0 if radius < 0.15 else 100.0

    found = attraction(1.0, 0.1, constant)
    assert found is not None
    assert found.radius <= asked[-1] < 0.15
    assert attraction(1.0, 0.1, lambda radius: 1.0 if radius < 0.1 else 100.0) is None


def test_an_uncertain_start_costs_what_the_theorem_says() -> None:
    found = attraction(1.0, 0.1, lambda radius: 1.0, start=0.2)  # 2h = 0.2 < (1 - 0.2)^2
    assert found is not None
    assert found.radius == pytest.approx(1 - math.sqrt(0.64 - 0.2), rel=1e-12)
    assert attraction(1.0, 0.1, lambda radius: 1.0, start=0.6) is None


@pytest.mark.parametrize("values", [(0.0, 1.0), (math.nan, 1.0), (1.0, math.nan), (1.0, math.inf)])
def test_the_theorem_takes_nothing_for_granted(values: tuple[float, float]) -> None:
    assert attraction(*values, lambda radius: 1.0) is None
    assert attraction(1.0, 0.1, lambda radius: math.inf) is None
    assert attraction(1.0, 0.1, lambda radius: math.nan) is None


# interpolation


@pytest.mark.parametrize("activation", ["tanh", "sigmoid", "softplus", "gelu", "sin", "square"])
def test_polished_networks_have_an_exact_one_nearby(activation: str) -> None:
    problem = small_problem(activation, widths=(2, 9, 2))
    theta = polish(problem, problem.network.random_theta(1))
    found = certify_interpolation(problem, theta)
    assert found.proved
    assert found.upper < 1e-10
    # further Newton steps in 50 digits arrive inside of the radius
    assert distance_to_solution(problem, theta) <= found.upper


def distance_to_solution(problem: Problem, theta: np.ndarray) -> float:
    from geomdl import get_arithmetic, solve_by_gram

    mp = get_arithmetic("mp50")
    exact, start = problem.to(mp), mp.array(theta)
    moved = start
    for _ in range(4):
        at = exact.linearize(moved)
        moved = moved - solve_by_gram(at, at.stacked - exact.data.stacked_targets).solution
    assert float(mp.largest(exact.stacked(moved) - exact.data.stacked_targets)) < 1e-40
    return float(np.linalg.norm(mp.to_float64(moved - start)))


def test_deep_networks_are_certified_too() -> None:
    problem = small_problem("tanh", widths=(2, 6, 6, 2))
    theta = polish(problem, problem.network.random_theta(0))
    assert certify_interpolation(problem, theta).proved


def test_affine_networks_are_at_their_exact_distance() -> None:
    problem, theta = affine_problem(), np.array([0.3, -0.2, 0.9])
    found = certify_interpolation(problem, theta)
    distance = float(np.linalg.norm(nearest_solution(problem, theta) - theta))
    assert found.proved
    assert found.lower <= distance <= found.upper


def test_a_rough_theta_is_unknown_and_a_polished_one_proved() -> None:
    rough = EXCLUSIVE_OR.network.random_theta(0)
    before = certify_interpolation(EXCLUSIVE_OR, rough)
    assert before.status == "unknown"
    assert before.upper == math.inf
    assert "has to be below 1" in before.method
    assert certify_interpolation(EXCLUSIVE_OR, polish(EXCLUSIVE_OR, rough)).proved


def test_iris_with_its_repeated_row_is_interpolated() -> None:
    data = load_real_data("iris")
    problem = Problem(Network([4, 200, 3], "tanh"), data)
    found = certify_interpolation(problem, polish(problem, spread_theta(problem.network, 0)))
    assert found.proved
    assert found.details["repeated_samples"] == 1
    assert found.upper < 1e-8


@pytest.mark.slow
@pytest.mark.parametrize(("name", "width"), [("wine", 128), ("breast_cancer", 600), ("digits", 250)])
def test_real_data_are_interpolated(name: str, width: int) -> None:
    data = load_real_data(name, 200 if name == "digits" else None)
    problem = Problem(Network([data.inputs.shape[1], width, data.targets.shape[1]], "tanh"), data)
    theta = polish(problem, spread_theta(problem.network, 0))
    found = certify_interpolation(problem, theta)
    assert found.proved
    assert found.upper < 1e-6


def test_polish_never_makes_the_residual_larger() -> None:
    problem = affine_problem()
    overdetermined = Problem(
        Network([2, 1], "tanh"), Dataset.regression(np.eye(4, 2), np.array([[1.0], [0], [3.0], [0]]))
    )
    for each in (problem, overdetermined):
        theta = each.network.random_theta(3)
        residuals = [
            np.linalg.norm(each.stacked(t) - each.data.stacked_targets)
            for t in (theta, polish(each, theta))
        ]
        assert residuals[1] <= residuals[0]


# what must never be proved


def contradicting() -> Problem:
    inputs = np.array([[0.5, 1.0], [2.0, -1.0], [0.5, 1.0]])
    return Problem(Network([2, 9, 2], "tanh"), Dataset.classification(inputs, [0, 1, 1]))


def test_two_targets_for_one_input_are_refuted() -> None:
    problem = contradicting()
    for certify in (certify_interpolation, certify_orbit):
        found = certify(problem, problem.network.random_theta(0))
        assert found.status == "refuted"
        assert "samples 0 and 2" in found.method


@pytest.mark.parametrize("seed", range(6))
def test_targets_out_of_reach_are_never_proved(seed: int) -> None:
    for scene in (PEAK, XOR):
        problem, theta = scene.draw(np.random.default_rng(seed))
        assert certify_interpolation(problem, polish(problem, theta, steps=20)).status == "unknown"


def test_fewer_parameters_than_equations_are_never_proved() -> None:
    inputs = np.linspace(-1.5, 2, 8)[:, None]
    problem = Problem(Network([1, 1, 1], "tanh"), Dataset.regression(inputs, np.sin(inputs)))
    theta = problem.network.random_theta(0)
    for certify in (certify_interpolation, certify_orbit):
        assert certify(problem, theta).status == "unknown"


# the constant in it


@pytest.mark.parametrize("outputs", [1, 3])
@pytest.mark.parametrize("activation", ["tanh", "sigmoid", "softplus", "gelu", "sin", "square"])
def test_the_lipschitz_constant_of_one_hidden_layer_bounds_the_jacobian(
    activation: str, outputs: int
) -> None:
    network, generator = Network([2, 5, outputs], activation), np.random.default_rng(0)
    inputs, theta, radius = generator.standard_normal((6, 2)), network.random_theta(0), 0.5
    constant = jacobian_lipschitz_bound(network, theta, inputs, radius)
    quotients = []
    for _ in range(100):
        ends = generator.standard_normal((2, len(theta)))
        ends *= radius * generator.uniform(size=(2, 1)) / np.linalg.norm(ends, axis=1)[:, None]
        first, second = (linearize(network, theta + end, inputs).jacobian() for end in ends)
        quotients.append(np.linalg.norm(first - second, 2) / np.linalg.norm(ends[0] - ends[1]))
    assert constant / 30 < max(quotients) <= constant


def test_the_lipschitz_constant_of_one_hidden_layer_does_not_grow_with_the_width() -> None:
    inputs = np.random.default_rng(0).standard_normal((20, 3))
    constants = []
    for width in (10, 1000):
        network = Network([3, width, 1], "tanh")
        constants.append(jacobian_lipschitz_bound(network, network.random_theta(0), inputs, 1e-3))
    assert constants[1] <= constants[0]


# bad input


def test_kinks_and_unknown_activations_are_refused_by_name() -> None:
    problem = small_problem("relu")
    with pytest.raises(ValueError, match="relu; expected one of"):
        certify_interpolation(problem, problem.network.random_theta(0))


def test_a_theta_of_another_length_is_refused() -> None:
    for certify in (certify_interpolation, certify_orbit):
        with pytest.raises(ValueError, match=r"expected \(17,\)"):
            certify(EXCLUSIVE_OR, np.ones(3))


def test_repeated_inputs_are_found_exactly() -> None:
    close = np.array([[1.0], [np.nextafter(1.0, 2.0)]])
    problem = Problem(Network([1, 4, 1], "tanh"), Dataset.regression(close, np.array([[0.0], [1.0]])))
    found = distinct_equations(problem)
    assert found.conflict is None
    assert found.repeated == 0
