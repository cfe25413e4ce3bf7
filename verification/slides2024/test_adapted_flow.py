"""Theorem (C 2024) of the talk: the modified flow, printed with Pen[D] Pen[D^T], and its rates.

theta' = -Pen[D] Pen[D^T] grad_theta C. At rank QN < K the slides' formula, Pen[A] = A^T (A A^T)^-1, has
no value for A = D^T: it asks for the inverse of D^T D, which is K x K and of rank QN. With the
Moore-Penrose inverse of D^T, which is (Pen[D])^T, the flow is the one of the paper, and

    x' = D theta' = -grad_x C,   x - y = e^(-s/N) (x_0 - y),   C = e^(-2s/N) C_0,

with rates that no start, no class and no network changes. Only at K = QN, where D is a square matrix,
the formula serves as it stands. That the orbit lives for all s in R_+ is part of the hypothesis.
"""

from collections.abc import Callable
from functools import lru_cache

import numpy as np

from geomdl import Orbit, integrate, standard_field
from geomdl.arithmetic import Array
from verification.chen2023.orbit_laws import END, comparison_orbit, cost_law, outputs_law
from verification.machinery.checks import claim, variant
from verification.machinery.columns import ALGEBRAIC, ORBITS, Column
from verification.machinery.points import Point, Scene
from verification.machinery.ratios import Ratio, along_orbit, identity
from verification.scenes.collapse import WINE_UNBALANCED
from verification.scenes.matrices import DEFICIENT, FULL_ROW_RANK
from verification.scenes.networks import (
    BORDERLINE,
    FULL_RANK,
    FULL_RANK_EXACT,
    RANK_LOST,
    SMALLEST,
    UNDER,
)
from verification.scenes.obstructed import BORDERLINE_CLOSE, MONOTONE
from verification.scenes.pieces import moore_penrose
from verification.scenes.rank_missing import TOO_FEW, TWINS
from verification.slides2024.pen_readings import Penrose, by_formula, penrose_field, printed

Modified = Callable[[Point, Penrose, Array, Array], Array]

SCENES = (*FULL_RANK, *FULL_RANK_EXACT, *FULL_ROW_RANK[2:], *BORDERLINE, *SMALLEST)
TRAINED = (*FULL_RANK[:3], MONOTONE, *SMALLEST, BORDERLINE_CLOSE[0], WINE_UNBALANCED)
ORBIT_COLUMNS = ORBITS[1:]
BY_FORMULA = variant("Pen[D^T] by the formula for Pen", scenes=FULL_RANK, pen=by_formula)
RANK_BELOW = variant("rank lost or K < QN", scenes=[TWINS, TOO_FEW])
STANDARD = variant("the standard flow", scenes=FULL_RANK[:2], standard=True)


def one_inverse(at: Point, pen: Penrose, d: Array, gradient: Array) -> Array:
    """Return -Pen[D] D grad_theta C, with D in the place of Pen[D^T]."""
    return -pen(at, d) @ (d @ gradient)


def not_transposed(at: Point, pen: Penrose, d: Array, gradient: Array) -> Array:
    """Return -Pen[D] Pen[D] grad_theta C, for K = QN."""
    return -pen(at, d) @ (pen(at, d) @ gradient)


@claim(
    "slides2024/adapted-flow/a",
    scenes=SCENES,
    columns=ALGEBRAIC,
    controls=[
        variant("rank lost or K < QN", scenes=(*DEFICIENT[3:], *RANK_LOST, *UNDER)),
        variant("D in the place of Pen[D^T]", scenes=FULL_RANK[:2], modified=one_inverse),
        variant("Pen[D] twice, K = QN", scenes=BORDERLINE[1:], modified=not_transposed),
    ],
    refuted=[BY_FORMULA],
)
def test_modified_velocity_moves_the_outputs_by_minus_their_gradient(
    at: Point, pen: Penrose = moore_penrose, modified: Modified = printed
) -> Ratio:
    velocity = modified(at, pen, at.D, at.grad_theta)
    return identity(at.D @ velocity, -at.g, size=at.size, condition=at.kappa**2)


