"""Remark before Lemma A.2: A^+ A = A A^+ fails in general and holds for symmetric A.

The two products are the projectors onto ran A^T and ran A. For A that is not square they are not even
of one size; the scenes are square.
"""

import numpy as np

from verification.chenewald2024.matrices import range_projector, row_projector, same
from verification.machinery.checks import claim, variant
from verification.machinery.columns import ALGEBRAIC
from verification.machinery.points import Point, Scene
from verification.machinery.ratios import Ratio, property_
from verification.scenes.matrices import ATTEMPTS, FULL_ROW_RANK, LARGEST_CONDITION
from verification.scenes.networks import BORDERLINE, RANK_LOST


def fixed_scene(name: str, rows: list[list[int]]) -> Scene:
    """Make a scene of one given matrix."""
    matrix = np.array(rows)
    return Scene(name, lambda _: (matrix, np.ones(len(matrix), dtype=np.int64)), exact=True)


def symmetric_scene(size: int, rank: int) -> Scene:
    """Make a scene of a symmetric, indefinite integer matrix F diag(1, -1, 1, ...) F^T of this rank."""
    name = f"matrix-symmetric-{size}x{size}-rank{rank}"
    signs = (-1) ** np.arange(rank)

    def draw(generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        for _ in range(ATTEMPTS):
            factor = generator.integers(-3, 4, size=(size, rank))
            matrix = (factor * signs) @ factor.T
            sigma = np.linalg.svd(matrix.astype(np.float64), compute_uv=False)
            if rank == 0 or sigma[rank - 1] * LARGEST_CONDITION > sigma[0]:
                return matrix, generator.integers(-4, 5, size=size)
        raise RuntimeError(f"scene {name}: no draw of {ATTEMPTS} has condition {LARGEST_CONDITION}")

    return Scene(name, draw, exact=True)


SYMMETRIC = tuple(symmetric_scene(*shape) for shape in ((1, 0), (2, 1), (3, 3), (4, 2), (6, 4)))
ONE_SIDED = (
    fixed_scene("matrix-2x2-nilpotent", [[0, 1], [0, 0]]),
    fixed_scene("matrix-2x2-oblique-projector", [[1, 1], [0, 0]]),
    RANK_LOST[0],
)
"""Square matrices whose range is not the range of the transpose."""


@claim(
    "chenewald2024/appendix-commutation/a",
    scenes=ONE_SIDED,
    columns=ALGEBRAIC,
    controls=[
        variant("symmetric matrices", scenes=SYMMETRIC),
        variant("invertible matrices, symmetric or not", scenes=(FULL_ROW_RANK[2], BORDERLINE[1])),
    ],
)
def test_pseudoinverse_and_A_do_not_commute_in_general(at: Point) -> Ratio:
    gap = at.arithmetic.largest(row_projector(at) - range_projector(at))
    return property_(gap > at.number(1, 100), f"largest entry of A^+ A - A A^+: {float(gap):.2g}")


@claim(
    "chenewald2024/appendix-commutation/b",
    scenes=SYMMETRIC,
    columns=ALGEBRAIC,
    controls=[variant("a square matrix that is not symmetric", scenes=ONE_SIDED)],
)
def test_a_symmetric_matrix_commutes_with_its_pseudoinverse(at: Point) -> Ratio:
    return same(at, row_projector(at), range_projector(at))
