"""Challenges: what the gradient flow reaches in the under- and in the overparametrized regime.

(a) That C_* is the cost at a stationary point needs a bounded orbit (decided with
chen2023/gradient-vanishes/c) and a differentiable activation: the deck's ReLU network may settle at a
kink, in a strict minimum of the outputs at which the gradient to either side is not zero, for all data
nearby.

(b) With K < QN the outputs of all theta are a null set of R^(QN) (the image of a locally Lipschitz
map), so that generic y in R^(QN) have positive distance from every theta: cost zero is not attained.
Here the distance is a number: outputs of the chosen networks are polynomials of low degree in the
inputs. But as the deck has it, y repeats Q class targets, and these y are no generic ones: with K = 8
< QN = 12 the flow finds cost zero from an open set of starts, for an open set of data (CLUSTERS), and
for Q = 1 always. And if the global minimum may have positive cost, then the affine network finds it
from every start.

(c) With rank QN along the orbit, C(s) <= e^(-2 lambda s / N) C_0, lambda the least sigma_QN^2: from
starts close to a minimizer of full rank the flow reaches it. K >= QN alone does not grant any (PEAK).
"""

from itertools import combinations_with_replacement

import numpy as np

from geomdl import integrate, pseudoinverse, rank_loss, standard_field
from geomdl.arithmetic import Array
from verification.chen2023.orbit_laws import END, STILL_FULL
from verification.chen2023.standard_flow_laws import standard_orbit
from verification.machinery.checks import claim, variant
from verification.machinery.columns import ALGEBRAIC, ALL_ORBITS, ORBITS
from verification.machinery.points import Point
from verification.machinery.ratios import Ratio, along_orbit, bound, identity, property_
from verification.scenes.networks import FULL_RANK, FULL_RANK_EXACT
from verification.scenes.obstructed import PEAK, XOR
from verification.scenes.real_data import BREAST_CANCER, IRIS
from verification.scenes.standard_flow import (
    ALIVE,
    BESIDE,
    CLUSTERS,
    KINK_MINIMUM,
    LOCAL_MINIMUM,
    ONE_CLASS,
    POLYNOMIAL,
)

LONG = 60.0
FOUND = 1e-4
"""Fraction of the initial cost above the minimum at which it counts as found."""


def one_sided_gradients(at: Point) -> list[Array]:
    """Return grad_theta C to both sides of the kink of KINK_MINIMUM, as limits: by moving the bias."""
    shift = at.arithmetic.array(np.array([0.0, 2.0**-30, 0.0, 0.0]))
    return [at.problem.gradient(at.theta + side * shift) for side in (-1, 1)]


@claim(
    "slides2023/challenges/a",
    scenes=(BESIDE, FULL_RANK_EXACT[0], ALIVE, LOCAL_MINIMUM),
    columns=ORBITS[1:],
    controls=[variant("almost no time", time=0.1, scenes=(BESIDE, LOCAL_MINIMUM))],
    refuted=[variant("ReLU at a kink", scenes=[KINK_MINIMUM])],
)
def test_gradient_vanishes_where_the_cost_settles(at: Point, time: float = 40.0) -> list[Ratio]:
    # small steps of gradient descent, which need no solution of the differential equation
    theta, problem, size = at.theta, at.problem, 0.05
    start = float(np.linalg.norm(standard_field(problem, theta)))
    for _ in range(int(time * at.N / size)):
        theta = theta + size * standard_field(problem, theta)
    left = np.linalg.norm(standard_field(problem, theta))
    return [
        bound(left, 1e-2 * max(start, 0.1), note=f"|grad C| at C = {float(problem.value(theta)):.4g}")
    ]


@claim(
    "slides2023/challenges/a",
    scenes=[KINK_MINIMUM],
    columns=ALGEBRAIC,
    controls=[
        variant("both sides on one side", sides=(1, 1)),
        variant("from the left only", sides=(0, 0)),
    ],
)
def test_kink_is_a_minimum_without_a_gradient(at: Point, sides: tuple[int, int] = (0, 1)) -> list[Ratio]:
    gradients = one_sided_gradients(at)
    left, right = gradients[sides[0]], gradients[sides[1]]
    # the hidden bias is transversal to the kink: the slopes have opposite signs, a minimum across it;
    # a convex combination vanishes, so that there is no descent along the kink
    mixed = (right[1] * left - left[1] * right) / (right[1] - left[1]) if sides == (0, 1) else left
    scale = at.arithmetic.largest(abs(at.y))
    step = at.number(1, 2**20)
    return [
        property_(bool(left[1] < -at.number(1, 16) and right[1] > at.number(1, 16)), "slopes across"),
        bound(max(abs(value) for value in mixed), 30 * step * scale, note="no descent along the kink"),
        identity(at.problem.value(at.theta), at.number(9, 16), note="C = 9/16"),
    ]


