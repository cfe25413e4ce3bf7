r"""The Gram matrix D D^T without D, in place, with what its floats are worth.

For the midpoints a, delta of an enclosed pass the computed matrix is G = D_mid D_mid^T + E with

    |E_(jq)(ip)| <= gamma_n sum over l of v_l[jq] v_l[ip],    v_l[jq] = |delta_l[jq]| |(a_(l-1)[j], 1)|,

by Cauchy and Schwarz inside of every inner product, n the number of roundings on the way of any term.
The right-hand side is a positive semidefinite matrix, so |E|_2 is at most its trace: no second product
is needed. And sigma_min(D) >= sigma_min(D_mid) - |D - D_mid|_F, which costs O(QN).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from geomdl.certificates.enclosures import EnclosedPass
from geomdl.certificates.rounding import gamma, norm_up, tiny, up

PANEL_ENTRIES = 2**24
"""Entries of the panels of rows that are computed at a time: 128 MiB in float64."""
STRIP = 1024

Progress = Callable[[str], None]


@dataclass(frozen=True, eq=False)
class EnclosedGram:
    """D D^T of the midpoints as floats, with bounds of all errors.

    Attributes
    ----------
    lower : ndarray, shape (QN, QN)
        The lower triangle, and above it the same numbers once more: a spare copy while the lower one
        is factored.
    rounding : float
        |lower - D_mid D_mid^T|_2 is at most this, both taken symmetric.
    trace : float
        Upper bound of tr D_mid D_mid^T.
    jacobian_error : float
        |D - D_mid|_2 is at most this.
    """

    lower: np.ndarray
    rounding: float
    trace: float
    jacobian_error: float

    def restore(self, diagonal: np.ndarray) -> None:
        """Copy the spare triangle over the factored one, and put a diagonal back."""
        for start in range(0, len(self.lower), STRIP):
            stop = min(start + STRIP, len(self.lower))
            self.lower[start:stop, :start] = self.lower[:start, start:stop].T
            square = self.lower[start:stop, start:stop]
            square[...] = np.triu(square) + np.triu(square, 1).T
        np.einsum("ii->i", self.lower)[...] = diagonal


def rounding_of_gram(at: EnclosedPass) -> tuple[float, float]:
    """Return bounds of |E|_2 and of the trace of D_mid D_mid^T; see the module's text."""
    dtype, trace, rounding, underflow = at.outputs.dtype, 0.0, 0.0, 0.0
    layers = len(at.weights)
    for index, (delta, extended, _, _) in enumerate(at.factor_norms):
        below = at.activations[index].shape[1]
        above = at.sensitivities[index].shape[2] if index < layers - 1 else 1
        # a + 1, the product of both factors, and the sum over layers
        roundings = below + 1 + above + 1 + layers
        norms = delta.astype(np.float64) * extended.astype(np.float64)[:, None]
        part = up(float(norm_up(norms)) ** 2, 6)
        trace = up(trace + part, 3)
        rounding = up(rounding + gamma(roundings, dtype) * part, 4)
        # of one entry: what underflows in one factor is multiplied by the other one
        lost = 1 + float(np.max(delta)) ** 2 + float(np.max(extended)) ** 2
        underflow = up(underflow + 4.0 * roundings * lost * tiny(dtype), 8)
    return up(rounding + norms.size * underflow, 4), trace


def enclosed_gram(at: EnclosedPass, progress: Progress | None = None) -> EnclosedGram:
    """Form the lower triangle of D D^T panel by panel; see :class:`EnclosedGram`.

    Parameters
    ----------
    at : EnclosedPass
    progress : callable, optional
        Given a line now and then.

    Returns
    -------
    EnclosedGram
    """
    rounding, trace = rounding_of_gram(at)
    samples, outputs = at.outputs.shape
    lower = np.empty((samples * outputs, samples * outputs), dtype=at.outputs.dtype)
    flat = [delta.mid.reshape(samples * outputs, -1) for delta in at.sensitivities]
    below = [each.mid for each in at.activations]
    step = max(1, PANEL_ENTRIES // (samples * outputs * outputs))
    diagonal = np.arange(outputs)
    for start in range(0, samples, step):
        stop = min(start + step, samples)
        rows, columns = slice(start * outputs, stop * outputs), slice(0, stop * outputs)
        last = below[-1][start:stop] @ below[-1][:stop].T + 1
        panel = np.zeros((stop - start, outputs, stop, outputs), dtype=lower.dtype)
        panel[:, diagonal, :, diagonal] = last
        for delta, each in zip(flat, below, strict=False):
            products = (delta[rows] @ delta[columns].T).reshape(panel.shape)
            products *= (each[start:stop] @ each[:stop].T + 1)[:, None, :, None]
            panel += products
        block = panel.reshape(rows.stop - rows.start, columns.stop)
        lower[columns, rows] = block.T
        lower[rows, columns] = block
        if progress is not None:
            progress(f"Gram matrix: {stop * outputs} of {samples * outputs} rows")
    return EnclosedGram(lower, rounding, trace, at.jacobian_error())
