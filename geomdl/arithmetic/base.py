"""What every kind of number offers: arrays, elementary functions, factorizations."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
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


@dataclass(frozen=True)
class Orthogonal:
    """A factorization A = Q R of a tall matrix, shape (m, n), m >= n.

    Attributes
    ----------
    triangle : array, shape (n, n)
        R, upper triangular with zeros below.
    inverse_norm : number
        Frobenius norm of R^-1; infinite or NaN when R is singular.
    multiply : callable
        c, shape (n,), to Q c, shape (m,).
    multiply_transposed : callable
        b, shape (m,), to Q^T b, shape (n,).
    solve : callable
        c to R^-1 c.
    solve_transposed : callable
        c to R^-T c.
    """

    triangle: Array
    inverse_norm: Any
    multiply: Callable[[Array], Array]
    multiply_transposed: Callable[[Array], Array]
    solve: Callable[[Array], Array]
    solve_transposed: Callable[[Array], Array]


@dataclass(frozen=True)
class PivotedCholesky:
    """A symmetric positive semidefinite matrix, factored with diagonal pivoting, as far as it went.

    Attributes
    ----------
    order : integer ndarray, shape (n,)
        Rows of the matrix in the order of the pivots, then those that were not reached.
    pivots : ndarray, shape (r,), float64
        Descending: what was left on the diagonal when each was chosen.
    split : callable
        k to two things: the solver with the leading k x k block B of the reordered matrix, for right
        sides of shape (k, m); and C, shape (k, n - k), such that its first k rows are (B, B C).
    """

    order: np.ndarray
    pivots: np.ndarray
    split: Callable[[int], tuple[Callable[[Array], Array], Array]]


class Arithmetic(ABC):
    """One kind of number: how to make arrays of it, and how to compute with them.

    Attributes
    ----------
    name : str
        The word by which :func:`geomdl.arithmetic.get_arithmetic` finds it, such as ``"float64"``.
    unit_roundoff : float
        Largest relative error of one rounded operation; 0 for exact numbers.
    bytes_per_number : int
        Memory that one number of an array takes, about (numbers that are Python objects: 100).
    chunk : int
        Numbers of a temporary array that a kernel works on at a time, so that they stay in a cache.
    hardware : bool
        True for float32 and float64 with LAPACK or a device's library: the factorizations below that
        work in place are offered.
    reveals_rank : bool
        True when pivoted_cholesky is offered.
    asynchronous : bool
        True on a device that computes while the host goes on. Arguments are then not looked at for NaN
        and infinity, which would make the host wait; they show in the results.
    exact : bool
        True when sums, products and quotients carry no error at all.
    encloses : bool
        True when every number is an interval that contains the true value.
    pseudoinverse_methods : tuple of str
        Methods of :func:`geomdl.pseudoinverse` that it offers, the usual one first.
    """

    name: str
    unit_roundoff: float
    bytes_per_number: int = 100
    chunk: int = 1 << 17
    hardware: bool = False
    reveals_rank: bool = False
    asynchronous: bool = False
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

    def empty(self, shape: int | tuple[int, ...]) -> Array:
        """Return an array to be written to; what it holds until then does not matter."""
        return self.zeros(shape)

    def streaming(self) -> AbstractContextManager[Any]:
        """Return the context in which entrywise operations on large arrays run at their best."""
        return nullcontext()

    # Kernels that write where they are told. Each equals the formula of its body here; an arithmetic
    # overrides what it can do without a temporary array.

    def matmul_into(self, out: Array, left: Array, right: Array) -> None:
        """Write the matrix product ``left @ right`` to ``out``, which may be strided."""
        out[...] = left @ right

    def multiply_into(self, out: Array, left: Array, right: Array) -> None:
        """Write the entrywise product to ``out``, which may be strided, or one of the factors."""
        out[...] = left * right

    def fill(self, out: Array, number: int) -> None:
        """Write one integer to every entry of ``out``, which may be strided."""
        out[...] = self.number(number)

    def outer_into(self, out: Array, left: Array, right: Array) -> None:
        """Write left[j, q, r, m] right[j, r, n] to out[j, q, r, m, n]; out may be strided."""
        out[...] = left[:, :, :, :, None] * right[:, None, :, None, :]

    def repeat(self, array: Array, count: int) -> Array:
        """Repeat every entry along the last axis, as in (1, 1, 2, 2)."""
        return np.repeat(array, count, axis=-1)

    def diagonal_view(self, array: Array, first: int, second: int) -> Array:
        """Return the entries with equal indices on two axes, as a last axis that can be written to."""
        view = array.diagonal(axis1=first, axis2=second)
        view.flags.writeable = True
        return view

    def mirror(self, square: Array) -> None:
        """Overwrite the entries above the diagonal of a square matrix by those below it."""
        for row in range(1, square.shape[0]):
            square[:row, row] = square[row, :row]

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

    def symmetric_product(self, lower: Array, vector: Array) -> Array:
        """Multiply a symmetric matrix that is given by its lower triangle with a vector."""
        raise self._cannot("symmetric_product")

    def cholesky_in_place(self, matrix: Array) -> tuple[Callable[[Array], Array], Any]:
        """Factor a symmetric matrix that is given by its lower triangle, and overwrite it.

        Nothing is raised and no device is waited for.

        Returns
        -------
        solve : callable
            Right sides, shape (n,) or (n, k), to solutions; meaningless when the factorization failed.
        failed : bool or a tensor of one number
            Nonzero when the matrix is not positive definite to the working precision.
        """
        raise self._cannot("cholesky_in_place")

    def pivoted_cholesky(self, lower: Array) -> PivotedCholesky:
        """Factor a symmetric matrix that is given by its lower triangle, and overwrite it.

        The factorization ends where no positive pivot is left.
        """
        raise self._cannot("pivoted_cholesky")

    def qr(self, matrix: Array) -> Orthogonal:
        """Factor a tall matrix A = Q R without pivoting; the matrix may be overwritten."""
        raise self._cannot("qr")

    def single(self) -> Arithmetic:
        """Return the float32 arithmetic of the same library and device; hardware arithmetics only."""
        raise self._cannot("single")

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
