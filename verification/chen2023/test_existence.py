"""Section 1.2: regularity of the gradient field, and existence and uniqueness of its orbits.

(a) With a hidden layer the field is Lipschitz on bounded sets and on no more: for one sample and two
layers of the identity it is cubic, and for 1-1-1 tanh quadratic in the output weight, although sigma' is
Lipschitz. The constant of a ball is ``geomdl.lipschitz.gradient_lipschitz_bound``. Only without hidden
layer one constant serves all of R^K.

(b) The local form of the theorem of Picard and Lindelof applies all the same: Picard's iteration
contracts, from any curve to one and the same orbit; for |z|^(3/2), whose derivative is not Lipschitz,
two curves solve one initial value problem. Orbits live for all s >= 0, as the cost bounds their speed,
|theta(s) - theta_0|^2 <= s (C_0 - C(s)).

(c) Backwards in time the cost grows, and so may theta. From w = W = 2 two layers of the identity blow
up at s = -log(4/3) / 2. The whole time axis is right for s >= 0, or if sigma and sigma' are bounded:
then the output layer V = [W_(L+1) b_(L+1)] obeys |V|' <= k |V| + |y| k^(1/2) backwards, k bounding
|(a_L, 1)|^2, and every other layer is driven by bounded functions of those above it.
"""

from collections.abc import Callable

import numpy as np

from geomdl import Problem, blow_up, cost_hessian, standard_field
from geomdl.arithmetic import Array
from geomdl.flows import Field
from geomdl.lipschitz import ACTIVATION_BOUNDS, ActivationBounds, gradient_lipschitz_bound
from verification.chen2023.standard_flow_laws import standard_orbit
from verification.machinery.checks import claim, variant
from verification.machinery.columns import ONLY_FLOAT64, ORBITS
from verification.machinery.points import Point
from verification.machinery.ratios import Ratio, along_orbit, bound, property_
from verification.scenes.networks import (
    BORDERLINE,
    FULL_RANK,
    FULL_RANK_EXACT,
    RANK_LOST,
    SMALLEST,
    UNDER,
    network_scene,
)
from verification.scenes.obstructed import PEAK
from verification.scenes.standard_flow import (
    BLOW_UP,
    BLOW_UP_OTHERS,
    BOUNDED_ACTIVATION,
    BRANCHING,
)

ONE_SAMPLE = (
    network_scene([1, 1, 1], "identity", 1, bits=3, facts=["full rank"], suffix="-two-layers"),
    SMALLEST[1],
)
"""The smallest networks with a hidden layer: K = 4, N = 1."""

AFFINE = network_scene([2, 1], "identity", 2, bits=3, facts=["full rank"], suffix="-no-hidden-layer")
KINKED = network_scene([2, 4, 2], "leaky_relu", 2, bits=3, facts=["full rank"], suffix="-at-a-kink")
EVERY = (
    *ONE_SAMPLE, *FULL_RANK, FULL_RANK_EXACT[0], *RANK_LOST, *UNDER, *BOUNDED_ACTIVATION[1:],
    network_scene([2, 3, 2], "gelu", 3),
)  # fmt: skip


def pairs_in_the_ball(at: Point, radius: float) -> list[tuple[np.ndarray, np.ndarray]]:
    """Draw pairs with |theta| < radius, close to each other; the output layer carries most of it."""
    network, pairs = at.problem.network, []
    last = network.outputs * (network.widths[-2] + 1)
    for _ in range(8):
        theta = at.generator.standard_normal(network.parameter_count)
        theta[-last:] *= radius
        theta *= 0.9 * radius / max(float(np.linalg.norm(theta)), radius)
        step = at.generator.standard_normal(theta.size)
        pairs.append((theta, theta + 1e-2 * min(radius, 1.0) * step / np.linalg.norm(step)))
    return pairs


