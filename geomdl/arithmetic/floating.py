"""float32 and float64 on NumPy arrays, with LAPACK called through SciPy.

NumPy's ``linalg`` computes float32 factorizations in float64 and rounds the result, which would make
every float32 column of the tables a float64 one in disguise; SciPy calls the single precision LAPACK.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import cache
from typing import Any

import numpy as np
from scipy import linalg, special

from geomdl.arithmetic.base import (
    Arithmetic,
    Array,
    Orthogonal,
    PivotedCholesky,
    SingularMatrixError,
    as_numpy,
)
from geomdl.arithmetic.outer_products import smallest_buffer, write_outer_products


class Floating(Arithmetic):
    """NumPy arrays of one floating-point dtype.

    Parameters
    ----------
    dtype : numpy dtype
        ``numpy.float32`` or ``numpy.float64``.

    Examples
    --------
    >>> FLOAT32.unit_roundoff == 2.0**-24
    True
    >>> FLOAT32.svd(FLOAT32.eye(2))[1].dtype
    dtype('float32')
    """

    pseudoinverse_methods = ("svd", "qr", "normal")
    hardware = True
    reveals_rank = True

    def __init__(self, dtype: type[np.floating[Any]]) -> None:
        self.dtype = np.dtype(dtype)
        self.bytes_per_number = self.dtype.itemsize
        self.name = self.dtype.name
        self.unit_roundoff = float(np.finfo(dtype).eps) / 2
        # Looked up once: to find them takes longer than to solve a small system.
        self._potrf, self._potrs = linalg.get_lapack_funcs(("potrf", "potrs"), dtype=self.dtype)
        (self._symv,) = linalg.get_blas_funcs(("symv",), dtype=self.dtype)

    def array(self, values: Any) -> Array:
        """Convert to this dtype, rounding each number once."""
        values = as_numpy(values)
        if values.dtype.kind == "c":
            raise TypeError("got an array of complex numbers; expected real numbers")
        if values.dtype == object:
            # float() of an mpf or a Fraction rounds correctly; astype would go through object loops
            # of unknown rounding for some number types.
            flat = [float(value) for value in values.ravel()]
            values = np.array(flat, dtype=np.float64).reshape(values.shape)
        return values.astype(self.dtype)

    def number(self, numerator: int, denominator: int = 1) -> Any:
        """Return the rounded quotient as a NumPy scalar."""
        return self.dtype.type(numerator / denominator)

    def zeros(self, shape: int | tuple[int, ...]) -> Array:
        """Return zeros of this dtype."""
        return np.zeros(shape, dtype=self.dtype)

    def to_float64(self, array: Array) -> np.ndarray:
        """Return the array as float64 (exact)."""
        return np.asarray(array, dtype=np.float64)

    def all_finite(self, array: Array) -> bool:
        """Tell whether no entry is NaN or infinite."""
        return bool(np.isfinite(array).all())

    def empty(self, shape: int | tuple[int, ...]) -> Array:
        """Return an array whose memory was not written to."""
        return np.empty(shape, dtype=self.dtype)

    def matmul_into(self, out: Array, left: Array, right: Array) -> None:
        """Write the matrix product to ``out``."""
        np.matmul(left, right, out=out)

    def multiply_into(self, out: Array, left: Array, right: Array) -> None:
        """Write the entrywise product to ``out``."""
        np.multiply(left, right, out=out)

    def streaming(self) -> AbstractContextManager[Any]:
        """Give NumPy its smallest buffer: through a larger one it sends every strided operand."""
        return smallest_buffer()

    def repeat(self, array: Array, count: int) -> Array:
        """Repeat every entry along the last axis."""
        return array if count == 1 else np.repeat(array, count, axis=-1)

    def outer_into(self, out: Array, left: Array, right: Array) -> None:
        """Write left[j, q, r, m] right[j, r, n] to out, close to the speed of filling it."""
        write_outer_products(out, left, right)

    def mirror(self, square: Array) -> None:
        """Overwrite the entries above the diagonal by those below it."""
        np.copyto(square, square.T, where=_above_diagonal(len(square)))

    def exp(self, z: Array) -> Array:
        """Exponential."""
        return np.exp(z)

    def tanh(self, z: Array) -> Array:
        """Hyperbolic tangent."""
        return np.tanh(z)

    def sigmoid(self, z: Array) -> Array:
        """Logistic function."""
        return special.expit(z)

    def softplus(self, z: Array) -> Array:
        """Return log(1 + exp(z)) without overflow."""
        return np.logaddexp(z, self.dtype.type(0))

    def sin(self, z: Array) -> Array:
        """Sine."""
        return np.sin(z)

    def cos(self, z: Array) -> Array:
        """Cosine."""
        return np.cos(z)

    def erf(self, z: Array) -> Array:
        """Error function."""
        return special.erf(z)

    def sqrt(self, z: Array) -> Array:
        """Square root."""
        return np.sqrt(z)

    def pi(self) -> Any:
        """Return pi rounded to this dtype."""
        return self.dtype.type(math.pi)

    def solve(self, matrix: Array, right: Array) -> Array:
        """Solve by LU with partial pivoting."""
        factor, pivots, status = linalg.get_lapack_funcs("getrf", (matrix,))(matrix)
        pivot = np.abs(factor.diagonal()).min()
        floor = len(matrix) * self.unit_roundoff * self.largest(matrix)
        if status > 0 or not floor < pivot < np.inf or not np.all(np.isfinite(factor)):
            raise SingularMatrixError(
                f"a {matrix.shape[0]} x {matrix.shape[1]} matrix is singular to {self.name} "
                "precision; use pseudoinverse() where the rank may be lost"
            )
        return linalg.lu_solve((factor, pivots), right, check_finite=False)

    def svd(self, matrix: Array) -> tuple[Array, Array, Array]:
        """Thin SVD by LAPACK's gesdd, gesvd where that fails to converge."""
        try:
            return linalg.svd(matrix, full_matrices=False, check_finite=False)
        except linalg.LinAlgError:
            return linalg.svd(matrix, full_matrices=False, check_finite=False, lapack_driver="gesvd")

    def pivoted_qr(self, matrix: Array) -> tuple[Array, Array, np.ndarray]:
        """QR with column pivoting by LAPACK's geqp3."""
        return linalg.qr(matrix, mode="economic", pivoting=True, check_finite=False)

    def cholesky(self, matrix: Array) -> Callable[[Array], Array]:
        """Factor by LAPACK's potrf."""
        try:
            factor = linalg.cho_factor(matrix, lower=True, check_finite=False)
        except linalg.LinAlgError as error:
            raise SingularMatrixError(
                f"a {matrix.shape[0]} x {matrix.shape[0]} Gram matrix is not positive definite to "
                f"{self.name} precision; use method='svd' where the rank may be lost"
            ) from error
        return lambda right: linalg.cho_solve(factor, right, check_finite=False)

    def symmetric_product(self, lower: Array, vector: Array) -> Array:
        """Multiply by BLAS's symv."""
        # In BLAS's column order the lower triangle of rows is the upper one.
        return self._symv(1, lower.T, vector, lower=False)

    def cholesky_in_place(self, matrix: Array) -> tuple[Callable[[Array], Array], Any]:
        """Factor by LAPACK's potrf."""
        # In LAPACK's column order the lower triangle of rows is the upper one.
        factor, status = self._potrf(matrix.T, lower=False, overwrite_a=True, clean=False)
        return lambda right: self._potrs(factor, right, lower=False)[0], status != 0

    def pivoted_cholesky(self, lower: Array) -> PivotedCholesky:
        """Factor by LAPACK's pstrf."""
        pstrf, trtrs = linalg.get_lapack_funcs(("pstrf", "trtrs"), dtype=self.dtype)
        triangle, order, count, _ = pstrf(lower.T, tol=0, lower=False, overwrite_a=True)

        def split(rank: int) -> tuple[Callable[[Array], Array], Array]:
            leading = np.asfortranarray(triangle[:rank, :rank])
            # The block is U^T U and the other columns are U^T times theirs.
            combinations, _ = trtrs(leading, triangle[:rank, rank:])
            return lambda right: self._potrs(leading, right, lower=False)[0], combinations

        pivots = self.to_float64(triangle.diagonal()[:count]) ** 2
        return PivotedCholesky(order - 1, pivots, split)

    def qr(self, matrix: Array) -> Orthogonal:
        """Factor by LAPACK's geqrf; Q stays a product of reflections."""
        (packed, tau), triangle = linalg.qr(matrix, mode="raw", overwrite_a=True, check_finite=False)
        (m, n), triangle = packed.shape, triangle[: packed.shape[1]]
        ormqr, trtri, trtrs = linalg.get_lapack_funcs(("ormqr", "trtri", "trtrs"), dtype=self.dtype)

        def reflect(vector: Array, transposed: str) -> Array:
            column = np.zeros((m, 1), dtype=self.dtype, order="F")
            column[: len(vector), 0] = vector
            work = int(ormqr("L", transposed, packed, tau, column, -1)[1][0])
            return ormqr("L", transposed, packed, tau, column, work, overwrite_c=True)[0][:, 0]

        inverse, status = trtri(triangle)
        return Orthogonal(
            triangle,
            np.inf if status else np.linalg.norm(inverse),
            lambda c: reflect(c, "N"),
            lambda b: reflect(b, "T")[:n],
            lambda c: trtrs(triangle, c)[0],
            lambda c: trtrs(triangle, c, trans=1)[0],
        )

    def single(self) -> Arithmetic:
        """Return float32."""
        return FLOAT32


@cache
def _above_diagonal(size: int) -> np.ndarray:
    return np.triu(np.ones((size, size), dtype=bool), 1)


FLOAT32 = Floating(np.float32)
FLOAT64 = Floating(np.float64)
