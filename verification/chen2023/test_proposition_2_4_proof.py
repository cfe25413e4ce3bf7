"""The proof of proposition 2.4, (2.24)-(2.30): the gradient in the bundle V of a function F of theta.

grad_h F is found from its definition (2.23), by solving h(V, z) = dF(V) over a basis of range(D^T), and
held against the formula (2.30), Pen[D] Pen[D]^T grad_theta F; F is any function of theta, the cost one
of them. The steps (2.27)-(2.29) between them say nothing about the part of z in ker D: that z is a
section of V is part of the definition, and (2.30) is wrong without it.

In (2.25) the indices are printed as alpha = 1..k for Df and alpha = 1..n for g, with k = dim M > n: Df
has no component alpha > n. Meant are alpha = 1..n, beta = 1..k.
"""

from collections.abc import Callable
from itertools import product
from typing import Any

from geomdl.arithmetic import Array
from geomdl.bundles import bundle_metric
from verification.chen2023.adapted_fields import kernel, printed_row_projector, unit_of_pairing
from verification.chen2023.bundle_gradients import LOST, NETWORKS, SCENES, WIDE, printed_gradient
from verification.machinery.checks import claim, variant
from verification.machinery.columns import ALGEBRAIC
from verification.machinery.points import Point
from verification.machinery.ratios import Ratio, bound, identity, property_
from verification.scenes.bundles import (
    another_metric,
    any_differential,
    euclidean,
    kernel_direction,
    probe,
    riesz,
    size_of_gradient,
)
from verification.scenes.matrices import FULL_ROW_RANK
from verification.scenes.networks import BORDERLINE, FULL_RANK, FULL_RANK_EXACT, SMALLEST
from verification.scenes.pieces import push, squared

Vector = Callable[[Point], Array]
Gradient = Callable[[Point, Array], Array]


def with_kernel_part(at: Point, slope: Array) -> Array:
    """Add a direction of ker D to the gradient: it solves (2.27)-(2.29), too, but is no section of V."""
    return riesz(at, slope) + size_of_gradient(at, slope) * kernel_direction(at)


def once_inverted(at: Point, slope: Array) -> Array:
    """Pen[D] applied once too little: D^T (D D^T)^-1 D grad_theta F."""
    return at.pen @ (at.D @ slope)


def sum_over_indices(
    at: Point, tensor: Array, v: Array, w: Array, alphas: int, betas: int, *, transposed: bool = False
) -> Any:
    """Add g_(a, a') Df^a_b Df^a'_b' V^b W^b' term by term, a, a' = 1..alphas, b, b' = 1..betas."""
    df = at.D.T if transposed else at.D
    left, right = at.number(0), at.arithmetic.zeros(alphas)
    for a, b in product(range(alphas), range(betas)):
        right[a] = right[a] + df[a, b] * w[b]
    for a, a_, b in product(range(alphas), range(alphas), range(betas)):
        left = left + tensor[a, a_] * df[a, b] * v[b] * right[a_]
    return left


def size_of_sum(at: Point, tensor: Array, v: Array, w: Array) -> Any:
    """Return the sum of the absolute values of all terms."""
    return (abs(at.D) @ abs(v)) @ abs(tensor) @ (abs(at.D) @ abs(w))


Ranges = Callable[[int, int], tuple[int, int]]


def meant(k: int, n: int) -> tuple[int, int]:
    """Return the last alpha and the last beta: n and k."""
    return n, k


def printed(k: int, n: int) -> tuple[int, int]:
    """Return the ranges of Df as they are printed: alpha = 1..k, beta = 1..K, with k = K."""
    return k, k


def metric_in_coordinates(
    at: Point, ranges: Ranges = meant, tensor: Vector = another_metric, transposed: bool = False
) -> Ratio:
    """Hold the sum over all indices against g(f_* V, f_* W), f_* by forward differentiation."""
    rows, columns = at.D.shape
    alphas, betas = ranges(columns, rows)
    if alphas > rows or betas > columns:
        return property_(False, f"Df has {rows} x {columns} components; alpha runs to {alphas}")
    metric = another_metric(at)
    v, w = (at.D.T @ at.random(rows) for _ in range(2))
    found = sum_over_indices(at, tensor(at), v, w, alphas, betas, transposed=transposed)
    expected = bundle_metric(at.at_theta, v, w, metric=metric)
    return identity(found, expected, scale=size_of_sum(at, metric, v, w), size=at.size)


SMALL = (FULL_RANK[0], FULL_RANK[2], *FULL_RANK_EXACT, *SMALLEST)
SUM_CONTROLS = (
    variant("g forgotten", scenes=SMALL[:4], tensor=euclidean, ranges=meant),
    variant("one beta short", ranges=lambda k, n: (n, k - 1)),
    variant("the transposed of Df", scenes=BORDERLINE, transposed=True, ranges=meant),
)


