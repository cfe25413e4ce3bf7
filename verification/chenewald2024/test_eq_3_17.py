"""(3.17): the modification K of the tangent kernel Theta.

K(x, x') = Df(x) (D^T D)^+ Df(x')^T is on the training data the projector onto ran D, whose kernel is
that of D D^T. (D^T D)^+ is no inverse of a metric where D has a kernel; the metric D^T D + 1 - D^+ D is
one, and gives the same K. K is 1 where Theta is positive definite, for any family of functions; along
the whole orbit if Theta stays positive definite there, as on the orbit of the scene BALANCED it does
not. Where Theta is not positive definite, as for K < QN or behind one narrow layer, K is not 1.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from geomdl import rank_loss
from geomdl.arithmetic import Array
from geomdl.tangent_kernels import adapted_kernel, influence, tangent_kernel
from verification.chen2023.orbit_laws import END, outputs_law
from verification.chenewald2024.families import approaches, gram_inverse
from verification.chenewald2024.matrices import SQUARED, plus
from verification.machinery.checks import claim, variant
from verification.machinery.columns import ALL_ORBITS
from verification.machinery.points import RANK_CUT, Point
from verification.machinery.ratios import Ratio, along_orbit, bound, identity
from verification.scenes.critical_exact import CRITICAL
from verification.scenes.matrices import ANY_MATRIX, DEFICIENT, FULL_ROW_RANK
from verification.scenes.networks import (
    BORDERLINE,
    FULL_RANK,
    FULL_RANK_EXACT,
    RANK_LOST,
    SMALLEST,
    UNDER,
    network_scene,
)
from verification.scenes.paths import BALANCED, DEEP, FAMILIES
from verification.scenes.pieces import squared
from verification.scenes.real_data import IRIS

POSITIVE = (*DEEP, *FULL_RANK, *FULL_RANK_EXACT, *BORDERLINE, *SMALLEST)
"""Networks whose kernel is positive definite on the data."""

DEGENERATE = (*RANK_LOST, *UNDER[:2])


def modified(at: Point) -> Array:
    """Return the kernel of the flow in the metric (D^T D)^+, on the training data."""
    return at.D @ gram_inverse(at) @ at.D.T


def unchanged(at: Point) -> Array:
    """Return the kernel of the standard flow."""
    return at.D @ at.D.T


@claim(
    "chenewald2024/eq-3.17/a",
    scenes=(FULL_RANK_EXACT[0], *RANK_LOST, *UNDER[:1], *BORDERLINE[1:], *CRITICAL, *ANY_MATRIX),
    columns=SQUARED[::2],
    controls=[
        variant("the kernel 1", scenes=CRITICAL[:5], modify=lambda at: at.eye(len(at.g))),
        variant(
            "the complementary projector",
            scenes=DEFICIENT[2:],
            modify=lambda at: at.eye(len(at.g)) - modified(at),
        ),
    ],
)
def test_modified_kernel_is_a_projector_with_the_equilibria_of_the_tangent_kernel(
    at: Point, modify: Callable[[Point], Array] = modified
) -> list[Ratio]:
    t, s, k = squared(at.D), squared(plus(at)), modify(at)
    metric = at.D.T @ at.D + at.eye(at.D.shape[1]) - plus(at) @ at.D
    by_metric = at.D @ at.arithmetic.solve(metric, at.D.T)
    ratios = [
        identity(k, by_metric, size=at.size, condition=at.kappa**2, note="by a metric on R^K"),
        identity(k @ k, k, size=at.size, condition=at.kappa**2, note="simpler: a projector"),
        identity(k.T, k, size=at.size, condition=at.kappa**2, note="orthogonal"),
    ]
    for g in (*approaches(at), at.D @ at.random(at.D.shape[1])):
        by_theta, by_k = squared(at.D @ (at.D.T @ g)), squared(k @ g)
        ratios += [  # 2 for the rounding: at rank 1 the bounds are attained
            bound(by_theta, 2 * t**2 * by_k, note="Theta g = 0 where K g = 0"),
            bound(by_k, 2 * s**2 * by_theta, note="K g = 0 where Theta g = 0"),
        ]
    return ratios


@claim(
    "chenewald2024/eq-3.17/b",
    scenes=(*POSITIVE, *FULL_ROW_RANK, *FAMILIES),
    columns=SQUARED,
    controls=[
        variant("Theta not positive definite", scenes=DEGENERATE),
        variant("the metric unchanged", kernel_of=unchanged),
        variant("half way between the metrics", kernel_of=lambda at: (modified(at) + unchanged(at)) / 2),
    ],
)
def test_modified_kernel_is_the_identity(
    at: Point, kernel_of: Callable[[Point], Array] = modified
) -> list[Ratio]:
    one = at.eye(at.D.shape[0])
    accuracy: dict[str, Any] = {"scale": at.number(1), "size": at.size, "condition": at.kappa**2}
    ratios = [identity(kernel_of(at), one, note="D (D^T D)^+ D^T", **accuracy)]
    if not at.is_matrix:
        by_package = adapted_kernel(at.at_theta, at.problem.data.inputs, rank=at.rank)
        ratios.append(identity(by_package, one, note="by pairs of inputs", **accuracy))
    return ratios


Evaluated = Callable[[Point, Array, Array], Array]


def adapted_at(at: Point, theta: Array, points: Array) -> Array:
    """Return K between the points and the training data at a theta of the orbit."""
    there = at.problem.linearize(theta)
    sigma = np.linalg.svd(at.arithmetic.to_float64(there.jacobian()), compute_uv=False)
    return influence(there, points, rank=int(np.sum(sigma > RANK_CUT * sigma[0])))


def standard_at(at: Point, theta: Array, points: Array) -> Array:
    """Return Theta between the points and the training data."""
    return tangent_kernel(at.problem.linearize(theta), points)


@claim(
    "chenewald2024/eq-3.17/c",
    scenes=(*FULL_RANK, SMALLEST[1], IRIS),
    columns=ALL_ORBITS,
    controls=[
        variant(
            "at inputs off the training set",
            points=lambda at: at.random(3, len(at.problem.data.inputs[0])) / 64,
        ),
        variant("Theta in the place of K", evaluate=standard_at),
    ],
    refuted=[variant("Theta positive definite at the start only", scenes=[BALANCED])],
)
def test_modified_kernel_stays_constant_on_the_training_data(
    at: Point,
    points: Callable[[Point], Array] = lambda at: at.problem.data.inputs,
    evaluate: Evaluated = adapted_at,
) -> Ratio:
    ends = "ends" in at.scene.facts
    orbit = at.orbit(end=END, events=[rank_loss(at.rank, 1e-6)] if ends else ())
    inputs, steps = points(at), np.linspace(0, len(orbit.times) - 1, 6).astype(int)
    kernels = [
        at.arithmetic.to_float64(evaluate(at, at.arithmetic.array(orbit.thetas[step]), inputs))
        for step in steps
    ]
    return along_orbit(kernels, [kernels[0]] * len(kernels), rtol=at.rtol, scale=1.0, note=orbit.status)


OTHER_ACTIVATIONS = (
    network_scene([2, 6, 2], "relu", 2, bits=3, facts=["full rank", "over"]),
    network_scene([2, 6, 1], "sigmoid", 3, facts=["full rank", "over"]),
    network_scene([1, 4, 3, 1], "sin", 3, facts=["full rank", "over"]),
)


@claim(
    "chenewald2024/eq-3.17/d",
    scenes=(*POSITIVE, *OTHER_ACTIVATIONS, *FULL_ROW_RANK, *FAMILIES),
    columns=SQUARED,
    controls=[
        variant("the metric unchanged", kernel_of=unchanged),
        variant("ascent", kernel_of=lambda at: -modified(at)),
    ],
    refuted=[variant("Theta not positive definite", scenes=(*DEGENERATE, *CRITICAL[:4]))],
)
def test_outputs_of_any_family_follow_their_own_gradient(
    at: Point, kernel_of: Callable[[Point], Array] = modified
) -> Ratio:
    return identity(kernel_of(at) @ at.g, at.g, size=at.size, condition=at.kappa**2)


@claim(
    "chenewald2024/eq-3.17/d",
    scenes=(*FULL_RANK, *SMALLEST, IRIS),
    columns=ALL_ORBITS,
    controls=[variant("rate 2/N, as of the cost (2.7)", rate=2.0)],
    refuted=[variant("Theta not positive definite", scenes=RANK_LOST[1:])],
)
def test_training_dynamics_in_output_space_is_trivial(at: Point, rate: float = 1.0) -> Ratio:
    return outputs_law(at, at.orbit(end=END), rate)
