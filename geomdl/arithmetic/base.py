"""What every kind of number offers: arrays, elementary functions, factorizations."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

import numpy as np

Array = Any
"""A NumPy array (float32, float64 or object) or another array with ``@``, ``+``, ``*``, ``.T``."""


def as_numpy(values: Any) -> np.ndarray:
    """Return an array, a nested sequence or a tensor as a NumPy array on the host."""
    if hasattr(values, "detach"):
        values = values.detach().cpu()
    return np.asarray(values)


class UnsupportedOperationError(TypeError):
    """An arithmetic was asked for something that its numbers cannot do."""


class SingularMatrixError(ArithmeticError, ValueError):
    """A matrix that had to be invertible, or of a given rank, is not, to the working precision."""


class NotFiniteError(ValueError):
    """Numbers that have to be finite are NaN or infinite."""


class Arithmetic(ABC):
    """One kind of number: how to make arrays of it, and how to compute with them.

    Attributes
    ----------
    name : str
        The word by which :func:`geomdl.arithmetic.get_arithmetic` finds it, such as ``"float64"``.
    unit_roundoff : float
        Largest relative error of one rounded operation; 0 for exact numbers.
    exact : bool
        True when sums, products and quotients carry no error at all.
    encloses : bool
        True when every number is an interval that contains the true value.
    pseudoinverse_methods : tuple of str
        Methods of :func:`geomdl.pseudoinverse` that it offers, the usual one first.
    """

    name: str
    unit_roundoff: float
    exact: bool = False
    encloses: bool = False
    pseudoinverse_methods: tuple[str, ...] = ("svd",)

    def __repr__(self) -> str:
        return f"<arithmetic {self.name}>"

    @abstractmethod
    def array(self, values: Any) -> Array:
        """Convert numbers (any array or nested sequence) to an array of this arithmetic."""

    @abstractmethod
    def number(self, numerator: int, denominator: int = 1) -> Any:
        """Return the scalar ``numerator / denominator`` of this arithmetic."""

    @abstractmethod
    def zeros(self, shape: int | tuple[int, ...]) -> Array:
        """Return an array of zeros."""

    @abstractmethod
    def to_float64(self, array: Array) -> np.ndarray:
        """Round an array of this arithmetic to NumPy float64."""

    def eye(self, size: int) -> Array:
        """Return the identity matrix, shape (size, size)."""
        identity = self.zeros((size, size))
        identity[range(size), range(size)] = self.number(1)
        return identity

    def concatenate(self, parts: Sequence[Array], axis: int = 0) -> Array:
        """Join arrays of this arithmetic along an axis."""
        return np.concatenate(parts, axis=axis)

    def stack(self, parts: Sequence[Array], axis: int = 0) -> Array:
        """Join arrays of this arithmetic along a new axis."""
        return np.stack(parts, axis=axis)

    def diagonal(self, values: Array) -> Array:
        """Return the square matrix with these numbers on its diagonal."""
        return self.eye(len(values)) * values

    def all_finite(self, array: Array) -> bool:
        """Tell whether no entry is NaN or infinite."""
        return bool(np.all(np.isfinite(self.to_float64(array))))

    def largest(self, array: Array) -> Any:
        """Return the largest absolute value of an array, 0 for an empty one."""
        return abs(array).max() if array.size else self.number(0)

    # Elementary functions, entrywise. An arithmetic overrides what its numbers can do.

    def exp(self, z: Array) -> Array:
        """Exponential."""
        raise self._cannot("exp")

    def tanh(self, z: Array) -> Array:
        """Hyperbolic tangent."""
        raise self._cannot("tanh")

    def sigmoid(self, z: Array) -> Array:
        """Logistic function 1 / (1 + exp(-z))."""
        raise self._cannot("sigmoid")

    def softplus(self, z: Array) -> Array:
        """Return log(1 + exp(z))."""
        raise self._cannot("softplus")

    def sin(self, z: Array) -> Array:
        """Sine."""
        raise self._cannot("sin")

    def cos(self, z: Array) -> Array:
        """Cosine."""
        raise self._cannot("cos")

    def erf(self, z: Array) -> Array:
        """Error function."""
        raise self._cannot("erf")

    def sqrt(self, z: Array) -> Array:
        """Square root."""
        raise self._cannot("sqrt")

    def pi(self) -> Any:
        """Return the number pi."""
        raise self._cannot("pi")

    def step(self, z: Array) -> Array:
        """Return 1 where z > 0 and 0 elsewhere, in particular at a kink z = 0."""
        return self.array(np.asarray(z > 0).astype(np.int64))

    # Factorizations.

    @abstractmethod
    def solve(self, matrix: Array, right: Array) -> Array:
        """Solve ``matrix @ x = right`` for a square matrix.

        Raises
        ------
        SingularMatrixError
            When the matrix is singular to the working precision.
        """

    def svd(self, matrix: Array) -> tuple[Array, Array, Array]:
        """Thin singular value decomposition U, sigma (descending), V^T."""
        raise self._cannot("svd")

    def singular_values(self, matrix: Array) -> Array:
        """Singular values, descending."""
        return self.svd(matrix)[1]

    def doubled(self) -> Arithmetic:
        """Return the arithmetic of twice the digits, or this one where there is none."""
        return self

    def pivoted_qr(self, matrix: Array) -> tuple[Array, Array, np.ndarray]:
        """Factor A[:, p] = Q R with column pivoting.

        Returns
        -------
        Q : array, shape (m, k), k = min(m, n)
            Orthonormal columns.
        R : array, shape (k, n)
            Upper triangular, with a diagonal that falls in absolute value.
        p : integer ndarray, shape (n,)
        """
        raise self._cannot("pivoted_qr")

    def cholesky(self, matrix: Array) -> Callable[[Array], Array]:
        """Factor a symmetric positive definite matrix once and return the solver right -> x.

        Raises
        ------
        SingularMatrixError
            When the matrix is not positive definite to the working precision.
        """
        inverse = self.solve(matrix, self.eye(matrix.shape[0]))
        return lambda right: inverse @ right

    def rank_factorization(self, matrix: Array) -> tuple[Array, Array]:
        """Factor A = F G with F (m, r) and G (r, n) of full rank r; exact arithmetics only."""
        raise self._cannot("rank_factorization")

    def from_fraction(self, value: Fraction) -> Any:
        """Return a rational number in this arithmetic (rounded once, where it rounds)."""
        return self.number(value.numerator, value.denominator)

    def _cannot(self, operation: str) -> UnsupportedOperationError:
        return UnsupportedOperationError(
            f"{operation} was asked of {self.name} arithmetic, whose numbers do not offer it; "
            "use float64 or a multiprecision arithmetic such as get_arithmetic('mp50')"
        )
