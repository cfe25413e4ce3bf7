"""Abstract and introduction: what the deformation of flows amounts to, and what it needs.

(a), (b) The family theta' = V_(theta, alpha) of Theorem 2.3 joins the standard and the adapted field,
and all its members vanish at the same theta. Any two fields are joined by a straight line; for flows,
which depend continuously on (alpha, theta_0), and for critical points that stay what they are, more is
needed: that the rank of D is constant around the orbits. Then

- theta(s) is Lipschitz continuous in (alpha, theta_0) on finite intervals of s, for every rank;
- at a critical point V is differentiable, and has equally many stable, unstable and neutral directions
  for all alpha: the linearization is -A_alpha H, H the Hessian, A_alpha positive on ran D^T.

Where the rank changes both break down for alpha > 0, however small. In x = W w t on the inputs -1, 1
with targets -1, 1, orbits that start on the two sides of w = -W pass the origin, where the rank drops
from 2 to 1, in finite time and part there: the time-s maps for alpha > 0 are no continuous functions of
theta_0, those of the standard flow are. At critical points of this kind V_(theta, alpha) is unbounded.

(c), (d) "Full rank" must mean rank QN along an orbit that lives for all s. At rank K < QN the outputs do
not run straight. At rank QN the orbit may end in finite time; for three inputs, one neuron and a peak
(0, 1, 0) as targets there is no global minimum at all: the infimum 1/12 of the cost is not attained.

(e) holds for every cost of theta through x, convex or not: |D|^-2 |grad_theta C| <= |V_(theta, 1)| <=
|D^+|^2 |grad_theta C|.

(f) There is such an expression, Proposition 2.5 in its corrected form, and a shorter one,

    x~(t) - ((1 - t) x_0 + t y) = (1 - t) (U_{t,0} - 1) (x_0 - y),   d/dt U = P-perp U / (1 - t),

as long as rank and orbit last. Like (2.60) it is explicit given the projectors along the orbit.
"""

from collections.abc import Callable

import numpy as np

from geomdl import MEAN_SQUARE, Problem, adapted_field, homotopy_field, standard_field
from geomdl.arithmetic import Array
from geomdl.flows import Field
from geomdl.propagators import complement
from verification.chen2023.orbit_laws import outputs_law
from verification.chenewald2024.collapse_laws import ended, watched_orbit
from verification.chenewald2024.constrained_gradients import problems
from verification.chenewald2024.families import gram_inverse, outside_of_range
from verification.chenewald2024.family_orbits import Family, deforms_continuously, homotopy, jumping
from verification.chenewald2024.matrices import plus
from verification.chenewald2024.output_orbits import (
    LIVING,
    TAUS,
    Generator,
    flow_of,
    outputs_in_s,
    projector_itself,
    with_cost,
)
from verification.chenewald2024.output_orbits import MONOTONE as ENDS
from verification.machinery.checks import claim, variant
from verification.machinery.columns import FLOAT64, MP50, ONLY_FLOAT64, ORBITS, RATIONAL
from verification.machinery.points import Point
from verification.machinery.ratios import Ratio, along_orbit, bound, property_
from verification.scenes.collapse import BALANCED
from verification.scenes.critical_exact import CRITICAL_RANK_LOST, DEAD_UNITS, MINIMUM, RANK_CHANGES
from verification.scenes.critical_points import CRITICAL as EQUILIBRIA
from verification.scenes.networks import (
    BORDERLINE,
    FULL_RANK,
    FULL_RANK_EXACT,
    RANK_LOST,
    SMALLEST,
    UNDER,
)
from verification.scenes.obstructed import MONOTONE, PEAK, XOR
from verification.scenes.pieces import squared
from verification.scenes.rank_loss import ISOLATED, LINEAR_SADDLE, QUARTIC_SADDLE
from verification.scenes.standard_flow import SADDLE

CONSTANT_RANK = (FULL_RANK[0], LIVING[0], LIVING[3], BALANCED)
"""Rank QN, rank below QN with a moving range, rank K < QN: constant around the orbits."""


