"""Proposition 3.1: an orbit of the standard flow stays long where the gradient is small.

Let U be a region where |D^T g| < epsilon |g|, g = grad_x C, let I be the set of times at which the orbit
theta' = -D^T g is in U, s0 = inf I, and L_U the length of the orbit inside U. Then

    |I| >= N L_U / (epsilon |x[theta(s0)] - y|).

The proof is a chain: L_U is the integral of |theta'| = |D^T g| over I, at most |I| epsilon sup |g|, and
|g| = (2 C / N)^(1/2) = |x - y| / N is largest at s0, because the cost decreases. Neither epsilon << 1
nor epsilon |g| << 1 nor full rank of D enters, nor that I is an interval, nor that s0 belongs to I; if
|I| is infinite there is nothing to show. x[theta(s0)] = y cannot occur: such an orbit rests outside U.

U is given by inequalities, and I by their zeros along the orbit, which is integrated together with its
arc length. Where the orbit is still inside at the last time, U is cut off by a level of the cost.
epsilon is read off a pilot orbit, so that it is the same number in all columns.
"""

from collections.abc import Callable, Sequence

import numpy as np

from geomdl import (
    LEAST_SQUARES,
    MEAN_SQUARE,
    Cost,
    Problem,
    standard_field,
)
from geomdl.arithmetic import Array
from geomdl.flows import Field
from verification.chen2023.trapping import (
    ADAPTED,
    COLUMNS,
    MANY_SAMPLES,
    REGIONS,
    SCENES,
    SOFTPLUS,
    WIDER_SADDLE,
    ChooseRegion,
    chord_length,
    cut_by_a_hyperplane,
    integral_of_the_gradient,
    norms,
    pieces,
    shell,
    slowest,
    slowest_twentieth,
    stay,
    stiffness,
    whole_orbit,
)
from verification.machinery.checks import claim, variant
from verification.machinery.columns import ALGEBRAIC, FLOAT64
from verification.machinery.points import Point
from verification.machinery.ratios import Ratio, along_orbit, bound, identity, property_
from verification.scenes.networks import FULL_RANK, FULL_RANK_EXACT, RANK_LOST, SMALLEST, UNDER

WITHOUT_N = Cost("|x - y|^2 / 2", lambda data: np.full(data.size, 2))


@claim(
    "chen2023/proposition-3.1/a",
    "chen2023/proposition-3.1/b",
    scenes=SCENES,
    columns=COLUMNS,
    controls=[
        variant("1/epsilon^2", regions=(slowest_twentieth,), power=2),
        variant("the quotient is 1000 epsilon in U", regions=(shell,), scenes=SOFTPLUS, excess=1000),
        variant("x at the last time in U", regions=(whole_orbit,), scenes=SMALLEST[:1], first=False),
        variant("the cost without 1/N", regions=(shell,), scenes=[MANY_SAMPLES], cost=WITHOUT_N),
        variant("the adapted flow", regions=(slowest,), scenes=[WIDER_SADDLE], field=ADAPTED),
    ],
)
def test_time_in_a_region_of_small_gradient_is_bounded_below_by_length_over_epsilon(
    at: Point,
    regions: Sequence[ChooseRegion] = REGIONS,
    power: int = 1,
    excess: float = 1,
    first: bool = True,
    field: Field = standard_field,
    cost: Cost = LEAST_SQUARES,
) -> list[Ratio]:
    ratios = []
    for region in regions:
        there = stay(at, region, field, cost)
        if not there.intervals:
            continue  # at this tolerance the orbit misses a thin region, and nothing is claimed
        error = there.way.error(there.begin if first else there.end)
        claimed = at.N * there.length / error / (there.epsilon / excess) ** power
        note = f"{region.__name__}: epsilon {there.epsilon:.3g}, {len(there.intervals)} intervals"
        ratios.append(bound(claimed, there.duration, slack=30 * at.rtol, note=note))
    return ratios


@claim(
    "chen2023/proposition-3.1-proof/a",
    scenes=(*FULL_RANK, *FULL_RANK_EXACT, *RANK_LOST, *UNDER, *SMALLEST),
    columns=ALGEBRAIC,
    controls=[
        variant("uphill", sign=1),
        variant("x - y instead of its N-th part", gradient=lambda at: at.x - at.y),
        variant("the cost |x - y|^2/N", gradient=lambda at: 2 * at.g),
    ],
)
def test_standard_flow_descends_along_the_transposed_jacobian(
    at: Point, sign: int = -1, gradient: Callable[[Point], Array] = lambda at: at.g
) -> Ratio:
    pulled_back = sum(row * entry for row, entry in zip(at.D, gradient(at), strict=True))
    scale = at.arithmetic.largest(at.D) * at.arithmetic.largest(at.g)
    return identity(standard_field(at.problem, at.theta), sign * pulled_back, scale=scale, size=at.size)


