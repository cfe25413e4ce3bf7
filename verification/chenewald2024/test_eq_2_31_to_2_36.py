"""(2.31)-(2.36): the ends of the family V_(theta, alpha), A_(theta, alpha) > 0, kernels at alpha = 1.

A = alpha (D^T D)^+ + (1 - alpha) 1 has the eigenvalues alpha / sigma_i^2 + 1 - alpha on ran D^T and
1 - alpha on ker D: for alpha < 1 it is positive definite at every theta, whatever the rank of D. At
alpha = 1 it is so only where D is injective; then grad_theta C = D^T g must be used, g = grad_x C:

    grad_theta C = D^+ D grad_theta C,                                                 (2.35)
    ker (D^T D)^+ = ker (D^T D)^T = ker D^T D = ker D^+ D,                             (2.36)
    |grad_theta C| / T <= |(D^T D)^+ grad_theta C| <= S |grad_theta C|

with T = tr D^T D, S = |D^+|^2. A cost that sees more of theta than x has gradients outside of ran D^T,
and for it neither (2.35) nor the last line is true.

The ends hold in the limit as well: with one W = (1 - (D^T D)^+) grad_theta C, V_alpha = V_0 + alpha W
and V_alpha = V_1 - (1 - alpha) W. Positivity is seen from the pivots of A, each of which is at least
the smallest eigenvalue; kernels come from elimination.
"""

from collections.abc import Callable, Iterable

from geomdl import homotopy_field, pseudoinverse
from geomdl.arithmetic import Array
from verification.chen2023.equilibria import at_most, weakest_direction
from verification.chenewald2024.constrained_gradients import (
    EXACT_OR_BOTH,
    GENERIC,
    NETWORKS,
    definite,
    gram,
    least_resolved,
    outer_inverse,
    problems,
)
from verification.chenewald2024.families import (
    Family,
    alphas,
    approaches,
    exchanged,
    gram_inverse,
    interpolated,
    outside_of_range,
    with_wrong_sign,
    without_inverse,
)
from verification.chenewald2024.matrices import (
    SCENES,
    SQUARE,
    SQUARED,
    Matrix,
    kernel,
    orthogonal_projector,
    plus,
    range_projector,
    row_projector,
    vanishes_on,
)
from verification.machinery.checks import claim, variant
from verification.machinery.columns import ALGEBRAIC
from verification.machinery.points import Point
from verification.machinery.ratios import Ratio, bound, identity, property_
from verification.scenes.critical_exact import CRITICAL
from verification.scenes.networks import RANK_LOST
from verification.scenes.pieces import pull, squared


def of_size(at: Point, left: Array, right: Array, note: str) -> Ratio:
    """Measure equality of two vectors in parameter space in the unit of both ends of the family."""
    sizes = abs(at.D.T) @ abs(at.g)
    scale = at.arithmetic.largest(sizes) + at.arithmetic.largest(abs(gram_inverse(at)) @ sizes)
    return identity(left, right, scale=scale, size=at.size, condition=at.kappa, note=note)


def near_the_end(at: Point, end: Array, other: Array, family: Family, towards_one: bool) -> list[Ratio]:
    """Measure that the family leaves an end in proportion to alpha, or 1 - alpha, towards the other."""
    ratios = []
    for alpha in alphas(at):
        left = 1 - alpha if towards_one else alpha
        found = family(at, alpha, pull(at, at.g))
        ratios.append(of_size(at, found - end, left * (other - end), f"alpha {float(alpha)}"))
    return ratios


@claim(
    "chenewald2024/eq-2.31-2.34/a",
    scenes=(*NETWORKS, *SCENES),
    columns=SQUARED,
    controls=[
        variant("alpha and 1 - alpha exchanged", scenes=GENERIC, family=exchanged),
        variant("the standard part uphill", scenes=GENERIC, family=with_wrong_sign),
    ],
)
def test_family_starts_at_minus_the_gradient(at: Point, family: Family = interpolated) -> list[Ratio]:
    zero, standard = at.number(0), -at.D.T @ at.g
    ratios = [of_size(at, family(at, zero, pull(at, at.g)), standard, "V_0")]
    if not at.is_matrix:
        ratios.append(of_size(at, homotopy_field(0)(at.problem, at.theta), standard, "of the package"))
    return ratios + near_the_end(at, standard, -plus(at) @ at.g, family, towards_one=False)


