"""Theorem (C 2023) of the talk: the Penrose inverse, the modified flow, and its limits.

Pen[D] = D^T (D D^T)^-1 at rank QN <= K: D Pen[D] = 1, and P = Pen[D] D is the orthogonal projector onto
the range of D^T, here held against one from an orthonormal basis, and against the two subspaces.

Along an orbit of the modified flow that stays in U, where rank D = QN, for all s in R_+, C -> 0 and
x -> y, at the rates of the comparison model: |x(s) - y| / |x(0) - y| is one function of s, the same for
the modified flow from theta_0 and for the comparison model from any other point, far or near. That the
orbit lives for all s is part of the hypothesis here, and needed: the scenes ``obstructed`` are controls.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from geomdl import rank_loss, standard_field
from geomdl.arithmetic import Array
from geomdl.flows import Field
from verification.chen2023.adapted_fields import kernel
from verification.chen2023.orbit_laws import END, STILL_FULL, comparison_orbit, limit, long_orbit
from verification.machinery.checks import claim, variant
from verification.machinery.columns import ALGEBRAIC, ALL_ORBITS, ORBITS
from verification.machinery.points import Point
from verification.machinery.ratios import Ratio, along_orbit, identity, property_
from verification.scenes.matrices import DEFICIENT, FULL_COLUMN_RANK, FULL_ROW_RANK
from verification.scenes.networks import (
    BORDERLINE,
    FULL_RANK,
    FULL_RANK_EXACT,
    RANK_LOST,
    SMALLEST,
    UNDER,
)
from verification.scenes.obstructed import AT_TARGETS, BORDERLINE_CLOSE, MONOTONE, PEAK, XOR
from verification.scenes.rank_missing import TOO_FEW, TWINS
from verification.scenes.real_data import IRIS

Matrix = Callable[[Point], Array]
ALGEBRA = (*FULL_RANK_EXACT, *FULL_ROW_RANK, *FULL_RANK[:2], *BORDERLINE, *SMALLEST)
WIDE = (FULL_RANK[0], *FULL_ROW_RANK[-1:])
NO_FULL_RANK = variant(
    "rank lost or K < QN", scenes=(*DEFICIENT[3:], *FULL_COLUMN_RANK, *RANK_LOST, *UNDER)
)
TRAINED = (*FULL_RANK, MONOTONE, BORDERLINE[0], *BORDERLINE_CLOSE, *SMALLEST)


def penrose(at: Point) -> Array:
    """Return D^T (D D^T)^-1 as printed."""
    return at.pen


def unit_of(at: Point) -> dict[str, Any]:
    """Return kappa^2 for the inverse of D D^T."""
    return {"size": at.size, "condition": at.kappa**2}


@claim(
    "slides2023/penrose-inverse/a",
    scenes=ALGEBRA,
    columns=ALGEBRAIC,
    controls=[
        NO_FULL_RANK,
        variant("the Gram matrix not inverted", scenes=WIDE, inverse=lambda at: at.D.T),
        variant("another right inverse", scenes=WIDE, inverse=lambda at: other_right_inverse(at)),
    ],
)
def test_penrose_inverse_is_a_right_inverse_whose_other_product_is_the_projector(
    at: Point, inverse: Matrix = penrose
) -> list[Ratio]:
    pen = inverse(at)
    return [
        identity(at.D @ pen, at.eye(len(at.D)), note="D Pen[D] = 1", **unit_of(at)),
        identity(pen @ at.D, at.pinv.row_projector(), note="Pen[D] D = P", **unit_of(at)),
    ]


def other_right_inverse(at: Point) -> Array:
    """Return R with D R = 1 whose product R D projects along another complement of the kernel."""
    tilted = at.D.T + at.random(*at.D.T.shape)
    return tilted @ at.inverse(at.D @ tilted)


@claim(
    "slides2023/penrose-inverse/b",
    scenes=ALGEBRA,
    columns=ALGEBRAIC,
    controls=[
        NO_FULL_RANK,
        variant(
            "an oblique projector", scenes=WIDE, projector=lambda at: other_right_inverse(at) @ at.D
        ),
        variant("the complementary projector", scenes=WIDE, projector=lambda at: complement(at)),
        variant("twice the projector", scenes=WIDE, projector=lambda at: 2 * at.pen @ at.D),
    ],
)
def test_product_with_the_jacobian_projects_orthogonally_onto_the_range_of_its_transpose(
    at: Point, projector: Matrix = lambda at: at.pen @ at.D
) -> list[Ratio]:
    p, (rows, columns) = projector(at), at.D.shape
    found = [
        property_(p.shape == (columns, columns), "K x K"),
        identity(p @ p, p, note="P^2 = P", **unit_of(at)),
        identity(p.T, p, note="P^T = P", **unit_of(at)),
        identity(p @ at.D.T, at.D.T, note="the identity on the range of D^T", **unit_of(at)),
    ]
    if columns > rows:
        normals = kernel(at)
        zeros, scale = at.arithmetic.zeros(normals.shape), at.arithmetic.largest(normals)
        found.append(
            identity(p @ normals, zeros, scale=scale, note="zero on its complement", **unit_of(at))
        )
    return found


def complement(at: Point) -> Array:
    """Return 1 - P."""
    return at.eye(at.D.shape[1]) - at.pen @ at.D


@claim(
    "slides2023/adapted-flow/b",
    scenes=TRAINED,
    columns=ORBITS,
    controls=[
        variant("rank lost or K < QN", scenes=(TWINS, TOO_FEW)),
        variant("the standard flow", field=standard_field),
    ],
)
def test_cost_and_distance_to_the_targets_tend_to_zero(
    at: Point, field: Field | None = None
) -> list[Ratio]:
    orbit, marks = long_orbit(at, field)
    if orbit.status != "completed":
        return [property_(False, f"the orbit does not live for all times: {orbit.message}")]
    outputs, costs, targets = (
        orbit.outputs()[marks],
        orbit.costs()[marks],
        at.arithmetic.to_float64(at.y),
    )
    scale = max(float(np.abs(at.arithmetic.to_float64(at.x)).max()), np.abs(targets).max())
    of_cost = scale**2 * len(targets) / at.N
    return [
        along_orbit(limit(outputs), targets, rtol=at.rtol, scale=scale, note="the limit of x"),
        along_orbit(limit(costs), 0.0, rtol=at.rtol, scale=of_cost, note="the limit of C"),
        along_orbit(costs[-1], 0.0, rtol=at.rtol, scale=of_cost, note="C at s = 18 N"),
    ]


@claim(
    "slides2023/adapted-flow/b",
    scenes=(MONOTONE, BORDERLINE_CLOSE[0]),
    columns=ORBITS[1:],
    controls=[variant("orbits that end at full rank: s in R_+ dropped", scenes=(PEAK, XOR))],
)
def test_limits_need_orbits_that_live_for_all_times(at: Point) -> list[Ratio]:
    orbit = at.orbit(end=12.0, events=[rank_loss(at.rank, STILL_FULL)])
    costs = orbit.costs()
    scale = max(costs[0], float(np.sum(at.arithmetic.to_float64(at.y) ** 2)) / at.N)
    return [
        property_(orbit.status == "completed", orbit.message),
        along_orbit(costs[-1] - np.exp(-24.0) * costs[0], 0.0, rtol=at.rtol, scale=scale),
    ]


@claim(
    "slides2023/adapted-flow/c",
    scenes=(*TRAINED, AT_TARGETS, IRIS),
    columns=ALL_ORBITS,
    controls=[
        variant("rank lost or K < QN", scenes=(TWINS, TOO_FEW)),
        variant("the standard flow", scenes=(FULL_RANK[0], IRIS), field=standard_field),
        variant("twice the rate", scenes=(FULL_RANK[0], IRIS), rate=2.0),
    ],
)
def test_rates_are_those_of_the_comparison_model_from_any_other_start(
    at: Point, field: Field | None = None, rate: float = 1.0
) -> list[Ratio]:
    orbit = at.orbit(field, end=END)
    outputs, costs = orbit.outputs(), orbit.costs()
    elsewhere = at.scene.at(at.column, at.seed)
    elsewhere.x = at.y + 20 * (at.random(len(at.y)) + at.number(1, 128))
    _, states, targets = comparison_orbit(elsewhere, rate * END, rate * orbit.times)
    decay = np.linalg.norm(states - targets, axis=1) / np.linalg.norm(states[0] - targets)
    distance = np.linalg.norm(outputs - targets, axis=1)
    size = max(np.linalg.norm(outputs, axis=1).max(), float(np.linalg.norm(targets)))
    of_cost = (decay * distance[0] + at.rtol * size) * size / at.N
    return [
        along_orbit(distance, decay * distance[0], rtol=at.rtol, scale=size, note="rate of x"),
        along_orbit(costs, decay**2 * costs[0], rtol=at.rtol, scale=of_cost, note="rate of C"),
    ]
