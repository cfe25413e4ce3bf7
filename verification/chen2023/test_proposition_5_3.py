"""Proposition 5.3: for K < QN the modified flow is the gradient flow of the pullback metric g = D^T D.

Coordinate invariance is tested by other coordinates: theta = phi(eta) with the diffeomorphism

    phi_1 = eta_1,   phi_k = eta_k + eta_(k-1)^2 / 8,

its Jacobian matrix J. In the coordinates eta the outputs have the Jacobian D J and the metric has the
components J^T g J. The field -grad_g C, computed there with the formula of (5.2), is mapped by J to the
field computed in theta, and orbits to orbits. The standard field is mapped so by isometries of the
Euclidean metric only: by reflections, not by phi (control).

(5.2) is the coordinate form of -grad_g C: it pairs with every V to -dC[V], and J^T g J has no other such
field. Equivalently, f maps it to the Euclidean gradient of C on the image: its outputs move with the
part of -grad_x C that is tangent to M.

D is taken injective, as in (5.2): only then g is a metric. In (5.18) the cost is printed C, meant is the
C~ = C o x of the sentence before.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from geomdl import Problem, integrate, pseudoinverse, standard_field
from geomdl.arithmetic import Array, arithmetic_of
from geomdl.flows import Field
from verification.chen2023.orbit_laws import outputs_along
from verification.machinery.checks import claim, variant
from verification.machinery.columns import ALGEBRAIC, ORBITS
from verification.machinery.points import Point
from verification.machinery.ratios import Ratio, along_orbit, identity
from verification.scenes.foliations import CODIMENSION_ONE
from verification.scenes.networks import BORDERLINE, FULL_RANK, FULL_RANK_EXACT, RANK_LOST, UNDER
from verification.scenes.underparametrized import AFFINE, NEAR

SCENES = (*NEAR[:3], *UNDER[:1], BORDERLINE[1], *AFFINE)
END = 4.0


def shear(eta: Array) -> Array:
    """Return phi(eta)."""
    a = arithmetic_of(eta)
    return eta + a.concatenate([0 * eta[:1], eta[:-1] * eta[:-1] / a.number(8)])


def unshear(theta: Array) -> Array:
    """Return eta = phi^-1(theta)."""
    a, eta = arithmetic_of(theta), [theta[0]]
    for value in theta[1:]:
        eta.append(value - eta[-1] * eta[-1] / a.number(8))
    return a.stack(eta)


def derivative_of_shear(eta: Array) -> Array:
    """Return the Jacobian matrix J of phi."""
    a, matrix = arithmetic_of(eta), arithmetic_of(eta).eye(len(eta))
    for k in range(1, len(eta)):
        matrix[k, k - 1] = eta[k - 1] / a.number(4)
    return matrix


def reflection(eta: Array) -> Array:
    """Return the matrix 1 - 2 u u^T / |u|^2, u = (1, 2, ..., K), the derivative of an isometry."""
    a = arithmetic_of(eta)
    u = a.array(np.arange(1, len(eta) + 1))
    return a.eye(len(eta)) - a.number(2) * u[:, None] * u[None, :] / (u * u).sum()


def modified(jacobian: Array, partials: Array) -> Array:
    """Return -(D^T D)^-1 times the partial derivatives of C~, (5.2), in any coordinates."""
    return -arithmetic_of(jacobian).solve(jacobian.T @ jacobian, partials)


def standard(jacobian: Array, partials: Array) -> Array:
    """Return minus the partial derivatives of C~, (1.9), in any coordinates."""
    return -partials


Formula = Callable[[Array, Array], Array]
Change = Callable[[Array], Array]


def condition(at: Point, change: Array) -> float:
    """Return kappa(D J)^2 or kappa(D)^2, whichever is larger."""
    sigma = np.linalg.svd(at.arithmetic.to_float64(at.D @ change), compute_uv=False)
    return max(at.kappa, float(sigma[0] / sigma[-1])) ** 2


def size_of_velocity(at: Point) -> Array:
    """Return |g| / sigma_K, the size of the velocity."""
    sigma = np.linalg.norm(at.arithmetic.to_float64(at.D), 2) / at.kappa
    return at.arithmetic.largest(at.g) * at.arithmetic.array([1 / sigma])[0]


@claim(
    "chen2023/proposition-5.3/a",
    scenes=SCENES,
    columns=ALGEBRAIC,
    controls=[
        variant("the standard field", formula=standard),
        variant("the metric not transformed", transformed=False),
        variant("K > QN", scenes=CODIMENSION_ONE[:1]),
        variant("rank lost", scenes=RANK_LOST[:1]),
    ],
)
def test_modified_field_is_the_same_in_all_coordinates(
    at: Point, formula: Formula = modified, transformed: bool = True
) -> Ratio:
    change = derivative_of_shear(unshear(at.theta))
    jacobian = at.D @ change if transformed else at.D
    mapped = change @ formula(jacobian, change.T @ at.grad_theta)
    scale = size_of_velocity(at) * at.arithmetic.largest(change)
    return identity(
        mapped, formula(at.D, at.grad_theta), scale=scale, size=at.size, condition=condition(at, change)
    )


def in_sheared_coordinates(formula: Formula) -> Field:
    """Return the field on eta-space that a formula gives for outputs x[phi(eta)]."""

    def field(problem: Problem, eta: Array) -> Array:
        change, at = derivative_of_shear(eta), problem.linearize(shear(eta))
        gradient = problem.cost.gradient(problem.data, at.stacked)
        return formula(at.jacobian() @ change, change.T @ at.pull(gradient))

    return field


@claim(
    "chen2023/proposition-5.3/a",
    scenes=NEAR,
    columns=ORBITS[1:],  # in float32 the normal equations lose more digits than the tolerance leaves
    controls=[variant("the standard flow", formula=standard, field=standard_field)],
)
def test_orbits_of_the_modified_flow_are_the_same_in_all_coordinates(
    at: Point, formula: Formula = modified, field: Field | None = None
) -> Ratio:
    orbit, start = at.orbit(field, end=END), unshear(at.theta)
    other = integrate(at.problem, in_sheared_coordinates(formula), start, END * at.N, rtol=at.rtol)
    scale = np.abs(orbit.thetas).max() * at.kappa
    return along_orbit(shear(other.end), orbit.end, rtol=at.rtol, scale=scale)


@claim(
    "chen2023/proposition-5.3/b",
    scenes=SCENES,
    columns=ALGEBRAIC,
    controls=[
        variant("the standard field", formula=standard),
        variant("the opposite sign", formula=lambda d, partials: -modified(d, partials)),
        variant("rank lost", scenes=RANK_LOST[:1]),
    ],
)
def test_printed_field_is_minus_the_gradient_of_the_metric(
    at: Point, formula: Formula = modified
) -> list[Ratio]:
    velocity = formula(at.D, at.grad_theta)
    pushed, inverse = outputs_along(at, velocity), pseudoinverse(at.D, rank=at.rank)
    tangent = -(inverse.range_basis @ (inverse.range_dual @ at.g))
    vectors = [at.random(at.D.shape[1]) for _ in range(3)]
    pushed_vectors = [outputs_along(at, v) for v in vectors]
    paired = at.arithmetic.stack([(moved * pushed).sum() for moved in pushed_vectors])
    falling = at.arithmetic.stack([-(moved * at.g).sum() for moved in pushed_vectors])
    largest = at.arithmetic.largest(at.g)
    scale = largest * at.arithmetic.largest(at.D) * at.number(2 * at.size)
    unit: dict[str, Any] = {"size": at.size, "condition": at.kappa**2}
    return [
        identity(paired, falling, scale=scale, note="g(V, theta') = -dC[V]", **unit),
        identity(pushed, tangent, scale=largest, note="tangent part of -grad_x C", **unit),
    ]


@claim(
    "chen2023/proposition-5.3/c",
    scenes=(*SCENES, *FULL_RANK[:2], *FULL_RANK_EXACT, *RANK_LOST),
    columns=ALGEBRAIC,
    controls=[
        variant("coordinates that are no isometry", change=lambda eta: derivative_of_shear(eta)),
        variant("the pullback metric", scenes=NEAR, field=lambda at: modified(at.D, at.grad_theta)),
        variant("the opposite sign", field=lambda at: at.grad_theta),
    ],
)
def test_standard_field_is_minus_the_gradient_of_the_euclidean_metric(
    at: Point,
    change: Change = reflection,
    field: Callable[[Point], Array] = lambda at: standard_field(at.problem, at.theta),
) -> list[Ratio]:
    velocity, matrix = field(at), change(at.theta)
    v = at.random(at.D.shape[1])
    pushed = outputs_along(at, v)
    terms = at.arithmetic.largest(at.g) * at.arithmetic.largest(at.D)
    scale = terms * at.number(2 * at.size * len(at.g))
    mapped = -matrix @ (matrix.T @ at.grad_theta)
    return [
        identity((v * velocity).sum(), -(pushed * at.g).sum(), scale=scale, note="V.theta' = -dC[V]"),
        identity(mapped, velocity, scale=terms * at.number(len(at.g)), size=at.size, note="isometries"),
    ]
