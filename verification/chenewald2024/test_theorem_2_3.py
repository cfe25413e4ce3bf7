"""Theorem 2.3: the fields V_(theta, alpha) between the standard and the adapted gradient field.

V_(theta, alpha) = -A grad_theta C with A = alpha (D^T D)^+ + (1 - alpha) 1 is affine in alpha. Where
grad_theta C lies in ran D^T, and with T = tr D^T D >= sigma_1^2, S = |D^+|^2 >= sigma_r^-2,

    (alpha / T + 1 - alpha) |grad_theta C| <= |V_(theta, alpha)| <= (alpha S + 1 - alpha) |grad_theta C|,

so both vanish together, for every alpha. In output space, with P the projector onto ran D,
w = D V_(theta, alpha) = -(alpha P + (1 - alpha) D D^T) grad_x C, and

    (alpha + (1 - alpha) / S) |P grad_x C| <= |w| <= (alpha + (1 - alpha) T) |P grad_x C|.

As a function of theta the family is as smooth as D where the rank of D is locally constant, by

    dD^+ = -D^+ dD D^+ + D^+ D^+^T dD^T (1 - D D^+) + (1 - D^+ D) dD^T D^+^T D^+,

and for alpha > 0 it is unbounded near points where the rank drops: there V_(theta, 1) jumps.
"""

import math
from collections.abc import Callable
from typing import Any

from geomdl import homotopy_field
from geomdl.arithmetic import Array
from geomdl.second_derivatives import jacobian_derivative
from verification.chenewald2024.families import (
    Family,
    alphas,
    approaches,
    complement_kept,
    exchanged,
    gram_inverse,
    interpolated,
    outside_of_range,
    printed,
    with_wrong_sign,
    without_inverse,
)
from verification.chenewald2024.matrices import MATRICES, SQUARED, orthogonal_projector, plus
from verification.machinery.checks import claim, variant
from verification.machinery.columns import FLOAT64, MP50, POINTWISE, RATIONAL
from verification.machinery.points import Point
from verification.machinery.ratios import Ratio, bound, identity
from verification.scenes.critical_exact import CRITICAL, CRITICAL_RANK_LOST, DEAD_UNITS, RANK_CHANGES
from verification.scenes.matrices import ANY_MATRIX, DEFICIENT
from verification.scenes.networks import BORDERLINE, FULL_RANK_EXACT, RANK_LOST, UNDER
from verification.scenes.pieces import pull, push, squared

NETWORKS = (FULL_RANK_EXACT[0], *RANK_LOST, UNDER[0], BORDERLINE[1], *CRITICAL)
SCENES = (*NETWORKS, *MATRICES)


def jumping(at: Point, alpha: Any, gradient: Array) -> Array:
    """Return a family with the same end points that jumps between them."""
    return interpolated(at, at.number(int(alpha == 1)), gradient)


@claim(
    "chenewald2024/theorem-2.3/a",
    scenes=SCENES,
    columns=SQUARED,
    controls=[
        variant("D^T D not inverted", scenes=(*RANK_LOST, *UNDER[:1]), family=without_inverse),
        variant("alpha and 1 - alpha exchanged", scenes=(*RANK_LOST, *UNDER[:1]), family=exchanged),
        variant("a jump between the end points", scenes=(*RANK_LOST, *UNDER[:1]), family=jumping),
    ],
)
def test_family_joins_standard_and_adapted_field_affinely(
    at: Point, family: Family = interpolated
) -> list[Ratio]:
    standard, adapted = -at.D.T @ at.g, -plus(at) @ at.g
    gradient = pull(at, at.g)
    # The terms may cancel, at a critical point to nothing; their sizes bound what is rounded.
    terms = abs(at.D.T) @ abs(at.g)
    ratios = []
    for alpha in alphas(at):
        scale = alpha * (abs(gram_inverse(at)) @ terms) + (1 - alpha) * terms
        expected = alpha * adapted + (1 - alpha) * standard
        found = family(at, alpha, gradient)
        ratios.append(
            identity(
                found, expected, scale=scale, size=at.size, condition=at.kappa, note=f"alpha {alpha}"
            )
        )
    return ratios


def pseudoinverse_derivative(at: Point, d_dot: Array) -> Array:
    """Return the derivative of D^+ along dD, at constant rank."""
    d, p = at.D, plus(at)
    beyond_range = d_dot.T - (d_dot.T @ d) @ p
    beyond_rows = d_dot.T - p @ (d @ d_dot.T)
    return -p @ d_dot @ p + p @ (p.T @ beyond_range) + (beyond_rows @ p.T) @ p


@claim(
    "chenewald2024/theorem-2.3/a",
    scenes=(FULL_RANK_EXACT[0], *RANK_LOST, *UNDER[:2], *BORDERLINE, *CRITICAL_RANK_LOST, DEAD_UNITS),
    columns=POINTWISE,
    controls=[
        variant("the rank of D changes", scenes=RANK_CHANGES[:1]),
        variant("D^+ held fixed", scenes=(FULL_RANK_EXACT[0], CRITICAL[1]), moving=False),
    ],
)
def test_family_is_differentiable_in_theta_where_the_rank_is_constant(
    at: Point, moving: bool = True
) -> list[Ratio]:
    a, problem, g = at.arithmetic, at.problem, at.g
    # h^3 = u, so that the remainder of a central difference is of the size of the roundoff.
    h = at.number(1, 2 ** round(-math.log2(a.unit_roundoff) / 3))
    v = at.random(len(at.theta)) / 4
    d_dot, g_dot = jacobian_derivative(at.at_theta, v), push(at, v) / at.number(at.N)
    bent = pseudoinverse_derivative(at, d_dot) @ g if moving else a.zeros(v.shape)
    standard, adapted = d_dot.T @ g + pull(at, g_dot), bent + plus(at) @ g_dot
    turn = max(float(a.largest(d_dot) / a.largest(at.D)), 1.0)
    ratios = []
    for alpha in alphas(at, step=3):
        field = homotopy_field(alpha)
        difference = field(problem, at.theta + h * v) - field(problem, at.theta - h * v)
        expected = -2 * h * (alpha * adapted + (1 - alpha) * standard)
        scale = a.largest(g) * (alpha * a.largest(plus(at)) + (1 - alpha) * a.largest(at.D))
        condition = at.kappa * turn**2
        ratios.append(identity(difference, expected, scale=scale, size=at.size, condition=condition))
    return ratios


