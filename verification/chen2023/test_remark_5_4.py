"""Remark 5.4: of what kind are the constraints of x' = -P[theta] grad_x C.

(a) Both for K < QN and for K > QN with loss of rank the outputs move with the part of -grad_x C in the
range of D.

(b), (c) The velocity constraint x' in range P is holonomic if it confines x to manifolds. The text says
so for K < QN, and denies it for K > QN with loss of rank. The constant rank theorem makes no difference
between the two: where D has rank r near theta, whatever K and QN are, the outputs of all theta' near
theta form a manifold of dimension r, range P is its tangent space, and P is a function of x along the
fibre. Here:

- finitely: outputs near x are determined by r coordinates, all the parameters there are notwithstanding;
- infinitesimally: the curvature (1 - P)(dP[a] D b - dP[b] D a) vanishes for all lifts a, b;
- explicitly: a last hidden layer of width 1 confines the outputs of N samples to the solutions of

    det (x_j - x_1, x_k - x_1) = 0,

  and range P is the kernel of the differentials of these equations for x alone: QN - r of them are
  independent. Two equal inputs give the linear constraint x_1 = x_2.

So (c) fails: the constraints of (4.7) are holonomic as well wherever the rank is locally constant, which
is an open and dense set of theta. Where it is not (zero weights), P jumps and the curvature does not
exist; but an orbit along which the rank is r has its outputs in the image of {rank D <= r}, a set of
Hausdorff dimension at most r by Sard's theorem, again as for a holonomic constraint. The word is right
for the bundle range(D^T) in parameter space, whose curvature does not vanish (controls).
"""

from collections.abc import Callable
from typing import Any

from geomdl import Problem, pseudoinverse
from geomdl.arithmetic import Array
from geomdl.critical_points import independent_columns
from geomdl.fibres import follow_fibre, point_in_chart, range_curvature
from geomdl.second_derivatives import jacobian_derivative
from verification.chen2023.equilibria import algebraic_system
from verification.chen2023.orbit_laws import outputs_along
from verification.machinery.checks import claim, variant
from verification.machinery.columns import ALGEBRAIC, POINTWISE
from verification.machinery.points import Point
from verification.machinery.ratios import Ratio, bound, identity, property_
from verification.scenes.bundles import FOLDS
from verification.scenes.critical_exact import CRITICAL_RANK_LOST
from verification.scenes.critical_points import DEAD_UNITS, RANK_NOT_CONSTANT
from verification.scenes.foliations import EQUAL_INPUTS
from verification.scenes.networks import FULL_RANK, RANK_LOST, UNDER
from verification.scenes.rank_missing import TWINS
from verification.scenes.underparametrized import AFFINE, NEAR, at_zero_output_weights

INJECTIVE = (*NEAR[:3], *UNDER[:1], *AFFINE)
LOST = (*RANK_LOST[1:], RANK_LOST[0], *CRITICAL_RANK_LOST, TWINS)


def modified_velocity(at: Point) -> Array:
    """Return (5.2) for D injective, else (4.5): D^T Psi with Psi minimizing |D D^T Psi + grad_x C|."""
    if at.rank == at.D.shape[1]:
        return -at.inverse(at.D.T @ at.D) @ at.grad_theta
    return algebraic_system(at, at.g)


def projected_by_columns(at: Point) -> Array:
    """Return P grad_x C by orthogonalizing independent columns of D."""
    left, rest = at.D[:, independent_columns(at.D, at.rank)], at.g
    return left @ at.arithmetic.solve(left.T @ left, left.T @ rest)


def condition_of_columns(at: Point) -> float:
    """Return the squared condition of the columns that are chosen, or of D."""
    chosen = at.arithmetic.to_float64(at.D)[:, independent_columns(at.D, at.rank)]
    return max(at.kappa, pseudoinverse(chosen).condition) ** 2


