"""Formulas after Definition A.1: A^+ at full rank, and A^+ from singular values.

rank A = m <= n: A is onto and A^+ = A^T (A A^T)^-1. rank A = n <= m: A is one to one and
A^+ = (A^T A)^-1 A^T. In general A = U S V^T gives A^+ = V S^-1 U^T over the nonzero singular values;
exactly so for matrices made of rational rotations and singular values.
"""

import numpy as np

from geomdl.arithmetic import Array
from verification.chenewald2024.matrices import (
    EVERY_SHAPE,
    MATRICES,
    PROPER,
    SCENES,
    SQUARE,
    Matrix,
    bordered_inverse,
    same,
)
from verification.machinery.checks import claim, variant
from verification.machinery.columns import ALGEBRAIC, POINTWISE, RATIONAL
from verification.machinery.points import Point
from verification.machinery.ratios import Ratio, identity
from verification.scenes.matrices import DEFICIENT, FULL_COLUMN_RANK, FULL_ROW_RANK
from verification.scenes.networks import BORDERLINE, FULL_RANK_EXACT, RANK_LOST, UNDER
from verification.scenes.pieces import moore_penrose

ONTO = [scene for scene in EVERY_SHAPE if "full rank" in scene.facts]
ONE_TO_ONE = [scene for scene in EVERY_SHAPE if "injective" in scene.facts]

NO_FULL_ROW_RANK = variant(
    "rank below m", scenes=(*DEFICIENT[3:], *FULL_COLUMN_RANK, *RANK_LOST, *UNDER[:1])
)
NO_FULL_COLUMN_RANK = variant(
    "rank below n", scenes=(*DEFICIENT[3:], FULL_ROW_RANK[-1], *RANK_LOST, *FULL_RANK_EXACT[:1])
)


def full_rank_formula(at: Point, gram: Array, inverse: Array) -> list[Ratio]:
    """Measure that the Gram matrix is invertible and that the formula is the bordered A^+."""
    unit = at.inverse(gram)
    return [
        same(at, gram @ unit, at.eye(len(gram)), power=2),
        same(at, inverse, bordered_inverse(at), power=2),
    ]


@claim(
    "chenewald2024/appendix-full-rank/a",
    scenes=(*FULL_ROW_RANK[2:], *FULL_RANK_EXACT, *BORDERLINE, *ONTO),
    columns=ALGEBRAIC,
    controls=[
        NO_FULL_ROW_RANK,
        variant("Gram matrix not inverted", scenes=FULL_ROW_RANK[-1:], inverse=lambda at: at.D.T),
    ],
)
def test_at_full_row_rank_A_is_onto_and_the_pseudoinverse_is_the_right_inverse(
    at: Point, inverse: Matrix = lambda at: at.pen
) -> list[Ratio]:
    b = at.random(at.D.shape[0])
    onto = same(at, at.D @ (inverse(at) @ b), b, power=2)
    return [onto, *full_rank_formula(at, at.D @ at.D.T, inverse(at))]


@claim(
    "chenewald2024/appendix-full-rank/b",
    scenes=(FULL_COLUMN_RANK[1], FULL_ROW_RANK[2], *UNDER, *BORDERLINE, *ONE_TO_ONE),
    columns=ALGEBRAIC,
    controls=[
        NO_FULL_COLUMN_RANK,
        variant("Gram matrix not inverted", scenes=FULL_COLUMN_RANK[-1:], inverse=lambda at: at.D.T),
    ],
)
def test_at_full_column_rank_A_is_one_to_one_and_the_pseudoinverse_is_the_left_inverse(
    at: Point, inverse: Matrix = lambda at: at.inverse(at.D.T @ at.D) @ at.D.T
) -> list[Ratio]:
    v = at.random(at.D.shape[1])
    one_to_one = same(at, inverse(at) @ (at.D @ v), v, power=2)
    return [one_to_one, *full_rank_formula(at, at.D.T @ at.D, inverse(at))]


def by_singular_values(at: Point, kept: int | None = None, power: int = -1, swap: bool = False) -> Array:
    """V S^-1 U^T, over the singular values that count."""
    u, sigma, vt = at.arithmetic.svd(at.D)
    rank = at.rank if kept is None else kept
    u, sigma, v = u[:, :rank], sigma[:rank], vt[:rank].T
    left, right = (u, v) if swap else (v, u)
    return (left * (1 / sigma if power == -1 else sigma)) @ right.T


@claim(
    "chenewald2024/appendix-full-rank/c",
    scenes=SCENES,
    columns=POINTWISE,
    controls=[
        variant("singular values not inverted", scenes=PROPER, power=1),
        variant("the largest singular value alone", scenes=PROPER[1:], kept=1),
        variant("rounded zeros inverted as well", scenes=RANK_LOST, kept=8),
        variant("U and V exchanged", scenes=SQUARE, swap=True),
    ],
)
def test_singular_value_decomposition_gives_the_pseudoinverse(
    at: Point, kept: int | None = None, power: int = -1, swap: bool = False
) -> Ratio:
    return same(at, by_singular_values(at, kept, power, swap), bordered_inverse(at))


def rational_rotation(at: Point, size: int) -> Array:
    """Return an orthogonal matrix by Cayley's transform of a skew matrix, exact over the rationals."""
    skew = at.random(size, size)
    skew = skew - skew.T
    return (at.eye(size) - skew) @ at.inverse(at.eye(size) + skew)


@claim(
    "chenewald2024/appendix-full-rank/c",
    scenes=(*MATRICES, *EVERY_SHAPE),
    columns=(RATIONAL,),
    controls=[
        variant("singular values not inverted", scenes=PROPER[:3], power=1),
        variant("factors that are not orthogonal", scenes=PROPER[:3], orthogonal=False),
    ],
)
def test_a_known_singular_value_decomposition_gives_the_pseudoinverse_exactly(
    at: Point, power: int = -1, orthogonal: bool = True
) -> Ratio:
    (rows, columns), rank = at.D.shape, at.rank
    factor = rational_rotation if orthogonal else lambda at, size: at.random(size, size)
    u, v = factor(at, rows)[:, :rank], factor(at, columns)[:, :rank]
    sigma = at.arithmetic.array(np.arange(rank, 0, -1)) / at.number(3)
    a = (u * sigma) @ v.T
    return identity((v * sigma**power) @ u.T, moore_penrose(at, a))
