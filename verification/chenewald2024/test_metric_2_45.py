"""Remark with (2.45): the interpolated flow of the outputs as a gradient flow for a family of metrics.

At rank QN, V_(x, alpha) = D V_(theta, alpha) = -(alpha 1 + (1 - alpha) D D^T) grad_x C. At one theta,
-V is the gradient of C for the inner product G_alpha = (alpha 1 + (1 - alpha) D D^T)^-1; V itself, as
printed, is minus the gradient, for every alpha. For alpha = 1 the tensor is the Euclidean one. For
alpha < 1 it inherits from D D^T that it has many values at one x (test_induced_metric): it is a metric
on output space where D D^T has one value on every fibre, and only there the family joins the Euclidean
structure with one induced by parameter space, |v|^2 = min |u|^2 over D u = v. What is affine in alpha
is the inverse of the tensor; the tensor itself is convex:
|v|^2_alpha <= alpha |v|^2_1 + (1 - alpha) |v|^2_0.
"""

from collections.abc import Callable, Iterator
from typing import Any

from geomdl import homotopy_field
from geomdl.arithmetic import Array
from verification.chen2023.moves import CURVED, SINGLE_VALUED, Move, differential, kernel_at, stay
from verification.machinery.checks import claim, variant
from verification.machinery.columns import ALGEBRAIC
from verification.machinery.points import Point
from verification.machinery.ratios import Ratio, bound, identity
from verification.scenes.induced import AFFINE, HIDDEN_EXACT, move_in_fibre
from verification.scenes.networks import BORDERLINE, FULL_RANK, FULL_RANK_EXACT, SMALLEST

SCENES = (*HIDDEN_EXACT, FULL_RANK_EXACT[1], AFFINE[0], FULL_RANK[0], *BORDERLINE, *SMALLEST)
ALPHAS = ((0, 1), (1, 4), (1, 2), (7, 8), (1, 1))
Tensor = Callable[[Point, Any, Array], Array]


def alphas(at: Point) -> Iterator[Any]:
    """Yield values of alpha in this arithmetic, the end points included."""
    for numerator, denominator in ALPHAS:
        yield at.number(numerator, denominator)


def inverse_tensor(at: Point, alpha: Any, theta: Array) -> Array:
    """Return alpha 1 + (1 - alpha) D D^T at theta."""
    return alpha * at.eye(len(at.y)) + (1 - alpha) * kernel_at(at, theta)


def exchanged(at: Point, alpha: Any, theta: Array) -> Array:
    """Return the family run through backwards."""
    return inverse_tensor(at, 1 - alpha, theta)


def interpolated_tensors(at: Point, alpha: Any, theta: Array) -> Array:
    """Return the inverse of alpha 1 + (1 - alpha) (D D^T)^-1, which interpolates the tensors."""
    return at.inverse(alpha * at.eye(len(at.y)) + (1 - alpha) * at.inverse(kernel_at(at, theta)))


def not_inverted(at: Point, alpha: Any, theta: Array) -> Array:
    """Return the inverse of the tensor alpha 1 + (1 - alpha) D D^T."""
    return at.inverse(inverse_tensor(at, alpha, theta))


def output_velocity(at: Point, alpha: Any) -> Array:
    """Return V_(x, alpha) = D V_(theta, alpha)."""
    return at.at_theta.push(homotopy_field(alpha, rank=at.rank)(at.problem, at.theta))


@claim(
    "chenewald2024/metric-2.45/a",
    scenes=SCENES,
    columns=ALGEBRAIC,
    controls=[
        variant("alpha and 1 - alpha exchanged", sign=-1, inverse=exchanged),
        variant("the tensors interpolated", sign=-1, inverse=interpolated_tensors),
    ],
    refuted=[
        variant("printed without the minus sign", scenes=SCENES),
        variant("another theta of the fibre", scenes=CURVED, sign=-1, move=move_in_fibre),
    ],
    corrected=[variant("minus the gradient, for the inner product of this theta", sign=-1)],
)
def test_interpolated_velocity_is_the_gradient_for_the_interpolated_tensor(
    at: Point, sign: int = 1, move: Move = stay, inverse: Tensor = inverse_tensor
) -> list[Ratio]:
    slopes, theta = differential(at), move(at)
    scale = (at.arithmetic.largest(at.x) + at.arithmetic.largest(at.y)) / at.N
    ratios = []
    for alpha in alphas(at):
        lowered = at.arithmetic.solve(inverse(at, alpha, theta), sign * output_velocity(at, alpha))
        ratios.append(
            identity(
                lowered, slopes, scale=scale, size=at.size, condition=at.kappa**2, note=f"alpha {alpha}"
            )
        )
    return ratios


@claim(
    "chenewald2024/metric-2.45/b",
    scenes=SINGLE_VALUED,
    columns=ALGEBRAIC,
    controls=[
        variant("alpha and 1 - alpha exchanged", inverse=exchanged),
        variant("D D^T not inverted", inverse=not_inverted),
    ],
    refuted=[variant("a hidden layer and K > QN", scenes=(*CURVED, FULL_RANK[3]))],
)
def test_tensors_join_the_euclidean_metric_with_the_one_that_parameters_induce(
    at: Point, inverse: Tensor = inverse_tensor
) -> list[Ratio]:
    a, elsewhere, c = at.arithmetic, move_in_fibre(at), at.random(len(at.y))
    v = kernel_at(at, at.theta) @ c
    lift, squares = at.pinv.apply(v), (at.D * at.D).sum()
    euclidean, induced = v @ v, lift @ lift
    # Solving with D D^T leaves kappa^2 units of |v| |c|, of which |v|^2_0 = v . c may be a small part.
    terms = abs(v) @ abs(c) + euclidean
    unit: dict[str, Any] = {"size": at.size, "condition": at.kappa**2}
    slack = 100 * at.size * at.kappa**2 * a.unit_roundoff * float(terms / induced)
    ratios = []
    for alpha in alphas(at):
        square = v @ a.solve(inverse(at, alpha, elsewhere), v)
        chord = alpha * euclidean + (1 - alpha) * induced
        steepest = alpha + (1 - alpha) * squares
        ratios += [
            bound(square, chord, slack=slack, note=f"convex, alpha {alpha}"),
            bound(euclidean, steepest * square, slack=slack, note=f"positive, alpha {alpha}"),
        ]
        if alpha == 0:
            ratios.append(identity(square, induced, scale=terms, note="the induced end", **unit))
        if alpha == 1:
            ratios.append(identity(square, euclidean, scale=terms, note="the Euclidean end", **unit))
    return ratios
