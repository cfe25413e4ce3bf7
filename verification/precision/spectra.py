"""Matrices with prescribed singular values: the modes of LAPACK's test matrix generator dlatms."""

from __future__ import annotations

import numpy as np

from geomdl import get_arithmetic
from geomdl.arithmetic import Array

MODES = {
    1: "one large",
    2: "one small",
    3: "geometric",
    4: "arithmetic",
    5: "random logarithms",
}


def spectrum(mode: int, size: int, condition: float, generator: np.random.Generator) -> Array:
    """Return singular values from 1 down to 1/condition, in 100 digits.

    Parameters
    ----------
    mode : int
        As in LAPACK's dlatms: 1: sigma_1 = 1 and all others 1/kappa; 2: sigma_n = 1/kappa and all
        others 1; 3: kappa^(-(i-1)/(n-1)); 4: 1 - (i-1)/(n-1) (1 - 1/kappa); 5: random, with logarithms
        uniform between 0 and -log kappa, sorted, the ends fixed so that the condition is kappa.
    size : int
        Number of singular values, at least 2.
    condition : float
    generator : numpy.random.Generator
        For mode 5.
    """
    mp = get_arithmetic("mp100")
    steps = mp.array(np.arange(size)) / (size - 1)
    logarithm = np.log10(condition)
    if mode == 1:
        values = np.where(np.arange(size) == 0, 1.0, 1 / condition)
        return mp.array(values)
    if mode == 2:
        return mp.array(np.where(np.arange(size) < size - 1, 1.0, 1 / condition))
    if mode == 3:
        return mp.exp(-steps * mp.array([np.log(condition)])[0])
    if mode == 4:
        return 1 - steps * (1 - mp.array([1 / condition])[0])
    if mode == 5:
        inner = np.sort(10.0 ** -(generator.uniform(0, 1, size - 2) * logarithm))[::-1]
        return mp.array(np.concatenate([[1.0], inner, [1 / condition]]))
    raise ValueError(f"got mode {mode}; expected one of {', '.join(map(str, MODES))}")


def with_spectrum(rows: int, columns: int, sigma: Array, generator: np.random.Generator) -> Array:
    """Return U diag(sigma) V^T with random orthonormal U and V, in 100 digits."""
    mp = get_arithmetic("mp100")
    left, right = (
        mp.pivoted_qr(mp.array(generator.standard_normal((side, len(sigma)))))[0]
        for side in (rows, columns)
    )
    return (left * sigma) @ right.T
