"""Which arithmetic an array belongs to, and arithmetics by name."""

from __future__ import annotations

import difflib
from fractions import Fraction
from importlib.util import find_spec
from typing import Any

import numpy as np

from geomdl.arithmetic.base import Arithmetic, Array
from geomdl.arithmetic.floating import FLOAT32, FLOAT64
from geomdl.arithmetic.multiprecision import multiprecision
from geomdl.arithmetic.owned import OwnedArray
from geomdl.arithmetic.rationals import RATIONAL

_BY_DTYPE = {np.dtype(np.float32): FLOAT32, np.dtype(np.float64): FLOAT64}
_BY_NAME = {"float32": FLOAT32, "float64": FLOAT64, "rational": RATIONAL}


_EXTRAS = {"arb": ("flint", "rigorous"), "torch": ("torch", "torch")}
_KNOWN = (*_BY_NAME, "mp30", "mp50", "mp100", "arb50", "torch:cpu:float32", "torch:cpu:float64")


def get_arithmetic(name: str) -> Arithmetic:
    """Return an arithmetic by its name.

    Parameters
    ----------
    name : str
        ``"float32"``, ``"float64"``, ``"rational"``; ``"mp"`` or ``"arb"`` with a number of digits;
        ``"torch:DEVICE:DTYPE"``, such as ``"torch:cpu:float64"`` or ``"torch:cuda:float32"``.

    Raises
    ------
    ValueError
        For an unknown name; the message names the nearest one.
    ModuleNotFoundError
        When the package of an arithmetic is missing; the message names the extra that brings it.

    Examples
    --------
    >>> get_arithmetic("mp50").digits
    50
    """
    if not isinstance(name, str):
        raise TypeError(f"got arithmetic {name!r}; expected one of {', '.join(_KNOWN)}")
    if name in _BY_NAME:
        return _BY_NAME[name]
    if name.startswith("mp") and name[2:].isdecimal():
        return multiprecision(int(name[2:]))
    if name.startswith("arb") and name[3:].isdecimal():
        _require(name)
        from geomdl.arithmetic.balls import balls

        return balls(int(name[3:]))
    if name.startswith("torch:") and name.count(":") in (2, 3):
        _require(name)
        from geomdl.arithmetic.tensors import torch_arithmetic

        device, _, dtype = name.removeprefix("torch:").rpartition(":")
        return torch_arithmetic(device, dtype)
    near = difflib.get_close_matches(name, _KNOWN, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    raise ValueError(f"got arithmetic {name!r}; expected one of {', '.join(_KNOWN)}{hint}")


def missing_extra(name: str) -> str | None:
    """Return the extra of geomdl-verify that an arithmetic lacks here, None when it is available.

    Parameters
    ----------
    name : str
        As for :func:`get_arithmetic`.

    Returns
    -------
    str or None
        ``"rigorous"`` or ``"torch"``; ``"a CUDA device"`` where torch is there and a device is not.

    Examples
    --------
    >>> missing_extra("float64") is None
    True
    """
    module, extra = _EXTRAS.get("arb" if name.startswith("arb") else name.partition(":")[0], ("", ""))
    if module and find_spec(module) is None:
        return extra
    if name.startswith("torch:cuda"):
        import torch

        return None if torch.cuda.is_available() else "a CUDA device"
    return None


def _require(name: str) -> None:
    extra = missing_extra(name)
    if extra in ("rigorous", "torch"):
        raise ModuleNotFoundError(
            f"the arithmetic {name!r} needs a package that is not installed: "
            f'pip install "geomdl-verify[{extra}]"'
        )


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
    if isinstance(array, OwnedArray) and array.arithmetic is not None:
        return array.arithmetic
    if type(array).__module__.partition(".")[0] == "torch" and hasattr(array, "detach"):
        from geomdl.arithmetic.tensors import arithmetic_of_tensor

        return arithmetic_of_tensor(array)
    if type(array) not in (np.ndarray, OwnedArray):
        # A numpy.matrix multiplies otherwise, a masked array forgets its mask.
        raise TypeError(
            f"got a {type(array).__name__}; expected an array, for example "
            "numpy.asarray(values, dtype=numpy.float64)"
        )
    if array.dtype in _BY_DTYPE:
        return _BY_DTYPE[array.dtype]
    if array.dtype == object and array.size:
        first = _of_number(array.flat[0])
        foreign = next((x for x in array.flat if type(x) is not type(array.flat[0])), None)
        if foreign is not None:
            raise TypeError(
                f"got an object array of {first.name} numbers with a {type(foreign).__name__} among "
                "them; convert all of them with the method array of one arithmetic"
            )
        return first
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
        f"got an object array of {type(number).__name__}; expected an array made by the method array "
        "of get_arithmetic('mp50'), get_arithmetic('arb50') or RATIONAL"
    )
