"""Critical points of the cost, global minimizers, and exceptions that bound what holds at them.

Points and targets are computed with more digits than any column has, or exactly, so that in every
column a point is critical to the roundoff. A scene states the rank r of D; "constant rank" means that
random points nearby have the same rank, which is checked when the scene is drawn. No scene selects on
the Hessian. Points written down by hand, in few bits: :mod:`verification.scenes.critical_exact`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from geomdl import FLOAT64, RATIONAL, Dataset, Network, Problem, get_arithmetic, linearize, pseudoinverse
from geomdl.arithmetic import Arithmetic, Array
from geomdl.critical_points import critical_targets, polish, width_one_critical_point
from verification.machinery.points import Scene
from verification.scenes.few_bits import few_bits
from verification.scenes.networks import ATTEMPTS, FULL_RANK, rank_of

MANY_DIGITS = get_arithmetic("mp120")
NEARBY = 1 / 32
SMALLEST_GRADIENT = 1e-3
LARGEST_RESIDUE = 1e-12
LARGEST_PARAMETER = 20.0

Draw = Callable[[np.random.Generator], tuple[Problem, Array]]


def critical_scene(
    name: str,
    draw: Draw,
    rank: int | None,
    facts: Sequence[str],
    *,
    exact: bool = False,
    profile: str = "quick",
) -> Scene:
    """Make a scene from a draw of (problem, critical theta), repeated until the rank of D is clear.

    The output gradient is insisted on to be nonzero unless the facts say "minimizer"; with the fact
    "constant rank", random neighbours have to have the same rank. Any clear rank will do for None.
    """

    def accepted(problem: Problem, theta: np.ndarray, generator: np.random.Generator) -> bool:
        gradient = problem.cost.gradient(problem.data, problem.stacked(theta))
        moves = NEARBY * generator.standard_normal((3, len(theta))) if "constant rank" in facts else ()
        return (
            _has_rank(problem, theta, rank)
            and np.abs(theta).max() < LARGEST_PARAMETER
            and np.abs(problem.gradient(theta)).max() < LARGEST_RESIDUE
            and ("minimizer" in facts) == (np.abs(gradient).max() < SMALLEST_GRADIENT)
            and all(rank_of(problem, theta + move) in (rank, None) for move in moves)
        )

    def window(generator: np.random.Generator) -> tuple[Problem, Array]:
        for _ in range(ATTEMPTS):
            problem, theta = draw(generator)
            if accepted(problem.to(FLOAT64), FLOAT64.array(theta), generator):
                return problem, theta
        raise RuntimeError(f"scene {name}: no draw of {ATTEMPTS} is as promised")

    return Scene(name, window, frozenset({"critical", *facts}), exact=exact, profile=profile)


def _has_rank(problem: Problem, theta: np.ndarray, rank: int | None) -> bool:
    found = rank_of(problem, theta)
    return found is not None and rank in (None, found)


def _regression(arithmetic: Arithmetic, network: Network, inputs: Array, targets: Array) -> Problem:
    return Problem(network, Dataset.regression(arithmetic.array(inputs), arithmetic.array(targets)))


def closed_form_scene(inputs: int, outputs: int, samples: int, branch: int) -> Scene:
    """Make a scene of one hidden tanh unit at the closed-form critical point of a branch."""
    network, rank = Network([inputs, 1, outputs], "tanh"), samples + 2 * (outputs - 1)

    def draw(generator: np.random.Generator) -> tuple[Problem, Array]:
        points, targets = (
            generator.standard_normal((samples, inputs)), generator.standard_normal((samples, outputs))
        )  # fmt: skip
        problem = _regression(MANY_DIGITS, network, points, targets)
        theta = width_one_critical_point(problem.data.inputs, problem.data.targets, branch=branch)
        return problem, theta

    return critical_scene(
        f"branch{branch}-{network}-N{samples}", draw, rank,
        ["constant rank", "best of its rank" if branch == 1 else "not global"],
    )  # fmt: skip


def built_scene(
    widths: Sequence[int], activation: str, samples: int, rank: int, *, bits: int | None = None,
    duplicate: bool = False, moved: float = 0.0, profile: str = "quick",
) -> Scene:  # fmt: skip
    """Make a random theta critical by the targets y = x[theta] - rho, rho random in ker D^T.

    With bits, exactly so, over the rationals. With moved > 0 the targets are then changed at random by
    this much, and the critical point of the new targets is found by Levenberg's method: they were not
    made for it. With duplicate, the last two inputs are equal.
    """
    network = Network(widths, activation)
    arithmetic = MANY_DIGITS if bits is None else RATIONAL
    kind = "built" if not moved else "polished"

    def draw(generator: np.random.Generator) -> tuple[Problem, Array]:
        points = generator.standard_normal((samples, network.inputs))
        points[-1] = points[-2] if duplicate else points[-1]
        start, residual = (
            network.random_theta(generator),
            generator.standard_normal(network.outputs * samples),
        )
        change = moved * generator.standard_normal((samples, network.outputs))
        if bits is not None:
            points, start, residual = (few_bits(v, bits) for v in (points, start, residual))
        theta, exact_points = arithmetic.array(start), arithmetic.array(points)
        if rank_of(_regression(FLOAT64, network, points, np.zeros_like(change)), start) != rank:
            return _regression(FLOAT64, network, points, np.zeros_like(change)), start  # to be refused
        at = linearize(network, theta, exact_points)
        targets = critical_targets(at, arithmetic.array(residual), rank=rank) + arithmetic.array(change)
        problem = Problem(network, Dataset.regression(exact_points, targets))
        if not moved:
            return problem, theta
        near = polish(problem.to(FLOAT64), start)
        if not near.converged:
            return problem, theta  # no critical point of the new targets, to be refused
        return problem, polish(problem, arithmetic.array(near.theta)).theta

    facts = ["constant rank", *(["duplicate input"] if duplicate else [])]
    name = f"{kind}-{network}-N{samples}{'-duplicate' if duplicate else ''}"
    return critical_scene(name, draw, rank, facts, exact=bits is not None, profile=profile)


CLOSED_FORM = (
    closed_form_scene(2, 2, 3, 2), closed_form_scene(3, 2, 3, 1), closed_form_scene(3, 2, 3, 2),
    closed_form_scene(3, 3, 4, 3),
)  # fmt: skip
"""One hidden unit; the first three with K > QN, the last with K < QN, all of rank N + 2(Q - 1) < QN."""

NOT_GLOBAL = tuple(scene for scene in CLOSED_FORM if "not global" in scene.facts)
"""The same at saddles: branch 1 has a lower cost."""

BUILT = (
    built_scene([3, 1, 2], "tanh", 4, 6),
    built_scene([3, 2, 1, 2], "tanh", 4, 6),
    built_scene([2, 4, 1], "tanh", 4, 3, duplicate=True),
    built_scene([2, 1, 1], "tanh", 7, 5),
)
"""Rank below QN by a narrow layer, by equal inputs, and by K < QN."""

POLISHED = tuple(
    built_scene(widths, "tanh", 3, 5, moved=0.1, profile=profile)
    for widths, profile in (([3, 1, 2], "default"), ([2, 1, 1, 2], "deep"))
)
"""Critical points that Levenberg's method finds for random targets, in a second each."""


