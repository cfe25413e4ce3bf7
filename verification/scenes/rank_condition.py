"""Random points of spheres; networks whose Jacobian has full rank for almost every theta, or for none.

Laws on the sphere S^(n-1): those with a density (with respect to the uniform law), and those without
one, as controls. Networks: the scenes of ``networks`` and ``critical_points`` where they serve, and here
what they do not hold: columns of D that vanish, K far above QN without full rank, deep narrow ReLU.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import betainc, betaincinv

from geomdl import RATIONAL, Dataset, Network, Problem
from geomdl.arithmetic import Array
from verification.machinery.points import Scene
from verification.scenes.few_bits import few_bits
from verification.scenes.networks import ATTEMPTS, FULL_RANK

ALIGNED_CONDITION = (2e2, 9.5e2)

GRID = 2.0**40
"""Points of the sphere are rounded to multiples of 2^-40 and multiplied by it: integer directions."""

CAP_ANGLE = 0.3
"""Opening of the small cap, in radians."""

SHARE_ON_CIRCLE = 0.9

Draw = Callable[[np.random.Generator, int, int], np.ndarray]


@dataclass(frozen=True)
class Law:
    """A law of points on the sphere S^(n-1).

    Attributes
    ----------
    name : str
    draw : callable
        (generator, n, count) -> points, shape (count, n), float64.
    density : callable or None
        n -> a bound of its density with respect to the uniform law; None where there is none.
    """

    name: str
    draw: Draw
    density: Callable[[int], float] | None = None

    def directions(self, generator: np.random.Generator, dimension: int, count: int) -> Array:
        """Draw integer vectors with the directions of points, exactly, shape (dimension, count)."""
        points = self.draw(generator, dimension, count)
        return RATIONAL.array(np.round(GRID * points).T)


def within(codimension: int, dimension: int, distance: float) -> float:
    """Uniform probability of a distance at most this from a subspace of this codimension in R^QN.

    1 from everything, 0 (or 1, from a distance of 1 on) from the origin.
    """
    k = dimension - codimension
    if k in (0, dimension):
        return float(k == dimension or distance >= 1)
    return float(betainc(codimension / 2, k / 2, distance**2))


def cap_share(dimension: int, angle: float) -> float:
    """Uniform probability of a cap with this opening angle, at most a right angle."""
    return 0.5 if dimension == 1 else 0.5 * float(betainc((dimension - 1) / 2, 0.5, np.sin(angle) ** 2))


def _uniform(generator: np.random.Generator, dimension: int, count: int) -> np.ndarray:
    points = generator.standard_normal((count, dimension))
    return points / np.linalg.norm(points, axis=1, keepdims=True)


def _around(axis: np.ndarray, angles: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Place points at these angles from an axis, in uniform directions from it."""
    if len(axis) == 1:
        return np.tile(axis, (len(angles), 1))
    across = generator.standard_normal((len(angles), len(axis)))
    across -= np.outer(across @ axis, axis)
    across /= np.linalg.norm(across, axis=1, keepdims=True)
    return np.cos(angles)[:, None] * axis + np.sin(angles)[:, None] * across


def _cap(generator: np.random.Generator, dimension: int, count: int) -> np.ndarray:
    axis, share = _uniform(generator, dimension, 1)[0], generator.uniform(size=count)
    half = max((dimension - 1) / 2, 0.5)
    squares = betaincinv(half, 0.5, share * betainc(half, 0.5, np.sin(CAP_ANGLE) ** 2))
    return _around(axis, np.arcsin(np.sqrt(squares)), generator)


def _opposite_caps(generator: np.random.Generator, dimension: int, count: int) -> np.ndarray:
    return _cap(generator, dimension, count) * generator.choice([-1.0, 1.0], size=(count, 1))


def _pole(generator: np.random.Generator, dimension: int, count: int) -> np.ndarray:
    axis = _uniform(generator, dimension, 1)[0]
    return _around(axis, np.pi / 2 * generator.uniform(size=count) ** 2, generator)


def _atoms(generator: np.random.Generator, dimension: int, count: int) -> np.ndarray:
    return np.eye(dimension)[generator.integers(dimension, size=count)]


