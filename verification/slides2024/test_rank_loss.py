"""Both flows without a rank assumption: outputs, well-posedness, equilibria.

The talk writes theta' = +D^T Psi, Psi minimizing |D D^T Psi + g|, g = grad_x C: the sign of descent (the
paper has a minus there, see chen2023/test_theorem_4_1). Hence x' = -P g, and -P D D^T P g for the
standard flow, at any rank.

Does the system define theta(s)? Under rank loss many Psi minimize, but D^T Psi is the same for all of
them, and depends smoothly on theta as long as the rank of D is constant. Where it is not, the velocity
jumps, and orbits branch: from the point of rank 1 of the affine 1-1-1 network (scene ``FORK``) leave,
beside the orbit that rests there, w = W = +-(delta (1 - e^(-s/N)))^(1/2), which solve the system for all
s > 0.
"""

from collections.abc import Callable

import numpy as np

from geomdl import integrate, pseudoinverse
from geomdl.arithmetic import Array
from geomdl.rank_deficiency import differential_algebraic_field
from verification.chen2023.equilibria import ELSEWHERE, EQUILIBRIA, ON_THE_SIMPLEX, at_most, terms
from verification.chen2023.rank_loss_laws import (
    ANYWHERE,
    basic,
    complement,
    kernel_vector,
    output_velocity_matches,
    shortest,
)
from verification.machinery.checks import claim, variant
from verification.machinery.columns import ALGEBRAIC, ORBITS, POINTWISE
from verification.machinery.points import Point
from verification.machinery.ratios import Ratio, bound, identity, property_
from verification.scenes.critical_points import CRITICAL
from verification.scenes.matrices import ANY_MATRIX
from verification.scenes.networks import (
    BORDERLINE,
    FULL_RANK,
    FULL_RANK_EXACT,
    RANK_LOST,
    SMALLEST,
    UNDER,
)
from verification.scenes.pieces import projector_onto_range, squared
from verification.scenes.rank_loss import FORK
from verification.scenes.rank_missing import TWINS

NETWORKS = (
    *RANK_LOST, ON_THE_SIMPLEX, TWINS, *FULL_RANK[:2], *FULL_RANK_EXACT, *BORDERLINE[:1], *SMALLEST,
    *UNDER[:1],
)  # fmt: skip
Vector = Callable[[Point], Array]


@claim(
    "slides2024/rank-loss-standard/a",
    scenes=NETWORKS,
    columns=ALGEBRAIC,
    controls=[
        variant("the complement", projector=complement),
        variant("uphill", sign=1),
        variant("without D D^T", gram=lambda at: at.eye(len(at.D))),
    ],
)
def test_outputs_of_the_standard_flow_follow_the_kernel_between_projectors(
    at: Point,
    sign: int = -1,
    projector: Vector = projector_onto_range,
    gram: Vector = lambda at: at.D @ at.D.T,
) -> Ratio:
    p = projector(at)
    return output_velocity_matches(at, -at.grad_theta, sign * (p @ (gram(at) @ (p @ at.g))))


@claim(
    "slides2024/rank-loss-dae/b",
    scenes=ANYWHERE,
    columns=ALGEBRAIC,
    controls=[
        variant("Psi itself", scenes=(*RANK_LOST, ANY_MATRIX[-1]), pull=lambda at, psi: psi),
        variant(
            "no minimizer",
            scenes=RANK_LOST,
            other=lambda at: shortest(at) + at.D @ at.random(at.D.shape[1]),
        ),
    ],
)
def test_velocity_is_the_same_for_all_minimizers(
    at: Point,
    pull: Callable[[Point, Array], Array] = lambda at, psi: at.D.T @ psi,
    other: Vector = basic,
) -> list[Ratio]:
    expected = pull(at, shortest(at))
    ratios = []
    for psi in (other(at), other(at) + kernel_vector(at)):
        scale = at.arithmetic.largest(abs(at.D)) * at.arithmetic.largest(abs(psi))
        unit = {"scale": scale + at.arithmetic.largest(expected), "condition": at.kappa**2}
        ratios.append(identity(pull(at, psi), expected, size=at.size, **unit))
    return ratios


LARGE, SMALL = 2.0**-4, 2.0**-16


def any_direction(at: Point) -> np.ndarray:
    """Draw a direction of theta."""
    return at.arithmetic.to_float64(at.random(len(at.theta)))


