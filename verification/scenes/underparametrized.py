"""Underparametrized networks, K < QN: orbits of rank K, critical points, targets that are attained.

Random starts of the adapted flow run into the loss of rank more often than not. Orbits start near
theta_1, with targets y = x[theta_1] + noise, and a draw is repeated until the rank stays K all along.

Two classes (TWO_CLASSES). With Q = 2 the outputs that two class targets y_1, y_2 ask for lie on one
line, and only N scalar equations are left of QN = 2N. The network 2-2-2 meets them along the line with
h(M + 2) + 1 = 9 parameters for N = 9, whatever y_1 and y_2 are. The scene is built backwards: nine
points on two level curves of a scalar network 2-2-1. There D has rank K = 12 < QN = 18, so that the
same network does so for all inputs nearby (implicit function theorem).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from geomdl import (
    FLOAT64,
    Dataset,
    Network,
    Problem,
    adapted_field,
    get_arithmetic,
    integrate,
    linearize,
    rank_loss,
)
from geomdl.arithmetic import Arithmetic, Array
from geomdl.critical_points import critical_targets, polish
from geomdl.output_manifold import principal_curvatures, recover_parameters
from verification.machinery.points import Point, Scene
from verification.scenes.clusters import cluster_scene
from verification.scenes.few_bits import few_bits
from verification.scenes.networks import (
    ATTEMPTS,
    Draw,
    inside_window,
    network_scene,
    rank_of,
)

MANY_DIGITS = get_arithmetic("mp120")
LARGEST_CONDITION = 200.0
END = 6.0
"""Final time of orbits, in units of N."""

AFFINE = (
    network_scene([1, 1], "identity", 3, bits=3, facts=["under", "injective", "affine"]),
    network_scene([2, 2], "identity", 6, bits=3, facts=["under", "injective", "affine"]),
)
"""No hidden layer; the first is the smallest network with K < QN. Random targets."""

WITHOUT_RANK = (
    network_scene([2, 2, 1], "leaky_relu", 14, rank=7, bits=3, facts=["under", "rank lost"]),
    network_scene([1, 1, 2], "square", 6, rank=5, bits=3, facts=["under", "rank lost"]),
)
"""K < QN and rank below K for every theta: a factor moved from what enters a hidden unit to what leaves
it changes no output."""


def _conditioned(problem: Problem, theta: np.ndarray, limit: float = LARGEST_CONDITION) -> bool:
    sigma = np.linalg.svd(problem.linearize(theta).jacobian(), compute_uv=False)
    return bool(sigma[-1] * limit > sigma[0])


def _unlabelled(network: Network, inputs: Array, arithmetic: Arithmetic = FLOAT64) -> Problem:
    targets = arithmetic.zeros((len(inputs), network.outputs))
    return Problem(network, Dataset.regression(arithmetic.array(inputs), targets))


def near_scene(
    widths: Sequence[int], samples: int, *, noise: float = 0.1, activation: str = "tanh"
) -> Scene:
    """Make a scene whose adapted orbit keeps rank K: targets x[theta_1] + noise, start near theta_1."""
    network = Network(widths, activation)
    name = f"{'near' if noise else 'attained'}-{network}-N{samples}"

    def draw(generator: np.random.Generator) -> tuple[Problem, np.ndarray]:
        for _ in range(ATTEMPTS):
            aim = network.random_theta(generator)
            inputs = generator.standard_normal((samples, network.inputs))
            theta = aim + 0.1 * generator.standard_normal(len(aim))
            error = noise * generator.standard_normal((samples, network.outputs))
            targets = _unlabelled(network, inputs).linearize(aim).outputs + error
            problem = Problem(network, Dataset.regression(inputs, targets))
            if _conditioned(problem, theta) and _keeps_rank(problem, theta):
                return problem, theta
        raise RuntimeError(f"scene {name}: no draw of {ATTEMPTS} keeps rank K")

    return Scene(name, draw, frozenset({"under", "injective", "attained" if noise == 0 else "noise"}))


def _keeps_rank(problem: Problem, theta: np.ndarray) -> bool:
    watch = [rank_loss(len(theta), 1 / LARGEST_CONDITION)]
    end = 2 * END * problem.data.size
    return integrate(problem, adapted_field(), theta, end, rtol=1e-4, events=watch).status == "completed"


NEAR = (
    near_scene([1, 1, 1], 8),
    near_scene([2, 1, 1], 9),
    near_scene([1, 1, 2], 6),
    near_scene([2, 2, 1], 14),
)
"""Rank K along the whole orbit, which ends at a critical point of positive cost."""

ATTAINED = (near_scene([1, 1, 1], 8, noise=0.0), near_scene([2, 1, 1], 9, noise=0.0))
"""The same without noise: exceptional targets, y = x[theta_1] in the image of the network."""


def _accepted(name: str, draw: Callable[[np.random.Generator], tuple[Problem, Array] | None]) -> Draw:
    """Repeat a draw until it succeeds with a well conditioned D of rank K."""

    def window(generator: np.random.Generator) -> tuple[Problem, Array]:
        for _ in range(ATTEMPTS):
            drawn = draw(generator)
            if drawn is not None:
                problem, theta = drawn[0].to(FLOAT64), FLOAT64.array(drawn[1])
                if rank_of(problem, theta) == len(theta) and _conditioned(problem, theta):
                    return drawn
        raise RuntimeError(f"scene {name}: no draw of {ATTEMPTS} has rank K")

    return window


def found_scene(base: Scene) -> Scene:
    """Make a scene of the critical point that Levenberg's method finds from the start of another one.

    Nothing is selected but the rank K of D: not the cost, and not the Hessian.
    """
    name = f"found-{base.name}"

    def draw(generator: np.random.Generator) -> tuple[Problem, Array] | None:
        problem, start = base.draw(generator)
        near = polish(problem, start, limit=30)
        if not near.converged or not _conditioned(problem, near.theta):
            return None
        many = problem.to(MANY_DIGITS)
        return many, polish(many, MANY_DIGITS.array(near.theta)).theta

    return Scene(name, _accepted(name, draw), frozenset({"under", "injective", "critical"}))


FOUND = tuple(found_scene(base) for base in NEAR[:3])
"""Critical points of rank K for targets that were not made for them."""


def random_targets_scene(widths: Sequence[int], samples: int) -> Scene:
    """Make a scene of a critical point found from random parameters, for N(0, 1) inputs and targets."""
    name = f"random-{Network(widths, 'tanh')}-N{samples}"
    base = network_scene(widths, "tanh", samples)
    scene = found_scene(base)
    return Scene(name, scene.draw, scene.facts, profile="default")


RANDOM_TARGETS = random_targets_scene([1, 1, 1], 8)
"""A critical point of rank K for random targets, one a sample; D is well conditioned there."""


def focal_scene(widths: Sequence[int], samples: int, distance: float) -> Scene:
    """Make a random theta critical, with targets on a normal at a multiple of the first focal distance.

    y = x[theta] + distance n / kappa_1, n a random unit normal, kappa_1 its largest principal curvature.
    """
    network = Network(widths, "tanh")
    name = f"focal{distance:g}-{network}-N{samples}"

    def draw(generator: np.random.Generator) -> tuple[Problem, Array] | None:
        inputs = MANY_DIGITS.array(generator.standard_normal((samples, network.inputs)))
        theta = MANY_DIGITS.array(network.random_theta(generator))
        residual = MANY_DIGITS.array(generator.standard_normal(samples * network.outputs))
        problem = _unlabelled(network, inputs, MANY_DIGITS)
        if not _conditioned(problem.to(FLOAT64), FLOAT64.array(theta)):
            return None
        at = problem.linearize(theta)
        normal = at.stacked - critical_targets(at, residual).reshape(-1)
        # n and -n have opposite curvatures, one of which is positive.
        curvature = max(principal_curvatures(at, sign * normal)[0] for sign in (1, -1))
        sign = 1 if principal_curvatures(at, normal)[0] == curvature else -1
        offset = MANY_DIGITS.array([distance * sign])[0] / curvature * normal
        targets = (at.stacked + offset).reshape(at.outputs.shape)
        return Problem(network, Dataset.regression(inputs, targets)), theta

    facts = {"under", "injective", "critical", "saddle" if distance > 1 else "minimum"}
    return Scene(name, _accepted(name, draw), frozenset(facts))


SADDLES = (
    focal_scene([1, 1, 1], 5, 1.25),
    focal_scene([2, 1, 1], 9, 1.25),
    focal_scene([1, 1, 2], 6, 1.25),
)
"""Targets beyond the first focal point: critical points of rank K at which the cost is no extremum. The
first is the smallest: one hidden unit, K = 4, QN = 5."""

MINIMA = (
    focal_scene([1, 1, 1], 5, 0.75),
    focal_scene([2, 1, 1], 9, 0.75),
    focal_scene([1, 1, 2], 6, 0.75),
)
"""Targets before it."""

CRITICAL = (*FOUND, *MINIMA, *SADDLES)


NINE_POINTS = np.array(
    [[22, 20], [5, 3], [-7, -2], [-34, 4], [-3, -3], [33, -16], [13, -5], [-13, -16], [-23, -39]]
) / 16  # fmt: skip
NINE_LABELS = np.repeat([0, 1], [4, 5])
SCALAR_START = np.array([-21, 9, 10, 17, -3, 2, -15, -16, 1]) / 8
"""Found by a search for a well conditioned example; SCALAR_START is a 2-2-1 network near the one that is
0 on the first four points and 1 on the others."""


def _two_classes(generator: np.random.Generator) -> tuple[Problem, Array] | None:
    inputs = MANY_DIGITS.array(NINE_POINTS + 0.02 * generator.standard_normal(NINE_POINTS.shape))
    targets = MANY_DIGITS.array(generator.standard_normal((2, 2)))
    scalar, network = Network([2, 2, 1], "tanh"), Network([2, 2, 2], "tanh")
    start = linearize(scalar, MANY_DIGITS.array(SCALAR_START), inputs)
    found = recover_parameters(start, MANY_DIGITS.array(NINE_LABELS.astype(float)))
    hidden, (outgoing, bias) = scalar.layers(found.theta)
    line = targets[1] - targets[0]
    theta = network.flatten([hidden, (line[:, None] * outgoing, targets[0] + bias[0] * line)])
    return (Problem(network, Dataset(inputs, NINE_LABELS, targets)), theta) if found.converged else None


def _beside(scene: Scene, name: str, distance: float) -> Scene:
    """Start at a distance from the theta of another scene."""

    def draw(generator: np.random.Generator) -> tuple[Problem, Array]:
        problem, theta = scene.draw(generator)
        start = FLOAT64.array(theta)
        return problem.to(FLOAT64), start + distance * generator.standard_normal(len(start))

    return Scene(name, draw, scene.facts - {"critical"})


TWO_CLASSES = Scene(
    "two-classes-2-2-2-tanh-N9",
    _accepted("two-classes", _two_classes),
    frozenset({"under", "injective", "critical", "class targets"}),
)
"""Cost zero at rank K = 12 < QN = 18, with any two class targets and for all inputs near nine points."""

TWO_CLASSES_BESIDE = _beside(TWO_CLASSES, "beside-two-classes-2-2-2-tanh-N9", 0.02)
"""The same with a random start nearby."""


def _corners(generator: np.random.Generator) -> tuple[Problem, np.ndarray]:
    targets = few_bits(generator.standard_normal((2, 2)), 2)
    inputs = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    network = Network([2, 2], "identity")
    weight = np.stack([targets[1] - targets[0], np.zeros(2)], axis=1)
    return Problem(network, Dataset(inputs, np.array([0, 0, 1, 1]), targets)), network.flatten(
        [(weight, targets[0])]
    )


CORNERS = Scene(
    "corners-2-2-identity-N4",
    inside_window(_corners, 6, "corners"),
    frozenset({"under", "injective", "critical", "class targets", "affine"}),
    exact=True,
)
"""The corners of the square, their class the first coordinate: K = 6 < QN = 8, rank 6 for every theta,
cost zero for any two class targets."""


def relu_clusters_scene(class_sizes: Sequence[int]) -> Scene:
    """Make a scene of clustered classes with K < QN, a ReLU network and the cost |x - y|^2 / (2N)."""
    base = cluster_scene(class_sizes)

    def draw(generator: np.random.Generator) -> tuple[Problem, np.ndarray]:
        problem, theta = base.draw(generator)
        return Problem(problem.network, problem.data), theta

    return Scene(f"under-{base.name}", draw, frozenset({"under", "clustered"}), exact=True)


RELU_CLUSTERS = (relu_clusters_scene((6, 5)), relu_clusters_scene((6, 6, 6)))
"""K = 18 < QN = 22 and K = 48 < QN = 54; an explicit network of zero cost is known."""


def at_zero_output_weights(at: Point) -> Array:
    """Return theta with the weights of the last layer replaced by zero."""
    layers = at.problem.network.layers(at.theta)
    layers[-1] = (0 * layers[-1][0], layers[-1][1])
    return at.problem.network.flatten(layers)
