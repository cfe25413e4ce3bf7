"""What the claims about equilibria share: scenes, the equations g_alpha = 0, and what bounds them."""

from collections.abc import Iterable
from typing import Any

import numpy as np

from geomdl import Dataset, Network, Problem, pseudoinverse
from geomdl.arithmetic import Array
from geomdl.critical_points import independent_columns
from verification.machinery.points import Point, Scene
from verification.machinery.ratios import Ratio, bound, property_
from verification.scenes.critical_points import (
    BUILT,
    BUILT_EXACT,
    CLOSED_FORM,
    DEAD_UNITS,
    ONE_HOT,
    POLYGONS,
    RANK_NOT_CONSTANT,
)
from verification.scenes.few_bits import few_bits
from verification.scenes.matrices import ANY_MATRIX
from verification.scenes.networks import BORDERLINE, FULL_RANK, FULL_RANK_EXACT, RANK_LOST, UNDER
from verification.scenes.pieces import moore_penrose, squared

EQUILIBRIA = (CLOSED_FORM[0], CLOSED_FORM[3], *BUILT, *BUILT_EXACT, *RANK_NOT_CONSTANT, DEAD_UNITS)


ELSEWHERE = (*FULL_RANK[:2], *FULL_RANK_EXACT, *RANK_LOST, *UNDER[:1], *BORDERLINE)


ANYWHERE = (*EQUILIBRIA, *ELSEWHERE, *ANY_MATRIX)


EXCEPTIONAL = (ONE_HOT, POLYGONS)


def terms(at: Point) -> Array:
    """Return the size of the terms of g, which cancel where outputs are near their targets."""
    return abs(at.g) if at.is_matrix else (abs(at.x) + abs(at.y)) / at.number(at.N)


def at_most(at: Point, value: Array, factor: Any, other: Array, scale: Any, note: str) -> Ratio:
    """Measure |value|^2 <= factor |other|^2, up to 30 units of rounding of scale |g|^2."""
    roundoff = 30 * at.size * at.kappa * at.arithmetic.unit_roundoff
    unit = at.arithmetic.array([roundoff])[0]
    limit = factor * squared(other) + unit * unit * scale * squared(terms(at))
    return bound(squared(value), limit, slack=roundoff, note=note)


def algebraic_system(at: Point, g: Array) -> Array:
    """(4.5): D^T Psi with Psi = -(D D^T)^+ g, which minimizes |D D^T Psi + g|."""
    inverse = moore_penrose(at, at.D)
    return -at.D.T @ (inverse.T @ (inverse @ g))


def weakest_direction(at: Point) -> Array:
    """Return the left singular vector of the smallest nonzero singular value."""
    return at.arithmetic.svd(at.D)[0][:, at.rank - 1]


def lost_rank(at: Point) -> Ratio:
    """Measure sigma_QN = 0; over the rationals, rank < QN."""
    rows, columns = at.D.shape
    if at.arithmetic.exact or columns < rows:
        return property_(pseudoinverse(at.D, rank=at.rank).rank < rows, "rank of D below QN")
    sigma = at.arithmetic.singular_values(at.D)
    # The noise of a zero singular value depends on how the routine deflates: a bound, not a ladder.
    return bound(
        sigma[-1], 30 * at.size * at.arithmetic.unit_roundoff * float(sigma[0]), note="sigma_QN"
    )


SIMPLEX = Network([2, 1, 2], "square")


def on_the_simplex(hidden: Iterable[float], outgoing: Iterable[float]) -> np.ndarray:
    """Return theta of 2-1-2 with given pre-activations on the inputs (0, 0), (1, 0), (0, 1)."""
    first, second, third = hidden
    return np.array([second - first, third - first, first, *outgoing, 0.0, 0.0])


def _simplex(generator: np.random.Generator) -> tuple[Problem, np.ndarray]:
    data = Dataset.regression(np.eye(3, 2, -1), few_bits(generator.standard_normal((3, 2))))
    return Problem(SIMPLEX, data), on_the_simplex((1, 2, 3), few_bits(generator.uniform(0.5, 2, 2)))


ON_THE_SIMPLEX = Scene(f"simplex-{SIMPLEX}-N3", _simplex, frozenset({"rank lost", "over"}), exact=True)


def missed_by_the_others(at: Point) -> Array:
    """Return a gradient at which all g_alpha vanish but the last, which is missing."""
    *others, last = independent_columns(at.D, at.rank)
    column = at.D[:, last]
    return column - pseudoinverse(at.D[:, others]).range_projector() @ column


def cut(at: Point) -> float:
    """Return the ratio to the largest up to which singular values of the Hessian are rounding."""
    return 1e3 * at.size * at.arithmetic.unit_roundoff


def with_targets(at: Point, targets: Array) -> Problem:
    """Return the problem with other targets, one a sample."""
    return Problem(at.problem.network, Dataset.regression(at.problem.data.inputs, targets))
