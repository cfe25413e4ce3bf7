"""Section 5.1, (5.13): the image M = f(R^K) of the output map, and its tangent bundle.

Where D is injective, the outputs near x = f(theta) are a graph over the K-dimensional range of D: for
every small u in R^K exactly one output has Z (x' - x) = u, whatever theta' it is computed from. The
tangent space T_x M, found from secants of M, is then the range of D.

The text assumes that M is an embedded submanifold of dimension K everywhere, "for convenience". For its
conclusion that T M is the pushforward of T R^K this is not the hypothesis that is needed: D has to be
injective. The network w2 sin(w1 t + b1) + b2 on five inputs, t_5 = t_1, maps R^4 onto the hyperplane
{x_1 = x_5} of R^5 (proof in scenes ``foliations``; parameters for given outputs are computed here), as
flat an embedded submanifold of dimension K as there is. Over constant outputs D has rank at most 3 on
the whole fibre, rank 2 at w2 = 0, so that no pushforward spans T M there.

Networks with a hidden layer meet the text's assumption on all of R^K rarely (near constant outputs the
image is a cone), and are never injective (w2 = 0); all that follows in the text is local, on the open
set where D has rank K.
"""

from collections.abc import Callable

import numpy as np

from geomdl import pseudoinverse
from geomdl.arithmetic import Array
from geomdl.fibres import point_in_chart
from verification.chen2023.orbit_laws import outputs_along
from verification.machinery.checks import claim, variant
from verification.machinery.columns import ALGEBRAIC, ONLY_FLOAT64, POINTWISE
from verification.machinery.points import Point
from verification.machinery.ratios import Ratio, identity, property_
from verification.scenes.foliations import SINE_AT_ZERO, sine_parameters
from verification.scenes.networks import FULL_RANK, UNDER
from verification.scenes.underparametrized import AFFINE, NEAR, at_zero_output_weights

SCENES = (*NEAR[:3], *UNDER[:2], *AFFINE)
"""D injective; the image of the affine ones is a linear subspace, as smooth as the text assumes."""


@claim(
    "chen2023/image-manifold/a",
    scenes=SCENES,
    columns=ALGEBRAIC,
    controls=[
        variant("output weights zero: a cone", scenes=NEAR[:2], centre=at_zero_output_weights),
        variant("K > QN: the image is open", scenes=FULL_RANK[:1]),
        variant("the graph taken for its tangent plane", scenes=NEAR[:2], flat=True),
    ],
)
def test_outputs_near_x_are_a_graph_over_the_range_of_D(
    at: Point,
    centre: Callable[[Point], Array] = lambda at: at.theta,
    flat: bool = False,
) -> list[Ratio]:
    here = at.problem.linearize(centre(at))
    rank = pseudoinverse(here.jacobian()).rank
    small = at.number(1, 2**12)
    coordinates, found = small * at.random(rank), []
    for _ in range(2):
        # Drawn: where Newton's method starts, and parameters that the coordinates leave free.
        along, away = small * at.random(len(here.theta) - rank), small * at.random(len(here.theta))
        theta = point_in_chart(here, coordinates, along, rank=rank, start=here.theta + away)
        found.append(at.problem.stacked(theta))
    if flat:
        found[1] = here.stacked + pseudoinverse(here.jacobian(), rank=rank).range_basis @ coordinates
    return [
        identity(*found, size=at.size, condition=at.kappa, note="one output over each coordinate"),
        property_(rank == len(here.theta), f"dimension {rank}, K = {len(here.theta)}"),
    ]


def secant_directions(at: Point) -> Array:
    """Return K derivatives of curves of outputs, found by differences of outputs alone."""
    count = at.D.shape[1]
    return at.arithmetic.stack([outputs_along(at, at.random(count)) for _ in range(count)], axis=1)


def secants_of_the_hyperplane(at: Point) -> Array:
    """Return differences of points of the image close to x, each reached by parameters far away."""
    columns = []
    for _ in range(4):
        target = at.x + at.random(5) / 64 * [1, 1, 1, 1, 0]
        target[4] = target[0]
        outputs = at.problem.stacked(sine_parameters(target))
        if np.abs(outputs - target).max() > 1e-12:
            raise RuntimeError("these outputs were not reached")
        columns.append(64 * (outputs - at.x))
    return np.stack(columns, axis=1)


def transported(at: Point) -> Array:
    """Return range(D) at another theta: the tangent space at another point of M."""
    return at.problem.linearize(at.theta + at.random(len(at.theta)) / 64).jacobian()


@claim(
    "chen2023/image-manifold/b",
    scenes=SCENES,
    columns=POINTWISE,
    controls=[
        variant("tangent space of another point", scenes=NEAR[:2], pushforward=transported),
        variant("one field missing", pushforward=lambda at: at.D[:, 1:]),
    ],
    refuted=[
        variant(
            "M a hyperplane, D not injective",
            scenes=[SINE_AT_ZERO],
            columns=ONLY_FLOAT64,
            tangents=secants_of_the_hyperplane,
        )
    ],
)
def test_pushforwards_of_parameter_fields_span_the_tangent_spaces_of_the_image(
    at: Point,
    tangents: Callable[[Point], Array] = secant_directions,
    pushforward: Callable[[Point], Array] = lambda at: at.D,
) -> list[Ratio]:
    found, pushed = tangents(at), pseudoinverse(pushforward(at))
    of_image = pseudoinverse(found)
    condition = max(at.kappa, float(of_image.condition))
    return [
        identity(
            of_image.range_projector(), pushed.range_projector(), size=at.size, condition=condition
        ),
        property_(of_image.rank == at.D.shape[1], f"dimension of T M: {of_image.rank}"),
    ]
