"""Section 3.1, last paragraph: regions of small gradient against true critical points in few digits.

The sentence says what may happen, so examples decide it. For every unit roundoff u, float32 to 100
digits, there are theta with full rank of D and 0 < |D^T g| < eps |g|, eps of order u, whose computed
gradient is zero to rounding, like the computed gradient of a true critical point; with twice the digits
the one gradient is far above rounding and the other is not. Two kinds:

    flat       parameters t theta in L hidden layers, t = u^(1/L), outputs of the right average: the
               gradient is of order t^L, at a distance t from the critical point t = 0;
    saturated  hidden pre-activations of (5/8) log(1/u) and more: slopes of tanh of order u^(5/4), so
               that all derivatives by hidden parameters are computed as zero, in an open set of theta.
"""

import math
from collections.abc import Callable

from geomdl import Problem, pseudoinverse
from geomdl.arithmetic import Array
from verification.machinery.checks import claim, variant
from verification.machinery.columns import FLOATS, POINTWISE, Column
from verification.machinery.points import Point
from verification.machinery.ratios import Ratio, bound, identity, property_
from verification.scenes.brackets import DEEP
from verification.scenes.networks import FULL_RANK

TWICE = {"float32": "float64", "float64": "mp50", "mp30": "mp60", "mp50": "mp100", "mp100": "mp200"}
MANY_DIGITS = 200

Place = Callable[[Point, float], Array]


def in_digits(at: Point, name: str) -> Point:
    """Return the scene of a point in another arithmetic."""
    return at.scene.at(Column(name, name), at.seed)


def with_mean_error_zero(at: Point, theta: Array) -> Array:
    """Choose the output bias such that outputs and targets have the same average over the samples."""
    network = at.problem.network
    *hidden, (weight, bias) = network.layers(theta)
    error = (at.y - at.problem.stacked(theta)).reshape(at.N, -1)
    return network.flatten([*hidden, (weight, bias + error.sum(axis=0) / at.number(at.N))])


def flat(at: Point, roundoff: float) -> Array:
    """Return theta at the distance t = roundoff^(1/L) from the critical point without weights."""
    hidden_layers = len(at.problem.network.widths) - 2
    t = at.arithmetic.array([roundoff ** (1 / hidden_layers)])[0]
    return with_mean_error_zero(at, t * at.theta)


def saturated(at: Point, roundoff: float) -> Array:
    """Return theta whose hidden pre-activations are (5/8) log(1/u) and more."""
    (weight, bias), output = at.problem.network.layers(at.theta)
    least = (at.problem.data.inputs @ weight.T + bias).min(axis=0)
    goal = at.arithmetic.array([-0.625 * math.log(roundoff)])[0]
    raised = at.problem.network.flatten([(weight, bias - least + goal), output])
    return with_mean_error_zero(at, raised)


def critical(at: Point, _: float = 0.0) -> Array:
    """Return the true critical point: weights and biases zero, the mean target as output bias."""
    return flat(at, 0.0)


def gradient(problem: Problem, theta: Array) -> Ratio:
    """Measure the computed gradient against zero, in units of its rounding errors."""
    at, arithmetic = problem.linearize(theta), problem.data.arithmetic
    terms = (abs(at.stacked) + abs(problem.data.stacked_targets)) / arithmetic.number(problem.data.size)
    jacobian = at.jacobian()
    computed = problem.gradient(theta)
    scale = arithmetic.largest(abs(jacobian).T @ terms)
    return identity(computed, 0 * computed, scale=scale, size=max(jacobian.shape))


def is_zero(at: Point, theta: Array, note: str) -> Ratio:
    """Measure whether the computed gradient is zero to rounding."""
    ratio = gradient(at.problem, at.arithmetic.array(theta))
    return bound(ratio.value, ratio.threshold, note=note)


