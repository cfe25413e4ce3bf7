"""The problems that all clocks run on: sizes by name, one seed, any arithmetic."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from geomdl.arithmetic import Arithmetic, Array, get_arithmetic, missing_extra
from geomdl.data import Dataset, load_real_data
from geomdl.jacobians import Linearization
from geomdl.networks import Network
from geomdl.problems import Problem

try:
    from geomdl.memory import available_memory
except ImportError:  # asv runs on commits too that came before it

    def available_memory() -> int | None:
        """Return the bytes that are left: unknown."""
        return None


SEED = 2311
BACKENDS = ("numpy", "torch:cpu", "torch:cuda")
DTYPES = ("float64", "float32")


class Size(NamedTuple):
    """N inputs, the widths of a tanh network, and the end of its orbit in units of N."""

    samples: int
    widths: tuple[int, ...]
    end: float = 0.0  # 0: an orbit takes too long at this size

    @property
    def rows(self) -> int:
        """Rows QN of the Jacobian."""
        return self.samples * self.widths[-1]

    @property
    def columns(self) -> int:
        """Columns K of the Jacobian."""
        return Network(self.widths, "tanh").parameter_count

    def __str__(self) -> str:
        repeated = len(set(self.widths)) == 1 and len(self.widths) > 3
        widths = f"{self.widths[0]} x {len(self.widths) - 1} layers" if repeated else None
        return f"{self.samples}, {widths or '-'.join(map(str, self.widths))}"


# Names and sizes stay as they are: asv holds a result of today against one of last year by them.
SIZES: dict[str, Size] = {
    "tiny": Size(4, (3, 6, 2), end=1.0),
    "small": Size(32, (16, 32, 32, 4), end=6.0),
    "medium": Size(128, (32, 128, 128, 10), end=0.05),
    "deep": Size(64, (32,) * 13),
    "one-output": Size(1000, (20, 256, 1)),
    "digits": Size(1797, (64, 256, 10)),
    "wide": Size(256, (64, 512, 512, 10)),
    "underparametrized": Size(1797, (64, 32, 10)),
}


class Absent(NotImplementedError):
    """A backend, a package or memory is missing here; asv takes it as a reason to skip."""


@dataclass(frozen=True, eq=False)
class Case:
    """A problem of one size in one arithmetic, at one theta.

    Attributes
    ----------
    size : Size
    dtype, backend : str
        Of :data:`DTYPES` and :data:`BACKENDS`.
    arithmetic : Arithmetic
    problem : Problem
        Normally distributed inputs and targets; scikit-learn's digits for the two sizes of 1797.
    theta : array, shape (K,)
    right : array, shape (QN,)
        Right side of D w = r, normally distributed; at K < QN no w reaches it.
    """

    size: Size
    dtype: str
    backend: str
    arithmetic: Arithmetic
    problem: Problem
    theta: Array
    right: Array

    def linearize(self) -> Linearization:
        """Linearize at theta, the forward pass included: what every kernel starts from."""
        return self.problem.linearize(self.theta)

    @cached_property
    def buffer(self) -> Array:
        """Memory for a Jacobian, shape (QN, K), reused by all calls."""
        return self.arithmetic.zeros((self.size.rows, self.size.columns))

    @property
    def itemsize(self) -> int:
        """Bytes of a number."""
        return np.dtype(self.dtype).itemsize

    @property
    def jacobian_bytes(self) -> int:
        """Bytes of D."""
        return self.size.rows * self.size.columns * self.itemsize

    @property
    def gram_bytes(self) -> int:
        """Bytes of D D^T."""
        return self.size.rows**2 * self.itemsize

    def synchronized(self, call: Callable[[], Any]) -> Callable[[], Any]:
        """Let a call return only when its device has finished."""
        if not self.backend.startswith("torch:cuda"):
            return call
        import torch

        def waiting() -> Any:
            result = call()
            torch.cuda.synchronize()
            return result

        return waiting


def make_case(size: str, dtype: str = "float64", backend: str = "numpy") -> Case:
    """Build the problem of a size.

    Parameters
    ----------
    size : str
        Of :data:`SIZES`.
    dtype, backend : str
        Of :data:`DTYPES` and :data:`BACKENDS`.

    Raises
    ------
    Absent
        When torch, a CUDA device or (for the digits) scikit-learn is missing here.
    """
    name = dtype if backend == "numpy" else f"{backend}:{dtype}"
    if missing := missing_extra(name):
        raise Absent(f"{backend} needs {missing}")
    arithmetic = get_arithmetic(name)
    chosen = SIZES[size]
    rng = np.random.default_rng(SEED)
    network = Network(chosen.widths, "tanh")
    theta = arithmetic.array(network.random_theta(rng))
    right = arithmetic.array(rng.standard_normal(chosen.rows))
    problem = Problem(network, _data(chosen, rng).to(arithmetic))
    return Case(chosen, dtype, backend, arithmetic, problem, theta, right)


def _data(size: Size, rng: np.random.Generator) -> Dataset:
    if size.samples == 1797:
        try:
            return load_real_data("digits")
        except ModuleNotFoundError as error:
            raise Absent("the digits need scikit-learn") from error
    inputs = rng.standard_normal((size.samples, size.widths[0]))
    return Dataset.regression(inputs, rng.standard_normal((size.samples, size.widths[-1])))


def require_memory(needed: float, what: str) -> None:
    """Raise Absent unless the memory that something needs is there, with a little to spare.

    Examples
    --------
    >>> require_memory(1e18, "an exabyte")
    Traceback (most recent call last):
        ...
    benchmarks.problems.Absent: an exabyte needs about 1e+09 GB, ... GB are available
    """
    available = available_memory()
    if available is not None and needed * 1.05 > available:
        raise Absent(f"{what} needs about {needed / 1e9:.3g} GB, {available / 1e9:.3g} GB are available")
