"""Section 2.4, example: a bundle of rank K - 1, not integrable, that is normal to a foliation.

Two kinds of bundles of rank K - 1 are tried: the kernel of a 1-form w on R^K, given by w and its
derivative J at a point (contact form, dz - y^2 dx, forms drawn at random), with the sections
X_k = w_p e_k - w_k e_p; and V = range(D^T) of networks with K = QN + 1, with the sections grad x_i.

(a) The orthogonal complement is spanned by the vector of the minors of the sections, a polynomial in
them that vanishes nowhere: a bundle of rank 1, as smooth as the given one.
(b) [f X, g X] = (f X(g) - g X(f)) X for all functions f, g. The curves do not depend on the section:
orbits of X and of f X have the same trace. For a network they are the fibres f^{-1}(x).
(c) The bundle is not integrable where w([X, Y]) = -dw(X, Y) does not vanish for its sections. It does
vanish for w ^ dw = 0, and for w2 (w1 t + b1)^2 + b2 and N = 3, where V is normal to the gradient of
w1^2 + b1^2 - 2 w2^2 (controls).

For K = 2 there is no such example: a bundle of rank 1 is integrable, as (b) says.
"""

from collections.abc import Callable
from itertools import combinations
from typing import Any

import numpy as np

from geomdl import Event, Problem, integrate, jacobian_derivative, pseudoinverse, range_bundle_brackets
from geomdl.arithmetic import Array, arithmetic_of
from verification.machinery.checks import claim, variant
from verification.machinery.columns import ALGEBRAIC, ORBITS
from verification.machinery.points import Point
from verification.machinery.ratios import Ratio, along_orbit, bound, identity, property_
from verification.scenes.foliations import (
    CLOSED_GERMS,
    CODIMENSION_ONE,
    GERMS,
    NORMAL_TO_A_GRADIENT,
)

NETWORKS = CODIMENSION_ONE[:2]
SCENES = (*GERMS, *NETWORKS)


def determinant(matrix: Array) -> Any:
    """Expand a determinant along the first row."""
    if len(matrix) == 1:
        return matrix[0, 0]
    rest = range(matrix.shape[1])
    return sum(
        (-1) ** k * matrix[0, k] * determinant(matrix[1:, [j for j in rest if j != k]]) for k in rest
    )


def minors(rows: Array) -> Array:
    """Return the vector orthogonal to K - 1 rows whose components are their minors, with signs."""
    columns = range(rows.shape[1])
    return arithmetic_of(rows).stack(
        [(-1) ** k * determinant(rows[:, [j for j in columns if j != k]]) for k in columns]
    )


def germ(at: Point) -> tuple[Array, Array]:
    """Return the coefficients w of a 1-form and their derivative J."""
    return at.g, at.D


def pivot(at: Point) -> int:
    """Return the index p of the largest coefficient of the form."""
    return int(np.argmax(abs(at.arithmetic.to_float64(at.g))))


def sections(at: Point) -> Array:
    """Return K - 1 sections that span the bundle, as rows."""
    if not at.is_matrix:
        return at.D
    (w, _), p, units = germ(at), pivot(at), at.eye(len(at.g))
    return at.arithmetic.stack([w[p] * units[k] - w[k] * units[p] for k in range(len(w)) if k != p])


def brackets(at: Point) -> Array:
    """Return the Lie brackets of all pairs of sections, as rows."""
    if not at.is_matrix:
        return range_bundle_brackets(at.at_theta)
    (w, j), p, units, values = germ(at), pivot(at), at.eye(len(at.g)), sections(at)
    slopes = [
        units[k][:, None] * j[p][None, :] - units[p][:, None] * j[k][None, :]
        for k in range(len(w))
        if k != p
    ]
    pairs = combinations(range(len(values)), 2)
    return at.arithmetic.stack([slopes[m] @ values[n] - slopes[n] @ values[m] for n, m in pairs])


def condition(at: Point) -> float:
    """Return the condition number of the sections."""
    sigma = np.linalg.svd(at.arithmetic.to_float64(sections(at)), compute_uv=False)
    return float(sigma[0] / sigma[-1])