@claim(
    "chenewald2024/eq-2.31-2.34/b",
    scenes=(*NETWORKS, *SCENES),
    columns=SQUARED,
    controls=[
        variant("alpha and 1 - alpha exchanged", scenes=GENERIC, family=exchanged),
        variant("D^T D not inverted", scenes=GENERIC, family=without_inverse),
    ],
)
def test_family_ends_at_the_adapted_direction(at: Point, family: Family = interpolated) -> list[Ratio]:
    # -(D^T D)^+ grad_theta C in two ways that do not form D^T D: D^+ (D^+)^T D^T g and D^+ g.
    one, adapted = at.number(1), -plus(at) @ (plus(at).T @ pull(at, at.g))
    ratios = [
        of_size(at, family(at, one, pull(at, at.g)), adapted, "V_1"),
        of_size(at, adapted, -at.pinv.apply(at.g), "-D^+ g"),
    ]
    if not at.is_matrix:
        ratios.append(of_size(at, homotopy_field(1)(at.problem, at.theta), adapted, "of the package"))
    return ratios + near_the_end(at, adapted, -at.D.T @ at.g, family, towards_one=True)


def operator(at: Point, alpha: Array) -> Array:
    """Return A = alpha (D^T D)^+ + (1 - alpha) 1, (2.32)."""
    return alpha * gram_inverse(at) + (1 - alpha) * at.eye(at.D.shape[1])


def opposed(at: Point, alpha: Array) -> Array:
    """Return A with a minus in front of the identity."""
    return alpha * gram_inverse(at) - (1 - alpha) * at.eye(at.D.shape[1])


def skew(at: Point, alpha: Array) -> Array:
    """Return A with the matrix D^+ in the place of (D^T D)^+, which is not symmetric."""
    return alpha * plus(at) + (1 - alpha) * at.eye(at.D.shape[1])


def below_one(at: Point) -> list[Array]:
    """Return values of alpha in [0, 1): 0 and what is as close to 1 as rounding errors of A allow."""
    return [at.number(0), at.number(1, 4), 1 - least_resolved(at, gram_inverse(at), power=2)]


@claim(
    "chenewald2024/eq-2.31-2.34/c",
    scenes=(*NETWORKS, *SCENES),
    columns=EXACT_OR_BOTH,
    controls=[
        variant("alpha = 1", scenes=(*GENERIC, *CRITICAL[:6]), chosen=lambda at: [at.number(1)]),
        variant("alpha > 1", scenes=(*GENERIC, *CRITICAL[:6]), chosen=lambda at: [at.number(3, 2)]),
        variant("1 - alpha subtracted", scenes=GENERIC, matrix=opposed),
        variant("D^+ in the place of (D^T D)^+", scenes=SQUARE, matrix=skew),
    ],
)
def test_operator_is_positive_definite_below_one(
    at: Point,
    chosen: Callable[[Point], list[Array]] = below_one,
    matrix: Callable[[Point, Array], Array] = operator,
) -> list[Ratio]:
    ratios = []
    for alpha in chosen(at):
        a = matrix(at, alpha)
        ratios += [
            identity(a, a.T, size=at.size, condition=at.kappa**2, note="symmetric"),
            *definite(at, a, 1 - alpha, power=2),
        ]
    return ratios


# (2.35)


def with_decay(at: Point, gradient: Array) -> Array:
    """Add the gradient of |theta|^2 / 2, which does not depend on theta through x alone."""
    return gradient + at.theta


def and_outside(at: Point, gradient: Array) -> Array:
    """Add a vector of ker D: the gradient of a cost that sees more of theta than x."""
    return gradient + outside_of_range(at)


Change = Callable[[Point, Array], Array]


@claim(
    "chenewald2024/eq-2.35/a",
    scenes=(*NETWORKS, *SCENES),
    columns=ALGEBRAIC,
    controls=[
        variant("weight decay added to the cost", scenes=RANK_LOST, change=with_decay),
        variant("a cost of theta and x", scenes=GENERIC, change=and_outside),
        variant("D D^+ in the place of D^+ D", scenes=SQUARE, projector=range_projector),
        variant("D^T D in the place of D^+ D", scenes=GENERIC, projector=gram),
    ],
)
def test_parameter_gradient_lies_in_the_range_of_the_transpose(
    at: Point, projector: Matrix = row_projector, change: Change | None = None
) -> list[Ratio]:
    gradients = [pull(at, at.g), pull(at, at.random(len(at.D)))]
    if not at.is_matrix:
        gradients += [problem.gradient(at.theta) for problem in problems(at)]
    onto_rows = orthogonal_projector(at, at.D.T)
    # At critical points what is left of the gradient is rounding: the unit is that of its terms.
    terms = at.arithmetic.largest(abs(at.D.T) @ abs(at.g))
    ratios = []
    for each in gradients:
        gradient = each if change is None else change(at, each)
        scale = terms + at.arithmetic.largest(gradient)
        ratios += [
            identity(gradient, image, scale=scale, size=at.size, condition=at.kappa, note=note)
            for image, note in (
                (projector(at) @ gradient, "D^+ D grad_theta C"),
                (onto_rows @ gradient, "ran D^T by Gram-Schmidt"),
            )
        ]
    return ratios


# (2.36)


