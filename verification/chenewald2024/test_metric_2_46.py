"""Remark with (2.46): a bundle metric on ran(D D^T) where rank D < QN.

With A = alpha 1 + (1 - alpha) D D^T, which maps ran D onto itself, h_alpha(v, w) = v . A^-1 w.

(a) h_alpha(v, -V_(x, alpha)) = dC(v) for all v in ran D: (2.41) is the gradient of -C. It is defined
along theta(s), not as a field of x.

(b) A = D D^T at alpha = 0, the standard flow, has no inverse on R^(QN) that could be restricted, as the
notation has it. Restricted to ran D first, A can be inverted for all alpha in [0, 1].

(c) The triple (R^(QN), V, h_alpha) is not there. D depends on theta: the tensor takes different values
at theta with the same x unless alpha = 1. Where the rank r < QN is constant, the outputs fill a
manifold of dimension r only, V is its tangent bundle (so that it depends on x only, locally, and is
integrable), and it lives there, not on R^(QN). Where the rank jumps there is no bundle. What there
is: over an open set U of R^K of constant rank, the fibres ran D[theta] form a subbundle of rank r of
the pullback x^* T R^(QN), with a family of metrics h_alpha.
"""

from collections.abc import Callable
from typing import Any

from geomdl import pseudoinverse
from geomdl.arithmetic import Array
from geomdl.fibres import move_in_level_set
from verification.chenewald2024.families import Family, alphas, complement_kept, printed
from verification.machinery.checks import claim, variant
from verification.machinery.columns import ALGEBRAIC, FLOAT64, POINTWISE, RATIONAL
from verification.machinery.points import Point
from verification.machinery.ratios import Ratio, bound, identity, property_
from verification.scenes.bundles import APART
from verification.scenes.critical_exact import CRITICAL_RANK_LOST, RANK_CHANGES
from verification.scenes.matrices import DEFICIENT, FULL_COLUMN_RANK
from verification.scenes.networks import RANK_LOST, UNDER, network_scene, rank_of
from verification.scenes.pieces import squared

SCENES = (*RANK_LOST, *UNDER[:2], *CRITICAL_RANK_LOST[:2], *DEFICIENT[2:], *FULL_COLUMN_RANK)
NARROW = (
    *RANK_LOST,
    network_scene([2, 1, 2], "sigmoid", 3, rank=5, facts=["rank lost", "over"]),
    network_scene([3, 1, 2], "softplus", 4, rank=6, facts=["rank lost"]),
)
"""Rank below QN for every theta, constant nearby, with a moving range."""


def range_basis(at: Point) -> Array:
    """Return columns that span ran D, found without a pseudoinverse; orthonormal unless exact."""
    if at.arithmetic.exact:
        return at.arithmetic.rank_factorization(at.D)[0]
    return at.arithmetic.pivoted_qr(at.D)[0][:, : at.rank]


def interpolated(at: Point, alpha: Any, jacobian: Array | None = None) -> Array:
    """Return A = alpha 1 + (1 - alpha) D D^T."""
    d = at.D if jacobian is None else jacobian
    return alpha * at.eye(len(d)) + (1 - alpha) * (d @ d.T)


def lowered(at: Point, alpha: Any, vector: Array) -> Array:
    """Return w in ran D with A w = v for v in ran D, so that h_alpha(u, v) = u . w."""
    basis = range_basis(at)
    restricted = basis.T @ interpolated(at, alpha) @ basis
    return basis @ at.arithmetic.solve(restricted, basis.T @ vector)


@claim(
    "chenewald2024/metric-2.46/a",
    scenes=SCENES,
    columns=ALGEBRAIC,
    controls=[
        variant("the field of ascent", scenes=(*RANK_LOST, *UNDER[:2], *DEFICIENT[2:]),
                field=lambda at, alpha, g: -printed(at, alpha, g)),
        variant("alpha and 1 - alpha exchanged", scenes=(*RANK_LOST, *UNDER[:2]),
                field=lambda at, alpha, g: printed(at, 1 - alpha, g)),
        variant("projector left out", scenes=(*RANK_LOST, *UNDER[:2], *CRITICAL_RANK_LOST[:2]),
                field=complement_kept),
        variant("the Euclidean gradient in the fibre", scenes=(*RANK_LOST, *UNDER[:2]),
                field=lambda at, alpha, g: printed(at, at.number(1), g)),
    ],
)  # fmt: skip
def test_interpolated_field_is_a_gradient_for_the_bundle_metric(
    at: Point, field: Family = printed
) -> list[Ratio]:
    basis, longest, found = range_basis(at), squared(at.D), []
    projector = at.pinv.range_projector()
    for alpha in alphas(at):
        velocity = field(at, alpha, at.g)
        unit: dict[str, Any] = {"size": at.size, "condition": at.kappa**2, "note": f"alpha {alpha}"}
        scale = at.arithmetic.largest(basis) * at.arithmetic.largest(at.g)
        size = at.arithmetic.largest(at.g) * (alpha + (1 - alpha) * longest)
        w = lowered(at, alpha, -velocity)
        found += [
            identity(basis.T @ w, basis.T @ at.g, scale=scale, **unit),
            identity(projector @ velocity, velocity, scale=size, **unit),
        ]
    return found


