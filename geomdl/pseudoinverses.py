"""Moore-Penrose pseudoinverses with one rule for the numerical rank.

The rule: a singular value counts when sigma_i > max(m, n) * eps * sigma_1, with eps = 2 u the spacing
of the arithmetic at 1. The result reports the rank, all singular values and the gap
sigma_r / sigma_(r+1), because a rank without a gap is no rank. Exact arithmetics need no rule: the
rank is counted by elimination.

Ranks are decided on the matrix itself, never on a Gram matrix, whose singular values are squares and
lose half of the digits.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from geomdl.arithmetic import Arithmetic, Array, SingularMatrixError, arithmetic_of
from geomdl.jacobians import Linearization


@dataclass(frozen=True)
class Pseudoinverse:
    """A factored pseudoinverse A^+ = B C^-1 Z; see :func:`pseudoinverse`.

    Attributes
    ----------
    arithmetic : Arithmetic
    rank : int
    singular_values : array or None
        All of them, descending; None in exact arithmetic.
    tolerance : scalar
        Absolute cutoff of the singular values; 0 in exact arithmetic.
    range_basis, range_dual : arrays, shapes (m, r), (r, m)
        Their product is the projector onto the range of A.
    row_basis, row_dual : arrays, shapes (n, r), (r, n)
        Their product is the projector onto the range of A^T.
    core_inverse : array
        Inverse of Z A B: shape (r,) when it is diagonal, else (r, r).
    """

    arithmetic: Arithmetic
    rank: int
    singular_values: Array | None
    tolerance: Any
    range_basis: Array
    range_dual: Array
    row_basis: Array
    row_dual: Array
    core_inverse: Array

    @property
    def gap(self) -> float:
        """Ratio sigma_r / sigma_(r+1); infinite when nothing (or an exact zero) follows sigma_r."""
        if self.singular_values is None or not 0 < self.rank < len(self.singular_values):
            return float("inf")
        following = self.singular_values[self.rank]
        return float("inf") if following == 0 else float(self.singular_values[self.rank - 1] / following)

    @property
    def condition(self) -> float:
        """Condition number sigma_1 / sigma_r of the part that counts; 1 for rank 0, NaN if exact."""
        if self.singular_values is None:
            return float("nan")
        if self.rank == 0:
            return 1.0
        return float(self.singular_values[0] / self.singular_values[self.rank - 1])

    def apply(self, right: Array) -> Array:
        """Return A^+ b for a vector b, shape (m,), or a matrix of columns, shape (m, k)."""
        reduced = self.range_dual @ right
        if self.core_inverse.ndim == 1:
            reduced = (self.core_inverse * reduced.T).T
        else:
            reduced = self.core_inverse @ reduced
        return self.row_basis @ reduced

    def matrix(self) -> Array:
        """Form A^+, shape (n, m); to solve, use :meth:`apply`, which is more accurate."""
        return self.apply(self.arithmetic.eye(self.range_basis.shape[0]))

    def range_projector(self) -> Array:
        """Return A A^+, the orthogonal projector onto the range of A, shape (m, m)."""
        return self.range_basis @ self.range_dual

    def row_projector(self) -> Array:
        """Return A^+ A, the orthogonal projector onto the range of A^T, shape (n, n)."""
        return self.row_basis @ self.row_dual


def rank_tolerance(arithmetic: Arithmetic, shape: tuple[int, int], largest: Any) -> Any:
    """Return the cutoff max(m, n) * 2u * sigma_1 below which a singular value counts as zero."""
    return max(shape) * 2 * arithmetic.unit_roundoff * largest


def pseudoinverse(matrix: Array, *, rank: int | None = None) -> Pseudoinverse:
    """Factor a matrix of any shape and rank for its Moore-Penrose pseudoinverse.

    A = U S V^T gives A^+ = V S^-1 U^T over the singular values above the cutoff. Over the rationals,
    A = F G with F, G of full rank gives A^+ = G^T (G G^T)^-1 (F^T F)^-1 F^T, exactly.

    Parameters
    ----------
    matrix : array, shape (m, n), any arithmetic
    rank : int, optional
        Impose the rank instead of deciding it by :func:`rank_tolerance`, for example along an orbit
        on which it is known to be constant.

    Returns
    -------
    Pseudoinverse

    Raises
    ------
    ValueError
        For something else than a finite matrix, or a rank that it cannot have.

    Notes
    -----
    Source: arXiv:2408.01517, Definition A.1 and (A.5)-(A.9).

    Examples
    --------
    >>> inverse = pseudoinverse(np.array([[3.0, 0.0], [0.0, 0.0]]))
    >>> inverse.rank, inverse.matrix().tolist()
    (1, [[0.3333333333333333, 0.0], [0.0, 0.0]])
    """
    arithmetic = arithmetic_of(matrix)
    if matrix.ndim != 2 or min(matrix.shape) < 1:
        raise ValueError(f"got an array of shape {tuple(matrix.shape)}; expected a nonempty matrix")
    if not arithmetic.all_finite(matrix):
        raise ValueError("got a matrix with NaN or infinite entries; expected finite numbers")
    if rank is not None and not 0 <= rank <= min(matrix.shape):
        raise ValueError(
            f"got rank={rank}; expected 0 to {min(matrix.shape)} for a matrix of shape "
            f"{tuple(matrix.shape)}"
        )
    return _exact(arithmetic, matrix, rank) if arithmetic.exact else _by_svd(arithmetic, matrix, rank)


def _by_svd(arithmetic: Arithmetic, matrix: Array, rank: int | None) -> Pseudoinverse:
    left, sigma, right = arithmetic.svd(matrix)
    tolerance = rank_tolerance(arithmetic, matrix.shape, sigma[0])
    found = int(sum(bool(value > tolerance) for value in sigma)) if rank is None else rank
    if found and not sigma[found - 1] > 0:
        raise ValueError(f"got rank={rank} for a matrix whose singular value {found} is zero")
    u, vt = left[:, :found], right[:found]
    inverse = arithmetic.number(1) / sigma[:found]
    return Pseudoinverse(arithmetic, found, sigma, tolerance, u, u.T, vt.T, vt, inverse)


def _exact(arithmetic: Arithmetic, matrix: Array, rank: int | None) -> Pseudoinverse:
    f, g = arithmetic.rank_factorization(matrix)
    found = f.shape[1]
    if rank is not None and rank != found:
        raise ValueError(f"got rank={rank} for a matrix of exact rank {found}")
    if found == 0:
        (rows, columns), zeros = matrix.shape, arithmetic.zeros
        return Pseudoinverse(
            arithmetic, 0, None, 0, zeros((rows, 0)), zeros((0, rows)), zeros((columns, 0)),
            zeros((0, columns)), zeros((0,)),
        )  # fmt: skip
    range_dual = arithmetic.solve(f.T @ f, f.T)
    core_inverse = arithmetic.solve(g @ g.T, arithmetic.eye(found))
    # Z A B = (F^T F)^-1 F^T (F G) G^T = G G^T, and the row projector is G^T (G G^T)^-1 G.
    return Pseudoinverse(arithmetic, found, None, 0, f, range_dual, g.T, core_inverse @ g, core_inverse)


@dataclass(frozen=True)
class GramSolution:
    """Minimum-norm solution w of D w = r at full row rank; see :func:`solve_by_gram`.

    Attributes
    ----------
    solution : array, shape (K,)
        w = D^T (D D^T)^-1 r.
    residual : float
        |D w - r| / |r| after refinement, with D applied matrix-free.
    refinements : int
        Steps of iterative refinement done.
    """

    solution: Array
    residual: float
    refinements: int


def solve_by_gram(at: Linearization, right: Array, *, refinements: int = 2) -> GramSolution:
    """Solve D w = r of minimum norm by Cholesky on the Gram matrix, without forming D.

    w = D^T (D D^T)^-1 r, refined by the residual r - D w. Assumes full row rank QN <= K; the error
    behaves like u kappa^2 before and u kappa after refinement, as long as u kappa^2 < 1.

    Parameters
    ----------
    at : Linearization
    right : array, shape (QN,)
    refinements : int

    Returns
    -------
    GramSolution

    Raises
    ------
    SingularMatrixError
        When the Gram matrix is not positive definite to the working precision, or refinement does
        not reduce the residual below 1e-2: the rank is lost or in question, use
        :func:`pseudoinverse` on ``at.jacobian()``.
    """
    arithmetic = at.arithmetic
    solve = arithmetic.cholesky(at.gram())
    solution = arithmetic.zeros((at.shape[1],))
    residual = right
    scale = max(float(arithmetic.largest(right)), np.finfo(np.float64).tiny)
    for _ in range(refinements + 1):
        solution = solution + at.pull(solve(residual))
        residual = right - at.push(solution)
    relative = float(arithmetic.largest(residual)) / scale
    if not relative < 1e-2:
        raise SingularMatrixError(
            f"solving by the Gram matrix left a relative residual of {relative:.1e}; the Jacobian is "
            "rank deficient or too ill-conditioned for this route: use pseudoinverse()"
        )
    return GramSolution(solution, relative, refinements)
