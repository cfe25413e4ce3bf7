"""Exact linear dependencies between rows (QN <= K) or columns (QN > K) of D, found and then proved.

Real data lose rank for plain reasons: two equal samples, a pixel that is always white, one that is not
in a single image. Then D has a subset S of r independent rows (columns), and every other is a
combination of these, up to rounding. Cholesky with diagonal pivoting of D D^T (D^T D) proposes S and
the combinations C, but it sees squares only, at half of the digits. So both are checked with D itself:
with N = [-C; 1] (rows permuted),

    sigma_r(D) >= sigma_min(D_S)            and            sigma_(r+1)(D) <= |D^T N|   (|D N|),

because singular values interlace, and because N^T N >= 1. The rank of the rule of
:func:`geomdl.pseudoinverse` is r when its cutoff lies well between these two.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from geomdl.arithmetic import Array
from geomdl.normal_systems import FAR, NormalSystem, Rejected
from geomdl.pseudoinverses import rank_tolerance

_MOST_REFINEMENTS = 3
_GAP = 10


@dataclass(frozen=True)
class Dependencies:
    """Independent rows or columns of D, and the space of combinations that vanish.

    Attributes
    ----------
    rank : int
        Proposed; the lower bound of sigma_r is left to the caller, who solves with the factor.
    top : float
        Estimate of sigma_1^2.
    inverse : callable
        Right sides, shape (n, k), to the solutions with the independent rows and columns of the
        matrix that is factored, zero elsewhere.
    project : callable
        v, shape (n,), to its part orthogonal to all N: to the range of D for rows, of D^T for columns.
    """

    rank: int
    top: float
    inverse: Callable[[Array], Array]
    project: Callable[[Array], Array]


def find_dependencies(system: NormalSystem) -> Dependencies:
    """Find the rows or columns of D that depend on the others, and check it with D itself.

    Parameters
    ----------
    system : NormalSystem

    Returns
    -------
    Dependencies

    Raises
    ------
    Rejected
        When the pivots have no gap, or D does not confirm what they propose.
    """
    arithmetic = system.arithmetic
    lower = system.lower(arithmetic)
    top = float(system.top(arithmetic, lower))
    pivoted = arithmetic.pivoted_cholesky(lower)
    rank = _rank_by_gap(pivoted.pivots, system.size, arithmetic.unit_roundoff)
    solve, combinations = pivoted.split(rank)
    kept, others = pivoted.order[:rank], pivoted.order[rank:]

    def inverse(columns: Array) -> Array:
        solution = arithmetic.zeros(tuple(columns.shape))
        solution[kept] = solve(columns[kept])
        return solution

    vanishing = arithmetic.zeros((system.size, len(others)))
    vanishing[kept] = -combinations
    vanishing[others, np.arange(len(others))] = arithmetic.number(1)
    vanishing = _refined(system, inverse, vanishing, top)
    smaller = arithmetic.cholesky(vanishing.T @ vanishing)
    return Dependencies(
        rank, top, inverse, lambda vector: vector - vanishing @ smaller(vanishing.T @ vector)
    )


def _rank_by_gap(pivots: np.ndarray, size: int, unit: float) -> int:
    """Return after how many pivots the largest gap lies, among those that end at the level of noise."""
    if not len(pivots):
        raise Rejected("pivoted cholesky: no pivot is positive")
    following = np.append(pivots[1:], unit * pivots[0])
    noise = following <= 2 * size * unit * pivots[0]
    noise[-1] &= len(pivots) < size  # nothing follows the last pivot of all
    ratios = np.where(noise, pivots / np.maximum(following, np.finfo(np.float64).tiny), 0)
    rank = int(np.argmax(ratios)) + 1
    if not ratios[rank - 1] > _GAP:
        raise Rejected("pivoted cholesky: the pivots have no gap")
    return rank


def _refined(
    system: NormalSystem, inverse: Callable[[Array], Array], vanishing: Array, top: float
) -> Array:
    """Correct N by D^T N or D N until that is far below the cutoff of the rank."""
    cutoff = float(rank_tolerance(system.arithmetic, system.at.shape, math.sqrt(top)))
    for _ in range(_MOST_REFINEMENTS):
        image = system.there(vanishing)
        if FAR * float(system.norm(image)) < cutoff:
            return vanishing
        vanishing = vanishing - inverse(system.back(image))
    raise Rejected("pivoted cholesky: D does not confirm the dependencies")
