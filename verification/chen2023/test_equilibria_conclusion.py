"""End of Section 4.1.2: equilibria and rates of the two flows compared.

(a) (3.7), theta' = -grad_theta C, is defined everywhere, (2.4) where D has rank QN. There they have the
same equilibria, the zeros of grad_x C. All equilibria of (3.7) at which rank is lost, such as every one
that is not global, are missed by (2.4), which has no right hand side there; (4.5) takes its place.

(c) At rank QN the cost of (2.4) falls at the rate 2/N (test_abstract, as long as the orbit lives). The
rate of (3.7) is (2/N) |D^T g|^2 / |g|^2, g = grad_x C: in the simplest networks it is arbitrarily small
and arbitrarily large, for the same data, at rank QN.
"""

from collections.abc import Callable

import numpy as np

from geomdl import pseudoinverse
from geomdl.arithmetic import Array
from verification.chen2023.equilibria import at_most, terms
from verification.machinery.checks import claim, variant
from verification.machinery.columns import ALGEBRAIC, FLOAT64, MP50, RATIONAL
from verification.machinery.points import Point
from verification.machinery.ratios import Ratio, bound, identity, property_
from verification.scenes.critical_points import CRITICAL, DEAD_UNITS, MINIMIZERS
from verification.scenes.networks import BORDERLINE, FULL_RANK, FULL_RANK_EXACT, SMALLEST
from verification.scenes.pieces import squared
from verification.scenes.rank_loss import FORK, FORK_TANH, LOCAL_MINIMUM, REACHED

Vector = Callable[[Point], Array]
AT_REST = (*CRITICAL, DEAD_UNITS, LOCAL_MINIMUM, *REACHED)


@claim(
    "chen2023/equilibria-conclusion/a",
    scenes=(*FULL_RANK, *FULL_RANK_EXACT, *BORDERLINE, *SMALLEST, *MINIMIZERS),
    columns=ALGEBRAIC,
    controls=[
        variant("(2.4) of targets 2 y", scenes=MINIMIZERS, g=lambda at: at.g - at.y / at.number(at.N)),
        variant("no flow at all", scenes=FULL_RANK[:1], g=lambda at: 0 * at.g),
    ],
    refuted=[variant("rank lost", scenes=AT_REST)],
)
def test_equilibria_of_both_flows_coincide_where_both_are_defined(
    at: Point, g: Vector = lambda at: at.g
) -> list[Ratio]:
    gradient, size = at.D.T @ at.g, squared(at.D)
    if at.rank < len(at.D):
        small = float(at.arithmetic.largest(gradient))
        return [property_(False, f"(3.7) has the velocity {small:.2g}; (2.4) is not defined")]
    velocity = -at.pen @ (at.pen.T @ (at.D.T @ g(at)))
    inverse = squared(pseudoinverse(at.D, rank=at.rank).matrix())
    return [
        at_most(at, velocity, inverse**2, gradient, inverse, "(2.4) against (3.7)"),
        at_most(at, gradient, size**2, velocity, size, "(3.7) against (2.4)"),
        at_most(at, at.g, inverse, gradient, 1, "both against grad_x C"),
    ]


@claim(
    "chen2023/equilibria-conclusion/a",
    scenes=AT_REST,
    columns=ALGEBRAIC,
    controls=[variant("no equilibrium", scenes=FULL_RANK[:1])],
    evidence=True,
)
def test_equilibria_of_the_standard_flow_exist_where_the_adapted_flow_is_not_defined(
    at: Point,
) -> list[Ratio]:
    gradient = at.D.T @ at.g
    scale = at.arithmetic.largest(abs(at.D).T @ terms(at))
    return [
        identity(gradient, 0 * gradient, scale=scale, size=at.size, note="at rest"),
        property_(pseudoinverse(at.D, rank=at.rank).rank < len(at.D), "D D^T is singular"),
    ]


def scaled_weights(at: Point, k: int) -> Array:
    """Return W = 2^k, w = 2^k but at most 1, b = 0 and the mean target for the output bias."""
    theta = at.theta.copy()
    theta[0], theta[2] = at.arithmetic.array([2.0 ** min(k, 0), 2.0**k])
    return theta


@claim(
    "chen2023/equilibria-conclusion/c",
    scenes=(FORK, FORK_TANH),
    columns=(FLOAT64, MP50, RATIONAL),
    controls=[
        variant("the adapted flow", adapted=True),
        variant("w = 1, W = 8 only", start=lambda at, k: scaled_weights(at, 3)),
    ],
)
def test_rate_of_the_standard_flow_at_full_rank_is_neither_bounded_below_nor_above(
    at: Point, adapted: bool = False, start: Callable[[Point, int], Array] = scaled_weights
) -> list[Ratio]:
    rates, ranks = [], []
    for k in (-16, 16):
        there = at.problem.linearize(start(at, k))
        g = at.problem.cost.gradient(at.problem.data, there.stacked)
        jacobian = there.jacobian()
        factored = pseudoinverse(jacobian, rank=2)
        velocity = -factored.apply(g) if adapted else -there.pull(g)
        # -C' / C in units of 2/N: C = (N/2) |g|^2, C' = (g, D theta').
        rates.append(-(g @ (jacobian @ velocity)) / (g @ g))
        ranks.append(factored.rank)
    slow, fast = rates
    return [
        property_(ranks == [2, 2], "rank QN"),
        bound(slow, 1e-6, note="slower than the adapted flow"),
        bound(1e6, fast, note="faster than the adapted flow"),
        property_(bool(np.sign(float(slow)) > 0), "the cost decreases"),
    ]