@claim(
    "slides2024/adapted-flow/a",
    scenes=BORDERLINE,
    columns=ALGEBRAIC,
    controls=[variant("K > QN", scenes=FULL_RANK[:2])],
)
def test_formula_for_the_penrose_inverse_serves_both_factors_where_the_jacobian_is_square(
    at: Point,
) -> Ratio:
    velocity = printed(at, by_formula, at.D, at.grad_theta)
    return identity(at.D @ velocity, -at.g, size=at.size, condition=at.kappa**4)


@lru_cache(maxsize=128)
def _orbit(scene: Scene, column: Column, seed: int, pen: Penrose, standard: bool, moved: bool) -> Orbit:
    at = scene.at(column, seed)
    field = standard_field if standard else penrose_field(at, pen)
    start = at.theta + at.number(int(moved), 16) * at.random(len(at.theta))
    return integrate(at.problem, field, start, END * at.N, rtol=at.rtol, times=MARKS * at.N)


MARKS = np.array([0.5, 1.0, 2.0, 4.0])


def orbit_of(at: Point, pen: Penrose, standard: bool = False, moved: bool = False) -> Orbit:
    """Return the orbit of the modified flow up to s = 6 N, from theta or from a start beside it."""
    return _orbit(at.scene, at.column, at.seed, pen, standard, moved)


@claim(
    "slides2024/adapted-flow/a",
    scenes=TRAINED,
    columns=ORBIT_COLUMNS,
    controls=[STANDARD, RANK_BELOW],
    refuted=[BY_FORMULA],
)
def test_outputs_of_the_modified_flow_solve_the_euclidean_gradient_flow(
    at: Point, pen: Penrose = moore_penrose, standard: bool = False
) -> Ratio:
    orbit = orbit_of(at, pen, standard)
    _, states, targets = comparison_orbit(at, END, orbit.times)
    scale = max(np.abs(states[0]).max(), np.abs(targets).max())
    return along_orbit(orbit.outputs(), states, rtol=at.rtol, scale=scale)


@claim(
    "slides2024/adapted-flow/b",
    scenes=TRAINED,
    columns=ORBIT_COLUMNS,
    controls=[STANDARD, RANK_BELOW, variant("rate 1/N", rate=1.0)],
    refuted=[BY_FORMULA],
)
def test_cost_of_the_modified_flow_decays_at_rate_two_over_N(
    at: Point, pen: Penrose = moore_penrose, standard: bool = False, rate: float = 2.0
) -> Ratio:
    return cost_law(at, orbit_of(at, pen, standard), rate)


@claim(
    "slides2024/adapted-flow/c",
    scenes=TRAINED,
    columns=ORBIT_COLUMNS,
    controls=[STANDARD, RANK_BELOW, variant("rate 2/N", rate=2.0)],
    refuted=[BY_FORMULA],
)
def test_outputs_of_the_modified_flow_run_straight_to_the_targets(
    at: Point, pen: Penrose = moore_penrose, standard: bool = False, rate: float = 1.0
) -> Ratio:
    return outputs_law(at, orbit_of(at, pen, standard), rate)


@claim(
    "slides2024/adapted-flow/d",
    scenes=(*FULL_RANK[:3], BORDERLINE[0], WINE_UNBALANCED),
    columns=ORBIT_COLUMNS,
    controls=[
        STANDARD,
        variant("a flow beside another one of half the rate", scenes=FULL_RANK[:2], share=0.5),
    ],
    refuted=[BY_FORMULA],
)
def test_distance_to_the_targets_is_one_function_of_time_from_every_start(
    at: Point, pen: Penrose = moore_penrose, standard: bool = False, share: float = 1.0
) -> list[Ratio]:
    decays, sizes = [], []
    for moved in (False, True):
        orbit = orbit_of(at, pen, standard, moved)
        marks = [int(np.argmin(np.abs(orbit.times - s * at.N))) for s in MARKS]
        outputs = orbit.outputs()
        errors = np.linalg.norm(outputs - at.arithmetic.to_float64(at.y), axis=1)
        decays.append(errors[marks] / errors[0])
        sizes.append(np.linalg.norm(outputs, axis=1).max() / errors[0])
    scale = 1 + max(sizes)
    return [along_orbit(decays[0], decays[1] ** share, rtol=at.rtol, scale=scale)]
