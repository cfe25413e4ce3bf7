"""Two loops in C, where NumPy needs several passes through memory; all else runs without them.

``write_jacobian`` writes the rows of D in one sweep, and past the caches when D does not fit into them
(NumPy's stores read the memory first that they overwrite). ``scale_blocks`` multiplies a tile of the
Gram matrix blockwise and adds it to the sum, in one pass instead of three.

They are built with the package where there is a C compiler, take float32 and float64 of NumPy and of
torch on the CPU, and give the same bits as the formulas of :mod:`geomdl.kernels`, which answer for
everything else.
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
        False, and nothing is written, without the compiled module, and for arrays that have no
        contiguous rows of float32 or float64 in the memory of the host.
    """
    views = [_view(array) for array in (rows, *activations, *sensitivities)]
    if any(view is None for view in views) or not all(view.flags.c_contiguous for view in views[1:]):
        return False
    last = 1 + len(activations)
    compiled.write_jacobian(views[0], tuple(views[1:last]), tuple(views[last:]))
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
    views = [_view(array) for array in (tile, work, factors)]
    if any(view is None for view in views):
        return False
    compiled.scale_blocks(*views, adding)
    return True


def _view(array: Array) -> Any:
    """Return a NumPy array on the memory of an array that the loops can take, else None."""
    if compiled is None:
        return None
    if type(array).__module__ == "torch" and array.device.type == "cpu" and not array.requires_grad:
        array = array.numpy()
    fits = (
        type(array) is np.ndarray
        and array.dtype.char in "df"
        and array.dtype.isnative
        and array.flags.aligned
        and array.strides[-1] == array.itemsize
    )
    return array if fits else None