@claim(
    "chen2023/remark-5.4/a",
    scenes=(*INJECTIVE, *LOST),
    columns=ALGEBRAIC,
    controls=[
        variant("the standard velocity", velocity=lambda at: -at.grad_theta),
        variant("no projector", scenes=(NEAR[0], RANK_LOST[0]), projected=lambda at: at.g),
        variant(
            "the complementary projector",
            scenes=(NEAR[0], RANK_LOST[0]),
            projected=lambda at: at.g - projected_by_columns(at),
        ),
    ],
)
def test_outputs_of_both_cases_follow_the_projected_euclidean_gradient(
    at: Point,
    velocity: Callable[[Point], Array] = modified_velocity,
    projected: Callable[[Point], Array] = projected_by_columns,
) -> Ratio:
    moved = outputs_along(at, velocity(at))
    scale = at.arithmetic.largest(abs(at.x) + abs(at.y)) / at.number(at.N)
    return identity(moved, -projected(at), scale=scale, size=at.size, condition=condition_of_columns(at))


def is_confined(measured: Ratio, holonomic: bool) -> Ratio:
    """Return the ratio of "x is confined to r dimensions", or the bound that it is not."""
    return measured if holonomic else bound(measured.threshold, measured.value, note="not confined")


def nearby_outputs(at: Point, theta: Array | None = None) -> Ratio:
    """Compare the outputs at two points with equal coordinates across the fibre."""
    here = at.at_theta if theta is None else at.problem.linearize(theta)
    rank, small = pseudoinverse(here.jacobian()).rank, at.number(1, 2**10)
    across, free = small * at.random(rank), len(here.theta) - rank
    found = [
        at.problem.stacked(
            point_in_chart(
                here, across, small * at.random(free), rank=rank,
                start=here.theta + small * at.random(len(here.theta)) / at.number(8),
            )
        )
        for _ in range(2)
    ]  # fmt: skip
    return identity(*found, size=at.size, condition=at.kappa, note=f"outputs over {rank} coordinates")


@claim(
    "chen2023/remark-5.4/b",
    scenes=INJECTIVE,
    columns=POINTWISE,
    controls=[variant("output weights zero", scenes=NEAR, centre=at_zero_output_weights)],
)
def test_outputs_of_an_injective_network_stay_on_a_manifold_of_dimension_K(
    at: Point, centre: Callable[[Point], Array] = lambda at: at.theta
) -> list[Ratio]:
    return [
        nearby_outputs(at, centre(at)),
        property_(pseudoinverse(at.problem.linearize(centre(at)).jacobian()).rank == at.D.shape[1]),
    ]


@claim(
    "chen2023/remark-5.4/c",
    scenes=(*RANK_LOST, EQUAL_INPUTS, CRITICAL_RANK_LOST[0], CRITICAL_RANK_LOST[2]),
    columns=POINTWISE,
    controls=[variant("rank not constant", scenes=(*RANK_NOT_CONSTANT, FOLDS[1]), holonomic=True)],
    refuted=[variant("rank lost", scenes=(*RANK_LOST, EQUAL_INPUTS))],
    corrected=[variant("holonomic", holonomic=True)],
)
def test_outputs_near_a_theta_of_constant_rank_r_fill_r_dimensions(
    at: Point, holonomic: bool = False
) -> Ratio:
    return is_confined(nearby_outputs(at), holonomic)


def curvature_of_outputs(at: Point, a: Array, b: Array) -> tuple[Array, Array]:
    """Return the curvature of range(D) for two lifts, and the terms that cancel in it."""
    terms = [jacobian_derivative(at.at_theta, v) @ w for v, w in ((a, b), (b, a))]
    return range_curvature(at.at_theta, a, b, rank=at.rank), abs(terms[0]) + abs(terms[1])


def curvature_of_parameters(at: Point, a: Array, b: Array) -> tuple[Array, Array]:
    """Return the curvature of range(D^T) in parameter space for the fields grad (a.x), grad (b.x)."""
    u, v = a[: len(at.D)], b[: len(at.D)]
    terms = [jacobian_derivative(at.at_theta, at.D.T @ one).T @ other for one, other in ((u, v), (v, u))]
    difference, inverse = terms[0] - terms[1], pseudoinverse(at.D, rank=at.rank)
    outside = difference - inverse.row_basis @ (inverse.row_dual @ difference)
    return outside, abs(terms[0]) + abs(terms[1])


