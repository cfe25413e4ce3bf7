"""Appendix A after its definition: what the pseudoinverse does to A^T, A^T A, ranges and kernels.

(A^+)^+ = A, (A^T)^+ = (A^+)^T, (A^T A)^+ = A^+ (A^T)^+ (A.5)-(A.7); A A^+ and A^+ A are the orthogonal
projectors onto ran A and ran A^T (A.8)-(A.9); ran A^+ = ran A^T and ker A^+ = ker A^T (A.10)-(A.11);
A = A A^T (A^T)^+ = (A^T)^+ A^T A (A.12). A^+ comes from the package's factorizations; what it is held
against comes from elsewhere: projectors from Gram-Schmidt, kernels from elimination with complete
pivoting, and

    A^+ = the upper left block of [[A, U], [V^T, 0]]^-1,   U, V bases of ker A^T and ker A.
"""

from collections.abc import Callable

import numpy as np

from geomdl import pseudoinverse
from geomdl.arithmetic import Array
from verification.chenewald2024.matrices import (
    PROPER,
    SCENES,
    SQUARE,
    SQUARED,
    Matrix,
    bordered_inverse,
    kernel,
    orthogonal_projector,
    plus,
    same,
    transposed_plus,
    vanishes_on,
    violating_fourth,
    violating_third,
)
from verification.machinery.checks import claim, variant
from verification.machinery.columns import ALGEBRAIC
from verification.machinery.points import Point
from verification.machinery.ratios import Ratio, property_
from verification.scenes.pieces import moore_penrose

# (A.5)-(A.7)


@claim(
    "chenewald2024/eq-A.5-A.7/a",
    scenes=SCENES,
    columns=ALGEBRAIC,
    controls=[
        variant("an inverse with (A.1)-(A.3) only", scenes=PROPER, inverse=violating_fourth),
        variant("the transpose", scenes=PROPER, inverse=lambda at: at.D.T),
    ],
)
def test_pseudoinverse_of_the_pseudoinverse_is_A(at: Point, inverse: Matrix = plus) -> Ratio:
    return same(at, moore_penrose(at, inverse(at)), at.D)


@claim(
    "chenewald2024/eq-A.5-A.7/b",
    scenes=SCENES,
    columns=ALGEBRAIC,
    controls=[
        variant("an inverse with (A.1)-(A.3) only", scenes=PROPER, inverse=violating_fourth),
        variant("not transposed", scenes=SQUARE, transpose=False),
    ],
)
def test_pseudoinverse_of_the_transpose_is_the_transposed_pseudoinverse(
    at: Point, inverse: Matrix = bordered_inverse, transpose: bool = True
) -> Ratio:
    right = inverse(at).T if transpose else inverse(at)
    return same(at, transposed_plus(at), right, power=2)


@claim(
    "chenewald2024/eq-A.5-A.7/c",
    scenes=SCENES,
    columns=SQUARED,
    controls=[
        variant("(A^T)^+ A^+", scenes=SQUARE, order=lambda one, two: two @ one),
        variant(
            "(B A)^+ = A^+ B^+ with another B", scenes=SQUARE, factor=lambda at: at.random(*at.D.shape)
        ),
    ],
)
def test_pseudoinverse_of_the_gram_matrix_is_the_product_in_reverse_order(
    at: Point,
    factor: Matrix = lambda at: at.D.T,
    order: Callable[[Array, Array], Array] = lambda one, two: one @ two,
) -> Ratio:
    b = factor(at)
    rank_of_b = at.rank if b.shape == at.D.T.shape and np.array_equal(b, at.D.T) else None
    b_plus = pseudoinverse(b, rank=rank_of_b).matrix()
    return same(at, moore_penrose(at, b @ at.D), order(plus(at), b_plus), power=2)


# (A.8)-(A.9)


@claim(
    "chenewald2024/eq-A.8-A.9/a",
    scenes=SCENES,
    columns=ALGEBRAIC,
    controls=[
        variant("oblique projector", scenes=PROPER, oblique=1),
        variant("twice the projector", scenes=PROPER, multiple=2),
    ],
)
def test_orthogonal_projector_is_idempotent_and_symmetric(
    at: Point, oblique: int = 0, multiple: int = 1
) -> list[Ratio]:
    p = orthogonal_projector(at, at.D)
    p = multiple * (p + oblique * (p @ at.random(*p.shape) @ (at.eye(len(p)) - p)))
    return [
        same(at, p @ p, p),
        same(at, p.T, p),
        same(at, p @ at.D, multiple * at.D),
        vanishes_on(at, p, kernel(at, at.D.T)),
    ]


@claim(
    "chenewald2024/eq-A.8-A.9/b",
    scenes=SCENES,
    columns=ALGEBRAIC,
    controls=[
        variant("projector onto ran A^T", scenes=SQUARE, spanned=lambda at: at.D.T),
        variant("an inverse with (A.1), (A.2), (A.4) only", scenes=PROPER, inverse=violating_third),
    ],
)
def test_A_times_pseudoinverse_projects_onto_the_range(
    at: Point, inverse: Matrix = plus, spanned: Matrix = lambda at: at.D
) -> Ratio:
    return same(at, at.D @ inverse(at), orthogonal_projector(at, spanned(at)))


