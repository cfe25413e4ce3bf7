"""(2.48)-(2.50): Euclidean gradient flow of C = |x - y|^2 / (2N), its solution and its limit.

Where the rank of D is QN <= K the adapted flow (2.27) moves the outputs by x' = -grad_x C, (2.47). For
this cost x' = -(x - y)/N; the text prints (2.49) without the minus sign, which none of its solutions
x(s) = y + e^(-s/N) (x(0) - y) satisfies unless x(0) = y. The solutions tend to y, whatever the vector y.
"""

from collections.abc import Sequence

import numpy as np
from scipy.integrate import solve_ivp

from geomdl import Dataset, Event, Network, Problem, adapted_field, blow_up, rank_loss
from geomdl.arithmetic import Array
from verification.machinery.checks import claim, variant
from verification.machinery.columns import ALGEBRAIC, ORBITS
from verification.machinery.points import Point, Scene
from verification.machinery.ratios import Ratio, along_orbit, identity
from verification.scenes.networks import (
    BORDERLINE,
    FULL_RANK,
    FULL_RANK_EXACT,
    RANK_LOST,
    SMALLEST,
    inside_window,
)

END, LATE = 5.0, 24.0
"""Times in units of N: e^(-24) is below the finest tolerance."""


def cost(at: Point, x: Array, y: Array) -> Array:
    """Return (2.48), |x - y|^2 / (2N)."""
    return ((x - y) ** 2).sum() / at.number(2 * at.N)


def gradient(at: Point, x: Array, y: Array) -> Array:
    """Differentiate (2.48): central differences of step 1 are exact for a quadratic."""
    units = at.eye(len(x))
    return at.arithmetic.stack([(cost(at, x + e, y) - cost(at, x - e, y)) / at.number(2) for e in units])


@claim(
    "chenewald2024/eq-2.48-2.50/a",
    scenes=(*FULL_RANK[:3], *FULL_RANK_EXACT, *BORDERLINE, *SMALLEST),
    columns=ALGEBRAIC,
    refuted=[variant("the sign as printed", scenes=SMALLEST)],
    corrected=[variant("the sign of descent", sign=-1)],
    controls=[
        variant("1/(2N)", scenes=FULL_RANK[:2], sign=-1, factor=2),
        variant("rate 1 instead of 1/N", scenes=FULL_RANK[:2], sign=-1, power=0),
        variant("rank below QN", scenes=RANK_LOST, sign=-1),
    ],
)
def test_euclidean_gradient_flow_has_rate_one_over_N(
    at: Point, sign: int = 1, factor: int = 1, power: int = 1
) -> list[Ratio]:
    law = at.number(sign, factor * at.N**power) * (at.x - at.y)
    steps = at.arithmetic.largest(at.x - at.y) + 1
    velocity = at.at_theta.push(adapted_field()(at.problem, at.theta))
    return [
        identity(-gradient(at, at.x, at.y), law, scale=steps**2, size=at.size, note="-grad_x C"),
        identity(velocity, law, size=at.size, condition=at.kappa, note="x' along (2.27)"),
    ]


def euclidean_orbit(
    at: Point, y: np.ndarray, end: float, sign: int = -1
) -> tuple[np.ndarray, np.ndarray]:
    """Integrate x' = sign grad_x C from the outputs of the scene: times and states, in float64."""

    def velocity(_: float, x: np.ndarray) -> np.ndarray:
        return sign * (x - y) / at.N

    start = at.arithmetic.to_float64(at.x)
    result = solve_ivp(
        velocity, (0.0, end * at.N), start, method="DOP853", rtol=at.rtol, atol=at.rtol * 1e-3
    )
    return result.t, result.y.T


def any_vector(at: Point) -> np.ndarray:
    """Draw a vector in the place of the targets: it need not be an output of the network."""
    return at.arithmetic.to_float64(at.x + at.random(len(at.x)))


def solution(times: np.ndarray, start: np.ndarray, y: np.ndarray, n: float) -> np.ndarray:
    """Return (2.50), y + e^(-s/N) (x(0) - y), one row a time."""
    return y + np.exp(-times / n)[:, None] * (start - y)


@claim(
    "chenewald2024/eq-2.48-2.50/b",
    scenes=(*FULL_RANK, *SMALLEST),
    columns=ORBITS,
    controls=[
        variant("(2.49) with its printed sign", scenes=FULL_RANK[:2], sign=1),
        variant("rate 2/N", scenes=FULL_RANK[:2], rate=2),
        variant("rate 1 instead of 1/N", scenes=FULL_RANK[:2], power=0),
        variant("rank below QN", scenes=RANK_LOST, events=(rank_loss(6, ratio=1e-5), blow_up(1e3))),
    ],
)
def test_outputs_follow_the_printed_solution(
    at: Point, sign: int = -1, rate: float = 1, power: int = 1, events: Sequence[Event] = ()
) -> list[Ratio]:
    n, y = at.N**power / rate, any_vector(at)
    times, states = euclidean_orbit(at, y, END, sign)
    orbit, targets = at.orbit(end=END, events=events), at.arithmetic.to_float64(at.y)
    outputs = orbit.outputs()
    return [
        along_orbit(states, solution(times, states[0], y, n), rtol=at.rtol, note="in output space"),
        along_orbit(outputs, solution(orbit.times, outputs[0], targets, n), rtol=at.rtol, note="(2.27)"),
    ]


def zigzag(generator: np.random.Generator) -> tuple[Problem, np.ndarray]:
    """Draw one unit that shall produce targets going up and down, of which its outputs stay away."""
    network = Network([1, 1, 1], "tanh")
    inputs = np.linspace(-1.5, 2.0, 4)[:, None]
    targets = np.array([[1.0], [-1.0], [1.0], [-1.0]])
    return Problem(network, Dataset.regression(inputs, targets)), network.random_theta(generator)


UNREACHABLE = Scene("1-1-1-tanh-N4-zigzag", inside_window(zigzag, 4, "1-1-1-tanh-N4-zigzag"))
"""K = QN = 4 and D invertible at the start; outputs of one unit are monotone in the input."""


@claim(
    "chenewald2024/eq-2.48-2.50/c",
    scenes=(*FULL_RANK, *SMALLEST),
    columns=ORBITS,
    controls=[
        variant("(2.49) with its printed sign", scenes=FULL_RANK[:2], sign=1),
        variant("the limit is half way", scenes=FULL_RANK[:2], fraction=0.5),
        variant("rank below QN", scenes=RANK_LOST, events=(rank_loss(6, ratio=1e-5), blow_up(1e3))),
        variant(
            "y outside the closure of the image: no orbit for all s",
            scenes=(UNREACHABLE,),
            events=(rank_loss(4, ratio=1e-5), blow_up(1e3)),
        ),
    ],
)
def test_outputs_tend_to_y(
    at: Point, sign: int = -1, fraction: float = 1.0, events: Sequence[Event] = ()
) -> list[Ratio]:
    y, orbit = any_vector(at), at.orbit(end=LATE, events=events)
    _, states = euclidean_orbit(at, y, 2 * LATE, sign)
    ratios = []
    for trained, start, limit in ((states[-1], states[0], y), (orbit.outputs()[-1], at.x, at.y)):
        start, limit = at.arithmetic.to_float64(start), at.arithmetic.to_float64(limit)
        limit = start + fraction * (limit - start)
        scale = np.abs(np.concatenate([start, limit])).max()
        ratios.append(along_orbit(trained, limit, rtol=at.rtol, scale=scale))
    return ratios
