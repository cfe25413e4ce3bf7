"""Two loops in C, where NumPy needs several passes through memory; all else runs without them.

``write_jacobian`` writes the rows of D in one sweep, and past the caches when D does not fit into them
(NumPy's stores read the memory first that they overwrite). ``scale_blocks`` multiplies a tile of the
Gram matrix blockwise and adds it to the sum, in one pass instead of three.

They are built with the package where there is a C compiler, take NumPy's float32 and float64, and give
the same bits as the formulas of :mod:`geomdl.kernels`, which answer for everything else.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import Any

import numpy as np

from geomdl.arithmetic import Array

try:
    compiled: Any = import_module("geomdl.native.loops")
    """The compiled module, or None where the package was installed without."""
except ImportError:
    compiled = None


def write_jacobian(rows: Array, activations: Sequence[Array], sensitivities: Sequence[Array]) -> bool:
    """Write D to rows of shape (N, Q, K), and tell whether that was possible here.

    Parameters
    ----------
    rows : array, shape (N, Q, K)
    activations, sensitivities
        As for :func:`geomdl.kernels.write_jacobian`.

    Returns
    -------
    bool
        False, and nothing is written, without the compiled module and for other arrays than NumPy's
        with contiguous rows.
    """
    arrays = [*activations, *sensitivities]
    if not (_takes(rows) and all(_takes(array) and array.flags.c_contiguous for array in arrays)):
        return False
    compiled.write_jacobian(rows, tuple(activations), tuple(sensitivities))
    return True


def scale_blocks(tile: Array, work: Array, factors: Array, *, adding: bool) -> bool:
    """Write work * factors to a tile, or add it, blockwise; and tell whether that was possible here.

    Parameters
    ----------
    tile, work : arrays, shape (nQ, mQ)
        They may be the same array when nothing is added.
    factors : array, shape (n, m)
        Each for a block of Q x Q entries.
    adding : bool

    Returns
    -------
    bool
        False, and nothing is written, where :func:`write_jacobian` says so too.
    """
    if not (_takes(tile) and _takes(work) and _takes(factors)):
        return False
    compiled.scale_blocks(tile, work, factors, adding)
    return True


def _takes(array: Array) -> bool:
    return (
        compiled is not None
        and type(array) is np.ndarray
        and array.dtype.char in "df"
        and array.flags.aligned
        and array.dtype.isnative
        and array.strides[-1] == array.itemsize
    )
