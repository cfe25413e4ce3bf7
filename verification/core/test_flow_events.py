"""Events and statuses: where an orbit stops, and what it says when it cannot go on."""

import numpy as np
import pytest

from geomdl import (
    FLOAT32,
    FLOAT64,
    Dataset,
    Event,
    Network,
    Problem,
    adapted_field,
    blow_up,
    cost_reaches,
    integrate,
    rank_loss,
    standard_field,
)
from geomdl.arithmetic import Arithmetic, Array, SingularMatrixError
from verification.core.known_orbits import affine_problem, bounded, falling_slope


@pytest.mark.parametrize("share", [0.5, 1e-2, 1e-6])
def test_the_cost_reaches_a_level_at_the_time_n_over_2_log(share: float) -> None:
    problem, theta = affine_problem("over", 7)
    start = problem.value(theta)
    orbit = integrate(
        problem, adapted_field(), theta, 100.0, rtol=1e-10, events=[cost_reaches(share * start)]
    )
    assert orbit.status == "cost reached"
    assert "cost reached" in orbit.message
    assert np.isclose(orbit.times[-1], problem.data.size / 2 * np.log(1 / share), rtol=1e-6)
    assert np.isclose(orbit.costs()[-1], share * start, rtol=1e-6)


def test_the_rank_is_lost_at_the_predicted_time() -> None:
    problem, theta = falling_slope()
    ratio = 1e-2
    orbit = integrate(problem, adapted_field(), theta, 5.0, rtol=1e-10, events=[rank_loss(2, ratio)])
    slope = ratio**2 / (2 - ratio**2)  # a^2 where 2 a / sqrt(2 (1 + a^2)) = ratio
    assert orbit.status == "rank lost"
    assert np.isclose(orbit.times[-1], 2 * np.log(2 / (1 + slope)), rtol=1e-7)
    assert np.allclose(orbit.thetas[:, 0] ** 2, 2 * np.exp(-orbit.times / 2) - 1, atol=1e-8)


def test_the_first_of_several_events_stops_the_orbit() -> None:
    problem, theta = falling_slope()
    start = problem.value(theta)
    early, late = cost_reaches(0.9 * start), cost_reaches(0.5 * start)
    for events in ([early, late], [late, early]):
        orbit = integrate(problem, adapted_field(), theta, 5.0, rtol=1e-9, events=events)
        assert np.isclose(orbit.times[-1], np.log(1 / 0.9), rtol=1e-6)


def explosion(problem: Problem, theta: Array) -> Array:
    """Return theta^2 entrywise: theta(s) = theta / (1 - theta s) blows up at s = 1 / theta."""
    return theta * theta


def test_a_blow_up_is_met_at_the_predicted_time() -> None:
    problem, _ = falling_slope()
    theta = np.array([0.5, 0.1, 0.2, -1.0])
    orbit = integrate(problem, explosion, theta, 5.0, rtol=1e-10, events=[blow_up(100.0)])
    assert orbit.status == "blow-up"
    assert np.isclose(orbit.times[-1], 2 - 1 / 100, rtol=1e-8)
    assert np.isclose(np.max(np.abs(orbit.end)), 100, rtol=1e-6)


def test_a_trial_step_beyond_the_range_of_numbers_is_shortened() -> None:
    problem, _ = falling_slope()

    def overflowing(problem: Problem, theta: Array) -> Array:
        if np.max(np.abs(theta)) > 2:
            problem.cost.gradient(problem.data, np.full_like(problem.data.stacked_targets, np.inf))
        return explosion(problem, theta)

    orbit = integrate(problem, overflowing, np.full(4, 0.5), 5.0)
    assert orbit.status == "step failed"
    assert np.isclose(orbit.times[-1], 1.5, rtol=1e-6)


def test_an_orbit_that_cannot_go_on_says_so_and_keeps_its_steps() -> None:
    problem, _ = falling_slope()
    orbit = integrate(problem, bounded(explosion), np.full(4, 0.5), 5.0, times=[1.0, 3.0])
    assert orbit.status == "step failed"
    assert np.isclose(orbit.times[-1], 2, rtol=1e-6)
    assert "could not go beyond s = 2" in orbit.message
    assert "blow_up and rank_loss" in orbit.message
    assert np.all(np.isfinite(orbit.thetas))
    assert 1.0 in orbit.times
    assert 3.0 not in orbit.times
    assert np.isclose(orbit.dense(1.5)[0], 0.5 / (1 - 0.75), rtol=1e-5)


