"""(2.37)-(2.41): the outputs of the alpha-flow.

With g = grad_x C and P the projector onto ran D D^T = ran D,

    x' = D V_(theta, alpha) = -(alpha D (D^T D)^+ D^T + (1 - alpha) D D^T) g
       = -(alpha P + (1 - alpha) D D^T) g = -(alpha 1 + (1 - alpha) D D^T) P g =: V_(x, alpha),

by D (D^T D)^+ D^T = D D^+ (D^T)^+ D^T = D D^+ = P and D D^T P = D D^T. V_(x, alpha) is a field along
the path: it depends on theta, not on x alone.
"""

import math
from collections.abc import Callable

from geomdl import Problem, homotopy_field, standard_field
from geomdl.arithmetic import Array
from geomdl.flows import Field
from geomdl.homotopy import output_operator
from verification.chenewald2024.constrained_gradients import (
    EVERYWHERE,
    GENERIC,
    outer_inverse,
    transposed_plus,
)
from verification.chenewald2024.families import (
    Family,
    alphas,
    gram_inverse,
    interpolated,
    without_inverse,
)
from verification.chenewald2024.family_orbits import a_few_relaxations, printed_velocity
from verification.chenewald2024.matrices import SQUARE, SQUARED, Matrix, orthogonal_projector, plus, same
from verification.chenewald2024.path_integrals import Velocity, outputs_move_by
from verification.machinery.checks import claim, variant
from verification.machinery.columns import ALGEBRAIC, ORBITS, POINTWISE
from verification.machinery.points import Point
from verification.machinery.ratios import Ratio, identity
from verification.scenes.networks import BORDERLINE, FULL_RANK, RANK_LOST, UNDER
from verification.scenes.obstructed import BORDERLINE_CLOSE
from verification.scenes.pieces import pull, push, squared

# (2.38), (2.40): motion


def shifted(at: Point) -> Array:
    """Return D at another theta."""
    return at.problem.linearize(at.theta + at.random(len(at.theta)) / at.number(8)).jacobian()


@claim(
    "chenewald2024/eq-2.38-2.41/a",
    scenes=(*FULL_RANK[:2], *RANK_LOST, *UNDER[:1], *BORDERLINE),
    columns=POINTWISE,
    controls=[
        variant("D at another theta", scenes=(FULL_RANK[0], *RANK_LOST), jacobian=shifted),
        variant("twice as fast", scenes=RANK_LOST, pace=2),
    ],
)
def test_outputs_of_the_alpha_flow_move_by_the_jacobian_of_its_field(
    at: Point, jacobian: Matrix = lambda at: at.D, pace: int = 1
) -> list[Ratio]:
    # h^3 = u, so that the remainder of a central difference is of the size of the roundoff.
    h = at.number(1, 2 ** round(-math.log2(at.arithmetic.unit_roundoff) / 3))
    ratios = []
    for alpha in alphas(at, step=3):
        v = homotopy_field(alpha, rank=at.rank)(at.problem, at.theta)
        direction = v / at.arithmetic.largest(v)
        moved = at.problem.stacked(at.theta + h * direction) - at.problem.stacked(
            at.theta - h * direction
        )
        scale = at.arithmetic.largest(at.D) + at.arithmetic.largest(at.x)
        expected = 2 * h * pace * (jacobian(at) @ direction)
        ratios.append(identity(moved, expected, scale=scale, size=at.size, note=f"alpha {float(alpha)}"))
    return ratios


ALPHAS = (0.25, 0.75)


def jacobian_times_field(alpha: float, rank: int) -> Velocity:
    """Return D V_(theta, alpha), (2.38)."""
    field = homotopy_field(alpha, rank=rank)
    return lambda problem, theta: problem.linearize(theta).push(field(problem, theta))


def unprojected_velocity(alpha: float, rank: int) -> Velocity:
    """Return (2.41) without its projector."""

    def velocity(problem: Problem, theta: Array) -> Array:
        at = problem.linearize(theta)
        gradient = problem.cost.gradient(problem.data, at.stacked)
        weight = at.arithmetic.array([alpha])[0]
        return -weight * gradient - (1 - weight) * at.push(at.pull(gradient))

    return velocity


def backwards(alpha: float, rank: int) -> Velocity:
    """Return (2.41) for 1 - alpha."""
    return printed_velocity(1 - alpha, rank)


@claim(
    "chenewald2024/eq-2.38-2.41/a",
    "chenewald2024/eq-2.38-2.41/e",
    scenes=(*RANK_LOST, FULL_RANK[0], BORDERLINE_CLOSE[0]),
    columns=ORBITS,
    controls=[
        variant("alpha and 1 - alpha exchanged", scenes=RANK_LOST[:1], laws=(backwards,)),
        variant("projector left out", scenes=RANK_LOST[:1], laws=(unprojected_velocity,)),
        variant("standard flow", scenes=RANK_LOST[:1], flow=lambda alpha, rank: standard_field),
    ],
)
def test_outputs_travel_along_the_alpha_flow_as_both_laws_say(
    at: Point,
    flow: Callable[[float, int], Field] = lambda alpha, rank: homotopy_field(alpha, rank=rank),
    laws: tuple[Callable[[float, int], Velocity], ...] = (jacobian_times_field, printed_velocity),
) -> list[Ratio]:
    return [
        ratio
        for alpha in ALPHAS
        for ratio in outputs_move_by(
            at,
            flow(alpha, at.rank),
            *(law(alpha, at.rank) for law in laws),
            end=a_few_relaxations(at, alpha),
        )
    ]


