r"""Linear algebra modulo a prime in float64, without a single rounding, by way of the BLAS.

Residues are kept balanced, |r| <= p/2 + 1, as integers in float64. With p just below 2^21 a sum of 2048
products is below 2^52: every intermediate result of a matrix product is an integer that float64 holds
exactly, in whatever order it is summed, so products run at the speed of the BLAS (the idea of FFLAS;
Dumas, Giorgi, Pernet, ACM TOMS 35, 2008) and assume nothing about its rounding.

For a matrix A of rational numbers whose denominators p does not divide, rank (A mod p) <= rank A, since
a minor that vanishes over the rationals vanishes modulo p: a certified lower bound of the rank.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

PRIMES = (2097143, 2097133, 2097131, 2097097, 2097091, 2097083, 2097047, 2097041)
"""The largest primes below 2^21."""

TERMS = 2048
BLOCK = 96

Progress = Callable[[str], None]


class BadPrimeError(ArithmeticError):
    """A denominator vanishes modulo the prime: take another one."""


def balanced(integers: np.ndarray, prime: int) -> np.ndarray:
    """Reduce integers in float64, at most 2^52 in absolute value, to balanced residues.

    x / p is rounded, so its nearest integer q may be off by one at a tie only: |x - p q| <= p/2 + 1, and
    p q and the difference are integers below 2^53, hence exact.
    """
    return integers - prime * np.rint(integers / prime)


def product(left: np.ndarray, right: np.ndarray, prime: int) -> np.ndarray:
    """Multiply matrices of balanced residues."""
    total = np.zeros((left.shape[0], right.shape[1]))
    for start in range(0, left.shape[1], TERMS):
        part = left[:, start : start + TERMS] @ right[start : start + TERMS]
        total = balanced(total + balanced(part, prime), prime)
    return total


def times(left: np.ndarray, right: np.ndarray, prime: int) -> np.ndarray:
    """Multiply balanced residues entry by entry."""
    return balanced(left * right, prime)


def inverses(values: np.ndarray, prime: int) -> np.ndarray:
    """Invert balanced residues entry by entry, by Fermat: v^(p - 2).

    Raises
    ------
    BadPrimeError
        Where one vanishes.
    """
    if not np.all(values):
        raise BadPrimeError(f"a denominator vanishes modulo {prime}")
    return power(values, np.array(prime - 2), prime)


def power(values: np.ndarray, exponents: np.ndarray, prime: int) -> np.ndarray:
    """Raise balanced residues to nonnegative integer powers (int64), by repeated squaring."""
    result = np.ones(np.broadcast_shapes(values.shape, exponents.shape))
    square, left = values, exponents.astype(np.int64)
    while np.any(left):
        odd = (left & 1).astype(bool)
        result = np.where(odd, times(result, square, prime), result)
        square, left = times(square, square, prime), left >> 1
    return result


def residues(numbers: np.ndarray, prime: int) -> np.ndarray:
    """Map floats (taken exactly), integers or ``fractions.Fraction`` to balanced residues.

    Raises
    ------
    BadPrimeError
        When the prime divides a denominator.
    """
    if numbers.dtype == object:
        flat = np.array([_residue(Fraction(number), prime) for number in numbers.ravel()], dtype=float)
        return balanced(flat, prime).reshape(numbers.shape)
    mantissa, exponent = np.frexp(numbers.astype(np.float64))
    whole = np.ldexp(mantissa, 53).astype(np.int64) % prime
    shifts = exponent.astype(np.int64) - 53
    two = {int(shift): pow(2, int(shift), prime) for shift in np.unique(shifts)}
    factors = np.array([two[int(shift)] for shift in shifts.ravel()], dtype=np.int64)
    return balanced((whole * factors.reshape(shifts.shape) % prime).astype(np.float64), prime)


def _residue(number: Fraction, prime: int) -> int:
    if number.denominator % prime == 0:
        raise BadPrimeError(f"a denominator vanishes modulo {prime}")
    return number.numerator * pow(number.denominator, -1, prime) % prime


@dataclass(frozen=True)
class ModularRank:
    """The rank of a matrix modulo a prime, with a nonsingular submatrix of that size.

    Attributes
    ----------
    rank : int
    rows, columns : tuples of int
        Of the nonsingular submatrix.
    """

    rank: int
    rows: tuple[int, ...]
    columns: tuple[int, ...]


def modular_rank(
    blocks: np.ndarray | Iterable[np.ndarray],
    prime: int,
    *,
    rows: int | None = None,
    progress: Progress | None = None,
) -> ModularRank:
    """Find the rank modulo a prime by Gaussian elimination in blocks of columns.

    Parameters
    ----------
    blocks : ndarray, shape (m, n), or an iterable of blocks of its columns
        Balanced residues. Blocks are asked for one after the other, and no more once the rank is m.
    prime : int
    rows : int, optional
        m, for an iterable.
    progress : callable, optional
        Given a line now and then.

    Returns
    -------
    ModularRank

    Examples
    --------
    >>> modular_rank(np.array([[1.0, 2.0], [2.0, 4.0]]), 2097143).rank
    1
    """
    if isinstance(blocks, np.ndarray):
        rows = len(blocks)
        whole = blocks
        blocks = (whole[:, start : start + BLOCK] for start in range(0, whole.shape[1], BLOCK))
    assert rows is not None
    elimination = _Elimination(rows, prime)
    for block in blocks:
        for start in range(0, block.shape[1], BLOCK):
            elimination.take(block[:, start : start + BLOCK])
            if elimination.rank == rows:
                return elimination.found()
        if progress is not None:
            progress(f"rank modulo {prime}: {elimination.rank} of {rows}")
    return elimination.found()


class _Elimination:
    """Left-looking LU decomposition P A = L U, of which only L is kept.

    ``order`` permutes the rows so that the pivots come first; ``lower`` holds, in permuted rows, the
    columns of L below a unit diagonal. A new block of columns is brought up to date block by block.
    """

    def __init__(self, rows: int, prime: int) -> None:
        self.prime = prime
        self.order = np.arange(rows)
        self.lower = np.zeros((rows, rows))
        self.steps: list[tuple[int, int, np.ndarray]] = []  # start, stop, inverse of the diagonal block
        self.rank = 0
        self.seen = 0
        self.columns: list[int] = []

    def found(self) -> ModularRank:
        """Return what is known by now."""
        pivots = tuple(int(row) for row in self.order[: self.rank])
        return ModularRank(self.rank, pivots, tuple(self.columns))

    def take(self, block: np.ndarray) -> None:
        """Eliminate a block of columns with the pivots that there are, then find its own pivots."""
        work, prime = block[self.order], self.prime
        for start, stop, inverse in self.steps:
            if start:
                change = product(self.lower[start:stop, :start], work[:start], prime)
                work[start:stop] = balanced(work[start:stop] - change, prime)
            work[start:stop] = product(inverse, work[start:stop], prime)
        if self.rank:
            change = product(self.lower[self.rank :, : self.rank], work[: self.rank], prime)
            work[self.rank :] = balanced(work[self.rank :] - change, prime)
        begin = self.rank
        self._pivot(work)
        if self.rank > begin:
            square = self.lower[begin : self.rank, begin : self.rank]
            self.steps.append((begin, self.rank, _unit_lower_inverse(square, self.prime)))
        self.seen += block.shape[1]

    def _pivot(self, work: np.ndarray) -> None:
        for column in range(work.shape[1]):
            places = np.flatnonzero(work[self.rank :, column])
            if not places.size:
                continue
            here, there = self.rank, self.rank + int(places[0])
            for array in (work, self.order, self.lower):
                array[[here, there]] = array[[there, here]]
            pivot = int(work[here, column]) % self.prime
            factor = float(pow(pivot, -1, self.prime))
            scaled = balanced(work[here + 1 :, column] * factor, self.prime)
            self.lower[here + 1 :, here] = scaled
            rest = work[here + 1 :, column + 1 :]
            rest -= scaled[:, None] * work[here, column + 1 :][None, :]
            work[here + 1 :, column + 1 :] = balanced(rest, self.prime)
            self.columns.append(self.seen + column)
            self.rank += 1
            if self.rank == len(work):
                return


def _unit_lower_inverse(matrix: np.ndarray, prime: int) -> np.ndarray:
    """Invert a unit lower triangular matrix, of which only the part below the diagonal is read."""
    size = len(matrix)
    inverse = np.eye(size)
    for row in range(1, size):
        inverse[row, :row] = -product(matrix[row : row + 1, :row], inverse[:row, :row], prime)
    return inverse
