"""Proposition 2.2 and its proof: independent random directions e_1, ..., e_K span R^QN almost surely.

The law of one point has a density on the sphere S^(QN-1) and gives no mass to great spheres. Two
routes. Exactly: directions on a grid of spacing 2^-40, ranks over the rationals, in every draw.
Quantitatively, because an event of probability zero is the limit of events of small probability: with
a density of at most B, and t(c, eps) the uniform probability of a distance at most eps from a subspace
of codimension c,

    P[ dist(e, H_k) <= eps ]  <=  B t(QN - k, eps),
    P[ sigma_QN(e_1 ... e_K) <= eps ]  <=  QN B t(1, QN^(1/2) eps),

and both tend to 0 with eps, which frequencies are held against. Atoms, mass on a great sphere and
dependent points break all of it.

(2.13) is true, for K = QN too. "K sufficiently large", "identically distributed" and an open support are
not needed (a support is closed, and open only if it is all of S^(QN-1), QN >= 2). Of the proof: the base
case needs QN >= 2, because S^0 = {1, -1}; its last sentence is false for K > QN, as more than QN vectors
of R^QN are never independent: any QN of them are, and so they span.
"""

from collections.abc import Sequence
from itertools import combinations, islice

import numpy as np

from geomdl.arithmetic import Array
from verification.machinery.checks import Variant, claim, variant
from verification.machinery.columns import ALGEBRAIC, ONLY_FLOAT64, RATIONAL
from verification.machinery.points import Point
from verification.machinery.ratios import Ratio, bound, property_
from verification.scenes.matrices import DEFICIENT, FULL_ROW_RANK
from verification.scenes.rank_condition import (
    AS_MANY,
    ATOMS,
    BOUNDED,
    CONTINUOUS,
    GREAT_CIRCLE,
    IN_PAIRS,
    LATE,
    MOSTLY_ON_IT,
    POINT_PAIR,
    SPHERES,
    TOO_FEW,
    UNIFORM,
    Law,
    within,
)

EXACT_DRAWS = 10
DRAWS = 1000
DISTANCES = tuple(2.0**-k for k in (5, 10, 20, 40))
SUBSETS = 20

Laws = Sequence[Law]


def exact_rank(at: Point, matrix: Array) -> int:
    """Return the rank over the rationals."""
    return len(at.arithmetic.row_echelon(matrix)[1])  # type: ignore[attr-defined]


def seldom(count: int, draws: int, probability: float, note: str) -> Ratio:
    """Measure a number of hits against draws times a probability, and six standard deviations more."""
    expected = draws * min(probability, 1.0)
    return bound(count, expected + 6 * np.sqrt(expected) + 6, note=note)


def without_a_density(*more: Law) -> list[Variant]:
    """Return controls with laws that have none, in QN = 3 and K = 4."""
    return [variant(law.name, laws=[law], scenes=SPHERES[:1]) for law in (ATOMS, GREAT_CIRCLE, *more)]


@claim(
    "chen2023/proposition-2.2/a",
    scenes=(*SPHERES, POINT_PAIR),
    columns=(RATIONAL,),
    controls=[
        *without_a_density(MOSTLY_ON_IT, IN_PAIRS),
        variant("K = QN - 1", scenes=TOO_FEW),
    ],
)
def test_kernel_of_independent_random_directions_has_full_rank(
    at: Point, laws: Laws = CONTINUOUS
) -> list[Ratio]:
    rows, columns = at.D.shape
    ratios = []
    for law in laws:
        ranks = []
        for _ in range(EXACT_DRAWS):
            lengths = at.arithmetic.array(at.generator.integers(1, 100, size=columns))
            jacobian = law.directions(at.generator, rows, columns) * lengths
            ranks.append(exact_rank(at, jacobian @ jacobian.T))
        ratios.append(property_(set(ranks) == {rows}, f"{law.name}: ranks {sorted(set(ranks))}"))
    return ratios


@claim(
    "chen2023/proposition-2.2/a",
    "chen2023/proposition-2.2-proof/a",
    scenes=SPHERES,
    columns=ONLY_FLOAT64,
    controls=without_a_density(MOSTLY_ON_IT, IN_PAIRS),
)
def test_small_singular_values_of_random_directions_are_rare(
    at: Point, laws: Laws = BOUNDED
) -> list[Ratio]:
    rows, columns = at.D.shape
    ratios = []
    for law in laws:
        points = law.draw(at.generator, rows, DRAWS * columns).reshape(DRAWS, columns, rows)
        # QN of the directions, the worst case K = QN, have the smaller singular values.
        smallest = np.linalg.svd(points[:, :rows], compute_uv=False)[:, -1]
        spanning = np.linalg.svd(points, compute_uv=False)[:, -1]
        for distance in DISTANCES:
            share = within(1, rows, min(1.0, np.sqrt(rows) * distance))
            allowed = rows * share * (law.density(rows) if law.density else 1.0)
            for found in (smallest, spanning):
                count = int((found <= distance).sum())
                ratios.append(seldom(count, DRAWS, allowed, f"{law.name}, eps = {distance:.1g}"))
    return ratios