@claim(
    "chen2023/proposition-2.4-proof/a",
    scenes=SMALL,
    columns=ALGEBRAIC,
    controls=SUM_CONTROLS,
    refuted=[variant("alpha from 1 to k", scenes=SMALL)],
    corrected=[variant("alpha from 1 to n, beta from 1 to k", ranges=meant)],
)
def test_pullback_metric_is_a_sum_over_the_printed_indices(
    at: Point, ranges: Ranges = printed, tensor: Vector = another_metric, transposed: bool = False
) -> Ratio:
    return metric_in_coordinates(at, ranges, tensor, transposed)


@claim("slides2023/pullback-metric/c", scenes=SMALL, columns=ALGEBRAIC, controls=SUM_CONTROLS)
def test_pullback_metric_is_a_sum_over_all_indices(
    at: Point, ranges: Ranges = meant, tensor: Vector = another_metric, transposed: bool = False
) -> Ratio:
    return metric_in_coordinates(at, ranges, tensor, transposed)


@claim(
    "chen2023/proposition-2.4-proof/b",
    "slides2023/pullback-metric/c",
    scenes=SMALL,
    columns=ALGEBRAIC,
    controls=[
        variant("V outside of the bundle", scenes=SMALL[:4], vector=any_differential),
        variant("g forgotten", scenes=SMALL[:4], tensor=euclidean),
        variant("the Euclidean gradient", gradient=lambda at, slope, metric: slope),
    ],
)
def test_gradient_in_coordinates_represents_the_differential(
    at: Point,
    vector: Vector = lambda at: at.D.T @ at.random(at.D.shape[0]),
    tensor: Vector = another_metric,
    gradient: Callable[[Point, Array, Array], Array] = riesz,
) -> list[Ratio]:
    slope, differential = probe(at)
    found, v, (rows, columns) = gradient(at, slope, another_metric(at)), vector(at), at.D.shape
    partial = sum((v[b] * slope[b] for b in range(columns)), at.number(0))
    right = sum_over_indices(at, tensor(at), v, found, rows, columns)
    unit = unit_of_pairing(at, v, slope)
    return [
        identity(partial, differential(v), size=at.size, scale=unit["scale"], note="dF(V)"),
        identity(partial, right, note="(2.26)", **unit),
    ]


@claim(
    "chen2023/proposition-2.4-proof/c",
    "slides2023/bundle-gradient/b",
    scenes=SCENES,
    columns=ALGEBRAIC,
    controls=[
        variant("V outside of the range of D^T", scenes=WIDE, vector=any_differential),
        variant("the Euclidean gradient", scenes=WIDE, gradient=lambda at, slope: slope),
        variant("the inverse applied once too little", scenes=WIDE, gradient=once_inverted),
    ],
)
def test_gradient_solves_the_normal_equations_over_the_fibre(
    at: Point,
    vector: Vector = lambda at: at.D.T @ at.random(at.D.shape[0]),
    gradient: Gradient = riesz,
) -> Ratio:
    slope, differential = probe(at)
    v, found = vector(at), gradient(at, slope)
    right = v @ (at.D.T @ (at.D @ found))
    return identity(differential(v), right, **unit_of_pairing(at, v, slope))


@claim(
    "chen2023/proposition-2.4-proof/d",
    "slides2023/bundle-gradient/b",
    scenes=SCENES,
    columns=ALGEBRAIC,
    controls=[
        variant("without P on the left", scenes=WIDE, onto=lambda at: at.eye(at.D.shape[1])),
        variant("the Euclidean gradient", scenes=WIDE, gradient=lambda at, slope: slope),
        variant("the inverse applied once too little", scenes=WIDE, gradient=once_inverted),
    ],
)
def test_gradient_solves_the_projected_normal_equations(
    at: Point, onto: Vector = printed_row_projector, gradient: Gradient = riesz
) -> Ratio:
    slope, p = any_differential(at), printed_row_projector(at)
    right = p @ (at.D.T @ (at.D @ gradient(at, slope)))
    scale = at.arithmetic.largest(slope)
    return identity(onto(at) @ slope, right, scale=scale, size=at.size, condition=at.kappa**2)


def residual_over_fibre(at: Point, residual: Array) -> Any:
    """Return the square of all V^T residual, V running through the rows of D, which span the fibre."""
    return squared(at.D @ residual)


