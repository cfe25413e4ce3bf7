"""Outer products in NumPy at the speed of memory, which the plain broadcast does not reach.

The product ``left[..., :, None] * right[..., None, :]`` of the Jacobian runs at a third of the speed of
filling its result (NumPy 2.4, float64, 2 to 512 columns): a loop over a short last axis costs some 60 ns
before its first number, and since NumPy 2.3 strided and broadcast operands go through a buffer. Two
ways around, both plain NumPy:

* up to 128 columns in float64 (256 in float32), a batched matrix product. A row of n columns is cut
  into k pieces of at most 256 bytes; [d a_1, ..., d a_k] is the product of d times the k x k identity
  with the k pieces as rows. BLAS writes rows of that length one after another, so that memory is
  written once, in order; longer ones it writes in strips, at half the speed;
* above, the broadcast product with the smallest buffer that NumPy allows.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

_STRIP_BYTES = 256
_MOST_PIECES = 4


def write_outer_products(out: np.ndarray, left: np.ndarray, right: np.ndarray) -> None:
    """Write left[j, q, r, m] right[j, r, n] to out[j, q, r, m, n].

    Every entry is one product of two numbers, rounded once, by either way; only the sign of a zero may
    depend on the way.

    Parameters
    ----------
    out : ndarray, shape (N, Q, R, M, n)
        Any strides.
    left : ndarray, shape (N, Q, R, M)
    right : ndarray, shape (N, R, n)
    """
    columns = right.shape[-1]
    in_rows = out.strides[-1] == out.itemsize and out.strides[-2] == columns * out.itemsize
    pieces = _pieces(columns, out.itemsize)
    if out.size < 2048 or not in_rows or pieces is None or not np.isfinite(right).all():
        with smallest_buffer():
            np.multiply(left[..., None], right[:, None, :, None, :], out=out)
    else:
        _by_matrix_product(out, left, right, pieces)


def _pieces(columns: int, itemsize: int) -> int | None:
    """Return into how many pieces of one length to cut a row; None where cutting does not pay."""
    fitting = (k for k in range(1, _MOST_PIECES + 1) if columns % k == 0)
    return next((k for k in fitting if columns * itemsize <= k * _STRIP_BYTES), None)


def _by_matrix_product(out: np.ndarray, left: np.ndarray, right: np.ndarray, pieces: int) -> None:
    (*batch, units), (samples, layers, columns) = left.shape, right.shape
    inner = max(pieces, 2)  # NumPy hands a product over one index to a loop of its own, not to BLAS
    factor = np.zeros((*batch, inner, units, pieces), dtype=out.dtype)
    rows = np.zeros((samples, 1, layers, inner, columns // pieces), dtype=out.dtype)
    for piece in range(pieces):
        factor[..., piece, :, piece] = left
    rows[:, 0, :, :pieces] = right.reshape(samples, layers, pieces, columns // pieces)
    np.matmul(
        factor.reshape(*batch, inner, units * pieces).swapaxes(-1, -2),
        rows,
        out=out.reshape(*batch, units * pieces, columns // pieces),
    )


@contextmanager
def smallest_buffer() -> Iterator[None]:
    """Let NumPy's entrywise operations use the smallest buffer, and restore the size that was set."""
    before = np.setbufsize(16)
    try:
        yield
    finally:
        np.setbufsize(before)