def directions_of(at: Point) -> tuple[Array, Array]:
    """Return the nonzero columns of D and their directions, over the rationals of another length."""
    nonzero = [j for j in range(at.D.shape[1]) if at.arithmetic.largest(at.D[:, j]) != 0]
    columns = at.D[:, nonzero]
    squares = (columns * columns).sum(axis=0)
    return columns, columns / (squares if at.arithmetic.exact else at.arithmetic.sqrt(squares))


def smallest_singular_value(at: Point, matrix: Array) -> float:
    """Return sigma_QN, 0 for fewer than QN columns."""
    rows, columns = matrix.shape
    return float(at.arithmetic.singular_values(matrix)[-1]) if columns >= rows else 0.0


@claim(
    "chen2023/proposition-2.2-proof/a",
    scenes=(*FULL_ROW_RANK, *DEFICIENT[2:], *SPHERES[:2], LATE),
    columns=ALGEBRAIC,
    controls=[
        variant("the span of the first QN directions", count=0, scenes=[LATE]),
        variant("the span of QN - 1 directions", count=-1, scenes=FULL_ROW_RANK[1:3]),
    ],
)
def test_kernel_has_full_rank_exactly_where_the_directions_span(
    at: Point, count: int | None = None
) -> list[Ratio]:
    columns, directions = directions_of(at)
    rows = columns.shape[0]
    chosen = directions if count is None else directions[:, : rows + count]
    if at.arithmetic.exact:
        full = exact_rank(at, columns @ columns.T) == rows
        spans = exact_rank(at, chosen.T) == rows if chosen.shape[1] else False
        return [property_(full == spans, f"full rank {full}, the directions span {spans}")]
    # sigma_QN(D) lies between the shortest and the longest column times sigma_QN(e_1 ... e_K).
    lengths = at.arithmetic.sqrt((columns * columns).sum(axis=0))
    own = smallest_singular_value(at, columns)
    spanned = smallest_singular_value(at, chosen) if chosen.shape[1] else 0.0
    rounding = 30 * at.size * at.arithmetic.unit_roundoff * float(lengths.max()) * columns.shape[1]
    return [
        bound(float(lengths.min()) * spanned, own + rounding, note="full rank where they span"),
        bound(own, float(lengths.max()) * spanned + rounding, note="they span at full rank"),
    ]


@claim(
    "chen2023/proposition-2.2-proof/b",
    scenes=(*SPHERES, AS_MANY[0]),
    columns=(RATIONAL,),
    controls=without_a_density(IN_PAIRS)[::2],
    refuted=[variant("QN = 1", scenes=[POINT_PAIR])],
)
def test_two_random_points_are_independent(at: Point, laws: Laws = CONTINUOUS) -> list[Ratio]:
    ratios = []
    for law in laws:
        pairs = [law.directions(at.generator, at.D.shape[0], 2) for _ in range(3 * EXACT_DRAWS)]
        ranks = sorted({exact_rank(at, pair) for pair in pairs})
        ratios.append(property_(ranks == [2], f"{law.name}: ranks {ranks}"))
    return ratios


def distances_from_the_span(at: Point, law: Law, points: int) -> np.ndarray:
    """Draw k points and many more, of one law, and return how far these are from the span of those."""
    rows = at.D.shape[0]
    drawn = law.draw(at.generator, rows, points + DRAWS)
    # Points of laws with atoms may depend on each other; their span then is smaller.
    left, sigma, _ = np.linalg.svd(drawn[:points].T, full_matrices=False)
    span = left[:, sigma > 1e-12]
    rest = drawn[points:].T
    rest = rest - span @ (span.T @ rest)
    return np.linalg.norm(rest - span @ (span.T @ rest), axis=0)


