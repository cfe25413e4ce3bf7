"""Object arrays that know their arithmetic, so that operators compute in it.

NumPy applies ``+`` or ``@`` of an object array number by number, and the numbers alone decide how.
That is not enough where a number does not know its precision (FLINT's balls take it from a global
setting) or where a whole matrix product can be done at once (over the rationals). An
:class:`OwnedArray` sends every operation through its arithmetic: one switch an operation, not one a
number.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from geomdl.arithmetic.objects import ObjectArithmetic


class OwnedArray(np.ndarray):
    """An object array with the attribute ``arithmetic``; made by ``ObjectArithmetic.own``.

    Operations between arrays of two arithmetics are a TypeError, never a silent loss of digits.
    """

    arithmetic: ObjectArithmetic | None

    def __array_finalize__(self, source: Any) -> None:
        self.arithmetic = getattr(source, "arithmetic", None)

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        out = options.get("out", ())
        owner = _owner((*inputs, *out))
        plain = [_plain(entry) for entry in inputs]
        if out:
            options["out"] = tuple(_plain(entry) for entry in out)
        with owner.working():
            if ufunc is np.matmul and not out and min(np.ndim(entry) for entry in plain):
                result = owner.multiply(*plain)
            else:
                result = getattr(ufunc, method)(*plain, **options)
        return out[0] if out else owner.own(result)

    def __array_function__(
        self,
        func: Callable[..., Any],
        types: Iterable[type],
        args: Iterable[Any],
        kwargs: Mapping[str, Any],
    ) -> Any:
        """Keep arithmetic and precision through stack, where, dot, trace and their like."""
        args = tuple(args)
        owner = _owner(_leaves((*args, *kwargs.values())))
        with owner.working():
            return owner.own(super().__array_function__(func, types, args, kwargs))

    def trace(self, *_: Any, **__: Any) -> Any:
        """Return the sum of the diagonal; NumPy's method would compute it outside of the arithmetic."""
        return self.diagonal().sum()

    def dot(self, other: Any, out: None = None) -> Any:  # type: ignore[override]
        """Return the product with a vector or matrix."""
        return self @ other

    def __getitem__(self, key: Any) -> Any:
        entry = super().__getitem__(key)
        # numbers that do not know their arithmetic stay in an array without dimensions
        return (
            entry
            if isinstance(entry, np.ndarray) or self.arithmetic is None
            else self.arithmetic.own(entry)
        )


def _plain(entry: Any) -> Any:
    return entry.view(np.ndarray) if isinstance(entry, OwnedArray) else entry


def _leaves(entries: Iterable[Any]) -> Iterable[Any]:
    for entry in entries:
        if isinstance(entry, list | tuple):
            yield from _leaves(entry)
        else:
            yield entry


def _owner(entries: Iterable[Any]) -> ObjectArithmetic:
    owners = {
        entry.arithmetic.name: entry.arithmetic
        for entry in entries
        if isinstance(entry, OwnedArray) and entry.arithmetic is not None
    }
    if len(owners) != 1:
        raise TypeError(
            f"got arrays of different arithmetics ({', '.join(sorted(owners)) or 'none known'}); "
            "convert all of them with one arithmetic, for example get_arithmetic('arb50').array(values)"
        )
    return next(iter(owners.values()))
