"""(2.24)-(2.28): the adapted flow solves (2.22), at every rank, and what it does to the outputs.

psi~ = D D^+ (D D^T)^+ (D^T)^+ grad_theta C is a product of matrices of shapes QN x K, K x QN, QN x QN,
QN x K with a vector of R^K; with grad_theta C = D^T g, g = grad_x C,

    D D^T psi~ = D [D^T D D^+] (D D^T)^+ (D^T)^+ D^T g = D D^T (D^T)^+ [D^+ (D^T)^+ D^T] g = P g,  (2.25)
    (D^T D)^+ grad_theta C = D^T psi~,                                                             (2.26)

the brackets being D^T and D^+, P the projector onto ran D D^T. Hence theta' = -(D^T D)^+ grad_theta C
moves the outputs by x' = -P g, (2.28), and rests exactly where the standard flow rests. All equalities
hold for every shape and every rank, 0 included; K >= QN is not needed. The first factor of psi~ may be
left out: psi~ = (D D^T)^+ g, of all solutions of (2.22) the shortest.

D^+, (D^T)^+, (D^T D)^+ and (D D^T)^+ are factored one by one, each from its own matrix; projectors come
from Gram-Schmidt.
"""

from collections.abc import Callable

from geomdl import standard_field
from geomdl.arithmetic import Array
from geomdl.flows import Field
from verification.chen2023.equilibria import at_most
from verification.chen2023.orbit_laws import END, outputs_law
from verification.chenewald2024.constrained_gradients import (
    GENERIC,
    along,
    constrained,
    covectors,
    from_parameter_gradient,
    gram,
    outer_inverse,
    transposed_plus,
    unconstrained,
)
from verification.chenewald2024.families import approaches, gram_inverse, outside_of_range
from verification.chenewald2024.matrices import (
    SCENES,
    SQUARE,
    SQUARED,
    Matrix,
    orthogonal_projector,
    plus,
    same,
    violating_fourth,
    violating_third,
)
from verification.chenewald2024.path_integrals import Velocity, outputs_move_by
from verification.machinery.checks import claim, variant
from verification.machinery.columns import ALGEBRAIC, FLOAT64, LARGE_ORBITS, MP50, ORBITS, RATIONAL
from verification.machinery.points import Point
from verification.machinery.ratios import Ratio, identity
from verification.scenes.critical_exact import CRITICAL as CRITICAL_EXACT
from verification.scenes.critical_points import (
    BUILT,
    BUILT_EXACT,
    CLOSED_FORM,
    DEAD_UNITS,
    RANK_NOT_CONSTANT,
)
from verification.scenes.networks import BORDERLINE, FULL_RANK, FULL_RANK_EXACT, RANK_LOST
from verification.scenes.pieces import pull, push, squared
from verification.scenes.real_data import IRIS_TWINS, TRAINING

CRITICAL = (CLOSED_FORM[0], CLOSED_FORM[3], *BUILT, *BUILT_EXACT, *RANK_NOT_CONSTANT, DEAD_UNITS)
"""Equilibria of every kind."""


Product = Callable[..., Array]


def explicit_psi(at: Point, gradient: Array) -> Array:
    """Return psi~ = D D^+ (D D^T)^+ (D^T)^+ grad_theta C, (2.24)."""
    return at.D @ (plus(at) @ (outer_inverse(at) @ (transposed_plus(at) @ gradient)))


# (2.25)


@claim(
    "chenewald2024/eq-2.24-2.25/a",
    scenes=SCENES,
    columns=ALGEBRAIC,
    controls=[
        variant("(D^T)^+ in the place of D^+", scenes=SQUARE, inverse=transposed_plus),
        variant("an inverse with (A.1), (A.2), (A.4) only", scenes=GENERIC, inverse=violating_third),
    ],
)
def test_first_underbrace_is_the_transpose(at: Point, inverse: Matrix = plus) -> Ratio:
    return same(at, at.D.T @ at.D @ inverse(at), at.D.T)


