"""Section 2.4, (2.33): constraints on the standard flow, and the triple (R^K, V, h).

(a) The standard field -grad C~ = -D^T grad_x C lies in V = range(D^T) at every theta. So it meets the
constraint theta' in V from the outset, and every way to impose it, by a projection onto V, orthogonal
or not, or by steepest descent among the vectors of V, gives back the standard flow (1.9), not (2.24).
What makes (2.24) is another metric: steepest descent in V for h,

    argmin over v in V of dC~(v) + h(v, v) / 2,   h(v, v) = |D v|^2,

in the place of |v|^2. The two differ by a factor already for N = Q = 1 and D D^T != 1.

(b) The text defines no sub-Riemannian manifold, and refers to a collection whose standard definition
has two conditions. V has to be a bundle: the rank of D is QN at all theta, or the word is restricted to
an open set. And V has to be bracket generating (Chow's condition), so that horizontal curves join any
two points and h defines a distance. That V is not integrable does not give the second:

- a first layer of an activation that is homogeneous of degree d (identity, leaky ReLU: 1, square: 2)
  keeps |row i of (W_1, b_1)|^2 - d |column i of W_2|^2 along every horizontal curve;
- N samples in dimension M >= N, such as most images, keep n.(row i of (W_1, b_1)) for every n that is
  orthogonal to all (x_j, 1), whatever the activation is.

With tanh or softplus and N > M samples, two steps of brackets reach all directions in the scenes tried.
"""

from collections.abc import Callable

import numpy as np

from geomdl import pseudoinverse
from geomdl.arithmetic import Array
from geomdl.geometry import bracket_growth, integrability_defect
from verification.machinery.checks import claim, variant
from verification.machinery.columns import ALGEBRAIC, FLOAT64, MP30, MP50, ORBITS
from verification.machinery.points import Point
from verification.machinery.ratios import Ratio, along_orbit, bound, identity, property_
from verification.scenes.brackets import AFFINE
from verification.scenes.bundles import FOLDS, GENERATING, HOMOGENEOUS
from verification.scenes.foliations import CODIMENSION_ONE, ONE_SAMPLE
from verification.scenes.networks import (
    FULL_RANK,
    FULL_RANK_EXACT,
    RANK_LOST,
    SMALLEST,
    network_scene,
)

Velocity = Callable[[Point], Array]
Metric = Callable[[Point], Array]


def bundle_gradient_flow(at: Point) -> Array:
    """Return (2.24), -grad_h C~ = -Pen[D] Pen[D]^T grad_theta C."""
    inverse = pseudoinverse(at.D, rank=at.rank).matrix()
    return -inverse @ (inverse.T @ at.grad_theta)


def orthogonal_projection(at: Point) -> Array:
    """Impose theta' in V on the standard field by the orthogonal projection."""
    inverse = pseudoinverse(at.D, rank=at.rank)
    return -(inverse.row_basis @ (inverse.row_dual @ at.grad_theta))


def oblique_projection(at: Point) -> Array:
    """Impose it by another projection onto V: D^T (D S D^T)^-1 D S, S = diag(1, 2, ..., K)."""
    weights = at.arithmetic.array(np.arange(1, at.D.shape[1] + 1))
    weighted = at.D * weights[None, :]
    return -at.D.T @ at.arithmetic.solve(weighted @ at.D.T, weighted @ at.grad_theta)


def steepest_descent_in_V(at: Point, metric: Metric) -> Array:
    """Return the v = B c, B a basis of V, that minimizes dC~(v) + v^T M v / 2."""
    basis = pseudoinverse(at.D, rank=at.rank).row_basis
    return -basis @ at.arithmetic.solve(basis.T @ metric(at) @ basis, basis.T @ at.grad_theta)


def euclidean(at: Point) -> Array:
    """Return the metric |v|^2."""
    return at.eye(at.D.shape[1])


def pulled_back(at: Point) -> Array:
    """Return the metric h, |D v|^2."""
    return at.D.T @ at.D


def size_of_velocity(at: Point) -> Array:
    """Return |g| max(|D|, 1 / sigma_QN), the size of both velocities."""
    largest = np.linalg.norm(at.arithmetic.to_float64(at.D), 2)
    return at.arithmetic.largest(at.g) * at.arithmetic.array([max(largest, at.kappa / largest)])[0]


