"""Introduction: the explicit minimizers of ReLU networks with K < QN, and the flows near them.

"Can generically not be approximated by gradient descent" has no meaning that this text fixes; the proof
is referred to another paper. What computing shows, on clustered data with K < QN, where the explicit
networks of cost zero exist:

- The modified flow of Theorem 5.1 is defined at no theta of any ReLU network with a hidden layer: with
  (w, b) what enters a unit and v what leaves it, D (w, b, -v) = 0, so that rank D < K (exactly, over the
  rationals). The flow with (D^T D)^+ is meant in the following.
- Both flows tend to cost zero from every start in a neighbourhood of an explicit network: the classes
  stay collapsed there, rank D = Q^2, and along the modified flow C = e^(-2s/N) C_0. If "generically"
  speaks of starts, a set of positive measure contradicts it.
- They tend to another network of cost zero, as near to the start as rounding the targets away allows,
  not to the explicit one: networks of cost zero form a manifold of dimension K - Q^2. If the explicit
  network itself is meant, the statement is true, as of any minimizer that is not isolated.
- With targets that move one by one, cost zero ceases to exist nearby: the spread of targets inside a
  class is left. If "generically" speaks of y in R^(QN), there is nothing to be approximated.
"""

from collections.abc import Callable

import numpy as np

from geomdl import Dataset, Orbit, Problem, adapted_field, integrate, pseudoinverse, standard_field
from geomdl.arithmetic import Array
from geomdl.flows import Field
from geomdl.truncation import clustered_minimizer
from verification.machinery.checks import claim, variant
from verification.machinery.columns import ALGEBRAIC, FLOAT64, ORBITS, RATIONAL
from verification.machinery.points import Point
from verification.machinery.ratios import Ratio, along_orbit, bound, identity, property_
from verification.scenes.clusters import TRUNCATING
from verification.scenes.networks import UNDER
from verification.scenes.underparametrized import RELU_CLUSTERS

NEAR = 2.0**-7
"""Largest move of a start away from the explicit network; its pre-activations are 1/8 and more."""

LONG = 40.0
"""Final time of standard orbits, in units of N."""


def explicit(at: Point) -> Array:
    """Return theta of the explicit network of cost zero."""
    data, network = at.problem.data, at.problem.network
    return clustered_minimizer(data, hidden_layers=len(network.widths) - 2).theta


def factor_moved(at: Point, theta: Array, sign: int = -1) -> Array:
    """Return the direction (W_1, b_1, -W_2): every unit of the first hidden layer is scaled."""
    network = at.problem.network
    (weight, bias), (outgoing, after), *rest = network.layers(theta)
    still = [(0 * each, 0 * shift) for each, shift in rest]
    return network.flatten([(weight, bias), (sign * outgoing, 0 * after), *still])


@claim(
    "chen2023/abstract/f",
    scenes=(*RELU_CLUSTERS, *TRUNCATING[1:3]),
    columns=ALGEBRAIC,
    controls=[
        variant("tanh", scenes=UNDER),
        variant("the wrong sign", scenes=TRUNCATING[1:2], sign=1),
    ],
    evidence=True,
)
def test_jacobian_of_a_relu_network_is_never_injective(at: Point, sign: int = -1) -> list[Ratio]:
    found = []
    candidates = [at.theta, explicit(at)] if at.scene in RELU_CLUSTERS else [at.theta]
    for theta in candidates:
        here, direction = at.problem.linearize(theta), factor_moved(at, theta, sign)
        jacobian = here.jacobian()
        scale = at.arithmetic.largest(abs(jacobian) @ abs(direction))
        found += [
            property_(bool(at.arithmetic.largest(direction) > 0), "the direction is not zero"),
            identity(jacobian @ direction, 0 * here.stacked, scale=scale, size=at.size),
        ]
    return found


@claim(
    "chen2023/abstract/f",
    scenes=RELU_CLUSTERS,
    columns=(FLOAT64, RATIONAL),
    controls=[variant("a random network", theta=lambda at: at.theta)],
    evidence=True,
)
def test_rank_at_the_explicit_network_is_far_below_K(
    at: Point, theta: Callable[[Point], Array] = explicit
) -> list[Ratio]:
    here, data = at.problem.linearize(theta(at)), at.problem.data
    rank = pseudoinverse(here.jacobian()).rank
    rows, columns = here.shape
    return [
        property_(columns < rows, f"K = {columns} < QN = {rows}"),
        identity(here.stacked, at.y, size=len(data.targets), condition=32, note="cost zero"),
        property_(rank == data.targets.size, f"rank {rank}"),
    ]


