"""Orbits in output space, reparametrized and with other costs."""

from collections.abc import Callable
from functools import lru_cache

import numpy as np
from scipy.integrate import solve_ivp

from geomdl import (
    Cost,
    Dataset,
    Network,
    Problem,
    adapted_field,
    integrate,
    load_real_data,
    pseudoinverse,
    rank_loss,
)
from geomdl.propagators import ReparametrizedFlow, interpolation_time, reparametrized_flow
from verification.machinery.columns import Column
from verification.machinery.points import Point, Scene
from verification.scenes.networks import RANK_LOST, network_scene, rank_of


def with_cost(scene: Scene, cost: Cost) -> Scene:
    """Give a scene another normalization of the cost."""

    def draw(generator: np.random.Generator) -> tuple[Problem, np.ndarray]:
        problem, theta = scene.draw(generator)
        return Problem(problem.network, problem.data, cost), theta

    return Scene(f"{scene.name}-{cost.name.replace(' ', '-')}", draw, scene.facts)


def monotone_outputs() -> Scene:
    """One hidden neuron, increasing outputs, targets that go up and down again."""

    def draw(_: np.random.Generator) -> tuple[Problem, np.ndarray]:
        data = Dataset.regression(np.array([[-1.0], [0.0], [1.0]]), np.array([[-1.0], [1.0], [0.0]]))
        return Problem(Network([1, 1, 1], "tanh"), data), np.array([1.0, 0.25, 1.0, 0.0])

    return Scene("1-1-1-tanh-N3-monotone", draw, frozenset({"full rank", "over", "ends"}))


MONOTONE = monotone_outputs()


TAUS = (0.25, 0.5, 1.0, 1.5, 2.0, 3.0)
"""Times s/N at which paths are compared; t = 0.95 at the last."""


LEAST_SIGMA, LEAST_MOTION, ATTEMPTS = 5e-2, 0.2, 300


Generator = Callable[[np.ndarray], np.ndarray]


def projector_at(problem: Problem, theta: np.ndarray, rank: int) -> np.ndarray:
    """Return the projector onto the range of D, float64."""
    jacobian = problem.linearize(problem.data.arithmetic.array(theta)).jacobian()
    return np.asarray(pseudoinverse(jacobian, rank=rank).range_projector(), dtype=np.float64)


def living(scene: Scene) -> Scene:
    """Draw until rank and conditioning persist up to the last time while the projector moves."""

    def draw(generator: np.random.Generator) -> tuple[Problem, np.ndarray]:
        for _ in range(ATTEMPTS):
            problem, theta = scene.draw(generator)
            rank = rank_of(problem, theta)
            if rank is None:
                continue
            watch = rank_loss(rank, LEAST_SIGMA)
            if watch.function(problem, theta) < 0:
                continue
            end = TAUS[-1] * problem.data.size
            orbit = integrate(problem, adapted_field(rank=rank), theta, end, rtol=1e-5, events=[watch])
            motion = projector_at(problem, orbit.end, rank) - projector_at(problem, theta, rank)
            if orbit.status == "completed" and np.linalg.norm(motion, 2) >= LEAST_MOTION:
                return problem, theta
        raise RuntimeError(f"scene {scene.name}: no draw of {ATTEMPTS} keeps its rank and moves")

    return Scene(f"{scene.name}-living", draw, scene.facts | {"moving projector"})


def few_parameters() -> Scene:
    """K = 5 < QN = 9, with targets and theta near a common theta1, so that the orbit behaves."""

    def draw(generator: np.random.Generator) -> tuple[Problem, np.ndarray]:
        network = Network([2, 1, 1], "tanh")
        inputs, theta = generator.standard_normal((9, 2)), network.random_theta(generator)
        data = Dataset.regression(inputs, np.zeros((9, 1)))
        targets = Problem(network, data).stacked(theta) + 0.1 * generator.standard_normal(9)
        start = theta + 0.3 * generator.standard_normal(theta.size)
        return Problem(network, Dataset.regression(inputs, targets[:, None])), start

    return Scene("2-1-1-tanh-N9-near", draw, frozenset({"under", "injective"}))


def narrow_iris() -> Scene:
    """Four flowers and a last hidden layer of one neuron: rank 8 < QN = 12."""

    def draw(generator: np.random.Generator) -> tuple[Problem, np.ndarray]:
        network = Network([4, 3, 1, 3], "tanh")
        data = load_real_data("iris", 4, int(generator.integers(1 << 31)))
        return Problem(network, data), network.random_theta(generator)

    return Scene("iris-4-3-1-3-tanh-N4", draw, frozenset({"rank lost", "real data"}))


SMALLEST_LOSS = network_scene([1, 1, 2], "tanh", 3, rank=5, facts=["rank lost", "borderline"])


LIVING = tuple(living(scene) for scene in (SMALLEST_LOSS, *RANK_LOST, few_parameters(), narrow_iris()))


def projector_itself(projector: np.ndarray) -> np.ndarray:
    """Return P, the generator as printed in (2.60)."""
    return projector


@lru_cache(maxsize=128)
def flow_of(
    scene: Scene, column: Column, seed: int, generator: Generator, taus: tuple[float, ...]
) -> ReparametrizedFlow:
    """Integrate the flow with a propagator once for all checks."""
    at = scene.at(column, seed)
    return reparametrized_flow(
        at.problem, at.theta, taus, rank=at.rank, rtol=at.rtol, generator=generator
    )


def outputs_in_s(at: Point) -> np.ndarray:
    """x~ at TAUS from an integration of theta in s."""
    orbit = at.orbit(end=TAUS[-1], times=TAUS)
    return orbit.outputs()[[np.argmin(np.abs(orbit.times - tau * at.N)) for tau in TAUS]]


LinearEquation = Callable[[float, np.ndarray, np.ndarray], np.ndarray]


def carried_in_t(at: Point, start: np.ndarray, equation: LinearEquation) -> np.ndarray:
    """Solve dw/dt = equation(t, P_t, w) in t, beside theta; return w at the times of TAUS."""
    problem, field, count = at.problem, adapted_field(rank=at.rank), at.problem.network.parameter_count

    def velocity(t: float, state: np.ndarray) -> np.ndarray:
        theta, w = state[:count], state[count:]
        theta_dot = np.asarray(field(problem, at.arithmetic.array(theta)), dtype=np.float64)
        w_dot = equation(t, projector_at(problem, theta, at.rank), w)
        return np.concatenate([theta_dot * at.N / (1 - t), w_dot])

    initial, times = (
        np.concatenate([at.arithmetic.to_float64(at.theta), start]),
        interpolation_time(TAUS),
    )
    result = solve_ivp(
        velocity, (0.0, times[-1]), initial, method="DOP853", t_eval=times, rtol=at.rtol, atol=at.rtol
    )
    return result.y[count:].T