@claim(
    "chenewald2024/eq-A.8-A.9/c",
    scenes=SCENES,
    columns=ALGEBRAIC,
    controls=[
        variant("projector onto ran A", scenes=SQUARE, spanned=lambda at: at.D),
        variant("an inverse with (A.1)-(A.3) only", scenes=PROPER, inverse=violating_fourth),
    ],
)
def test_pseudoinverse_times_A_projects_onto_the_range_of_the_transpose(
    at: Point, inverse: Matrix = plus, spanned: Matrix = lambda at: at.D.T
) -> Ratio:
    return same(at, inverse(at) @ at.D, orthogonal_projector(at, spanned(at)))


# (A.10)-(A.11)


@claim(
    "chenewald2024/eq-A.10-A.11/a",
    scenes=SCENES,
    columns=ALGEBRAIC,
    controls=[
        variant("ran A", scenes=SQUARE, other=lambda at: at.D),
        variant("an inverse with (A.1)-(A.3) only", scenes=PROPER, inverse=violating_fourth),
    ],
)
def test_range_of_the_pseudoinverse_is_the_range_of_the_transpose(
    at: Point, inverse: Matrix = plus, other: Matrix = lambda at: at.D.T
) -> Ratio:
    return same(at, orthogonal_projector(at, inverse(at)), orthogonal_projector(at, other(at)))


@claim(
    "chenewald2024/eq-A.10-A.11/b",
    scenes=SCENES,
    columns=ALGEBRAIC,
    controls=[
        variant("ker A", scenes=SQUARE, other=lambda at: at.D),
        variant("an inverse with (A.1), (A.2), (A.4) only", scenes=PROPER, inverse=violating_third),
    ],
)
def test_kernel_of_the_pseudoinverse_is_the_kernel_of_the_transpose(
    at: Point, inverse: Matrix = plus, other: Matrix = lambda at: at.D.T
) -> list[Ratio]:
    of_plus, of_other = kernel(at, inverse(at)), kernel(at, other(at))
    return [
        property_(of_plus.shape == of_other.shape, "equal dimensions"),
        vanishes_on(at, other(at), of_plus),
        vanishes_on(at, inverse(at), of_other),
    ]


# (A.12)


@claim(
    "chenewald2024/eq-A.12/a",
    scenes=SCENES,
    columns=ALGEBRAIC,
    controls=[
        variant("A (A^T)^+ A^T", scenes=SQUARE, product=lambda a, c: a @ c @ a.T),
        variant("A^T A (A^T)^+", scenes=SQUARE, product=lambda a, c: a.T @ a @ c),
        variant("A^+ in the place of (A^T)^+", scenes=SQUARE, product=lambda a, c: a @ a.T @ c.T),
    ],
)
def test_A_is_absorbed_from_the_right(
    at: Point, product: Callable[[Array, Array], Array] = lambda a, c: a @ a.T @ c
) -> Ratio:
    return same(at, product(at.D, transposed_plus(at)), at.D)


@claim(
    "chenewald2024/eq-A.12/b",
    scenes=SCENES,
    columns=ALGEBRAIC,
    controls=[
        variant("(A^T)^+ A A^T", scenes=SQUARE, product=lambda a, c: c @ a @ a.T),
        variant("A^+ in the place of (A^T)^+", scenes=SQUARE, product=lambda a, c: c.T @ a.T @ a),
    ],
)
def test_A_is_absorbed_from_the_left(
    at: Point, product: Callable[[Array, Array], Array] = lambda a, c: c @ a.T @ a
) -> Ratio:
    return same(at, product(at.D, transposed_plus(at)), at.D)


@claim(
    "chenewald2024/eq-A.12/c",
    scenes=SCENES,
    columns=ALGEBRAIC,
    controls=[
        variant("(A^T)^+ in the place of A^+", scenes=SQUARE, inverse=transposed_plus),
        variant("an inverse with (A.1), (A.2), (A.4) only", scenes=PROPER, inverse=violating_third),
        variant("an inverse with (A.1)-(A.3) only", scenes=PROPER, inverse=violating_fourth),
    ],
)
def test_transpose_is_absorbed_by_the_pseudoinverse(at: Point, inverse: Matrix = plus) -> list[Ratio]:
    a, x = at.D, inverse(at)
    return [same(at, a.T @ a @ x, a.T), same(at, x @ a @ a.T, a.T)]


@claim(
    "chenewald2024/eq-A.12/d",
    scenes=SCENES,
    columns=ALGEBRAIC,
    controls=[
        variant("A^+ in the place of (A^T)^+", scenes=SQUARE, transposed=plus),
        variant("an inverse with (A.1), (A.2), (A.4) only", scenes=PROPER, inverse=violating_third),
        variant("an inverse with (A.1)-(A.3) only", scenes=PROPER, inverse=violating_fourth),
    ],
)
def test_pseudoinverse_is_absorbed_by_the_transpose(
    at: Point, inverse: Matrix = plus, transposed: Matrix = transposed_plus
) -> list[Ratio]:
    a, x, c = at.D, inverse(at), transposed(at)
    again = moore_penrose(at, x.T)  # A^+ substituted word by word: ((A^+)^T)^+ where A^T is printed
    return [
        same(at, x @ c @ a.T, x, power=2),
        same(at, a.T @ c @ x, x, power=2),
        same(at, x @ x.T @ again, x, power=2),
        same(at, again @ x.T @ x, x, power=2),
    ]
