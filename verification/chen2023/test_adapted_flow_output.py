"""Section 1.4.1: the modified flow maps to the Euclidean gradient flow of the outputs.

theta' = -Pen[D] Pen[D]^T grad_theta C, (1.26), moves the outputs by x' = D theta' = -grad_x C. That the
cost tends to zero needs more than rank QN along the orbit: the orbit may end in finite time with rank
QN at every theta that it visits. It does so wherever the segment from x0 to y leaves the image of the
network (scenes ``obstructed``): theta grows without bound, like the logarithm of the time that is left,
while the cost stays above the least cost of the network. (b) is decided with the right inverse in
test_penrose.
"""

from collections.abc import Callable

import numpy as np

from geomdl import rank_loss, standard_field
from geomdl.arithmetic import Array
from geomdl.flows import Field
from verification.chen2023.orbit_laws import STILL_FULL, cost_law
from verification.machinery.checks import claim, variant
from verification.machinery.columns import ALGEBRAIC, ORBITS
from verification.machinery.points import Point
from verification.machinery.ratios import Ratio, along_orbit, bound, identity, property_
from verification.scenes.matrices import DEFICIENT, FULL_ROW_RANK
from verification.scenes.networks import FULL_RANK, FULL_RANK_EXACT, RANK_LOST, SMALLEST
from verification.scenes.obstructed import COST_FLOOR, MONOTONE, PEAK, XOR, meeting_time
from verification.scenes.rank_missing import TWINS

WIDE = (*FULL_RANK[:1], *FULL_ROW_RANK[-1:])
LONG = 12.0


@claim(
    "chen2023/adapted-flow-output/a",
    scenes=(*FULL_RANK, *FULL_RANK_EXACT, *FULL_ROW_RANK[2:]),
    columns=ALGEBRAIC,
    controls=[
        variant("rank lost", scenes=(*DEFICIENT[3:], *RANK_LOST)),
        variant(
            "one right inverse only", scenes=WIDE, velocity=lambda at: -at.pen @ at.D @ at.grad_theta
        ),
        variant("the standard velocity", scenes=WIDE, velocity=lambda at: -at.grad_theta),
    ],
)
def test_printed_velocity_moves_the_outputs_by_minus_their_gradient(
    at: Point, velocity: Callable[[Point], Array] = lambda at: -at.pen @ (at.pen.T @ at.grad_theta)
) -> Ratio:
    return identity(at.D @ velocity(at), -at.g, size=at.size, condition=at.kappa**2)


@claim(
    "chen2023/adapted-flow-output/c",
    scenes=(*FULL_RANK, MONOTONE, *SMALLEST),
    columns=ORBITS,
    controls=[
        variant("rank lost", scenes=(TWINS,)),
        variant("the standard flow", field=standard_field),
    ],
    refuted=[
        variant("the segment leaves the image: a peak", scenes=(PEAK,)),
        variant("the segment leaves the image: exclusive or", scenes=(XOR,)),
    ],
)
def test_cost_tends_to_zero_along_orbits_of_full_rank_that_live_for_all_times(
    at: Point, field: Field | None = None
) -> list[Ratio]:
    orbit = at.orbit(field, end=LONG, events=[rank_loss(at.rank, STILL_FULL)] if field is None else [])
    costs, targets = orbit.costs(), at.arithmetic.to_float64(at.y)
    remaining = costs[-1] - np.exp(-2 * LONG) * costs[0]
    scale = max(costs[0], float(np.max(targets**2)))
    return [
        along_orbit(remaining, 0.0, rtol=at.rtol, scale=scale, note="cost left at the end"),
        *([cost_law(at, orbit)] if orbit.status == "completed" else []),
    ]


@claim(
    "chen2023/adapted-flow-output/c",
    scenes=(PEAK, XOR),
    columns=ORBITS[1:],
    controls=[variant("targets ordered like the outputs", scenes=(MONOTONE,))],
)
def test_orbits_end_at_full_rank_when_the_segment_leaves_the_image(at: Point) -> list[Ratio]:
    orbits = [at.orbit(end=LONG, events=[rank_loss(at.rank, ratio)]) for ratio in (1e-3, 1e-4, 1e-5)]
    if any(orbit.status != "rank lost" for orbit in orbits):
        return [property_(False, "the orbit does not come to the boundary of full rank")]
    left = [meeting_time(at) - orbit.times[-1] / at.N for orbit in orbits]
    largest = [float(np.abs(orbit.end).max()) for orbit in orbits]
    return [
        property_(left[0] > 5 * left[1] > 25 * left[2] > 0, f"time left {left}: about 1/10 a decade"),
        bound(left[2], 1e-3, note="the orbit runs up to the time at which two outputs meet"),
        property_(largest[2] - largest[1] > 0.5 * (largest[1] - largest[0]) > 0, "theta keeps growing"),
        bound(COST_FLOOR, orbits[2].costs()[-1], note="the cost stays above the least cost"),
    ]