def across_a_kink(at: Point, radius: float) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return a pair at a distance 1e-12, the first pre-activation of one sample changing sign."""
    theta = at.arithmetic.to_float64(at.theta).copy()
    (weight, bias), *_ = at.problem.network.layers(theta)
    bias[0] = -weight[0] @ at.arithmetic.to_float64(at.problem.data.inputs)[0]
    moved = theta.copy()
    bias[0] -= 5e-13
    at.problem.network.layers(moved)[0][1][0] += 5e-13
    return [(theta, moved)]


Pairs = Callable[[Point, float], list[tuple[np.ndarray, np.ndarray]]]


@claim(
    "chen2023/existence/a",
    scenes=EVERY,
    columns=ONLY_FLOAT64,
    controls=[
        variant("a kink: the derivative is not Lipschitz", scenes=[KINKED], pairs=across_a_kink,
                bounds=ActivationBounds(0.0, 1.0, 0.0, 1.0)),
        variant("no second derivative: 2-8-2 as if linear", scenes=[FULL_RANK_EXACT[0]],
                bounds=ActivationBounds(0.0, 0.0, 0.0, 1e-3)),
    ],
    refuted=[variant("one constant for all of R^K", scenes=ONE_SAMPLE, constant_of=lambda radius: 1.0)],
    corrected=[
        variant("a constant for every ball"),
        variant("one constant, no hidden layer", scenes=[AFFINE], constant_of=lambda radius: 1.0),
    ],
)  # fmt: skip
def test_gradient_field_is_lipschitz_on_bounded_sets(
    at: Point,
    constant_of: Callable[[float], float] = lambda radius: radius,
    pairs: Pairs = pairs_in_the_ball,
    bounds: ActivationBounds | None = None,
) -> list[Ratio]:
    problem, ratios = at.problem, []
    for radius in (1.0, 30.0, 1e3):
        constant = gradient_lipschitz_bound(problem, constant_of(radius), bounds)
        for one, other in pairs(at, radius):
            change = np.linalg.norm(problem.gradient(one) - problem.gradient(other))
            distance = float(np.linalg.norm(one - other))
            # terms of size L R carry the rounding, which a small distance enlarges
            slack = 30 * at.arithmetic.unit_roundoff * radius / distance
            ratios.append(bound(change / distance, constant, slack=slack, note=f"radius {radius:g}"))
    return ratios


NODES = 16


def integration_matrix() -> tuple[np.ndarray, np.ndarray]:
    """Return Chebyshev nodes in [0, 1] and the matrix that integrates from 0 to every node."""
    nodes = (1 - np.cos(np.pi * (np.arange(NODES) + 0.5) / NODES)) / 2
    powers = np.polynomial.chebyshev.chebvander(2 * nodes - 1, NODES - 1)
    antiderivatives = np.array(
        [
            np.polynomial.chebyshev.chebval(
                2 * nodes - 1, np.polynomial.chebyshev.chebint(unit, lbnd=-1, scl=0.5)
            )
            for unit in np.eye(NODES)
        ]
    ).T
    return nodes, antiderivatives @ np.linalg.inv(powers)


def random_curve(at: Point, nodes: np.ndarray, start: np.ndarray) -> np.ndarray:
    """Return a line in a random direction, as long as theta."""
    direction = at.generator.standard_normal(start.size)
    return start + np.outer(nodes, direction / np.linalg.norm(direction)) * (
        0.1 + 0.1 * np.linalg.norm(start)
    )


def leaving_at_once(at: Point, nodes: np.ndarray, start: np.ndarray) -> np.ndarray:
    """Return a curve whose hidden bias leaves zero as the square of the time."""
    curve = np.repeat(start[None, :], len(nodes), axis=0)
    curve[:, 1] += nodes**2
    return curve


Curve = Callable[[Point, np.ndarray, np.ndarray], np.ndarray]


def _local_length(at: Point) -> float:
    """Return 1/8 of the inverse norm of the Hessian, over which Picard's iteration contracts."""
    return 1 / (8 * float(np.linalg.norm(cost_hessian(at.problem, at.theta), 2)))


@claim(
    "chen2023/existence/b",
    scenes=(*FULL_RANK, FULL_RANK_EXACT[0], *RANK_LOST, UNDER[0], BORDERLINE[1], PEAK),
    columns=ORBITS[2:],
    controls=[
        variant("a derivative that is not Lipschitz", scenes=[BRANCHING], length=lambda at: 0.05,
                other=leaving_at_once),
        variant("another initial value", shift=1e-4),
    ],
)  # fmt: skip
def test_picard_iteration_leads_from_any_curve_to_the_one_orbit(
    at: Point,
    length: Callable[[Point], float] = _local_length,
    other: Curve = random_curve,
    shift: float = 0.0,
) -> list[Ratio]:
    nodes, integral = integration_matrix()
    start, duration = at.arithmetic.to_float64(at.theta), length(at)
    curves = [np.repeat(start[None, :], NODES, axis=0), other(at, nodes, start)]
    limits = []
    for curve, initial in zip(curves, (start, start + shift), strict=True):
        for _ in range(40):
            field = np.array([standard_field(at.problem, point) for point in curve])
            curve = initial + duration * integral @ field
        limits.append(curve)
    times = [float(node) * duration / at.N for node in nodes]
    orbit = at.orbit(standard_field, end=duration / at.N, times=times)
    chosen = [int(np.argmin(np.abs(orbit.times - node * duration))) for node in nodes]
    travelled = float(np.abs(orbit.thetas).max())
    return [
        along_orbit(limits[0], limits[1], rtol=at.rtol, scale=travelled, note="two curves"),
        along_orbit(limits[0], orbit.thetas[chosen], rtol=at.rtol, scale=travelled, note="the orbit"),
    ]


def guarded(problem: Problem, theta: Array) -> Array:
    """Return the standard field; NaN, from which the integrator withdraws, before numbers overflow."""
    return standard_field(problem, theta) if np.abs(theta).max() < 1e8 else np.nan * theta


