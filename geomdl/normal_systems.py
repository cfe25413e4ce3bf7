"""D D^T for few equations, D^T D for few parameters: the system that is factored instead of D.

Either is formed from the structure of D (:mod:`geomdl.kernels`), factored by Cholesky, and used with
products of D itself around it, so that its squared condition number costs refinements and no digits.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from geomdl.arithmetic import Arithmetic, Array
from geomdl.jacobians import Linearization
from geomdl.kernels import write_gram, write_normal
from geomdl.memory import require_memory
from geomdl.pseudoinverses import rank_tolerance

FAR = 10
"""How many times off the cutoff of the rank rule a singular value must be to be decided by a bound."""

LEVEL = 32
"""How many times u kappa a last correction may be, to count as one of roundoff."""

INDEFINITE = "the matrix is not positive definite to the working precision"


@dataclass(frozen=True)
class Solution:
    """The vector w = D^+ r and how it was found; see :func:`geomdl.solve`.

    Attributes
    ----------
    solution : array, shape (K,)
        w, of minimum norm among those that minimize |D w - r|.
    method : str
        The method that answered.
    rank : int
        Of D, by the rule of :func:`geomdl.pseudoinverse`.
    condition : float
        Estimate of sigma_1 / sigma_rank, good to a factor of about 3; exact after ``svd``.
    residual : float
        |D w - r| / |r|. Of the order of roundoff when r is in the range of D.
    optimality : float
        |D^T (D w - r)| / (sigma_1 (|r| + sigma_1 |w|)), of the order of roundoff for every r.
    refinements : int
        Corrections of w by the residual.
    reason : str
        Why this method, in words.
    """

    solution: Array
    method: str
    rank: int
    condition: float
    residual: float
    optimality: float
    refinements: int
    reason: str


class Rejected(Exception):
    """A method cannot answer; the text says why."""


@dataclass(frozen=True)
class NormalSystem:
    """D D^T (wide) or D^T D (tall) of one linearization, and the maps around its inverse.

    Attributes
    ----------
    at : Linearization
    wide : bool
        QN <= K.
    imposed : bool
        The caller knows that D has full rank.
    """

    at: Linearization
    wide: bool
    imposed: bool

    @property
    def arithmetic(self) -> Arithmetic:
        """Of the linearization."""
        return self.at.arithmetic

    @property
    def size(self) -> int:
        """Rows of the matrix that is factored: the rank that it proves."""
        return min(self.at.shape)

    def push(self, direction: Array) -> Array:
        """Return D v."""
        return self.at._push(self.at.network.split(direction))

    def pull(self, covector: Array) -> Array:
        """Return D^T u."""
        return self.at._pull(covector)

    def lower(self, arithmetic: Arithmetic) -> Array:
        """Form the lower triangle of the matrix that is factored, in this arithmetic."""
        shape, what = (self.size, self.size), "the matrix D D^T or D^T D"
        require_memory(arithmetic, shape, what=what, instead="take fewer samples")
        activations, sensitivities = self.at.activations, self.at.sensitivities
        if arithmetic is not self.arithmetic:
            activations = [arithmetic.array(a) for a in activations]
            sensitivities = [arithmetic.array(d) for d in sensitivities]
        out = arithmetic.empty(shape)
        write = write_gram if self.wide else write_normal
        write(arithmetic, activations, sensitivities, out, lower=True)
        return out

    def there(self, columns: Array, out: Array | None = None) -> Array:
        """Return D^T M (wide) or D M (tall) for columns of the size of the matrix that is factored."""
        return self.at.pull_columns(columns, out) if self.wide else self.at.push_columns(columns, out)

    def back(self, columns: Array) -> Array:
        """Return D M (wide) or D^T M (tall); after :meth:`there`, the matrix that is factored."""
        return self.at.push_columns(columns) if self.wide else self.at.pull_columns(columns)

    def norm(self, array: Array) -> Any:
        """Return the Euclidean length (of a matrix, Frobenius), still on the device."""
        flat = array.reshape(-1)
        return self.arithmetic.sqrt(flat @ flat)

    def top(self, working: Arithmetic, lower: Array) -> Any:
        """Estimate the largest eigenvalue of a lower triangle by two steps of the power method."""
        once = working.symmetric_product(lower, probe_of(working, self.size))
        twice = working.symmetric_product(lower, once)
        return self.arithmetic.array(working.sqrt((twice @ twice) / (once @ once)))

    def checked(self, condition: float) -> float:
        """Return the condition number unless it comes near to where the rank is in question."""
        allowed = 1 / rank_tolerance(self.arithmetic, self.at.shape, 1)
        if not (self.imposed or FAR * condition < allowed):
            raise Rejected(f"a condition number of {condition:.1e} puts the rank in question")
        return condition

    def norms(self, solution: Array, error: Array, right: Array) -> list[Any]:
        """Return |w|, |D w - r|, |D^T (D w - r)| and |r|, still on the device."""
        return [self.norm(vector) for vector in (solution, error, self.pull(error), right)]


@lru_cache(maxsize=16)
def probe_of(arithmetic: Arithmetic, size: int) -> Array:
    """Return a vector of length 1 without a relation to any network, always the same one."""
    vector = np.random.default_rng(size).standard_normal(size)
    return arithmetic.array(vector / np.linalg.norm(vector))


def finish(
    system: NormalSystem, solution: Array, norms: list[Any], top: float, **facts: Any
) -> Solution:
    """Return the result; norms as from the system, top is sigma_1^2."""
    length, left, gradient, given = (float(norm) for norm in norms)
    scale = math.sqrt(top) * (given + math.sqrt(top) * length)
    return Solution(
        solution, residual=left / (given or 1), optimality=gradient / (scale or 1), **facts,
    )  # fmt: skip
