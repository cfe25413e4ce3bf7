"""Section 1.4.1, closing paragraphs: the geometry of the adapted flow (1.26), and its extension (4.5).

(a) and (b) are decided with Proposition 2.4. (c) The field can be pushed forward to outputs at all: the
velocity of the outputs is the same at every theta with the same x, -grad_x C[x]. That of the standard
field is not.

(d) Sections of V have brackets that leave V, at random theta of networks with a hidden layer and
QN >= 2: V is non-holonomic, and more the text does not ask of a sub-Riemannian manifold. But V has
constant rank only on the open set U where rank D = QN. With a hidden layer and N >= 2 this is never
R^K: at theta = 0 the rank is at most Q. (Without a hidden layer it is R^K, and V is holonomic.) If
sub-Riemannian means, as often, that brackets of any length span the tangent space, then more is missing:

- with an activation that is homogeneous of degree d (ReLU, leaky ReLU, identity, square), every section
  and every bracket is orthogonal to the gradient of |row of (W_l, b_l)|^2 - d |column of W_(l+1)|^2, for
  every hidden unit; horizontal curves stay on quadrics of that codimension, at every theta;
- with any activation, horizontal curves that start at two equal units keep them equal;
- N samples in dimension M >= N keep n.(row of (W_1, b_1)) for n orthogonal to all (x_j, 1).

Otherwise, with tanh, softplus and sigmoid, the brackets do span R^K at random theta.

(e) (4.5) as printed, theta' = -D^T Psi with Psi minimizing |D D^T Psi + grad_x C|, is the reverse of
(1.27) where D has full rank: Psi = -(D D^T)^-1 grad_x C has a minus sign already. With theta' = D^T Psi
it generalizes (1.27), and x' = -P grad_x C at any rank.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from geomdl.arithmetic import Array
from geomdl.bundles import rescaling_directions
from geomdl.fibres import move_in_level_set
from geomdl.geometry import bracket_growth, integrability_defect
from geomdl.second_derivatives import range_bundle_brackets
from verification.chen2023.adapted_fields import by_gram_power, unit_of_velocity
from verification.chen2023.equilibria import algebraic_system
from verification.machinery.checks import claim, variant
from verification.machinery.columns import ALGEBRAIC, FLOAT64, POINTWISE
from verification.machinery.points import Point
from verification.machinery.ratios import Ratio, bound, identity, property_
from verification.scenes.brackets import AFFINE, DEEP, NO_SHARED_UNIT, ONE_OUTPUT
from verification.scenes.bundles import (
    APART,
    EQUAL_UNITS,
    FEW_SAMPLES,
    FOLDS,
    GENERATING,
    HOMOGENEOUS,
    fibre_basis,
)
from verification.scenes.critical_exact import RANK_CHANGES
from verification.scenes.matrices import DEFICIENT, FULL_COLUMN_RANK, FULL_ROW_RANK
from verification.scenes.networks import (
    BORDERLINE,
    FULL_RANK,
    FULL_RANK_EXACT,
    RANK_LOST,
    SMALLEST,
    UNDER,
)
from verification.scenes.pieces import push, squared

Field = Callable[[Point, Array], Array]
NON_HOLONOMIC = (*FULL_RANK[:3], *FULL_RANK_EXACT, *DEEP)
HOLONOMIC = (
    variant("no hidden layer", scenes=[AFFINE]),
    variant("one output in all", scenes=[ONE_OUTPUT]),
    variant("K = QN", scenes=BORDERLINE),
    variant("samples share no active unit", scenes=[NO_SHARED_UNIT]),
)


def adapted(at: Point, theta: Array) -> Array:
    """-D^T (D D^T)^-2 D grad_theta C at any theta."""
    there = at.problem.linearize(theta)
    jacobian, result = there.jacobian(), there.push(at.problem.gradient(theta))
    for _ in range(2):
        result = at.arithmetic.solve(jacobian @ jacobian.T, result)
    return -jacobian.T @ result


def standard(at: Point, theta: Array) -> Array:
    """-grad_theta C at any theta."""
    return -at.problem.gradient(theta)


@claim(
    "chen2023/adapted-flow-geometry/c",
    scenes=(*FULL_RANK[:3], *GENERATING[:3]),
    columns=POINTWISE,
    controls=[
        variant("the standard field", field=standard),
        variant("theta moved across the level set", across=True),
        variant("a velocity of ascent", law=lambda at: at.g),
    ],
)
def test_adapted_field_is_pushed_forward_to_a_field_of_outputs(
    at: Point,
    field: Field = adapted,
    across: bool = False,
    law: Callable[[Point], Array] = lambda at: -at.g,
) -> list[Ratio]:
    found = []
    for _ in range(2):
        step = at.random(len(at.theta)) / 16
        moved = at.theta + step if across else move_in_level_set(at.at_theta, step, rank=at.rank)
        there = at.problem.linearize(moved)
        sigma = np.linalg.svd(at.arithmetic.to_float64(there.jacobian()), compute_uv=False)
        kappa = float(sigma[0] / sigma[at.rank - 1])
        found += [
            identity(
                there.push(field(at, moved)),
                law(at),
                scale=max(at.arithmetic.largest(at.x), at.arithmetic.largest(at.g)),
                size=at.size,
                condition=max(kappa, at.kappa) ** 2,
                note=f"theta moved by {float(at.arithmetic.largest(moved - at.theta)):.2g}",
            ),
            bound(APART, at.arithmetic.largest(moved - at.theta), note="another theta"),
        ]
    return found


@claim(
    "chen2023/adapted-flow-geometry/c",
    scenes=(*FULL_RANK, *FULL_RANK_EXACT, *BORDERLINE, *SMALLEST, *FULL_ROW_RANK[2:]),
    columns=ALGEBRAIC,
    controls=[
        variant("rank lost", scenes=(*RANK_LOST, *DEFICIENT[3:])),
        variant("the inverse applied once", scenes=FULL_RANK, power=1),
        variant("the standard field", scenes=FULL_RANK, power=0),
    ],
)
def test_pushforward_is_the_euclidean_gradient_field_of_outputs(at: Point, power: int = 2) -> Ratio:
    velocity = push(at, by_gram_power(at, power))
    scale = at.arithmetic.largest(at.g)
    return identity(velocity, -at.g, scale=scale, size=at.size, condition=at.kappa**3)


@claim(
    "chen2023/adapted-flow-geometry/d",
    "slides2024/sub-riemannian/d",
    scenes=NON_HOLONOMIC,
    columns=ALGEBRAIC,
    controls=HOLONOMIC,
    refuted=[variant("where the rank drops: R^K in the place of U", scenes=(*FOLDS, *RANK_CHANGES))],
)
def test_bundle_is_a_non_holonomic_subbundle_with_a_metric(at: Point) -> list[Ratio]:
    basis = fibre_basis(at)
    pushed, coefficients = at.D @ basis, at.random(basis.shape[1])
    most = squared(at.pinv.matrix())
    defect = integrability_defect(at.at_theta, rank=at.rank)
    inside = identity(defect, at.number(0), scale=at.number(1), size=at.size, condition=at.kappa)
    return [
        # At full rank, which is an open condition, the fibres nearby have the same dimension.
        property_(at.rank == at.D.shape[0], f"rank {at.rank}, QN = {at.D.shape[0]}"),
        bound(squared(basis @ coefficients), 2 * most * squared(pushed @ coefficients), note="h > 0"),
        # "The brackets stay inside" is an identity that has to be broken: the limit is its threshold.
        bound(inside.threshold, inside.value, note=f"defect {float(defect):.3g}"),
    ]


@claim(
    "chen2023/adapted-flow-geometry/d",
    "slides2024/sub-riemannian/d",
    scenes=GENERATING,
    columns=(FLOAT64,),
    controls=[
        variant("no hidden layer", scenes=[AFFINE]),
        variant("one output in all", scenes=[ONE_OUTPUT]),
    ],
    refuted=[
        variant("a homogeneous activation", scenes=tuple(HOMOGENEOUS)),
        variant("two equal units", scenes=(EQUAL_UNITS,)),
        variant("samples in a space of higher dimension", scenes=FEW_SAMPLES),
    ],
)
def test_brackets_span_all_directions(at: Point) -> Ratio:
    growth = bracket_growth(at.at_theta, steps=2, rank=at.rank)
    reached = growth.dimensions[-1] == at.D.shape[1] and growth.gap > 1e3
    return property_(reached, f"dimensions {growth.dimensions} of {at.D.shape[1]}")


@claim(
    "chen2023/adapted-flow-geometry/d",
    "slides2024/sub-riemannian/d",
    scenes=tuple(HOMOGENEOUS),
    columns=ALGEBRAIC,
    controls=[
        variant("an activation that is not homogeneous", scenes=GENERATING, degree=1),
        variant("the wrong degree", degree=3),
    ],
)
def test_bundle_of_a_homogeneous_network_is_tangent_to_quadrics(
    at: Point, degree: int | None = None
) -> list[Ratio]:
    degree = HOMOGENEOUS[at.scene] if degree is None else degree
    normals, jacobian = rescaling_directions(at.at_theta, degree=degree), at.D
    brackets = range_bundle_brackets(at.at_theta)
    a = at.arithmetic
    sections = a.largest(jacobian) * a.largest(normals) * len(at.theta)
    turned = a.largest(brackets) * a.largest(normals) * len(at.theta)
    return [
        identity(jacobian @ normals.T, a.zeros((len(jacobian), len(normals))), scale=sections,
                 note="sections are tangent to the quadrics"),
        identity(brackets @ normals.T, a.zeros((len(brackets), len(normals))), scale=turned,
                 note="and so are their brackets"),
    ]  # fmt: skip


def differences_of_units(at: Point) -> Array:
    """Return the directions that pull the first two hidden units apart, one a row."""
    directions = []
    for own, other in ((0, 2), (1, 3), (6, 7), (9, 10)):  # weights, bias, output weight of 2-3-1
        direction = at.arithmetic.zeros(len(at.theta))
        direction[own], direction[other] = at.number(1), at.number(-1)
        directions.append(direction)
    return at.arithmetic.stack(directions)


@claim(
    "chen2023/adapted-flow-geometry/d",
    "slides2024/sub-riemannian/d",
    scenes=(EQUAL_UNITS,),
    columns=POINTWISE,
    controls=[variant("units that are not equal", scenes=GENERATING[2:4])],
)
def test_horizontal_curves_keep_equal_units_equal(at: Point) -> list[Ratio]:
    apart, brackets, a = differences_of_units(at), range_bundle_brackets(at.at_theta), at.arithmetic
    return [
        identity(field @ apart.T, a.zeros((len(field), len(apart))), scale=a.largest(field), note=note)
        for field, note in ((at.D, "sections"), (brackets, "brackets"))
    ]


def printed_system(at: Point) -> Array:
    """(4.5) as printed: theta' = -D^T Psi, Psi = argmin |D D^T Psi + g|."""
    return -algebraic_system(at, at.g)