def one_kernel(at: Point, left: Array, right: Array) -> list[Ratio]:
    """Measure that each of two matrices vanishes on the kernel of the other."""
    of_left, of_right = kernel(at, left), kernel(at, right)
    return [
        property_(of_left.shape == of_right.shape, "equal dimensions"),
        vanishes_on(at, left, of_right, power=2),
        vanishes_on(at, right, of_left, power=2),
    ]


def comparable(at: Point, left: Array, right: Array, upper: Array, lower: Array) -> list[Ratio]:
    """Measure |left v|^2 <= upper |right v|^2 and |right v|^2 <= lower |left v|^2."""
    # Attained at rank 1: 2 for the rounding.
    v = at.random(at.D.shape[1])
    return [
        bound(squared(left @ v), 2 * upper * squared(right @ v), note="left by right"),
        bound(squared(right @ v), 2 * lower * squared(left @ v), note="right by left"),
    ]


@claim(
    "chenewald2024/eq-2.36/a",
    scenes=SCENES,
    columns=SQUARED,
    controls=[
        variant("(D D^T)^+ in the place of (D^T D)^+", scenes=SQUARE, inverse=outer_inverse),
        variant("D^+ in the place of (D^T D)^+", scenes=SQUARE, inverse=plus),
    ],
)
def test_inverse_gram_matrix_and_transposed_gram_matrix_have_one_kernel(
    at: Point, inverse: Matrix = gram_inverse
) -> list[Ratio]:
    m, m_plus = gram(at).T, inverse(at)
    t, s = squared(at.D), squared(plus(at))
    return [*one_kernel(at, m_plus, m), *comparable(at, m_plus, m, s**4, t**4)]


@claim(
    "chenewald2024/eq-2.36/b",
    scenes=SCENES,
    columns=SQUARED,
    controls=[
        variant("D in the place of D^T D", scenes=SQUARE, matrix=lambda at: at.D),
        variant("(D^T D) W", scenes=GENERIC, matrix=lambda at: gram(at) @ at.random(*gram(at).shape)),
    ],
)
def test_gram_matrix_and_its_transpose_have_one_kernel(at: Point, matrix: Matrix = gram) -> list[Ratio]:
    # ker M^T is what is orthogonal to ran M.
    m = matrix(at)
    onto_range = orthogonal_projector(at, m)
    return [
        vanishes_on(at, onto_range, kernel(at, m), power=2),
        identity(m, m @ onto_range, size=at.size, condition=at.kappa**2, note="M on ran M alone"),
        vanishes_on(at, m, kernel(at, m.T), power=2),
    ]


@claim(
    "chenewald2024/eq-2.36/c",
    scenes=SCENES,
    columns=SQUARED,
    controls=[
        variant("D D^+ in the place of D^+ D", scenes=SQUARE, projector=range_projector),
        variant("D D^T in the place of D^T D", scenes=SQUARE, matrix=lambda at: at.D @ at.D.T),
    ],
)
def test_gram_matrix_and_row_projector_have_one_kernel(
    at: Point, matrix: Matrix = gram, projector: Matrix = row_projector
) -> list[Ratio]:
    m, p = matrix(at), projector(at)
    t, s = squared(at.D), squared(plus(at))
    return [*one_kernel(at, m, p), *comparable(at, m, p, t**2, s**2)]


def adapted(at: Point, gradient: Array) -> Array:
    """Return V_1 = -(D^T D)^+ grad_theta C."""
    return -gram_inverse(at) @ gradient


def of_lower_rank(at: Point, gradient: Array) -> Array:
    """Return V_1 with the smallest nonzero singular value taken for zero."""
    inverse = pseudoinverse(at.D, rank=at.rank - 1).matrix()
    return -inverse @ (inverse.T @ gradient)


@claim(
    "chenewald2024/eq-2.36/d",
    scenes=(*NETWORKS, *SCENES),
    columns=EXACT_OR_BOTH,
    controls=[
        variant("a cost of theta and x", scenes=CRITICAL[:6], change=and_outside),
        variant(
            "a rank too low",
            scenes=RANK_LOST,
            field=of_lower_rank,
            points=lambda at: [weakest_direction(at)],
        ),
    ],
)
def test_adapted_direction_vanishes_exactly_where_the_gradient_does(
    at: Point,
    field: Callable[[Point, Array], Array] = adapted,
    points: Callable[[Point], Iterable[Array]] = approaches,
    change: Change | None = None,
) -> list[Ratio]:
    t, s = squared(at.D), squared(plus(at))
    ratios = []
    for g in points(at):
        gradient = pull(at, g) if change is None else change(at, pull(at, g))
        v = field(at, gradient)
        ratios += [
            at_most(at, v, s**2, gradient, s, "V_1 by the gradient"),
            at_most(at, gradient, t**2, v, t, "the gradient by V_1"),
        ]
    return ratios
