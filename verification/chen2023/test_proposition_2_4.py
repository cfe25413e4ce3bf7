"""Proposition 2.4: the adapted flow is a gradient flow in the bundle V.

grad_h C is found from its definition (2.23), by solving h(V, z) = dC(V) over a basis of range(D^T), and
held against -(2.4).

The invariant form -grad_h C in other coordinates theta = A eta carries V along, and then agrees. The
coordinate formula (2.4) does not: taken in the coordinates eta it belongs to another bundle, range((D
A)^T), unless A is orthogonal. V depends on the Euclidean metric of R^K; the outputs do not feel it.
"""

from collections.abc import Callable

import numpy as np

from geomdl import Problem
from geomdl.arithmetic import Array
from verification.chen2023.adapted_fields import (
    kernel,
    unit_of_velocity,
    velocity_by_another_right_inverse,
)
from verification.chen2023.bundle_gradients import LOST, NETWORKS, SCENES, WIDE, printed_gradient
from verification.machinery.checks import claim, variant
from verification.machinery.columns import ALGEBRAIC, ALL_ORBITS
from verification.machinery.points import Point
from verification.machinery.ratios import Ratio, along_orbit, identity
from verification.scenes.bundles import another_metric, any_differential, fibre_basis, riesz
from verification.scenes.networks import BORDERLINE, FULL_RANK, FULL_RANK_EXACT, SMALLEST
from verification.scenes.real_data import IRIS

Vector = Callable[[Point], Array]
Gradient = Callable[[Point, Array], Array]


@claim(
    "chen2023/proposition-2.4/a",
    scenes=(*NETWORKS, *BORDERLINE),
    columns=ALGEBRAIC,
    controls=[
        LOST,
        variant("the standard field", scenes=WIDE[:6], gradient=lambda at, slope: slope),
        variant("another metric of outputs", scenes=WIDE[:6],
                gradient=lambda at, slope: riesz(at, slope, another_metric(at))),
    ],
)  # fmt: skip
def test_adapted_field_is_the_gradient_of_the_cost_in_the_bundle(
    at: Point, gradient: Gradient = riesz
) -> Ratio:
    velocity = -at.pen @ (at.pen.T @ at.grad_theta)  # (2.4)
    return identity(velocity, -gradient(at, at.grad_theta), **unit_of_velocity(at))


def coordinates(at: Point) -> Array:
    """Return an invertible A for theta = A eta that is not orthogonal; condition below 9."""
    bidiagonal = at.eye(at.D.shape[1])
    bidiagonal[range(1, len(bidiagonal)), range(len(bidiagonal) - 1)] = at.number(1, 2)
    return bidiagonal


def carried_along(at: Point, change: Array) -> Array:
    """Return a basis of the fibre in coordinates eta: the vectors A^-1 V."""
    return at.arithmetic.solve(change, fibre_basis(at))


@claim(
    "chen2023/proposition-2.4/a",
    scenes=(*FULL_RANK[:2], *FULL_RANK_EXACT, *SMALLEST),
    columns=ALGEBRAIC,
    controls=[
        variant("the bundle not carried along: range((D A)^T)",
                scenes=(*FULL_RANK[:2], *FULL_RANK_EXACT), basis=lambda at, change: (at.D @ change).T),
        variant("components of the differential taken for those of a vector", basis=carried_along,
                back=lambda change: change.T),
    ],
)  # fmt: skip
def test_bundle_gradient_is_the_same_vector_in_all_coordinates(
    at: Point,
    basis: Callable[[Point, Array], Array] = carried_along,
    back: Callable[[Array], Array] = lambda change: change,
) -> Ratio:
    change = coordinates(at)
    spanning, slope = basis(at, change), change.T @ at.grad_theta
    pushed = (at.D @ change) @ spanning
    found = spanning @ at.arithmetic.solve(pushed.T @ pushed, spanning.T @ slope)
    unit = unit_of_velocity(at)
    unit["condition"] *= 81  # the condition of A, squared
    return identity(back(change) @ found, printed_gradient(at, at.grad_theta), **unit)


def descent_in_the_bundle(problem: Problem, theta: Array, inverted: bool = True) -> Array:
    """Return -grad_h C by its definition, solved in an orthonormal basis of the fibre."""
    at = problem.linearize(theta)
    jacobian, slope = at.jacobian(), problem.gradient(theta)
    basis = at.arithmetic.pivoted_qr(jacobian.T)[0]
    pushed = jacobian @ basis
    right = basis.T @ slope
    return -basis @ (at.arithmetic.solve(pushed.T @ pushed, right) if inverted else right)


@claim(
    "chen2023/proposition-2.4/a",
    scenes=(*FULL_RANK[:3], *SMALLEST, IRIS),
    columns=ALL_ORBITS,
    controls=[variant("the gradient for the Euclidean metric of R^K", inverted=False)],
)
def test_adapted_orbits_are_gradient_orbits_of_the_bundle(at: Point, inverted: bool = True) -> Ratio:
    def field(problem: Problem, theta: Array) -> Array:
        return descent_in_the_bundle(problem, theta, inverted)

    end = 1.0 if "large" in at.scene.facts else 4.0
    adapted = at.orbit(end=end)
    # Other stops and so other steps, lest the agreement be an echo.
    descending = at.orbit(field, end=end, times=(0.3 * end,))
    return along_orbit(descending.end, adapted.end, rtol=at.rtol, scale=np.abs(adapted.thetas).max())


@claim(
    "chen2023/proposition-2.4/b",
    "chen2023/adapted-flow-geometry/b",
    scenes=SCENES,
    columns=ALGEBRAIC,
    controls=[
        LOST,
        variant("another right inverse of D", scenes=WIDE, field=velocity_by_another_right_inverse),
        variant("a function of theta and its Euclidean gradient", scenes=WIDE, field=any_differential),
    ],
)
def test_adapted_field_is_orthogonal_to_all_directions_that_keep_the_outputs(
    at: Point, field: Vector = lambda at: -printed_gradient(at, at.grad_theta)
) -> list[Ratio]:
    velocity, unit = field(at), unit_of_velocity(at)
    coefficients = at.arithmetic.solve(at.D @ at.D.T, at.D @ velocity)
    found = [identity(at.D.T @ coefficients, velocity, note="a vector of range(D^T)", **unit)]
    if at.D.shape[1] > at.D.shape[0]:
        normals = kernel(at)
        unit["scale"] = unit["scale"] * at.arithmetic.largest(normals)
        zeros = at.arithmetic.zeros(normals.shape[1])
        found.append(identity(normals.T @ velocity, zeros, note="orthogonal to ker D", **unit))
    return found
