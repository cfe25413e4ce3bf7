"""Proposition 3.1: an orbit of the standard flow stays long where the gradient is small.

Let U be a region where |D^T g| < epsilon |g|, g = grad_x C, let I be the set of times at which the orbit
theta' = -D^T g is in U, s0 = inf I, and L_U the length of the orbit inside U. Then

    |I| >= N L_U / (epsilon |x[theta(s0)] - y|).

The proof is a chain: L_U is the integral of |theta'| = |D^T g| over I, at most |I| epsilon sup |g|, and
|g| = (2 C / N)^(1/2) = |x - y| / N is largest at s0, because the cost decreases. Neither epsilon << 1
nor epsilon |g| << 1 nor full rank of D enters, nor that I is an interval, nor that s0 belongs to I; if
|I| is infinite there is nothing to show. x[theta(s0)] = y cannot occur: such an orbit rests outside U.

U is given by inequalities, and I by their zeros along the orbit, which is integrated together with its
arc length. Where the orbit is still inside at the last time, U is cut off by a level of the cost.
epsilon is read off a pilot orbit, so that it is the same number in all columns.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Any

import numpy as np
from scipy.integrate import solve_ivp
from scipy.optimize import brentq

from geomdl import (
    LEAST_SQUARES,
    MEAN_SQUARE,
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
from geomdl.arithmetic import Array
from geomdl.flows import Field
from verification.machinery.checks import claim, variant
from verification.machinery.columns import ALGEBRAIC, FLOAT64, ORBITS, Column
from verification.machinery.points import Point, Scene
from verification.machinery.ratios import Ratio, along_orbit, bound, identity, property_
from verification.scenes.networks import FULL_RANK, FULL_RANK_EXACT, RANK_LOST, SMALLEST, UNDER

END = 10.0
"""Final time in units of N, unless the cost has fallen by a factor 1e-6 before."""

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
    thetas = orbit.dense(np.linspace(0.0, orbit.times[-1], LOOKS))
    return Pilot(thetas, np.array([quotient(at.problem, theta) for theta in thetas]), orbit.times[-1])


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
WITHOUT_N = Cost("|x - y|^2 / 2", lambda data: np.full(data.size, 2))


@claim(
    "chen2023/proposition-3.1/a",
    "chen2023/proposition-3.1/b",
    scenes=SCENES,
    columns=COLUMNS,
    controls=[
        variant("1/epsilon^2", regions=(slowest_twentieth,), power=2),
        variant("the quotient is 1000 epsilon in U", regions=(shell,), scenes=SOFTPLUS, excess=1000),
        variant("x at the last time in U", regions=(whole_orbit,), scenes=SMALLEST[:1], first=False),
        variant("the cost without 1/N", regions=(shell,), scenes=[MANY_SAMPLES], cost=WITHOUT_N),
        variant("the adapted flow", regions=(slowest,), scenes=[WIDER_SADDLE], field=ADAPTED),
    ],
)
def test_time_in_a_region_of_small_gradient_is_bounded_below_by_length_over_epsilon(
    at: Point,
    regions: Sequence[ChooseRegion] = REGIONS,
    power: int = 1,
    excess: float = 1,
    first: bool = True,
    field: Field = standard_field,
    cost: Cost = LEAST_SQUARES,
) -> list[Ratio]:
    ratios = []
    for region in regions:
        there = stay(at, region, field, cost)
        if not there.intervals:
            continue  # at this tolerance the orbit misses a thin region, and nothing is claimed
        error = there.way.error(there.begin if first else there.end)
        claimed = at.N * there.length / error / (there.epsilon / excess) ** power
        note = f"{region.__name__}: epsilon {there.epsilon:.3g}, {len(there.intervals)} intervals"
        ratios.append(bound(claimed, there.duration, slack=30 * at.rtol, note=note))
    return ratios


@claim(
    "chen2023/proposition-3.1-proof/a",
    scenes=(*FULL_RANK, *FULL_RANK_EXACT, *RANK_LOST, *UNDER, *SMALLEST),
    columns=ALGEBRAIC,
    controls=[
        variant("uphill", sign=1),
        variant("x - y instead of its N-th part", gradient=lambda at: at.x - at.y),
        variant("the cost |x - y|^2/N", gradient=lambda at: 2 * at.g),
    ],
)
def test_standard_flow_descends_along_the_transposed_jacobian(
    at: Point, sign: int = -1, gradient: Callable[[Point], Array] = lambda at: at.g
) -> Ratio:
    pulled_back = sum(row * entry for row, entry in zip(at.D, gradient(at), strict=True))
    scale = at.arithmetic.largest(at.D) * at.arithmetic.largest(at.g)
    return identity(standard_field(at.problem, at.theta), sign * pulled_back, scale=scale, size=at.size)


@claim(
    "chen2023/proposition-3.1-proof/b",
    scenes=(*FULL_RANK, *FULL_RANK_EXACT, *UNDER, *SMALLEST),
    columns=ALGEBRAIC,
    controls=[
        variant("the cost |x - y|^2/N", cost=MEAN_SQUARE),
        variant("another minimizer", shift=1, scenes=FULL_RANK[:1]),
    ],
)
def test_output_gradient_vanishes_exactly_at_the_targets_where_the_cost_is_least(
    at: Point, cost: Cost = LEAST_SQUARES, shift: int = 0
) -> list[Ratio]:
    data, error = at.problem.data, at.random(len(at.y)) + at.number(1, 128)
    minimizer = at.y + at.number(shift)
    gradient, value = cost.gradient(data, minimizer + error), cost.value(data, minimizer + error)
    square = (gradient * gradient).sum()
    return [
        identity(at.N * gradient, error, scale=at.arithmetic.largest(minimizer) + 3),
        # Gradient and cost control each other, so that both vanish where x = y and nowhere else.
        identity(square * at.N, 2 * value, size=len(at.y)),
        property_(bool(cost.value(data, minimizer) == 0 and value > 0), "least at the targets"),
    ]


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


@claim(
    "chen2023/proposition-3.1-proof/c",
    scenes=SCENES,
    columns=COLUMNS,
    controls=[
        variant("the gradient in output space", scenes=SCENES[1:2], which=1),
        variant("half of each piece of I", scenes=SCENES[1:2], part=0.5),
    ],
)
def test_length_in_the_region_is_the_integral_of_the_gradient(
    at: Point, which: int = 0, part: float = 1
) -> list[Ratio]:
    ratios = []
    for region in (slowest, cut_by_a_hyperplane):
        there = stay(at, region)
        chords = sum(chord_length(there.way, *piece) for piece in pieces(there))
        spans = [(begin, begin + part * (end - begin)) for begin, end in pieces(there)]
        integrals = sum(integral_of_the_gradient(there.way, *span, which) for span in spans)
        scale = chords + there.duration * stiffness(there.way)
        ratios.append(along_orbit([chords], [integrals], rtol=at.rtol, scale=scale))
    return ratios


@claim(
    "chen2023/proposition-3.1-proof/c",
    scenes=SCENES,
    columns=COLUMNS,
    controls=[
        variant("the quotient is 1000 epsilon in U", scenes=SOFTPLUS, excess=1000),
        variant("the last output gradient instead of the largest", scenes=SMALLEST[:1], last=True),
    ],
)
def test_length_in_the_region_is_at_most_epsilon_times_duration_times_the_largest_output_gradient(
    at: Point, excess: float = 1, last: bool = False
) -> list[Ratio]:
    ratios = []
    for region in (whole_orbit,) if last else (slowest, cut_by_a_hyperplane, whole_orbit):
        there = stay(at, region)
        chords = sum(chord_length(there.way, *piece) for piece in pieces(there))
        gradient = (
            there.way.output_gradient(there.end) if last else there.largest(there.way.output_gradient)
        )
        limit = there.duration * there.epsilon / excess * gradient
        ratios.append(bound(chords, limit, slack=30 * at.rtol, note=region.__name__))
    return ratios


@claim(
    "chen2023/proposition-3.1-proof/d",
    scenes=SCENES,
    columns=COLUMNS,
    controls=[
        variant("the cost at the last time in U", first=False, scenes=SCENES[1:2]),
        variant("C instead of 2C", factor=1),
        variant("1/N instead of 2/N with the cost |x - y|^2/N", cost=MEAN_SQUARE),
    ],
)
def test_output_gradient_in_the_region_is_largest_at_entry(
    at: Point, first: bool = True, factor: float = 2, cost: Cost = LEAST_SQUARES
) -> list[Ratio]:
    there = stay(at, slowest)
    problem, way, data = Problem(at.problem.network, at.problem.data, cost), there.way, at.problem.data
    gradient = there.largest(lambda time: norms(problem, way.dense(time)[:-1])[1])
    costs = there.largest(lambda time: way.error(time) ** 2 / (2 * at.N))
    # The state at s0 from an integration of its own, not from the samples of the supremum.
    s0 = (there.begin if first else there.end) / at.N
    entry = at.orbit(standard_field, end=s0).end if s0 > 0 else at.theta
    outputs = at.arithmetic.to_float64(problem.stacked(at.arithmetic.array(entry)))
    entry_cost = float(LEAST_SQUARES.value(data.to(FLOAT64.arithmetic), outputs))
    entry_error = float(np.linalg.norm(outputs - at.arithmetic.to_float64(at.y)))
    chain = [np.sqrt(factor * costs / at.N), np.sqrt(factor * entry_cost / at.N), entry_error / at.N]
    scale = gradient + np.sqrt(stiffness(way) / at.N)
    return [along_orbit([link], [gradient], rtol=at.rtol, scale=scale) for link in chain]


@claim(
    "chen2023/proposition-3.1-proof/d",
    scenes=(*FULL_RANK, *FULL_RANK_EXACT, *UNDER, *SMALLEST),
    columns=ALGEBRAIC,
    controls=[
        variant("the cost |x - y|^2/N", cost=MEAN_SQUARE),
        variant("2 C instead of 2 C / N", power=0),
    ],
)
def test_output_gradient_is_the_root_of_twice_the_cost_over_N(
    at: Point, cost: Cost = LEAST_SQUARES, power: int = 1
) -> list[Ratio]:
    gradient, value = cost.gradient(at.problem.data, at.x), cost.value(at.problem.data, at.x)
    square, error = (gradient * gradient).sum(), at.x - at.y
    size = len(at.y)
    return [
        identity(square, 2 * value / at.number(at.N**power), size=size),
        identity(square, (error * error).sum() / at.number(at.N**2), size=size),
    ]