def is_told_from_zero(at: Point, theta: Array, note: str) -> Ratio:
    """Measure whether the computed gradient is ten times above what rounding errors may be."""
    ratio = gradient(at.problem, at.arithmetic.array(theta))
    return bound(ratio.threshold, ratio.value / 10, note=note)


def indistinguishable(at: Point, place: Place, twice: dict[str, str]) -> list[Ratio]:
    """Compare a trapping region with a true critical point, in the digits of the column and twice."""
    more = in_digits(at, twice.get(at.arithmetic.name, at.arithmetic.name))
    finest = in_digits(at, TWICE[at.arithmetic.name])
    region = place(finest, at.arithmetic.unit_roundoff)
    return [
        is_zero(at, region, "in the region, digits of the column"),
        is_zero(at, critical(finest), "critical point, digits of the column"),
        is_zero(more, critical(finest), "critical point, twice the digits"),
        is_told_from_zero(more, region, "in the region, twice the digits"),
    ]


CONTROLS = [
    variant("the critical point itself", place=critical),
    variant("the same digits", twice={}),
    variant("at a distance", place=lambda at, roundoff: flat(at, 1e-2)),
]


@claim(
    "chen2023/numerical-indistinguishability/a",
    scenes=(*FULL_RANK, DEEP[0]),
    columns=POINTWISE,
    controls=CONTROLS,
)
def test_flat_regions_are_told_from_critical_points_only_with_more_digits(
    at: Point, place: Place = flat, twice: dict[str, str] = TWICE
) -> list[Ratio]:
    return indistinguishable(at, place, twice)


def hidden_derivatives(at: Point, theta: Array) -> Array:
    """Return the computed derivatives of the cost by the parameters of the hidden layers."""
    computed = at.problem.gradient(at.arithmetic.array(theta))
    layers = at.problem.network.layers(computed)[:-1]
    return at.arithmetic.concatenate([part.reshape(-1) for pair in layers for part in pair])


@claim(
    "chen2023/numerical-indistinguishability/a",
    scenes=(FULL_RANK[0], FULL_RANK[3]),
    columns=POINTWISE,
    controls=CONTROLS,
)
def test_saturated_regions_are_told_from_critical_points_only_with_more_digits(
    at: Point, place: Place = saturated, twice: dict[str, str] = TWICE
) -> list[Ratio]:
    region = place(in_digits(at, TWICE[at.arithmetic.name]), at.arithmetic.unit_roundoff)
    derivatives = hidden_derivatives(at, region)
    exactly = property_(bool((derivatives == 0).all()), "hidden derivatives are computed as 0")
    return [exactly, *indistinguishable(at, place, twice)]


@claim(
    "chen2023/numerical-indistinguishability/a",
    scenes=(FULL_RANK[0], FULL_RANK[3]),
    columns=FLOATS,
    controls=[
        variant("the critical point itself", places=[critical]),
        variant("eps a hundredth of the roundoff", share=0.01),
    ],
)
def test_such_regions_have_full_rank_and_a_small_gradient(
    at: Point, places: tuple[Place, ...] = (flat, saturated), share: float = 100.0
) -> list[Ratio]:
    many, ratios = in_digits(at, f"mp{MANY_DIGITS}"), []
    epsilon = share * at.arithmetic.unit_roundoff
    for place in places:
        here = many.problem.linearize(place(many, at.arithmetic.unit_roundoff))
        g = many.problem.cost.gradient(many.problem.data, here.stacked)
        pulled = here.pull(g)
        quotient = float(many.arithmetic.sqrt((pulled * pulled).sum() / (g * g).sum()))
        found = pseudoinverse(here.jacobian()).rank
        ratios += [
            property_(found == len(g), f"{place.__name__}: rank {found}"),
            property_(quotient > 0, f"{place.__name__}: the gradient does not vanish"),
            bound(quotient, epsilon, note=f"{place.__name__}: |D^T g| / |g|"),
        ]
    return ratios