@claim(
    "chenewald2024/eq-2.24-2.25/b",
    scenes=SCENES,
    columns=SQUARED,
    controls=[
        variant("without (D D^T)^+", scenes=GENERIC, line=lambda d, x, o, c: d @ d.T @ c @ d.T),
        variant(
            "D^T (D^T)^+ for (D^T)^+ D^T", scenes=SQUARE, line=lambda d, x, o, c: d @ d.T @ o @ d.T @ c
        ),
        variant("minus psi~", scenes=GENERIC, sign=-1),
    ],
)
def test_first_line_equals_the_second(
    at: Point, line: Product = lambda d, x, o, c: d @ d.T @ o @ c @ d.T, sign: int = 1
) -> list[Ratio]:
    second = line(at.D, plus(at), outer_inverse(at), transposed_plus(at))
    return [
        along(at, push(at, pull(at, sign * explicit_psi(at, pull(at, g)))), second @ g, g, power=3)
        for g in covectors(at)
    ]


@claim(
    "chenewald2024/eq-2.24-2.25/c",
    scenes=SCENES,
    columns=SQUARED,
    controls=[
        variant("D^+ (D^T)^+", scenes=SQUARE, line=lambda d, x, c: d @ d.T @ x @ c @ c @ d.T),
        variant("D^+ left out", scenes=SQUARE, line=lambda d, x, c: d @ d.T @ c @ c @ d.T),
    ],
)
def test_second_line_equals_the_third(
    at: Point, line: Product = lambda d, x, c: d @ d.T @ c @ (x @ c @ d.T)
) -> Ratio:
    d, c = at.D, transposed_plus(at)
    return same(at, d @ d.T @ outer_inverse(at) @ c @ d.T, line(d, plus(at), c), power=3)


@claim(
    "chenewald2024/eq-2.24-2.25/d",
    scenes=SCENES,
    columns=ALGEBRAIC,
    controls=[
        variant("D^+ in the place of (D^T)^+", scenes=SQUARE, transposed=plus),
        variant("an inverse with (A.1), (A.2), (A.4) only", scenes=GENERIC, inverse=violating_third),
        variant("an inverse with (A.1)-(A.3) only", scenes=GENERIC, inverse=violating_fourth),
    ],
)
def test_second_underbrace_is_the_pseudoinverse(
    at: Point, inverse: Matrix = plus, transposed: Matrix = transposed_plus
) -> Ratio:
    return same(at, inverse(at) @ transposed(at) @ at.D.T, inverse(at), power=2)


@claim(
    "chenewald2024/eq-2.24-2.25/e",
    scenes=SCENES,
    columns=SQUARED,
    controls=[
        variant("D^+ (D^T)^+", scenes=SQUARE, line=lambda d, x, c: d @ d.T @ x @ c),
        variant("the bracket taken for D^T", scenes=GENERIC, line=lambda d, x, c: d @ d.T @ c @ d.T),
    ],
)
def test_third_line_equals_the_fourth(
    at: Point, line: Product = lambda d, x, c: d @ d.T @ c @ (x @ c @ d.T)
) -> list[Ratio]:
    third = line(at.D, plus(at), transposed_plus(at))
    fourth = push(at, pull(at, outer_inverse(at) @ at.g))
    whole = at.D @ at.D.T @ outer_inverse(at)
    return [along(at, third @ at.g, fourth, at.g, power=3), same(at, third, whole, power=3)]


@claim(
    "chenewald2024/eq-2.24-2.25/f",
    scenes=SCENES,
    columns=SQUARED,
    controls=[
        variant("projector onto ran D^T D", scenes=SQUARE, spanned=lambda at: at.D.T),
        variant("the whole output gradient", scenes=GENERIC, project=lambda p, g: g),
        variant("its other part", scenes=GENERIC, project=lambda p, g: g - p @ g),
        variant(
            "psi~ with D in the place of (D^T)^+", scenes=GENERIC,
            psi=lambda at, gradient: outer_inverse(at) @ (at.D @ gradient),
        ),
    ],
)  # fmt: skip
def test_explicit_psi_solves_the_normal_equation(
    at: Point,
    psi: Callable[[Point, Array], Array] = explicit_psi,
    spanned: Matrix = lambda at: at.D,
    project: Callable[[Array, Array], Array] = lambda p, g: p @ g,
) -> list[Ratio]:
    p = orthogonal_projector(at, spanned(at))
    last = [same(at, at.D @ at.D.T @ outer_inverse(at), p, power=2)]
    for g in covectors(at):
        found, short = psi(at, pull(at, g)), outer_inverse(at) @ g
        scale = at.arithmetic.largest(outer_inverse(at)) * at.arithmetic.largest(g)
        last += [
            along(at, push(at, pull(at, found)), project(p, g), g, power=3),
            identity(found, short, scale=scale, size=at.size, condition=at.kappa**2, note="shortest"),
        ]
    return last


