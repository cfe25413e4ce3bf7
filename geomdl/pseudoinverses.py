"""Moore-Penrose pseudoinverses with one rule for the numerical rank.

The rule: a singular value counts when sigma_i > max(m, n) * eps * sigma_1, with eps = 2 u the spacing
of the arithmetic at 1. The result reports the rank, all singular values and the gap
sigma_r / sigma_(r+1), because a rank without a gap is no rank. Exact arithmetics need no rule: the
rank is counted by elimination.

Ranks are decided on the matrix itself, never on a Gram matrix, whose singular values are squares and
lose half of the digits.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from geomdl.arithmetic import (
    Arithmetic,
    Array,
    SingularMatrixError,
    UnsupportedOperationError,
    arithmetic_of,
)
from geomdl.jacobians import Linearization
from geomdl.networks import check_vector


@dataclass(frozen=True)
class Pseudoinverse:
    """A factored pseudoinverse A^+ = B C^-1 Z; see :func:`pseudoinverse`.

    Attributes
    ----------
    arithmetic : Arithmetic
    rank : int
    tolerance : scalar
        Absolute cutoff of the singular values, from sigma_1 (method svd) or the Frobenius norm; 0 in
        exact arithmetic.
    range_basis, range_dual : arrays, shapes (m, r), (r, m)
        Their product is the projector onto the range of A.
    row_basis, row_dual : arrays, shapes (n, r), (r, n)
        Their product is the projector onto the range of A^T.
    core_inverse : array
        Inverse of Z A B: shape (r,) when it is diagonal, else (r, r).
    method : str
        The method that answered.
    formed : array, shape (n, m), or None
        A^+ itself, where the method forms it.
    known_sigma, source : arrays or None
        What :attr:`singular_values` are taken from.
    """

    arithmetic: Arithmetic
    rank: int
    tolerance: Any
    range_basis: Array
    range_dual: Array
    row_basis: Array
    row_dual: Array
    core_inverse: Array
    method: str
    known_sigma: Array | None = None
    formed: Array | None = None
    source: Array | None = None

    @cached_property
    def singular_values(self) -> Array | None:
        """All singular values, descending; None where they do not exist: exact numbers and balls.

        After the methods qr and normal they are computed when first asked for.
        """
        if self.known_sigma is not None or self.source is None:
            return self.known_sigma
        if "svd" not in self.arithmetic.pseudoinverse_methods:
            return None
        return self.arithmetic.singular_values(self.source)

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
        if (other := arithmetic_of(right)) is not self.arithmetic:
            raise TypeError(
                f"got arrays of different arithmetics ({other.name}, {self.arithmetic.name}): the right "
                "side in the first, the matrix in the second; convert with one of them"
            )
        rows = self.range_basis.shape[0]
        if right.ndim not in (1, 2) or right.shape[0] != rows:
            raise ValueError(
                f"got a right side of shape {tuple(right.shape)}; expected ({rows},) or ({rows}, k)"
            )
        if self.formed is not None:
            return self.formed @ right
        reduced = self.range_dual @ right
        if self.core_inverse.ndim == 2:
            reduced = self.core_inverse @ reduced
        elif right.ndim == 1:
            reduced = self.core_inverse * reduced
        else:
            reduced = self.core_inverse[:, None] * reduced
        return self.row_basis @ reduced

    def matrix(self) -> Array:
        """Form A^+, shape (n, m); to solve, use :meth:`apply`, which is more accurate."""
        if self.formed is not None:
            return self.formed
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


def pseudoinverse(matrix: Array, *, rank: int | None = None, method: str | None = None) -> Pseudoinverse:
    """Factor a matrix of any shape and rank for its Moore-Penrose pseudoinverse.

    ``svd``
        A = U S V^T gives A^+ = V S^-1 U^T over the singular values above the cutoff. Assumes nothing.
    ``qr``
        A P = Q R with column pivoting, at lower rank followed by a second QR from the right. Decides the
        rank by bounds of the singular values, with the rule of ``svd``; where they leave it open,
        ``svd`` answers. Assumes nothing.
    ``normal``
        A^T (A A^T)^-1 or (A^T A)^-1 A^T. Assumes full rank. In multiprecision and in balls the Gram
        matrix has twice the digits, and the result all digits; in float32 and float64 the error grows
        like u kappa^2.
    ``rational``
        A = F G with F, G of full rank gives A^+ = G^T (G G^T)^-1 (F^T F)^-1 F^T, exactly.

    Parameters
    ----------
    matrix : array, shape (m, n), any arithmetic
    rank : int, optional
        Impose the rank instead of deciding it by :func:`rank_tolerance`, for example along an orbit
        on which it is known to be constant.
    method : {"svd", "qr", "normal", "rational"}, optional
        By default ``svd`` in float32, float64 and torch; ``normal`` in multiprecision when full rank is
        imposed, else ``qr``; ``normal`` in balls; ``rational`` over the rationals.

    Returns
    -------
    Pseudoinverse

    Raises
    ------
    ValueError
        For something else than a finite matrix, a rank that it cannot have, or an unknown method.
    SingularMatrixError
        (A ValueError too.) When the matrix does not have, to the working precision, the rank that is
        imposed or that the method assumes.
    UnsupportedOperationError
        When the arithmetic does not offer the method.

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
    if rank is not None and (isinstance(rank, bool) or not isinstance(rank, int | np.integer)):
        raise TypeError(f"got rank={rank!r}; expected an integer")
    if rank is not None and not 0 <= rank <= min(matrix.shape):
        raise ValueError(
            f"got rank={rank}; expected 0 to {min(matrix.shape)} for a matrix of shape "
            f"{tuple(matrix.shape)}"
        )
    return _METHODS[_method(arithmetic, matrix, rank, method)](arithmetic, matrix, rank)