def found_scene(widths: Sequence[int], samples: int) -> Scene:
    """Make a scene of what Levenberg's method finds from a random theta for random targets.

    Nothing is selected but that the cost is not zero there.
    """
    network = Network(widths, "tanh")

    def draw(generator: np.random.Generator) -> tuple[Problem, Array]:
        points, targets = (
            generator.standard_normal((samples, network.inputs)),
            generator.standard_normal((samples, network.outputs)),
        )
        problem, start = _regression(FLOAT64, network, points, targets), network.random_theta(generator)
        near = polish(problem, start, limit=25)
        gradient = problem.cost.gradient(problem.data, problem.stacked(near.theta))
        if not near.converged or np.abs(gradient).max() < SMALLEST_GRADIENT:
            return problem, start  # to be refused
        many = problem.to(MANY_DIGITS)
        return many, polish(many, MANY_DIGITS.array(near.theta)).theta

    return critical_scene(f"found-{network}-N{samples}", draw, None, ["over"], profile="default")


FOUND = (found_scene([2, 2, 1], 4), found_scene([1, 2, 2], 3))
"""Equilibria of networks with K > QN whose D has rank QN at almost every theta."""

BUILT_EXACT = (
    built_scene([3, 1, 2], "square", 4, 6, bits=2),
    built_scene([2, 2, 1], "square", 7, 6, bits=2),
)
"""Critical over the rationals."""

