"""What the object-array arithmetics (multiprecision, balls, rationals) share: arrays, elimination."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np

from geomdl.arithmetic.base import Arithmetic, Array, SingularMatrixError, as_numpy
from geomdl.arithmetic.owned import OwnedArray


class ObjectArithmetic(Arithmetic):
    """Numbers that live in NumPy arrays of dtype object."""

    def convert(self, value: Any) -> Any:
        """Convert one number."""
        raise NotImplementedError

    def working(self) -> AbstractContextManager[Any]:
        """Return the context in which single numbers are computed with."""
        return nullcontext()

    def own(self, value: Any) -> Any:
        """Mark an object array as one of this arithmetic; anything else is returned as it is."""
        if isinstance(value, np.ndarray) and value.dtype == object:
            value = value.view(OwnedArray)
            value.arithmetic = self
        return value

    def multiply(self, left: np.ndarray, right: np.ndarray) -> np.ndarray:
        """Return ``left @ right`` for plain object arrays; called for ``@`` of owned arrays."""
        if right.ndim > 2 or left.shape[-1] != right.shape[0]:
            return np.matmul(left, right)
        if not left.size or not right.size:
            return np.full(left.shape[:-1] + right.shape[1:], self.convert(0), dtype=object)[()]
        rows, columns = left.reshape(-1, left.shape[-1]), right.reshape(right.shape[0], -1)
        return self.product(rows, columns).reshape(left.shape[:-1] + right.shape[1:])[()]

    def product(self, left: np.ndarray, right: np.ndarray) -> np.ndarray:
        """Return the product of two plain matrices, at once where an arithmetic can."""
        return np.matmul(left, right)

    def array(self, values: Any) -> Array:
        """Convert number by number; float64 entries are taken at their exact binary value."""
        values = as_numpy(values)
        result = np.empty(values.shape, dtype=object)
        with self.working():
            result.ravel()[:] = [
                # a ball taken out of an array is an array without dimensions
                self.convert(value.item() if isinstance(value, np.ndarray) else value)
                for value in values.ravel().tolist()
            ]
        return self.own(result)

    def zeros(self, shape: int | tuple[int, ...]) -> Array:
        """Return an object array that holds zeros of this arithmetic."""
        return self.own(np.full(shape, self.convert(0), dtype=object))

    def to_float64(self, array: Array) -> np.ndarray:
        """Round every entry to float64."""
        array = np.asarray(array, dtype=object)
        with self.working():
            flat = [float(value) for value in array.ravel()]
        return np.array(flat, dtype=np.float64).reshape(array.shape)

    def entrywise(self, function: Callable[[Any], Any], z: Any) -> Any:
        """Apply a function of one number to every entry, or to a single number."""
        if not isinstance(z, np.ndarray):
            with self.working():
                return function(z)
        result = np.empty(z.shape, dtype=object)
        with self.working():
            result.ravel()[:] = [function(value) for value in np.asarray(z).ravel()]
        return self.own(result)

    def largest(self, array: Array) -> Any:
        """Return the largest absolute value; NaN if there is one, 0 for an empty array."""
        flat = np.asarray(array).ravel()
        strange = next((value for value in flat if value != value), None)
        return super().largest(array) if strange is None else abs(strange)

    def solve(self, matrix: Array, right: Array) -> Array:
        """Solve by Gaussian elimination with the largest pivot of each column."""
        size = matrix.shape[0]
        right_matrix = right.reshape(size, -1)
        work = np.concatenate([np.asarray(matrix), np.asarray(right_matrix)], axis=1)
        floor = self.unit_roundoff * size * self.largest(matrix)
        for column in range(size):
            pivot = max(range(column, size), key=lambda row: abs(work[row, column]))
            if abs(work[pivot, column]) <= floor:
                raise SingularMatrixError(
                    f"a {size} x {size} matrix is singular to {self.name} precision (pivot "
                    f"{column + 1}); use pseudoinverse() where the rank may be lost"
                )
            work[[column, pivot]] = work[[pivot, column]]
            below = work[column + 1 :, column] / work[column, column]
            work[column + 1 :, column:] -= below[:, None] * work[column, column:][None, :]
        solution = work[:, size:]
        for row in range(size - 1, -1, -1):
            solution[row] = (
                solution[row] - work[row, row + 1 : size] @ solution[row + 1 :]
                if row + 1 < size
                else solution[row]
            ) / work[row, row]
        return self.own(solution.reshape(right.shape))
