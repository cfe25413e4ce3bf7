"""Rank preserving and rank reducing truncations: two conditions that do not imply each other.

A truncation is rank preserving with respect to X when rank tau(X) = rank X and the matrix of class means
keeps its rank as well. Each can fail without the other: samples fall onto the line of their class means,
or class means onto a line while samples span the plane. In every other case tau is called rank reducing.
That is a name: a truncation that bends a line through the origin raises both ranks, and is called so.

The truncations of the explicit minimizers are all rank preserving, although they remove every deviation:
Q independent points remain.
"""

from collections.abc import Callable

from geomdl import pseudoinverse
from geomdl.arithmetic import Array
from geomdl.truncation import compose_truncations, cumulative_parameters, truncate
from verification.machinery.checks import claim, variant
from verification.machinery.columns import ALGEBRAIC
from verification.machinery.points import Point
from verification.machinery.ratios import Ratio, property_
from verification.scenes.clusters import CLUSTERED, REGULAR, around_the_means
from verification.scenes.truncated import (
    BOTH_FALL,
    BOTH_RISE,
    CUT_OFF,
    DATA_RANK_FALLS,
    MEANS_RANK_FALLS,
    MEANS_RANK_RISES,
    RANK_CHANGED,
    RANK_KEPT,
)

SCENES = (*RANK_KEPT, *RANK_CHANGED)
Condition = Callable[[Point, Array, Array], bool]


def rank(points: Array) -> int:
    """Rank of a matrix, 0 for the zero matrix."""
    return pseudoinverse(points).rank


def repeated_means(at: Point, points: Array) -> Array:
    """Return the matrix of class means, each repeated for all samples of its class."""
    return at.problem.data.class_averages(points)[at.problem.data.labels]


def data_rank_is_kept(at: Point, before: Array, after: Array) -> bool:
    """Rank of tau(X) against rank of X."""
    return rank(after) == rank(before)


def means_rank_is_kept(at: Point, before: Array, after: Array) -> bool:
    """Rank of the class means of tau(X) against that of X."""
    return rank(repeated_means(at, after)) == rank(repeated_means(at, before))


BOTH = (data_rank_is_kept, means_rank_is_kept)


def truncated_once(at: Point) -> tuple[Array, Array]:
    """Return X and tau(X), tau of the first layer."""
    weight, bias = at.at_theta.layers[0]
    return at.problem.data.inputs, truncate(weight, bias, at.problem.data.inputs)


def truncated_negative(at: Point) -> tuple[Array, Array]:
    """Return other data, all in the negative sector, and what the same tau makes of them."""
    weight, bias = at.at_theta.layers[0]
    z = at.problem.data.inputs @ weight.T
    other = at.arithmetic.solve(weight, -abs(z).T).T
    return other, truncate(weight, bias, other)


@claim(
    "slides2023/rank-preserving/a",
    scenes=SCENES,
    columns=ALGEBRAIC,
    controls=[
        variant("rank of the data alone", scenes=[MEANS_RANK_FALLS, MEANS_RANK_RISES], of=BOTH[:1]),
        variant("rank of the class means alone", scenes=[DATA_RANK_FALLS], of=BOTH[1:]),
        variant("one of both", scenes=[DATA_RANK_FALLS, MEANS_RANK_FALLS], quantifier=any),
    ],
)
def test_rank_preserving_means_that_data_and_class_means_keep_their_ranks(
    at: Point,
    of: tuple[Condition, ...] = BOTH,
    quantifier: Callable[[list[bool]], bool] = all,
) -> list[Ratio]:
    before, after = truncated_once(at)
    preserving = quantifier([condition(at, before, after) for condition in of])
    # What happens to W X, and so to both ranks, is written into the scenes.
    kept = [fact in at.scene.facts for fact in ("data rank kept", "means rank kept")]
    found = [condition(at, before, after) for condition in BOTH]
    return [
        property_(found == kept, f"data and class means: {found}"),
        property_(preserving == all(kept), "rank preserving"),
    ]


@claim(
    "slides2023/rank-preserving/a",
    scenes=(*CLUSTERED[:5], *REGULAR[:3]),
    columns=ALGEBRAIC,
    controls=[
        variant("weights of a random network without bias", scenes=[BOTH_FALL], explicit=False),
        variant("one more truncation that sends everything to a point", collapse=True),
    ],
)
def test_truncations_of_the_explicit_minimizer_are_rank_preserving(
    at: Point, explicit: bool = True, collapse: bool = False
) -> list[Ratio]:
    data = at.problem.data
    network = at.problem.network
    theta = around_the_means(at).theta if explicit else at.theta
    cumulative = cumulative_parameters(network.layers(theta)[:-1])
    if collapse:
        lowest = at.eye(len(data.targets)), 0 * data.targets[0] - 2 * at.arithmetic.largest(data.inputs)
        cumulative = [*cumulative, lowest]
    ratios, before = [], data.inputs
    for depth, pair in enumerate(cumulative):
        after = compose_truncations([pair], before)
        ratios += [
            property_(condition(at, before, after), f"layer {depth + 1}: {condition.__name__}")
            for condition in BOTH
        ]
        before = after
    return ratios


def ranks_differ(before: int, after: int) -> bool:
    """Rank reducing as printed: anything but equality."""
    return after != before


def ranks_fall(before: int, after: int) -> bool:
    """Rank reducing by the meaning of the word."""
    return after < before


@claim(
    "slides2023/rank-preserving/b",
    scenes=SCENES,
    columns=ALGEBRAIC,
    controls=[
        variant("only falling ranks", scenes=[BOTH_RISE, MEANS_RANK_RISES], reducing=ranks_fall),
        variant("both ranks differ", scenes=[DATA_RANK_FALLS, MEANS_RANK_FALLS], quantifier=all),
        variant("with respect to other data", scenes=[CUT_OFF], points=truncated_negative),
    ],
)
def test_rank_reducing_are_all_truncations_that_are_not_rank_preserving(
    at: Point,
    reducing: Callable[[int, int], bool] = ranks_differ,
    quantifier: Callable[[list[bool]], bool] = any,
    points: Callable[[Point], tuple[Array, Array]] = truncated_once,
) -> list[Ratio]:
    before, after = points(at)
    ranks = [
        (rank(before), rank(after)),
        (rank(repeated_means(at, before)), rank(repeated_means(at, after))),
    ]
    reduced = quantifier([reducing(*pair) for pair in ranks])
    preserving = {"data rank kept", "means rank kept"} <= at.scene.facts
    return [property_(reduced != preserving, f"ranks before and after: {ranks}")]
