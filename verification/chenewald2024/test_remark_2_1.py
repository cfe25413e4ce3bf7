"""Remark 2.1: critical points of the cost in output space and in parameter space.

grad_theta C = D^T grad_x C. Two zeros prove little, so what is tested are bounds between the lengths of
both, on the way from y to targets at which grad_x C vanishes: with S = |D|_F^2 and T = |D^+|_F^2,

    |grad_theta C|^2 <= S |grad_x C|^2  always,     |grad_x C|^2 <= T |grad_theta C|^2  at rank QN,

the gradient in theta taken by differences of the cost. The first gives the inclusion (2.17), both the
equivalence at rank QN. That the sets differ shows at critical points with outputs off the targets. For
the squared loss (1/N) |x - y|^2 is (N/4) |grad_x C|^2, so that it vanishes with its gradient.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np

from geomdl import LEAST_SQUARES, MEAN_SQUARE, Cost, Problem
from geomdl.arithmetic import Array
from verification.chen2023.printed_formulas import (
    STENCIL,
    Piece,
    derivative,
    reference_arithmetic,
    step_for,
)
from verification.machinery.checks import claim, variant
from verification.machinery.columns import ALGEBRAIC, FLOAT64, MP50, RATIONAL
from verification.machinery.points import Point
from verification.machinery.ratios import Ratio, bound, identity, property_
from verification.scenes.critical_exact import CRITICAL_RANK_LOST, DEAD_UNITS, MINIMUM, RANK_CHANGES
from verification.scenes.induced import HIDDEN_EXACT, QUARTIC
from verification.scenes.labelled import LABELLED
from verification.scenes.networks import BORDERLINE, FULL_RANK_EXACT, RANK_LOST, SMALLEST, UNDER
from verification.scenes.pieces import squared

COLUMNS = (FLOAT64, MP50, RATIONAL)
SHALLOW = CRITICAL_RANK_LOST[:2]
"""One hidden layer: differences of C are exact over the rationals."""

OFF_THE_TARGETS = (*SHALLOW, DEAD_UNITS, *RANK_CHANGES)
FULL = (*FULL_RANK_EXACT[:1], *HIDDEN_EXACT[1:], *BORDERLINE, *SMALLEST)


def towards_the_outputs(at: Point) -> Iterator[Array]:
    """Yield output vectors z with x - z = t r, r not zero, for t = 1, 1/64 and 0: targets to be."""
    rest = at.random(len(at.x)) + at.number(1, 128)
    for numerator, denominator in ((1, 1), (1, 64), (0, 1)):
        yield at.x - at.number(numerator, denominator) * rest


def with_targets(at: Point, targets: Array) -> Problem:
    """Return the problem with these stacked targets, one for each sample."""
    data = at.problem.data
    rows = targets.reshape(at.N, -1)
    return replace(at.problem, data=replace(data, labels=np.arange(at.N), targets=rows))


def gradient_by_differences(at: Point, problem: Problem, decay: int = 0) -> Array:
    """Return grad_theta of C + decay |theta|^2 / 2 from values of C in the numbers of the reference."""
    numbers, step = reference_arithmetic(at.arithmetic), step_for(at.arithmetic)
    precise, theta = problem.to(numbers), numbers.array(at.theta)
    moves = step * numbers.eye(len(theta))
    slopes = [derivative([precise.value(theta + k * e) for k in STENCIL], step) for e in moves]
    return at.arithmetic.array(slopes) + decay * at.theta


def rounding(at: Point) -> Array:
    """Return what rounding leaves of |grad_x C|^2 where it should be zero: (u (|x| + |y|) / N)^2."""
    u = at.number(1, 2 ** round(-np.log2(at.arithmetic.unit_roundoff))) if not at.arithmetic.exact else 0
    size = at.arithmetic.largest(at.x) + at.arithmetic.largest(at.y) + 2
    return len(at.x) * (100 * at.size * u * size / at.N) ** 2


@claim(
    "chenewald2024/remark-2.1/a",
    scenes=(*FULL, *RANK_LOST[:1], *UNDER[1:2], *SHALLOW),
    columns=COLUMNS,
    controls=[
        variant("a cost that sees theta directly", decay=1),
        variant("the converse inclusion", scenes=OFF_THE_TARGETS, own=True, converse=True),
    ],
)
def test_no_output_gradient_no_parameter_gradient(
    at: Point, decay: int = 0, own: bool = False, converse: bool = False
) -> list[Ratio]:
    ratios, allowed = [], rounding(at)
    for targets in (at.y,) if own else towards_the_outputs(at):
        problem = with_targets(at, targets)
        of_outputs = squared(problem.cost.gradient(problem.data, at.x))
        of_parameters = squared(gradient_by_differences(at, problem, decay))
        s = squared(at.D)
        if converse:
            s, of_outputs, of_parameters = squared(at.pinv.matrix()), of_parameters, of_outputs
        # Cauchy and Schwarz are sharp at rank 1: 2 for the rounding.
        ratios.append(bound(of_parameters, 2 * s * (of_outputs + allowed)))
    return ratios


@claim(
    "chenewald2024/remark-2.1/b",
    scenes=OFF_THE_TARGETS,
    columns=COLUMNS,
    controls=[
        variant("outputs on the targets", scenes=(MINIMUM,)),
        variant("not critical", scenes=(*FULL, *RANK_LOST)),
    ],
)
def test_critical_points_exist_whose_outputs_are_off_the_targets(at: Point) -> list[Ratio]:
    gradient, allowed = gradient_by_differences(at, at.problem), rounding(at)
    return [
        bound(squared(gradient), squared(at.D) * allowed, note="grad_theta C = 0"),
        property_(squared(at.g) > at.number(1, 10**4), "grad_x C is not zero"),
    ]


@claim(
    "chenewald2024/remark-2.1/c",
    scenes=FULL,
    columns=COLUMNS,
    controls=[
        variant("rank lost", scenes=SHALLOW, targets=lambda at: iter([at.y])),
        variant("K < QN, full rank", scenes=(UNDER[1],), targets=lambda at: iter([off_the_range(at)])),
        variant("a cost that sees theta directly", decay=1),
    ],
)
def test_at_full_rank_both_gradients_vanish_together(
    at: Point,
    targets: Callable[[Point], Iterator[Array]] = towards_the_outputs,
    decay: int = 0,
) -> list[Ratio]:
    ratios, allowed = [], rounding(at)
    s, t = squared(at.D), squared(at.pinv.matrix())
    for each in targets(at):
        problem = with_targets(at, each)
        of_outputs = squared(problem.cost.gradient(problem.data, at.x))
        of_parameters = squared(gradient_by_differences(at, problem, decay))
        ratios += [
            bound(of_parameters, 2 * s * (of_outputs + allowed), note="from x to theta"),
            bound(of_outputs, 2 * t * of_parameters + allowed, note="from theta to x"),
        ]
    return ratios


def off_the_range(at: Point) -> Array:
    """Return targets such that the residual is orthogonal to the range of D."""
    rest = at.random(len(at.x))
    return at.x - (rest - at.D @ at.pinv.apply(rest))


@claim(
    "chenewald2024/remark-2.1/d",
    scenes=(*LABELLED[:3], *LABELLED[5:8], *FULL_RANK_EXACT, *SMALLEST, MINIMUM),
    columns=ALGEBRAIC,
    controls=[
        variant("N/2, as of 1/(2N)", factor=lambda at: at.number(at.N, 2)),
        variant("the cost 1/(2N) with the factor of 1/N", cost=LEAST_SQUARES),
        variant("squared loss plus a constant", shift=1),
        variant("a quartic cost", cost=QUARTIC),
    ],
)
def test_squared_loss_is_a_multiple_of_its_squared_gradient(
    at: Point,
    factor: Piece = lambda at: at.number(at.N, 4),
    cost: Cost = MEAN_SQUARE,
    shift: int = 0,
) -> list[Ratio]:
    numbers = reference_arithmetic(at.arithmetic)
    data, ratios = at.problem.data.to(numbers), []
    for targets in (at.y, *towards_the_outputs(at)):
        # At any x = y + error: C is quadratic, so that differences with h = 1 are exact.
        x = data.stacked_targets + numbers.array(at.x - targets)
        moves = [[cost.value(data, x + k * e) for k in STENCIL] for e in numbers.eye(len(x))]
        gradient = at.arithmetic.array([derivative(values, 1) for values in moves])
        value = at.arithmetic.array([cost.value(data, x)])[0] + shift
        size = at.arithmetic.largest(at.x) + at.arithmetic.largest(at.y)
        multiple = factor(at) * squared(gradient)
        ratios.append(identity(value, multiple, scale=size * size, size=len(at.x)))
    return ratios
