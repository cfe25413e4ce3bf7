"""Section 2.4, (2.31): the Frobenius condition, and whether the bundle of a network meets it.

The fibres V = range(D^T) are spanned by V_i = grad_theta x_i. The bundle is integrable if and only if
every bracket [V_i, V_j] = (Hess x_j) V_i - (Hess x_i) V_j lies in the fibre.

Of networks: the brackets leave the fibres, at every depth, also without curvature of the activation, by
a fixed amount that every arithmetic finds and that is proved over the rationals. The exceptions are the
controls: no hidden layer (D constant), one output in all (rank 1), K = QN with D invertible (the fibre
is everything), samples that share no active ReLU unit (the fields commute).

Of the criterion itself: the part of [V, W] outside the fibre depends on the values of the sections
only, F(V, W) = (1 - P)[V, W], so that the fields V_i decide for all sections. And a leaf through theta
exists exactly when horizontal lifts of closed loops in output space close: around a parallelogram with
sides eps e_i, eps e_j the lift with velocity D^+ x' ends at

    theta + eps^2 F(D^+ e_i, D^+ e_j) + O(eps^3).

Lifts are integrated with D alone, F comes from second derivatives.
"""

from collections.abc import Callable
from itertools import combinations

import numpy as np
from scipy.integrate import solve_ivp

from geomdl import jacobian_derivative, pseudoinverse
from geomdl.arithmetic import Array
from geomdl.geometry import (
    bracket_growth,
    bracket_pairing,
    brackets_outside_fibre,
    integrability_defect,
)
from verification.machinery.checks import claim, variant
from verification.machinery.columns import ALGEBRAIC, FLOAT64, ORBITS, RATIONAL
from verification.machinery.points import Point
from verification.machinery.ratios import Ratio, bound, identity, property_
from verification.scenes.brackets import AFFINE, DEEP, NO_SHARED_UNIT, ONE_OUTPUT
from verification.scenes.networks import (
    BORDERLINE,
    FULL_RANK,
    FULL_RANK_EXACT,
    RANK_LOST,
    SMALLEST,
)

SCENES = (*FULL_RANK[:3], *FULL_RANK_EXACT, *DEEP, RANK_LOST[1])
SMALL = (*FULL_RANK_EXACT, *DEEP)


INTEGRABLE = (AFFINE, NO_SHARED_UNIT, BORDERLINE[1])
EXCEPTIONS = (
    variant("no hidden layer", scenes=[AFFINE]),
    variant("one output in all", scenes=[ONE_OUTPUT]),
    variant("samples share no active unit", scenes=[NO_SHARED_UNIT]),
)


@claim(
    "chen2023/non-integrability/a",
    scenes=SCENES,
    columns=ALGEBRAIC,
    controls=[*EXCEPTIONS, variant("K = QN", scenes=BORDERLINE), variant("N = Q = 1", scenes=SMALLEST)],
)
def test_brackets_leave_the_fibres_in_every_arithmetic(at: Point) -> Ratio:
    defect = integrability_defect(at.at_theta, rank=at.rank)
    inside = identity(defect, at.number(0), scale=at.number(1), size=at.size, condition=at.kappa)
    # "The brackets stay inside" is an identity that has to be broken: the limit is its threshold.
    return bound(inside.threshold, inside.value, note=f"defect {float(defect):.3g}")


@claim("chen2023/non-integrability/a", scenes=SMALL, columns=(FLOAT64, RATIONAL), controls=EXCEPTIONS)
def test_brackets_add_dimensions_to_the_fibre(at: Point) -> Ratio:
    growth = bracket_growth(at.at_theta, rank=at.rank)
    fibre, reached = growth.dimensions
    return property_(fibre == at.rank < reached and growth.gap > 1e3, f"dimensions {growth.dimensions}")


def random_normal(at: Point) -> Array:
    """Draw a direction of ker D."""
    factored = pseudoinverse(at.D, rank=at.rank)
    direction = at.random(at.D.shape[1])
    return direction - factored.row_basis @ (factored.row_dual @ direction)


def symmetric_part(at: Point, normal: Array) -> Array:
    """Pair with the sum of the two terms of a bracket in the place of their difference."""
    derivative = jacobian_derivative(at.at_theta, normal) @ at.D.T
    return derivative.T + derivative


@claim(
    "chen2023/non-integrability/a",
    "chen2023/frobenius/a",
    scenes=(*FULL_RANK[1:3], *SMALL, RANK_LOST[1]),
    columns=ALGEBRAIC,
    controls=[variant("the sum of the two terms", pairing=symmetric_part)],
)
def test_what_leaves_the_fibre_is_found_by_two_routes(
    at: Point, pairing: Callable[[Point, Array], Array] = lambda at, n: bracket_pairing(at.at_theta, n)
) -> Ratio:
    # Derivatives of D along the fields V_i against one derivative across the fibre.
    normal = random_normal(at)
    upper = np.triu_indices(at.D.shape[0], 1)
    outside = brackets_outside_fibre(at.at_theta, rank=at.rank) @ normal
    scale = at.arithmetic.largest(abs(jacobian_derivative(at.at_theta, normal)) @ abs(at.D.T))
    return identity(outside, pairing(at, normal)[upper], scale=scale, size=at.size, condition=at.kappa)


