"""Definition A.1: the four conditions of Moore and Penrose, and that exactly one matrix meets them.

A X A = A (A.1), X A X = X (A.2), (A X)^T = A X (A.3), (X A)^T = X A (A.4). With W arbitrary,
P = A^+ A and R = A A^+, each of the matrices

    0,    A^+ + (1 - P) W (1 - R),    A^+ + P W (1 - R),    A^+ + (1 - P) W R

violates the first, second, third or fourth condition and meets the other three. Conditions (A.1),
(A.3), (A.4) are linear in X: elimination gives all their solutions, on which X A X is constant, and
condition (A.2) selects exactly that constant.
"""

from collections.abc import Callable, Sequence
from itertools import combinations_with_replacement

import numpy as np

from geomdl.arithmetic import RATIONAL, Array
from verification.chenewald2024.matrices import (
    EVERY_SHAPE,
    MATRICES,
    PROPER,
    SCENES,
    plus,
    projectors,
    violating_first,
    violating_fourth,
    violating_third,
)
from verification.machinery.checks import claim, variant
from verification.machinery.columns import ALGEBRAIC
from verification.machinery.columns import RATIONAL as EXACT
from verification.machinery.points import Point
from verification.machinery.ratios import Ratio, bound, identity, property_
from verification.scenes.matrices import matrix_scene

SMALL = (matrix_scene(2, 2, 1), matrix_scene(4, 3, 2))

Inverse = Callable[[Point], Array]


def violating_second(at: Point) -> Array:
    """Return a matrix that meets (A.1), (A.3), (A.4)."""
    (p, r), w = projectors(at), at.random(*at.D.T.shape)
    return plus(at) + (w - p @ w) @ (at.eye(len(r)) - r)


VIOLATING = {1: violating_first, 2: violating_second, 3: violating_third, 4: violating_fourth}

CONDITIONS: dict[int, Callable[[Array, Array], tuple[Array, Array]]] = {
    1: lambda a, x: (a @ x @ a, a),
    2: lambda a, x: (x @ a @ x, x),
    3: lambda a, x: ((a @ x).T, a @ x),
    4: lambda a, x: ((x @ a).T, x @ a),
}
"""Both sides of (A.1)-(A.4)."""


def holds(at: Point, number: int, x: Array) -> Ratio:
    """Measure one of the four conditions."""
    # A candidate may be longer than A^+, and its products round accordingly.
    stretch = (
        max(float(at.arithmetic.largest(x) / at.arithmetic.largest(plus(at))), 1.0) if at.rank else 1
    )
    return identity(
        *CONDITIONS[number](at.D, x), size=at.size, condition=at.kappa * stretch, note=f"(A.{number})"
    )


@claim(
    "chenewald2024/definition-A.1/a",
    scenes=SCENES,
    columns=ALGEBRAIC,
    controls=[
        variant("a matrix with (A.2)-(A.4) only", scenes=PROPER, inverse=violating_first),
        variant("the transpose", scenes=PROPER, inverse=lambda at: at.D.T),
    ],
)
def test_A_times_pseudoinverse_times_A_is_A(at: Point, inverse: Inverse = plus) -> Ratio:
    return holds(at, 1, inverse(at))


@claim(
    "chenewald2024/definition-A.1/b",
    scenes=SCENES,
    columns=ALGEBRAIC,
    controls=[
        variant("a matrix with (A.1), (A.3), (A.4) only", scenes=PROPER, inverse=violating_second),
        variant("the transpose", scenes=PROPER, inverse=lambda at: at.D.T),
    ],
)
def test_pseudoinverse_times_A_times_pseudoinverse_is_the_pseudoinverse(
    at: Point, inverse: Inverse = plus
) -> Ratio:
    return holds(at, 2, inverse(at))


@claim(
    "chenewald2024/definition-A.1/c",
    scenes=SCENES,
    columns=ALGEBRAIC,
    controls=[variant("a matrix with (A.1), (A.2), (A.4) only", scenes=PROPER, inverse=violating_third)],
)
def test_A_times_pseudoinverse_is_symmetric(at: Point, inverse: Inverse = plus) -> Ratio:
    return holds(at, 3, inverse(at))