@claim(
    "chen2023/proposition-3.1-proof/b",
    scenes=(*FULL_RANK, *FULL_RANK_EXACT, *UNDER, *SMALLEST),
    columns=ALGEBRAIC,
    controls=[
        variant("the cost |x - y|^2/N", cost=MEAN_SQUARE),
        variant("another minimizer", shift=1, scenes=FULL_RANK[:1]),
    ],
)
def test_output_gradient_vanishes_exactly_at_the_targets_where_the_cost_is_least(
    at: Point, cost: Cost = LEAST_SQUARES, shift: int = 0
) -> list[Ratio]:
    data, error = at.problem.data, at.random(len(at.y)) + at.number(1, 128)
    minimizer = at.y + at.number(shift)
    gradient, value = cost.gradient(data, minimizer + error), cost.value(data, minimizer + error)
    square = (gradient * gradient).sum()
    return [
        identity(at.N * gradient, error, scale=at.arithmetic.largest(minimizer) + 3),
        # Gradient and cost control each other, so that both vanish where x = y and nowhere else.
        identity(square * at.N, 2 * value, size=len(at.y)),
        property_(bool(cost.value(data, minimizer) == 0 and value > 0), "least at the targets"),
    ]


@claim(
    "chen2023/proposition-3.1-proof/c",
    scenes=SCENES,
    columns=COLUMNS,
    controls=[
        variant("the gradient in output space", scenes=SCENES[1:2], which=1),
        variant("half of each piece of I", scenes=SCENES[1:2], part=0.5),
    ],
)
def test_length_in_the_region_is_the_integral_of_the_gradient(
    at: Point, which: int = 0, part: float = 1
) -> list[Ratio]:
    ratios = []
    for region in (slowest, cut_by_a_hyperplane):
        there = stay(at, region)
        chords = sum(chord_length(there.way, *piece) for piece in pieces(there))
        spans = [(begin, begin + part * (end - begin)) for begin, end in pieces(there)]
        integrals = sum(integral_of_the_gradient(there.way, *span, which) for span in spans)
        scale = chords + there.duration * stiffness(there.way)
        ratios.append(along_orbit([chords], [integrals], rtol=at.rtol, scale=scale))
    return ratios


@claim(
    "chen2023/proposition-3.1-proof/c",
    scenes=SCENES,
    columns=COLUMNS,
    controls=[
        variant("the quotient is 1000 epsilon in U", scenes=SOFTPLUS, excess=1000),
        variant("the last output gradient instead of the largest", scenes=SMALLEST[:1], last=True),
    ],
)
def test_length_in_the_region_is_at_most_epsilon_times_duration_times_the_largest_output_gradient(
    at: Point, excess: float = 1, last: bool = False
) -> list[Ratio]:
    ratios = []
    for region in (whole_orbit,) if last else (slowest, cut_by_a_hyperplane, whole_orbit):
        there = stay(at, region)
        chords = sum(chord_length(there.way, *piece) for piece in pieces(there))
        gradient = (
            there.way.output_gradient(there.end) if last else there.largest(there.way.output_gradient)
        )
        limit = there.duration * there.epsilon / excess * gradient
        ratios.append(bound(chords, limit, slack=30 * at.rtol, note=region.__name__))
    return ratios


@claim(
    "chen2023/proposition-3.1-proof/d",
    scenes=SCENES,
    columns=COLUMNS,
    controls=[
        variant("the cost at the last time in U", first=False, scenes=SCENES[1:2]),
        variant("C instead of 2C", factor=1),
        variant("1/N instead of 2/N with the cost |x - y|^2/N", cost=MEAN_SQUARE),
    ],
)
def test_output_gradient_in_the_region_is_largest_at_entry(
    at: Point, first: bool = True, factor: float = 2, cost: Cost = LEAST_SQUARES
) -> list[Ratio]:
    there = stay(at, slowest)
    problem, way, data = Problem(at.problem.network, at.problem.data, cost), there.way, at.problem.data
    gradient = there.largest(lambda time: norms(problem, way.dense(time)[:-1])[1])
    costs = there.largest(lambda time: way.error(time) ** 2 / (2 * at.N))
    # The state at s0 from an integration of its own, not from the samples of the supremum.
    s0 = (there.begin if first else there.end) / at.N
    entry = at.orbit(standard_field, end=s0).end if s0 > 0 else at.theta
    outputs = at.arithmetic.to_float64(problem.stacked(at.arithmetic.array(entry)))
    entry_cost = float(LEAST_SQUARES.value(data.to(FLOAT64.arithmetic), outputs))
    entry_error = float(np.linalg.norm(outputs - at.arithmetic.to_float64(at.y)))
    chain = [np.sqrt(factor * costs / at.N), np.sqrt(factor * entry_cost / at.N), entry_error / at.N]
    scale = gradient + np.sqrt(stiffness(way) / at.N)
    return [along_orbit([link], [gradient], rtol=at.rtol, scale=scale) for link in chain]


@claim(
    "chen2023/proposition-3.1-proof/d",
    scenes=(*FULL_RANK, *FULL_RANK_EXACT, *UNDER, *SMALLEST),
    columns=ALGEBRAIC,
    controls=[
        variant("the cost |x - y|^2/N", cost=MEAN_SQUARE),
        variant("2 C instead of 2 C / N", power=0),
    ],
)
def test_output_gradient_is_the_root_of_twice_the_cost_over_N(
    at: Point, cost: Cost = LEAST_SQUARES, power: int = 1
) -> list[Ratio]:
    gradient, value = cost.gradient(at.problem.data, at.x), cost.value(at.problem.data, at.x)
    square, error = (gradient * gradient).sum(), at.x - at.y
    size = len(at.y)
    return [
        identity(square, 2 * value / at.number(at.N**power), size=size),
        identity(square, (error * error).sum() / at.number(at.N**2), size=size),
    ]