def curvature(at: Point, first: Array, second: Array) -> Array:
    """F(V, W) = (1 - P)[V, W] at theta for sections with the values D^T first and D^T second."""
    outside = brackets_outside_fibre(at.at_theta, rank=at.rank)
    pairs = combinations(range(at.D.shape[0]), 2)
    weights = [first[i] * second[j] - first[j] * second[i] for i, j in pairs]
    return at.arithmetic.stack(weights) @ outside


@claim(
    "chen2023/frobenius/a",
    scenes=(*FULL_RANK[1:3], *SMALL, RANK_LOST[1]),
    columns=ALGEBRAIC,
    controls=[
        variant("brackets not projected", projected=False),
        variant("without the derivatives along the first section", share=0),
    ],
)
def test_brackets_of_all_sections_are_decided_by_a_spanning_family(
    at: Point, projected: bool = True, share: int = 1
) -> Ratio:
    # Sections V = D^T c with coefficients c = c_0 + A (theta' - theta), and W likewise.
    rows, columns = at.D.shape
    (c, a), (e, b) = ((at.random(rows), at.random(rows, columns)) for _ in range(2))
    v, w = at.D.T @ c, at.D.T @ e
    along_v = jacobian_derivative(at.at_theta, v).T @ e + at.D.T @ (b @ v)
    along_w = jacobian_derivative(at.at_theta, w).T @ c + at.D.T @ (a @ w)
    bracket = at.number(share) * along_v - along_w
    factored = pseudoinverse(at.D, rank=at.rank)
    inside = factored.row_basis @ (factored.row_dual @ bracket)
    scale = at.arithmetic.largest(along_v) + at.arithmetic.largest(along_w)
    outside = bracket - inside if projected else bracket
    return identity(outside, curvature(at, c, e), scale=scale, size=at.size, condition=at.kappa)


def lift_of_loop(at: Point, i: int, j: int, side: float, weights: np.ndarray) -> np.ndarray:
    """Lift the parallelogram of sides side e_i, side e_j and return the gap between end and start.

    The lift of the velocity x' is M D^T (D M D^T)^-1 x', M = diag(weights): D^+ x' for equal weights.
    """
    start = at.arithmetic.to_float64(at.theta)
    weighted = at.arithmetic.array(weights)
    theta = start
    for index, step in ((i, side), (j, side), (i, -side), (j, -side)):
        push = at.arithmetic.array(step * np.eye(at.D.shape[0])[index])

        def velocity(_: float, state: np.ndarray, push: Array = push) -> np.ndarray:
            jacobian = at.problem.linearize(at.arithmetic.array(state)).jacobian() * weighted
            lifted = weighted * pseudoinverse(jacobian, rank=at.rank).apply(push)
            return at.arithmetic.to_float64(lifted)

        leg = solve_ivp(velocity, (0.0, 1.0), theta, method="DOP853", rtol=at.rtol, atol=at.rtol)
        theta = leg.y[:, -1]
    return theta - start


def sum_of_terms(at: Point, first: Array, second: Array) -> Array:
    """Add the two terms of a bracket in the place of subtracting them."""
    v, w = at.D.T @ first, at.D.T @ second
    terms = (
        jacobian_derivative(at.at_theta, v).T @ second + jacobian_derivative(at.at_theta, w).T @ first
    )
    factored = pseudoinverse(at.D, rank=at.rank)
    return terms - factored.row_basis @ (factored.row_dual @ terms)


@claim(
    "chen2023/frobenius/a",
    scenes=(*FULL_RANK[1:3], *SMALL, *INTEGRABLE),
    columns=ORBITS,
    controls=[
        variant("brackets taken to stay in the fibre", leaving=lambda at, v, w: 0 * v @ at.D),
        variant("the sum of the two terms", leaving=sum_of_terms),
        variant("the loop run backwards", leaving=lambda at, v, w: curvature(at, w, v)),
        variant("lifts that are not horizontal", tilt=1.0),
    ],
)
def test_lifts_of_loops_close_exactly_where_brackets_stay_in_the_fibre(
    at: Point, leaving: Callable[[Point, Array, Array], Array] = curvature, tilt: float = 0.0
) -> Ratio:
    rows, columns = at.D.shape
    inverse = pseudoinverse(at.D @ at.D.T).matrix()
    forms = {
        pair: at.arithmetic.to_float64(curvature(at, *inverse[list(pair)]))
        for pair in combinations(range(rows), 2)
    }
    i, j = max(forms, key=lambda pair: np.abs(forms[pair]).max())
    expected = at.arithmetic.to_float64(leaving(at, inverse[i], inverse[j]))
    side = 0.02 / float(np.linalg.norm(at.arithmetic.to_float64(inverse), 2)) ** 0.5
    weights = 1 + tilt * np.linspace(0, 1, columns)
    # The mean over eps and -eps has no term of third order.
    gap = (lift_of_loop(at, i, j, side, weights) + lift_of_loop(at, i, j, -side, weights)) / 2
    noise = 30 * at.rtol * max(1.0, float(np.abs(at.arithmetic.to_float64(at.theta)).max()))
    error = np.abs(gap - side**2 * expected).max()
    allowed = 0.01 * side**2 * np.abs(expected).max() + noise
    return bound(
        error,
        allowed,
        note=f"gap {np.abs(gap).max():.2g}, expected {np.abs(expected).max() * side**2:.2g}",
    )
