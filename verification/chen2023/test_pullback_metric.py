"""Section 2.3, (2.22)-(2.23): the bundle V = f^* TN, its metric h and the gradient that h defines.

f is the map theta -> x[theta]; the metric of outputs is any symmetric positive definite tensor G, not
only the Euclidean one, and F any function of theta, not only a function of the outputs.

(c) f_* V = D V and f^* w = D^T w, from differences of x alone. A vector w of TN can be pulled back to a
vector only with a metric on M, tacitly the Euclidean one of R^K; another one gives another bundle.

(a), (b) On range(D^T) the form h(V, W) = g(f_* V, f_* W) is positive definite, with |V|^2 <= |D^+|^2
|G^-1| h(V, V), so that (2.23) has exactly one solution in the fibre; outside it is not unique, since h
does not see ker D. The text asks for a smooth surjection f, and that is not enough: one hidden unit maps
R^4 onto R^2 and loses rank where both of its weights vanish. There the fibre has dimension 1 instead of
2, V is no vector bundle, and grad_h F is not continuous: it is unbounded nearby. A submersion is meant.
"""

from collections.abc import Callable

import numpy as np

from geomdl import pseudoinverse
from geomdl.arithmetic import Array
from geomdl.bundles import bundle_gradient, bundle_metric
from verification.machinery.checks import claim, variant
from verification.machinery.columns import ALGEBRAIC, POINTWISE
from verification.machinery.points import Point
from verification.machinery.ratios import Ratio, bound, identity, property_
from verification.scenes.bundles import (
    FOLDS,
    another_metric,
    any_differential,
    kernel_direction,
    probe,
    riesz,
    section,
    size_of_gradient,
    smallest_sigma,
)
from verification.scenes.networks import FULL_RANK, FULL_RANK_EXACT, RANK_LOST, SMALLEST, UNDER
from verification.scenes.pieces import push, squared

Vector = Callable[[Point], Array]
SCENES = (*FULL_RANK, *FULL_RANK_EXACT, *SMALLEST)
SLACK = 2
"""Room for rounding in bounds that are attained where D has rank 1."""


def indefinite(at: Point) -> Array:
    """Return a tensor of outputs that is no Riemannian metric: -1 in the first direction."""
    signs = np.ones(at.D.shape[0])
    signs[0] = -1
    return at.arithmetic.diagonal(at.arithmetic.array(signs))


@claim(
    "chen2023/pullback-metric/a",
    scenes=SCENES,
    columns=ALGEBRAIC,
    controls=[
        variant("V in the kernel of D", scenes=SCENES[:5], vector=kernel_direction),
        variant("g not positive", scenes=SMALLEST, metric=indefinite),
    ],
    refuted=[variant("a surjection that loses rank", scenes=FOLDS)],
)
def test_pullback_metric_is_positive_definite_on_fibres_of_dimension_n(
    at: Point, vector: Vector = section, metric: Vector = another_metric
) -> list[Ratio]:
    tensor = metric(at)
    inverse = at.pinv.matrix()
    # |V|^2 = |D^+ D V|^2 <= |D^+|^2 |L^-1|^2 |L^T D V|^2 for G = L L^T, in Frobenius norms
    most = squared(inverse) * abs(at.inverse(tensor).diagonal()).sum()
    found = [property_(at.rank == at.D.shape[0], f"fibres of dimension {at.rank}, n = {at.D.shape[0]}")]
    for _ in range(3):
        v, w = vector(at), section(at)
        length = bundle_metric(at.at_theta, v, v, metric=tensor)
        mixed = bundle_metric(at.at_theta, v, w, metric=tensor)
        found += [
            bound(squared(v), SLACK * most * length, note="positive definite"),
            identity(
                mixed,
                bundle_metric(at.at_theta, w, v, metric=tensor),
                scale=abs(push(at, v)) @ abs(tensor) @ abs(push(at, w)),
                size=at.size,
                note="symmetric",
            ),
        ]
    return found


