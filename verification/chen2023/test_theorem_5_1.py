"""Theorem 5.1 and its proof: the constraint, critical points, and the cost there, for K < QN.

(a), (b) are decided with (1.30)-(1.32) in test_under_flow. With g = grad_x C, P^perp = 1 - P of rank
QN - K and C = (N/2) |g|^2: at a critical point of rank K, P g = 0 and C = (N/2) |P^perp g|^2.

(f) is false: the cost need not have an extremum there. Critical means that y lies on the normal through
x = x[theta_*]. With kappa_1 the largest principal curvature, in the direction of y, of the manifold of
outputs, the Hessian of N C is 1 - |y - x| kappa_i in orthonormal tangent directions: theta_* is a strict
local minimum if y comes before the first focal point, |y - x| < 1 / kappa_1, and a saddle beyond it.
It is never a local maximum, because the cost is strictly convex in the output bias. The smallest network
with a hidden layer has saddles of rank K: 1-1-1, N = 5.

The constraint (c) tells nothing of the flow: x' = D theta' lies in the range of D whatever theta' is,
the standard flow included. It can fail for motions that do not come from parameters.
"""

from collections.abc import Callable, Iterator
from typing import Any

from geomdl import CLASS_WEIGHTED, MEAN_SQUARE, Cost, cost_hessian, pseudoinverse
from geomdl.arithmetic import Array
from geomdl.output_manifold import principal_curvatures
from verification.chen2023.orbit_laws import outputs_along
from verification.chen2023.under_laws import (
    UNDER_AND_MATRICES,
    UNDER_NETWORKS,
    Piece,
    printed_projector,
    printed_velocity,
    size_of_gradient,
    unit_of_solve,
)
from verification.machinery.checks import claim, variant
from verification.machinery.columns import ALGEBRAIC, FLOAT64, MP50
from verification.machinery.points import Point
from verification.machinery.ratios import Ratio, bound, identity, property_
from verification.scenes.matrices import DEFICIENT
from verification.scenes.networks import RANK_LOST, UNDER
from verification.scenes.pieces import projector_onto_range, squared
from verification.scenes.underparametrized import (
    CORNERS,
    CRITICAL,
    MINIMA,
    RANDOM_TARGETS,
    SADDLES,
    TWO_CLASSES,
    WITHOUT_RANK,
)

EQUILIBRIA = (*CRITICAL, RANDOM_TARGETS, TWO_CLASSES, CORNERS)
NO_RANK = variant("rank below K", scenes=(*WITHOUT_RANK, *DEFICIENT[2:5]))
NOT_CRITICAL = variant("no critical point", scenes=UNDER)
Matrix = Callable[[Point], Array]


def complement(at: Point) -> Array:
    """P^perp = 1 - D (D^T D)^-1 D^T."""
    return at.eye(len(at.D)) - printed_projector(at)


def unit_of_cost(at: Point) -> dict[str, Any]:
    """Return the size of C for an error of a roundoff of g."""
    size = size_of_gradient(at)
    scale = (
        at.number(at.N * len(at.x))
        * size
        * max(at.arithmetic.largest(at.g), size * at.arithmetic.unit_roundoff)
    )
    return {"scale": scale, **unit_of_solve(at)}


@claim(
    "chen2023/theorem-5.1/c",
    "chen2023/theorem-5.1-proof/b",
    scenes=UNDER_NETWORKS,
    columns=ALGEBRAIC,
    controls=[
        variant("rank below K", scenes=WITHOUT_RANK),
        variant("outputs moved by -g, past the parameters", moved=lambda at: -at.g),
        variant("P in the place of its complement", normal=printed_projector),
    ],
)
def test_outputs_do_not_move_across_the_range_of_the_jacobian(
    at: Point,
    moved: Piece = lambda at: outputs_along(at, printed_velocity(at)),
    normal: Matrix = complement,
) -> Ratio:
    found = normal(at) @ moved(at)
    return identity(found, 0 * found, scale=at.arithmetic.largest(at.g), **unit_of_solve(at))


@claim(
    "chen2023/theorem-5.1-proof/b",
    scenes=UNDER_NETWORKS,
    columns=ALGEBRAIC,
    controls=[
        variant("rank below K", scenes=WITHOUT_RANK),
        variant("D^T D not inverted", inverse=lambda at, v: at.D.T @ (at.D @ v)),
        variant("no projector", projector=lambda at: at.eye(len(at.D))),
        variant("twice the gradient", gradient=lambda at: 2 * at.grad_theta),
    ],
)
def test_every_line_of_the_chain_is_the_velocity_of_the_outputs(
    at: Point,
    inverse: Callable[[Point, Array], Array] = lambda at, v: at.arithmetic.solve(at.D.T @ at.D, v),
    projector: Matrix = projector_onto_range,
    gradient: Piece = lambda at: at.grad_theta,
) -> list[Ratio]:
    velocity = outputs_along(at, printed_velocity(at))
    lines = (
        at.at_theta.push(printed_velocity(at)),
        -at.D @ inverse(at, gradient(at)),
        -at.D @ inverse(at, at.D.T @ at.g),
        -projector(at) @ at.g,
    )
    unit = {"scale": at.arithmetic.largest(at.g), **unit_of_solve(at)}
    return [identity(velocity, line, note=f"line {k + 1}", **unit) for k, line in enumerate(lines)]


