"""Matrices of multiprecision numbers as matrices of integers: exact products, fixed-point QR.

An operation of mpmath costs microseconds, most of them spent outside of the multiplication. A matrix
whose rows have a common power of two each, A = diag(2^e) M, leaves a matrix M of integers, on which
NumPy's object loops run an order of magnitude faster: products are exact and rounded once at the end,
and a Householder QR in fixed point with guard bits has the (normwise) error of one in floating point.
"""

from __future__ import annotations

from math import isqrt
from typing import Any

import mpmath
import numpy as np
from mpmath.libmp import from_man_exp

WIDEST = 4096
"""Bits of an integer beyond which scaling by rows no longer pays: the entries differ too much."""

GUARD_BITS = 32


def _parts(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Split numbers into signed mantissas and exponents, with a mask of the zeros."""
    mantissas, exponents = np.empty(matrix.shape, dtype=object), np.zeros(matrix.shape, dtype=np.int64)
    for index, value in np.ndenumerate(matrix):
        sign, mantissa, exponent, _ = value._mpf_
        mantissas[index] = -mantissa if sign else mantissa
        exponents[index] = exponent
    return mantissas, exponents, mantissas == 0


def scaled_integers(matrix: np.ndarray, axis: int) -> tuple[np.ndarray, np.ndarray] | None:
    """Write a matrix exactly as integers times a power of two for each row or column.

    Parameters
    ----------
    matrix : object ndarray of mpf, shape (m, n)
    axis : {0, 1}
        1: one exponent a row; 0: one a column.

    Returns
    -------
    (integers, exponents), or None when the integers would be wider than :data:`WIDEST` bits or a
    number is not finite.
    """
    mantissas, exponents, zero = _parts(matrix)
    if np.any(zero & (exponents != 0)):  # mpmath writes infinity and NaN as 0 with an exponent
        return None
    smallest = np.where(zero, np.iinfo(np.int64).max, exponents).min(axis=axis, keepdims=True)
    smallest = np.where(zero.all(axis=axis, keepdims=True), 0, smallest)
    shifts = np.where(zero, 0, exponents - smallest)
    if shifts.max() > WIDEST:
        return None
    return mantissas << shifts.astype(object), np.squeeze(smallest, axis=axis)


def product(context: mpmath.MPContext, left: np.ndarray, right: np.ndarray) -> np.ndarray | None:
    """Return the matrix product, every entry the exact one rounded once; None as above."""
    scaled_left, scaled_right = scaled_integers(left, axis=1), scaled_integers(right, axis=0)
    if scaled_left is None or scaled_right is None:
        return None
    (a, rows), (b, columns) = scaled_left, scaled_right
    return numbers(context, a @ b, rows[:, None] + columns[None, :])


def numbers(context: mpmath.MPContext, integers: np.ndarray, exponents: Any) -> np.ndarray:
    """Return integers times powers of two, rounded to the precision of a context."""
    result = np.empty(integers.shape, dtype=object)
    shifts = np.broadcast_to(exponents, integers.shape).ravel().tolist()
    result.ravel()[:] = [
        context.make_mpf(from_man_exp(integer, shift, context.prec, "n"))
        for integer, shift in zip(integers.ravel().tolist(), shifts, strict=True)
    ]
    return result


def fixed_point(matrix: np.ndarray, bits: int) -> tuple[np.ndarray, int]:
    """Round a matrix to integers whose largest has ``bits`` bits; return it and the shift s.

    The entries are about the integers times 2^-s; a zero matrix has s = 0.
    """
    mantissas, exponents, zero = _parts(matrix)
    if zero.all():
        return mantissas, 0
    widths = np.array([abs(int(entry)).bit_length() for entry in mantissas.ravel()])
    shift = bits - int(np.max((exponents + widths.reshape(matrix.shape))[~zero]))
    moves = exponents + shift
    result = np.empty(matrix.shape, dtype=object)
    for index, mantissa in np.ndenumerate(mantissas):
        move = int(moves[index])
        result[index] = mantissa << move if move >= 0 else ((mantissa >> (-move - 1)) + 1) >> 1
    return result, shift


def pivoted_qr(matrix: np.ndarray, bits: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, int]:
    """Householder QR with column pivoting in fixed point: A[:, p] = Q R.

    Parameters
    ----------
    matrix : object ndarray of integers, shape (m, n)
        Scaled so that its largest entry has ``bits`` bits.
    bits : int
        Fraction bits of Q.

    Returns
    -------
    Q : integers, shape (m, k), k = min(m, n), to be divided by 2^bits
    R : integers, shape (k, n), in the scale of the matrix
    p : integer ndarray, shape (n,)
    steps : int
        Reflections done; fewer than k when what remained was exactly zero.
    """
    work = np.array(matrix, dtype=object, copy=True)
    rows, columns = work.shape
    size = min(rows, columns)
    order = np.arange(columns)
    reflectors: list[tuple[np.ndarray, int]] = []
    for step in range(size):
        norms = (work[step:, step:] ** 2).sum(axis=0)
        pivot = step + max(range(columns - step), key=norms.__getitem__)
        if norms[pivot - step] == 0:
            break
        order[[step, pivot]] = order[[pivot, step]]
        work[:, [step, pivot]] = work[:, [pivot, step]]
        v = work[step:, step].copy()
        length = isqrt(int(norms[pivot - step]))
        v[0] += length if v[0] >= 0 else -length
        square = int((v * v).sum())
        _reflect(work[step:, step:], v, square, bits)
        work[step + 1 :, step] = 0
        reflectors.append((v, square))
    q = np.zeros((rows, size), dtype=object)
    q[range(size), range(size)] = 1 << bits
    for step in range(len(reflectors) - 1, -1, -1):
        _reflect(q[step:, step:], *reflectors[step], bits)
    return q, work[:size], order, len(reflectors)


def _reflect(block: np.ndarray, v: np.ndarray, square: int, bits: int) -> None:
    """Apply 1 - 2 v v^T / |v|^2 in place; the error of an entry is about one unit."""
    weights = ((v @ block) << (bits + 1)) // square
    block -= (v[:, None] * weights[None, :]) >> bits
