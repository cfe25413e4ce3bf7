"""Section 2.1, (2.12): D D^T as a sum over the parameters of rank one matrices.

With c_j = d x / d theta_j the j-th column of D,

    D D^T = sum_j c_j c_j^T = sum_j |c_j|^2 e_j e_j^T,     e_j = c_j / |c_j|.

The left side comes from backward sensitivities (without forming D), the columns on the right from
forward derivatives of the network, one parameter at a time.

The first form holds for every network. The second needs c_j != 0 for all j: e_j is no point of the
sphere where a parameter has no first-order effect, as the weights of an input coordinate that is zero
on all samples (three pixels of the digits, at every theta), or of a dead unit. There the term has to be
left out.
"""

from collections.abc import Callable

from geomdl.arithmetic import Array
from verification.machinery.checks import claim, variant
from verification.machinery.columns import ALGEBRAIC, POINTWISE
from verification.machinery.points import Point
from verification.machinery.ratios import Ratio, identity, property_
from verification.scenes.critical_points import DEAD_UNITS
from verification.scenes.networks import (
    BORDERLINE,
    FULL_RANK,
    FULL_RANK_EXACT,
    RANK_LOST,
    SMALLEST,
    UNDER,
)
from verification.scenes.rank_condition import BLANK

SCENES = (*FULL_RANK[:3], *RANK_LOST, UNDER[2], *BORDERLINE, *SMALLEST)
"""Of numbers drawn with all digits, so that no weight is zero by chance."""


def columns(at: Point) -> list[Array]:
    """Return d x / d theta_j for every j, by forward derivatives."""
    return [at.at_theta.push(unit) for unit in at.eye(len(at.theta))]


def outer(first: Array, second: Array) -> Array:
    """Return the matrix first second^T."""
    return first[:, None] * second[None, :]


@claim(
    "chen2023/rank-one-sum/a",
    scenes=(*SCENES, *FULL_RANK_EXACT, DEAD_UNITS, *BLANK),
    columns=ALGEBRAIC,
    controls=[
        variant("without the output biases", chosen=lambda c: c[:-1]),
        variant("every parameter with the next", partner=lambda c: [*c[1:], c[0]]),
    ],
)
def test_kernel_is_the_sum_of_rank_one_matrices_over_the_parameters(
    at: Point,
    chosen: Callable[[list[Array]], list[Array]] = lambda c: c,
    partner: Callable[[list[Array]], list[Array]] = lambda c: c,
) -> Ratio:
    own = chosen(columns(at))
    total = sum(outer(c, d) for c, d in zip(own, partner(own), strict=True))
    return identity(at.at_theta.gram(), total, size=at.size)


def normalized(at: Point, column: Array) -> Array:
    """Return c / |c|."""
    return column / at.arithmetic.sqrt((column * column).sum())


@claim(
    "chen2023/rank-one-sum/b",
    scenes=SCENES,
    columns=POINTWISE,
    controls=[
        variant("|c_j| instead of its square", power=1),
        variant("directions not normalized", direction=lambda at, c: c),
    ],
    refuted=[variant("columns that vanish", scenes=(*BLANK, DEAD_UNITS))],
)
def test_kernel_is_a_weighted_sum_of_projections_onto_directions(
    at: Point, power: int = 2, direction: Callable[[Point, Array], Array] = normalized
) -> list[Ratio]:
    own = columns(at)
    zero = [j for j, c in enumerate(own) if at.arithmetic.largest(c) == 0]
    if zero:
        return [property_(False, f"e_j is 0/0 for {len(zero)} of {len(own)} parameters")]
    directions = [direction(at, c) for c in own]
    lengths = [at.arithmetic.sqrt((c * c).sum()) for c in own]
    weighted = zip(lengths, directions, strict=True)
    total = sum(length**power * outer(e, e) for length, e in weighted)
    one = at.number(1)
    ratios = [identity(at.at_theta.gram(), total, size=at.size)]
    for c, e in zip(own, directions, strict=True):
        projection = outer(e, e)
        ratios += [
            identity((e * e).sum(), one, size=at.size, note="a point of the sphere"),
            identity(projection @ projection, projection, size=at.size, note="idempotent"),
            identity(projection @ c, c, size=at.size, note="fixes the direction"),
            identity(projection.trace(), one, size=at.size, note="rank one"),
        ]
    return ratios
