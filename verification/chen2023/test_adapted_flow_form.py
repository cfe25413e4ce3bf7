"""Section 1.4.1, (1.26)-(1.27): two forms of the adapted flow, and its constraint.

At full row rank QN <= K, Pen[D] Pen[D]^T = D^T (D D^T)^-2 D, and the velocity
theta' = -Pen[D] Pen[D]^T grad_theta C lies in the range of P = Pen[D] D: it meets the K - QN linear
constraints n . theta' = 0, n in the kernel of D. Pen[D] comes from the singular value decomposition
(exactly: from a rank factorization), the printed power from two solves with D D^T, which lose kappa^2.
"""

from collections.abc import Callable
from functools import partial

import numpy as np

from geomdl.arithmetic import Array
from verification.chen2023.adapted_fields import (
    by_gram_power,
    by_two_factors,
    kernel,
    printed_field,
    unit_of_velocity,
    velocity_by_another_right_inverse,
)
from verification.machinery.checks import claim, variant
from verification.machinery.columns import ALGEBRAIC, ORBITS
from verification.machinery.points import Point
from verification.machinery.ratios import Ratio, along_orbit, identity
from verification.scenes.matrices import DEFICIENT, FULL_COLUMN_RANK, FULL_ROW_RANK
from verification.scenes.networks import (
    BORDERLINE,
    FULL_RANK,
    FULL_RANK_EXACT,
    RANK_LOST,
    SMALLEST,
    UNDER,
)

SCENES = (*FULL_RANK, *FULL_RANK_EXACT, *BORDERLINE, *SMALLEST, *FULL_ROW_RANK[2:])
Matrix = Callable[[Point], Array]
NO_FULL_RANK = variant(
    "rank lost or K < QN", scenes=(*DEFICIENT[3:], *FULL_COLUMN_RANK, *RANK_LOST, *UNDER)
)


@claim(
    "chen2023/adapted-flow-form/a",
    scenes=SCENES,
    columns=ALGEBRAIC,
    controls=[
        NO_FULL_RANK,
        variant("the power -1", power=1),
        variant("the power -3", power=3),
        variant(
            "the two factors exchanged at K = QN",
            scenes=BORDERLINE[1:],
            two_factors=lambda at: -at.pinv.matrix().T @ (at.pinv.matrix() @ at.grad_theta),
        ),
    ],
)
def test_velocity_takes_the_printed_power_of_the_gram_matrix(
    at: Point, two_factors: Matrix = by_two_factors, power: int = 2
) -> Ratio:
    return identity(two_factors(at), by_gram_power(at, power), **unit_of_velocity(at))


@claim(
    "chen2023/adapted-flow-form/a",
    scenes=(*FULL_RANK, *BORDERLINE[:1], *SMALLEST),
    columns=ORBITS[1:],  # in float32 the printed power loses more digits than the tolerance leaves
    controls=[variant("the power -1", power=1), variant("the power -3", power=3)],
)
def test_orbits_of_the_printed_form_are_those_of_the_adapted_flow(at: Point, power: int = 2) -> Ratio:
    adapted = at.orbit(end=6.0)
    # Other stops and so other steps, lest the agreement be an echo.
    printed = at.orbit(partial(printed_field, power=power), end=6.0, times=(1.0, 2.5))
    return along_orbit(printed.end, adapted.end, rtol=at.rtol, scale=np.abs(adapted.thetas).max())


def row_projector(at: Point) -> Array:
    """P = D^+ D."""
    return at.pinv.row_projector()


def kernel_projector(at: Point) -> Array:
    """1 - P."""
    return at.eye(at.D.shape[1]) - row_projector(at)


@claim(
    "chen2023/adapted-flow-form/b",
    scenes=SCENES,
    columns=ALGEBRAIC,
    controls=[
        NO_FULL_RANK,
        variant(
            "another right inverse of D",
            scenes=(*FULL_RANK, FULL_ROW_RANK[-1]),
            velocity=velocity_by_another_right_inverse,
        ),
        variant("the projector onto the kernel", projector=kernel_projector),
    ],
)
def test_velocity_lies_in_the_range_of_the_projector(
    at: Point, velocity: Matrix = by_gram_power, projector: Matrix = row_projector
) -> list[Ratio]:
    v, p, unit = velocity(at), projector(at), unit_of_velocity(at)
    rows, columns = at.D.shape
    found = [
        identity(p @ v, v, note="P theta' = theta'", **unit),
        identity(p.trace(), at.number(rows), size=at.size, condition=at.kappa, note="the rank of P"),
    ]
    if columns > rows:
        normals = kernel(at)
        zeros = at.arithmetic.zeros(columns - rows)
        unit["scale"] = unit["scale"] * at.arithmetic.largest(normals)
        found.append(identity(normals.T @ v, zeros, note="the constraints", **unit))
    return found