@claim(
    "chen2023/remark-5.4/b",
    scenes=INJECTIVE,
    columns=ALGEBRAIC,
    controls=[
        variant(
            "range(D^T) in parameter space", scenes=FULL_RANK[:2], curvature=curvature_of_parameters
        ),
        variant("rank not constant", scenes=(*RANK_NOT_CONSTANT[1:], *FOLDS)),
    ],
)
def test_velocities_in_the_range_of_an_injective_D_commute_within_it(
    at: Point,
    curvature: Callable[[Point, Array, Array], tuple[Array, Array]] = curvature_of_outputs,
) -> Ratio:
    outside, terms = curvature(at, at.random(at.D.shape[1]), at.random(at.D.shape[1]))
    scale = at.arithmetic.largest(terms)
    if scale == 0:  # an affine network
        scale = at.number(1)
    return identity(outside, 0 * outside, scale=scale, size=at.size, condition=at.kappa)


@claim(
    "chen2023/remark-5.4/c",
    scenes=(*LOST, DEAD_UNITS),
    columns=ALGEBRAIC,
    controls=[
        variant(
            "range(D^T) in parameter space",
            scenes=(*RANK_LOST, *FULL_RANK[:2]),
            curvature=curvature_of_parameters,
            holonomic=True,
        ),
        variant("rank not constant", scenes=(*RANK_NOT_CONSTANT[1:], *FOLDS), holonomic=True),
    ],
    refuted=[variant("rank lost", scenes=LOST)],
    corrected=[variant("holonomic", holonomic=True)],
)
def test_velocities_in_the_range_of_D_commute_within_it_at_constant_rank(
    at: Point,
    curvature: Callable[[Point, Array, Array], tuple[Array, Array]] = curvature_of_outputs,
    holonomic: bool = False,
) -> Ratio:
    outside, terms = curvature(at, at.random(at.D.shape[1]), at.random(at.D.shape[1]))
    scale = at.arithmetic.largest(terms)
    flat = identity(outside, 0 * outside, scale=scale, size=at.size, condition=at.kappa)
    return is_confined(flat, holonomic)


def minors(at: Point) -> tuple[Array, Array]:
    """Return det(x_j - x_1, x_k - x_1), 1 < j < k, for two outputs, and their differentials."""
    x = at.x.reshape(-1, 2)
    values, gradients = [], []
    for j in range(1, len(x)):
        for k in range(j + 1, len(x)):
            (a, b), (c, d) = x[j] - x[0], x[k] - x[0]
            gradient = at.arithmetic.zeros((len(x), 2))
            gradient[j], gradient[k] = at.arithmetic.stack([d, -c]), at.arithmetic.stack([-b, a])
            gradient[0] = -gradient[j] - gradient[k]
            values.append(a * d - b * c)
            gradients.append(gradient.reshape(-1))
    return at.arithmetic.stack(values), at.arithmetic.stack(gradients)


def differences(at: Point) -> tuple[Array, Array]:
    """Return det(x_j, x_k): the same without the freedom of the output bias."""
    x = at.x.reshape(-1, 2)
    values, gradients = [], []
    for j in range(len(x)):
        for k in range(j + 1, len(x)):
            gradient = at.arithmetic.zeros((len(x), 2))
            gradient[j] = at.arithmetic.stack([x[k, 1], -x[k, 0]])
            gradient[k] = at.arithmetic.stack([-x[j, 1], x[j, 0]])
            values.append(x[j, 0] * x[k, 1] - x[j, 1] * x[k, 0])
            gradients.append(gradient.reshape(-1))
    return at.arithmetic.stack(values), at.arithmetic.stack(gradients)