# (2.26)


def lengthened(at: Point) -> Array:
    """Return (D^T D)^+ with a part outside of ran D^T D, which (A.1), (A.3), (A.4) do not forbid."""
    outside = at.eye(at.D.shape[1]) - plus(at) @ at.D
    return gram_inverse(at) + outside @ at.random(*outside.shape) @ outside


@claim(
    "chenewald2024/eq-2.26/a",
    scenes=SCENES,
    columns=SQUARED,
    controls=[
        variant("a matrix with (A.1), (A.3), (A.4) only", scenes=GENERIC, inverse=lengthened),
        variant("D^T D not inverted", scenes=GENERIC, inverse=gram),
    ],
)
def test_gram_matrix_between_its_pseudoinverses_cancels(
    at: Point, inverse: Matrix = gram_inverse
) -> Ratio:
    return same(at, inverse(at), inverse(at) @ gram(at) @ inverse(at), power=2)


@claim(
    "chenewald2024/eq-2.26/b",
    scenes=SCENES,
    columns=SQUARED,
    controls=[
        variant("D in the place of D^T D", scenes=SQUARE, matrix=lambda at: at.D, inverse=plus),
        variant("D D^T in one of the two places", scenes=SQUARE, inverse=outer_inverse),
    ],
)
def test_gram_matrix_commutes_with_its_pseudoinverse(
    at: Point, matrix: Matrix = gram, inverse: Matrix = gram_inverse
) -> Ratio:
    m, m_plus = matrix(at), inverse(at)
    return same(at, m_plus @ m @ m_plus, m @ m_plus @ m_plus, power=2)


@claim(
    "chenewald2024/eq-2.26/c",
    scenes=SCENES,
    columns=SQUARED,
    controls=[
        variant(
            "D^+ D^+ (D^T)^+ (D^T)^+", scenes=SQUARE, line=lambda d, x, c: d.T @ (d @ x @ x @ c @ c)
        ),
        variant("D^T left out", scenes=SQUARE, line=lambda d, x, c: d @ x @ c @ x @ c),
        variant("a pair D^+ (D^T)^+ left out", scenes=GENERIC, line=lambda d, x, c: d.T @ (d @ x @ c)),
    ],
)
def test_second_line_of_the_direction_equals_the_third(
    at: Point, line: Product = lambda d, x, c: d.T @ (d @ x @ c @ x @ c)
) -> Ratio:
    second = gram(at) @ gram_inverse(at) @ gram_inverse(at)
    return same(at, second, line(at.D, plus(at), transposed_plus(at)), power=3)


@claim(
    "chenewald2024/eq-2.26/d",
    scenes=SCENES,
    columns=SQUARED,
    controls=[
        variant("(D^T D)^+ in the place of (D D^T)^+", scenes=SQUARE, outer=gram_inverse),
        variant("D D^T not inverted", scenes=GENERIC, outer=lambda at: at.D @ at.D.T),
    ],
)
def test_third_line_of_the_direction_equals_the_fourth(
    at: Point, outer: Matrix = outer_inverse
) -> list[Ratio]:
    d, x, c = at.D, plus(at), transposed_plus(at)
    third, fourth = d.T @ (d @ x @ c @ x @ c), d.T @ (d @ x @ outer(at) @ c)
    return [same(at, c @ x, outer(at), power=2), same(at, third, fourth, power=3)]


@claim(
    "chenewald2024/eq-2.26/e",
    scenes=SCENES,
    columns=SQUARED,
    controls=[
        variant("plus D^T psi~", scenes=GENERIC, sign=1),
        variant(
            "psi~ without (D D^T)^+", scenes=GENERIC,
            psi=lambda at, gradient: transposed_plus(at) @ gradient,
        ),
    ],
)  # fmt: skip
def test_adapted_direction_is_minus_the_transpose_of_the_explicit_psi(
    at: Point, psi: Callable[[Point, Array], Array] = explicit_psi, sign: int = -1
) -> list[Ratio]:
    fourth = -at.D.T @ (at.D @ plus(at) @ outer_inverse(at) @ transposed_plus(at))
    ratios = []
    # (2.26) makes no use of grad_theta C being in ran D^T.
    for gradient in (*(pull(at, g) for g in covectors(at)), at.random(at.D.shape[1])):
        last = sign * pull(at, psi(at, gradient))
        scale = at.arithmetic.largest(gram_inverse(at)) * at.arithmetic.largest(gradient)
        ratios += [
            identity(line, last, scale=scale, size=at.size, condition=at.kappa**2)
            for line in (fourth @ gradient, -gram_inverse(at) @ gradient)
        ]
    return ratios