def mended_system(at: Point) -> Array:
    """(4.5) with theta' = D^T Psi."""
    return algebraic_system(at, at.g)


System = Callable[[Point], Array]
ANY_RANK = (*RANK_LOST, *DEFICIENT, *UNDER[:1], *FULL_COLUMN_RANK)


@claim(
    "chen2023/adapted-flow-geometry/e",
    scenes=(*FULL_RANK, *FULL_RANK_EXACT, *BORDERLINE, *SMALLEST, *FULL_ROW_RANK),
    columns=ALGEBRAIC,
    refuted=[variant("theta' = -D^T Psi as printed", scenes=(*SMALLEST, *FULL_RANK))],
    corrected=[variant("theta' = D^T Psi", system=mended_system)],
    controls=[
        variant("the standard field", scenes=FULL_RANK, system=lambda at: -at.grad_theta),
        variant("half the velocity", system=lambda at: mended_system(at) / 2),
    ],
)
def test_algebraic_system_is_the_adapted_flow_at_full_rank(
    at: Point, system: System = printed_system
) -> Ratio:
    return identity(system(at), by_gram_power(at), **unit_of_velocity(at))


@claim(
    "chen2023/adapted-flow-geometry/e",
    scenes=ANY_RANK,
    columns=ALGEBRAIC,
    refuted=[variant("theta' = -D^T Psi as printed", scenes=(*RANK_LOST, *DEFICIENT[2:]))],
    corrected=[variant("theta' = D^T Psi", system=mended_system)],
    controls=[
        variant("the standard field", scenes=RANK_LOST, system=lambda at: -at.D.T @ at.g),
        variant("at rest", scenes=RANK_LOST, system=lambda at: 0 * at.grad_theta),
    ],
)
def test_algebraic_system_minimizes_the_distance_to_the_euclidean_velocity(
    at: Point, system: System = printed_system
) -> list[Ratio]:
    # x' = D theta' is -P g exactly when it lies in the range of D and x' + g is orthogonal to it, and
    # theta' is the adapted one of all that do so when it lies in the range of D^T.
    velocity = system(at)
    moved, a = at.D @ velocity, at.arithmetic
    misfit = at.D.T @ (moved + at.g)
    outside = velocity - at.pinv.row_basis @ (at.pinv.row_dual @ velocity)
    size: dict[str, Any] = {"size": at.size, "condition": at.kappa**2}
    longest = max(a.largest(velocity), a.largest(at.g)) * max(a.largest(at.D), a.number(1))
    zeros = a.zeros(len(velocity))
    return [
        identity(misfit, zeros, scale=longest * a.largest(at.D), note="x' = -P grad_x C", **size),
        identity(outside, zeros, scale=longest, note="theta' in range(D^T)", **size),
    ]
