"""Regions in which orbits are trapped, and what is measured while they stay."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Any

import numpy as np
from scipy.integrate import solve_ivp
from scipy.optimize import brentq

from geomdl import (
    LEAST_SQUARES,
    Cost,
    Dataset,
    Network,
    Problem,
    adapted_field,
    cost_reaches,
    integrate,
    load_real_data,
    standard_field,
)
from geomdl.flows import Field
from verification.machinery.columns import FLOAT64, ORBITS, Column
from verification.machinery.points import Point, Scene
from verification.scenes.networks import FULL_RANK, RANK_LOST

END = 10.0
"""Final time in units of N, unless the cost has fallen by a factor 1e-6 or the orbit rests before."""


REST = 1e-2
"""Of the largest |D^T g| so far, below which an orbit has come to rest: on the way into a critical point
|D^T g| / |g| falls to the error of the integrator, and what it does there is no property of the orbit.
Orbits that begin at rest, with a quotient that is rounding, have no such end."""


LOOKS = 200
"""Number of equidistant times at which orbits are looked at."""


COLUMNS = (Column("float32@1e-6", "float32", 1e-6), *ORBITS[1:])
"""At 1e-4 the errors of the orbit would dominate the small gradients that the claim is about."""


def near_a_saddle(scene: Scene, bits: int) -> Scene:
    """Scale theta by 2^-bits with the mean target as output bias: almost an equilibrium."""
    factor = 2.0**-bits

    def draw(generator: np.random.Generator) -> tuple[Problem, np.ndarray]:
        problem, theta = scene.draw(generator)
        layers = [(factor * weight, factor * bias) for weight, bias in problem.network.layers(theta)]
        layers[-1][1][:] = problem.data.targets[problem.data.labels].mean(axis=0)
        return problem, problem.network.flatten(layers)

    return Scene(f"{scene.name}-saddle{bits}", draw, frozenset({"plateau"}))


def many_samples(samples: int) -> Scene:
    """More samples than the network can fit; the rank of D plays no part."""

    def draw(generator: np.random.Generator) -> tuple[Problem, np.ndarray]:
        network = Network([2, 4, 1], "tanh")
        inputs = generator.standard_normal((samples, 2))
        data = Dataset.regression(inputs, generator.standard_normal((samples, 1)))
        return Problem(network, data), network.random_theta(generator)

    return Scene(f"2-4-1-tanh-N{samples}", draw, frozenset({"under"}))


def iris(samples: int) -> Scene:
    """Flowers of three classes and a small network."""

    def draw(generator: np.random.Generator) -> tuple[Problem, np.ndarray]:
        network = Network([4, 6, 3], "tanh")
        data = load_real_data("iris", samples, int(generator.integers(1 << 31)))
        return Problem(network, data), network.random_theta(generator)

    return Scene(f"iris-4-6-3-tanh-N{samples}", draw, frozenset({"real data"}))


SADDLE, WIDER_SADDLE = near_a_saddle(FULL_RANK[0], 16), near_a_saddle(FULL_RANK[0], 8)


MANY_SAMPLES = many_samples(24)


SCENES = (SADDLE, *FULL_RANK[1:3], RANK_LOST[0], MANY_SAMPLES, iris(12))


def norms(problem: Problem, theta: np.ndarray) -> tuple[float, float]:
    """|D^T g| and |g|, by backpropagation in the arithmetic of the problem."""
    at = problem.linearize(problem.data.arithmetic.array(theta))
    gradient = problem.cost.gradient(problem.data, at.stacked)
    return float(np.linalg.norm(at.pull(gradient))), float(np.linalg.norm(gradient))


def quotient(problem: Problem, theta: np.ndarray) -> float:
    """|D^T g| / |g|, which is below epsilon in U."""
    small, large = norms(problem, theta)
    return small / large


@dataclass(frozen=True)
class Pilot:
    """Equidistant points of the orbit, their quotients, and the final time."""

    thetas: np.ndarray
    quotients: np.ndarray
    end: float


@lru_cache(maxsize=64)
def pilot(scene: Scene, seed: int) -> Pilot:
    """Look at the orbit roughly, in float64."""
    at = scene.at(FLOAT64, seed)
    enough = cost_reaches(1e-6 * float(at.problem.value(at.theta)))
    orbit = integrate(at.problem, standard_field, at.theta, END * at.N, rtol=1e-6, events=[enough])
    times = np.linspace(0.0, orbit.times[-1], LOOKS)
    sizes, of_outputs = np.array([norms(at.problem, theta) for theta in orbit.dense(times)]).T
    at_rest = np.flatnonzero(sizes < REST * np.maximum.accumulate(sizes))
    begins_at_rest = sizes[0] < 1e-12 * of_outputs[0]
    end = float(times[-1] if begins_at_rest or not len(at_rest) else times[at_rest[0]])
    thetas = orbit.dense(np.linspace(0.0, end, LOOKS))
    return Pilot(thetas, np.array([quotient(at.problem, theta) for theta in thetas]), end)


Inequality = Callable[[float, np.ndarray], float]


@dataclass(frozen=True)
class Region:
    """The region U where functions of (quotient, theta) are negative; the quotient is below epsilon."""

    epsilon: float
    inequalities: tuple[Inequality, ...]


def slowest(seen: Pilot, part: float = 0.5) -> Region:
    """Where the quotient is among the smallest of the orbit, below its median by default."""
    epsilon = float(np.quantile(seen.quotients, part))
    return Region(epsilon, (lambda q, theta: q / epsilon - 1,))


def slowest_twentieth(seen: Pilot) -> Region:
    """Where the quotient is among the smallest twentieth: a smaller epsilon."""
    return slowest(seen, 0.05)


def shell(seen: Pilot) -> Region:
    """Where the quotient lies between 0.9 epsilon and epsilon."""
    slow = slowest(seen)
    return Region(slow.epsilon, (*slow.inequalities, lambda q, theta: 0.9 - q / slow.epsilon))


def cut_by_a_hyperplane(seen: Pilot) -> Region:
    """Cut the slowest half by a hyperplane through the mean of its points."""
    slow = slowest(seen)
    center = seen.thetas[seen.quotients < slow.epsilon].mean(axis=0)
    normal = np.random.default_rng(len(center)).standard_normal(len(center))
    return Region(slow.epsilon, (*slow.inequalities, lambda q, theta: float(normal @ (theta - center))))


def whole_orbit(seen: Pilot) -> Region:
    """Where the quotient is below its largest value: here epsilon is mostly above 1."""
    epsilon = 1.001 * float(np.max(seen.quotients))
    return Region(epsilon, (lambda q, theta: q / epsilon - 1,))


REGIONS = (slowest, slowest_twentieth, shell, cut_by_a_hyperplane, whole_orbit)


ChooseRegion = Callable[[Pilot], Region]


@dataclass(frozen=True)
class Course:
    """An orbit: dense output of (theta, arc length), its steps, and what is seen on a finer grid."""

    problem: Problem
    dense: Callable[[Any], np.ndarray]
    steps: np.ndarray
    grid: np.ndarray
    quotients: np.ndarray
    thetas: np.ndarray

    def look(self, time: float) -> tuple[float, np.ndarray]:
        """Return the quotient and theta at one time."""
        theta = self.dense(time)[:-1]
        return quotient(self.problem, theta), theta

    def output_gradient(self, time: float) -> float:
        """|g|."""
        return norms(self.problem, self.dense(time)[:-1])[1]

    def error(self, time: float) -> float:
        """|x[theta(s)] - y|."""
        problem, theta = self.problem, self.dense(time)[:-1]
        outputs = problem.stacked(problem.data.arithmetic.array(theta))
        return float(np.linalg.norm(outputs - problem.data.stacked_targets))


@lru_cache(maxsize=64)
def course(scene: Scene, column: Column, seed: int, field: Field, cost: Cost) -> Course:
    """Integrate theta' = field and length' = |theta'|."""
    at = scene.at(column, seed)
    problem = Problem(at.problem.network, at.problem.data, cost)
    # Another divisor of the cost only changes the speed at which the orbit is run through.
    end = pilot(scene, seed).end * cost.divisors(problem.data)[0] / (2 * at.N)

    def velocity(_: float, state: np.ndarray) -> np.ndarray:
        theta_dot = np.asarray(field(problem, at.arithmetic.array(state[:-1])), dtype=np.float64)
        return np.append(theta_dot, np.linalg.norm(theta_dot))

    start = np.append(at.arithmetic.to_float64(at.theta), 0.0)
    # Near a saddle most parameters are tiny, and so are the distances that matter.
    atol = at.rtol * float(np.median(np.abs(start)))
    result = solve_ivp(
        velocity, (0.0, end), start, method="DOP853", rtol=at.rtol, atol=atol, dense_output=True
    )
    grid = np.union1d(result.t, np.linspace(0.0, result.t[-1], LOOKS))
    thetas = result.sol(grid)[:-1].T
    quotients = np.array([quotient(problem, theta) for theta in thetas])
    return Course(problem, result.sol, result.t, grid, quotients, thetas)


