"""Section 1.4.1: the right inverse Pen[D] = D^T (D D^T)^-1 and the projector P = Pen[D] D.

At full row rank QN <= K: D Pen[D] = 1, and P = P^2 = P^T is the orthogonal projector onto the range
of D^T. The literal formula loses kappa^2 roundoffs, its products with D no more.
"""

from collections.abc import Callable
from typing import Any

from geomdl import pseudoinverse
from geomdl.arithmetic import Array
from verification.chen2023.adapted_fields import printed_row_projector
from verification.machinery.checks import claim, variant
from verification.machinery.columns import ALGEBRAIC, OPTIONAL
from verification.machinery.points import Point
from verification.machinery.ratios import Ratio, identity, property_
from verification.scenes.matrices import DEFICIENT, FULL_ROW_RANK
from verification.scenes.networks import FULL_RANK, FULL_RANK_EXACT, RANK_LOST, UNDER

Piece = Callable[[Point], Array]
SCENES = (*FULL_RANK, *FULL_RANK_EXACT, *FULL_ROW_RANK)
WIDE = (*FULL_RANK[:1], *FULL_ROW_RANK[-1:])
NO_FULL_RANK = variant("rank lost or K < QN", scenes=(*DEFICIENT[3:], *RANK_LOST, *UNDER))


@claim(
    "chen2023/penrose/a",
    "chen2023/adapted-flow-output/b",
    scenes=SCENES,
    columns=ALGEBRAIC,
    controls=[NO_FULL_RANK],
)
def test_right_inverse_is_well_defined_and_has_rank_QN(at: Point) -> list[Ratio]:
    gram = at.D @ at.D.T
    rows = at.D.shape[0]
    return [
        identity(gram @ at.inverse(gram), at.eye(rows), size=at.size, condition=at.kappa**2),
        property_(pseudoinverse(at.pen).rank == rows, "rank of Pen[D]"),
    ]


@claim(
    "chen2023/penrose/b",
    "chen2023/theorem-2.1/a",
    scenes=SCENES,
    columns=(*ALGEBRAIC, *OPTIONAL),
    controls=[NO_FULL_RANK, variant("the Gram matrix not inverted", scenes=WIDE, pen=lambda at: at.D.T)],
)
def test_jacobian_times_right_inverse_is_the_identity(
    at: Point, pen: Piece = lambda at: at.pen
) -> Ratio:
    return identity(at.D @ pen(at), at.eye(at.D.shape[0]), size=at.size, condition=at.kappa**2)


def scaled_projector(at: Point) -> Array:
    """Return a multiple of P: symmetric with the same range, but no projector."""
    return 2 * printed_row_projector(at)


def oblique_projector(at: Point) -> Array:
    """Return a projector along a wrong complement: idempotent, but not symmetric."""
    rows = at.D.shape[0]
    tilted = at.D.T + at.random(at.D.shape[1], rows)
    return at.D.T @ at.inverse(tilted.T @ at.D.T) @ tilted.T


@claim(
    "chen2023/penrose/c",
    "chen2023/theorem-2.1/a",
    scenes=SCENES,
    columns=ALGEBRAIC,
    controls=[
        variant("twice P", scenes=WIDE, projector=scaled_projector),
        variant("oblique projector", scenes=WIDE, projector=oblique_projector),
    ],
)
def test_right_inverse_times_jacobian_is_a_symmetric_projector(
    at: Point, projector: Piece = printed_row_projector
) -> list[Ratio]:
    p = projector(at)
    unit: dict[str, Any] = {"size": at.size, "condition": at.kappa**2}
    return [identity(p @ p, p, **unit), identity(p.T, p, **unit)]


@claim(
    "chen2023/penrose/d",
    "chen2023/theorem-2.1/a",
    scenes=SCENES,
    columns=ALGEBRAIC,
    controls=[
        variant("oblique projector", scenes=WIDE, projector=oblique_projector),
        variant("the identity of R^K", scenes=WIDE, projector=lambda at: at.eye(at.D.shape[1])),
    ],
)
def test_projector_maps_orthogonally_onto_the_range_of_the_transpose(
    at: Point, projector: Piece = printed_row_projector
) -> list[Ratio]:
    p, v = projector(at), at.random(at.D.shape[1])
    unit: dict[str, Any] = {"size": at.size, "condition": at.kappa**2}
    coefficients = at.arithmetic.solve(at.D @ at.D.T, at.D @ v)
    return [
        identity(p @ at.D.T, at.D.T, note="P fixes the range of D^T", **unit),
        identity(p @ v, at.D.T @ coefficients, note="P v lies in the range of D^T", **unit),
        identity(
            at.D @ (v - p @ v),
            at.arithmetic.zeros(at.D.shape[0]),
            scale=at.arithmetic.largest(at.D) * at.arithmetic.largest(v),
            note="v - P v is orthogonal to the range of D^T",
            **unit,
        ),
    ]
