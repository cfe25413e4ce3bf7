"""Section 4.1.1, (4.4): the outputs of the standard flow where rank is lost.

x' = D theta' = -D D^T g, g = grad_x C, and P D D^T = D D^T: with the projector P onto the range of D in
front, (4.4), or on both sides, as in the talk of 2024, this is (3.1) itself. The projection changes no
velocity; it says what velocities there can be. Whatever the cost, they are orthogonal to the QN - r
vectors of the complement of the range: that many linear constraints, none of them at full rank.
"""

from collections.abc import Callable

from geomdl.arithmetic import Array
from verification.chen2023.equilibria import ON_THE_SIMPLEX
from verification.chen2023.orbit_laws import outputs_along
from verification.chen2023.rank_loss_laws import complement, output_velocity_matches
from verification.machinery.checks import claim, variant
from verification.machinery.columns import ALGEBRAIC
from verification.machinery.points import Point
from verification.machinery.ratios import Ratio, identity, property_
from verification.scenes.networks import FULL_RANK, FULL_RANK_EXACT, RANK_LOST
from verification.scenes.pieces import projector_onto_range
from verification.scenes.rank_missing import TWINS

SCENES = (*RANK_LOST, ON_THE_SIMPLEX, TWINS)
Matrix = Callable[[Point], Array]


@claim(
    "chen2023/rank-loss-standard/a",
    scenes=SCENES,
    columns=ALGEBRAIC,
    controls=[
        variant("the complement", projector=complement),
        variant("uphill", sign=1),
        variant("without D D^T", gram=lambda at: at.eye(len(at.D))),
        variant("D^T D for D D^T, K = QN", scenes=RANK_LOST[:1], gram=lambda at: at.D.T @ at.D),
    ],
)
def test_outputs_of_the_standard_flow_follow_the_projected_kernel(
    at: Point,
    sign: int = -1,
    projector: Matrix = projector_onto_range,
    gram: Matrix = lambda at: at.D @ at.D.T,
) -> list[Ratio]:
    expected = sign * (projector(at) @ (gram(at) @ at.g))
    return [
        property_(at.rank < len(at.D), "rank lost"),
        output_velocity_matches(at, -at.grad_theta, expected),
    ]


@claim(
    "chen2023/rank-loss-standard/b",
    scenes=SCENES,
    columns=ALGEBRAIC,
    controls=[
        variant("full rank: no constraint", scenes=(FULL_RANK[0], FULL_RANK_EXACT[0])),
        variant("the unconstrained flow x' = -g", velocity=lambda at, u: -u),
        variant("along the range", complement=projector_onto_range),
    ],
)
def test_velocities_of_the_outputs_meet_constraints_whatever_the_cost(
    at: Point,
    velocity: Callable[[Point, Array], Array] = lambda at, u: outputs_along(at, -(at.D.T @ u)),
    complement: Matrix = complement,
) -> list[Ratio]:
    normals = complement(at)
    count = round(float(normals.trace()))
    ratios = [property_(count == len(at.D) - at.rank >= 1, f"{count} constraints")]
    for covector in (at.g, at.random(len(at.D))):
        moved = velocity(at, covector)
        scale = at.arithmetic.largest(abs(at.D) @ (abs(at.D).T @ abs(covector)))
        unit = {"scale": scale, "size": at.size, "condition": at.kappa}
        ratios.append(identity(normals @ moved, 0 * moved, note="constraints", **unit))
        # Relative to (3.1) nothing else has changed.
        ratios.append(identity(moved, -(at.D @ (at.D.T @ covector)), note="(3.1)", **unit))
    return ratios