@claim(
    "chenewald2024/abstract/a",
    "chenewald2024/abstract/b",
    "chenewald2024/slides/theorem-c-ewald-2024/b",
    scenes=CONSTANT_RANK,
    columns=ORBITS[2:],
    controls=[variant("a family that jumps", family=jumping)],
    refuted=[variant("the rank changes at the saddle between the orbits", scenes=[SADDLE])],
)
def test_orbits_depend_continuously_on_alpha_and_on_their_start(
    at: Point, family: Family = homotopy
) -> list[Ratio]:
    return [each for alpha in (0.0, 0.5, 1.0) for each in deforms_continuously(at, alpha, family)]


CRITICAL = (
    *CRITICAL_RANK_LOST[:2],
    DEAD_UNITS,
    MINIMUM,
    *EQUILIBRIA,
    QUARTIC_SADDLE,
    LINEAR_SADDLE,
)
"""Critical points near which the rank is constant: minima, saddles, dead units."""

STEP, ROUNDING, NEUTRAL = 2.0**-16, 1e-3, 1e-8
"""Central differences over STEP and STEP / 4 agree to ROUNDING, and eigenvalues that are 0 come out
below NEUTRAL, relative to the largest; the others are above 1e-6."""


def linearization(at: Point, field: Field, step: float) -> np.ndarray:
    """Return the derivative of a field at theta by central differences, shape (K, K)."""
    moves = step * np.eye(len(at.theta))
    differences = [field(at.problem, at.theta + e) - field(at.problem, at.theta - e) for e in moves]
    return np.array(differences).T / (2 * step)


def reversed_end(alpha: float, rank: int) -> Field:
    """Return the straight line from the standard field to the reversed adapted one."""

    def field(problem: Problem, theta: Array) -> Array:
        end = -adapted_field()(problem, theta)
        return (1 - alpha) * standard_field(problem, theta) + alpha * end

    return field


def any_rank(alpha: float, rank: int) -> Field:
    """Return V_(theta, alpha), with the rank of D decided at every theta and not imposed."""
    return homotopy_field(alpha)


@claim(
    "chenewald2024/abstract/b",
    "chenewald2024/slides/theorem-c-ewald-2024/b",
    scenes=CRITICAL,
    columns=ONLY_FLOAT64,
    controls=[variant("the line to the reversed adapted field", scenes=CRITICAL, family=reversed_end)],
    refuted=[variant("the rank of D changes", scenes=(*RANK_CHANGES, *ISOLATED))],
)
def test_critical_points_keep_their_stable_and_unstable_directions(
    at: Point, family: Family = any_rank
) -> list[Ratio]:
    ratios, counts = [], []
    for alpha in (0.0, 0.25, 0.5, 0.75, 1.0):
        field = family(alpha, at.rank)
        coarse, fine = (linearization(at, field, step) for step in (STEP, STEP / 4))
        gap, size = np.abs(coarse - fine).max(), np.abs(fine).max()
        ratios.append(bound(gap, ROUNDING * size, note=f"not differentiable at alpha {alpha}"))
        rates = np.linalg.eigvals(fine)
        real = rates.real / np.abs(rates).max()
        counts.append((int(np.sum(real < -NEUTRAL)), int(np.sum(real > NEUTRAL))))
    same = len(set(counts)) == 1
    return [*ratios, property_(same, f"stable and unstable directions {counts}")]


@claim(
    "chenewald2024/abstract/c",
    scenes=(*FULL_RANK, MONOTONE, *SMALLEST, BALANCED),
    columns=ORBITS,
    controls=[
        variant("the standard flow", field=standard_field),
        variant("t = 1 - e^(-2s/N)", rate=2.0),
        variant("the cost |x - y|^2 / N in the same time", scenes=[with_cost(BALANCED, MEAN_SQUARE)]),
    ],
    refuted=[
        variant("full rank K < QN", scenes=[LIVING[3]]),
        variant("full rank along an orbit that ends in finite time", scenes=[ENDS, PEAK, XOR]),
    ],
)
def test_outputs_interpolate_between_their_start_and_the_targets(
    at: Point, field: Field | None = None, rate: float = 1.0
) -> Ratio:
    orbit = watched_orbit(at, field)
    # x - y = e^(-rate s/N) (x_0 - y) is x~ = (1 - t) x_0 + t y in the time t = 1 - e^(-rate s/N).
    return outputs_law(at, orbit, rate) if orbit.status == "completed" else ended(at, orbit)


