"""Section 5.1, (5.14)-(5.17): the pullback metric g = D^T D on parameter space, and its gradient.

g(V, W) is the Euclidean product of the velocities of the outputs when theta moves along V and W. Each
of these is found here without D: from differences of outputs, or from forward differentiation. The
indices are as printed: alpha over the QN outputs, beta over the K parameters.

(R^K, g) is a Riemannian manifold where D is injective, and only there: g(V, V) = 0 for V in ker D. No
network with a hidden layer has D injective on all of R^K (output weights zero make the layers below
idle), and the standing assumption that the image is an embedded submanifold of dimension K does not
help: the image of w2 sin(w1 t + b1) + b2 on five inputs, t_5 = t_1, is a hyperplane, of dimension K = 4
(scenes ``foliations``), with g of rank 2 where w2 = 0. On an open set of injective D all is well.

The gradient is defined by dF[V] = g(V, grad_g F) for all V and all F, which presupposes that g is
invertible. F is a polynomial that does not factor through the outputs: F = C[x[theta]] would not notice
what happens in ker D, where nothing can represent dF (control: rank lost).
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from geomdl import pseudoinverse
from geomdl.arithmetic import Array
from verification.chen2023.orbit_laws import outputs_along
from verification.machinery.checks import claim, variant
from verification.machinery.columns import ALGEBRAIC
from verification.machinery.points import Point
from verification.machinery.ratios import Ratio, bound, identity, property_
from verification.scenes.foliations import CODIMENSION_ONE, SINE_AT_ZERO
from verification.scenes.matrices import FULL_COLUMN_RANK
from verification.scenes.networks import BORDERLINE, RANK_LOST, UNDER, network_scene
from verification.scenes.underparametrized import AFFINE, NEAR, at_zero_output_weights

EXACT = (
    *AFFINE,
    network_scene([2, 1, 1], "square", 8, rank=4, bits=3, facts=["under", "rank lost"]),
)
SCENES = (*NEAR[:3], *UNDER[:1], BORDERLINE[1], *EXACT)
INJECTIVE = (*NEAR[:3], *UNDER[:1], BORDERLINE[1], *AFFINE, *FULL_COLUMN_RANK)


def printed_sum(at: Point, v: Array, w: Array, delta: Array) -> Any:
    """Sum delta_(alpha, alpha') Df^alpha_beta Df^alpha'_beta' V^beta W^beta' index by index."""
    rows, columns = at.D.shape
    total = at.number(0)
    for alpha in range(rows):
        for other in range(rows):
            if delta[alpha, other] != 0:
                left = sum((at.D[alpha, beta] * v[beta] for beta in range(columns)), at.number(0))
                right = sum((at.D[other, beta] * w[beta] for beta in range(columns)), at.number(0))
                total = total + delta[alpha, other] * left * right
    return total


@claim(
    "chen2023/pullback-riemannian/a",
    scenes=SCENES,
    columns=ALGEBRAIC,
    controls=[
        variant("without the delta", delta=lambda at: at.eye(len(at.D)) * 0 + at.number(1)),
        variant("1/N in the metric", delta=lambda at: at.eye(len(at.D)) / at.number(at.N)),
        variant("W in the place of V", second=lambda v, w: v),
    ],
)
def test_metric_is_the_product_of_output_velocities(
    at: Point,
    delta: Callable[[Point], Array] = lambda at: at.eye(len(at.D)),
    second: Callable[[Array, Array], Array] = lambda v, w: w,
) -> Ratio:
    v, w = at.random(at.D.shape[1]), at.random(at.D.shape[1])
    pushed_v, pushed_w = outputs_along(at, v), outputs_along(at, w)
    summed = printed_sum(at, v, second(v, w), delta(at))
    scale = at.arithmetic.largest(at.D) ** 2 * at.number(4 * at.D.size)
    return identity((pushed_v * pushed_w).sum(), summed, scale=scale, size=at.size)


def transposed_indices(at: Point) -> Array:
    """Return D D^T, which has the right shape for K = QN only."""
    return at.D @ at.D.T


@claim(
    "chen2023/pullback-riemannian/b",
    scenes=SCENES,
    columns=ALGEBRAIC,
    controls=[
        variant("D D^T, K = QN", scenes=BORDERLINE[1:], matrix=transposed_indices),
        variant("the Euclidean metric", matrix=lambda at: at.eye(at.D.shape[1])),
        variant("half of it", matrix=lambda at: at.D.T @ at.D / at.number(2)),
    ],
)
def test_components_of_the_metric_are_those_of_the_gram_matrix(
    at: Point, matrix: Callable[[Point], Array] = lambda at: at.D.T @ at.D
) -> Ratio:
    # 4 g(e_b, e_b') is the difference of the squared speeds of the outputs along e_b +- e_b'.
    units = at.eye(at.D.shape[1])

    def speed(direction: Array) -> Any:
        velocity = at.at_theta.push(direction)
        return (velocity * velocity).sum()

    found = [[speed(one + other) - speed(one - other) for other in units] for one in units]
    components = at.arithmetic.stack([at.arithmetic.stack(row) for row in found]) / at.number(4)
    scale = at.arithmetic.largest(at.D) ** 2 * at.number(len(at.D))
    return identity(components, matrix(at), scale=scale, size=at.size)


@claim(
    "chen2023/pullback-riemannian/c",
    scenes=INJECTIVE,
    columns=ALGEBRAIC,
    controls=[
        variant("rank lost", scenes=RANK_LOST[:1]),
        variant("K > QN", scenes=CODIMENSION_ONE[:1]),
    ],
    refuted=[
        variant("output weights zero", scenes=NEAR, theta=at_zero_output_weights),
        variant("the image a hyperplane of dimension K", scenes=[SINE_AT_ZERO]),
    ],
)
def test_metric_is_positive_definite(
    at: Point, theta: Callable[[Point], Array] | None = None
) -> list[Ratio]:
    jacobian = at.D if theta is None else at.problem.linearize(theta(at)).jacobian()
    metric, columns = jacobian.T @ jacobian, jacobian.shape[1]
    symmetric = identity(metric, metric.T, size=at.size, note="symmetric")
    if at.arithmetic.exact:
        return [symmetric, property_(pivots_are_positive(at, metric), "positive pivots")]
    sigma = at.arithmetic.singular_values(jacobian)
    if len(sigma) < columns:
        return [symmetric, property_(False, "K > QN")]
    # sigma_K^2 is the least g(V, V) with |V| = 1; it has to stand clear of the roundoff of sigma_1^2.
    noise = 30 * at.size * at.arithmetic.unit_roundoff * float(sigma[0])
    return [symmetric, bound(noise, sigma[-1], note="least speed of the outputs")]


def pivots_are_positive(at: Point, metric: Array) -> bool:
    """Tell by elimination, over the rationals, whether a symmetric matrix is positive definite."""
    rest = metric.copy()
    while len(rest):
        if not rest[0, 0] > 0:
            return False
        rest = rest[1:, 1:] - rest[1:, :1] * rest[:1, 1:] / rest[0, 0]
    return True


def sample_function(at: Point, theta: Array) -> Any:
    """F = c.theta + (theta_1^2 + ... + theta_K^2) / 2 + theta_1 theta_K: no function of the outputs."""
    weights = at.arithmetic.array(np.arange(1, len(theta) + 1))
    half = at.number(1, 2)
    return (weights * theta).sum() + half * (theta * theta).sum() + theta[0] * theta[-1]


def differential(at: Point, direction: Array) -> Any:
    """Return dF[V] by a central difference, which is exact for polynomials of degree 2."""
    point = origin(at)
    ahead, behind = sample_function(at, point + direction), sample_function(at, point - direction)
    return (ahead - behind) / at.number(2)


def origin(at: Point) -> Array:
    """Return theta, or a point drawn for scenes of plain matrices."""
    return at.arithmetic.array(np.arange(at.D.shape[1]) / 4) if at.is_matrix else at.theta


def euclidean_gradient(at: Point) -> Array:
    """Return the partial derivatives of F."""
    return at.arithmetic.stack([differential(at, unit) for unit in at.eye(at.D.shape[1])])


def gradient_by_svd(at: Point) -> Array:
    """Return D^+ D^+T times the partial derivatives, which needs no Gram matrix."""
    inverse = pseudoinverse(at.D, rank=at.rank).matrix()
    return inverse @ (inverse.T @ euclidean_gradient(at))


def size_of_gradient(at: Point) -> Any:
    """Return |dF| / sigma_K^2."""
    sigma = np.linalg.norm(at.arithmetic.to_float64(at.D), 2) / at.kappa
    return at.arithmetic.largest(euclidean_gradient(at)) * at.arithmetic.array([1 / sigma**2])[0]


@claim(
    "chen2023/pullback-gradient/a",
    scenes=INJECTIVE,
    columns=ALGEBRAIC,
    controls=[
        variant("rank lost", scenes=RANK_LOST[:1]),
        variant("K > QN", scenes=CODIMENSION_ONE[:1]),
        variant("the Euclidean gradient", gradient=euclidean_gradient),
        variant("one inverse only", gradient=lambda at: at.D.T @ (at.D @ gradient_by_svd(at))),
    ],
)
def test_gradient_represents_the_differential_for_all_vectors(
    at: Point, gradient: Callable[[Point], Array] = gradient_by_svd
) -> Ratio:
    metric, found = at.D.T @ at.D, gradient(at)
    vectors = [*at.eye(at.D.shape[1]), at.random(at.D.shape[1])]
    left = at.arithmetic.stack([differential(at, v) for v in vectors])
    right = at.arithmetic.stack([(metric * v[:, None] * found[None, :]).sum() for v in vectors])
    scale = at.arithmetic.largest(euclidean_gradient(at)) * at.number(2 * at.size)
    return identity(left, right, scale=scale, size=at.size, condition=at.kappa**2)


@claim(
    "chen2023/pullback-gradient/b",
    scenes=INJECTIVE,
    columns=ALGEBRAIC,
    controls=[
        variant("rank lost", scenes=RANK_LOST[:1]),
        variant("K > QN", scenes=CODIMENSION_ONE[:1]),
        variant("g in the place of its inverse", matrix=lambda at: at.D.T @ at.D),
        variant("no metric", matrix=lambda at: at.eye(at.D.shape[1])),
        variant("twice the metric", matrix=lambda at: at.inverse(at.D.T @ at.D) / at.number(2)),
    ],
)
def test_gradient_is_the_inverse_metric_times_the_partial_derivatives(
    at: Point,
    matrix: Callable[[Point], Array] = lambda at: at.inverse(at.D.T @ at.D),
) -> Ratio:
    printed = matrix(at) @ euclidean_gradient(at)
    scale = size_of_gradient(at)
    return identity(gradient_by_svd(at), printed, scale=scale, size=at.size, condition=at.kappa**2)