def beside(at: Point, theta: Array) -> Array:
    """Move all parameters at random, the first layer in proportion to the size of the inputs."""
    network, largest = at.problem.network, at.arithmetic.largest(at.problem.data.inputs)
    move = network.layers(at.random(len(theta)) * at.arithmetic.array([NEAR / 2])[0])
    (weight, bias), *rest = move
    return theta + network.flatten([(weight / largest, bias), *rest])


def orbit_from(at: Point, theta: Array, field: Field | None, problem: Problem | None = None) -> Orbit:
    """Integrate the modified flow for 8 N, at the rank of collapsed classes, or another one for 40 N."""
    problem = problem or at.problem
    rank = problem.data.targets.shape[1] * len(at.problem.data.targets)
    modified = adapted_field(rank=rank)
    end = 8.0 if field is None else LONG
    return integrate(problem, field or modified, theta, end * at.N, rtol=at.rtol)


def one_by_one(at: Point) -> Problem:
    """Move the targets of all samples by themselves."""
    data = at.problem.data
    targets = data.targets[data.labels]
    noise = at.random(*targets.shape) / 16
    return Problem(at.problem.network, Dataset.regression(data.inputs, targets + noise))


def same_targets(at: Point) -> Problem:
    """Leave the problem as it is."""
    return at.problem


@claim(
    "chen2023/abstract/f",
    scenes=RELU_CLUSTERS,
    columns=ORBITS[1:],
    controls=[
        variant("targets moved one by one", problem=one_by_one),
        variant("rate 1/N", rate=1.0),
    ],
    evidence=True,
)
def test_modified_flow_reaches_cost_zero_from_a_neighbourhood_of_the_explicit_network(
    at: Point, problem: Callable[[Point], Problem] = same_targets, rate: float = 2.0
) -> list[Ratio]:
    theta, given = beside(at, explicit(at)), problem(at)
    orbit = orbit_from(at, theta, None, given)
    costs, times = orbit.costs(), orbit.times / at.N
    size = float(np.linalg.norm(at.y))
    distance = np.sqrt(2 * at.N * costs[0]) * np.exp(-times)
    scale = (distance + at.rtol * size) * size / at.N
    return [along_orbit(costs, np.exp(-rate * times) * costs[0], rtol=at.rtol, scale=scale)]


@claim(
    "chen2023/abstract/f",
    scenes=RELU_CLUSTERS[:1],
    columns=ORBITS[1:2],
    controls=[variant("targets moved one by one", problem=one_by_one)],
    evidence=True,
)
def test_standard_flow_reaches_cost_zero_from_a_neighbourhood_of_the_explicit_network(
    at: Point, problem: Callable[[Point], Problem] = same_targets
) -> list[Ratio]:
    theta = beside(at, explicit(at))
    orbit = orbit_from(at, theta, standard_field, problem(at))
    costs = orbit.costs()
    return [bound(costs[-1], 1e-3 * costs[0], note="cost left")]


def across(at: Point, theta: Array) -> Array:
    """Move the parameters orthogonally to the networks of cost zero, along the range of D^T."""
    jacobian = at.problem.linearize(theta).jacobian()
    direction = jacobian.T @ at.random(len(jacobian))
    return theta + at.arithmetic.array([NEAR])[0] * direction / at.arithmetic.largest(direction) / 8


@claim(
    "chen2023/abstract/f",
    scenes=RELU_CLUSTERS,
    columns=ORBITS[1:],
    controls=[variant("a start moved across the networks of cost zero", start=across)],
    evidence=True,
)
def test_orbits_from_nearby_do_not_end_at_the_explicit_network_itself(
    at: Point, start: Callable[[Point, Array], Array] = beside
) -> list[Ratio]:
    goal = explicit(at)
    theta = start(at, goal)
    orbit = orbit_from(at, theta, None)
    before, after = (float(np.linalg.norm(each - goal)) for each in (theta, orbit.end))
    return [bound(before / 2, after, note=f"distance {before:.3g}, at the end {after:.3g}")]
