"""Lemma A.2 with its proof, (A.13)-(A.16): A^T A and A^+ A have one kernel.

A^T A = A^T A A^+ A gives ker A^+ A in ker A^T A, and A^+ A = A^+ (A^T)^+ A^T A the other inclusion.
Kernels come from elimination; that they agree is also measured by

    |A^T A v| <= sigma_1^2 |A^+ A v|,    |A^+ A v| <= sigma_r^-2 |A^T A v|.
"""

from collections.abc import Callable

from geomdl.arithmetic import Array
from verification.chenewald2024.matrices import (
    PROPER,
    SCENES,
    SQUARE,
    Matrix,
    kernel,
    plus,
    range_projector,
    row_projector,
    same,
    transposed_plus,
    vanishes_on,
    violating_first,
)
from verification.machinery.checks import claim, variant
from verification.machinery.columns import ALGEBRAIC
from verification.machinery.points import Point
from verification.machinery.ratios import Ratio, bound, property_


def of_gram(at: Point) -> Array:
    """Return A^T A."""
    return at.D.T @ at.D


def of_wrong_gram(at: Point) -> Array:
    """Return A A^T."""
    return at.D @ at.D.T


@claim(
    "chenewald2024/eq-A.13-A.16/a",
    scenes=SCENES,
    columns=ALGEBRAIC,
    controls=[
        variant("A A^+ in the place of A^+ A", scenes=SQUARE, projector=range_projector),
        variant(
            "an inverse without (A.1)", scenes=PROPER, projector=lambda at: violating_first(at) @ at.D
        ),
    ],
)
def test_gram_matrix_absorbs_the_row_projector(at: Point, projector: Matrix = row_projector) -> Ratio:
    return same(at, of_gram(at), of_gram(at) @ projector(at))


@claim(
    "chenewald2024/eq-A.13-A.16/b",
    scenes=SCENES,
    columns=ALGEBRAIC,
    controls=[variant("A A^+ in the place of A^+ A", scenes=SQUARE, projector=range_projector)],
)
def test_kernel_of_the_row_projector_lies_in_the_kernel_of_the_gram_matrix(
    at: Point, projector: Matrix = row_projector
) -> Ratio:
    return vanishes_on(at, of_gram(at), kernel(at, projector(at)))


@claim(
    "chenewald2024/eq-A.13-A.16/c",
    scenes=SCENES,
    columns=ALGEBRAIC,
    controls=[
        variant("(A^T)^+ A^+ A^T A", scenes=SQUARE, order=lambda one, two: two @ one),
        variant("A A^T in the place of A^T A", scenes=SQUARE, gram=of_wrong_gram),
    ],
)
def test_row_projector_is_a_multiple_of_the_gram_matrix(
    at: Point,
    order: Callable[[Array, Array], Array] = lambda one, two: one @ two,
    gram: Matrix = of_gram,
) -> Ratio:
    return same(at, row_projector(at), order(plus(at), transposed_plus(at)) @ gram(at), power=2)


@claim(
    "chenewald2024/eq-A.13-A.16/d",
    scenes=SCENES,
    columns=ALGEBRAIC,
    controls=[variant("A A^T in the place of A^T A", scenes=SQUARE, gram=of_wrong_gram)],
)
def test_kernel_of_the_gram_matrix_lies_in_the_kernel_of_the_row_projector(
    at: Point, gram: Matrix = of_gram
) -> Ratio:
    return vanishes_on(at, row_projector(at), kernel(at, gram(at)), power=2)


@claim(
    "chenewald2024/lemma-A.2/a",
    scenes=SCENES,
    columns=ALGEBRAIC,
    controls=[
        variant("A A^T in the place of A^T A", scenes=SQUARE, gram=of_wrong_gram),
        variant("A A^+ in the place of A^+ A", scenes=SQUARE, projector=range_projector),
    ],
)
def test_gram_matrix_and_row_projector_have_one_kernel(
    at: Point, gram: Matrix = of_gram, projector: Matrix = row_projector
) -> list[Ratio]:
    g, p, v = gram(at), projector(at), at.random(at.D.shape[1], 3)
    # tr(A^T A) >= sigma_1^2 and |A^+|^2 >= 1 / sigma_r^2 in the norm of Frobenius, with equality at
    # rank 1; the factor 2 below leaves room for rounding there.
    largest, smallest = (at.D * at.D).sum(), (plus(at) * plus(at)).sum()
    images = [((g @ v) ** 2).sum(), ((p @ v) ** 2).sum()]
    return [
        property_(kernel(at, g).shape == kernel(at, p).shape, "equal dimensions"),
        vanishes_on(at, g, kernel(at, p)),
        vanishes_on(at, p, kernel(at, g), power=2),
        bound(images[0], 2 * largest**2 * images[1], note="|A^T A v| <= tr(A^T A) |A^+ A v|"),
        bound(images[1], 2 * smallest**2 * images[0], note="|A^+ A v| <= |A^+|^2 |A^T A v|"),
    ]