@claim(
    "slides2024/rank-loss-dae/b",
    scenes=(*RANK_LOST, TWINS, FULL_RANK[0]),
    columns=ORBITS[1:],
    controls=[variant("the start is not moved closer", smaller=LARGE)],
    refuted=[
        variant("rank not constant", scenes=[FORK], direction=lambda at: np.array([1.0, 0, 1.0, 0]))
    ],
)
def test_orbits_that_start_close_to_each_other_stay_close(
    at: Point, smaller: float = SMALL, direction: Callable[[Point], np.ndarray] = any_direction
) -> Ratio:
    ends, step = [], direction(at)
    for distance in (0.0, LARGE, smaller):
        start = at.arithmetic.to_float64(at.theta) + distance * step
        orbit = integrate(at.problem, differential_algebraic_field(), start, at.N, rtol=at.rtol)
        ends.append(orbit.end)
    far, near = (np.linalg.norm(end - ends[0]) for end in ends[1:])
    return bound(near, far / 100, note=f"{near:.3g} apart at {smaller:.3g}, {far:.3g} at {LARGE:.3g}")


@claim(
    "slides2024/rank-loss-dae/b",
    scenes=[FORK],
    columns=POINTWISE,
    controls=[
        variant("at twice the rate", rate=2),
        variant("w = -W", signs=((1, -1), (-1, 1))),
    ],
    evidence=True,
)
def test_three_orbits_leave_from_the_fork(
    at: Point, rate: int = 1, signs: tuple[tuple[int, int], ...] = ((1, 1), (-1, -1))
) -> list[Ratio]:
    a, field = at.arithmetic, differential_algebraic_field()
    half = (at.y[1] - at.y[0]) / at.number(2)
    resting = field(at.problem, at.theta)
    ratios = [identity(resting, 0 * resting, scale=a.largest(at.y), note="at rest")]
    # s = N / 8, N, 4 N. Towards s = 0 all of them tend to the same theta.
    for time in (at.number(1, 8), at.number(1), at.number(4)):
        decay = a.exp(a.array([-rate * time]))[0]
        w = a.sqrt(a.array([half * (1 - decay)]))[0]
        w_dot = half * decay * at.number(rate, at.N) / (2 * w)
        for inner, outer in signs:
            theta, expected = at.theta.copy(), 0 * at.theta
            theta[0], theta[2], expected[0], expected[2] = (
                inner * w,
                outer * w,
                inner * w_dot,
                outer * w_dot,
            )
            velocity = field(at.problem, theta)
            condition = float(a.largest(at.y) / half + 1 / w) ** 2
            ratios.append(identity(velocity, expected, size=4, condition=condition))
            ratios.append(property_(pseudoinverse(at.problem.linearize(theta).jacobian()).rank == 2))
    return ratios


@claim(
    "slides2024/rank-loss-dae/c",
    scenes=NETWORKS,
    columns=ALGEBRAIC,
    controls=[
        variant("the sign of the paper", sign=-1),
        variant("without P", scenes=RANK_LOST, projector=lambda at: at.eye(len(at.D))),
        variant("the complement", projector=complement),
        variant("the standard velocity", velocity=lambda at: -at.grad_theta),
    ],
)
def test_outputs_of_the_generalized_adapted_flow_follow_the_projected_gradient(
    at: Point,
    sign: int = 1,
    projector: Vector = projector_onto_range,
    velocity: Vector = lambda at: differential_algebraic_field(rank=at.rank)(at.problem, at.theta),
) -> Ratio:
    return output_velocity_matches(at, sign * velocity(at), -(projector(at) @ at.g))


@claim(
    "slides2024/equilibria-equivalence/a",
    scenes=(*EQUILIBRIA, *ELSEWHERE, *ANY_MATRIX),
    columns=ALGEBRAIC,
    controls=[
        variant("targets 2 y", scenes=CRITICAL[:2], g=lambda at: at.g - at.y / at.number(at.N)),
        variant("the sign of the paper", scenes=RANK_LOST, sign=-1),
    ],
)
def test_standard_and_generalized_adapted_flow_rest_together(
    at: Point, sign: int = 1, g: Vector = lambda at: at.g
) -> list[Ratio]:
    inverse, covector = pseudoinverse(at.D, rank=at.rank), g(at)
    formed = inverse.matrix()
    velocity = sign * (at.D.T @ -(formed.T @ (formed @ covector)))
    standard, size = -(at.D.T @ at.g), squared(formed)
    # Each is bounded by the other; and, which the sets alone do not tell, neither ascends:
    # dC/ds = (g, D theta') = -|P g|^2.
    projected = inverse.range_basis @ (inverse.range_dual @ at.g)
    scale = at.arithmetic.largest(terms(at)) ** 2 * len(at.g)
    return [
        at_most(at, velocity, size**2, standard, size, "adapted against standard"),
        at_most(at, standard, squared(at.D) ** 2, velocity, squared(at.D), "standard against adapted"),
        identity(
            at.g @ (at.D @ velocity), -squared(projected), scale=scale, size=at.size, condition=at.kappa
        ),
    ]
