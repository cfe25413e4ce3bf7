"""Relation to sub-Riemannian geometry: pullback bundle, bundle metric and bundle gradient, K > QN.

(a) V = range(D^T) has fibres of dimension QN where rank D = QN, and K > QN does not grant that: with a
hidden layer of width 1, more than two samples and outputs the rank is below QN at every theta.

(b) For V, W in Gamma(T R^K), as printed, h(V, W) = <f_* V, f_* W> is degenerate: h(V, V) = 0 along
ker D, of dimension K - QN > 0. On sections of the bundle V it is a metric.

(c) grad_h(F) = Pen[D] Pen[D^T] grad_theta F is right where Pen[D^T] is the Moore-Penrose inverse of
D^T, which is (Pen[D])^T. The formula that the slides give for Pen, A^T (A A^T)^-1, makes it
D (D^T D)^-1, and D^T D is singular for K > QN. And dF(V) = h(V, grad_h F) is solvable for V in the
bundle only, unless F is a function of the outputs.

(d) is decided with chen2023/adapted-flow-geometry/d.
"""

from collections.abc import Callable

import numpy as np

from geomdl import pseudoinverse
from geomdl.arithmetic import Array
from geomdl.bundles import bundle_metric
from verification.chen2023.adapted_fields import unit_of_pairing
from verification.machinery.checks import claim, variant
from verification.machinery.columns import ALGEBRAIC
from verification.machinery.points import Point
from verification.machinery.ratios import Ratio, bound, identity, property_
from verification.scenes.bundles import (
    FOLDS,
    euclidean,
    kernel_direction,
    probe,
    riesz,
    section,
    size_of_gradient,
)
from verification.scenes.critical_exact import CRITICAL_RANK_LOST
from verification.scenes.networks import FULL_RANK, FULL_RANK_EXACT, RANK_LOST, SMALLEST
from verification.scenes.pieces import moore_penrose, squared
from verification.slides2024.pen_readings import by_formula

Vector = Callable[[Point], Array]
SCENES = (*FULL_RANK, *FULL_RANK_EXACT, *SMALLEST)
NARROW = (RANK_LOST[1], CRITICAL_RANK_LOST[2])
"""K = 15 > QN = 8, and rank 6 at every theta."""


@claim(
    "slides2024/sub-riemannian/a",
    scenes=SCENES,
    columns=ALGEBRAIC,
    controls=[
        variant("the kernel of D", scenes=SCENES[:6],
                spanning=lambda at: at.eye(at.D.shape[1]) - at.pinv.row_projector()),
        variant("all of T R^K", spanning=lambda at: at.eye(at.D.shape[1])),
    ],
    refuted=[variant("K > QN and rank below QN", scenes=(*NARROW, *FOLDS))],
)  # fmt: skip
def test_fibres_have_dimension_QN(at: Point, spanning: Vector = lambda at: at.D.T) -> list[Ratio]:
    vectors, (rows, columns) = spanning(at), at.D.shape
    factored = pseudoinverse(vectors)
    # A rank is one only with a gap; without anything dropped it needs distance from zero.
    clear = factored.gap > 1e3 and (at.arithmetic.exact or factored.condition < 1e5)
    return [
        property_(rows < columns, "K > QN"),
        property_(factored.rank == rows and clear, f"dimension {factored.rank}, QN = {rows}"),
    ]


def tangent_field(at: Point) -> Array:
    """Return the value of a section of T R^K, in a direction that keeps the outputs."""
    return kernel_direction(at)


def indefinite(at: Point) -> Array:
    """Return a form on output space that is no metric: -1 in every second direction."""
    signs = np.array([-1, 1] * at.D.shape[0])[: at.D.shape[0]]
    return at.arithmetic.diagonal(at.arithmetic.array(signs))


@claim(
    "slides2024/sub-riemannian/b",
    scenes=SCENES,
    columns=ALGEBRAIC,
    refuted=[variant("sections of T R^K", scenes=SCENES)],
    corrected=[variant("sections of the bundle", vector=section)],
    controls=[
        variant("a section of T R^K, mostly in the bundle", scenes=SCENES[:6],
                vector=lambda at: section(at) + 2**20 * kernel_direction(at)),
        variant("an indefinite form on outputs", scenes=SMALLEST, vector=section, form=indefinite),
    ],
)  # fmt: skip
def test_bundle_metric_is_positive_definite(
    at: Point, vector: Vector = tangent_field, form: Vector = euclidean
) -> list[Ratio]:
    most, found = squared(at.pinv.matrix()), []
    for _ in range(3):
        v, w = vector(at), vector(at)
        length = bundle_metric(at.at_theta, v, v, metric=form(at))
        mixed = bundle_metric(at.at_theta, v, w, metric=form(at))
        squares = bundle_metric(at.at_theta, w, w, metric=form(at)) * length
        found += [
            # |V|^2 <= |D^+|^2 h(V, V), attained at rank 1: 2 for the rounding
            bound(squared(v), 2 * most * length, note="positive definite"),
            bound(mixed * mixed, 2 * squares, note="Cauchy-Schwarz"),
        ]
    return found


@claim(
    "slides2024/sub-riemannian/c",
    scenes=SCENES,
    columns=ALGEBRAIC,
    controls=[
        variant("the Euclidean gradient", formula=lambda at, pen, slope: slope),
        variant("one inverse only", scenes=SCENES[:6],
                formula=lambda at, pen, slope: pen(at, at.D) @ (at.D @ slope)),
        variant("D in the place of Pen[D^T]^T", scenes=SCENES[:6],
                formula=lambda at, pen, slope: at.D.T @ (pen(at, at.D.T) @ slope)),
    ],
    refuted=[
        variant("Pen[D^T] by the formula for Pen", scenes=SCENES, pen=by_formula),
        variant("sections of T R^K", scenes=SCENES[:6], vector=tangent_field),
    ],
)  # fmt: skip
def test_bundle_gradient_has_the_printed_coordinates(
    at: Point,
    pen: Callable[[Point, Array], Array] = moore_penrose,
    vector: Vector = section,
    formula: Callable[[Point, Callable[[Point, Array], Array], Array], Array] = (
        lambda at, pen, slope: pen(at, at.D) @ (pen(at, at.D.T) @ slope)
    ),
) -> list[Ratio]:
    slope, differential = probe(at)
    found, v = formula(at, pen, slope), vector(at)
    scale = size_of_gradient(at, slope)
    pairing = bundle_metric(at.at_theta, v, found)
    return [
        identity(
            found, riesz(at, slope), scale=scale, size=at.size, condition=at.kappa**2, note="grad_h F"
        ),
        identity(
            differential(v), pairing, note="dF(V) = h(V, grad_h F)", **unit_of_pairing(at, v, slope)
        ),
    ]
