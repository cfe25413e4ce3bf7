"""Orbits against closed forms: affine networks, constants of motion, times, bad input."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geomdl import (
    FLOAT32,
    FLOAT64,
    RATIONAL,
    Dataset,
    Network,
    Problem,
    adapted_field,
    get_arithmetic,
    homotopy_field,
    integrate,
    pseudoinverse,
    standard_field,
)
from geomdl.arithmetic import Arithmetic, Array, SingularMatrixError
from geomdl.flows import Field
from verification.core.known_orbits import (
    AFFINE,
    affine_orbit,
    affine_problem,
    bounded,
    falling_slope,
    follows,
)
from verification.core.references import agree
from verification.core.strategies import examples, random_problem, seeds

MP30 = get_arithmetic("mp30")


@pytest.mark.parametrize("regime", AFFINE)
@pytest.mark.parametrize("alpha", [0.0, 0.3, 1.0])
@examples(4)
@given(seed=seeds)
def test_flows_of_affine_networks_follow_their_closed_form(regime: str, alpha: float, seed: int) -> None:
    problem, theta = affine_problem(regime, seed)
    fields: list[Field] = [homotopy_field(alpha)]
    fields += [standard_field] if alpha == 0 else []
    fields += [adapted_field()] if alpha == 1 else []
    fields += [adapted_field(method="gram")] if alpha == 1 and regime != "under" else []
    for field in fields:
        orbit = integrate(problem, field, theta, 5.0, rtol=1e-8)
        assert orbit.status == "completed"
        assert orbit.times[0] == 0
        assert orbit.times[-1] == 5
        assert orbit.evaluations > len(orbit.times)
        follows(orbit.thetas, affine_orbit(problem, theta, alpha, orbit.times), 1e-8)


@pytest.mark.parametrize("regime", ["over", "borderline"])
def test_outputs_of_the_adapted_flow_run_straight_to_the_targets(regime: str) -> None:
    problem, theta = affine_problem(regime, 1)
    orbit = integrate(problem, adapted_field(), theta, 4.0, rtol=1e-9)
    y, decay = problem.data.stacked_targets, np.exp(-orbit.times / problem.data.size)
    follows(orbit.outputs(), y + decay[:, None] * (problem.stacked(theta) - y), 1e-9)
    follows(orbit.costs(), decay**2 * problem.value(theta), 1e-9)
    assert np.array_equal(orbit.end, orbit.thetas[-1])


@pytest.mark.parametrize("field", [standard_field, adapted_field(), homotopy_field(0.5)])
def test_constants_of_motion_of_a_square_network_are_kept(field: Field) -> None:
    # x = w2 z^2 + b2, z = w1 X + b1, with N = Q = 1: grad x = (2 z X w2, 2 z w2, z^2, 1), so that
    # w1 - X b1 and z^2 - 2 (1 + X^2) w2^2 are constant under any flow along grad x.
    x = 1.5
    data = Dataset.regression(np.array([[x]]), np.array([[2.0]]))
    problem = Problem(Network([1, 1, 1], "square"), data)
    theta = np.array([0.6, 0.2, -0.5, 0.1])
    orbit = integrate(problem, field, theta, 3.0, rtol=1e-9)
    w1, b1, w2, _ = orbit.thetas.T
    z = w1 * x + b1
    for constant in (w1 - x * b1, z**2 - 2 * (1 + x**2) * w2**2):
        follows(constant, np.full_like(constant, constant[0]), 1e-9)
    assert abs(orbit.end - theta).max() > 0.05
    if field is not standard_field:
        assert np.all(np.diff(orbit.costs()) < 0)


@examples(6)
@given(alpha=st.floats(0, 1), seed=seeds)
def test_the_homotopy_is_the_convex_combination_of_the_two_fields(alpha: float, seed: int) -> None:
    problem, theta = random_problem([2, 3, 2], "tanh", 3, seed)
    adapted, standard = adapted_field()(problem, theta), standard_field(problem, theta)
    found = homotopy_field(alpha)(problem, theta)
    agree(found, alpha * adapted + (1 - alpha) * standard, size=20)


@pytest.mark.parametrize("arithmetic", [FLOAT32, FLOAT64, MP30, RATIONAL], ids=repr)
def test_fields_are_what_their_formulas_say(arithmetic: Arithmetic) -> None:
    problem, theta = random_problem([2, 2, 1], "square", 3, 5, arithmetic, bits=3)
    at = problem.linearize(theta)
    jacobian, gradient = at.jacobian(), problem.cost.gradient(problem.data, at.stacked)
    standard = -(jacobian.T @ gradient)
    normal = pseudoinverse(jacobian.T @ jacobian)
    kappa = 1.0 if arithmetic.exact else pseudoinverse(jacobian).condition
    if not arithmetic.exact:
        normal = pseudoinverse(jacobian.T @ jacobian, rank=3)
    agree(standard_field(problem, theta), standard, size=9)
    agree(adapted_field()(problem, theta), normal.apply(standard), condition=kappa**2, size=9)
    half = homotopy_field(0.5)(problem, theta)
    expected = (normal.apply(standard) + standard) / arithmetic.number(2)
    agree(half, expected, condition=kappa**2, size=9)


def test_an_orbit_from_the_targets_stays_there() -> None:
    problem, theta = affine_problem("over", 8)
    at_rest = Problem(
        problem.network,
        Dataset.regression(problem.data.inputs, problem.stacked(theta).reshape(problem.data.size, -1)),
    )
    for field in (standard_field, adapted_field(), adapted_field(method="gram"), homotopy_field(0.5)):
        orbit = integrate(at_rest, field, theta, 7.0)
        assert orbit.status == "completed"
        assert np.array_equal(orbit.end, theta)


@pytest.mark.parametrize("shape", [[1, 1], [1, 1, 1]])
def test_one_sample_with_one_output_is_trained(shape: list[int]) -> None:
    problem, theta = random_problem(shape, "tanh", 1, 1)
    orbit = integrate(problem, adapted_field(), theta, 3.0)
    assert np.isclose(orbit.costs()[-1], np.exp(-6) * orbit.costs()[0], rtol=1e-5)


# ---- times and tolerances -----------------------------------------------------------------------


def test_an_orbit_runs_backwards() -> None:
    problem, theta = affine_problem("over", 2)
    there = integrate(problem, adapted_field(), theta, 3.0, rtol=1e-10)
    back = integrate(problem, adapted_field(), there.end, -3.0, rtol=1e-10)
    assert back.status == "completed"
    assert back.times[-1] == -3
    assert np.all(np.diff(back.times) < 0)
    follows(back.end, theta, 1e-9)
    follows(back.dense(-1.5), affine_orbit(problem, theta, 1, np.array([1.5]))[0], 1e-6)


@pytest.mark.parametrize("sign", [1, -1])
def test_steps_are_placed_at_the_times_asked_for(sign: int) -> None:
    problem, theta = affine_problem("over", 3)
    asked = sign * np.array([2.5, 0.5, 0.5, 1.0])
    orbit = integrate(problem, adapted_field(), theta, sign * 4.0, rtol=1e-9, times=asked)
    assert set(asked) <= set(orbit.times)
    assert np.all(np.diff(orbit.times) * sign > 0)
    assert len(orbit.times) == len(orbit.thetas)
    index = np.flatnonzero(np.isin(orbit.times, asked))
    follows(orbit.thetas[index], affine_orbit(problem, theta, 1, orbit.times[index]), 1e-8)


@pytest.mark.parametrize("times", [(), (1.0, 2.0)])
def test_dense_output_interpolates_and_takes_many_times(times: tuple[float, ...]) -> None:
    problem, theta = affine_problem("over", 4)
    orbit = integrate(problem, adapted_field(), theta, 3.0, rtol=1e-8, times=times)
    s = np.linspace(0, 3, 40)
    assert orbit.dense(s).shape == (40, len(theta))
    assert orbit.dense(1.25).shape == theta.shape
    follows(orbit.dense(s), affine_orbit(problem, theta, 1, s), 1e-6)
    follows(orbit.dense(orbit.times), orbit.thetas, 1e-12)


@pytest.mark.parametrize("outside", [-0.5, 3.5, np.nan])
def test_dense_output_does_not_extrapolate(outside: float) -> None:
    problem, theta = affine_problem("over", 4)
    orbit = integrate(problem, adapted_field(), theta, 3.0)
    with pytest.raises(ValueError, match=r"got s=.*expected .*from 0.* to 3"):
        orbit.dense(outside)


@pytest.mark.parametrize("outside", [-1.0, 5.0, np.nan])
def test_times_outside_the_orbit_are_refused(outside: float) -> None:
    problem, theta = affine_problem("over", 4)
    with pytest.raises(ValueError, match=r"got times.*expected"):
        integrate(problem, adapted_field(), theta, 3.0, times=[1.0, outside])


def test_a_tighter_tolerance_gives_a_smaller_error() -> None:
    problem, theta = affine_problem("borderline", 5)
    errors = []
    for rtol in (1e-4, 1e-10):
        orbit = integrate(problem, standard_field, theta, 5.0, rtol=rtol)
        errors.append(np.max(np.abs(orbit.end - affine_orbit(problem, theta, 0, np.array([5.0])))))
    assert errors[1] < 1e-3 * errors[0]


def test_a_float32_problem_is_integrated_with_float32_gradients() -> None:
    problem, theta = affine_problem("over", 6)
    seen: set[str] = set()

    def watched(at: Problem, point: Array) -> Array:
        seen.add(str(point.dtype))
        return adapted_field()(at, point)

    orbit = integrate(problem.to(FLOAT32), watched, FLOAT32.array(theta), 4.0, rtol=1e-4)
    assert seen == {"float32"}
    assert orbit.thetas.dtype == orbit.costs().dtype == orbit.outputs().dtype == np.float64
    expected = affine_orbit(problem, theta, 1, orbit.times)
    follows(orbit.thetas, expected, 1e-4)
    sharp = integrate(problem.to(FLOAT32), adapted_field(), FLOAT32.array(theta), 4.0, rtol=1e-6)
    assert np.max(np.abs(sharp.end - affine_orbit(problem, theta, 1, sharp.times)[-1])) > 1e-10


def test_a_field_that_is_nan_at_the_start_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: object, **__: object) -> None:
        raise AssertionError("the integrator is started with NaN, from which it does not return")

    monkeypatch.setattr("scipy.integrate.solve_ivp", never)
    problem, theta = falling_slope()
    with pytest.raises(ValueError, match=r"got .*NaN or infinite"):
        integrate(problem, bounded(lambda _, point: point * np.nan), theta, 1.0)
    with pytest.raises(ValueError, match=r"got .*NaN or infinite"):
        integrate(problem, bounded(lambda _, point: (point + 1) * np.inf), theta, 1.0)


# ---- bad input ----------------------------------------------------------------------------------


@pytest.mark.parametrize("alpha", [-0.1, 1.1, np.nan, np.inf])
def test_an_alpha_outside_the_unit_interval_is_refused(alpha: float) -> None:
    with pytest.raises(ValueError, match=r"got alpha=.*; expected a number from 0 to 1"):
        homotopy_field(alpha)


@pytest.mark.parametrize("method", ["grm", "SVD", "", None])
def test_an_unknown_method_is_refused_with_the_known_ones(method: object) -> None:
    with pytest.raises(ValueError, match=r"got method .*; expected .*'?svd'?.*'?gram'?"):
        adapted_field(method=method)  # type: ignore[arg-type]


@pytest.mark.parametrize("end", [0.0, np.nan, np.inf, -np.inf])
def test_an_end_that_is_no_time_is_refused(end: float) -> None:
    problem, theta = falling_slope()
    with pytest.raises(ValueError, match=r"got end=.*; expected a finite nonzero time"):
        integrate(problem, standard_field, theta, end)


@pytest.mark.parametrize("rtol", [0.0, 1.0, -1e-3, 2.0, np.nan])
def test_a_bad_tolerance_is_refused(rtol: float) -> None:
    problem, theta = falling_slope()
    with pytest.raises(ValueError, match=r"got rtol=.*; expected a number between 0 and 1"):
        integrate(problem, standard_field, theta, 1.0, rtol=rtol)


@pytest.mark.parametrize(
    ("theta", "error", "words"),
    [
        (np.zeros(3), ValueError, r"got theta of shape \(3,\); expected \(4,\)"),
        (np.array([0, np.nan, 0, 0]), ValueError, "got theta with NaN or infinite"),
        (np.array([0, np.inf, 0, 0]), ValueError, "got theta with NaN or infinite"),
        (np.array([1, 0, 1, 0]), TypeError, "got an array of dtype int64; expected"),
        (np.ones(4, dtype=np.float16), TypeError, "got an array of dtype float16; expected"),
        (np.ones(4, dtype=np.complex128), TypeError, "got an array of dtype complex128; expected"),
        ([1.0, 0.0, 1.0, 0.0], TypeError, "got a list; expected an array"),
    ],
)
def test_a_bad_initial_theta_is_refused(theta: object, error: type[Exception], words: str) -> None:
    problem, _ = falling_slope()
    with pytest.raises(error, match=words):
        integrate(problem, standard_field, theta, 1.0)


@pytest.mark.parametrize("arithmetic", [MP30, RATIONAL], ids=repr)
def test_orbits_need_machine_numbers(arithmetic: Arithmetic) -> None:
    problem, theta = falling_slope()
    with pytest.raises(
        TypeError, match=f"got a problem in {arithmetic.name}; orbits need float32 or float64"
    ):
        integrate(problem.to(arithmetic), standard_field, arithmetic.array(theta), 1.0)


def test_a_field_that_cannot_be_evaluated_at_the_start_is_an_error() -> None:
    problem, theta = falling_slope()
    with pytest.raises(SingularMatrixError, match="use "):
        integrate(problem, adapted_field(method="gram"), 0 * theta, 1.0)
