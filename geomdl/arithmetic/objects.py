"""What the object-array arithmetics (multiprecision, rationals) share: arrays and elimination."""

from __future__ import annotations

from typing import Any

import numpy as np

from geomdl.arithmetic.base import Arithmetic, Array, SingularMatrixError


class ObjectArithmetic(Arithmetic):
    """Numbers that live in NumPy arrays of dtype object."""

    def convert(self, value: Any) -> Any:
        """Convert one number."""
        raise NotImplementedError

    def array(self, values: Any) -> Array:
        """Convert number by number; float64 entries are taken at their exact binary value."""
        values = np.asarray(values)
        result = np.empty(values.shape, dtype=object)
        result.ravel()[:] = [self.convert(value) for value in values.ravel().tolist()]
        return result

    def zeros(self, shape: int | tuple[int, ...]) -> Array:
        """Return an object array that holds zeros of this arithmetic."""
        return np.full(shape, self.number(0), dtype=object)

    def to_float64(self, array: Array) -> np.ndarray:
        """Round every entry to float64."""
        array = np.asarray(array, dtype=object)
        flat = [float(value) for value in array.ravel()]
        return np.array(flat, dtype=np.float64).reshape(array.shape)

    def solve(self, matrix: Array, right: Array) -> Array:
        """Solve by Gaussian elimination with the largest pivot of each column."""
        size = matrix.shape[0]
        right_matrix = right.reshape(size, -1)
        work = np.concatenate([matrix, right_matrix], axis=1)
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
        return solution.reshape(right.shape)
