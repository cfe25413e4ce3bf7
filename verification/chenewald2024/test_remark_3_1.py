"""Remark 3.1: what a path can be depends on theta_0, not only on the output x_0 = x(theta_0).

Pairs of initializations with the same outputs (scenes ``paths``: exact rationals, and tanh units):

- LINE, MAPS, UNITS: D has rank QN at the second and less at the first;
- PARABOLA: rank 2 at both, but ran D D^T is spanned by 1 and (w t + b)^2 with b != 0 or b = 0;
- in all four the segment from x_0 to y satisfies (3.3) from the second initialization and is realized,
  and violates it from the first one at s = 0 already.

"Could depend" is existence. What does not show it: permuted hidden units, a step along the fibre at
constant rank, networks without hidden layers.
"""

from collections.abc import Callable

import numpy as np

from geomdl import blow_up, pseudoinverse, rank_loss
from geomdl.arithmetic import Array
from geomdl.fibres import move_in_level_set
from geomdl.jacobians import Linearization
from geomdl.paths import lift_path, path_violations, segment, violation
from verification.machinery.checks import claim, variant
from verification.machinery.columns import ALGEBRAIC, ORBITS
from verification.machinery.points import Point
from verification.machinery.ratios import Ratio, along_orbit, bound, identity, property_
from verification.scenes.networks import RANK_LOST
from verification.scenes.paths import (
    AFFINE,
    ALL_TWINS,
    CLEARLY_VIOLATED,
    LINE,
    MAPS,
    OF_DIFFERENT_RANK,
    UNITS,
    twin_of,
)

Partner = Callable[[Point], Array]


def with_units_exchanged(at: Point) -> Array:
    """Return theta with the first two units of the first hidden layer exchanged."""
    (weight, bias), (out, last), *rest = at.problem.network.layers(at.theta)
    order = [1, 0, *range(2, len(bias))]
    return at.problem.network.flatten([(weight[order], bias[order]), (out[:, order], last), *rest])


def along_the_fibre(at: Point) -> Array:
    """Return another theta on the fibre, reached at constant rank."""
    return move_in_level_set(at.at_theta, at.random(len(at.theta)) / 16, rank=at.rank)


EXCHANGED = variant("units exchanged", scenes=(MAPS, UNITS), partner=with_units_exchanged)
ALONG = variant("along the fibre at constant rank", scenes=RANK_LOST, partner=along_the_fibre)
WITHOUT_HIDDEN = variant("no hidden layer", scenes=[AFFINE], partner=along_the_fibre)
UNRELATED = variant("another output", scenes=[MAPS], partner=lambda at: twin_of(at) + 1)


def same_output(at: Point, there: Linearization) -> Ratio:
    """Measure x(theta_0) = x(theta_0')."""
    return identity(there.stacked, at.x, size=10 * at.size, condition=at.kappa, note="the same x_0")


@claim(
    "chenewald2024/remark-3.1/b",
    scenes=OF_DIFFERENT_RANK,
    columns=ALGEBRAIC,
    controls=[EXCHANGED, ALONG, WITHOUT_HIDDEN, UNRELATED],
)
def test_rank_differs_between_initializations_of_one_output(
    at: Point, partner: Partner = twin_of
) -> list[Ratio]:
    there = at.problem.linearize(partner(at))
    ranks = at.pinv.rank, pseudoinverse(there.jacobian()).rank
    return [same_output(at, there), property_(ranks[0] != ranks[1], f"ranks {ranks}")]


def onto_gram_range(at: Linearization) -> Array:
    """Return the projector onto ran D D^T, at the rank of D."""
    d = at.jacobian()
    return pseudoinverse(d @ d.T, rank=pseudoinverse(d).rank).range_projector()


@claim(
    "chenewald2024/remark-3.1/c",
    scenes=ALL_TWINS,
    columns=ALGEBRAIC[1:],  # in float32 squares of singular values down to 1e-3 drown
    controls=[EXCHANGED, ALONG, WITHOUT_HIDDEN, UNRELATED],
)
def test_range_of_the_kernel_matrix_differs_between_initializations_of_one_output(
    at: Point, partner: Partner = twin_of
) -> list[Ratio]:
    there = at.problem.linearize(partner(at))
    apart = at.arithmetic.largest(onto_gram_range(at.at_theta) - onto_gram_range(there))
    return [same_output(at, there), bound(at.number(1, 100), apart, note="distance of the ranges")]


def squared_sine(at: Linearization, v: Array) -> float:
    """Return the squared sine of the angle between a vector and ran D."""
    left = violation(at, v)
    return float((left * left).sum() / (v * v).sum())


@claim(
    "chenewald2024/remark-3.1/a",
    scenes=ALL_TWINS,
    columns=ALGEBRAIC,
    controls=[EXCHANGED, UNRELATED],
)
def test_segment_is_admissible_from_one_initialization_of_an_output_and_not_from_another(
    at: Point, partner: Partner = twin_of
) -> list[Ratio]:
    there, v = at.problem.linearize(partner(at)), at.y - at.x
    left = violation(there, v)
    size, condition = 10 * at.size, float(max(at.kappa, 1e2))
    return [
        same_output(at, there),
        bound(CLEARLY_VIOLATED**2, 2 * squared_sine(at.at_theta, v), note="violated at the first"),
        identity(
            left, 0 * left, scale=at.arithmetic.largest(at.y) + 1, size=size, condition=condition,
            note="satisfied at the second",
        ),
    ]  # fmt: skip


@claim(
    "chenewald2024/remark-3.1/a",
    scenes=ALL_TWINS,
    columns=ORBITS,
    controls=[
        variant("units exchanged", scenes=(MAPS, UNITS), partner=with_units_exchanged),
        variant("the other initialization", scenes=(LINE, MAPS, UNITS), partner=lambda at: at.theta),
    ],
)
def test_segment_is_realized_from_the_initialization_from_which_it_is_admissible(
    at: Point, partner: Partner = twin_of
) -> list[Ratio]:
    path, theta, back = segment(at.x, at.y), partner(at), at.arithmetic.to_float64
    d = at.problem.linearize(theta).jacobian()
    # No rank is imposed: that of PARABOLA goes from 2 to 3 as soon as w2 leaves 0.
    watch = [rank_loss(pseudoinverse(d).rank, 1e-5), blow_up(1e6)]
    orbit = lift_path(at.problem, path, theta, rtol=at.rtol, events=watch)
    if orbit.status != "completed":
        return [property_(False, orbit.message)]
    moved = np.abs(back(d)) @ np.abs(orbit.thetas).max(axis=0)
    scale = float(np.abs(back(at.y)).max() + moved.max())
    sines = path_violations(orbit, path)
    return [
        along_orbit(orbit.outputs()[-1], back(at.y), rtol=at.rtol, scale=scale, note="reaches y"),
        along_orbit(sines, 0 * sines, rtol=at.rtol, scale=1.0, note="(3.3) all along"),
    ]
