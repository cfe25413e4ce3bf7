"""Induced flow in the output layer: the chain rule with its sign, and the rank of D D^T.

theta(s) is the Euclidean gradient flow, theta' = -D^T grad_x C. Then x' = +D theta' = -D D^T grad_x C;
the slide (and that of 2024) prints x' = -D theta', which contradicts its own next line unless
D theta' = 0. rank D D^T <= min(K, QN): for K < QN there is a u with D^T u = 0, so that D D^T u = 0,
whatever the network. The sentences about (D D^T)^-1 as a metric are decided in
chen2023/test_induced_metric.
"""

from collections.abc import Callable

import numpy as np

from geomdl import pseudoinverse, standard_field
from geomdl.arithmetic import Array
from verification.chen2023.orbit_laws import outputs_along
from verification.machinery.checks import claim, variant
from verification.machinery.columns import ALGEBRAIC, FLOAT64, RATIONAL
from verification.machinery.points import RANK_CUT, Point
from verification.machinery.ratios import Ratio, bound, identity, property_
from verification.scenes.critical_exact import CRITICAL_RANK_LOST, DEAD_UNITS
from verification.scenes.induced import AFFINE, HIDDEN_EXACT
from verification.scenes.matrices import ANY_MATRIX, FULL_COLUMN_RANK
from verification.scenes.networks import (
    BORDERLINE,
    FULL_RANK,
    FULL_RANK_EXACT,
    RANK_LOST,
    SMALLEST,
    UNDER,
    network_scene,
)
from verification.scenes.rank_missing import TWINS

MOVING = (*FULL_RANK_EXACT, FULL_RANK[0], *RANK_LOST, *UNDER[:2], *BORDERLINE, *SMALLEST, TWINS)
UNDER_EXACT = (
    network_scene([2, 1], "identity", 4, bits=3, facts=["under", "injective"]),
    network_scene([1, 1, 1], "square", 6, rank=3, bits=3, facts=["under", "rank lost"]),
)
RANKED = (
    *HIDDEN_EXACT, *AFFINE, *UNDER_EXACT, *UNDER, *RANK_LOST, *BORDERLINE, *CRITICAL_RANK_LOST,
    DEAD_UNITS, *ANY_MATRIX,
)  # fmt: skip


@claim(
    "slides2023/output-flow/a",
    scenes=MOVING,
    columns=ALGEBRAIC,
    controls=[
        variant("another velocity of theta", sign=1, velocity=lambda at: standard(at) - at.theta),
        variant("half of it", sign=1, velocity=lambda at: standard(at) / at.number(2)),
    ],
    refuted=[variant("printed minus sign", scenes=MOVING)],
    corrected=[variant("without the minus sign", sign=1)],
)
def test_outputs_move_by_minus_the_jacobian_times_the_velocity_of_the_parameters(
    at: Point, sign: int = -1, velocity: Callable[[Point], Array] | None = None
) -> Ratio:
    # The velocity that is multiplied by D is that of the flow; a control takes another one.
    along = standard(at) if velocity is None else velocity(at)
    terms = abs(at.D) @ (abs(standard(at)) + abs(along))
    return identity(
        outputs_along(at, standard(at)), sign * (at.D @ along), scale=terms, size=sum(at.D.shape)
    )


def standard(at: Point) -> Array:
    """Return theta' of the Euclidean gradient flow."""
    return standard_field(at.problem, at.theta)


def tangent_kernel(at: Point) -> Array:
    """Return D D^T, in its block form where there is a network."""
    return at.D @ at.D.T if at.is_matrix else at.at_theta.gram()


def rank_of_kernel(at: Point, kernel: Array) -> int:
    """Count the dimensions of the range: exactly, or above the square of the rank window."""
    if at.arithmetic.exact:
        return pseudoinverse(kernel).rank
    sigma = np.linalg.svd(kernel, compute_uv=False)
    return int(np.sum(sigma > RANK_CUT**2 * sigma[0])) if sigma[0] > 0 else 0


@claim(
    "slides2023/output-flow/c",
    scenes=RANKED,
    columns=(FLOAT64, RATIONAL),
    controls=[
        variant(
            "the matrix 1 + D D^T of the family between the flows",
            scenes=(*UNDER_EXACT, *UNDER, *FULL_COLUMN_RANK[:1]),
            kernel=lambda at: tangent_kernel(at) + at.eye(at.D.shape[0]),
        ),
        variant(
            "D^T D, K x K, for K > QN",
            scenes=AFFINE,
            kernel=lambda at: at.D.T @ at.D + at.eye(at.D.shape[1]),
        ),
    ],
)
def test_rank_of_the_tangent_kernel_is_at_most_K_and_at_most_QN(
    at: Point, kernel: Callable[[Point], Array] = tangent_kernel
) -> list[Ratio]:
    gram, (rows, columns) = kernel(at), at.D.shape
    rank = rank_of_kernel(at, gram)
    found = [
        property_(rank <= min(rows, columns), f"rank {rank}, QN = {rows}, K = {columns}"),
        property_(columns >= rows or rank < len(gram), "invertible with K < QN"),
    ]
    if rows > columns and gram.shape == (rows, rows):
        u = at.random(rows)
        u = u - at.D @ at.pinv.apply(u)  # D^T u = 0
        terms = (
            at.size * at.kappa * at.arithmetic.largest(abs(gram) @ abs(u) + at.arithmetic.largest(gram))
        )
        found.append(
            bound(
                at.arithmetic.largest(gram @ u),
                100 * at.arithmetic.unit_roundoff * terms,
                note="D D^T u = 0",
            )
        )
    return found