@claim(
    "chen2023/theorem-5.1-proof/a",
    scenes=UNDER_AND_MATRICES,
    columns=ALGEBRAIC,
    controls=[variant("rank of D D^T below K", scenes=(*WITHOUT_RANK, *DEFICIENT[2:]))],
)
def test_gram_matrix_of_the_columns_is_invertible(at: Point) -> list[Ratio]:
    columns, gram = at.D.shape[1], at.D.T @ at.D
    inverse = at.inverse(gram)
    hypothesis = (
        pseudoinverse(at.D @ at.D.T).rank == columns if at.arithmetic.exact else at.rank == columns
    )
    unit = unit_of_solve(at)
    return [
        property_(hypothesis, "rank(D D^T) = K"),
        identity(gram @ inverse, at.eye(columns), note="right inverse", **unit),
        identity(inverse @ gram, at.eye(columns), note="left inverse", **unit),
    ]


@claim(
    "chen2023/theorem-5.1/d",
    "chen2023/theorem-5.1-proof/c",
    scenes=EQUILIBRIA,
    columns=ALGEBRAIC,
    controls=[NOT_CRITICAL, variant("no projector", project=lambda at: at.g)],
)
def test_projected_gradient_vanishes_at_critical_points(
    at: Point, project: Piece = lambda at: projector_onto_range(at) @ at.g
) -> list[Ratio]:
    found, size = project(at), size_of_gradient(at)
    terms = size * at.arithmetic.largest(abs(at.D).sum(axis=0))
    return [
        identity(at.grad_theta, 0 * at.grad_theta, scale=terms, size=at.size, note="critical"),
        identity(found, 0 * found, scale=size, size=at.size, condition=at.kappa, note="P g"),
    ]


def on_the_way(at: Point) -> Iterator[Array]:
    """Yield output gradients from general ones down to that of a critical point: P^perp g + t D c.

    c is an odd multiple of 1/128 in each component, so that D c is not zero, and t at least the square
    root of the roundoff, below which t D c drowns in the rounding of P^perp g.
    """
    c = at.random(at.D.shape[1]) + at.number(1, 128)
    normal, along = complement(at) @ at.g, at.D @ c
    for bits in (0, 10, 12 if at.arithmetic.unit_roundoff > 1e-8 else 20):
        yield normal + at.number(1, 2**bits) * along


@claim(
    "chen2023/theorem-5.1-proof/c",
    scenes=UNDER_AND_MATRICES,
    columns=ALGEBRAIC,
    controls=[
        NO_RANK,
        variant("g in the place of P g", project=lambda at, g: g),
        variant("the complement", project=lambda at, g: g - projector_onto_range(at) @ g),
    ],
)
def test_outputs_and_projected_gradient_rest_where_the_parameters_do(
    at: Point,
    project: Callable[[Point, Array], Array] = lambda at, g: projector_onto_range(at) @ g,
) -> list[Ratio]:
    # |x'| and |P g| are at most |D| |theta'|, so that theta' = 0 makes both vanish.
    size, found = squared(at.D), []
    for g in on_the_way(at):
        velocity = -at.arithmetic.solve(at.D.T @ at.D, at.D.T @ g)
        limit = 2 * size * squared(velocity)
        found += [
            bound(squared(at.D @ velocity), limit, note="x'"),
            bound(squared(project(at, g)), limit, note="P g"),
        ]
    return found


@claim(
    "chen2023/theorem-5.1/e",
    "chen2023/theorem-5.1-proof/d",
    scenes=EQUILIBRIA,
    columns=ALGEBRAIC,
    controls=[
        NOT_CRITICAL,
        variant("N in the place of N/2", scenes=CRITICAL[:3], factor=2),
        variant("P in the place of its complement", scenes=CRITICAL[:3], normal=printed_projector),
        variant("the cost without 1/2", scenes=CRITICAL[:3], cost=MEAN_SQUARE),
    ],
)
def test_cost_at_critical_points_is_that_of_the_normal_part_of_the_gradient(
    at: Point, factor: int = 1, normal: Matrix = complement, cost: Cost | None = None
) -> Ratio:
    value = (cost or at.problem.cost).value(at.problem.data, at.x)
    right = at.number(at.N * factor, 2) * squared(normal(at) @ at.g)
    return identity(value, right, **unit_of_cost(at))