@claim(
    "chen2023/remark-5.4/c",
    scenes=(*RANK_LOST, *CRITICAL_RANK_LOST),
    columns=ALGEBRAIC,
    controls=[
        variant("equations without the output bias", equations=differences),
        variant("K > QN, full rank", scenes=FULL_RANK[:1]),
    ],
    corrected=[variant("equations for the outputs alone")],
)
def test_constraints_of_a_narrow_layer_are_equations_for_the_outputs(
    at: Point, equations: Callable[[Point], tuple[Array, Array]] = minors
) -> list[Ratio]:
    values, gradients = equations(at)
    size, inverse = at.arithmetic.largest(at.x), pseudoinverse(at.D, rank=at.rank)
    count = len(at.D) - at.rank
    vanish = identity(values, 0 * values, scale=size * size, size=at.size, note="h(x) = 0")
    if count == 0:
        return [vanish, property_(False, "P = 1: no constraint")]
    normal = pseudoinverse(gradients, rank=count)
    condition = at.kappa if at.arithmetic.exact else max(at.kappa, normal.condition)
    complement = at.eye(len(at.D)) - normal.row_projector()
    unit: dict[str, Any] = {"size": at.size, "condition": condition}
    return [vanish, identity(complement, inverse.range_projector(), note="P projects on ker dh", **unit)]


def mirrored(at: Point) -> Array:
    """Return other parameters of the same outputs: the sign of an odd hidden layer changed."""
    (w, b), (v, c) = at.problem.network.layers(at.theta)
    return at.problem.network.flatten([(-w, -b), (-v, c)])


def along_the_fibre(at: Point) -> Array:
    """Return the end of a continuous path in the fibre of f."""
    direction = at.random(len(at.theta)) / at.number(4)
    return follow_fibre(at.at_theta, direction, steps=2, rank=at.rank)[-1]


def output_projector(at: Point, problem: Problem, theta: Array) -> Array:
    """Return P, the projector onto range(D)."""
    return pseudoinverse(problem.linearize(theta).jacobian(), rank=at.rank).range_projector()


def parameter_projector(at: Point, problem: Problem, theta: Array) -> Array:
    """Return the projector onto range(D^T)."""
    return pseudoinverse(problem.linearize(theta).jacobian(), rank=at.rank).row_projector()


Projector = Callable[[Point, Problem, Array], Array]


def compare_projectors(at: Point, theta: Array, projector: Projector) -> list[Ratio]:
    """Compare outputs and projectors at theta and at another point of the fibre."""
    size = at.arithmetic.largest(at.x)
    there = at.arithmetic.to_float64(at.problem.linearize(theta).jacobian())
    condition = max(at.kappa, pseudoinverse(there, rank=at.rank).condition)
    unit: dict[str, Any] = {"size": at.size, "condition": condition}
    return [
        identity(at.problem.stacked(theta), at.x, scale=size, note="the same outputs", **unit),
        identity(
            projector(at, at.problem, theta), projector(at, at.problem, at.theta), scale=at.number(1),
            note="the same projector", **unit,
        ),
    ]  # fmt: skip


@claim(
    "chen2023/remark-5.4/b",
    scenes=(*NEAR[:3], *UNDER),
    columns=POINTWISE,
    controls=[
        variant("range(D^T)", scenes=FULL_RANK[:1], projector=parameter_projector),
        variant("other outputs", other=lambda at: at.theta + at.random(len(at.theta)) / at.number(64)),
    ],
)
def test_projector_of_an_injective_network_depends_on_the_outputs_only(
    at: Point, other: Callable[[Point], Array] = mirrored, projector: Projector = output_projector
) -> list[Ratio]:
    return compare_projectors(at, other(at), projector)


@claim(
    "chen2023/remark-5.4/c",
    scenes=(*RANK_LOST, EQUAL_INPUTS, CRITICAL_RANK_LOST[0]),
    columns=POINTWISE,
    controls=[
        variant("range(D^T)", projector=parameter_projector),
        variant("other outputs", other=lambda at: at.theta + at.random(len(at.theta)) / at.number(64)),
    ],
    corrected=[variant("a function of the outputs along the fibre")],
)
def test_projector_is_constant_along_fibres_of_constant_rank(
    at: Point,
    other: Callable[[Point], Array] = along_the_fibre,
    projector: Projector = output_projector,
) -> list[Ratio]:
    return compare_projectors(at, other(at), projector)