def ascent(problem: Problem, theta: Array) -> Array:
    """Return the field of the reversed time."""
    return -guarded(problem, theta)


@claim(
    "chen2023/existence/b",
    scenes=(*FULL_RANK, FULL_RANK_EXACT[0], *RANK_LOST, *UNDER, *BORDERLINE, PEAK),
    columns=ORBITS,
    controls=[
        variant("time reversed", scenes=[BLOW_UP], field=ascent),
        variant("s (C_0 - C(s)) without the root", scenes=[PEAK], power=1.0),
    ],
)
def test_cost_bounds_the_distance_that_an_orbit_travels_in_positive_time(
    at: Point, field: Field | None = None, power: float = 0.5
) -> list[Ratio]:
    if field is None:
        orbit = standard_orbit(at, 4.0)
    else:
        orbit = at.orbit(field, end=4.0, events=[blow_up(1e6)])
    costs, start = orbit.costs(), orbit.thetas[0]
    distances = np.linalg.norm(orbit.thetas - start, axis=1)
    # C_0 - C(s) is known to the tolerance times C_0, and so is the distance
    room = np.maximum(orbit.times * (costs[0] - costs), 0.0) ** power
    slack = 30 * at.rtol * (1 + np.linalg.norm(start) + np.sqrt(orbit.times * costs[0]))
    return [
        property_(orbit.status == "completed", orbit.message),
        bound(np.max(distances[1:] / (room[1:] + slack[1:])), 1.0, note="|theta(s) - theta_0|"),
    ]


BACKWARDS = 0.25
"""How far back orbits are followed, in units of N."""


def limit_of_output_layer(at: Point, times: np.ndarray, growth: float = 1.0) -> np.ndarray:
    """Return the bound of |V(-s)| from V' <= k V + |y| k^(1/2), |(a_L, 1)|^2 <= k = M_L sup^2 + 1."""
    network, data = at.problem.network, at.problem.data
    largest = ACTIVATION_BOUNDS[network.activation.name].largest_value
    k = growth * (network.widths[-2] * largest**2 + 1)
    target = float(np.linalg.norm(at.arithmetic.to_float64(data.targets), axis=1).max())
    start = np.linalg.norm(output_layer(at, at.arithmetic.to_float64(at.theta)))
    return np.asarray(np.exp(k * times) * start + target * np.expm1(k * times) / np.sqrt(k))


def output_layer(at: Point, theta: np.ndarray) -> np.ndarray:
    """Return the entries of W_(L+1) and b_(L+1)."""
    network = at.problem.network
    return theta[..., -network.outputs * (network.widths[-2] + 1) :]


@claim(
    "chen2023/existence/c",
    scenes=BOUNDED_ACTIVATION,
    columns=ORBITS,
    controls=[variant("output layer bounded by a tenth of the rate", growth=0.1, scale=0.1)],
    refuted=[
        variant("two layers of the identity", scenes=[BLOW_UP]),
        variant("an unbounded activation", scenes=BLOW_UP_OTHERS),
    ],
)
def test_orbits_go_back_in_time_and_the_output_layer_grows_at_most_exponentially(
    at: Point, growth: float = 1.0, scale: float = 1.0
) -> list[Ratio]:
    orbit = at.orbit(guarded, end=-BACKWARDS, events=[blow_up(1e6)])
    if orbit.status != "completed":
        return [property_(False, orbit.message)]
    sizes = np.linalg.norm(output_layer(at, orbit.thetas), axis=1)
    limits = scale * limit_of_output_layer(at, -orbit.times, growth)
    return [bound(np.max(sizes / limits), 1.0, slack=30 * at.rtol * len(sizes), note="|V(-s)|")]


def end_of_balanced_orbit(at: Point, size: float, target: float = 1.0) -> float:
    """Return the s < 0 at which w = W of BLOW_UP is as large as size: p' = 2 p (p - y) backwards."""
    start = float(at.theta[0]) ** 2
    return -np.log((1 - target / size**2) / (1 - target / start)) / (2 * target)


@claim(
    "chen2023/existence/c",
    scenes=[BLOW_UP],
    columns=ORBITS,
    controls=[
        variant("half the time", factor=0.5),
        variant("target y = 2", target=2.0),
    ],
)
def test_orbit_of_two_linear_layers_ends_backwards_at_a_known_time(
    at: Point, factor: float = 1.0, target: float = 1.0
) -> list[Ratio]:
    found, known = [], []
    for size in (1e1, 1e3, 1e5):
        orbit = at.orbit(guarded, end=-BACKWARDS, events=[blow_up(size)])
        found.append(orbit.times[-1] if orbit.status == "blow-up" else np.nan)
        known.append(factor * end_of_balanced_orbit(at, size, target))
    return [along_orbit(np.array(found), np.array(known), rtol=at.rtol, scale=1.0)]
