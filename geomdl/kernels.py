"""The Jacobian, its Gram matrices and their products, written from the Khatri-Rao structure of D.

Row (j, q) of D is, in the block of W_l, the outer product of delta_l[j, q] and a_(l-1)[j], and in that
of b_l delta_l[j, q] itself. So, with A_l and Delta_l stacked over samples (and outputs),

    D D^T = sum over l of (A_(l-1) A_(l-1)^T + 1) (blockwise times) (Delta_l Delta_l^T),
    D^T D = sum over j of (sum over q of delta_l[j, q] delta_l'[j, q]^T) (x) (a_(l-1)[j] a_(l'-1)[j]^T)
            in the block of layers l, l', with a 1 appended to a for the biases.

Everything is written once for every arithmetic, into memory that the caller may provide, chunk by
chunk, so that beside the result only a few chunks are needed. The chunks follow from the shapes alone,
never from the memory that happens to be free: the same call gives the same bits. (Another length of
chunks would not, in rounded arithmetic: BLAS sums in an order that depends on the shapes.)

Functions here trust their arguments; :class:`geomdl.Linearization` checks them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np

from geomdl import native
from geomdl.arithmetic import Arithmetic, Array
from geomdl.memory import keep_freed_memory

keep_freed_memory()


def write_jacobian(
    arithmetic: Arithmetic, activations: Sequence[Array], sensitivities: Sequence[Array], out: Array
) -> None:
    """Write D: every block once, straight to its place.

    Parameters
    ----------
    arithmetic : Arithmetic
    activations : sequence of arrays, shapes (N, M_0), ..., (N, M_L)
    sensitivities : sequence of arrays, shapes (N, Q, M_1), ..., (N, Q, M_L)
    out : array, shape (QN, K)
        Any strides.
    """
    samples = len(activations[-1])
    rows = out.reshape(samples, out.shape[0] // samples, -1)
    if native.write_jacobian(rows, activations, sensitivities):
        return
    step = max(1, 8 * arithmetic.chunk * samples // (out.shape[0] * out.shape[1]))
    for first in range(0, samples, step):
        part = slice(first, first + step)
        _write_rows(
            arithmetic, [a[part] for a in activations], [d[part] for d in sensitivities], rows[part]
        )


def _write_rows(
    arithmetic: Arithmetic, activations: list[Array], sensitivities: list[Array], rows: Array
) -> None:
    """Write the rows of some samples, shape (N, Q, K)."""
    (samples, outputs, _), narrow, start = rows.shape, activations[-1].shape[1], 0
    for run in _runs(activations, sensitivities):
        deltas, belows = sensitivities[run], activations[run]
        count, wide, long = len(deltas), deltas[0].shape[2], belows[0].shape[1]
        size = wide * (long + 1)
        block = rows[:, :, start : start + count * size].reshape(samples, outputs, count, size)
        weights = block[:, :, :, : wide * long].reshape(samples, outputs, count, wide, long)
        delta = deltas[0][:, :, None] if count == 1 else arithmetic.stack(deltas, axis=2)
        below = belows[0][:, None] if count == 1 else arithmetic.stack(belows, axis=1)
        arithmetic.outer_into(weights, delta, below)
        block[:, :, :, wide * long :] = delta
        start += count * size
    # The output layer is linear: output q is moved by row q of its weights and by its own bias only.
    arithmetic.fill(rows[:, :, start:], 0)
    weights = rows[:, :, start : start + outputs * narrow].reshape(samples, outputs, outputs, narrow)
    arithmetic.diagonal_view(weights, 1, 2)[...] = activations[-1][:, :, None]
    biases = rows[:, :, start + outputs * narrow :]
    arithmetic.fill(arithmetic.diagonal_view(biases, 1, 2), 1)


def _runs(activations: list[Array], sensitivities: list[Array]) -> Iterator[slice]:
    """Group hidden layers of one shape that follow each other: written together, rows stay in order."""
    first = 0
    for here in range(1, len(sensitivities) + 1):
        if (
            here == len(sensitivities)
            or sensitivities[here].shape != sensitivities[first].shape
            or activations[here].shape != activations[first].shape
        ):
            yield slice(first, here)
            first = here


def write_gram(
    arithmetic: Arithmetic,
    activations: Sequence[Array],
    sensitivities: Sequence[Array],
    out: Array,
    *,
    lower: bool = False,
) -> None:
    """Write D D^T, computed in its lower triangle, by tiles of whole samples.

    A tile stays in the cache while all layers are added to it.

    Parameters
    ----------
    arithmetic, activations, sensitivities
        As for :func:`write_jacobian`.
    out : array, shape (QN, QN)
        Any strides; fastest by rows.
    lower : bool
        Leave what stands above the diagonal undefined, instead of mirroring the triangle.
    """
    samples, size = len(activations[-1]), out.shape[0]
    outputs = size // samples
    side = min(samples, max(1, math.isqrt(arithmetic.chunk // 4) // outputs))
    wide = min(samples, 4 * side)  # a multiple of side: the last tile of a row ends with its diagonal
    # Some columns too many: rows whose distance is a power of two share their places in the cache.
    total = arithmetic.empty((side * outputs, wide * outputs + 8))
    work = arithmetic.empty((side * outputs, wide * outputs))
    for first in range(0, samples, side):
        last = min(first + side, samples)
        rows = slice(first * outputs, last * outputs)
        for left in range(0, last, wide):
            right = min(left + wide, last)
            columns = slice(left * outputs, right * outputs)
            place = slice(0, rows.stop - rows.start), slice(0, columns.stop - columns.start)
            samples_of = slice(first, last), slice(left, right)
            tile = total[place]
            _write_tile(arithmetic, activations, sensitivities, samples_of, tile, work[place])
            if not lower and right == last:
                arithmetic.mirror(tile[:, rows.start - columns.start :])
            out[rows, columns] = tile
            if not lower:
                above = slice(columns.start, min(columns.stop, rows.start))
                out[above, rows] = tile[:, : max(0, above.stop - above.start)].T


def _write_tile(
    arithmetic: Arithmetic,
    activations: Sequence[Array],
    sensitivities: Sequence[Array],
    samples: tuple[slice, slice],
    tile: Array,
    work: Array,
) -> None:
    """Write the part of D D^T that belongs to two ranges of samples, with memory for one layer."""
    (rows, columns), outputs = samples, tile.shape[0] // (samples[0].stop - samples[0].start)
    shape = (rows.stop - rows.start, outputs, columns.stop - columns.start, outputs)
    for depth, (delta, below) in enumerate(zip(sensitivities, activations, strict=False)):
        target = work if depth else tile
        width = delta.shape[2]
        arithmetic.matmul_into(
            target, delta[rows].reshape(-1, width), delta[columns].reshape(-1, width).T
        )
        factor = below[rows] @ below[columns].T
        factor += 1
        if native.scale_blocks(tile, target, factor, adding=depth > 0):
            continue
        factor = arithmetic.repeat(factor, outputs)
        by_sample = target.reshape(shape[0], outputs, -1)
        arithmetic.multiply_into(by_sample, by_sample, factor[:, None, :])
        if depth:
            tile += target
    if not sensitivities:
        arithmetic.fill(tile, 0)
    # The output layer touches equal outputs only.
    equal = arithmetic.diagonal_view(tile.reshape(*shape), 1, 3)
    equal += (activations[-1][rows] @ activations[-1][columns].T + 1)[:, :, None]


def write_normal(
    arithmetic: Arithmetic,
    activations: Sequence[Array],
    sensitivities: Sequence[Array],
    out: Array,
    *,
    lower: bool = False,
) -> None:
    """Write D^T D, computed in its lower triangle, by pairs of layers.

    N K^2 operations instead of the Q N K^2 of the formed Jacobian.

    Parameters
    ----------
    arithmetic, activations, sensitivities, lower
        As for :func:`write_gram`.
    out : array, shape (K, K)
    """
    samples = len(activations[-1])
    ones = arithmetic.empty((samples, 1))
    arithmetic.fill(ones, 1)
    inputs = [arithmetic.concatenate([below, ones], axis=1) for below in activations]
    starts = [0]
    for delta, extended in zip(sensitivities, inputs, strict=False):
        starts.append(starts[-1] + delta.shape[2] * extended.shape[1])
    for upper, (delta, left) in enumerate(zip(sensitivities, inputs, strict=False)):
        for under in range(upper + 1):
            rows = slice(starts[upper], starts[upper + 1])
            columns = slice(starts[under], starts[under + 1])
            deltas, pair = (delta, sensitivities[under]), (left, inputs[under])
            _write_pair(arithmetic, out[rows, columns], deltas, pair)
    for under, delta in enumerate(sensitivities):
        columns = slice(starts[under], starts[under + 1])
        _write_last_row(out[starts[-1] :, columns], delta, (inputs[-1], inputs[under]))
    _write_last_pair(arithmetic, out, starts[-1], inputs[-1])
    if not lower:
        size, step = out.shape[0], max(1, arithmetic.chunk // out.shape[0])
        for first in range(0, size, step):
            rows = slice(first, min(first + step, size))
            out[:first, rows] = out[rows, :first].T
            arithmetic.mirror(out[rows, rows])


def _places(block: Array, wide: int) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
    """Return where the weights and the biases of one layer stand: (in theta, in an extended input)."""
    weights = block.shape[0] // wide - 1
    return (slice(0, wide * weights), slice(0, weights)), (
        slice(wide * weights, None), slice(weights, weights + 1),
    )  # fmt: skip


def _write_pair(
    arithmetic: Arithmetic, block: Array, deltas: tuple[Array, Array], inputs: tuple[Array, Array]
) -> None:
    """Write the block of two hidden layers: sum over j of (delta^T delta')[j] (x) (a a')[j].

    Of a layer with itself, a a' is symmetric, and of its units only pairs m' <= m are needed.
    """
    samples, wides, longs = len(inputs[0]), [d.shape[2] for d in deltas], [a.shape[1] for a in inputs]
    same = deltas[0] is deltas[1]
    if same:
        rows, columns = np.tril_indices(longs[0])
        products = inputs[0][:, rows] * inputs[1][:, columns]
        place = np.zeros((longs[0], longs[0]), dtype=np.int64)
        place[rows, columns] = place[columns, rows] = np.arange(len(rows))
    else:
        products = (inputs[0][:, :, None] * inputs[1][:, None, :]).reshape(samples, -1)
    step = max(1, 2 * arithmetic.chunk // (wides[1] * max(samples, longs[0] * longs[1])))
    for first in range(0, wides[0], step):
        units = slice(first, min(first + step, wides[0]))
        others = units.stop if same else wides[1]
        # (samples, units, Q) times (samples, Q, M'), then the sum over the samples
        sums = deltas[0][:, :, units].swapaxes(1, 2) @ deltas[1][:, :, :others]
        tile = sums.reshape(samples, -1).T @ products
        if same:
            tile = tile[:, place]
        _scatter(block, tile.reshape(-1, others, *longs), units, wides)
    if same:
        # Rows of biases stand below all weights: there pairs m' > m are needed too.
        (weights, _), (biases, _) = _places(block, wides[0])
        under = block[biases, weights].reshape(wides[0], wides[0], longs[0] - 1)
        beside = block[weights, biases].reshape(wides[0], longs[0] - 1, wides[0])
        for unit in range(wides[0]):
            under[unit, unit + 1 :] = beside[unit + 1 :, :, unit]


def _scatter(block: Array, tile: Array, units: slice, wides: list[int]) -> None:
    """Put tile[m, m', n, n'] of extended inputs to the rows (m, n) and the columns (m', n')."""
    for rows, ns in _places(block, wides[0]):
        for columns, ms in _places(block.T, wides[1]):
            part = tile[:, :, ns, ms].swapaxes(1, 2)
            target = block[rows, columns].reshape(wides[0], part.shape[1], wides[1], part.shape[3])
            target[units, :, : part.shape[2]] = part


def _write_last_row(block: Array, delta: Array, inputs: tuple[Array, Array]) -> None:
    """Write the block of the output layer and a hidden one: for output q, delta[:, q] (x) a a'."""
    (samples, outputs, wide), longs = delta.shape, [a.shape[1] for a in inputs]
    products = (inputs[0][:, :, None] * inputs[1][:, None, :]).reshape(samples, -1)
    tile = (delta.reshape(samples, -1).T @ products).reshape(outputs, wide, *longs)
    _scatter(block, tile, slice(0, outputs), [outputs, wide])