CRITICAL = (*CLOSED_FORM, *BUILT, *BUILT_EXACT)
"""Equilibria with nonzero output gradient, around which the rank of D is constant and less than QN."""


def _zero_weights(generator: np.random.Generator) -> tuple[Problem, Array]:
    network, data = Network([2, 3, 2], "tanh"), generator.standard_normal((2, 4, 2))
    problem = _regression(MANY_DIGITS, network, *data)
    theta = MANY_DIGITS.zeros(network.parameter_count)
    theta[-2:] = problem.data.targets.sum(axis=0) / MANY_DIGITS.number(4)
    return problem, theta


def _split_unit(generator: np.random.Generator) -> tuple[Problem, Array]:
    problem, theta = NOT_GLOBAL[0].draw(generator)
    (w, b), (v, c) = problem.network.layers(theta)
    network, part = Network([2, 2, 2], "tanh"), MANY_DIGITS.number(1, 4)
    twice = [np.concatenate([each, each]) for each in (w, b)]
    layers = [(twice[0], twice[1]), (np.concatenate([part * v, (1 - part) * v], axis=1), c)]
    return Problem(network, problem.data), network.flatten(layers)


def _dead_units(generator: np.random.Generator) -> tuple[Problem, Array]:
    network, data = Network([2, 3, 2], "relu"), generator.standard_normal((2, 4, 2))
    problem = _regression(RATIONAL, network, *few_bits(data, 2))
    theta = RATIONAL.array(few_bits(network.random_theta(generator), 2))
    theta[6:9] = -15  # the biases of the hidden layer: no unit is ever active
    theta[-2:] = problem.data.targets.sum(axis=0) / RATIONAL.number(4)
    return problem, theta


ZERO_WEIGHTS = critical_scene("zero-weights-2-3-2-tanh-N4", _zero_weights, 2, [])
"""All weights zero, output bias the mean target: rank Q there, QN nearby."""

SPLIT_UNIT = critical_scene("split-unit-2-2-2-tanh-N3", _split_unit, 5, [])
"""A critical point of 2-1-2 whose hidden unit is split in two equal ones: rank 5 there, 6 nearby."""

RANK_NOT_CONSTANT = (ZERO_WEIGHTS, SPLIT_UNIT)
"""Equilibria at which the rank of D is lower than at any point nearby."""

DEAD_UNITS = critical_scene("dead-units-2-3-2-relu-N4", _dead_units, 2, ["constant rank"], exact=True)
"""No hidden unit is active on any input, output bias the mean target: rank Q in a neighbourhood."""


def _one_hot(generator: np.random.Generator) -> tuple[Problem, Array]:
    labels, targets = np.array([0, 1, 2, 3, 3]), MANY_DIGITS.eye(4)
    inputs = MANY_DIGITS.array(generator.standard_normal((5, 12)) / 2)
    theta = width_one_critical_point(inputs, targets[labels], branch=2)
    return Problem(Network([12, 1, 4], "tanh"), Dataset(inputs, labels, targets)), theta


ONE_HOT = critical_scene("one-hot-12-1-4-tanh-N5", _one_hot, 11, ["constant rank", "not global"])
"""Unit vectors as targets, three classes of equal size: S_2 = S_3 for the centered targets, branch 2.
K = 21 > QN = 20, distinct inputs; branch 1 has a lower cost."""

POLYGON = 9