@claim(
    "chen2023/proposition-2.4-proof/d",
    "slides2023/bundle-gradient/b",
    scenes=SCENES,
    columns=ALGEBRAIC,
    controls=[
        variant("without P", scenes=WIDE, onto=lambda at: at.eye(at.D.shape[1])),
        variant("one row of D left out", scenes=(*NETWORKS[:6], FULL_ROW_RANK[-1]),
                over=lambda at, residual: squared(at.D[:1] @ residual)),
    ],
)  # fmt: skip
def test_equation_over_the_fibre_and_projected_equation_vanish_together(
    at: Point,
    onto: Vector = printed_row_projector,
    over: Callable[[Point, Array], Any] = residual_over_fibre,
) -> list[Ratio]:
    slope = any_differential(at)
    largest, smallest = squared(at.D), squared(at.pen)
    found = []
    # Trial vectors whose residual is large, orthogonal to the first row of D, and inside ker D.
    gram_inverse = at.inverse(at.D @ at.D.T)
    for misfit in (any_differential(at), at.D.T @ gram_inverse[-1], kernel_direction(at)):
        trial = printed_gradient(at, slope - misfit)
        residual = slope - at.D.T @ (at.D @ trial)
        first, second = over(at, residual), squared(onto(at) @ residual)
        noise = (
            (30 * at.size * at.kappa**2 * at.arithmetic.unit_roundoff) ** 2
            * float(squared(slope) + squared(misfit))
        )  # fmt: skip
        rounding = at.arithmetic.array([noise])[0]
        found += [
            bound(first, 2 * largest * (second + rounding), note="(2.27) from (2.28)"),
            bound(second, 2 * smallest * (first + largest * rounding), note="(2.28) from (2.27)"),
        ]
    return found


@claim(
    "chen2023/proposition-2.4-proof/e",
    scenes=SCENES,
    columns=ALGEBRAIC,
    controls=[
        LOST,
        variant("the Euclidean gradient", scenes=WIDE, gradient=lambda at, slope: slope),
        variant("D in the place of Pen[D]^T", scenes=WIDE, left=lambda at: at.D),
    ],
)
def test_penrose_inverse_of_the_transpose_undoes_the_transpose(
    at: Point, gradient: Gradient = riesz, left: Vector = lambda at: at.pen.T
) -> list[Ratio]:
    slope = any_differential(at)
    pushed = push(at, gradient(at, slope))
    scale = size_of_gradient(at, slope) * at.arithmetic.largest(at.D)
    unit: dict[str, Any] = {"scale": scale, "size": at.size, "condition": at.kappa**2}
    return [
        identity(
            left(at) @ (printed_row_projector(at) @ slope),
            left(at) @ slope,
            note="Pen^T P = Pen^T",
            **unit,
        ),
        identity(left(at) @ slope, pushed, note="Pen^T grad F = D grad_h F", **unit),
    ]


@claim(
    "chen2023/proposition-2.4-proof/f",
    "chen2023/adapted-flow-geometry/a",
    scenes=(*SCENES, *BORDERLINE),
    columns=ALGEBRAIC,
    controls=[
        LOST,
        variant("a solution of (2.29) outside of the bundle", scenes=WIDE, gradient=with_kernel_part),
        variant("the Euclidean gradient", scenes=WIDE, gradient=lambda at, slope: slope),
        variant("the inverse applied once too little", scenes=WIDE, gradient=once_inverted),
        variant("another metric of outputs", scenes=WIDE,
                gradient=lambda at, slope: riesz(at, slope, another_metric(at))),
    ],
)  # fmt: skip
def test_bundle_gradient_is_given_by_the_printed_formula(at: Point, gradient: Gradient = riesz) -> Ratio:
    slope = any_differential(at)
    scale = size_of_gradient(at, slope)
    return identity(
        gradient(at, slope),
        printed_gradient(at, slope),
        scale=scale,
        size=at.size,
        condition=at.kappa**2,
    )


@claim(
    "chen2023/proposition-2.4-proof/g",
    scenes=SCENES,
    columns=ALGEBRAIC,
    controls=[
        LOST,
        variant("the Euclidean gradient", scenes=WIDE, gradient=lambda at, slope: slope),
        variant("a solution of (2.29) outside of the bundle", scenes=WIDE, gradient=with_kernel_part),
    ],
)
def test_bundle_gradient_is_a_section_of_the_bundle(
    at: Point, gradient: Gradient = printed_gradient
) -> list[Ratio]:
    slope = any_differential(at)
    found, p = gradient(at, slope), printed_row_projector(at)
    unit: dict[str, Any] = {"scale": size_of_gradient(at, slope), "size": at.size}
    unit["condition"] = at.kappa**2
    complement = at.eye(at.D.shape[1]) - p
    ratios = [
        identity(p @ found, found, note="P grad_h F = grad_h F", **unit),
        identity(complement @ found, 0 * found, note="P^perp grad_h F = 0", **unit),
    ]
    if at.D.shape[1] > at.D.shape[0]:
        normals = kernel(at)
        unit["scale"] = unit["scale"] * at.arithmetic.largest(normals)
        zeros = at.arithmetic.zeros(normals.shape[1])
        ratios.append(identity(normals.T @ found, zeros, note="orthogonal to ker D", **unit))
    return ratios