# (2.39)


@claim(
    "chenewald2024/eq-2.38-2.41/b",
    scenes=EVERYWHERE,
    columns=SQUARED,
    controls=[
        variant(
            "D D^T in the place of D in line 2", scenes=SQUARE,
            second=lambda d, m, a: a * d @ m + (1 - a) * d @ d.T,
        ),
        variant("(D D^T)^+ in line 3", scenes=SQUARE, inverse=outer_inverse),
        variant(
            "D^T D in the place of D D^T in line 3", scenes=SQUARE,
            third=lambda d, m, a: a * d @ m @ d.T + (1 - a) * d.T @ d,
        ),
        variant("D^T D not inverted", scenes=GENERIC, family=without_inverse),
    ],
)  # fmt: skip
def test_first_three_lines_agree(
    at: Point,
    family: Family = interpolated,
    inverse: Matrix = gram_inverse,
    second: Callable[..., Array] = lambda d, m, a: a * (d @ m) + (1 - a) * d,
    third: Callable[..., Array] = lambda d, m, a: a * (d @ m @ d.T) + (1 - a) * (d @ d.T),
) -> list[Ratio]:
    d, m = at.D, inverse(at)
    ratios = []
    for alpha in alphas(at, step=3):
        line_2, line_3 = -second(d, m, alpha), -third(d, m, alpha)
        for g in (at.g, at.random(len(d))):
            first = push(at, family(at, alpha, pull(at, g)))
            lines = {2: line_2 @ pull(at, g), 3: line_3 @ g}
            scale = at.arithmetic.largest(g) * (alpha + (1 - alpha) * squared(d))
            ratios += [
                identity(first, line, scale=scale, size=at.size, condition=at.kappa**2, note=f"line {n}")
                for n, line in lines.items()
            ]
    return ratios


@claim(
    "chenewald2024/eq-2.38-2.41/c",
    scenes=EVERYWHERE,
    columns=SQUARED,
    controls=[
        variant("(D D^T)^+ in the place of (D^T D)^+", scenes=SQUARE, inverse=outer_inverse),
        variant("D^T D not inverted", scenes=GENERIC, inverse=lambda at: at.D.T @ at.D),
        variant("projector onto ran D^T D", scenes=SQUARE, spanned=lambda at: at.D.T),
        variant("projector onto r coordinates", scenes=GENERIC, spanned=lambda at: at.eye(len(at.D))),
    ],
)
def test_inverse_gram_matrix_between_the_jacobians_is_the_projector(
    at: Point, inverse: Matrix = gram_inverse, spanned: Matrix = lambda at: at.D @ at.D.T
) -> list[Ratio]:
    d = at.D
    product = d @ inverse(at) @ d.T
    steps = {
        "(A.7)": d @ (plus(at) @ transposed_plus(at)) @ d.T,
        "(A.12)": d @ plus(at),
        "(A.8)": orthogonal_projector(at, spanned(at)),
    }
    return [
        identity(product, step, size=at.size, condition=at.kappa**2, note=name)
        for name, step in steps.items()
    ]


def kept_left(p: Array, k: Array, one: Array, alpha: Array) -> Array:
    """Return (alpha 1 + (1 - alpha) D D^T) P."""
    return (alpha * one + (1 - alpha) * k) @ p


@claim(
    "chenewald2024/eq-2.38-2.41/d",
    scenes=EVERYWHERE,
    columns=ALGEBRAIC,
    controls=[
        variant("without P", scenes=GENERIC, last=lambda p, k, one, a: a * one + (1 - a) * k),
        variant("1 - P", scenes=GENERIC, last=lambda p, k, one, a: kept_left(one - p, k, one, a)),
        variant("projector onto ran D^T D", scenes=SQUARE, spanned=lambda at: at.D.T),
        variant("alpha and 1 - alpha exchanged", scenes=GENERIC,
                last=lambda p, k, one, a: kept_left(p, k, one, 1 - a)),
    ],
)  # fmt: skip
def test_projector_can_be_taken_out_to_the_right(
    at: Point,
    last: Callable[[Array, Array, Array, Array], Array] = kept_left,
    spanned: Matrix = lambda at: at.D,
) -> list[Ratio]:
    p, k, one = orthogonal_projector(at, spanned(at)), at.D @ at.D.T, at.eye(len(at.D))
    ratios = []
    for alpha in alphas(at, step=3):
        line = alpha * p + (1 - alpha) * k
        ratios.append(same(at, line, last(p, k, one, alpha)))
        ratios.append(same(at, line, output_operator(at.D, alpha, rank=at.rank)))
    return ratios