def near_the_span(at: Point, laws: Laws, dimensions: Sequence[int], fewer: int = 0) -> list[Ratio]:
    """Count random points near the span of k others against the bound for each eps."""
    rows = at.D.shape[0]
    ratios = []
    for law in laws:
        for k in dimensions:
            distances = distances_from_the_span(at, law, k)
            for distance in DISTANCES:
                share = within(rows - k + fewer, rows, distance)
                allowed = share * (law.density(rows) if law.density else 1.0)
                note = f"{law.name}, k = {k}, eps = {distance:.1g}"
                ratios.append(seldom(int((distances <= distance).sum()), DRAWS, allowed, note))
    return ratios


@claim(
    "chen2023/proposition-2.2-proof/b",
    scenes=SPHERES,
    columns=ONLY_FLOAT64,
    controls=[
        variant("finitely many points", laws=[ATOMS], scenes=SPHERES[:1]),
        variant("a circle in three dimensions has measure zero too", laws=[GREAT_CIRCLE], pair=2),
    ],
)
def test_random_points_near_a_point_or_its_antipode_are_rare(
    at: Point, laws: Laws = BOUNDED, pair: int = 1
) -> list[Ratio]:
    return near_the_span(at, laws, [pair])


@claim(
    "chen2023/proposition-2.2-proof/c",
    scenes=SPHERES,
    columns=ONLY_FLOAT64,
    controls=without_a_density(),
)
def test_random_points_near_the_span_of_fewer_than_QN_others_are_rare(
    at: Point, laws: Laws = BOUNDED
) -> list[Ratio]:
    return near_the_span(at, laws, range(1, at.D.shape[0]))


@claim(
    "chen2023/proposition-2.2-proof/c",
    scenes=SPHERES,
    columns=(RATIONAL,),
    controls=without_a_density(MOSTLY_ON_IT, IN_PAIRS),
)
def test_no_random_point_lies_in_the_span_of_fewer_than_QN_others(
    at: Point, laws: Laws = CONTINUOUS
) -> list[Ratio]:
    rows, ratios = at.D.shape[0], []
    for law in laws:
        draws = [law.directions(at.generator, rows, rows) for _ in range(EXACT_DRAWS)]
        ranks = [[exact_rank(at, points[:, : k + 1]) for k in range(1, rows)] for points in draws]
        grows = all(found == list(range(2, rows + 1)) for found in ranks)
        ratios.append(property_(grows, f"{law.name}: dim(H_k + e_(k+1)) = {ranks[0]}"))
    return ratios


@claim(
    "chen2023/proposition-2.2-proof/c",
    scenes=SPHERES,
    columns=ONLY_FLOAT64,
    controls=[
        variant("dimension k", more=1, scenes=SPHERES[2:3]),
        variant("dimension k - 2", more=-1, scenes=SPHERES[2:3]),
    ],
)
def test_intersection_with_the_span_of_k_points_has_dimension_k_minus_1(
    at: Point, more: int = 0
) -> list[Ratio]:
    # Neighbourhoods of a subset of dimension d have uniform measure of order eps^(QN - 1 - d).
    rows, draws, ratios = at.D.shape[0], 40 * DRAWS, []
    for k in range(1, rows):
        codimension = rows - 1 - (k - 1 + more)
        span = np.linalg.qr(UNIFORM.draw(at.generator, rows, k).T)[0]
        points = UNIFORM.draw(at.generator, rows, draws).T
        distances = np.linalg.norm(points - span @ (span.T @ points), axis=0)
        for distance in (1 / 4, 1 / 16):
            found, expected = (
                int((distances <= distance).sum()),
                draws * within(codimension, rows, distance),
            )
            note = f"k = {k}, eps = {distance}: {found} points"
            ratios.append(bound(abs(found - expected), 6 * np.sqrt(expected) + 6, note=note))
    return ratios


@claim(
    "chen2023/proposition-2.2-proof/d",
    scenes=(*AS_MANY, *SPHERES, POINT_PAIR),
    columns=(RATIONAL,),
    controls=without_a_density(IN_PAIRS),
    refuted=[variant("K > QN", scenes=(POINT_PAIR, *SPHERES), together=True)],
    corrected=[variant("any QN of them", together=False)],
)
def test_random_points_are_linearly_independent(
    at: Point, laws: Laws = CONTINUOUS, together: bool = False
) -> list[Ratio]:
    rows, columns = at.D.shape
    ratios = []
    for law in laws:
        points = law.directions(at.generator, rows, columns)
        size = columns if together else rows
        chosen = islice(combinations(at.generator.permutation(columns).tolist(), size), SUBSETS)
        ranks = sorted({exact_rank(at, points[:, list(subset)]) for subset in chosen})
        ratios.append(property_(ranks == [size], f"{law.name}: {size} points, ranks {ranks}"))
    return ratios
