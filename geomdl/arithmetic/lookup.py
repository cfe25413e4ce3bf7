"""Which arithmetic an array belongs to, and arithmetics by name."""

from __future__ import annotations

import difflib
from fractions import Fraction
from typing import Any

import numpy as np

from geomdl.arithmetic.base import Arithmetic, Array
from geomdl.arithmetic.floating import FLOAT32, FLOAT64
from geomdl.arithmetic.multiprecision import multiprecision
from geomdl.arithmetic.rationals import RATIONAL

_BY_DTYPE = {np.dtype(np.float32): FLOAT32, np.dtype(np.float64): FLOAT64}
_BY_NAME = {"float32": FLOAT32, "float64": FLOAT64, "rational": RATIONAL}


def get_arithmetic(name: str) -> Arithmetic:
    """Return an arithmetic by its name.

    Parameters
    ----------
    name : str
        ``"float32"``, ``"float64"``, ``"rational"``, or ``"mp"`` with a number of digits.

    Raises
    ------
    ValueError
        For an unknown name; the message names the nearest one.

    Examples
    --------
    >>> get_arithmetic("mp50").digits
    50
    """
    if name in _BY_NAME:
        return _BY_NAME[name]
    if name.startswith("mp") and name[2:].isdigit():
        return multiprecision(int(name[2:]))
    known = [*_BY_NAME, "mp30", "mp50", "mp100"]
    near = difflib.get_close_matches(name, known, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    raise ValueError(f"got arithmetic {name!r}; expected one of {', '.join(known)}{hint}")


def arithmetic_of(*arrays: Array) -> Arithmetic:
    """Return the arithmetic that all given arrays share.

    Raises
    ------
    TypeError
        For integer, float16, complex or mixed arrays, which would silently lose digits.

    Examples
    --------
    >>> arithmetic_of(np.zeros(3)).name
    'float64'
    """
    found = [_of_one(array) for array in arrays]
    if any(arithmetic is not found[0] for arithmetic in found):
        names = ", ".join(arithmetic.name for arithmetic in found)
        raise TypeError(
            f"got arrays of different arithmetics ({names}); convert all of them with one "
            "arithmetic, for example FLOAT64.array(values)"
        )
    return found[0]


def _of_one(array: Array) -> Arithmetic:
    if not isinstance(array, np.ndarray):
        raise TypeError(
            f"got a {type(array).__name__}; expected an array, for example "
            "numpy.asarray(values, dtype=numpy.float64)"
        )
    if array.dtype in _BY_DTYPE:
        return _BY_DTYPE[array.dtype]
    if array.dtype == object and array.size:
        return _of_number(array.flat[0])
    raise TypeError(
        f"got an array of dtype {array.dtype}; expected float32, float64, or an object array made by "
        "Multiprecision.array or RATIONAL.array; convert with array.astype(numpy.float64)"
    )


def _of_number(number: Any) -> Arithmetic:
    if isinstance(number, Fraction):
        return RATIONAL
    owner = getattr(getattr(number, "context", None), "geomdl_arithmetic", None)
    if isinstance(owner, Arithmetic):
        return owner
    raise TypeError(
        f"got an object array of {type(number).__name__}; expected numbers made by "
        "get_arithmetic('mp50').array(...) or RATIONAL.array(...)"
    )
