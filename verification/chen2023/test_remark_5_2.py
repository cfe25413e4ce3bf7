"""Remark 5.2: along the modified flow for K < QN the cost falls, and to what.

(a) dC/ds = -|P g|^2 with g = grad_x C, pointwise and integrated along orbits.

(b) That C > 0 at critical points of rank K needs targets y outside of the image of the network, which
for K < QN has measure zero: almost every y in R^(QN), the N targets moving one by one. It must not mean
"for almost all inputs and class targets". With Q = 2 classes the outputs asked for lie on one line, only
N scalar equations are left of 2N, and the tanh network 2-2-2 meets them for N = 9 with 9 of its 12
parameters: cost zero and rank K = 12 < QN = 18, for any two class targets, at nine points in the plane
and for all inputs near them (TWO_CLASSES: an open set of data). Smaller, but without hidden layer: the
corners of a square with the first coordinate as class, K = 6 < QN = 8.

(c) Accordingly, started nearby, the flow does produce cost zero in these scenes. And it produces the
minimum over all parameters, positive as it may be, where there is no hidden layer: least squares. What
it does not produce, for almost every y, is the value zero.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from geomdl import Dataset, Problem, linearize, pseudoinverse, standard_field
from geomdl.arithmetic import Array
from geomdl.flows import Field
from geomdl.output_manifold import recover_parameters
from verification.chen2023.under_laws import (
    UNDER_AND_MATRICES,
    Piece,
    printed_field,
    printed_velocity,
    size_of_gradient,
    unit_of_solve,
)
from verification.machinery.checks import claim, variant
from verification.machinery.columns import ALGEBRAIC, FLOAT64, MP50, ORBITS, POINTWISE
from verification.machinery.points import Point
from verification.machinery.ratios import THRESHOLDS, Ratio, along_orbit, bound, identity, property_
from verification.scenes.matrices import DEFICIENT
from verification.scenes.pieces import projector_onto_range, squared
from verification.scenes.underparametrized import (
    AFFINE,
    ATTAINED,
    CORNERS,
    FOUND,
    NEAR,
    RANDOM_TARGETS,
    TWO_CLASSES,
    TWO_CLASSES_BESIDE,
    WITHOUT_RANK,
)

Number = Callable[[Point], Any]


@claim(
    "chen2023/remark-5.2/a",
    scenes=UNDER_AND_MATRICES,
    columns=ALGEBRAIC,
    controls=[
        variant("rank below K", scenes=(*WITHOUT_RANK, *DEFICIENT[2:5])),
        variant("|g|^2", law=lambda at: -squared(at.g)),
        variant("|grad_theta C|^2, as of the standard flow", law=lambda at: -squared(at.grad_theta)),
        variant("half of it", law=lambda at: -squared(projector_onto_range(at) @ at.g) / 2),
        variant("the standard velocity", velocity=lambda at: -at.grad_theta),
    ],
)
def test_cost_falls_at_the_rate_of_the_projected_gradient(
    at: Point,
    velocity: Piece = printed_velocity,
    law: Number = lambda at: -squared(projector_onto_range(at) @ at.g),
) -> list[Ratio]:
    rate = at.grad_theta @ velocity(at)
    return [
        identity(rate, law(at), scale=squared(at.g), **unit_of_solve(at)),
        property_(rate <= 0, "the cost does not rise"),
    ]


PANELS, NODES = 8, 6
LENGTH = 4.0
"""Of the orbits that are integrated over, in units of N."""


def quadrature() -> tuple[np.ndarray, np.ndarray]:
    """Return Gauss-Legendre nodes and weights on [0, LENGTH], more panels where orbits are fast."""
    nodes, weights = np.polynomial.legendre.leggauss(NODES)
    edges = LENGTH * np.linspace(0, 1, PANELS + 1) ** 2
    middle, half = (edges[1:] + edges[:-1]) / 2, (edges[1:] - edges[:-1]) / 2
    return (middle[:, None] + half[:, None] * nodes).ravel(), (half[:, None] * weights).ravel()


@claim(
    "chen2023/remark-5.2/a",
    scenes=(*NEAR[:2], AFFINE[1], TWO_CLASSES_BESIDE),
    columns=ORBITS[1:],
    controls=[
        variant("twice the rate", factor=2.0),
        variant("the standard flow", field=standard_field),
        variant("uphill", field=lambda problem, theta: printed_field(problem, theta, sign=1)),
    ],
)
def test_cost_that_is_lost_is_the_integral_of_the_projected_gradient(
    at: Point, field: Field = printed_field, factor: float = 1.0
) -> list[Ratio]:
    times, weights = quadrature()
    uphill = at.problem.gradient(at.theta) @ field(at.problem, at.theta) > 0
    orbit = at.orbit(
        field, end=LENGTH / 16 if uphill else LENGTH, times=[] if uphill else times.tolist()
    )
    costs = orbit.costs()
    scale = float(size_of_gradient(at)) * float(np.linalg.norm(at.g)) * at.N
    falls = property_(bool(np.all(np.diff(costs) <= 30 * at.rtol * costs[0])), "the cost falls")
    if uphill:
        return [falls]
    rates = []
    for time in times:
        theta = orbit.thetas[np.argmin(np.abs(orbit.times - time * at.N))]
        here = at.problem.linearize(theta)
        factored = pseudoinverse(here.jacobian(), rank=at.rank)
        rates.append(
            squared(factored.range_dual @ at.problem.cost.gradient(at.problem.data, here.stacked))
        )
    lost = factor * at.N * float(weights @ np.array(rates))
    return [along_orbit(costs[0] - costs[-1], lost, rtol=at.rtol, scale=scale), falls]


def roundoff_of_cost(at: Point) -> Any:
    """Return the cost that outputs give which miss their targets by rounding alone."""
    unit = at.arithmetic.array(
        [THRESHOLDS["identity"] * at.size * at.kappa * at.arithmetic.unit_roundoff]
    )[0]
    return at.number(at.N * len(at.x), 2) * (unit * size_of_gradient(at)) ** 2


CLASS_TARGETS = variant("class targets", scenes=(TWO_CLASSES, CORNERS))


@claim(
    "chen2023/remark-5.2/b",
    scenes=(RANDOM_TARGETS, *FOUND),
    columns=POINTWISE,
    controls=[variant("the targets in the image", targets=lambda at: at.x)],
    refuted=[CLASS_TARGETS],
)
def test_cost_is_positive_at_critical_points(at: Point, targets: Piece = lambda at: at.y) -> list[Ratio]:
    g = (at.x - targets(at)) / at.number(at.N)
    value = at.number(at.N, 2) * squared(g - projector_onto_range(at) @ g)  # (5.7)
    return [
        property_(at.rank == len(at.theta) < len(at.x), "rank K < QN"),
        bound(roundoff_of_cost(at), value, note=f"value {float(value):.3g}"),
    ]


def moved_one_by_one(at: Point) -> Array:
    """Move the targets of all samples by themselves."""
    return at.y + at.number(1, 2**10) * at.random(len(at.y))


def moved_by_classes(at: Point) -> Array:
    """Move the class targets."""
    data = at.problem.data
    return (data.targets + at.number(1, 2**10) * at.random(*data.targets.shape))[data.labels].reshape(-1)


@claim(
    "chen2023/remark-5.2/b",
    scenes=(TWO_CLASSES, *FOUND),
    columns=(FLOAT64, MP50),
    controls=[variant("class targets moved", scenes=(TWO_CLASSES,), moved=moved_by_classes)],
)
def test_exceptional_targets_cease_to_be_when_moved_one_by_one(
    at: Point, moved: Piece = moved_one_by_one
) -> list[Ratio]:
    # From targets in the image, y = x[theta]: the cost left is that of the normal part of the move.
    y = moved(at) - at.y + at.x
    found = recover_parameters(at.at_theta, y, rank=at.rank)
    x = at.problem.stacked(found.theta)
    across = y - at.x - projector_onto_range(at) @ (y - at.x)
    return [
        property_(found.converged, "the nearest point of the image is found"),
        bound(squared(across) / 4, squared(x - y), note="cost left"),
        bound(roundoff_of_cost(at) * 2 * at.N, squared(x - y), note="more than rounding"),
    ]


def inputs_moved(at: Point, one_by_one: bool) -> tuple[Problem, Array]:
    """Move all inputs, and the targets by classes or one by one; find the nearest outputs to them."""
    problem = at.problem
    inputs = problem.data.inputs + at.number(1, 2**9) * at.random(*problem.data.inputs.shape)
    y = (moved_one_by_one if one_by_one else moved_by_classes)(at)
    start = linearize(problem.network, at.theta, inputs)
    theta = recover_parameters(start, y, rank=at.rank).theta
    return Problem(problem.network, Dataset.regression(inputs, y.reshape(at.N, -1))), theta


@claim(
    "chen2023/remark-5.2/b",
    scenes=(TWO_CLASSES,),
    columns=POINTWISE,
    controls=[variant("targets moved one by one", one_by_one=True)],
)
def test_cost_zero_of_two_classes_persists_for_all_data_nearby(
    at: Point, one_by_one: bool = False
) -> list[Ratio]:
    problem, theta = inputs_moved(at, one_by_one)
    jacobian = problem.linearize(theta).jacobian()
    y = problem.data.stacked_targets
    return [
        property_(pseudoinverse(jacobian).rank == len(theta) < len(y), "rank K < QN"),
        identity(problem.stacked(theta), y, size=at.size, condition=at.kappa, note="outputs"),
    ]


def zero(at: Point) -> float:
    """Return the global minimum of the cost on R^(QN)."""
    return 0.0


def least_squares(at: Point) -> float:
    """Return the minimum over all parameters of an affine network, by another solver."""
    jacobian, y = at.arithmetic.to_float64(at.D), at.arithmetic.to_float64(at.y)
    residual = jacobian @ np.linalg.lstsq(jacobian, y, rcond=None)[0] - y
    return float(residual @ residual) / (2 * at.N)


LONG = 30.0
"""In units of N: e^(-s/N), by which x - y falls near cost zero, is below every tolerance."""


@claim(
    "chen2023/remark-5.2/c",
    scenes=(*NEAR[:3], AFFINE[1]),
    columns=ORBITS[1:],
    controls=[variant("targets in the image", scenes=ATTAINED)],
    refuted=[
        variant("class targets", scenes=(TWO_CLASSES_BESIDE,)),
        variant("the minimum over all parameters", scenes=AFFINE, minimum=least_squares),
    ],
)
def test_cost_stays_above_the_global_minimum(
    at: Point, minimum: Callable[[Point], float] = zero
) -> list[Ratio]:
    orbit = at.orbit(printed_field, end=LONG, times=(LONG / 2,))
    # What a tolerance of outputs leaves of the cost, to first order where the minimum is positive.
    size = float(np.linalg.norm(at.y)) * at.rtol
    left = THRESHOLDS["flow"] * size * (size + np.sqrt(2 * at.N * minimum(at))) / (2 * at.N)
    return [
        property_(orbit.status == "completed", "the orbit lives on"),
        bound(left, orbit.costs()[-1] - minimum(at), note="cost left"),
    ]