@claim(
    "chenewald2024/definition-A.1/d",
    scenes=SCENES,
    columns=ALGEBRAIC,
    controls=[variant("a matrix with (A.1)-(A.3) only", scenes=PROPER, inverse=violating_fourth)],
)
def test_pseudoinverse_times_A_is_symmetric(at: Point, inverse: Inverse = plus) -> Ratio:
    return holds(at, 4, inverse(at))


def solutions(a: Array, conditions: Sequence[int]) -> tuple[Array, list[Array]] | None:
    """Return X_0 and the free directions of all X that meet those of (A.1), (A.3), (A.4) asked for."""
    linear = [number for number in conditions if number != 2]
    shape = a.T.shape

    def defect(x: Array) -> Array:
        sides = [CONDITIONS[number](a, x) for number in linear]
        return np.concatenate([(left - right).reshape(-1) for left, right in sides])

    units = RATIONAL.eye(a.size).reshape(-1, *shape)
    constant = defect(RATIONAL.zeros(shape))
    system = np.stack([*(defect(unit) - constant for unit in units), -constant], axis=1)
    echelon, pivots = RATIONAL.row_echelon(system)
    if a.size in pivots:
        return None
    points = []
    for free in [column for column in range(a.size + 1) if column not in pivots]:
        x = RATIONAL.zeros(a.size + 1)
        x[pivots] = echelon[: len(pivots), free] if free == a.size else -echelon[: len(pivots), free]
        x[free] = RATIONAL.number(1)
        points.append(x[:-1].reshape(shape))
    return points[-1], points[:-1]


@claim(
    "chenewald2024/definition-A.1/e",
    scenes=(*EVERY_SHAPE, *MATRICES),
    columns=(EXACT,),
    controls=[
        variant("without (A.1)", scenes=SMALL, conditions=(2, 3, 4)),
        variant("without (A.2)", scenes=SMALL, conditions=(1, 3, 4)),
        variant("without (A.3)", scenes=SMALL, conditions=(1, 2, 4)),
        variant("without (A.4)", scenes=SMALL, conditions=(1, 2, 3)),
    ],
)
def test_the_four_conditions_have_exactly_one_solution(
    at: Point, conditions: Sequence[int] = (1, 2, 3, 4)
) -> list[Ratio]:
    found = solutions(at.D, conditions)
    if found is None:
        return [property_(False, "the linear conditions contradict each other")]
    start, directions = found
    if 2 not in conditions:
        return [property_(not directions, f"{len(directions)} free directions")]
    only = start @ at.D @ start
    # A quadratic map is constant on an affine space when it agrees at these points.
    steps = [*directions, *(one + two for one, two in combinations_with_replacement(directions, 2))]
    values = [(start + step) @ at.D @ (start + step) for step in steps]
    constant = all(np.array_equal(value, only) for value in values)
    return [
        property_(constant, "X A X is the same for all solutions of the linear conditions"),
        *(identity(*CONDITIONS[number](at.D, only), note="existence") for number in conditions),
        identity(only, plus(at), note="it is the one computed by rank factorization"),
    ]


@claim(
    "chenewald2024/definition-A.1/e",
    scenes=PROPER,
    columns=ALGEBRAIC,
    controls=[
        variant("one of the three conditions in place of the fourth", scenes=PROPER, turn=1),
        variant("perturbations of no family", scenes=PROPER, family=False),
        variant("no perturbation", scenes=PROPER, step=0),
    ],
)
def test_what_meets_three_conditions_violates_the_fourth_in_proportion_to_its_distance(
    at: Point, turn: int = 0, family: bool = True, step: int = 1
) -> list[Ratio]:
    ratios = []
    norm = (plus(at) ** 2).sum()
    # |X - A^+| <= |A^+|^power |violation|, in the norm of Frobenius.
    for number, power in {1: 2, 2: 0, 3: 1, 4: 1}.items():
        x = VIOLATING[number](at) if family else plus(at) + at.random(*at.D.T.shape)
        x = plus(at) + step * (x - plus(at))
        distance = ((x - plus(at)) ** 2).sum()
        left, right = CONDITIONS[(number + turn - 1) % 4 + 1](at.D, x)
        limit = norm**power * ((left - right) ** 2).sum()
        ratios += [
            property_(distance > 0, "another matrix"),
            *(holds(at, other, x) for other in CONDITIONS if other != number),
            bound(distance, 2 * limit, note=f"(A.{number})"),  # 2: without rounding 1, which is attained
        ]
    return ratios
