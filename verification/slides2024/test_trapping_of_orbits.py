"""Trapping of orbits: the talk's version of Proposition 3.1, with a strict inequality.

Let U be a region with |D^T g| < eps |g| and I the set of times at which the orbit is in U. The talk
claims |I| > N L_U / (eps |x[theta(s0)] - y|), s0 = inf I, where the paper has >=, and drops the paper's
hypotheses that the orbit meets U, that 0 < |D^T g|, and that eps and eps |g| are small. Its target y_U
is read as y_omega. The difference of the two sides is

    (N / (eps |x(s0) - y|)) times the integral over I of  eps |g(s0)| - |D^T g| > 0,

so that the strict inequality holds where 0 < |I| < infinity, and fails where the orbit misses U (0 > 0).
If the orbit stays for ever, the right side is finite or the statement reads infinity > infinity.

The two steps of the proof hold without the hypotheses that the talk drops: also for eps > 1, and in
regions that contain points of rest.
"""

from collections.abc import Callable, Sequence

import numpy as np

from geomdl import LEAST_SQUARES, MEAN_SQUARE, Cost, Problem, standard_field
from geomdl.flows import Field
from verification.chen2023.trapping import (
    ADAPTED,
    COLUMNS,
    REGIONS,
    SCENES,
    SOFTPLUS,
    WIDER_SADDLE,
    ChooseRegion,
    Pilot,
    Region,
    chord_length,
    integral_of_the_gradient,
    norms,
    pieces,
    shell,
    slowest_twentieth,
    stay,
    stiffness,
)
from verification.machinery.checks import claim, variant
from verification.machinery.points import Point
from verification.machinery.ratios import Ratio, along_orbit, bound, property_
from verification.scenes.critical_points import BUILT, DEAD_UNITS

SHORT = (SCENES[0], SCENES[1], SCENES[3])
"""A saddle, full rank, rank lost: those of the paper's scenes that take a second."""

AT_REST = (DEAD_UNITS, BUILT[0])
"""Orbits that begin at a critical point, with rank below QN and g != 0."""


def never_reached(seen: Pilot) -> Region:
    """Where the quotient is below half of its smallest value on the orbit."""
    epsilon = 0.5 * float(np.min(seen.quotients))
    return Region(epsilon, (lambda q, theta: q / epsilon - 1,))


def wide(seen: Pilot) -> Region:
    """Everywhere, with eps twice the largest quotient or 1: rest points belong to it."""
    epsilon = 2 * max(1.0, float(np.max(seen.quotients)))
    return Region(epsilon, (lambda q, theta: q / epsilon - 1,))


@claim(
    "slides2024/trapping-of-orbits/a",
    scenes=SHORT,
    columns=COLUMNS,
    controls=[
        variant("1/eps^2", regions=(slowest_twentieth,), power=2),
        variant("the quotient is 1000 eps in U", regions=(shell,), scenes=SOFTPLUS, excess=1000),
        variant("the adapted flow", regions=REGIONS[:1], scenes=[WIDER_SADDLE], field=ADAPTED),
    ],
    refuted=[variant("the orbit misses U", regions=(never_reached,), scenes=SHORT[1:])],
)
def test_time_in_the_region_strictly_exceeds_length_over_eps(
    at: Point,
    regions: Sequence[ChooseRegion] = REGIONS,
    power: int = 1,
    excess: float = 1,
    field: Field = standard_field,
) -> list[Ratio]:
    ratios = []
    for region in regions:
        there = stay(at, region, field)
        note = f"{region.__name__}: {len(there.intervals)} intervals"
        if not there.intervals:
            # No time and no length: the printed inequality reads 0 > 0, whatever s0 is.
            ratios.append(property_(there.duration > there.length, note))
            continue
        error = there.way.error(there.begin)
        claimed = at.N * there.length / error / (there.epsilon / excess) ** power
        # Strictly, by more than the errors of both sides.
        ratios.append(bound(claimed, there.duration, slack=-30 * at.rtol, note=note))
    return ratios


@claim(
    "slides2024/trapping-of-orbits/b",
    scenes=(*SHORT, *AT_REST),
    columns=COLUMNS,
    controls=[
        variant("the gradient in output space", scenes=SHORT[1:2], which=1),
        variant("half of each piece of I", scenes=SHORT[1:2], part=0.5),
        variant("the quotient is 1000 eps in U", scenes=SOFTPLUS, excess=1000.0),
    ],
)
def test_length_is_the_integral_of_the_gradient_and_at_most_eps_times_the_output_gradient(
    at: Point, which: int = 0, part: float = 1, excess: float = 1
) -> list[Ratio]:
    ratios = []
    for region in (wide,) if at.scene in AT_REST else (shell, wide):
        there = stay(at, region)
        chords = sum(chord_length(there.way, *piece) for piece in pieces(there))
        spans = [(begin, begin + part * (end - begin)) for begin, end in pieces(there)]
        integrals = sum(integral_of_the_gradient(there.way, *span, which) for span in spans)
        limit = there.duration * there.epsilon / excess * there.largest(there.way.output_gradient)
        scale = chords + there.duration * stiffness(there.way)
        ratios += [
            property_(bool(there.intervals), f"{region.__name__} is met"),
            along_orbit([chords], [integrals], rtol=at.rtol, scale=scale, note=region.__name__),
            bound(chords, limit, slack=30 * at.rtol, note=region.__name__),
        ]
    return ratios


@claim(
    "slides2024/trapping-of-orbits/c",
    scenes=(*SHORT, *AT_REST),
    columns=COLUMNS,
    controls=[
        variant("the error at the last time in U", first=False, scenes=SHORT[1:2]),
        variant("C instead of 2C", factor=1),
        variant("1/N instead of 2/N with the cost |x - y|^2/N", cost=MEAN_SQUARE),
        variant("without 1/N", divisor=lambda at: 1),
    ],
)
def test_largest_output_gradient_is_the_error_at_entry_over_N(
    at: Point,
    first: bool = True,
    factor: float = 2,
    cost: Cost = LEAST_SQUARES,
    divisor: Callable[[Point], int] = lambda at: at.N,
) -> list[Ratio]:
    there = stay(at, wide)
    problem, way = Problem(at.problem.network, at.problem.data, cost), there.way
    gradient = there.largest(lambda time: norms(problem, way.dense(time)[:-1])[1])
    costs = there.largest(lambda time: way.error(time) ** 2 / (2 * at.N))
    error = way.error(there.begin if first else there.end)
    chain = [
        np.sqrt(factor * costs / at.N),
        np.sqrt(factor / at.N * error**2 / (2 * at.N)),
        error / divisor(at),
    ]
    scale = gradient + np.sqrt(stiffness(way) / at.N)
    return [along_orbit([link], [gradient], rtol=at.rtol, scale=scale) for link in chain]
