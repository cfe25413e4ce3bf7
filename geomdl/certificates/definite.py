r"""Lower bounds of smallest eigenvalues by floating-point Cholesky, upper bounds of largest ones.

Theorem (Higham, Theorem 10.3; Rump, BIT 46, 2006). If the Cholesky factorization of a symmetric matrix A
of floats runs to completion, its computed factor satisfies R^T R = A + E with

    |E_ij| <= g_i^(1/2) g_j^(1/2),    g_j = c_j / (1 - c_j) a_jj,    c_j = gamma_(j+1),

in whatever order the inner products are summed. Hence lambda_min(A) >= -|E|_2 >= -(g_1 + ... + g_n).

Sketch: entry (i, j) is formed from at most min(i, j) products, so |E_ij| <= c_min(i,j) |r_i||r_j| for
the columns r of R; on the diagonal |r_j|^2 <= a_jj / (1 - c_j); and c_min(i,j) <= (c_i c_j)^(1/2). A
matrix bounded entry by entry by g^(1/2) g^(1/2)^T has at most its norm.

Applied to A = fl(G - s), this gives lambda_min(G) >= s - (g_1 + ... + g_n) - u max a_jj. Only the
success of the factorization is used, nothing about its accuracy.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from scipy import linalg

from geomdl.certificates.rounding import Enclosure, gamma, norm_up, tiny, unit_roundoff, up

ASSUMPTION = (
    "the Cholesky factorization (blocks by LAPACK and BLAS) forms every entry from its inner product,"
    " summed in any order, and at most eight further roundings"
)
PANEL = 512

Progress = Callable[[str], None]

EXTRA_ROUNDINGS = 8
"""Divisions by way of reciprocals and the like: BLAS kernels do that."""


def cholesky_margin(diagonal: np.ndarray) -> float:
    """Bound |R^T R - A|_2 for a Cholesky factorization that ran to completion.

    Parameters
    ----------
    diagonal : ndarray, shape (n,)
        Diagonal of A, of the type in which the factorization ran.

    Returns
    -------
    float
        g_1 + ... + g_n, rounded up.
    """
    size, dtype = len(diagonal), diagonal.dtype
    largest = gamma(size + EXTRA_ROUNDINGS + 1, dtype)
    counts = np.arange(1, size + 1, dtype=np.float64) + EXTRA_ROUNDINGS
    # c_j = j u / (1 - j u) <= j u (1 + largest), and 1 / (1 - c_j) <= 1 + 2 largest for largest <= 1/2
    factors = counts * unit_roundoff(dtype) * (1 + largest) * (1 + 2 * largest)
    total = float(np.dot(factors, np.abs(diagonal.astype(np.float64))))
    underflow = 4.0 * size * (size + float(np.max(np.abs(diagonal), initial=0.0))) * tiny(dtype)
    return up(total, size + 8) + up(underflow, 8)


def factors_with_shift(
    lower: np.ndarray, shift: float, progress: Progress | None = None
) -> float | None:
    """Try to prove lambda_min(G) > 0 with room to spare; the factor overwrites the matrix.

    Parameters
    ----------
    lower : ndarray, shape (n, n), C order
        G in its lower triangle, diagonal included; only that is read, and it is overwritten.
    shift : float
        s >= 0, subtracted from the diagonal before the factorization.
    progress : callable, optional
        Given a line now and then.

    Returns
    -------
    float or None
        A proved lower bound of lambda_min(G), possibly negative; None when the factorization broke off,
        which proves nothing.
    """
    diagonal = np.einsum("ii->i", lower)
    dtype = lower.dtype
    if not (np.all(np.isfinite(diagonal)) and shift >= 0):
        return None
    largest = float(np.max(np.abs(diagonal), initial=0.0))
    rounded = dtype.type(shift)
    diagonal -= rounded
    if not np.all(diagonal > 0):
        return None
    margin = cholesky_margin(diagonal)
    if not _factor(lower, progress):
        return None
    lost = up(margin + unit_roundoff(dtype) * largest + tiny(dtype), 4)
    return float(rounded) - lost - abs(float(rounded)) * 2.0**-50


def _factor(lower: np.ndarray, progress: Progress | None) -> bool:
    """Factor in place by blocks of columns; tell whether every pivot was positive.

    LAPACK factors the diagonal blocks only: OpenBLAS's parallel factorization of a whole matrix of
    order 18000 was seen to crash, and between blocks a run can be interrupted.
    """
    size = len(lower)
    potrf, trsm = (
        linalg.get_lapack_funcs(("potrf",), (lower,))[0],
        linalg.get_blas_funcs(("trsm",), (lower,))[0],
    )
    for start in range(0, size, PANEL):
        stop = min(start + PANEL, size)
        # what stands above the diagonal is not ours
        keep = np.triu(lower[start:stop, start:stop], 1)
        if start:
            lower[start:, start:stop] -= lower[start:, :start] @ lower[start:stop, :start].T
        square, status = potrf(lower[start:stop, start:stop], lower=1, clean=1)
        done = np.diagonal(square)
        if status != 0 or not (np.all(np.isfinite(done)) and np.all(done > 0)):
            return False
        lower[start:stop, start:stop] = square + keep
        if stop < size:
            below = np.ascontiguousarray(lower[stop:, start:stop])
            lower[stop:, start:stop] = trsm(1.0, square, below.T, lower=1, overwrite_b=1).T
        if progress is not None and size > 4 * PANEL:
            progress(f"Cholesky factorization: {stop} of {size} columns")
    return True


def symmetric_norm_up(lower: np.ndarray, steps: int = 3) -> float:
    """Bound the spectral norm of a symmetric matrix, given by its lower triangle, in O(n^2).

    For every vector v > 0, |G|_2 <= max_i (|G| v)_i / v_i (Collatz and Wielandt, for the nonnegative
    matrix |G|, whose spectral radius is at least that of G); v comes from a few power iterations. The
    strict upper triangle is never read: it may hold something else.

    Parameters
    ----------
    lower : ndarray, shape (n, n)
    steps : int

    Returns
    -------
    float
    """
    size, dtype = len(lower), lower.dtype
    vector = np.ones(size)
    bound = math.inf
    for _ in range(steps):
        image = np.zeros(size)
        for start in range(0, size, PANEL):
            stop = min(start + PANEL, size)
            panel = np.abs(lower[start:stop, :stop]).astype(np.float64)
            square = np.tril(panel[:, start:])
            panel[:, start:] = square + np.tril(square, -1).T
            image[start:stop] += panel @ vector[:stop]
            image[:start] += panel[:, :start].T @ vector[start:stop]
        image = up(image, size + size // PANEL + 4)
        bound = min(bound, float(np.max(up(image / vector, 2))))
        vector = np.maximum(image / np.max(image), 2.0**-40) if np.max(image) > 0 else vector
    if not math.isfinite(bound) or dtype.kind != "f":
        return math.inf
    return bound


def spectral_norm_up(matrix: Enclosure | np.ndarray, squarings: int = 4) -> float:
    """Bound the largest spectral norm of the members of an enclosure.

    With B = A A^T (or A^T A) scaled to norm about 1, |A|^2 = |B| <= |B^(2^k)|_F^(2^-k): within a factor
    rank^(2^-k-1) of the truth.

    Parameters
    ----------
    matrix : Enclosure or ndarray
        Of shape (m, n); costs O(min(m, n)^2 (max + k min)).
    squarings : int
        k.

    Returns
    -------
    float
        The Frobenius bound where that is smaller.
    """
    enclosed = matrix if isinstance(matrix, Enclosure) else Enclosure(matrix)
    frobenius = float(norm_up(enclosed.magnitude().astype(np.float64)))
    if not math.isfinite(frobenius) or frobenius == 0.0 or min(enclosed.shape) == 0:
        return frobenius
    # a power of two scales exactly, underflow aside, which the radii of the products cover
    scale = 2.0 ** math.ceil(math.log2(frobenius))
    if not 1e-100 < scale < 1e100:
        return frobenius
    scaled = enclosed.map(lambda part: part.astype(np.float64) / scale)
    power = scaled @ scaled.T if scaled.shape[0] <= scaled.shape[1] else scaled.T @ scaled
    exponent, root = 0.0, 2
    for _ in range(squarings):
        size = float(norm_up(power.magnitude()))
        if not 0 < size < math.inf:
            return frobenius
        shift = math.ceil(math.log2(size))
        power = power.map(lambda part, by=2.0**-shift: part * by)  # type: ignore[misc]
        exponent += shift / root
        power, root = power @ power, 2 * root
    # the logarithm and the power are not correctly rounded: 2^-40 is far more than they lose
    logarithm = exponent + math.log2(float(norm_up(power.magnitude()))) / root
    return min(frobenius, scale * 2.0**logarithm * (1 + 2.0**-40))
