"""Exact rational numbers: identities of algebra hold with residual zero or not at all.

Numbers are ``fractions.Fraction``, with or without python-flint (extra ``rigorous``). Where it is
present, products, solves and echelon forms go through its ``fmpq_mat``: the same numbers, sooner.
"""

from __future__ import annotations

import math
from fractions import Fraction
from functools import cache
from types import ModuleType
from typing import Any

import numpy as np

from geomdl.arithmetic.base import Array, SingularMatrixError
from geomdl.arithmetic.objects import ObjectArithmetic

MERSENNE_PRIME = 2**61 - 1


@cache
def _flint() -> ModuleType | None:
    try:
        import flint
    except ModuleNotFoundError:
        return None
    return flint


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
    pseudoinverse_methods = ("rational",)

    def convert(self, value: Any) -> Fraction:
        """Convert an int, float (at its exact binary value), Fraction or fmpq."""
        if type(value).__name__ == "fmpq":
            return Fraction(int(value.p), int(value.q))
        if isinstance(value, Fraction):
            return value
        if isinstance(value, complex | np.complexfloating):
            raise TypeError(f"got the complex number {value}; expected real numbers")
        if hasattr(value, "man_exp"):
            mantissa, exponent = value.man_exp
            return Fraction(int(mantissa)) * Fraction(2) ** int(exponent)
        try:
            return Fraction(value)
        except (OverflowError, ValueError) as error:
            raise ValueError(f"got {value}; expected finite numbers") from error

    def number(self, numerator: int, denominator: int = 1) -> Fraction:
        """Return the fraction itself."""
        return Fraction(numerator, denominator)

    def all_finite(self, array: Array) -> bool:
        """Fractions are always finite."""
        return True

    def product(self, left: np.ndarray, right: np.ndarray) -> np.ndarray:
        """Return the product of two matrices."""
        if _flint() is None:
            return np.matmul(left, right)
        return _from_flint(_to_flint(left) * _to_flint(right))

    def solve(self, matrix: Array, right: Array) -> Array:
        """Solve exactly."""
        if _flint() is None or not right.size:
            return super().solve(matrix, right)
        size = matrix.shape[0]
        try:
            solution = _to_flint(matrix).solve(_to_flint(right.reshape(size, -1)))
        except ZeroDivisionError as error:
            raise SingularMatrixError(
                f"a {size} x {size} matrix of rationals is singular; use pseudoinverse() where the "
                "rank may be lost"
            ) from error
        return self.own(_from_flint(solution).reshape(right.shape))

    def row_echelon(self, matrix: Array) -> tuple[Array, list[int]]:
        """Return the reduced row echelon form and its pivot columns."""
        if _flint() is None or not matrix.size:
            return self._eliminate(matrix)
        reduced, rank = _to_flint(matrix).rref()
        echelon = _from_flint(reduced)
        pivots = [int(np.flatnonzero(echelon[row] != 0)[0]) for row in range(rank)]
        return self.own(echelon), pivots

    def _eliminate(self, matrix: Array) -> tuple[Array, list[int]]:
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
        return self.own(work), pivots

    def rank_factorization(self, matrix: Array) -> tuple[Array, Array]:
        """Factor A = F G: F the pivot columns of A, G the nonzero rows of the echelon form."""
        echelon, pivots = self.row_echelon(matrix)
        return matrix[:, pivots], echelon[: len(pivots)]

    def rank_modulo(self, matrix: Array, prime: int = MERSENNE_PRIME) -> int:
        """Return the rank modulo a prime of the matrix with its denominators cleared row by row.

        Never above the rank over the rationals, and equal to it unless the prime divides every
        largest nonzero minor: a certified lower bound, from another algorithm.

        Examples
        --------
        >>> RATIONAL.rank_modulo(RATIONAL.array([[1, 2], [3, 13]]), prime=7)
        1
        """
        rows = []
        for row in np.asarray(matrix):
            common = math.lcm(*(entry.denominator for entry in row))
            rows.append([int(entry * common) % prime for entry in row])
        flint = _flint()
        if flint is not None and rows:
            return int(
                flint.nmod_mat(
                    len(rows), matrix.shape[1], [x for row in rows for x in row], prime
                ).rank()
            )
        work, rank = np.array(rows, dtype=object).reshape(matrix.shape), 0
        for column in range(work.shape[1]):
            found = np.flatnonzero(work[rank:, column])
            if not found.size:
                continue
            work[[rank, rank + found[0]]] = work[[rank + found[0], rank]]
            factors = work[rank + 1 :, column] * pow(int(work[rank, column]), -1, prime) % prime
            work[rank + 1 :] = (work[rank + 1 :] - factors[:, None] * work[rank][None, :]) % prime
            rank += 1
        return rank


def _to_flint(matrix: Array) -> Any:
    flint = _flint()
    assert flint is not None
    entries = [flint.fmpq(entry.numerator, entry.denominator) for entry in np.asarray(matrix).ravel()]
    return flint.fmpq_mat(*matrix.shape, entries)


def _from_flint(matrix: Any) -> np.ndarray:
    result = np.empty((matrix.nrows(), matrix.ncols()), dtype=object)
    result.ravel()[:] = [Fraction(int(entry.p), int(entry.q)) for entry in matrix.entries()]
    return result


RATIONAL = Rationals()