def _great_circle(generator: np.random.Generator, dimension: int, count: int) -> np.ndarray:
    return np.pad(_uniform(generator, dimension - 1, count), ((0, 0), (0, 1)))


def _mostly_on_it(generator: np.random.Generator, dimension: int, count: int) -> np.ndarray:
    on = generator.uniform(size=(count, 1)) < SHARE_ON_CIRCLE
    circle, anywhere = (law(generator, dimension, count) for law in (_great_circle, _uniform))
    return np.where(on, circle, anywhere)


def _in_pairs(generator: np.random.Generator, dimension: int, count: int) -> np.ndarray:
    points = np.repeat(_uniform(generator, dimension, (count + 1) // 2), 2, axis=0)[:count]
    return points * generator.choice([-1.0, 1.0], size=(count, 1))


UNIFORM = Law("uniform", _uniform, lambda n: 1.0)
CAP = Law("on a small cap", _cap, lambda n: 1 / cap_share(n, CAP_ANGLE))
OPPOSITE_CAPS = Law("on two opposite caps", _opposite_caps, lambda n: 0.5 / cap_share(n, CAP_ANGLE))
POLE = Law("unbounded density at a pole", _pole)

CONTINUOUS = (UNIFORM, CAP, OPPOSITE_CAPS, POLE)
"""Laws with a density; the supports are the sphere, small, not connected, a half sphere."""

BOUNDED = CONTINUOUS[:3]
"""Those with a bounded density, for which small probabilities have explicit bounds."""

ATOMS = Law("finitely many points", _atoms)
GREAT_CIRCLE = Law("on a great sphere", _great_circle)
MOSTLY_ON_IT = Law("nine tenths on a great sphere", _mostly_on_it)
IN_PAIRS = Law("uniform, not independent", _in_pairs)


def sphere_scene(dimension: int, count: int) -> Scene:
    """Make a scene of QN = dimension and K = count; its matrix is one uniform draw."""

    def draw(generator: np.random.Generator) -> tuple[Array, np.ndarray]:
        return UNIFORM.directions(generator, dimension, count), np.ones(dimension)

    facts = frozenset({"full rank"} if count >= dimension else {"under"})
    return Scene(f"sphere-QN{dimension}-K{count}", draw, facts, exact=True)


POINT_PAIR = sphere_scene(1, 2)
"""QN = 1: the sphere S^0 consists of the two points 1 and -1."""

SPHERES = (sphere_scene(3, 4), sphere_scene(2, 3), sphere_scene(5, 7), sphere_scene(8, 24))
"""K > QN >= 2."""

AS_MANY = (sphere_scene(2, 2), sphere_scene(6, 6))
"""K = QN."""

TOO_FEW = (sphere_scene(2, 1), sphere_scene(5, 4))
"""K = QN - 1."""


def late_scene(rows: int) -> Scene:
    """Make a matrix whose first QN columns are parallel in pairs and whose further columns are not."""

    def draw(generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        columns = generator.integers(1, 5, size=(rows, rows))
        columns[:, 1::2] = -columns[:, : rows - 1 : 2]
        return np.concatenate([columns, 3 * np.eye(rows, dtype=np.int64)], axis=1), np.ones(rows)

    return Scene(f"late-{rows}x{2 * rows}", draw, frozenset({"full rank"}), exact=True)


LATE = late_scene(3)
"""The columns span R^QN, the first QN do not."""


def _zero_coordinate(network: Network, samples: int, coordinate: int) -> Scene:
    def draw(generator: np.random.Generator) -> tuple[Problem, np.ndarray]:
        inputs = generator.integers(1, 8, size=(samples, network.inputs)) / 4
        inputs[:, coordinate] = 0
        theta = few_bits(network.random_theta(generator))
        targets = generator.integers(-4, 5, size=(samples, network.outputs)) / 4
        return Problem(network, Dataset.regression(inputs, targets)), theta

    return Scene(f"blank-{network}-N{samples}", draw, frozenset({"zero column"}), exact=True)


BLANK = (
    _zero_coordinate(Network([1, 1], "identity"), 1, 0),
    _zero_coordinate(Network([3, 4, 1], "square"), 3, 2),
)
"""A coordinate that is 0 in all inputs, like three pixels of the digits: its columns of D vanish at
every theta. The first is the smallest of its kind: x = w 0 + b."""


def without_full_rank(
    name: str,
    widths: Sequence[int],
    activation: str,
    inputs: Callable[[np.random.Generator], np.ndarray],
) -> Scene:
    """Make a scene of given inputs, drawn without any look at the rank."""
    network = Network(widths, activation)

    def draw(generator: np.random.Generator) -> tuple[Problem, np.ndarray]:
        points = few_bits(inputs(generator))
        targets = generator.integers(-4, 5, size=(len(points), network.outputs)) / 4
        return Problem(network, Dataset.regression(points, targets)), network.random_theta(generator)

    return Scene(name, draw, frozenset({"over", "rank in question"}))


def _gaussian(samples: int, width: int) -> Callable[[np.random.Generator], np.ndarray]:
    return lambda generator: generator.standard_normal((samples, width))


def _with_twins(generator: np.random.Generator) -> np.ndarray:
    return np.repeat(generator.standard_normal((2, 2)), [1, 2], axis=0)


def _on_a_line(generator: np.random.Generator) -> np.ndarray:
    return np.outer(np.arange(3), generator.integers(4, 17, size=40)) / 8


NARROW = tuple(
    without_full_rank(f"narrow-{inputs}-1-2-tanh-N3", [inputs, 1, 2], "tanh", _gaussian(3, inputs))
    for inputs in (2, 60)
)
"""One hidden unit, Q = 2, three distinct inputs: rank 5 < QN = 6 at every theta, for K = 7 and 65."""

TWINS = without_full_rank("twins-2-20-1-tanh-N3", [2, 20, 1], "tanh", _with_twins)
"""An input twice, K = 81 for QN = 3."""

LINE = without_full_rank("line-40-1-identity-N3", [40, 1], "identity", _on_a_line)
"""Distinct inputs on a line and no hidden layer, K = 41 for QN = 3."""

DYING = without_full_rank("dying-2-1-relu-N2-60-layers", [2, *[2] * 60, 1], "relu", _gaussian(2, 2))
"""60 hidden ReLU layers of width 2, K = 363 for QN = 2: with probability almost 1 the output is
constant in a neighbourhood of theta, and the rank is 1."""


def aligned_scene(base: Scene, position: int, scale: float, distance: float) -> Scene:
    """Shrink theta and move the targets off the outputs along one left singular vector of D.

    Parameters
    ----------
    base : Scene
        Network and inputs; of full rank.
    position : int
        Which singular vector: -1 the least, 0 the largest.
    scale : float
        Factor of all parameters; the smaller, the larger the condition number of D.
    distance : float
        |x - y|, so that the initial cost does not depend on the position.
    """

    def draw(generator: np.random.Generator) -> tuple[Problem, np.ndarray]:
        for _ in range(ATTEMPTS):
            problem, theta = base.draw(generator)
            theta = scale * theta
            left, sigma, _ = np.linalg.svd(problem.linearize(theta).jacobian())
            if ALIGNED_CONDITION[0] < sigma[0] / sigma[-1] < ALIGNED_CONDITION[1]:
                outputs = problem.stacked(theta) - distance * left[:, position]
                targets = outputs.reshape(problem.data.size, -1)
                return Problem(problem.network, Dataset.regression(problem.data.inputs, targets)), theta
        raise RuntimeError(f"no draw of {ATTEMPTS} from {base.name} has the condition asked for")

    where = {-1: "least", 0: "largest"}[position]
    return Scene(f"{where}-{base.name}", draw, frozenset({"full rank", "over", "aligned"}))


LEAST, LARGEST = (
    tuple(aligned_scene(base, position, 1 / 4, 1 / 4) for base in (FULL_RANK[0], *FULL_RANK[2:]))
    for position in (-1, 0)
)
"""The output gradient along the direction in which the metric (D D^T)^-1 is largest, or least."""
