"""Matrices of appendix A, and slow references for projectors, kernels and inverses."""

from collections.abc import Callable
from functools import lru_cache

import numpy as np

from geomdl.arithmetic import Array
from verification.machinery.columns import ALGEBRAIC, Column
from verification.machinery.columns import RATIONAL as EXACT
from verification.machinery.points import Point, Scene
from verification.machinery.ratios import Ratio, identity, property_
from verification.scenes.matrices import DEFICIENT, FULL_COLUMN_RANK, FULL_ROW_RANK, matrix_scene
from verification.scenes.networks import FULL_RANK_EXACT, RANK_LOST, UNDER
from verification.scenes.pieces import moore_penrose

SQUARE = (DEFICIENT[-1], RANK_LOST[0])
"""Square, rank lost, ran A and ran A^T different: products in the wrong order are still defined."""


SQUARED = ALGEBRAIC[1:]
"""Without float32: factoring A^T A squares condition numbers of up to 1e3, to the edge of its digits."""


def row_projector(at: Point) -> Array:
    """Return A^+ A."""
    return plus(at) @ at.D


def range_projector(at: Point) -> Array:
    """Return A A^+."""
    return at.D @ plus(at)


def transposed_plus(at: Point) -> Array:
    """Return (A^T)^+."""
    return moore_penrose(at, at.D.T)


def orthogonal_projector(at: Point, vectors: Array) -> Array:
    """Return the projector onto the span of the columns, by Gram-Schmidt: v minus what is left of it."""
    left_over = at.eye(len(vectors))
    for _ in range(at.rank):
        lengths = at.arithmetic.to_float64((vectors * vectors).sum(axis=0))
        q = vectors[:, int(lengths.argmax())]
        square = q @ q
        vectors = vectors - q[:, None] * (q @ vectors)[None, :] / square
        left_over = left_over - q[:, None] * (q @ left_over)[None, :] / square
    return at.eye(len(vectors)) - left_over


def kernel(at: Point, matrix: Array) -> Array:
    """Return a basis of the kernel as columns, by elimination with complete pivoting.

    Exact arithmetic finds the rank by itself; the others stop at the rank of the scene.
    """
    work, (rows, columns) = np.array(matrix, dtype=matrix.dtype, copy=True, subok=True), matrix.shape
    order, rank = np.arange(columns), 0
    while rank < (min(rows, columns) if at.arithmetic.exact else at.rank):
        block = abs(at.arithmetic.to_float64(work[rank:, rank:]))
        if not block.any():
            break
        row, column = divmod(int(block.argmax()), block.shape[1])
        work[[rank, rank + row]] = work[[rank + row, rank]]
        work[:, [rank, rank + column]] = work[:, [rank + column, rank]]
        order[[rank, rank + column]] = order[[rank + column, rank]]
        pivot = work[rank] / work[rank, rank]
        work = work - work[:, rank][:, None] * pivot[None, :]
        work[rank] = pivot
        rank += 1
    basis = at.arithmetic.zeros((columns, columns - rank))
    basis[order[:rank]] = -work[:rank, rank:]
    basis[order[rank:]] = at.eye(columns - rank)
    return basis


def bordered_inverse(at: Point) -> Array:
    """Return A^+ by bordering A with bases of the kernels of A^T and A."""
    (rows, columns), zeros = at.D.shape, at.arithmetic.zeros
    u, v = kernel(at, at.D.T), kernel(at, at.D)
    above = at.arithmetic.concatenate([at.D, u], axis=1)
    below = at.arithmetic.concatenate([v.T, zeros((v.shape[1], u.shape[1]))], axis=1)
    right = at.arithmetic.concatenate([at.eye(rows), zeros((v.shape[1], rows))])
    return at.arithmetic.solve(at.arithmetic.concatenate([above, below]), right)[:columns]


def same(at: Point, left: Array, right: Array, power: int = 1) -> Ratio:
    """Measure equality; the condition number enters with the power of the error model."""
    return identity(left, right, size=at.size, condition=at.kappa**power)


def vanishes_on(at: Point, matrix: Array, vectors: Array, power: int = 1) -> Ratio:
    """Measure that a matrix maps the columns to zero."""
    if vectors.shape[1] == 0:
        return property_(True, "the kernel is {0}")
    image = matrix @ vectors
    scale = at.arithmetic.largest(matrix) * at.arithmetic.largest(vectors)
    return identity(image, 0 * image, scale=scale, size=at.size, condition=at.kappa**power)


class ExactScene(Scene):
    """A scene for rational arithmetic only: too small for a ladder, which rests on rounding."""

    def runs_in(self, column: Column) -> bool:
        """Tell whether the column is the exact one."""
        return column == EXACT


MATRICES = (*FULL_ROW_RANK[2:], *FULL_COLUMN_RANK[1:], *DEFICIENT)


EVERY_SHAPE = tuple(
    ExactScene(**vars(scene))
    for rows in range(1, 5)
    for columns in range(1, 5)
    for rank in range(min(rows, columns) + 1)
    if (scene := matrix_scene(rows, columns, rank)).name not in {each.name for each in MATRICES}
)
"""Every shape up to 4 x 4 with every rank, 0 included."""


SCENES = (*MATRICES, *FULL_RANK_EXACT[:1], *RANK_LOST, *UNDER[:1], *EVERY_SHAPE)


PROPER = (*DEFICIENT[2:], *RANK_LOST)
"""Rank at least 1 and below both dimensions: elsewhere some of the four families are empty."""


@lru_cache(maxsize=4096)
def _plus(scene: Scene, column: Column, seed: int) -> Array:
    at = scene.at(column, seed)
    return at.pinv.matrix()


def plus(at: Point) -> Array:
    """Return A^+ for A = D, remembered: its factorization in many digits takes most of the time."""
    return _plus(at.scene, at.column, at.seed)


def projectors(at: Point) -> tuple[Array, Array]:
    """Return A^+ A and A A^+."""
    return plus(at) @ at.D, at.D @ plus(at)


def violating_first(at: Point) -> Array:
    """Return the zero matrix, which meets (A.2)-(A.4)."""
    return at.arithmetic.zeros(at.D.T.shape)


def violating_third(at: Point) -> Array:
    """Return a matrix that meets (A.1), (A.2), (A.4)."""
    (p, r), w = projectors(at), at.random(*at.D.T.shape)
    return plus(at) + p @ w @ (at.eye(len(r)) - r)


def violating_fourth(at: Point) -> Array:
    """Return a matrix that meets (A.1)-(A.3)."""
    (p, r), w = projectors(at), at.random(*at.D.T.shape)
    return plus(at) + (w - p @ w) @ r


Matrix = Callable[[Point], Array]
