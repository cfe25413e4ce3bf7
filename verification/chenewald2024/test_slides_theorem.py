"""Theorem (C-Ewald 2024) of the talk: the family printed with Pen[D] Pen[D^T], and its end at alpha = 1.

(a) Pen[D] Pen[D^T] grad_theta C and grad_theta C vanish together, at every rank, with Moore-Penrose
inverses. The formula of the slides, Pen[A] = A^T (A A^T)^-1, gives no operator: at K > QN the matrix
D^T D is singular, and so is D D^T where rank is lost. It serves at K = QN only. (e) With Moore-Penrose
inverses the product is (D^T D)^+, at every rank.

(b) is decided with the abstract of the paper, in test_abstract.

(c) In t = 1 - e^(-s/N) the outputs are (1 - t) x_0 + t y. The end point is printed y_alpha, which is not
defined (alpha is the parameter of the family, here 1); it must be y_omega, the vector of all targets.
The time belongs to the cost |x - y|^2 / (2N) of the slides. That t runs up to 1 needs an orbit for all
times.

(d) x~(0) = x[theta_0].

Straight lines: along the whole family orbits deform continuously, up to any finite s, and those at
alpha = 1 run on straight lines to the targets, if the rank of D is QN along all of them, and the last
one exists for all s. Full rank along the standard flow is not enough: from w = -W in x = W w t it lasts
for ever, and the outputs tend to 0 while the targets are -1, 1; the orbits for alpha > 0 lose the rank
in finite time.
"""

from collections.abc import Callable

import numpy as np

from geomdl import MEAN_SQUARE, Event, homotopy_field, integrate, rank_loss
from geomdl.arithmetic import Array
from verification.chen2023.equilibria import at_most
from verification.chen2023.orbit_laws import STILL_FULL, outputs_law
from verification.chenewald2024.collapse_laws import ended
from verification.chenewald2024.families import approaches, gram_inverse, outside_of_range
from verification.chenewald2024.family_orbits import (
    Family,
    deforms_continuously,
    family_orbit,
    homotopy,
    jumping,
)
from verification.chenewald2024.matrices import SQUARED
from verification.chenewald2024.output_orbits import MONOTONE as ENDS
from verification.chenewald2024.output_orbits import with_cost
from verification.machinery.checks import claim, variant
from verification.machinery.columns import FLOAT64, MP50, ORBITS, RATIONAL
from verification.machinery.points import Point
from verification.machinery.ratios import Ratio, along_orbit, identity, property_
from verification.scenes.collapse import BALANCED, UNBALANCED
from verification.scenes.critical_exact import CRITICAL
from verification.scenes.matrices import DEFICIENT, FULL_ROW_RANK
from verification.scenes.networks import BORDERLINE, FULL_RANK, FULL_RANK_EXACT, RANK_LOST, SMALLEST
from verification.scenes.obstructed import MONOTONE, PEAK, XOR
from verification.scenes.pieces import moore_penrose, pull, squared
from verification.scenes.standard_flow import SADDLE
from verification.slides2024.pen_readings import Penrose, by_formula, penrose_field

WIDE = (*FULL_RANK[:2], *FULL_RANK_EXACT)
BY_FORMULA = variant("Pen[D^T] by the formula for Pen", scenes=WIDE, pen=by_formula)


@claim(
    "chenewald2024/slides/theorem-c-ewald-2024/e",
    "chenewald2024/slides/theorem-c-ewald-2024/b",
    scenes=(*FULL_RANK[:2], *FULL_RANK_EXACT, *FULL_ROW_RANK, *BORDERLINE, *DEFICIENT, *RANK_LOST),
    columns=SQUARED,
    controls=[
        variant("D in the place of Pen[D^T]", scenes=WIDE, second=lambda at, pen: at.D),
        variant("D^T in the place of Pen[D]", scenes=WIDE, first=lambda at, pen: at.D.T),
        variant("Pen[D] twice, K = QN", scenes=BORDERLINE[1:], second=lambda at, pen: pen(at, at.D)),
    ],
    refuted=[BY_FORMULA],
)
def test_product_of_both_inverses_is_the_inverse_of_the_metric(
    at: Point,
    pen: Penrose = moore_penrose,
    first: Callable[[Point, Penrose], Array] = lambda at, pen: pen(at, at.D),
    second: Callable[[Point, Penrose], Array] = lambda at, pen: pen(at, at.D.T),
) -> Ratio:
    product = first(at, pen) @ second(at, pen)
    return identity(product, gram_inverse(at), size=at.size, condition=at.kappa**2)


@claim(
    "chenewald2024/slides/theorem-c-ewald-2024/a",
    scenes=(*CRITICAL, *WIDE, *RANK_LOST, *BORDERLINE, *DEFICIENT[1:]),
    columns=(FLOAT64, MP50, RATIONAL),
    controls=[
        variant("a cost of theta and x", scenes=CRITICAL[:6], added=outside_of_range),
        variant("-grad_x C pulled by nothing", scenes=CRITICAL[:3], outputs_only=True),
    ],
    refuted=[
        BY_FORMULA,
        variant("rank lost, both by the formula", scenes=[*CRITICAL[:3], *RANK_LOST], pen=by_formula),
    ],
)
def test_standard_and_modified_flow_rest_at_the_same_points(
    at: Point,
    pen: Penrose = moore_penrose,
    added: Callable[[Point], Array] | None = None,
    outputs_only: bool = False,
) -> list[Ratio]:
    first, second = pen(at, at.D), pen(at, at.D.T)
    t, s, ratios = squared(at.D), squared(first), []
    for g in approaches(at):
        standard = pull(at, g) + (added(at) if added else 0)
        modified = g if outputs_only else first @ (second @ standard)
        ratios += [
            at_most(at, modified, s**2, standard, s, "modified against standard"),
            at_most(at, standard, t**2, modified, t, "standard against modified"),
        ]
    return ratios


