"""Paths of outputs and their lifts: polynomials, velocities, projections, orbits, what is refused."""

import numpy as np
import pytest
from hypothesis import given

from geomdl import FLOAT32, FLOAT64, RATIONAL, Dataset, Network, Problem, get_arithmetic, rank_loss
from geomdl.arithmetic import Arithmetic
from geomdl.paths import (
    lift_path,
    lift_velocity,
    path_of_parameters,
    path_violations,
    polynomial_path,
    segment,
    violation,
)
from verification.core.references import agree
from verification.core.strategies import examples, random_problem, samples, seeds, widths

MP50 = get_arithmetic("mp50")


@pytest.mark.parametrize("arithmetic", [FLOAT64, MP50, RATIONAL], ids=repr)
def test_polynomial_paths_have_their_coefficients_and_their_derivative(arithmetic: Arithmetic) -> None:
    c = arithmetic.array(np.arange(12).reshape(4, 3) / 4)
    path, s = polynomial_path(list(c), 2.0), arithmetic.number(3, 8)
    agree(path.position(s), c[0] + c[1] * s + c[2] * s**2 + c[3] * s**3)
    agree(path.velocity(s), c[1] + 2 * c[2] * s + 3 * c[3] * s**2)
    agree(polynomial_path([c[1]], 1.0).velocity(s), 0 * c[1])


def test_a_segment_runs_from_its_start_to_its_target_at_constant_speed() -> None:
    start, target = np.array([1.0, 2.0]), np.array([-3.0, 6.0])
    path = segment(start, target, 4.0)
    assert path.position(0.0).tolist() == start.tolist()
    assert path.position(4.0).tolist() == target.tolist()
    assert path.velocity(1.0).tolist() == path.velocity(3.0).tolist() == [-1.0, 1.0]


def test_the_velocity_of_a_path_of_parameters_is_its_derivative() -> None:
    problem, theta = random_problem([2, 3, 2], "tanh", 3, 1, MP50)
    v, w = MP50.array(np.arange(17) / 16), MP50.array(np.ones(17) / 8)
    path = path_of_parameters(problem, lambda s: (theta + s * v + s * s * w, v + 2 * s * w), 1.0)
    s, h = MP50.number(1, 3), MP50.number(1, 10**12)
    difference = (path.position(s + h) - path.position(s - h)) / (2 * h)
    assert float(MP50.largest(difference - path.velocity(s))) < 1e-20


@examples(20)
@given(shape=widths(), count=samples, seed=seeds)
def test_a_lift_is_the_shortest_velocity_that_leaves_only_what_is_out_of_range(
    shape: list[int], count: int, seed: int
) -> None:
    problem, theta = random_problem(shape, "tanh", count, seed)
    at, v = problem.linearize(theta), np.random.default_rng(seed).standard_normal(count * shape[-1])
    d = at.jacobian()
    sigma = np.linalg.svd(d, compute_uv=False)
    rank = int(np.sum(sigma > 1e-9 * sigma[0]))
    expected = np.linalg.lstsq(d, v, rcond=1e-9)[0]
    accuracy = {"size": int(10 * max(d.shape) * sigma[0] / sigma[rank - 1])}
    scale = np.abs(v).max() * max(1.0, 1 / sigma[rank - 1])
    agree(lift_velocity(at, v, rank=rank), expected, scale=scale, **accuracy)
    left = violation(at, v, rank=rank)
    agree(left, v - d @ expected, scale=np.abs(v).max() * (1 + sigma[0]), **accuracy)
    agree(d.T @ left, np.zeros(d.shape[1]), scale=sigma[0] * np.abs(v).max(), **accuracy)


def test_over_the_rationals_a_lift_is_exact() -> None:
    problem, theta = random_problem([1, 1, 1], "square", 3, 2, RATIONAL, bits=2)
    at, v = problem.linearize(theta), RATIONAL.array([1, 0, 2])
    assert np.all(at.jacobian() @ lift_velocity(at, v) == v - violation(at, v))