@claim(
    "chenewald2024/theorem-2.3/b",
    scenes=(*NETWORKS, *ANY_MATRIX),
    columns=(FLOAT64, MP50, RATIONAL),
    controls=[
        variant("a cost of theta and x", scenes=CRITICAL[:6], added=outside_of_range),
        variant("the standard part uphill", scenes=DEFICIENT[2:3], family=with_wrong_sign),
    ],
)
def test_family_vanishes_exactly_where_the_gradient_does(
    at: Point,
    family: Family = interpolated,
    added: Callable[[Point], Array] | None = None,
) -> list[Ratio]:
    t, s = squared(at.D), squared(plus(at))
    ratios = []
    for g in approaches(at):
        gradient = pull(at, g) + (added(at) if added else 0)
        length = squared(gradient)
        for alpha in (*alphas(at), balance(at, gradient)):
            # Squares, and 2 for the rounding: at rank 1 the bounds are attained.
            v = squared(family(at, alpha, gradient))
            ratios += [
                bound((alpha + (1 - alpha) * t) ** 2 * length, 2 * t**2 * v, note="from below"),
                bound(v, 2 * (alpha * s + 1 - alpha) ** 2 * length, note="from above"),
            ]
    return ratios


def balance(at: Point, gradient: Array) -> Any:
    """Return the alpha at which both parts of A are equally strong along the gradient."""
    adapted = gradient @ gram_inverse(at) @ gradient
    both = adapted + squared(gradient)
    return squared(gradient) / both if both > 0 else at.number(1, 2)


def induced(at: Point, alpha: Any, g: Array) -> Array:
    """Return the velocity D V of the outputs, (2.38)."""
    return push(at, interpolated(at, alpha, pull(at, g)))


@claim(
    "chenewald2024/theorem-2.3/c",
    scenes=SCENES,
    columns=SQUARED,
    controls=[
        variant(
            "projector left out", scenes=(*RANK_LOST, *UNDER[:1], *CRITICAL[:5]), law=complement_kept
        ),
        variant(
            "alpha and 1 - alpha exchanged",
            scenes=(*RANK_LOST, *UNDER[:1]),
            law=lambda at, alpha, g: printed(at, 1 - alpha, g),
        ),
        variant("the sign of ascent", scenes=RANK_LOST, law=lambda at, alpha, g: -printed(at, alpha, g)),
    ],
)
def test_outputs_move_by_the_interpolated_field(at: Point, law: Family = printed) -> list[Ratio]:
    longest = squared(at.D)
    ratios = []
    for alpha in alphas(at):
        scale = at.arithmetic.largest(at.g) * (alpha + (1 - alpha) * longest)
        ratios.append(
            identity(
                induced(at, alpha, at.g),
                law(at, alpha, at.g),
                scale=scale,
                size=at.size,
                condition=at.kappa**2,
                note=f"alpha {alpha}",
            )
        )
    # The ends as they are printed, with a projector that owes nothing to a pseudoinverse.
    ends: dict[str, Any] = {"size": at.size, "condition": at.kappa**2}
    standard, onto_range = at.D @ (at.D.T @ at.g), orthogonal_projector(at, at.D)
    largest = at.arithmetic.largest(at.g)
    return [
        *ratios,
        identity(-standard, law(at, at.number(0), at.g), scale=largest * longest, note="(2.18)", **ends),
        identity(-onto_range @ at.g, law(at, at.number(1), at.g), scale=largest, note="(2.28)", **ends),
    ]


@claim(
    "chenewald2024/theorem-2.3/d",
    scenes=(*NETWORKS, *ANY_MATRIX),
    columns=(FLOAT64, MP50, RATIONAL),
    controls=[
        variant("projector left out", scenes=CRITICAL[:5], velocity=complement_kept),
        variant("equilibria where grad_x C vanishes", scenes=CRITICAL[:5], project=False),
    ],
)
def test_equilibria_of_the_outputs_do_not_depend_on_alpha(
    at: Point, velocity: Family = induced, project: bool = True
) -> list[Ratio]:
    t, s = squared(at.D), squared(plus(at))
    ratios = []
    for g in approaches(at):
        length = squared(at.D @ (plus(at) @ g) if project else g)
        for alpha in alphas(at):
            w = squared(velocity(at, alpha, g))
            v = squared(interpolated(at, alpha, pull(at, g)))
            ratios += [
                bound((alpha * s + 1 - alpha) ** 2 * length, 2 * s**2 * w, note="from below"),
                bound(w, 2 * (alpha + (1 - alpha) * t) ** 2 * length, note="from above"),
                bound(v, 2 * s * w, note="theta rests where x rests"),
            ]
    return ratios
