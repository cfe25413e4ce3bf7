"""The asv suite: every kernel with its time, peak memory and accuracy, and its floor beside it.

Parameters are size x dtype x backend. What is absent on a machine (torch, a CUDA device, memory) skips
in `setup`, so that parameters are the same everywhere and results stay comparable over the years.
The accuracy is the ratio of :mod:`benchmarks.references`: 1 and less is what rounding allows.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks import floors, kernels, problems, references


class _Parameters:
    """Sizes, dtypes and backends; how long a clock may run."""

    params: tuple[tuple[str, ...], ...] = (("small",), problems.DTYPES, problems.BACKENDS)
    param_names = ("size", "dtype", "backend")
    timeout = 300
    rounds = 1
    repeat = (3, 15, 2.0)
    warmup_time = 0.1


def _sizes(*names: str) -> tuple[tuple[str, ...], ...]:
    return names, problems.DTYPES, problems.BACKENDS


class _Kernel(_Parameters):
    """Clocks of one kernel on one set-up."""

    kernel = ""

    def setup(self, size: str, dtype: str, backend: str) -> None:
        """Build the case and call once, so that memory is there and code is warm."""
        chosen = kernels.KERNELS[self.kernel]
        self.case = problems.make_case(size, dtype, backend)
        problems.require_memory(chosen.memory(self.case), self.kernel)
        self.call = chosen.prepare(self.case)
        self.call()

    def time_kernel(self, *_: str) -> None:
        self.call()

    def peakmem_kernel(self, *_: str) -> None:
        self.call()

    def track_ratio(self, *_: str) -> float:
        ratio = kernels.KERNELS[self.kernel].ratio(references.Reference(self.case), self.call())
        return ratio if np.isfinite(ratio) else 1e300  # asv publishes no infinity

    track_ratio.unit = "of what rounding allows"  # type: ignore[attr-defined]


class _Floor(_Parameters):
    """Clocks of one floor."""

    floor: Callable[[problems.Case], Callable[[], Any]]
    memory: Callable[[problems.Case], float] = staticmethod(lambda case: 2 * case.gram_bytes)

    def setup(self, size: str, dtype: str, backend: str) -> None:
        """Build the case and call once."""
        case = problems.make_case(size, dtype, backend)
        problems.require_memory(self.memory(case), "the floor")
        self.call = self.floor(case)
        self.call()

    def time_floor(self, *_: str) -> None:
        self.call()


_FORMED = _sizes("small", "medium", "deep", "one-output", "digits", "wide")
_SOLVED = _sizes("small", "medium", "deep", "one-output", "wide")


class Jacobian(_Kernel):
    """D[theta] into memory that exists."""

    kernel = "jacobian"
    params = _FORMED


class JacobianFill(_Floor):
    """Floor: one write of every entry of D."""

    floor = staticmethod(floors.fill)
    memory = staticmethod(lambda case: case.jacobian_bytes)
    params = _FORMED


class JacobianCopy(_Floor):
    """Floor: one read and one write of every entry of D."""

    floor = staticmethod(floors.copy)
    memory = staticmethod(lambda case: 2 * case.jacobian_bytes)
    params = _FORMED


class Gram(_Kernel):
    """D D^T, the empirical tangent kernel."""

    kernel = "gram"
    params = _FORMED


class GramSyrk(_Floor):
    """Floor: the symmetric product of every hidden layer's sensitivities."""

    floor = staticmethod(floors.syrk)
    params = _FORMED


class Push(_Kernel):
    """D v at a linearization that exists."""

    kernel = "push"
    params = _FORMED


class Pull(_Kernel):
    """D^T u at a linearization that exists."""

    kernel = "pull"
    params = _FORMED


class GramProduct(_Kernel):
    """D D^T u at a linearization that exists."""

    kernel = "gram-product"
    params = _FORMED


class GramProductGemm(_Floor):
    """Floor: the bare matrix products of D D^T u."""

    floor = staticmethod(floors.gram_products)
    memory = staticmethod(lambda case: 0.0)
    params = _FORMED


class Solve(_Kernel):
    """D^+ r of minimum norm, linearization included."""

    kernel = "solve"
    params = _SOLVED


class SolveUnderparametrized(_Kernel):
    """D^+ r at K < QN, the least-squares solution."""

    kernel = "solve"
    params = _sizes("underparametrized")


class SolveSyrkPotrf(_Floor):
    """Floor: the products of the Gram matrix, its Cholesky factor, two triangular solves."""

    floor = staticmethod(floors.factor)
    params = _SOLVED


class Pseudoinverse(_Kernel):
    """D^+, formed."""

    kernel = "pseudoinverse"
    params = _sizes("small", "medium")
    timeout = 600


class PseudoinverseGemm(_Floor):
    """Floor: one product of a QN x QN matrix with D."""

    floor = staticmethod(floors.inverse_product)
    memory = staticmethod(lambda case: 3 * case.jacobian_bytes)
    params = _sizes("small", "medium")


class AdaptedField(_Kernel):
    """The adapted field at theta."""

    kernel = "field"
    params = _SOLVED


class AdaptedOrbit(_Kernel):
    """An orbit of the adapted flow at tolerance 1e-8."""

    kernel = "orbit"
    params = _sizes("small", "medium")


class Import:
    """A fresh interpreter that imports the package; NumPy and what SciPy it uses, as the floor."""

    timeout = 120
    repeat = (3, 10, 5.0)
    number = 1

    def timeraw_geomdl(self) -> str:
        return "import geomdl"

    def timeraw_floor(self) -> str:
        return "import numpy, scipy.linalg, scipy.integrate, mpmath"
