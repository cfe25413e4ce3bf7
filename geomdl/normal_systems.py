"""D D^T for few equations, D^T D for few parameters: the system that is factored instead of D.

Either is formed from the structure of D (:mod:`geomdl.kernels`), factored by Cholesky, and used with
products of D itself around it, so that its squared condition number costs refinements and no digits.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from geomdl.arithmetic import Arithmetic, Array
from geomdl.jacobians import Linearization
from geomdl.kernels import write_gram, write_normal
from geomdl.memory import require_memory
from geomdl.pseudoinverses import rank_tolerance

_FAR = 10


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

    def norm(self, vector: Array) -> Any:
        """Return the Euclidean length, still on the device."""
        return self.arithmetic.sqrt(vector @ vector)

    def probe(self, size: int) -> Array:
        """Return :func:`probe_of` this arithmetic."""
        return probe_of(self.arithmetic, size)

    def top(self, working: Arithmetic, lower: Array) -> Any:
        """Estimate the largest eigenvalue of a lower triangle by two steps of the power method."""
        once = working.symmetric_product(lower, probe_of(working, self.size))
        twice = working.symmetric_product(lower, once)
        return self.arithmetic.array(working.sqrt((twice @ twice) / (once @ once)))

    def checked(self, condition: float) -> float:
        """Return the condition number unless it comes near to where the rank is in question."""
        allowed = 1 / rank_tolerance(self.arithmetic, self.at.shape, 1)
        if not (self.imposed or _FAR * condition < allowed):
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
