"""Section 2.4, (2.32): the fibres f^{-1}(x) of the output map, and V = range(D^T) as normal bundle.

(a) A foliation by manifolds of dimension K - QN has charts in which the leaves are parallel planes. The
candidate is theta' -> (x[theta'], N^T (theta' - theta)), N a basis of ker D: the leaves are right if the
outputs depend on the first coordinates alone. That is so where the rank of D is constant near theta. It
is so on all of R^K for one sample, where the output biases alone give D the rank QN. It is not so in
general: at w1 = w2 = 0 the fibre {w1 w2 = 0, ...} of w2 s(w1 t + b1) + b2 on the inputs 0, 1 consists of
two sheets that cross. With a hidden layer and two samples such points exist for every data set.

(b) Tangents of fibres come from differences of points that the method of Gauss and Newton has put on
the fibre, or from the scaling (w, b, v) -> (c w, c b, c^-d v) of a homogeneous unit, a curve that is
known in closed form. Fields grad x_i are orthogonal to them at every theta; and they span the normal
space, dimension K - (K - QN), wherever (a) makes the fibre a manifold of dimension K - QN.

(c) Both hold on all of R^6 for 1-1-2 and one sample, and V is not integrable there.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from geomdl import linearize, pseudoinverse
from geomdl.arithmetic import Array
from geomdl.bundles import rescaling_directions
from geomdl.fibres import kernel_basis, point_in_chart
from geomdl.geometry import bracket_growth, integrability_defect
from geomdl.output_manifold import recover_parameters
from verification.chen2023.printed_formulas import STENCIL, derivative, reference_arithmetic, step_for
from verification.machinery.checks import claim, variant
from verification.machinery.columns import ALGEBRAIC, POINTWISE, RATIONAL
from verification.machinery.points import Point
from verification.machinery.ratios import Ratio, bound, identity, property_
from verification.scenes.bundles import FOLDS
from verification.scenes.critical_points import RANK_NOT_CONSTANT
from verification.scenes.foliations import (
    CODIMENSION_ONE,
    EQUAL_INPUTS,
    NORMAL_TO_A_GRADIENT,
    ONE_SAMPLE,
    ONE_SAMPLE_AT_ZERO,
)
from verification.scenes.networks import BORDERLINE, FULL_RANK, FULL_RANK_EXACT, network_scene

SMALL = network_scene([1, 2, 1], "tanh", 3, facts=["full rank", "over"])
EVERYWHERE = (*ONE_SAMPLE, *ONE_SAMPLE_AT_ZERO)
SCENES = (*EVERYWHERE, *CODIMENSION_ONE[:2], SMALL, NORMAL_TO_A_GRADIENT)


@claim(
    "chen2023/normal-foliation/a",
    scenes=(*SCENES, EQUAL_INPUTS),
    columns=POINTWISE,
    controls=[
        variant("coordinates along the fibre only", scenes=SCENES[:2], dropped=1),
    ],
    refuted=[variant("two sheets cross", scenes=(*FOLDS, *RANK_NOT_CONSTANT))],
)
def test_outputs_are_constant_on_the_plaques_of_a_chart(at: Point, dropped: int = 0) -> list[Ratio]:
    # Charts are as small as D is ill conditioned.
    small, leaf = at.number(1, 2**8 * math.ceil(at.kappa)), at.D.shape[1] - at.rank
    across, found = small * at.random(at.rank), []
    for shift in (0 * across, across):
        outputs = []
        for _ in range(2):
            # With a coordinate across the leaves let loose as well, the outputs have to change.
            free = at.arithmetic.array([0] * (at.rank - dropped) + [1] * dropped)
            moved = shift + free * (small * at.random(at.rank))
            theta = point_in_chart(at.at_theta, moved, small * at.random(leaf), rank=at.rank)
            outputs.append(at.problem.stacked(theta))
        found.append(identity(*outputs, size=at.size, condition=at.kappa, note="along a plaque"))
    return found


def tangents(at: Point, drift: int = 0) -> Array:
    """Return K - r tangents of curves in the fibre, by differences in the numbers of the reference.

    With drift the curves leave the fibre: the first output grows along them.
    """
    numbers, step = reference_arithmetic(at.arithmetic), step_for(at.arithmetic)
    problem, theta = at.problem.to(numbers), numbers.array(at.theta)
    target = problem.stacked(theta)
    found = []
    for direction in kernel_basis(at.at_theta, rank=at.rank).T:
        points = []
        for k in STENCIL:
            moved = theta + numbers.number(k) * step * numbers.array(direction)
            start = linearize(problem.network, moved, problem.data.inputs)
            aim = target + numbers.number(k * drift) * step * numbers.eye(len(target))[0]
            points.append(recover_parameters(start, aim, rank=at.rank).theta)
        found.append(at.arithmetic.array(derivative(points, step)))
    return at.arithmetic.stack(found, axis=1)


def rows_of_D(at: Point) -> Array:
    """Return the fields that span V, as columns: D^T."""
    return at.D.T


@claim(
    "chen2023/normal-foliation/b",
    scenes=(*ONE_SAMPLE, ONE_SAMPLE_AT_ZERO[0], *CODIMENSION_ONE[:2], SMALL, NORMAL_TO_A_GRADIENT),
    columns=POINTWISE,
    controls=[
        variant("curves that leave the fibre", drift=1),
        variant(
            "another inner product",
            fields=lambda at: at.arithmetic.array(np.arange(1, at.D.shape[1] + 1))[:, None] * at.D.T,
        ),
        variant("two sheets cross", scenes=FOLDS[:1]),
        variant("the fibre without one field", fields=lambda at: at.D.T[:, 1:]),
    ],
)
def test_fibres_of_V_are_the_normal_spaces_of_the_fibres_of_f(
    at: Point, drift: int = 0, fields: Callable[[Point], Array] = rows_of_D
) -> list[Ratio]:
    along, normal = tangents(at, drift), fields(at)
    leaf = pseudoinverse(along)
    condition = max(at.kappa, leaf.condition)
    scale = at.arithmetic.largest(at.D) * at.arithmetic.largest(along)
    unit: dict[str, Any] = {"size": at.size, "condition": condition}
    both = leaf.range_projector() + pseudoinverse(normal).range_projector()
    sheet = at.D.shape[1] - at.D.shape[0]
    return [
        identity(normal.T @ along, at.arithmetic.zeros((normal.shape[1], along.shape[1])),
                 scale=scale, note="orthogonal", **unit),
        identity(both, at.eye(len(both)), note="together all of R^K", **unit),
        property_(leaf.rank == sheet, f"dimension of the tangents {leaf.rank}, of a sheet {sheet}"),
    ]  # fmt: skip


def degree_of(at: Point) -> int:
    """Return the degree of homogeneity of the activation; 1 as a guess where there is none."""
    return 2 if at.problem.network.activation.name == "square" else 1


def scaled(at: Point, factor: Array) -> Array:
    """Return theta with the first layer times a factor, and the second divided by its power."""
    layers = at.problem.network.layers(at.theta)
    (w, b), (v, c) = layers[:2]
    return at.problem.network.flatten(
        [(factor * w, factor * b), (v / factor ** degree_of(at), c), *layers[2:]]
    )


def scaling_direction(at: Point) -> Array:
    """Return the derivative of scaled by the factor at 1."""
    first = rescaling_directions(at.at_theta, degree=degree_of(at))[: at.problem.network.widths[1]]
    return first.sum(axis=0)


HOMOGENEOUS = (
    *FULL_RANK_EXACT,
    ONE_SAMPLE[2],
    NORMAL_TO_A_GRADIENT,
    network_scene([2, 2, 1], "identity", 2, bits=3, facts=["full rank", "over"]),
)


@claim(
    "chen2023/normal-foliation/b",
    scenes=HOMOGENEOUS,
    columns=ALGEBRAIC,
    controls=[
        variant("a unit that is not homogeneous", scenes=(FULL_RANK[0], ONE_SAMPLE[0])),
        variant("the tangent of another curve", tangent=lambda at: scaled(at, at.number(2))),
    ],
)
def test_fields_of_V_are_normal_to_curves_that_are_known_in_closed_form(
    at: Point, tangent: Callable[[Point], Array] = scaling_direction
) -> list[Ratio]:
    direction, far = tangent(at), scaled(at, at.number(3))
    terms = abs(at.D) @ abs(direction)
    return [
        identity(at.problem.stacked(far), at.x, size=at.size, condition=at.kappa, note="in the fibre"),
        identity(at.D @ direction, 0 * at.x, scale=at.arithmetic.largest(terms), size=at.size),
    ]


@claim(
    "chen2023/normal-foliation/c",
    scenes=(*ONE_SAMPLE, *CODIMENSION_ONE[:2], SMALL, *FULL_RANK_EXACT),
    columns=ALGEBRAIC,
    controls=[
        variant("normal to level sets of a function", scenes=[NORMAL_TO_A_GRADIENT]),
        variant("K = QN", scenes=BORDERLINE),
        variant("rank not constant", scenes=FOLDS),
    ],
)
def test_the_normal_bundle_of_a_foliation_need_not_be_integrable(at: Point) -> list[Ratio]:
    defect = integrability_defect(at.at_theta, rank=at.rank)
    inside = identity(defect, at.number(0), scale=at.number(1), size=at.size, condition=at.kappa)
    grown = []
    if at.column in (RATIONAL,):
        growth = bracket_growth(at.at_theta, rank=at.rank)
        grown.append(property_(growth.dimensions[1] > at.rank, f"dimensions {growth.dimensions}"))
    return [
        property_(at.rank == len(at.D), "rank QN: fibres of f foliate a neighbourhood"),
        bound(inside.threshold, inside.value, note=f"brackets leave V: defect {float(defect):.3g}"),
        *grown,
    ]
