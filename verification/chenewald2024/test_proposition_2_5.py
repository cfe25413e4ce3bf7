"""Proposition 2.5: the constrained flow in the time t, and its deviation from linear interpolation.

With t = 1 - e^(-s/N), P_t the projector onto the range of D and P-perp = 1 - P, the outputs x~(t) of the
adapted flow for C = |x - y|^2 / (2N) satisfy (2.58), d/dt x~ = -P_t (x~ - y) / (1 - t), as long as the
orbit lives: on all of [0, 1) if it lives for all s, which an orbit need not do (Proposition 2.4).

(2.59) with (2.60) is printed as

    x~(t) - ((1 - t) x0 - t y) = int_0^t U_{t,t'} (1 - t)/(1 - t') P-perp_t' (x0 - y) dt',
    d/dt U_{t,t'} = P_t U_{t,t'} / (1 - t),

and is wrong twice: at P = 1 the right side is 0, so that the straight line must be (1 - t) x0 + t y, and
the equation (2.64) from which U comes has the generator P-perp_t / (1 - t). Either correction alone does
not help, not even for a constant P, where the printed integral is -(1 - t) ln(1 - t) P-perp (x0 - y)
instead of t P-perp (x0 - y). With the generator P-perp the integral is the elementary
(1 - t)(U_{t,0} - 1)(x0 - y). Equivalently, the generator -P_t / (1 - t), the one of x~ - y itself, goes
with the same integral without the factor (1 - t)/(1 - t'). y = 0 would decide nothing: the output layer
puts x~ into the range of D, so that the outputs run straight to 0 at any rank and both sides vanish.

The first check lets the integrator accumulate the integral together with U; the second sums it up in t',
as it is written, by Gauss-Legendre quadrature. x~ comes from an integration in s.
"""

from collections.abc import Callable
from functools import lru_cache

import numpy as np
from scipy.integrate import solve_ivp

from geomdl import (
    MEAN_SQUARE,
    Dataset,
    Network,
    Problem,
    adapted_field,
    integrate,
    load_real_data,
    pseudoinverse,
    rank_loss,
)
from geomdl.propagators import ReparametrizedFlow, complement, interpolation_time, reparametrized_flow
from verification.chenewald2024.test_proposition_2_4 import MONOTONE, with_cost
from verification.machinery.checks import claim, variant
from verification.machinery.columns import ORBITS, Column
from verification.machinery.points import Point, Scene
from verification.machinery.ratios import Ratio, along_orbit, property_
from verification.scenes.networks import FULL_RANK, RANK_LOST, network_scene, rank_of

TAUS = (0.25, 0.5, 1.0, 1.5, 2.0, 3.0)
"""Times s/N at which paths are compared; t = 0.95 at the last."""

LEAST_SIGMA, LEAST_MOTION, ATTEMPTS = 5e-2, 0.2, 300
TIGHT = Column("float64@1e-12", "float64", 1e-12)
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


# K = QN = 6, and rank at most 5 for every theta: a last hidden layer of one neuron.
SMALLEST_LOSS = network_scene([1, 1, 2], "tanh", 3, rank=5, facts=["rank lost", "borderline"])
LIVING = tuple(living(scene) for scene in (SMALLEST_LOSS, *RANK_LOST, few_parameters(), narrow_iris()))


def projector_itself(projector: np.ndarray) -> np.ndarray:
    """Return P, the generator as printed in (2.60)."""
    return projector


def minus_projector(projector: np.ndarray) -> np.ndarray:
    """Return -P, the generator of x~ - y."""
    return -projector


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


@claim(
    "chenewald2024/proposition-2.5/a",
    scenes=(*LIVING, *FULL_RANK[:2]),
    columns=ORBITS,
    refuted=[variant("an orbit that ends in finite time", scenes=[MONOTONE])],
    controls=[
        variant("1 instead of P", projected=False),
        variant("the sign of growth", sign=1),
        variant("without 1/(1 - t)", power=0),
        variant("the cost |x - y|^2/N", scenes=[with_cost(LIVING[0], MEAN_SQUARE)]),
    ],
)
def test_constrained_flow_that_lives_for_all_times_satisfies_the_projected_equation_in_t(
    at: Point, projected: bool = True, sign: int = -1, power: int = 1
) -> Ratio:
    alive = at.orbit(end=TAUS[-1], events=[rank_loss(at.rank, 1e-6)])
    if alive.status != "completed":
        t = float(interpolation_time(alive.times[-1] / at.N))
        return property_(False, f"sigma_r / sigma_1 falls to 1e-6 at t = {t:.6f}")
    x0, y = at.arithmetic.to_float64(at.x), at.arithmetic.to_float64(at.y)

    def equation(t: float, p: np.ndarray, w: np.ndarray) -> np.ndarray:
        return sign * (p @ (w - y) if projected else w - y) / (1 - t) ** power

    return along_orbit(carried_in_t(at, x0, equation), outputs_in_s(at), rtol=at.rtol)