def floor(at: Point) -> tuple[float, np.ndarray]:
    """Return the least cost of polynomials of the network's degree, and the projector onto these."""
    network = at.problem.network
    doubling = {"square": 2, "identity": 1}.get(network.activation.name)
    if doubling is None:
        return 0.0, np.eye(len(at.y))
    degree, inputs = (
        doubling ** (len(network.widths) - 2),
        at.arithmetic.to_float64(at.problem.data.inputs),
    )
    padded = np.concatenate([inputs, np.ones((at.N, 1))], axis=1).T
    monomials = [np.prod(factors, axis=0) for factors in combinations_with_replacement(padded, degree)]
    projector = pseudoinverse(np.array(monomials).T).range_projector()
    targets = at.arithmetic.to_float64(at.y)
    return float(np.sum((targets - projector @ targets) ** 2)) / (2 * at.N), projector


@claim(
    "slides2023/challenges/b",
    scenes=POLYNOMIAL,
    columns=ORBITS[1:],
    controls=[variant("K >= QN", scenes=(FULL_RANK_EXACT[0], BESIDE))],
    refuted=[
        variant("one class, Q = 1", scenes=ONE_CLASS),
        variant("two classes that collapse", scenes=[CLUSTERS]),
        variant("the positive minimum of a convex cost", scenes=POLYNOMIAL[:1], above_floor=True),
    ],
)
def test_flow_stays_away_from_the_global_minimum(at: Point, above_floor: bool = False) -> list[Ratio]:
    # theta grows slowly in deep polynomial networks, which makes their orbits stiff
    orbit = standard_orbit(at, 4.0 if at.scene in POLYNOMIAL[1:] else LONG)
    costs, (least, projector) = orbit.costs(), floor(at)
    left = costs[-1] - (least if above_floor else 0.0)
    outputs = orbit.outputs()
    scale = max(float(np.abs(outputs).max()), float(np.abs(at.arithmetic.to_float64(at.y)).max()))
    return [
        property_(bool(left > FOUND * costs[0]), f"C(s) - min C = {left:.3g}"),
        bound(least, costs.min(), slack=30 * at.rtol, note="least cost of polynomials of this degree"),
        along_orbit(
            outputs @ projector, outputs, rtol=at.rtol, scale=scale, note="outputs are polynomials"
        ),
    ]


def near_a_minimizer(at: Point) -> np.ndarray | None:
    """Return a start next to a theta of cost almost zero that the adapted flow finds, if it does."""
    boundary = [rank_loss(at.rank, STILL_FULL)] if at.scene in (PEAK, XOR) else []
    orbit = at.orbit(end=END, events=boundary)
    if orbit.costs()[-1] > FOUND * orbit.costs()[0]:
        return None
    moved = at.generator.standard_normal(at.theta.size)
    return np.asarray(at.arithmetic.array(orbit.end + 0.2 * moved / np.linalg.norm(moved)))


@claim(
    "slides2023/challenges/c",
    scenes=(*FULL_RANK, ALIVE, IRIS, BREAST_CANCER),
    columns=ALL_ORBITS,
    controls=[
        variant("K >= QN, but no theta of cost zero", scenes=(PEAK, XOR)),
        variant("the largest singular value", which=0),
    ],
)
def test_flow_from_a_favourable_start_decays_at_the_rate_of_the_least_singular_value(
    at: Point, which: int = -1
) -> list[Ratio]:
    start = near_a_minimizer(at)
    if start is None:
        return [property_(False, "no theta of cost zero is found")]
    end = (1.0 if "large" in at.scene.facts else 10.0) * at.N
    orbit = integrate(at.problem, standard_field, start, end, rtol=at.rtol)
    costs, spectra = orbit.costs(), []
    for theta in orbit.thetas[:: max(1, len(costs) // 20)]:
        jacobian = at.problem.linearize(at.arithmetic.array(theta)).jacobian()
        spectra.append(np.linalg.svd(at.arithmetic.to_float64(jacobian), compute_uv=False))
    sigma = np.min(spectra, axis=0)
    # an error of the tolerance in theta moves the outputs by sigma_1 times that
    error = 30 * at.rtol * np.max(spectra) * np.abs(orbit.thetas).max()
    noise = error * np.sqrt(2 * costs / at.N) + error**2 / (2 * at.N)
    limits = costs[0] * np.exp(-2 * sigma[which] ** 2 * orbit.times / at.N) + noise
    return [
        property_(bool(sigma[-1] > 0), "rank QN"),
        bound(np.max(costs / limits), 1.0, note="C(s)"),
        bound(costs[-1], 0.5 * costs[0] + noise[0], note="on the way to cost zero"),
    ]
