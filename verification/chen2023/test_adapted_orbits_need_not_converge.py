"""Section 2.2, opening sentence: the cost converges along the adapted flow, the parameters need not.

(a) With rank QN along the orbit C = e^(-2s/N) C_0, for as long as the orbit lives. That it lives for all
s >= 0 is to be assumed beside the rank (compare chen2023/adapted-flow-output/c): in PEAK and XOR it ends
before, at full rank.

(b) W (w t + b)^2 + c with inputs and targets -1, 0, 1 (PARABOLA). In the coefficients A = W w^2, B = 2
W w b and G = W b^2 + c of the outputs A t^2 + B t + G, full rank says A != 0, and along the adapted
flow A, B - 1 and G decay like e^(-s/N). So the rank is QN for all s >= 0, w^2 + b^2 - 2 W^2 is
conserved, which keeps the orbit from ending in finite time, and x -> y; but theta has no limit: there
A = 0 and B = 1, which no theta has. Explicitly c = G - B^2 / (4 A) grows like e^(s/N).
"""

import numpy as np

from geomdl import Orbit, rank_loss, standard_field
from geomdl.flows import Field
from verification.chen2023.orbit_laws import STILL_FULL, cost_law
from verification.machinery.checks import claim, variant
from verification.machinery.columns import ALL_ORBITS, ORBITS
from verification.machinery.points import Point
from verification.machinery.ratios import Ratio, along_orbit, bound, property_
from verification.scenes.networks import FULL_RANK, FULL_RANK_EXACT, SMALLEST
from verification.scenes.obstructed import MONOTONE, PEAK, XOR
from verification.scenes.real_data import TRAINING
from verification.scenes.standard_flow import PARABOLA

END = 6.0
SHORT = 2.5
TIMES = (0.5, 1.0, 1.5, 2.0)


@claim(
    "chen2023/adapted-orbits-need-not-converge/a",
    scenes=(*FULL_RANK, MONOTONE, *SMALLEST, *TRAINING[:2]),
    columns=ALL_ORBITS,
    controls=[
        variant("the standard flow", field=standard_field),
        variant("rate 1/N", rate=1.0),
    ],
    refuted=[variant("the orbit ends at full rank", scenes=(PEAK, XOR))],
)
def test_cost_converges_exponentially_to_zero_along_orbits_that_live_for_all_times(
    at: Point, field: Field | None = None, rate: float = 2.0
) -> list[Ratio]:
    boundary = [rank_loss(at.rank, STILL_FULL)] if at.scene in (PEAK, XOR) else []
    orbit = at.orbit(field, end=END, events=boundary)
    if orbit.status != "completed":
        return [property_(False, f"the cost stays at {orbit.costs()[-1]:.3g}: {orbit.message}")]
    return [cost_law(at, orbit, rate)]


def coefficients(theta: np.ndarray) -> tuple[float, float, float]:
    """Return A, B, G of W (w t + b)^2 + c."""
    w, b, outgoing, c = theta
    return outgoing * w * w, 2 * outgoing * w * b, outgoing * b * b + c


def predicted_bias(at: Point, times: np.ndarray, limit: float = 1.0) -> np.ndarray:
    """Return c = G - B^2 / (4 A) from A = A_0 e^-s, B = 1 + (B_0 - 1) e^-s, G = G_0 e^-s."""
    a, slope, constant = coefficients(at.arithmetic.to_float64(at.theta))
    decay = np.exp(-times / at.N)
    return constant * decay - (limit + (slope - limit) * decay) ** 2 / (4 * a * decay)


def _adapted(at: Point) -> Orbit:
    return at.orbit(end=SHORT, times=TIMES)


@claim(
    "chen2023/adapted-orbits-need-not-converge/b",
    scenes=[PARABOLA],
    columns=ORBITS,
    controls=[
        variant("targets that are attained: B tends to 0", limit=0.0),
        variant("the standard flow", field=standard_field),
    ],
)
def test_parameters_run_away_exponentially_while_the_outputs_reach_the_targets(
    at: Point, limit: float = 1.0, field: Field | None = None
) -> list[Ratio]:
    orbit = _adapted(at) if field is None else at.orbit(field, end=SHORT, times=TIMES)
    w, _, outgoing, c = orbit.thetas.T
    known, quadratic = (
        predicted_bias(at, orbit.times, limit),
        coefficients(at.arithmetic.to_float64(at.theta))[0],
    )
    decay = np.exp(-orbit.times / at.N)
    # an error of the tolerance in A is one of e^(s/N) relative, squared in c
    growth = np.exp(2 * orbit.times / at.N)
    return [
        along_orbit(c, known, rtol=at.rtol, scale=float(np.abs(known).max()), growth=growth, note="c"),
        along_orbit(outgoing * w**2, quadratic * decay, rtol=at.rtol, scale=1.0, note="A, the rank"),
        cost_law(at, orbit),
    ]


@claim(
    "chen2023/adapted-orbits-need-not-converge/b",
    scenes=[PARABOLA],
    columns=ORBITS,
    controls=[variant("orbits that converge", scenes=(FULL_RANK[0], FULL_RANK_EXACT[0], MONOTONE))],
)
def test_steps_of_equal_length_become_longer_and_longer(at: Point) -> list[Ratio]:
    orbit = _adapted(at)
    chosen = [int(np.argmin(np.abs(orbit.times - time * at.N))) for time in (*TIMES, SHORT)]
    lengths = np.linalg.norm(np.diff(orbit.thetas[chosen], axis=0), axis=1)
    sigma = np.linalg.svd(
        orbit.problem.linearize(at.arithmetic.array(orbit.end)).jacobian(), compute_uv=False
    )
    return [
        property_(bool(np.all(np.diff(lengths) > 0)), f"|theta(s + N/2) - theta(s)| = {lengths}"),
        property_(bool(sigma[-1] > 0), "rank QN at the end"),
        bound(np.exp(-2 * SHORT) * 0.5, orbit.costs()[-1] / orbit.costs()[0], note="not yet at rest"),
    ]