@claim(
    "chen2023/pullback-metric/b",
    scenes=SCENES,
    columns=ALGEBRAIC,
    controls=[
        variant("V outside of the bundle", scenes=SCENES[:5], vector=any_differential),
        variant("the Euclidean gradient", gradient=lambda at, slope, tensor: slope),
        variant("without the metric of outputs", scenes=SCENES[:5],
                gradient=lambda at, slope, tensor: riesz(at, slope)),
        variant("a solution outside of the bundle", scenes=SCENES[:5],
                gradient=lambda at, slope, tensor: riesz(at, slope, tensor)
                + size_of_gradient(at, slope) * kernel_direction(at)),
    ],
    refuted=[variant("a surjection that loses rank", scenes=FOLDS)],
)  # fmt: skip
def test_one_section_of_the_bundle_represents_the_differential(
    at: Point,
    vector: Vector = section,
    gradient: Callable[[Point, Array, Array], Array] = riesz,
) -> list[Ratio]:
    a, tensor = at.arithmetic, another_metric(at)
    slope, differential = probe(at)
    found = gradient(at, slope, tensor)
    v = vector(at)
    outside = found - at.pinv.row_basis @ (at.pinv.row_dual @ found)
    scale = size_of_gradient(at, slope)
    ratios = [
        identity(
            differential(v),
            bundle_metric(at.at_theta, v, found, metric=tensor),
            scale=(abs(slope) @ abs(v)) + a.largest(at.theta) ** 2 + squared(v),
            size=at.size,
            condition=at.kappa**2,
            note="dF(V) = h(V, grad_h F)",
        ),
        identity(
            outside, 0 * outside, scale=scale, size=at.size, condition=at.kappa, note="in the fibre"
        ),
        identity(
            found,
            bundle_gradient(at.at_theta, slope, metric=tensor, rank=at.rank),
            scale=scale,
            size=at.size,
            condition=at.kappa**2,
            note="the formula with D^+",
        ),
        is_continuous(at, slope),
    ]
    # With another vector of the fibre added, (2.23) is missed, by its squared length / |D^+|^2 |G^-1|.
    other = riesz(at, any_differential(at), tensor)
    missed = abs(differential(other) - bundle_metric(at.at_theta, other, found + other, metric=tensor))
    most = squared(at.pinv.matrix()) * at.inverse(tensor).trace()
    return [*ratios, bound(squared(other), SLACK * most * missed, note="the only one")]


def is_continuous(at: Point, slope: Array) -> Ratio:
    """Compare grad_h F nearby with grad_h F at theta, F linear and g Euclidean.

    Where the rank is constant and |D' - D| <= sigma_r / 2, the pseudoinverse of D' is at most
    2 / sigma_r and moves by at most 2 sqrt(2) |D' - D| / sigma_r^2 (Wedin), hence grad_h F =
    D^+ D^+^T c by at most 6 sqrt(2) |c| |D' - D| / sigma_r^3.
    """
    sigma, move = smallest_sigma(at), at.random(len(at.theta)) / 64
    while True:
        nearby = at.problem.linearize(at.theta + move)
        step = float(squared(nearby.jacobian() - at.D)) ** 0.5
        if step <= sigma / 2:
            break
        move = move / 4
    change = bundle_gradient(nearby, slope) - bundle_gradient(at.at_theta, slope)
    limit = 6 * 2**0.5 * float(squared(slope)) ** 0.5 * step / sigma**3
    return bound(float(squared(change)) ** 0.5, limit, note="continuous in theta")


def along_a_curve(at: Point, direction: Array) -> tuple[Array, Array]:
    """Return x[theta + h V] - x[theta - h V] and 2 h, h^3 the roundoff: the remainder is as small."""
    h = at.number(1, 2 ** round(-np.log2(at.arithmetic.unit_roundoff) / 3))
    ahead, behind = (at.problem.stacked(at.theta + sign * h * direction) for sign in (1, -1))
    return ahead - behind, 2 * h


def weighted(at: Point, vector: Array) -> Array:
    """Apply the inverse of another metric of parameter space, diag(1, 2, 3, ...)."""
    return vector / at.arithmetic.array(np.arange(1, len(vector) + 1))


@claim(
    "chen2023/pullback-metric/c",
    "slides2023/bundle-gradient/a",
    scenes=(*FULL_RANK[:3], FULL_RANK_EXACT[0], *SMALLEST, *RANK_LOST, UNDER[0]),
    columns=POINTWISE,
    controls=[
        variant("the pullback with another metric on R^K", pull=lambda at, w: weighted(at, at.D.T @ w)),
        variant("the pushforward of the pullback with D^T D",
                forward=lambda at, v: at.D @ (at.D.T @ (at.D @ v))),
        variant("the fibre ker D", fibre=lambda at: at.eye(at.D.shape[1]) - at.pinv.row_projector()),
    ],
)  # fmt: skip
def test_fibre_is_the_range_of_the_transposed_jacobian(
    at: Point,
    forward: Callable[[Point, Array], Array] = lambda at, v: at.D @ v,
    pull: Callable[[Point, Array], Array] = lambda at, w: at.D.T @ w,
    fibre: Vector = lambda at: at.pinv.row_projector(),
) -> list[Ratio]:
    v, w = at.random(at.D.shape[1]) / 4, at.random(at.D.shape[0])
    moved, h = along_a_curve(at, v)
    scale = max(at.arithmetic.largest(at.x), at.arithmetic.largest(at.D))
    sums = scale * abs(w).sum()
    pulled = pull(at, w)
    return [
        identity(moved, h * forward(at, v), scale=scale, size=at.size, note="f_* V"),
        identity(w @ moved, h * (pulled @ v), scale=sums, size=at.size, note="<f^* w, V> = <w, f_* V>"),
        identity(
            fibre(at) @ pulled,
            pulled,
            scale=at.arithmetic.largest(at.D) * abs(w).sum(),
            size=at.size,
            condition=at.kappa,
            note="f^* w in range(D^T)",
        ),
        property_(pseudoinverse(fibre(at)).rank == at.rank, "the dimension of the fibre"),
    ]
