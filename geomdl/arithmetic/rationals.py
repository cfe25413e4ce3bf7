"""Exact rational numbers: identities of algebra hold with residual zero or not at all."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np

from geomdl.arithmetic.base import Array
from geomdl.arithmetic.objects import ObjectArithmetic


class Rationals(ObjectArithmetic):
    """Object arrays of ``fractions.Fraction``.

    Examples
    --------
    >>> left, right = RATIONAL.rank_factorization(RATIONAL.array([[1, 2], [2, 4]]))
    >>> left.shape, right.shape
    ((2, 1), (1, 2))
    """

    name = "rational"
    unit_roundoff = 0.0
    exact = True

    def convert(self, value: Any) -> Fraction:
        """Convert an int, float (at its exact binary value) or Fraction."""
        return value if isinstance(value, Fraction) else Fraction(value)

    def number(self, numerator: int, denominator: int = 1) -> Fraction:
        """Return the fraction itself."""
        return Fraction(numerator, denominator)

    def all_finite(self, array: Array) -> bool:
        """Fractions are always finite."""
        return True

    def row_echelon(self, matrix: Array) -> tuple[Array, list[int]]:
        """Return the reduced row echelon form and its pivot columns."""
        work = np.array(matrix, dtype=object, copy=True)
        rows, columns = work.shape
        pivots: list[int] = []
        for column in range(columns):
            row = len(pivots)
            if row == rows:
                break
            pivot = next((i for i in range(row, rows) if work[i, column] != 0), None)
            if pivot is None:
                continue
            work[[row, pivot]] = work[[pivot, row]]
            work[row] = work[row] / work[row, column]
            others = np.arange(rows) != row
            work[others] -= work[others, column][:, None] * work[row][None, :]
            pivots.append(column)
        return work, pivots

    def rank_factorization(self, matrix: Array) -> tuple[Array, Array]:
        """Factor A = F G: F the pivot columns of A, G the nonzero rows of the echelon form."""
        echelon, pivots = self.row_echelon(matrix)
        return matrix[:, pivots], echelon[: len(pivots)]


RATIONAL = Rationals()