@claim(
    "chen2023/normal-bundle-example/a",
    scenes=SCENES,
    columns=ALGEBRAIC,
    controls=[
        variant("rank K - 2", spanning=lambda at: sections(at)[1:]),
        variant(
            "one section turned",
            scenes=(GERMS[0], NETWORKS[0]),
            spanning=lambda at: sections(at) + at.eye(sections(at).shape[1])[1:],
        ),
    ],
)
def test_orthogonal_complement_of_a_bundle_of_rank_K_minus_1_is_spanned_by_one_smooth_field(
    at: Point, spanning: Callable[[Point], Array] = sections
) -> list[Ratio]:
    rows = spanning(at)
    normal = at.g if at.is_matrix else minors(at.D)
    complement = at.eye(rows.shape[1]) - pseudoinverse(rows).row_projector()
    projector = normal[:, None] * normal[None, :] / (normal * normal).sum()
    from_minors = minors(sections(at))
    along = from_minors - normal * (normal * from_minors).sum() / (normal * normal).sum()
    largest = at.arithmetic.largest(from_minors)
    unit = {"size": rows.shape[1] ** 2, "condition": condition(at)}
    return [
        identity(complement, projector, note="1 - P has rank 1", **unit),
        identity(along, 0 * along, scale=largest, note="spanned by the minors", **unit),
        property_(bool(largest > 0), "the field of minors does not vanish"),
    ]


def field_of_minors(problem: Problem, theta: Array) -> Array:
    """Return the field n[theta] of minors of D, tangent to the fibres of f."""
    return minors(problem.linearize(theta).jacobian())


def line_field(at: Point) -> tuple[Array, Callable[[Array], Array]]:
    """Return a field that spans the bundle of rank 1, and its derivative along vectors."""
    if at.is_matrix:
        w, j = germ(at)
        return w, lambda v: j @ v

    def derivative(v: Array) -> Array:
        turned, total = jacobian_derivative(at.at_theta, v), at.arithmetic.zeros(at.D.shape[1])
        for k in range(len(at.D)):
            rows = at.D.copy()
            rows[k] = turned[k]
            total = total + minors(rows)
        return total

    return minors(at.D), derivative


@claim(
    "chen2023/normal-bundle-example/b",
    scenes=SCENES,
    columns=ALGEBRAIC,
    controls=[
        variant("rank 2", scenes=(GERMS[0], *NETWORKS), second=True),
        variant("the sum of the two terms", scenes=(*GERMS[2:], *NETWORKS), sign=1),
    ],
)
def test_brackets_of_sections_of_a_bundle_of_rank_1_stay_in_it(
    at: Point, second: bool = False, sign: int = -1
) -> Ratio:
    x, slope = line_field(at)
    f, g = at.random(2)
    grad_f, grad_g = at.random(len(x)), at.random(len(x))
    # The other field is a multiple of X, unless it is a field with constant coefficients.
    y = sections(at)[0] if second else x
    along_fx = (grad_g * (f * x)).sum() * y + (0 * y if second else g * slope(f * x))
    along_gy = (grad_f * (g * y)).sum() * x + f * slope(g * y)
    bracket = along_fx + at.number(sign) * along_gy
    outside = bracket - x * (x * bracket).sum() / (x * x).sum()
    scale = at.arithmetic.largest(abs(along_fx) + abs(along_gy)) + at.arithmetic.largest(x)
    size = len(x) ** 2
    return identity(outside, 0 * outside, scale=scale, size=size, condition=condition(at))


def unit_speed(problem: Problem, theta: Array) -> Array:
    """Return n / |n|."""
    normal = field_of_minors(problem, theta)
    return normal / (normal * normal).sum() ** 0.5


def other_speed(problem: Problem, theta: Array) -> Array:
    """Return another section of the same bundle, (1 + theta_1^2 + theta_2^2) n / |n|."""
    return (1 + theta[0] * theta[0] + theta[1] * theta[1]) * unit_speed(problem, theta)