# (2.27)-(2.28)


def adapted_velocity(at: Point, g: Array) -> Array:
    """Return D theta' for theta' = -(D^T D)^+ grad_theta C."""
    return push(at, -gram_inverse(at) @ pull(at, g))


@claim(
    "chenewald2024/eq-2.27-2.28/a",
    scenes=(*SCENES, *FULL_RANK[:2], *BORDERLINE),
    columns=SQUARED,
    controls=[
        variant("projector onto ran D^T D", scenes=SQUARE, spanned=lambda at: at.D.T),
        variant("unconstrained, -grad_x C", scenes=GENERIC, project=lambda p, g: g),
        variant("the other part of grad_x C", scenes=GENERIC, project=lambda p, g: g - p @ g),
        variant(
            "standard flow", scenes=GENERIC, velocity=lambda at, g: -push(at, pull(at, g))
        ),
    ],
)  # fmt: skip
def test_adapted_flow_moves_the_outputs_by_the_projected_gradient(
    at: Point,
    velocity: Callable[[Point, Array], Array] = adapted_velocity,
    spanned: Matrix = lambda at: at.D,
    project: Callable[[Array, Array], Array] = lambda p, g: p @ g,
) -> list[Ratio]:
    p = orthogonal_projector(at, spanned(at))
    return [along(at, velocity(at, g), -project(p, g), g, power=2) for g in covectors(at)]


@claim(
    "chenewald2024/eq-2.27-2.28/a",
    "chenewald2024/abstract/a",
    scenes=(*RANK_LOST, IRIS_TWINS, FULL_RANK[0]),
    columns=ORBITS,
    controls=[
        variant("unconstrained, -grad_x C", scenes=RANK_LOST, law=unconstrained),
        variant("standard flow", scenes=RANK_LOST, flow=lambda rank: standard_field),
    ],
)
def test_outputs_travel_as_the_constrained_flow_says(
    at: Point,
    flow: Callable[[int], Field] = from_parameter_gradient,
    law: Callable[[int], Velocity] = constrained,
) -> list[Ratio]:
    return outputs_move_by(at, flow(at.rank), law(at.rank), end=1.0)


@claim(
    "chenewald2024/eq-2.27-2.28/a",
    scenes=TRAINING,
    columns=LARGE_ORBITS,
    controls=[variant("rate 2/N", scenes=TRAINING[:1], rate=2.0)],
)
def test_real_data_of_full_rank_follow_the_unconstrained_flow(at: Point, rate: float = 1.0) -> Ratio:
    return outputs_law(at, at.orbit(end=END), rate)


# Recall of [Che23, Theorem 4.2]


def literal(at: Point, gradient: Array) -> Array:
    """Return -(D^T D)^+ grad_theta C."""
    return -gram_inverse(at) @ gradient


@claim(
    "chenewald2024/recall-che23-theorem-4.2/a",
    "chenewald2024/abstract/e",
    scenes=(*CRITICAL, *CRITICAL_EXACT, *SCENES, FULL_RANK_EXACT[1], *BORDERLINE),
    columns=(FLOAT64, MP50, RATIONAL),
    controls=[
        variant("a cost of theta and x", scenes=CRITICAL_EXACT[:6], added=outside_of_range),
        variant("-grad_x C for the adapted field", scenes=CRITICAL[:2], field=lambda at, gradient: at.g),
        variant("the adapted field of targets 2 y", scenes=CRITICAL[:2],
                field=lambda at, gradient: literal(at, gradient - pull(at, at.y / at.number(at.N)))),
    ],
)  # fmt: skip
def test_standard_and_adapted_flow_rest_at_the_same_points(
    at: Point,
    field: Callable[[Point, Array], Array] = literal,
    added: Callable[[Point], Array] | None = None,
) -> list[Ratio]:
    t, s = squared(at.D), squared(plus(at))
    ratios = []
    for g in approaches(at):
        gradient = pull(at, g) + (added(at) if added else 0)
        standard, adapted = -gradient, field(at, gradient)
        ratios += [
            at_most(at, adapted, s**2, standard, s, "adapted against standard"),
            at_most(at, standard, t**2, adapted, t, "standard against adapted"),
        ]
    return ratios