def _method(arithmetic: Arithmetic, matrix: Array, rank: int | None, method: str | None) -> str:
    offered = arithmetic.pseudoinverse_methods
    if rank not in (None, min(matrix.shape)) and offered == ("normal",):
        raise UnsupportedOperationError(
            f"rank {rank} of a matrix of shape {tuple(matrix.shape)} was asked of {arithmetic.name} "
            "arithmetic, which can only prove full rank; use float64, multiprecision or rationals"
        )
    if method is None:
        known_full = rank is not None and rank == min(matrix.shape)
        return "normal" if known_full and offered[0] == "qr" else offered[0]
    if method not in _METHODS:
        raise ValueError(f"got method {method!r}; expected one of {', '.join(_METHODS)}")
    if method not in offered:
        raise UnsupportedOperationError(
            f"method {method!r} was asked of {arithmetic.name} arithmetic, which offers "
            f"{', '.join(map(repr, offered))}"
        )
    return method


def _singular(arithmetic: Arithmetic, matrix: Array, rank: int, why: str) -> SingularMatrixError:
    return SingularMatrixError(
        f"a {matrix.shape[0]} x {matrix.shape[1]} matrix does not have rank {rank} to {arithmetic.name} "
        f"precision: {why}; let the rank be decided (rank=None, method='svd') or use more digits"
    )


def _by_svd(arithmetic: Arithmetic, matrix: Array, rank: int | None) -> Pseudoinverse:
    left, sigma, right = arithmetic.svd(matrix)
    tolerance = rank_tolerance(arithmetic, matrix.shape, sigma[0])
    found = int(sum(bool(value > tolerance) for value in sigma)) if rank is None else rank
    if found and not sigma[found - 1] > tolerance:
        ratio = float(sigma[found - 1] / sigma[0]) if sigma[0] > 0 else 0.0
        why = f"its singular value {found} is {ratio:.1e} of the largest, which is rounding noise"
        raise _singular(arithmetic, matrix, found, why)
    u, vt = left[:, :found], right[:found]
    inverse = arithmetic.number(1) / sigma[:found]
    return Pseudoinverse(arithmetic, found, tolerance, u, u.T, vt.T, vt, inverse, "svd", sigma)


def _by_qr(arithmetic: Arithmetic, matrix: Array, rank: int | None) -> Pseudoinverse:
    wide = matrix.shape[0] < matrix.shape[1]
    q, r, order = arithmetic.pivoted_qr(matrix.T if wide else matrix)
    found = _rank_by_bounds(arithmetic, r, matrix.shape)
    if found is None or (rank is not None and found != rank):
        # The rank is in question, or another one is imposed: only singular values answer.
        return _by_svd(arithmetic, matrix, rank)
    # M = Q R P^T and R = Pi T^T Z^T with permutations P, Pi: M^+ = (P Z) (T^-T Pi^T) Q^T.
    z, t, again = arithmetic.pivoted_qr(r[:found].T) if found else (r[:0].T, r[:0, :0], np.arange(0))
    q, basis = q[:, :found], z[np.argsort(order)]
    core = _triangular_inverse(arithmetic, t).T[:, np.argsort(again)]
    tolerance = rank_tolerance(arithmetic, matrix.shape, _frobenius(arithmetic, r))
    left, right, core = (basis, q, core.T) if wide else (q, basis, core)
    return Pseudoinverse(
        arithmetic, found, tolerance, left, left.T, right, right.T, core, "qr", source=matrix
    )


