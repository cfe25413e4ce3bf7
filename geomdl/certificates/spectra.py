r"""Three ways to bound singular values of D from below, from the fastest to the most stubborn.

Gram and Cholesky. If lambda_min(G) >= m for the computed Gram matrix, then with the bounds of
:mod:`geomdl.certificates.gram` sigma_min(D) >= (m - |E|)^(1/2) - |D - D_mid|. The largest m comes from
a first factorization, which proves definiteness and allows an estimate of lambda_min by inverse
iteration, and a second one with nearly that shift. D is never formed; fails near kappa = 1e7 to 1e8.

Singular value decomposition and Weyl. For computed factors U, s, V of D_mid, with defects
a = |1 - U^T U|, b = |1 - V^T V| and residual e = |D - U s V^T|,

    ((1 - a)(1 - b))^(1/2) s_k - e <= sigma_k(D) <= ((1 + a)(1 + b))^(1/2) s_k + e    for every k,

since multiplication by U and V^T moves singular values by their extreme ones, and by Weyl's inequality.

Balls. D over FLINT's balls of 128, 256 or 512 bits, r rows and columns of it that pivoting suggests;
an enclosure of the inverse of B B^T, B these rows, proves that they are independent.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import linalg

from geomdl.arithmetic import get_arithmetic
from geomdl.certificates.definite import factors_with_shift, spectral_norm_up, symmetric_norm_up
from geomdl.certificates.enclosures import EnclosedPass
from geomdl.certificates.gram import EnclosedGram, enclosed_gram
from geomdl.certificates.rounding import Enclosure, down, norm_up, unit_roundoff, up
from geomdl.jacobians import linearize
from geomdl.networks import Network

Progress = Callable[[str], None]

SHIFTS = (0.99, 0.9, 0.5, 0.1)
"""Multiples of the estimated smallest eigenvalue that are tried in turn."""

SOLVES = 12

BITS_AND_DIGITS = {128: 38, 256: 77, 512: 154}


@dataclass(frozen=True)
class RankBound:
    """A proved lower bound of the rank of D, with singular values.

    Attributes
    ----------
    rank : int
        rank D is at least this.
    sigma_lower : float
        Lower bound of sigma_rank(D), positive unless the rank is 0.
    sigma_upper : float
        Upper bound of sigma_1(D).
    """

    rank: int
    sigma_lower: float
    sigma_upper: float


def say(progress: Progress | None, line: str) -> None:
    """Hand a line to the progress function, if there is one."""
    if progress is not None:
        progress(line)


def by_gram(at: EnclosedPass, progress: Progress | None = None) -> RankBound | None:
    """Prove that D has full row rank by Gram matrix and Cholesky; None where that fails."""
    with np.errstate(over="ignore", invalid="ignore", under="ignore"):
        gram = enclosed_gram(at, progress)
        diagonal = np.diagonal(gram.lower).copy()
        if not (np.all(np.isfinite(diagonal)) and math.isfinite(gram.jacobian_error)):
            return None
        size, dtype = len(diagonal), gram.lower.dtype
        largest = min(symmetric_norm_up(gram.lower), gram.trace)
        sigma_upper = _largest_singular(gram, largest)
        # just enough for the factorization to prove something: its own error, that of G, that of D
        losses = 2.0 * (size + 16) * unit_roundoff(dtype) * gram.trace + gram.rounding
        shift = losses + 2 * gram.jacobian_error**2
        say(progress, f"Cholesky factorization of order {size}")
        best = _smallest_singular(gram, factors_with_shift(gram.lower, shift, progress))
        if best == 0.0:
            return None
        estimate = shift + _smallest_eigenvalue(gram.lower)
        for share in SHIFTS:
            if share * estimate <= 2 * shift:
                break
            say(progress, f"Cholesky factorization with shift {share * estimate:.3g}")
            gram.restore(diagonal)
            found = _smallest_singular(gram, factors_with_shift(gram.lower, share * estimate, progress))
            if found > best:
                return RankBound(size, found, sigma_upper)
        return RankBound(size, best, sigma_upper)


def _smallest_singular(gram: EnclosedGram, eigenvalue: float | None) -> float:
    """Bound sigma_min(D) from below by lambda_min of the computed Gram matrix, or 0."""
    if eigenvalue is None or not eigenvalue > gram.rounding:
        return 0.0
    root = down(math.sqrt(down(eigenvalue - gram.rounding, 2)), 2)
    return down(root - gram.jacobian_error, 2) if root > gram.jacobian_error else 0.0


def _largest_singular(gram: EnclosedGram, eigenvalue: float) -> float:
    return up(math.sqrt(up(eigenvalue + gram.rounding, 2)) + gram.jacobian_error, 4)


def _smallest_eigenvalue(lower: np.ndarray, solves: int = SOLVES) -> float:
    """Estimate lambda_min of R^T R from its factor by Lanczos on the inverse; an estimate, no bound."""
    size = len(lower)
    generator = np.random.default_rng(0)
    vector = generator.standard_normal(size).astype(lower.dtype)
    basis: list[np.ndarray] = []
    solves = min(solves, size)
    projected = np.zeros((solves, solves))
    for column in range(solves):
        vector = vector / np.linalg.norm(vector)
        basis.append(vector)
        vector = linalg.cho_solve((lower.T, False), vector, check_finite=False)
        for row, old in enumerate(basis):
            projected[row, column] = projected[column, row] = float(old @ vector)
            vector = vector - (old @ vector) * old
        if not np.linalg.norm(vector) > 1e-12 * projected[column, column]:
            projected = projected[: column + 1, : column + 1]
            break
    if not np.all(np.isfinite(projected)):
        return 0.0
    return 1 / max(float(np.linalg.eigvalsh(projected)[-1]), np.finfo(np.float64).tiny)


def by_singular_values(jacobian: Enclosure) -> RankBound:
    """Bound all singular values of the members of an enclosure of D by a computed decomposition.

    Parameters
    ----------
    jacobian : Enclosure, shape (m, n)

    Returns
    -------
    RankBound
        The largest k for which sigma_k > 0 is proved; rank 0 where the decomposition fails.
    """
    with np.errstate(over="ignore", invalid="ignore", under="ignore"):
        return _by_singular_values(jacobian)


def _by_singular_values(jacobian: Enclosure) -> RankBound:
    sigma_upper = spectral_norm_up(jacobian, squarings=0)
    nothing = RankBound(0, 0.0, sigma_upper)
    if not np.all(np.isfinite(jacobian.mid)) or not math.isfinite(sigma_upper):
        return nothing
    try:
        left, sigma, right = linalg.svd(jacobian.mid, full_matrices=False, check_finite=False)
    except linalg.LinAlgError:
        return nothing
    product = (Enclosure(left) * Enclosure(sigma)) @ Enclosure(right)
    residual = float(norm_up((jacobian - product).magnitude().astype(np.float64)))
    one = Enclosure(np.eye(len(sigma), dtype=jacobian.dtype))
    defects = [
        spectral_norm_up(Enclosure(factor) @ Enclosure(factor.T) - one, squarings=2)
        for factor in (left.T, right)
    ]
    if not (math.isfinite(residual) and max(defects) < 1):
        return nothing
    values = sigma.astype(np.float64)
    shrink = down(math.sqrt(down((1 - defects[0]) * (1 - defects[1]), 4)), 2)
    stretch = up(math.sqrt(up((1 + defects[0]) * (1 + defects[1]), 4)), 2)
    lowers = down(values * shrink, 2)
    proved = np.flatnonzero(lowers > up(residual, 2))
    largest = min(sigma_upper, up(up(float(values.max(initial=0.0)) * stretch, 2) + residual, 2))
    if not proved.size:
        return RankBound(0, 0.0, largest)
    return RankBound(proved.size, down(float(lowers[proved].min()) - residual, 2), largest)


def by_balls(
    network: Network, theta: np.ndarray, inputs: np.ndarray, rank: int, bits: int
) -> RankBound | None:
    """Prove rank D >= rank with balls of so many bits; None where that fails.

    The rows of D (the columns, if K < QN) that a pivoted QR factorization in float64 picks are taken for
    B; the entries of theta and of the inputs are exact. sigma_rank(D) >= sigma_min(B), because deleting
    rows or columns never makes a singular value larger.
    """
    balls = get_arithmetic(f"arb{BITS_AND_DIGITS[bits]}")
    at = linearize(network, balls.array(theta), balls.array(inputs))
    matrix = at.jacobian()
    if not balls.all_finite(matrix):
        return None
    middle = balls.to_float64(matrix)
    if matrix.shape[0] > matrix.shape[1]:
        matrix, middle = matrix.T, middle.T
    if rank < matrix.shape[0]:
        chosen = np.sort(linalg.qr(middle.T, mode="r", pivoting=True)[1][:rank])
        matrix, middle = matrix[chosen], middle[chosen]
    try:
        inverse = balls.solve(matrix @ matrix.T, balls.eye(rank))
    except ArithmeticError:
        return None
    largest = spectral_norm_up(_rounded(inverse))
    if not 0 < largest < math.inf:
        return None
    return RankBound(rank, down(1 / math.sqrt(up(largest, 2)), 4), math.inf)


def _rounded(balls: np.ndarray) -> Enclosure:
    """Enclose the members of a matrix of balls by float64 midpoints and radii."""
    entries = np.asarray(balls)
    mid = np.array([float(ball) for ball in entries.ravel()]).reshape(entries.shape)
    rad = np.array([float(ball.rad()) for ball in entries.ravel()]).reshape(entries.shape)
    # float() rounds the midpoint to nearest
    return Enclosure(mid, up(up(rad, 2) + np.abs(mid) * 2.0**-53, 4))