def leaving(problem: Problem, theta: Array) -> Array:
    """Return a field that leaves the bundle: n / |n| + D^T D n' with n' = e_1."""
    jacobian = problem.linearize(theta).jacobian()
    return unit_speed(problem, theta) + jacobian.T @ jacobian[:, 0]


LENGTH = 0.125


@claim(
    "chen2023/normal-bundle-example/b",
    scenes=(*NETWORKS, NORMAL_TO_A_GRADIENT),
    columns=ORBITS,
    controls=[variant("a field that leaves the bundle", field=leaving)],
)
def test_curves_of_a_bundle_of_rank_1_do_not_depend_on_the_section(
    at: Point, field: Callable[[Problem, Array], Array] = other_speed
) -> list[Ratio]:
    start = at.arithmetic.to_float64(at.theta)
    direction = at.arithmetic.to_float64(unit_speed(at.problem, at.theta))
    gate = Event(
        "gate", lambda problem, theta: float(np.dot(np.asarray(theta) - start, direction)) - LENGTH
    )
    orbits = [
        integrate(at.problem, one, at.theta, 8.0, rtol=at.rtol, events=[gate])
        for one in (unit_speed, field)
    ]
    outputs = orbits[0].outputs()
    scale = float(np.abs(start).max()) * condition(at)
    return [
        property_(all(orbit.status == "gate" for orbit in orbits), "both curves cross the gate"),
        along_orbit(orbits[1].end, orbits[0].end, rtol=at.rtol, scale=scale, note="the same curve"),
        along_orbit(
            outputs, np.broadcast_to(outputs[0], outputs.shape), rtol=at.rtol,
            scale=scale * float(np.abs(at.arithmetic.to_float64(at.D)).max()), note="in a fibre of f",
        ),
    ]  # fmt: skip


@claim(
    "chen2023/normal-bundle-example/c",
    scenes=(*GERMS, *NETWORKS),
    columns=ALGEBRAIC,
    controls=[
        variant("forms with w ^ dw = 0", scenes=CLOSED_GERMS),
        variant("normal to a gradient", scenes=[NORMAL_TO_A_GRADIENT]),
    ],
)
def test_brackets_leave_a_normal_bundle_of_curves(at: Point) -> list[Ratio]:
    normal, found = (at.g if at.is_matrix else minors(at.D)), brackets(at)
    across = found @ normal
    scale = at.arithmetic.largest(found) * at.arithmetic.largest(normal)
    if scale == 0:
        return [property_(False, "the sections commute")]
    inside = identity(across, 0 * across, scale=scale, size=len(normal) ** 2, condition=condition(at))
    rows = sections(at)
    terms = at.arithmetic.largest(rows) * at.arithmetic.largest(normal)
    return [
        bound(inside.threshold, inside.value, note="brackets leave the bundle"),
        identity(rows @ normal, 0 * rows[:, 0], scale=terms, size=len(normal) ** 2,
                 condition=condition(at), note="the bundle is normal to the curves"),
    ]  # fmt: skip


@claim(
    "chen2023/normal-bundle-example/c",
    scenes=(*GERMS, *CLOSED_GERMS),
    columns=ALGEBRAIC,
    controls=[
        variant("the sum of the derivatives", scenes=GERMS[2:], sign=1),
        variant("the opposite orientation", scenes=GERMS, factor=-1),
    ],
)
def test_what_leaves_the_bundle_is_the_differential_of_the_form(
    at: Point, sign: int = -1, factor: int = 1
) -> Ratio:
    (w, j), rows = germ(at), sections(at)
    # dw(X, Y) = sum X_i Y_k (d_i w_k - d_k w_i), and w([X, Y]) = -dw(X, Y) for w(X) = w(Y) = 0.
    differential = j.T + at.number(sign) * j
    pairs = combinations(range(len(rows)), 2)
    expected = [-at.number(factor) * (rows[n] @ differential @ rows[m]) for n, m in pairs]
    scale = at.arithmetic.largest(rows) ** 2 * at.arithmetic.largest(j)
    return identity(brackets(at) @ w, at.arithmetic.stack(expected), scale=scale, size=len(w) ** 2)