def restricted_first(at: Point, alpha: Any, basis: Array) -> Array:
    """Return the form of (A restricted to the span of the basis)^-1 on that basis."""
    gram = basis.T @ basis
    return gram @ at.arithmetic.solve(basis.T @ interpolated(at, alpha) @ basis, gram)


def inverted_first(at: Point, alpha: Any, basis: Array) -> Array:
    """Return the form of A^-1, the inverse on all of R^(QN), on the basis."""
    return basis.T @ at.inverse(interpolated(at, alpha)) @ basis


def kernel_basis(at: Point) -> Array:
    """Return columns that span the orthogonal complement of ran D, over the rationals."""
    complement = at.eye(len(at.D)) - at.pinv.range_projector()
    return at.arithmetic.rank_factorization(complement)[0]


Tensor = Callable[[Point, Any, Array], Array]


@claim(
    "chenewald2024/metric-2.46/b",
    scenes=SCENES,
    columns=ALGEBRAIC,
    controls=[
        variant("on the complement of ran D", scenes=DEFICIENT[2:], columns=[RATIONAL],
                basis=kernel_basis),
        variant("A itself", scenes=SCENES[:6],
                tensor=lambda at, alpha, basis: basis.T @ interpolated(at, alpha) @ basis),
        variant("alpha and 1 - alpha exchanged", scenes=SCENES[:6],
                tensor=lambda at, alpha, basis: restricted_first(at, 1 - alpha, basis)),
    ],
    refuted=[variant("inverted before it is restricted", scenes=SCENES, tensor=inverted_first)],
)  # fmt: skip
def test_tensor_is_defined_for_all_alpha(
    at: Point, tensor: Tensor = restricted_first, basis: Callable[[Point], Array] = range_basis
) -> list[Ratio]:
    spanning, longest, found = basis(at), squared(at.D), []
    gram = spanning.T @ spanning
    for alpha in (at.number(0), at.number(1, 4), at.number(1, 2), at.number(3, 4), at.number(1)):
        form = tensor(at, alpha, spanning)
        operator = spanning.T @ interpolated(at, alpha) @ spanning
        size = at.arithmetic.largest(gram)
        coefficients = at.random(spanning.shape[1])
        vector = spanning @ coefficients
        found += [
            # the inverse of the operator on the fibre, in a basis with this Gram matrix
            identity(
                form @ at.arithmetic.solve(gram, operator), gram, scale=size, size=at.size,
                condition=at.kappa**2, note=f"alpha {alpha}",
            ),
            bound(
                squared(vector),
                2 * (alpha + (1 - alpha) * longest) * (coefficients @ form @ coefficients),
                note=f"positive definite, alpha {alpha}",
            ),
        ]  # fmt: skip
        if alpha != 0:
            whole = inverted_first(at, alpha, spanning)
            weakest = float(alpha + (1 - alpha) * longest) / float(alpha)
            found.append(
                identity(form, whole, scale=size / alpha, size=at.size,
                         condition=max(weakest, at.kappa**2), note="both readings agree")
            )  # fmt: skip
    return found


@claim(
    "chenewald2024/metric-2.46/c",
    scenes=NARROW,
    columns=POINTWISE,
    refuted=[variant("over R^(QN): the tensor as a function of x", scenes=NARROW)],
    corrected=[variant("over an open set of parameters", of_x=False)],
    controls=[
        variant("the rank of D changes", scenes=RANK_CHANGES, of_x=False),
        variant("theta moved across the level set", across=True, of_x=False),
    ],
)
def test_ranges_form_a_bundle_with_a_family_of_metrics(
    at: Point, of_x: bool = True, across: bool = False
) -> list[Ratio]:
    a, longest = at.arithmetic, squared(at.D)
    problem, theta = at.problem.to(FLOAT64.arithmetic), a.to_float64(at.theta)
    moves = at.generator.standard_normal((5, len(theta))) / 64
    nearby = {rank_of(problem, theta + move) for move in moves}
    found = [property_(nearby == {at.rank}, f"rank {at.rank}, nearby {nearby}")]
    if nearby != {at.rank}:
        return found
    for alpha in alphas(at, step=3):
        vector = range_basis(at) @ at.random(at.rank)
        length = vector @ lowered(at, alpha, vector)
        limit = 2 * (alpha + (1 - alpha) * longest) * length
        found.append(bound(squared(vector), limit, note="positive definite"))
    step = at.random(len(theta)) / 8
    moved = at.theta + step if across else move_in_level_set(at.at_theta, step, rank=at.rank)
    jacobian = at.problem.linearize(moved).jacobian()
    there = pseudoinverse(jacobian, rank=at.rank)
    kappa = max(at.kappa, there.condition)
    found += [
        bound(APART, a.largest(moved - at.theta), note="another theta"),
        identity(
            there.range_projector(), at.pinv.range_projector(), scale=a.number(1), size=at.size,
            condition=kappa**2, note="the tangent space of the image",
        ),
    ]  # fmt: skip
    if of_x:
        half = at.number(1, 2)
        found.append(
            identity(
                interpolated(at, half, jacobian), interpolated(at, half), scale=1 + longest,
                size=at.size, condition=kappa**2, note="the tensor at the same x",
            )
        )  # fmt: skip
    return found