@pytest.mark.parametrize("method", ["svd", "gram"])
@pytest.mark.parametrize("rtol", [1e-6, 1e-10])
def test_watching_the_rank_stops_the_orbit_before_it_slips_through_the_loss(
    method: str, rtol: float
) -> None:
    # Unwatched, steps jump over the one point where the rank is lost, to one of two branches by chance.
    problem, theta = falling_slope()
    field = bounded(adapted_field(method=method))
    orbit = integrate(problem, field, theta, 5.0, rtol=rtol, events=[rank_loss(2, 0.05)])
    assert orbit.status == "rank lost"
    assert np.isclose(orbit.times[-1], 2 * np.log(2 / (1 + 0.05**2 / (2 - 0.05**2))), rtol=100 * rtol)


def test_events_that_do_not_stop_leave_the_orbit_complete() -> None:
    problem, theta = affine_problem("over", 7)
    level = 0.5 * problem.value(theta)
    quiet = Event("passing", cost_reaches(level).function, terminal=False)
    orbit = integrate(problem, adapted_field(), theta, 10.0, events=[quiet])
    assert orbit.status == "completed"


def test_a_field_that_exists_at_the_start_only_ends_in_a_status() -> None:
    problem, theta = falling_slope()

    def only_at_the_start(_: Problem, point: Array) -> Array:
        if not np.array_equal(point, theta):
            raise SingularMatrixError("nothing beyond")
        return np.ones(4, dtype=np.float64)

    orbit = integrate(problem, bounded(only_at_the_start), theta, 1.0)
    assert orbit.status == "step failed"
    assert orbit.times.tolist() == [0]
    assert np.array_equal(orbit.dense(0.0), theta)


@pytest.mark.parametrize("name", ["standard", "adapted"])
@pytest.mark.parametrize("arithmetic", [FLOAT32, FLOAT64], ids=repr)
@pytest.mark.filterwarnings("ignore:overflow:RuntimeWarning", "ignore:invalid:RuntimeWarning")
def test_steps_into_overflow_are_rejected_and_never_a_traceback(
    arithmetic: Arithmetic, name: str
) -> None:
    # Trial values at which the outputs or the Jacobian overflow, although theta itself does not.
    data = Dataset.regression(np.array([[1.0]]), np.array([[-5.0]])).to(arithmetic)
    problem = Problem(Network([1, 1, 1, 1], "square"), data)
    theta = arithmetic.array([1.0, 0.5, 1.0, 0.5, 1.0, 0.0])
    field = standard_field if name == "standard" else adapted_field()
    far = Event("far", lambda _, point: float(np.max(np.abs(point))) / 1e30 - 1)

    def growing(at: Problem, point: Array) -> Array:
        return point * arithmetic.array([30.0]) + 0 * field(at, point)

    orbit = integrate(problem, bounded(growing), theta, 1e3, events=[far])
    assert orbit.status in ("far", "step failed")
    assert np.all(np.isfinite(orbit.thetas))


# ---- bad input ----------------------------------------------------------------------------------


@pytest.mark.parametrize("level", [0.0, -1.0, np.nan, np.inf])
def test_a_cost_level_that_is_not_positive_and_finite_is_refused(level: float) -> None:
    with pytest.raises(ValueError, match=r"got a cost level of .*; expected a positive"):
        cost_reaches(level)


@pytest.mark.parametrize("bound", [0.0, -1.0, np.nan, np.inf])
def test_a_bound_of_the_blow_up_that_is_not_positive_and_finite_is_refused(bound: float) -> None:
    with pytest.raises(ValueError, match=r"got a bound of .*; expected a positive"):
        blow_up(bound)


@pytest.mark.parametrize("rank", [0, -1, 1.5])
def test_a_rank_that_cannot_be_lost_is_refused(rank: int) -> None:
    with pytest.raises((TypeError, ValueError), match=r"got rank=.*expected"):
        rank_loss(rank)


@pytest.mark.parametrize("ratio", [0.0, -1.0, np.nan, 1.5])
def test_a_ratio_of_the_rank_loss_outside_the_unit_interval_is_refused(ratio: float) -> None:
    with pytest.raises(ValueError, match=r"got ratio=.*expected"):
        rank_loss(1, ratio)


def test_a_rank_that_the_jacobian_cannot_have_is_refused() -> None:
    problem, theta = falling_slope()
    with pytest.raises(ValueError, match=r"got rank=3.*expected"):
        integrate(problem, standard_field, theta, 1.0, events=[rank_loss(3)])