MENDED = variant("(1 - t) x0 + t y and P-perp in (2.60)", sign=1, generator=complement)


@claim(
    "chenewald2024/proposition-2.5/b",
    "chenewald2024/eq-2.64/b",
    scenes=LIVING,
    columns=(*ORBITS, TIGHT),
    refuted=[variant("as printed")],
    corrected=[MENDED],
    controls=[
        variant("only (1 - t) x0 + t y mended", sign=1),
        variant("only P-perp in (2.60) mended", generator=complement),
        variant("-P in (2.60) with the factor kept", sign=1, generator=minus_projector),
    ],
)
def test_deviation_from_the_straight_line_is_the_integral_over_the_propagator(
    at: Point, sign: int = -1, generator: Generator = projector_itself
) -> Ratio:
    flow = flow_of(at.scene, at.column, at.seed, generator, TAUS)
    t, y = flow.times[:, None], at.arithmetic.to_float64(at.y)
    deviations = outputs_in_s(at) - ((1 - t) * flow.start + sign * t * y)
    return along_orbit(deviations, flow.deviation_integrals, rtol=at.rtol)


PANELS = 16


def quadrature_in_t() -> tuple[np.ndarray, np.ndarray]:
    """Nodes and weights of a Gauss-Legendre rule in t whose panels are equally long in s."""
    edges = interpolation_time(np.linspace(0.0, TAUS[-1], PANELS + 1))
    points, weights = np.polynomial.legendre.leggauss(6)
    middles, halves = (edges[1:] + edges[:-1]) / 2, np.diff(edges) / 2
    return (middles[:, None] + halves[:, None] * points).ravel(), np.outer(halves, weights).ravel()


def decay(t: float, earlier: np.ndarray) -> np.ndarray:
    """Return the factor (1 - t)/(1 - t')."""
    return (1 - t) / (1 - earlier)


def no_factor(t: float, earlier: np.ndarray) -> np.ndarray:
    """Return 1."""
    return np.ones_like(earlier)


@claim(
    "chenewald2024/proposition-2.5/b",
    "chenewald2024/eq-2.64/b",
    scenes=LIVING[:2],
    columns=ORBITS[2:],
    refuted=[variant("as printed")],
    corrected=[
        MENDED,
        variant(
            "(1 - t) x0 + t y, -P in (2.60), no factor",
            sign=1,
            generator=minus_projector,
            factor=no_factor,
        ),
    ],
    controls=[
        variant("P-perp in (2.60), no factor", sign=1, generator=complement, factor=no_factor),
        variant(
            "P instead of P-perp beside x0 - y", sign=1, generator=complement, beside=projector_itself
        ),
        variant("U_{t',t}", sign=1, generator=complement, inverted=True),
    ],
)
def test_integral_over_the_propagator_as_written_in_t(
    at: Point,
    sign: int = -1,
    generator: Generator = projector_itself,
    factor: Callable[[float, np.ndarray], np.ndarray] = decay,
    beside: Generator = complement,
    inverted: bool = False,
) -> Ratio:
    nodes, weights = quadrature_in_t()
    flow = flow_of(at.scene, at.column, at.seed, generator, (*-np.log1p(-nodes), TAUS[-1]))
    t, y, last = flow.times[-1], at.arithmetic.to_float64(at.y), len(nodes)
    v, factors = flow.start - y, factor(t, nodes)
    integral = np.zeros_like(v)
    for k, weight in enumerate(weights):
        u = flow.propagator(k, last) if inverted else flow.propagator(last, k)
        integral += weight * factors[k] * (u @ (beside(flow.projectors[k]) @ v))
    deviation = outputs_in_s(at)[-1] - ((1 - t) * flow.start + sign * t * y)
    return along_orbit(deviation, integral, rtol=at.rtol)