End = Callable[[Point], np.ndarray]


def all_targets(at: Point) -> np.ndarray:
    """Return y_omega."""
    return at.arithmetic.to_float64(at.y)


def one_class_target(at: Point) -> np.ndarray:
    """Return the target of one class for all samples: y_alpha read as y_1, a vector of R^Q."""
    return np.tile(at.arithmetic.to_float64(at.problem.data.targets)[0], at.N)


INTERPOLATION = ("chenewald2024/slides/theorem-c-ewald-2024/c", "slides2024/linear-interpolation/a")


@claim(
    *INTERPOLATION,
    scenes=(*FULL_RANK[:3], MONOTONE, *SMALLEST, BALANCED, UNBALANCED),
    columns=ORBITS[1:],
    controls=[
        variant("the target of one class for all samples", scenes=[BALANCED, UNBALANCED],
                target=one_class_target),
        variant("t = 1 - e^(-2s/N)", rate=2.0),
        variant("the cost |x - y|^2 / N", scenes=[with_cost(BALANCED, MEAN_SQUARE)]),
        variant("alpha = 1/2", alpha=0.5),
    ],
    refuted=[
        variant("Pen[D^T] by the formula for Pen", scenes=FULL_RANK[:3], pen=by_formula),
        variant("an orbit of full rank that ends in finite time", scenes=[ENDS, PEAK, XOR]),
    ],
)  # fmt: skip
def test_flow_at_alpha_one_interpolates_linearly_up_to_all_targets(
    at: Point,
    pen: Penrose = moore_penrose,
    target: End = all_targets,
    rate: float = 1.0,
    alpha: float = 1.0,
) -> Ratio:
    field = penrose_field(at, pen) if alpha == 1 else homotopy_field(alpha)
    watch: list[Event] = [rank_loss(at.rank, STILL_FULL)]
    orbit = at.orbit(field, end=6.0, events=watch)
    if orbit.status != "completed":
        return ended(at, orbit)
    t, x, y = -np.expm1(-rate * orbit.times / at.N)[:, None], orbit.outputs(), target(at)
    scale = max(np.abs(x[0]).max(), np.abs(all_targets(at)).max())
    return along_orbit(x, (1 - t) * x[0] + t * y, rtol=at.rtol, scale=scale)


Clock = Callable[[float, int], float]


def printed_clock(t: float, samples: int) -> float:
    """Return s = -N ln(1 - t)."""
    return float(-samples * np.log1p(-t))


@claim(
    "chenewald2024/slides/theorem-c-ewald-2024/d",
    "slides2024/linear-interpolation/a",
    scenes=(*FULL_RANK[:3], *SMALLEST, BALANCED),
    columns=ORBITS[1:],
    controls=[
        variant("s = -N ln(t)", clock=lambda t, samples: float(-samples * np.log(t))),
        variant("s = N - N ln(1 - t)", clock=lambda t, samples: samples + printed_clock(t, samples)),
        variant("s = -N ln(1/2 - t)", clock=lambda t, samples: printed_clock(0.5 + t, samples)),
    ],
)
def test_reparametrized_path_begins_at_the_outputs_of_the_initial_parameters(
    at: Point, clock: Clock = printed_clock
) -> Ratio:
    # x~ is linear in t: continued from t = 1/16 and 1/8 back to t = 0.
    early, late = (clock(t, at.N) for t in (1 / 16, 1 / 8))
    orbit = integrate(
        at.problem,
        penrose_field(at, moore_penrose),
        at.theta,
        max(early, late),
        rtol=at.rtol,
        times=[min(early, late)],
    )
    outputs, start = orbit.outputs(), at.arithmetic.to_float64(at.x)
    x = [outputs[int(np.argmin(np.abs(orbit.times - s)))] for s in (early, late)]
    scale = max(np.abs(start).max(), np.abs(all_targets(at)).max())
    return along_orbit(2 * x[0] - x[1], start, rtol=at.rtol, scale=scale)


FAMILY = (1.0, 0.5, 0.0)


@claim(
    "chenewald2024/slides/straight-lines/a",
    "slides2024/neural-collapse/b",
    scenes=(FULL_RANK[0], BALANCED, BORDERLINE[0]),
    columns=ORBITS[2:],
    controls=[
        variant("a family that jumps", family=jumping),
        variant("the end at alpha = 1/2", end=0.5),
        variant("t = 1 - e^(-2s/N)", rate=2.0),
    ],
    refuted=[
        variant("the orbit at alpha = 1 ends", scenes=[PEAK, XOR]),
        variant("full rank along the standard flow only", scenes=[SADDLE]),
    ],
)
def test_standard_flow_is_deformed_into_straight_lines_to_the_targets(
    at: Point, family: Family = homotopy, end: float = 1.0, rate: float = 1.0
) -> list[Ratio]:
    orbits = {}
    for alpha in FAMILY:
        orbits[alpha] = family_orbit(at, alpha)
        if orbits[alpha].status != "completed":
            return [property_(False, f"alpha = {alpha}: {orbits[alpha].message}")]
    deformed = [each for alpha in (0.0, 0.5, 1.0) for each in deforms_continuously(at, alpha, family)]
    return [*deformed, outputs_law(at, orbits[end], rate)]
