"""Scenes for prescribed paths, class averages and tangent kernels.

Twins: two initializations with the same outputs x_0, the targets y = x_0 + v, and a direction v that
lies in the range of D at the second, not at the first.

LINE        x = w2 (w1 t + b1) + b2 on t = -1, 1, at w2 = 0: the range of D is spanned by w1 t + b1 and
            1. At w1 = b1 = 0 that is rank 1, at w1 = 1 it is rank 2.
PARABOLA    x = w2 (w1 t + b1)^2 + b2 on t = -1, 0, 1, at w2 = 0: rank 2 for all (w1, b1) != 0, but
            spanned by (w1 t + b1)^2 and 1, of which v = t^2 is a multiple for b1 = 0 only. There it
            stays in the range: w1' and w2' keep b1 = 0.
MAPS        linear maps W2 W1 of R^2 of rank one: the second column of W2 acts on a hidden unit that is
            always zero. If it is zero as well, D has rank 5 of 6.
UNITS       two equal tanh units that share their output weight, against one of them with the full
            weight and another unit of output weight zero: rank 4 and 5 of 5.

The orbit BALANCED comes to a loss of rank: x = w2 (w1 t + b1) + b2 on t = -1, 1 with b1 = 0 and w1 = w2
at the start keeps w1 = w2 under every flow in range(D^T), so that the slope w1 w2 of the outputs cannot
become negative: on the way to targets of negative slope it comes to w1 = w2 = 0, where D has rank 1.

Families that are no networks are matrix scenes: D of the family, and g = (x - y)/N.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from geomdl import MEAN_SQUARE, Dataset, Network, Problem, linearize
from geomdl.arithmetic import Array
from geomdl.paths import violation
from geomdl.tangent_kernels import kernel_block, tangent_kernel
from verification.machinery.points import Point, Scene
from verification.scenes.few_bits import few_bits
from verification.scenes.networks import ATTEMPTS, inside_window, network_scene, rank_of

CLEARLY_VIOLATED = 0.05
"""Least sine of the angle between v and the range of D at the first twin."""

CLEARLY_SKEW = 1e-3
"""Least asymmetry of a block of the tangent kernel, relative to the largest entry of the kernel."""

Twin = Callable[[Network, Array], Array]
Pair = Callable[[np.random.Generator], tuple[Network, np.ndarray, np.ndarray, np.ndarray]]


def _eighths(generator: np.random.Generator, *shape: int) -> np.ndarray:
    """Draw multiples of 1/8 from 1/2 to 3/2, of either sign."""
    return generator.integers(4, 13, size=shape) / 8 * generator.choice([-1.0, 1.0], size=shape)


def _moved_unit(change: Callable[[list[tuple[Array, Array]]], None]) -> Twin:
    def twin(network: Network, theta: Array) -> Array:
        layers = [(weight + 0 * weight, bias + 0 * bias) for weight, bias in network.layers(theta)]
        change(layers)
        return network.flatten(layers)

    return twin


def _line(generator: np.random.Generator) -> tuple[Network, np.ndarray, np.ndarray, np.ndarray]:
    theta = np.array([0.0, 0.0, 0.0, _eighths(generator, 1)[0]])
    return Network([1, 1, 1], "identity"), theta, np.array([[-1.0], [1.0]]), _eighths(generator, 2)


def _line_twin(layers: list[tuple[Array, Array]]) -> None:
    layers[0] = (layers[0][0] + 1, layers[0][1])


def _parabola(generator: np.random.Generator) -> tuple[Network, np.ndarray, np.ndarray, np.ndarray]:
    w, b, constant, height = _eighths(generator, 4)
    inputs = np.array([[-1.0], [0.0], [1.0]])
    return (
        Network([1, 1, 1], "square"),
        np.array([w, b, 0, constant]),
        inputs,
        height * inputs[:, 0] ** 2,
    )


def _parabola_twin(layers: list[tuple[Array, Array]]) -> None:
    layers[0] = (layers[0][0], 0 * layers[0][1])


def _maps(generator: np.random.Generator) -> tuple[Network, np.ndarray, np.ndarray, np.ndarray]:
    first, second = np.zeros((2, 2)), np.zeros((2, 2))
    first[0, 0], second[:, 0] = _eighths(generator, 1)[0], _eighths(generator, 2)
    network, shift = Network([2, 2, 2], "identity"), _eighths(generator, 2)
    theta = network.flatten([(first, np.zeros(2)), (second, shift)])
    return network, theta, np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]]), _eighths(generator, 6) / 4


def _maps_twin(layers: list[tuple[Array, Array]]) -> None:
    p, q = layers[1][0][0, 0], layers[1][0][1, 0]
    layers[1][0][0, 1], layers[1][0][1, 1] = -q, p


def _units(generator: np.random.Generator) -> tuple[Network, np.ndarray, np.ndarray, np.ndarray]:
    (w, p, c), b = _eighths(generator, 3), _eighths(generator, 1)[0] / 4
    inputs = np.array([[-2.0], [-0.75], [0.0], [0.875], [2.0]])
    theta = np.array([w, w, b, b, p / 2, p / 2, c])
    return Network([1, 2, 1], "tanh"), theta, inputs, _eighths(generator, 5) / 64


def _units_twin(layers: list[tuple[Array, Array]]) -> None:
    (weight, bias), (out, _) = layers
    weight[1], bias[1] = -2 * weight[1], bias[1] + 1
    out[0, 0], out[0, 1] = 2 * out[0, 0], 0 * out[0, 1]


TWINS: dict[str, Twin] = {}
"""The second initialization by the name of the scene, whose theta is the first."""


def twin_of(at: Point) -> Array:
    """Return the second initialization."""
    return TWINS[at.scene.name](at.problem.network, at.theta)


def twin_scene(
    name: str, pair: Pair, change: Callable[[list[tuple[Array, Array]]], None], rank: int,
    twin_rank: int, *, exact: bool,
) -> Scene:  # fmt: skip
    """Make a scene of two initializations with these ranks and the same outputs."""
    twin = TWINS[name] = _moved_unit(change)

    def draw(generator: np.random.Generator) -> tuple[Problem, np.ndarray]:
        for _ in range(ATTEMPTS):
            network, theta, inputs, v = pair(generator)
            at = linearize(network, theta, inputs)
            targets = (at.stacked + v).reshape(len(inputs), -1)
            problem, second = Problem(network, Dataset.regression(inputs, targets)), twin(network, theta)
            there = problem.linearize(second)
            sines = [
                np.linalg.norm(violation(point, v, rank=r)) / np.linalg.norm(v)
                for point, r in ((at, rank), (there, twin_rank))
            ]
            ranks = rank_of(problem, theta), rank_of(problem, second)
            if ranks == (rank, twin_rank) and sines[0] > CLEARLY_VIOLATED and sines[1] < 1e-12:
                return problem, theta
        raise RuntimeError(f"scene {name}: no draw of {ATTEMPTS} has the ranks {rank} and {twin_rank}")

    return Scene(name, draw, frozenset({"rank lost", "over", "twins"}), exact=exact)


LINE = twin_scene("line-1-1-1-identity-N2", _line, _line_twin, 1, 2, exact=True)
PARABOLA = twin_scene("parabola-1-1-1-square-N3", _parabola, _parabola_twin, 2, 2, exact=True)
MAPS = twin_scene("maps-2-2-2-identity-N3", _maps, _maps_twin, 5, 6, exact=True)
UNITS = twin_scene("units-1-2-1-tanh-N5", _units, _units_twin, 4, 5, exact=False)

OF_DIFFERENT_RANK = (LINE, MAPS, UNITS)
"""Rank QN at the second initialization, not at the first."""

ALL_TWINS = (LINE, PARABOLA, MAPS, UNITS)


AFFINE = network_scene(
    [3, 2], "identity", 2, bits=3, facts=["full rank", "over"], suffix="-to-be-lifted"
)
"""No hidden layer: D does not depend on theta."""


def class_scene(
    widths: Sequence[int], activation: str, class_sizes: Sequence[int], *, bits: int | None = None
) -> Scene:
    """Make a scene of Q classes of these sizes in random order, and the cost |x - y|^2 / N of (2.7)."""
    network = Network(widths, activation)
    if len(class_sizes) != network.outputs:
        raise ValueError(f"got {len(class_sizes)} class sizes; expected Q = {network.outputs}")
    name = f"classes-{'+'.join(map(str, class_sizes))}-{network}"

    def draw(generator: np.random.Generator) -> tuple[Problem, np.ndarray]:
        labels = np.repeat(np.arange(len(class_sizes)), class_sizes)
        while len(labels) > 1 and len(class_sizes) > 1 and np.all(np.diff(labels) >= 0):
            labels = generator.permutation(labels)
        inputs = few_bits(generator.standard_normal((len(labels), network.inputs)), bits)
        targets = few_bits(generator.standard_normal((len(class_sizes), network.outputs)), bits)
        theta = few_bits(network.random_theta(generator), bits)
        return Problem(network, Dataset(inputs, labels, targets), MEAN_SQUARE), theta

    return Scene(name, inside_window(draw, None, name), frozenset({"classes"}), exact=bits is not None)


ONE_EACH = class_scene([1, 2], "identity", (1, 1), bits=2)
"""Q = 2 classes of one sample: the least with more than one class."""

ONE_CLASS = class_scene([2, 5, 1], "softplus", (4,))
"""Q = 1."""

CLASSES = (
    class_scene([2, 4, 2], "leaky_relu", (4, 1), bits=3),
    class_scene([2, 3, 3], "square", (1, 2, 3), bits=3),
    class_scene([3, 6, 4], "tanh", (2, 2, 2, 2)),
    ONE_EACH,
)
"""Unbalanced and balanced classes in random order."""

SPREAD = CLASSES[:3]
"""Those with deviations."""


def with_a_skew_block(scene: Scene) -> Scene:
    """Repeat the draws until the tangent kernel of two of the inputs is clearly not symmetric.

    Where one unit of the last hidden layer matters, or all weights of an output are zero, the kernel of
    any two inputs is symmetric: rare, save on a grid of few bits.
    """

    def draw(generator: np.random.Generator) -> tuple[Problem, np.ndarray]:
        for _ in range(ATTEMPTS):
            problem, theta = scene.draw(generator)
            inputs, count = problem.data.inputs, problem.data.size
            kernel = tangent_kernel(problem.linearize(theta), inputs, inputs)
            blocks = [kernel_block(kernel, i, j, 2) for i in range(count) for j in range(i)]
            if max(abs(b - b.T).max() for b in blocks) >= CLEARLY_SKEW * abs(kernel).max():
                return problem, theta
        raise RuntimeError(f"scene {scene.name}: {ATTEMPTS} draws have symmetric blocks")

    return replace(scene, draw=draw)


DEEP = tuple(
    with_a_skew_block(scene)
    for scene in (
        network_scene([2, 5, 4, 2], "tanh", 3, facts=["full rank", "over"]),
        network_scene([2, 4, 3, 2], "leaky_relu", 2, bits=3, facts=["full rank", "over"]),
        network_scene([2, 3, 2, 2], "square", 2, bits=3, facts=["full rank", "over"]),
    )
)
"""Two hidden layers and Q = 2: a block of the tangent kernel is not symmetric."""


def _balanced(generator: np.random.Generator) -> tuple[Problem, np.ndarray]:
    w, constant = generator.integers(4, 9) / 8, _eighths(generator, 1)[0]
    slope = generator.integers(4, 9) / 8
    targets = constant + slope * np.array([[1.0], [-1.0]])
    data = Dataset.regression(np.array([[-1.0], [1.0]]), targets)
    return Problem(Network([1, 1, 1], "identity"), data), np.array([w, 0.0, w, constant])


BALANCED = Scene(
    "balanced-1-1-1-identity-N2",
    inside_window(_balanced, 2, "balanced"),
    frozenset({"full rank", "over", "ends"}),
    exact=True,
)
"""Rank QN = 2 at the start; the adapted orbit comes to rank 1 in finite time."""


def _exponential(generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """f(t) = a e^(b t) + c on two inputs."""
    (a, b, _), t = generator.standard_normal(3), np.array([-0.5, 1.0])
    return np.stack([np.exp(b * t), a * t * np.exp(b * t), np.ones(2)], axis=1), generator.random(2)


def _similarity(generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """f(p) = r R(phi) p + q on two points of the plane."""
    r, phi = generator.uniform(0.5, 2), generator.uniform(0, 6)
    rotation = np.array([[np.cos(phi), -np.sin(phi)], [np.sin(phi), np.cos(phi)]])
    turned = np.array([[-np.sin(phi), -np.cos(phi)], [np.cos(phi), -np.sin(phi)]])
    points = generator.standard_normal((2, 2))
    rows = [np.column_stack([rotation @ p, r * turned @ p, np.eye(2)]) for p in points]
    return np.concatenate(rows), generator.random(4)


def _fraction(generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """f(t) = (a + b t) / (1 + c^2 t^2) + d on three inputs."""
    (a, b, _, _), t = generator.standard_normal(4), np.array([-1.0, 0.25, 2.0])
    c, one = generator.uniform(0.5, 1.5), np.ones(3)
    q = 1 + c**2 * t**2
    return np.stack([1 / q, t / q, -2 * c * t**2 * (a + b * t) / q**2, one], axis=1), generator.random(3)


def family_scene(name: str, draw: Callable[[np.random.Generator], tuple[Array, Array]]) -> Scene:
    """Make a scene of a family of functions that is no network, at a theta of rank QN."""

    def window(generator: np.random.Generator) -> tuple[Array, Array]:
        for _ in range(ATTEMPTS):
            jacobian, gradient = draw(generator)
            sigma = np.linalg.svd(jacobian, compute_uv=False)
            if sigma[-1] > 1e-2 * sigma[0]:
                return jacobian, gradient
        raise RuntimeError(f"scene {name}: no draw of {ATTEMPTS} has full rank")

    return Scene(name, window, frozenset({"full rank", "family"}), exact=True)


FAMILIES = (
    family_scene("family-a-exp(bt)+c", _exponential),
    family_scene("family-similarities-of-the-plane", _similarity),
    family_scene("family-of-fractions", _fraction),
)
"""Families of functions that are no networks."""