def intervals_inside(way: Course, region: Region) -> list[tuple[float, float]]:
    """Return disjoint intervals that make up I, in order."""
    breaks = {way.grid[0], way.grid[-1]}
    for inequality in region.inequalities:
        signs = np.array([inequality(*seen) < 0 for seen in zip(way.quotients, way.thetas, strict=True)])
        for i in np.flatnonzero(signs[1:] != signs[:-1]):
            zero = brentq(lambda time, f=inequality: f(*way.look(time)), way.grid[i], way.grid[i + 1])
            breaks.add(zero)
    ends = sorted(breaks)

    def inside(begin: float, end: float) -> bool:
        seen = way.look((begin + end) / 2)
        return all(inequality(*seen) < 0 for inequality in region.inequalities)

    return [pair for pair in pairwise(ends) if inside(*pair)]


@dataclass(frozen=True)
class Stay:
    """What the proposition speaks of: the way through U, the set I, and epsilon."""

    way: Course
    intervals: list[tuple[float, float]]
    epsilon: float

    @property
    def begin(self) -> float:
        """The time s0 of first entry."""
        return self.intervals[0][0]

    @property
    def end(self) -> float:
        """The time of last exit."""
        return self.intervals[-1][1]

    @property
    def duration(self) -> float:
        """|I|."""
        return float(sum(end - begin for begin, end in self.intervals))

    @property
    def length(self) -> float:
        """L_U."""
        lengths = [self.way.dense(end)[-1] - self.way.dense(begin)[-1] for begin, end in self.intervals]
        return float(sum(lengths))

    def largest(self, function: Callable[[float], float]) -> float:
        """Return the supremum over I, from the grid and the ends of the intervals."""
        return max(
            function(time)
            for begin, end in self.intervals
            for time in (begin, *between(self.way.grid, begin, end), end)
        )


