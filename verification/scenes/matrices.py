"""Integer matrices of given shape and rank, for identities of pure algebra in every arithmetic.

The matrix plays the Jacobian D, with an integer vector in the place of grad_x C. Where the rank is
proper, at least 1 and below both dimensions, D is no partial isometry: D D^T D = D holds exactly when
the transpose is the pseudoinverse, as for a matrix with a single entry 1, and mixing up the two would
then go unnoticed.
"""

from __future__ import annotations

import numpy as np

from verification.machinery.points import Scene

LARGEST_CONDITION = 1e3
ATTEMPTS = 1000


def matrix_scene(rows: int, columns: int, rank: int, profile: str = "quick") -> Scene:
    """Make a scene whose D is an integer matrix F G of exactly this rank; see above for proper ranks."""
    proper = 0 < rank < min(rows, columns)
    name = f"matrix-{rows}x{columns}-rank{rank}"

    def draw(generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        vector = generator.integers(-4, 5, size=rows)
        for _ in range(ATTEMPTS):
            left = generator.integers(-3, 4, size=(rows, rank))
            right = generator.integers(-3, 4, size=(rank, columns))
            product = left @ right
            sigma = np.linalg.svd(product.astype(np.float64), compute_uv=False)
            if rank and not sigma[rank - 1] * LARGEST_CONDITION > sigma[0]:
                continue
            if proper and np.array_equal(product @ product.T @ product, product):
                continue
            return product, vector
        raise RuntimeError(f"scene {name}: no draw of {ATTEMPTS} has condition {LARGEST_CONDITION}")

    full = {True: "full rank", False: "rank lost"}[rank == rows]
    facts = frozenset({"injective"} if rank == columns < rows else {full})
    return Scene(name, draw, facts, exact=True, profile=profile)


FULL_ROW_RANK = tuple(matrix_scene(*shape) for shape in ((1, 1, 1), (1, 3, 1), (3, 3, 3), (4, 9, 4)))
"""K >= QN and rank QN."""

FULL_COLUMN_RANK = tuple(matrix_scene(*shape) for shape in ((3, 1, 1), (9, 4, 4)))
"""K < QN and rank K."""

DEFICIENT = tuple(
    matrix_scene(*shape) for shape in ((1, 1, 0), (2, 3, 0), (2, 2, 1), (4, 9, 2), (7, 5, 3), (6, 6, 4))
)
"""Rank below both dimensions, zero included."""

ANY_MATRIX = (*FULL_ROW_RANK, *FULL_COLUMN_RANK, *DEFICIENT)
"""Matrices of every kind of shape and rank."""

FORTY_BY_HUNDRED_TWENTY = matrix_scene(40, 120, 40, profile="deep")
"""The size of the deep profile's exact checks."""