@claim(
    "chenewald2024/abstract/d",
    scenes=(*FULL_RANK, MONOTONE, *SMALLEST, BALANCED),
    columns=ORBITS,
    controls=[
        variant("rank below QN", scenes=[LIVING[0], LIVING[1]]),
        variant("the standard flow into a saddle", scenes=[SADDLE], field=standard_field),
    ],
    refuted=[
        variant("full rank K < QN", scenes=[LIVING[3]]),
        variant("full rank along an orbit that ends in finite time", scenes=[PEAK, XOR]),
    ],
)
def test_cost_tends_to_its_global_minimum_zero(at: Point, field: Field | None = None) -> Ratio:
    orbit = watched_orbit(at, field, end=18.0)
    if orbit.status != "completed":
        return ended(at, orbit)
    scale = (np.abs(orbit.outputs()[0]).max() + np.abs(at.arithmetic.to_float64(at.y)).max()) ** 2
    return along_orbit(orbit.costs()[-1], 0.0, rtol=at.rtol, scale=scale * len(at.y) / at.N)


def adapted(at: Point, gradient: Array) -> Array:
    """Return (D^T D)^+ grad_theta C."""
    return gram_inverse(at) @ gradient


def beside_the_rows(at: Point, gradient: Array) -> Array:
    """Return the part of grad_theta C outside of the range of D^T."""
    return gradient - plus(at) @ (at.D @ gradient)


WITH_KERNEL = (*FULL_RANK[:2], *FULL_RANK_EXACT[:1], *RANK_LOST)


@claim(
    "chenewald2024/abstract/e",
    scenes=(*FULL_RANK[:2], *FULL_RANK_EXACT, *RANK_LOST, *UNDER[:2], *BORDERLINE, DEAD_UNITS),
    columns=(FLOAT64, MP50, RATIONAL),
    controls=[
        variant("a linear function of theta added to the cost", scenes=WITH_KERNEL, weight=2**20),
        variant("the complementary projector", scenes=WITH_KERNEL, field=beside_the_rows),
    ],
)
def test_both_fields_are_comparable_for_every_cost_of_the_outputs(
    at: Point, field: Callable[[Point, Array], Array] = adapted, weight: int = 0
) -> list[Ratio]:
    t, s, ratios = squared(at.D), squared(plus(at)), []
    for problem in problems(at):
        gradient = problem.gradient(at.theta)
        if weight:
            gradient = gradient + weight * outside_of_range(at)
        other = field(at, gradient)
        # Squares, and 2 for the rounding.
        ratios += [
            bound(squared(other), 2 * s**2 * squared(gradient), note=f"adapted, {problem.cost.name}"),
            bound(squared(gradient), 2 * t**2 * squared(other), note=f"standard, {problem.cost.name}"),
        ]
    return ratios


Segment = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]


def straight_line(t: np.ndarray, start: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return (1 - t) x_0 + t y."""
    return (1 - t) * start + t * y


def printed_line(t: np.ndarray, start: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return (1 - t) x_0 - t y, as printed in (2.59)."""
    return (1 - t) * start - t * y


@claim(
    "chenewald2024/abstract/f",
    scenes=LIVING,
    columns=ORBITS,
    controls=[
        variant("the line of (2.59) and the generator of (2.60) as printed", scenes=LIVING,
                line=printed_line, generator=projector_itself),
        variant("the line of (2.59) as printed", line=printed_line),
        variant("the generator of (2.60) as printed", generator=projector_itself),
        variant("no deviation", scenes=LIVING, share=0.0),
    ],
)  # fmt: skip
def test_deviation_from_linear_interpolation_is_given_by_the_propagator(
    at: Point,
    line: Segment = straight_line,
    generator: Generator = complement,
    share: float = 1.0,
) -> list[Ratio]:
    flow = flow_of(at.scene, at.column, at.seed, generator, TAUS)
    t, y = flow.times[:, None], at.arithmetic.to_float64(at.y)
    deviations = outputs_in_s(at) - line(t, flow.start, y)
    turned = flow.propagators @ (flow.start - y)  # U_(t,0) (x_0 - y)
    elementary = (1 - t) * (turned - (flow.start - y))
    return [
        along_orbit(deviations, share * flow.deviation_integrals, rtol=at.rtol, note="the integral"),
        along_orbit(deviations, share * elementary, rtol=at.rtol, note="integrated"),
    ]