@pytest.mark.parametrize("arithmetic", [FLOAT32, FLOAT64], ids=repr)
@pytest.mark.parametrize("method", ["svd", "gram"])
def test_curved_paths_are_followed_in_every_way(arithmetic: Arithmetic, method: str) -> None:
    problem, theta = random_problem([2, 8, 2], "tanh", 3, 3, arithmetic)
    x, rtol = problem.stacked(theta), 1e-4 if arithmetic is FLOAT32 else 1e-9
    bend = arithmetic.array(np.arange(6) % 3 - 1.0)
    path = polynomial_path([x, bend, -bend / 2], 1.5)
    orbit = lift_path(problem, path, theta, rtol=rtol, method=method)
    assert orbit.status == "completed"
    assert orbit.thetas.shape == (len(orbit.times), len(theta))
    positions = np.array([path.position(arithmetic.array([s])[0]) for s in orbit.times])
    assert np.abs(orbit.outputs() - positions).max() < 100 * rtol
    assert path_violations(orbit, path).max() < 100 * rtol
    assert np.allclose(orbit.dense(orbit.times[-1]), orbit.end)
    assert orbit.dense(orbit.times[:2]).shape == (2, len(theta))


def test_a_path_out_of_range_is_followed_along_its_projection() -> None:
    data = Dataset.regression(np.array([[-1.0], [0.0], [1.0]]), np.zeros((3, 1)))
    problem = Problem(Network([1, 1], "tanh"), data)
    path = segment(np.zeros(3), np.array([0.0, 1.0, 0.0]))
    orbit = lift_path(problem, path, np.zeros(2))
    assert np.allclose(orbit.outputs()[-1], 1 / 3)  # the least-squares line through (0, 1, 0)
    assert np.allclose(path_violations(orbit, path), np.sqrt(2 / 3))


def test_a_path_that_stands_still_violates_nothing() -> None:
    data = Dataset.regression(np.array([[-1.0], [0.0], [1.0]]), np.zeros((3, 1)))
    problem = Problem(Network([1, 1], "tanh"), data)
    path = segment(np.ones(3), np.ones(3))
    orbit = lift_path(problem, path, np.array([0.0, 1.0]))
    assert not path_violations(orbit, path).any()
    assert np.all(orbit.end == [0.0, 1.0])


def test_events_see_the_parameters_without_the_time() -> None:
    # w2 w1 t + b2 with w1 = w2 on the way to the opposite slope: rank 1 at the middle of the segment.
    inputs = np.array([[-1.0], [1.0]])
    problem = Problem(Network([1, 1, 1], "identity"), Dataset.regression(inputs, -inputs))
    path, theta = segment(np.array([-1.0, 1.0]), np.array([1.0, -1.0])), np.array([1.0, 0.0, 1.0, 0.0])
    orbit = lift_path(problem, path, theta, events=[rank_loss(2, 1e-4)])
    assert orbit.status == "rank lost"
    assert abs(orbit.times[-1] - 0.5) < 1e-6


def test_what_makes_no_path_is_refused() -> None:
    with pytest.raises(ValueError, match="no coefficients"):
        polynomial_path([], 1.0)
    for end in (0.0, -1.0, np.inf, np.nan):
        with pytest.raises(ValueError, match="expected a finite positive time"):
            polynomial_path([np.zeros(2)], end)
    with pytest.raises(ValueError, match=r"coefficient of shape \(3,\); expected \(2,\)"):
        polynomial_path([np.zeros(2), np.zeros(3)], 1.0)
    with pytest.raises(TypeError, match="different arithmetics"):
        segment(np.zeros(2), MP50.array([0, 1]))


def test_velocities_of_another_kind_are_refused() -> None:
    problem, theta = random_problem([2, 3, 1], "tanh", 2, 0)
    at = problem.linearize(theta)
    for function in (lift_velocity, violation):
        with pytest.raises(
            ValueError, match=r"velocity of the outputs of shape \(3,\); expected \(2,\)"
        ):
            function(at, np.ones(3))
        with pytest.raises(TypeError, match="different arithmetics"):
            function(at, MP50.array([1, 1]))
    with pytest.raises(ValueError, match="expected 'svd' or 'gram'"):
        lift_velocity(at, np.ones(2), method="qr")
