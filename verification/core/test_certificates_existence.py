"""Certificates of existence: zero-cost networks near computed ones, and orbits for all times."""

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

pytest.importorskip("flint", reason="extra `rigorous` is absent")

import flint
from flint import arb

from geomdl import Dataset, Network, Problem, load_real_data
from geomdl.activations import ACTIVATIONS
from geomdl.certificates import tubes
from geomdl.certificates.collocation import Piece, collocate
from geomdl.certificates.curvature import jacobian_lipschitz_bound
from geomdl.certificates.equations import distinct_equations
from geomdl.certificates.interpolation import certify_interpolation, polish, spread_theta
from geomdl.certificates.kantorovich import attraction
from geomdl.certificates.orbits import INTEGRATED, certify_orbit
from geomdl.certificates.series import PowerSeries, UndecidedKinkError
from geomdl.costs import CLASS_WEIGHTED, MEAN_SQUARE
from geomdl.jacobians import linearize
from verification.machinery.points import Scene
from verification.scenes.obstructed import MEETING, MONOTONE, PEAK, XOR

CORNERS = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
EXCLUSIVE_OR = Problem(
    Network([2, 4, 1], "tanh"), Dataset.regression(CORNERS, np.array([[0.0], [1.0], [1.0], [0.0]]))
)


def small_problem(activation: str, seed: int = 0, widths: tuple[int, ...] = (2, 6, 2)) -> Problem:
    generator = np.random.default_rng(seed)
    inputs, targets = generator.standard_normal((3, 2)), 0.3 * generator.standard_normal((3, 2))
    return Problem(Network(widths, activation), Dataset.regression(inputs, targets))


def affine_problem() -> Problem:
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


def test_one_target_for_a_repeated_input_is_one_equation() -> None:
    inputs, targets = np.array([[0.5, 1.0], [2.0, -1.0], [0.5, 1.0]]), np.array([[0.3], [-0.2], [0.3]])
    network = Network([2, 3, 1], "tanh")
    twice = Problem(network, Dataset.regression(inputs, targets))
    once = Problem(network, Dataset.regression(inputs[:2], targets[:2]))
    theta = network.random_theta(0)
    found, expected = certify_orbit(twice, theta), certify_orbit(once, theta)
    assert found.proved
    assert found.details["limit"] == expected.details["limit"]


@pytest.mark.parametrize("seed", range(6))
def test_targets_out_of_reach_are_never_proved(seed: int) -> None:
    for scene in (PEAK, XOR):
        problem, theta = scene.draw(np.random.default_rng(seed))
        assert certify_interpolation(problem, polish(problem, theta, steps=20)).status == "unknown"


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


def test_fewer_parameters_than_equations_are_never_proved() -> None:
    inputs = np.linspace(-1.5, 2, 8)[:, None]
    problem = Problem(Network([1, 1, 1], "tanh"), Dataset.regression(inputs, np.sin(inputs)))
    theta = problem.network.random_theta(0)
    for certify in (certify_interpolation, certify_orbit):
        assert certify(problem, theta).status == "unknown"


def test_no_orbit_is_proved_from_a_point_of_rank_loss() -> None:
    theta = np.zeros(EXCLUSIVE_OR.network.parameter_count)
    found = certify_orbit(EXCLUSIVE_OR, theta)
    assert found.status == "unknown"
    assert "rank" in found.method


# orbits


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


# the enclosures underneath


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


@pytest.mark.parametrize("activation", INTEGRATED)
def test_series_agree_with_the_network_along_a_path(activation: str) -> None:
    network, generator = Network([2, 3, 1], activation), np.random.default_rng(0)
    path = 0.1 * generator.standard_normal((3, network.parameter_count))
    series = PowerSeries(24, 106)
    inputs = generator.standard_normal((2, 2))
    at = linearize(network, series.from_coefficients(path), series.array(inputs))
    coefficients = series.coefficients(at.jacobian())
    u = 0.25
    value = sum(coefficients[k].astype(float) * u**k for k in range(24))
    exact = linearize(network, path[0] + u * path[1] + u**2 * path[2], inputs).jacobian()
    np.testing.assert_allclose(value, exact, rtol=0, atol=1e-13)


def test_series_restore_the_settings_of_flint() -> None:
    before = flint.ctx.prec, flint.ctx.cap
    series = PowerSeries(5, 80)
    _ = series.tanh(series.from_coefficients(np.ones((2, 3)))) * series.number(1, 3)
    assert (flint.ctx.prec, flint.ctx.cap) == before


def test_series_know_no_kinks() -> None:
    series = PowerSeries(4, 80)
    at_kink = series.from_coefficients(np.array([[0.0], [1.0]]))
    with pytest.raises(UndecidedKinkError):
        ACTIVATIONS["relu"].value(series, at_kink)


def a_piece(length: float = 2.0**-6) -> tuple[tubes.Lift, Piece]:
    theta = EXCLUSIVE_OR.network.random_theta(4)
    error = EXCLUSIVE_OR.stacked(theta) - EXCLUSIVE_OR.data.stacked_targets
    piece = collocate(EXCLUSIVE_OR, theta, error, length, 12)
    assert piece is not None
    return tubes.Lift(EXCLUSIVE_OR, tubes.point(error), 12), piece