def _rank_by_bounds(arithmetic: Arithmetic, r: Array, shape: tuple[int, int]) -> int | None:
    """Decide the rank of the rule from a pivoted R; None where the bounds leave it open.

    With R = [R_11 R_12; 0 R_22] and R_11 of order k: sigma_k >= 1 / |R_11^-1| and sigma_(k+1) <= |R_22|,
    and sigma_1 lies between the largest diagonal entry and |R| (Frobenius norms).
    """
    pivots = abs(r.diagonal())
    above = rank_tolerance(arithmetic, shape, _frobenius(arithmetic, r))
    below = rank_tolerance(arithmetic, shape, pivots[0])
    found = int(sum(bool(pivot > above) for pivot in pivots))
    if found < len(pivots) and not _frobenius(arithmetic, r[found:, found:]) <= below:
        return None
    if found:
        inverse = _triangular_inverse(arithmetic, r[:found, :found])
        if not _frobenius(arithmetic, inverse) * above < 1:
            return None
    return found


def _frobenius(arithmetic: Arithmetic, matrix: Array) -> Any:
    largest = arithmetic.largest(matrix)
    if not largest > 0:
        return largest
    scaled = matrix / largest  # squares of the entries themselves may overflow
    return largest * arithmetic.sqrt((scaled * scaled).sum())


def _triangular_inverse(arithmetic: Arithmetic, triangle: Array) -> Array:
    """Invert an upper triangular matrix by back substitution, a row at a time."""
    inverse = arithmetic.eye(len(triangle))
    for row in range(len(triangle) - 1, -1, -1):
        if row + 1 < len(triangle):
            inverse[row] = inverse[row] - triangle[row, row + 1 :] @ inverse[row + 1 :]
        inverse[row] = inverse[row] / triangle[row, row]
    return inverse


def _by_normal(arithmetic: Arithmetic, matrix: Array, rank: int | None) -> Pseudoinverse:
    wide, full = matrix.shape[0] < matrix.shape[1], min(matrix.shape)
    if rank is not None and rank != full:
        raise ValueError(f"got rank={rank}; method='normal' assumes full rank {full}")
    working = arithmetic.doubled()
    flat = working.array(matrix if wide else matrix.T)
    identity = working.eye(full)
    try:
        both = working.cholesky(flat @ flat.T)(working.concatenate([flat, identity], axis=1))
    except SingularMatrixError as error:
        why = "its Gram matrix is not positive definite"
        raise _singular(arithmetic, matrix, full, why) from error
    solution, gram_inverse = both[:, :-full], both[:, -full:]
    # sigma_min^2 >= 1/|(A A^T)^-1|. Below the cutoff (its square root without doubled digits) nothing
    # tells the matrix from a singular one, however smoothly the factorization went.
    norm = _frobenius(working, flat)
    condition = float(norm) * float(working.sqrt(_frobenius(working, gram_inverse)))
    allowed = 1 / rank_tolerance(arithmetic, matrix.shape, 1)
    if not condition < (allowed**0.5 if working is arithmetic else allowed):
        why = f"its condition number may be {condition:.1e}, too much for the normal equations"
        raise _singular(arithmetic, matrix, full, why)
    inverse = arithmetic.array(solution.T if wide else solution)
    one = arithmetic.eye(full)
    tolerance = rank_tolerance(arithmetic, matrix.shape, float(norm))
    bases = (one, one, inverse, matrix) if wide else (matrix, inverse, one, one)
    return Pseudoinverse(
        arithmetic, full, tolerance, *bases, one.diagonal(), "normal", source=matrix, formed=inverse
    )


def _exact(arithmetic: Arithmetic, matrix: Array, rank: int | None) -> Pseudoinverse:
    f, g = arithmetic.rank_factorization(matrix)
    found = f.shape[1]
    if rank is not None and rank > found:
        raise SingularMatrixError(f"got rank={rank} for a matrix of exact rank {found}")
    if rank is not None and rank != found:
        raise ValueError(f"got rank={rank} for a matrix of exact rank {found}")
    if found == 0:
        (rows, columns), zeros = matrix.shape, arithmetic.zeros
        return Pseudoinverse(
            arithmetic, 0, 0, zeros((rows, 0)), zeros((0, rows)), zeros((columns, 0)),
            zeros((0, columns)), zeros((0,)), "rational",
        )  # fmt: skip
    range_dual = arithmetic.solve(f.T @ f, f.T)
    core_inverse = arithmetic.solve(g @ g.T, arithmetic.eye(found))
    # Z A B = (F^T F)^-1 F^T (F G) G^T = G G^T, and the row projector is G^T (G G^T)^-1 G.
    return Pseudoinverse(
        arithmetic, found, 0, f, range_dual, g.T, core_inverse @ g, core_inverse, "rational"
    )


_METHODS: dict[str, Callable[[Arithmetic, Array, int | None], Pseudoinverse]] = {
    "svd": _by_svd,
    "qr": _by_qr,
    "normal": _by_normal,
    "rational": _exact,
}


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
    check_vector("a right side", right, arithmetic, at.shape[0])
    if refinements < 0:
        raise ValueError(f"got refinements={refinements}; expected a number >= 0")
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
