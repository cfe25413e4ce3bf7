"""What NumPy's "float32" linear algebra really does, and who computes in single precision.

Each function gets a float32 matrix of condition 1e3. Reported: the dtype of the result, its error
against 50 digits in units of the roundoff of float32, and the share of its entries that equal, bit for
bit, the float64 result rounded to float32. A function that computes in single precision has an error of
many units and a small share; one that computes in float64 and rounds has an error of at most one unit
and a share of 1. NumPy's linalg does the latter (pinv multiplies the rounded factors of such an SVD), so
that its float32 column is a float64 one; its matrix product is a single precision one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import linalg

from geomdl import get_arithmetic
from geomdl.arithmetic import missing_extra
from verification.precision.spectra import spectrum, with_spectrum
from verification.precision.tables import Result, Settings, Value, aligned, counted

SIZE = 30
MP: Any = get_arithmetic("mp50")

Function = Callable[[Any], Any]


def _singular_values_scipy(a: Any) -> Any:
    return linalg.svd(a, compute_uv=False)


def _library(name: str) -> dict[str, Function]:
    """Return the functions of a library that have one right answer."""
    if name == "numpy":
        of = np.linalg
        return {
            "matmul": lambda a: a @ a,
            "inv": of.inv,
            "solve": lambda a: of.solve(a, np.ones_like(a[:, 0])),
            "pinv": of.pinv,
            "cholesky": lambda a: of.cholesky(a @ a.T + np.eye(SIZE, dtype=a.dtype)),
            "singular values": lambda a: of.svd(a, compute_uv=False),
            "det": lambda a: np.atleast_1d(of.det(a)),
            "lstsq": lambda a: of.lstsq(a, np.ones_like(a[:, 0]), rcond=None)[0],
        }
    if name == "scipy":
        return {
            "inv": linalg.inv,
            "solve": lambda a: linalg.solve(a, np.ones_like(a[:, 0])),
            "pinv": linalg.pinv,
            "cholesky": lambda a: linalg.cholesky(a @ a.T + np.eye(SIZE, dtype=a.dtype), lower=True),
            "singular values": _singular_values_scipy,
            "det": lambda a: np.atleast_1d(linalg.det(a)),
            "lstsq": lambda a: linalg.lstsq(a, np.ones_like(a[:, 0]))[0],
        }
    import torch

    la = torch.linalg
    functions: dict[str, Function] = {
        "matmul": lambda a: a @ a,
        "inv": la.inv,
        "solve": lambda a: la.solve(a, torch.ones_like(a[:, 0])),
        "pinv": la.pinv,
        "cholesky": lambda a: la.cholesky(a @ a.T + torch.eye(SIZE, dtype=a.dtype)),
        "singular values": la.svdvals,
        "det": lambda a: la.det(a).reshape(1),
        "lstsq": lambda a: la.lstsq(a, torch.ones_like(a[:, :1])).solution[:, 0],
    }

    def on_tensors(function: Function) -> Function:
        return lambda a: function(torch.from_numpy(a)).numpy()

    return {word: on_tensors(function) for word, function in functions.items()}


def _truth(word: str, matrix: np.ndarray) -> np.ndarray:
    """Return the right answer in float64, from 50 digits."""
    a = MP.array(matrix)
    inverse = MP.solve(a, MP.eye(SIZE))
    if word == "matmul":
        found = a @ a
    elif word in ("inv", "pinv"):
        found = inverse
    elif word in ("solve", "lstsq"):
        found = inverse.sum(axis=1)
    elif word == "singular values":
        found = MP.singular_values(a)
    elif word == "det":
        found = MP.array([MP.context.det(MP.context.matrix(a.tolist()))])
    else:
        # the functions see the Gram matrix as float32 rounds it: so does the reference
        gram = MP.array(matrix @ matrix.T + np.eye(SIZE, dtype=np.float32))
        lower = MP.context.cholesky(MP.context.matrix(gram.tolist()))
        found = MP.array(np.array(lower.tolist(), dtype=object))
    return MP.to_float64(found)


def run(settings: Settings) -> Result:
    """Ask every function of every library."""
    absent = ["torch (extra `torch`)"] if missing_extra("torch:cpu:float32") else []
    libraries = ["numpy", "scipy", *([] if absent else ["torch"])]
    generator = np.random.default_rng(settings.seed)
    exact = with_spectrum(SIZE, SIZE, spectrum(3, SIZE, 1e3, generator), generator)
    # a power of 2 that brings the determinant near 1, away from the end of float32's range
    matrix = get_arithmetic("float32").array(32 * exact)
    unit = get_arithmetic("float32").unit_roundoff
    rows: list[tuple[Value, ...]] = []
    cases = [(name, word, f) for name in libraries for word, f in _library(name).items()]
    for name, word, function in counted(cases, settings, "single: function"):
        found = function(matrix)
        truth = _truth(word, matrix)
        error = np.abs(found.astype(np.float64) - truth).max() / np.abs(truth).max() / unit
        in_double = function(matrix.astype(np.float64)).astype(np.float32)
        share = None if word == "cholesky" else float(np.mean(found == in_double))
        rows.append((name, word, found.dtype.name, float(error), share))
    columns = {
        "library": "name",
        "function": "what is computed, of a 30 x 30 float32 matrix of condition 1e3",
        "dtype": "of the result",
        "error": "max |X - truth| / max |truth|, in units of 2^-24",
        "share": "entries equal to the rounded float64 result; empty where the inputs differ",
    }
    return Result(columns, rows, aligned(list(columns), rows), absent)