def test_the_defect_bound_covers_errors_that_were_put_in() -> None:
    lift, piece = a_piece()
    bound = lift.bound(piece, 1e-9)
    assert bound is not None
    assert bound.defect < 1e-10
    for degree in (1, 5, 12):
        wrong = piece.theta.copy()
        wrong[degree, 3] += 1e-6
        found = lift.bound(replace(piece, theta=wrong), 1e-9)
        assert found is not None
        # the velocity is wrong by degree * 1e-6 u^(degree - 1), all of it normal or tangential
        assert found.defect > 0.9e-6


def test_the_growth_bound_covers_the_logarithmic_norms_in_the_tube() -> None:
    lift, piece = a_piece()
    generator = np.random.default_rng(0)
    for radius in (1e-9, 1e-3):
        bound = lift.bound(piece, radius)
        assert bound is not None
        norms = []
        for u in np.linspace(-1, 1, 9):
            theta = np.polynomial.polynomial.polyval(u, piece.theta)
            noise = generator.standard_normal(len(theta))
            norms.append(logarithmic_norm(theta + radius * noise / np.linalg.norm(noise), piece.half))
            jacobian = EXCLUSIVE_OR.linearize(theta).jacobian()
            assert bound.sigma_lower <= np.linalg.svd(jacobian, compute_uv=False)[-1]
        assert np.trapezoid(np.maximum(norms, 0), np.linspace(-1, 1, 9)) <= bound.growth


def logarithmic_norm(theta: np.ndarray, half: float) -> float:
    """Largest eigenvalue of the symmetric part of the field's derivative, by central differences."""
    start = EXCLUSIVE_OR.network.random_theta(4)
    error = half * (EXCLUSIVE_OR.stacked(start) - EXCLUSIVE_OR.data.stacked_targets)

    def field(at: np.ndarray) -> np.ndarray:
        return -np.linalg.pinv(EXCLUSIVE_OR.linearize(at).jacobian()) @ error

    step = 1e-6
    columns = [
        (field(theta + step * unit) - field(theta - step * unit)) / (2 * step)
        for unit in np.eye(len(theta))
    ]
    derivative = np.array(columns).T
    return float(np.linalg.eigvalsh((derivative + derivative.T) / 2)[-1])


def test_a_wider_tube_is_never_cheaper() -> None:
    lift, piece = a_piece()
    bounds = [lift.bound(piece, radius) for radius in (1e-12, 1e-6, 1e-3)]
    growths = [bound.growth for bound in bounds if bound is not None]
    assert len(growths) == 3
    assert growths == sorted(growths)


def a_long_piece(order: int) -> tuple[tubes.Lift, Piece, float]:
    """Return a cubic over a long interval, expanded to low order, with the largest defect measured."""
    lift, piece = a_piece(2.0**-4)
    lift = tubes.Lift(EXCLUSIVE_OR, lift.drive, order)
    piece = replace(piece, theta=piece.theta[:4].copy(), multiplier=piece.multiplier[:4].copy())
    return lift, piece, max(defect_at(piece, u) for u in np.linspace(-1, 1, 41))


@pytest.mark.parametrize("order", [1, 2, 4, 12])
def test_the_defect_bound_holds_at_every_order_of_expansion(order: int) -> None:
    lift, piece, worst = a_long_piece(order)
    bound = lift.bound(piece, 1e-12)
    assert bound is not None
    assert worst <= bound.defect <= (1e4 if order == 1 else 100) * worst


def test_a_dropped_remainder_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    lift, piece, worst = a_long_piece(1)
    expand = tubes.Lift._expand

    def without_remainder(self: tubes.Lift, longer: int, *parts: Any) -> dict[str, np.ndarray]:
        return {name: value * (1 - longer) for name, value in expand(self, longer, *parts).items()}

    monkeypatch.setattr(tubes.Lift, "_expand", without_remainder)
    bound = lift.bound(piece, 1e-12)
    assert bound is not None
    assert bound.defect < worst


def test_a_higher_order_gives_a_tighter_tube() -> None:
    theta = EXCLUSIVE_OR.network.random_theta(4)
    error = EXCLUSIVE_OR.stacked(theta) - EXCLUSIVE_OR.data.stacked_targets
    defects = []
    for order in (3, 6, 12):
        piece = collocate(EXCLUSIVE_OR, theta, error, 2.0**-6, order)
        assert piece is not None
        bound = tubes.Lift(EXCLUSIVE_OR, tubes.point(error), order).bound(piece, 1e-6)
        assert bound is not None
        defects.append(bound.defect)
    assert defects[1] < defects[0] / 100
    assert defects[2] < defects[1] / 100


def defect_at(piece: Piece, u: float) -> float:
    start = EXCLUSIVE_OR.network.random_theta(4)
    error = piece.half * (EXCLUSIVE_OR.stacked(start) - EXCLUSIVE_OR.data.stacked_targets)
    theta = np.polynomial.polynomial.polyval(u, piece.theta)
    slope = np.polynomial.polynomial.polyval(
        u, piece.theta[1:] * np.arange(1, len(piece.theta))[:, None]
    )
    field = -np.linalg.pinv(EXCLUSIVE_OR.linearize(theta).jacobian()) @ error
    return float(np.linalg.norm(slope - field))


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