SCENES = (*FULL_RANK[:3], *FULL_RANK_EXACT, *ONE_SAMPLE, *CODIMENSION_ONE[:1])
NON_INTEGRABLE = (ONE_SAMPLE[0], *FULL_RANK[:2], *FULL_RANK_EXACT)


@claim(
    "chen2023/sub-riemannian/a",
    scenes=SCENES,
    columns=ALGEBRAIC,
    controls=[
        variant("twice the metric h", imposed=lambda at: bundle_gradient_flow(at) / at.number(2)),
        variant("the opposite sign", imposed=lambda at: -bundle_gradient_flow(at)),
    ],
    refuted=[
        variant("by the orthogonal projection onto V", scenes=NON_INTEGRABLE),
        variant("by another projection onto V", scenes=NON_INTEGRABLE, imposed=oblique_projection),
        variant(
            "by Euclidean steepest descent in V",
            scenes=NON_INTEGRABLE,
            imposed=lambda at: steepest_descent_in_V(at, euclidean),
        ),
    ],
    corrected=[
        variant("steepest descent in V for h", imposed=lambda at: steepest_descent_in_V(at, pulled_back))
    ],
)
def test_bundle_gradient_flow_is_the_standard_flow_with_the_constraint_imposed(
    at: Point, imposed: Velocity = orthogonal_projection
) -> Ratio:
    return identity(
        imposed(at),
        bundle_gradient_flow(at),
        scale=size_of_velocity(at),
        size=at.size,
        condition=at.kappa**2,
    )


@claim(
    "chen2023/sub-riemannian/a",
    scenes=(*SCENES, *RANK_LOST, *SMALLEST),
    columns=ALGEBRAIC,
    controls=[
        variant("a field that is not horizontal", standard=lambda at: -at.theta),
        variant(
            "the bundle of another theta",
            scenes=FULL_RANK[:2],
            base=lambda at: at.theta + at.random(len(at.theta)) / at.number(64),
        ),
    ],
    corrected=[variant("the constraint is met by the standard flow")],
)
def test_the_standard_flow_is_horizontal(
    at: Point,
    standard: Velocity = lambda at: -at.grad_theta,
    base: Callable[[Point], Array] = lambda at: at.theta,
) -> Ratio:
    inverse = pseudoinverse(at.problem.linearize(base(at)).jacobian(), rank=at.rank)
    field = standard(at)
    inside = inverse.row_basis @ (inverse.row_dual @ field)
    scale = max(at.arithmetic.largest(abs(at.D).T @ abs(at.g)), at.arithmetic.largest(field))
    return identity(inside, field, scale=scale, size=at.size, condition=at.kappa)


SMALLEST_CONFINED = network_scene([1, 1, 1], "square", 2, bits=10, facts=["full rank", "over"])
"""So many bits that exceptional points, such as equal squares of both inputs, are not drawn."""

CONFINED = (SMALLEST_CONFINED, *list(HOMOGENEOUS)[:4], *FULL_RANK_EXACT)
FEW_SAMPLES = (
    ONE_SAMPLE[0],
    network_scene([2, 1, 2], "tanh", 2, facts=["full rank", "over"]),
    network_scene([3, 2, 1], "softplus", 3, facts=["full rank", "over"]),
)
"""N <= M: not more samples than input dimensions."""


@claim(
    "chen2023/sub-riemannian/b",
    scenes=(*GENERATING, *CODIMENSION_ONE[:2]),
    columns=(FLOAT64, MP30, MP50),
    controls=[variant("integrable", scenes=[AFFINE]), variant("rank lost", scenes=RANK_LOST[:1])],
    refuted=[
        variant("rank QN not everywhere", scenes=FOLDS),
        variant("homogeneous activation", scenes=(SMALLEST_CONFINED, *CONFINED[1:4])),
        variant("no more samples than input dimensions", scenes=FEW_SAMPLES),
    ],
)
def test_V_is_a_bundle_with_a_metric_whose_brackets_reach_all_directions(at: Point) -> list[Ratio]:
    sigma = at.arithmetic.singular_values(at.D)
    noise = 30 * at.size * at.arithmetic.unit_roundoff * float(sigma[0])
    growth = bracket_growth(at.at_theta, steps=2, rank=at.rank)
    return [
        # h(v, v) = |D v|^2 >= sigma_QN^2 |v|^2 on V, and V of rank QN nearby.
        bound(noise, sigma[len(at.D) - 1], note="h positive definite on V"),
        property_(
            growth.dimensions[-1] == at.D.shape[1] and growth.gap > 1e3,
            f"dimensions {growth.dimensions} of {at.D.shape[1]}",
        ),
    ]