def _write_last_pair(arithmetic: Arithmetic, out: Array, start: int, last: Array) -> None:
    """Write the block of the output layer with itself: a last^T for equal outputs, zero for others."""
    block = out[start:, start:]
    outputs = block.shape[0] // last.shape[1]
    arithmetic.fill(block, 0)
    tile = last.T @ last
    for rows, ns in _places(block, outputs):
        for columns, ms in _places(block.T, outputs):
            part = tile[ns, ms]
            target = block[rows, columns].reshape(outputs, part.shape[0], outputs, part.shape[1])
            arithmetic.diagonal_view(target, 0, 2)[...] = part[:, :, None]


def pull_columns(
    arithmetic: Arithmetic,
    activations: Sequence[Array],
    sensitivities: Sequence[Array],
    covectors: Array,
    out: Array,
) -> None:
    """Write D^T M for the columns of a matrix M.

    Layer by layer, a_(l-1)[j] (outer) (sum over q of delta_l[j, q] M[(j, q)]) summed over samples j:
    Q times fewer operations than with the formed Jacobian.

    Parameters
    ----------
    arithmetic, activations, sensitivities
        As for :func:`write_jacobian`.
    covectors : array, shape (QN, k)
    out : array, shape (K, k)
    """
    samples, count = len(activations[-1]), covectors.shape[1]
    tensor = covectors.reshape(samples, -1, count)
    step, start = max(1, 16 * arithmetic.chunk // (samples * count)), 0
    for depth, below in enumerate(activations):
        hidden = depth < len(sensitivities)
        wide, narrow = (
            (sensitivities[depth] if hidden else tensor.swapaxes(1, 2)).shape[2],
            below.shape[1],
        )
        biases = start + wide * narrow
        for first in range(0, wide, step):
            units = slice(first, min(first + step, wide))
            weighted = (
                sensitivities[depth][:, :, units].swapaxes(1, 2) @ tensor if hidden else tensor[:, units]
            )
            for unit in range(units.start, units.stop):
                rows = slice(start + unit * narrow, start + (unit + 1) * narrow)
                arithmetic.matmul_into(out[rows], below.T, weighted[:, unit - first])
            out[biases + first : biases + units.stop] = weighted.sum(0)
        start = biases + wide


def push_columns(
    arithmetic: Arithmetic,
    activations: Sequence[Array],
    sensitivities: Sequence[Array],
    tangents: Array,
    out: Array,
) -> None:
    """Write D M for the columns of a matrix M.

    Layer by layer, sum over m of delta_l[j, q, m] (M_W[m] a_(l-1)[j] + M_b[m]) for every column: Q times
    fewer operations than with the formed Jacobian.

    Parameters
    ----------
    arithmetic, activations, sensitivities
        As for :func:`write_jacobian`.
    tangents : array, shape (K, k)
    out : array, shape (QN, k)
    """
    samples, count = len(activations[-1]), tangents.shape[1]
    outputs = out.shape[0] // samples
    widest = max([outputs, *(delta.shape[2] for delta in sensitivities)])
    step = max(1, 4 * arithmetic.chunk // (samples * widest))
    tensor = out.reshape(samples, outputs, count)
    for first in range(0, count, step):
        columns = slice(first, min(first + step, count))
        target, start = tensor[:, :, columns], 0
        arithmetic.fill(target, 0)
        for depth, below in enumerate(activations):
            hidden = depth < len(sensitivities)
            wide, narrow = sensitivities[depth].shape[2] if hidden else outputs, below.shape[1]
            moved = arithmetic.empty((samples, wide, columns.stop - first))
            for unit in range(wide):
                rows = slice(start + unit * narrow, start + (unit + 1) * narrow)
                arithmetic.matmul_into(moved[:, unit], below, tangents[rows, columns])
            start += wide * narrow
            moved += tangents[start : start + wide, columns]
            start += wide
            target += sensitivities[depth] @ moved if hidden else moved
