"""Section 1.3: the Euclidean gradient flow in output space, its solution and its limit.

x' = -grad_x C[x], C = |x - y|^2 / (2N), has x(s) - y = e^(-s/N) (x(0) - y) and
C[x(s)] = e^(-2s/N) C[x(0)]; both tend to their unique global minimum.
"""

from typing import Any

import numpy as np
from scipy.integrate import solve_ivp

from geomdl import LEAST_SQUARES
from geomdl.arithmetic import Array
from verification.chen2023.orbit_laws import COMPARED, comparison_orbit
from verification.machinery.checks import claim, variant
from verification.machinery.columns import ALGEBRAIC, ORBITS
from verification.machinery.points import Point
from verification.machinery.ratios import Ratio, along_orbit, identity, property_
from verification.scenes.networks import FULL_RANK


@claim(
    "chen2023/output-flow/a",
    "slides2024/euclidean-output-flow/a",
    scenes=COMPARED,
    columns=ALGEBRAIC,
    controls=[
        variant("rate 2/N", numerator=2),
        variant("rate 1 instead of 1/N", power=0),
        variant("the sign of growth", numerator=-1),
    ],
)
def test_each_output_relaxes_to_its_target_at_rate_one_over_N(
    at: Point, numerator: int = 1, power: int = 1
) -> Ratio:
    velocity = -at.problem.cost.gradient(at.problem.data, at.x).reshape(at.N, -1)
    targets = at.problem.data.targets[at.problem.data.labels]
    errors = at.at_theta.outputs - targets
    return identity(velocity, -at.number(numerator, at.N**power) * errors)


@claim(
    "chen2023/output-flow/b",
    "slides2024/euclidean-output-flow/a",
    scenes=COMPARED,
    columns=ORBITS,
    controls=[variant("rate 2/N", rate=2), variant("no division by N", rate=3.5)],
)
def test_outputs_approach_targets_along_straight_lines(at: Point, rate: float = 1) -> Ratio:
    times, states, targets = comparison_orbit(at)
    decay = np.exp(-rate * times / at.N)[:, None]
    return along_orbit(states - targets, decay * (states[0] - targets), rtol=at.rtol)


@claim(
    "chen2023/output-flow/c",
    scenes=COMPARED,
    columns=ORBITS,
    controls=[variant("rate 1/N", rate=1), variant("rate 4/N", rate=4)],
)
def test_cost_decays_at_twice_the_rate(at: Point, rate: float = 2) -> Ratio:
    times, states, targets = comparison_orbit(at)
    costs = np.sum((states - targets) ** 2, axis=1) / (2 * at.N)
    predicted = np.exp(-rate * times / at.N) * costs[0]
    # The error of x is a fixed multiple of the tolerance while x - y decays like e^(-s/N).
    return along_orbit(costs / predicted, np.ones_like(costs), rtol=at.rtol, growth=np.exp(times / at.N))


@claim(
    "chen2023/output-flow/d",
    scenes=FULL_RANK,
    columns=ORBITS,
    controls=[variant("a cost that is not quadratic", power=4)],
)
def test_rates_do_not_depend_on_initial_data(at: Point, power: int = 2) -> Ratio:
    def final_decay(stretch: float) -> float:
        # |x - y|^power / (power N): only power 2 has a rate that no initial distance enters.
        targets = at.arithmetic.to_float64(at.y)
        start = stretch * (at.arithmetic.to_float64(at.x) - targets)

        def velocity(_: float, error: np.ndarray) -> np.ndarray:
            return -(np.linalg.norm(error) ** (power - 2)) * error / at.N

        result = solve_ivp(
            velocity,
            (0.0, 2.0 * at.N),
            start,
            method="DOP853",
            rtol=at.rtol,
            atol=at.rtol * 1e-3 * stretch,
        )
        return float(np.linalg.norm(result.y[:, -1]) / np.linalg.norm(start))

    decays = [final_decay(stretch) for stretch in (0.25, 1.0, 30.0)]
    return along_orbit(decays, [decays[0]] * len(decays), rtol=at.rtol)


@claim(
    "chen2023/output-flow-limit/a",
    "chen2023/output-flow-limit/b",
    scenes=COMPARED,
    columns=ORBITS,
    controls=[variant("the limit is half way to the targets", fraction=0.5)],
)
def test_comparison_flow_converges_to_the_targets_with_cost_zero(
    at: Point, fraction: float = 1.0
) -> list[Ratio]:
    _, states, targets = comparison_orbit(at, end=40.0)
    limit = states[0] + fraction * (targets - states[0])
    scale = max(np.abs(states[0]).max(), np.abs(targets).max())
    distance = along_orbit(states[-1], limit, rtol=at.rtol, scale=scale)
    data = at.problem.data
    cost = float(LEAST_SQUARES.value(data, at.arithmetic.array(states[-1])))
    at_limit = float(LEAST_SQUARES.value(data, at.arithmetic.array(limit)))
    return [distance, along_orbit([cost, at_limit], [0.0, 0.0], rtol=at.rtol, scale=scale**2)]


@claim(
    "chen2023/output-flow-limit/c",
    scenes=COMPARED,
    columns=ALGEBRAIC,
    controls=[variant("minimizer moved away from the targets", shift=1)],
)
def test_targets_are_the_unique_global_minimizer(at: Point, shift: int = 0) -> list[Ratio]:
    cost, data = at.problem.cost, at.problem.data
    minimizer = at.y + at.number(shift)
    away = at.random(len(at.y)) + at.number(1, 128)
    expected = (away * away).sum() / at.number(2 * at.N)
    return [
        property_(cost.value(data, minimizer) == 0, "the cost vanishes at the minimizer"),
        property_(cost.value(data, minimizer + away) > 0, "and nowhere else"),
        identity(cost.value(data, at.y + away), expected, size=len(at.y), note="it grows as |x - y|^2"),
    ]


@claim(
    "chen2023/output-flow-limit/d",
    scenes=COMPARED,
    columns=ALGEBRAIC,
    controls=[variant("distance instead of squared distance", convex=False, scenes=FULL_RANK[:1])],
)
def test_cost_is_strictly_convex(at: Point, convex: bool = True) -> list[Ratio]:
    def value(error: Array) -> Any:
        square = (error * error).sum() / at.number(2 * at.N)
        return square if convex else at.arithmetic.sqrt(square)

    start, step = at.random(len(at.y)), at.random(len(at.y)) + at.number(1, 128)
    if not convex:
        step = start  # along its rays the distance is linear: convex, but not strictly
    half = at.number(1, 2)
    middle = value(start + half * step)
    chord = half * value(start) + half * value(start + step)
    size = len(at.y)
    return [
        property_(
            chord - middle > 100 * size * at.arithmetic.unit_roundoff * chord, "strict inequality"
        ),
        identity(
            chord - middle, value(step) / 4, scale=chord, size=size, note="modulus of convexity 1/N"
        ),
    ]