@claim(
    "chen2023/theorem-5.1-proof/d",
    scenes=UNDER_NETWORKS,
    columns=ALGEBRAIC,
    controls=[
        variant("N in the place of N/2", factor=2),
        variant("an oblique splitting", scenes=UNDER, projector=lambda at: at.D @ at.D.T),
        variant("the cost weighted by classes", cost=CLASS_WEIGHTED),
    ],
)
def test_cost_splits_into_tangential_and_normal_part(
    at: Point, factor: int = 1, projector: Matrix = printed_projector, cost: Cost | None = None
) -> list[Ratio]:
    value = (cost or at.problem.cost).value(at.problem.data, at.x)
    half, along = at.number(at.N * factor, 2), projector(at) @ at.g
    unit = unit_of_cost(at)
    return [
        identity(value, half * squared(at.g), note="first line", **unit),
        identity(value, half * (squared(along) + squared(at.g - along)), note="second line", **unit),
    ]


def changes_of_cost(at: Point) -> list[Any]:
    """Return C[theta + v] - C[theta] for short v, both ways, along the eigenvectors of the Hessian."""
    hessian, problem = cost_hessian(at.problem, at.theta), at.problem
    directions = at.arithmetic.svd(hessian)[2]
    step, here = at.number(1, 2**10) / at.arithmetic.array([at.kappa])[0], problem.value(at.theta)
    moves = [sign * step * v for v in directions for sign in (1, -1)]
    return [problem.value(at.theta + move) - here for move in moves]


def before_the_focal_point(at: Point, factor: tuple[int, int] = (1, 1)) -> bool:
    """Tell whether y comes before the first focal point on the normal from x."""
    return bool(at.number(*factor) * principal_curvatures(at.at_theta, at.y - at.x)[0] < 1)


@claim(
    "chen2023/theorem-5.1/f",
    scenes=EQUILIBRIA,
    columns=(FLOAT64, MP50),
    controls=[
        variant(
            "curvatures twice too large",
            scenes=MINIMA,
            extremum=lambda at: before_the_focal_point(at, (2, 1)),
        ),
        variant(
            "curvatures twice too small",
            scenes=SADDLES,
            extremum=lambda at: before_the_focal_point(at, (1, 2)),
        ),
        variant("no critical point", scenes=UNDER, extremum=before_the_focal_point),
    ],
    refuted=[variant("targets beyond a focal point", scenes=SADDLES)],
    corrected=[
        variant("before the first focal point", scenes=EQUILIBRIA, extremum=before_the_focal_point)
    ],
)
def test_cost_has_an_extremum_at_critical_points(
    at: Point, extremum: Callable[[Point], bool] = lambda at: True
) -> list[Ratio]:
    changes, terms = (
        changes_of_cost(at),
        size_of_gradient(at) * at.arithmetic.largest(abs(at.D).sum(axis=0)),
    )
    found = all(change > 0 for change in changes) or all(change < 0 for change in changes)
    return [
        identity(at.grad_theta, 0 * at.grad_theta, scale=terms, size=at.size, note="critical"),
        property_(found == extremum(at), f"an extremum: {found}"),
        property_(any(change > 0 for change in changes), "no maximum"),
    ]


@claim(
    "chen2023/theorem-5.1/g",
    scenes=(*UNDER_AND_MATRICES, *EQUILIBRIA),
    columns=ALGEBRAIC,
    controls=[
        variant("rank below K", scenes=(*WITHOUT_RANK, *RANK_LOST, *DEFICIENT[2:])),
        variant("P in the place of its complement", scenes=UNDER, normal=printed_projector),
    ],
)
def test_rank_of_the_normal_projector_is_QN_minus_K(
    at: Point, normal: Matrix = complement
) -> list[Ratio]:
    (rows, columns), p = at.D.shape, normal(at)
    rank = pseudoinverse(p).rank if at.arithmetic.exact else number_above_half(at, p)
    return [
        property_(rank == rows - columns, f"rank {rank}"),
        identity(p.trace(), at.number(rows - columns), scale=at.number(1), **unit_of_solve(at)),
        identity(
            p @ at.D, 0 * at.D, scale=at.arithmetic.largest(at.D), note="kernel", **unit_of_solve(at)
        ),
    ]


def number_above_half(at: Point, matrix: Array) -> int:
    """Count the singular values above 1/2; those of a projector are 0 and 1."""
    return int(sum(bool(2 * sigma > 1) for sigma in at.arithmetic.singular_values(matrix)))