def between(times: np.ndarray, begin: float, end: float) -> np.ndarray:
    """Return the times strictly between two others."""
    return times[(begin < times) & (times < end)]


@lru_cache(maxsize=256)
def _stay(
    scene: Scene, column: Column, seed: int, choose: ChooseRegion, field: Field, cost: Cost
) -> Stay:
    region, way = choose(pilot(scene, seed)), course(scene, column, seed, field, cost)
    return Stay(way, intervals_inside(way, region), region.epsilon)


def stay(
    at: Point, choose: ChooseRegion, field: Field = standard_field, cost: Cost = LEAST_SQUARES
) -> Stay:
    """Let the orbit of the scene run through a region."""
    return _stay(at.scene, at.column, at.seed, choose, field, cost)


ADAPTED = adapted_field()


SOFTPLUS = FULL_RANK[2:3]


def pieces(there: Stay) -> list[tuple[float, float]]:
    """Cut the intervals of I at the steps, between which the dense output is a polynomial."""
    return [
        piece
        for begin, end in there.intervals
        for piece in pairwise((begin, *between(there.way.steps, begin, end), end))
    ]


def chord_length(way: Course, begin: float, end: float) -> float:
    """Length of an arc from chords alone, extrapolated to chords of length zero (Romberg)."""
    points = way.dense(np.linspace(begin, end, 17))[:-1].T
    rows: list[list[float]] = []
    for stride in (8, 4, 2, 1):
        row = [float(np.linalg.norm(np.diff(points[::stride], axis=0), axis=1).sum())]
        for order, coarse in enumerate(rows[-1] if rows else [], start=1):
            row.append(row[-1] + (row[-1] - coarse) / (4**order - 1))
        rows.append(row)
    return rows[-1][-1]


def integral_of_the_gradient(way: Course, begin: float, end: float, which: int = 0) -> float:
    """Integrate |D^T g|, or |g|, over time by Gauss-Legendre quadrature."""
    nodes, weights = np.polynomial.legendre.leggauss(5)
    times = (begin + end) / 2 + (end - begin) / 2 * nodes
    gradients = [norms(way.problem, way.dense(time)[:-1])[which] for time in times]
    return float((end - begin) / 2 * weights @ gradients)


def stiffness(way: Course) -> float:
    """sigma_1^2 / N times the size of theta: what a relative error of theta does to D^T g."""
    problem, convert = way.problem, way.problem.data.arithmetic.array

    def at(theta: np.ndarray) -> float:
        jacobian = np.asarray(problem.linearize(convert(theta)).jacobian(), dtype=np.float64)
        return (
            float(np.linalg.norm(jacobian, 2)) ** 2 / problem.data.size * max(1.0, np.abs(theta).max())
        )

    return max(at(theta) for theta in way.thetas[:: max(1, len(way.thetas) // 10)])