def _polygons(generator: np.random.Generator) -> tuple[Problem, Array]:
    ring = np.exp(2j * np.pi * np.arange(POLYGON) / POLYGON)
    points = np.concatenate([ring, 1.5 * ring, [0]])
    inputs, labels = np.zeros((len(points), 50)), np.repeat([0, 1, 2], [POLYGON, POLYGON, 1])
    inputs[:, 0], inputs[:, 1] = points.real, points.imag
    targets = generator.standard_normal((3, 3))
    centered = targets[labels] - targets[labels].mean(axis=0)
    angle = generator.uniform(0, 2 * np.pi)
    s = (inputs @ np.eye(50, 2) @ [np.cos(angle), np.sin(angle)]) ** 2
    # The hidden value z = (s + c)^2 enters by its direction in the plane of s and s^2: the critical
    # ones are the two axes of the form |z . Y|^2 / |z|^2 there.
    orthonormal, triangular = np.linalg.qr(np.stack([s, s * s], axis=1) - [s.mean(), (s * s).mean()])
    axis = np.linalg.solve(triangular, np.linalg.svd(orthonormal.T @ centered)[0][:, 1])
    c = axis[0] / axis[1] / 2
    z = (s + c) ** 2
    second = (z - z.mean()) @ centered / (z.var() * len(z))
    direction = np.zeros((1, 50))
    direction[0, :2] = np.cos(angle), np.sin(angle)
    network = Network([50, 1, 1, 3], "square")
    theta = network.flatten(
        [(direction, np.zeros(1)), (np.ones((1, 1)), np.array([c])),
         (second[:, None], targets[labels].mean(axis=0) - z.mean() * second)]
    )  # fmt: skip
    return Problem(network, Dataset(inputs, labels, targets)), theta


POLYGONS = critical_scene("polygons-50-1-1-3-square-N19", _polygons, 9, ["constant rank", "not global"])
"""Inputs in a plane, classes: two regular 9-gons and their centre, with any targets y_1, y_2, y_3. The
outputs are polynomials of degree 4, for which such inputs look rotation invariant, so that equilibria
come in circles whatever the class targets are. K = 59 > QN = 57, distinct inputs, a saddle."""


def _affine(inputs: np.ndarray, targets: np.ndarray, network: Network) -> tuple[Problem, Array]:
    problem = _regression(RATIONAL, network, inputs, targets)
    at = problem.linearize(RATIONAL.zeros(network.parameter_count))
    return problem, pseudoinverse(at.jacobian()).apply(problem.data.stacked_targets)


def _collinear(generator: np.random.Generator) -> tuple[Problem, Array]:
    inputs = np.outer([0, 1, 2], generator.integers(1, 4, size=3))
    return _affine(inputs, generator.integers(-4, 5, size=(3, 1)), Network([3, 1], "identity"))


def _conflict(generator: np.random.Generator) -> tuple[Problem, Array]:
    inputs = np.full((2, 1), generator.integers(-2, 3))
    return _affine(inputs, generator.integers(-4, 5, size=(2, 1)), Network([1, 1], "identity"))


COLLINEAR = critical_scene(
    "collinear-3-1-identity-N3", _collinear, 2, ["constant rank", "least squares"], exact=True
)
"""Three distinct inputs on a line, affine network, K = 4 > QN = 3: theta is the least-squares solution,
a global minimizer because the cost is convex in theta, of positive cost."""

CONFLICT = critical_scene(
    "conflict-1-1-identity-N2",
    _conflict,
    1,
    ["constant rank", "least squares", "duplicate input"],
    exact=True,
)
"""The smallest of its kind: two equal inputs with different targets, K = QN = 2."""


def minimizer_scene(base: Scene) -> Scene:
    """Replace the targets of a scene by the outputs at theta: a global minimizer with cost zero."""

    def draw(generator: np.random.Generator) -> tuple[Problem, Array]:
        problem, theta = base.draw(generator)
        many = problem.to(MANY_DIGITS)
        targets = many.linearize(MANY_DIGITS.array(theta)).outputs
        reached = Problem(problem.network, Dataset.regression(many.data.inputs, targets))
        return reached, MANY_DIGITS.array(theta)

    problem = base.draw(np.random.default_rng(0))[0]
    return critical_scene(f"minimizer-{base.name}", draw, problem.equations, ["minimizer"])


MINIMIZERS = tuple(minimizer_scene(base) for base in FULL_RANK[:2])
"""Global minimizers of cost zero with D of full rank."""