def balances(at: Point, theta: Array) -> Array:
    """Return |row i of (W_1, b_1)|^2 - d |column i of W_2|^2 for the units of the first hidden layer."""
    degree = 2 if at.problem.network.activation.name == "square" else 1
    (w, b), (v, _) = at.problem.network.layers(theta)[:2]
    return (w * w).sum(axis=1) + b * b - degree * (v * v).sum(axis=0)


def gradients_of_balances(at: Point) -> Array:
    """Return their gradients by differences, which are exact for polynomials of degree 2."""
    two = at.number(2)
    columns = [
        (balances(at, at.theta + unit) - balances(at, at.theta - unit)) / two
        for unit in at.eye(len(at.theta))
    ]
    return at.arithmetic.stack(columns, axis=1)


def unseen_inputs(at: Point) -> Array:
    """Return the gradients of n.(row i of (W_1, b_1)), n orthogonal to all (x_j, 1)."""
    a, inputs, width = at.arithmetic, at.problem.data.inputs, at.problem.network.widths[1]
    homogeneous = a.concatenate([inputs, a.zeros((at.N, 1)) + a.number(1)], axis=1)
    projector = pseudoinverse(homogeneous).row_projector()
    n = (a.eye(len(projector)) - projector) @ at.random(len(projector))
    w, rows = at.problem.network.inputs, []
    for unit in range(width):
        layers = at.problem.network.layers(a.zeros(len(at.theta)))
        layers[0][0][unit], layers[0][1][unit] = n[:w], n[w]
        rows.append(at.problem.network.flatten(layers))
    return a.stack(rows)


def conserved(at: Point) -> Array:
    """Return the gradients of the functions that horizontal curves keep in this scene."""
    return unseen_inputs(at) if at.problem.network.inputs >= at.N else gradients_of_balances(at)


@claim(
    "chen2023/sub-riemannian/b",
    scenes=(*CONFINED, *FEW_SAMPLES),
    columns=ALGEBRAIC,
    controls=[
        variant("activation not homogeneous, N > M", scenes=GENERATING[:3]),
        variant("an integrable bundle", scenes=[AFFINE], gradients=unseen_inputs),
    ],
)
def test_horizontal_curves_of_a_bundle_that_is_not_integrable_may_be_confined(
    at: Point, gradients: Callable[[Point], Array] = conserved
) -> list[Ratio]:
    kept = gradients(at)
    products = kept @ at.D.T
    scale = at.arithmetic.largest(kept) * at.arithmetic.largest(at.D) * at.number(at.size)
    defect = integrability_defect(at.at_theta, rank=at.rank)
    inside = identity(defect, at.number(0), scale=at.number(1), size=at.size, condition=at.kappa)
    return [
        identity(products, 0 * products, scale=scale, size=at.size, note="V keeps a function"),
        property_(bool(at.arithmetic.largest(kept) > 0), "which is not constant"),
        bound(inside.threshold, inside.value, note="V is not integrable"),
    ]


@claim(
    "chen2023/sub-riemannian/b",
    scenes=(FULL_RANK_EXACT[0], CONFINED[4]),  # no kinks, at which orbits crawl
    columns=ORBITS,
    controls=[variant("activation not homogeneous", scenes=(FULL_RANK[0], FULL_RANK[2]))],
)
def test_the_adapted_flow_keeps_the_balances_of_homogeneous_units(at: Point) -> Ratio:
    orbit = at.orbit(end=1.0)
    values = np.array([balances(at, theta) for theta in orbit.thetas])
    scale = float(np.abs(orbit.thetas).max()) ** 2 * at.kappa
    return along_orbit(values, np.broadcast_to(values[0], values.shape), rtol=at.rtol, scale=scale)
