"""The upper bounds of the minimum cost, in the printings of 2023 and of 2024.

Behind any truncation with independent class means T, and D, d as in :mod:`geomdl.output_layer`,

    min over W and b  <=  min over W  =  tr Y D (1 + D)^-1 Y^T  =  (1 - C_0 delta_P^2) |Y Delta_1|^2,
    C_0 = tr Y D^2 (1 + D)^-1 Y^T / (delta_P^2 |Y Delta_1|^2) >= 0,        |Y Delta_1|^2 = tr Y D Y^T,

with |.| the norm of L^2_N. So a bound of the printed shape holds with the norm squared. The printed one
does not: under Y -> t Y its left side grows like t^2, its right side like t. With three samples, two of
which are equal and of different classes, every network costs at least |y_1 - y_2|^2 / 3, and without
layers |Y Delta_1| = |y_1 - y_2|; so |y_1 - y_2| > 3 is a counterexample, whatever C_0 >= 0.

C_0 depends on everything: of 32 samples of a class two may deviate, and delta_P does not see how many.

The bound of 2024, linear in delta_P with some C, follows from tr D <= Q delta_P^2:

    tr Y D (1 + D)^-1 Y^T <= |Y|^2 Q delta_P^2 / (1 + Q delta_P^2) <= (sqrt(Q) / 2) |Y|^2 delta_P,

with |Y| the Hilbert-Schmidt norm. C has to grow like |Y|^2, and need not depend on the inputs.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from geomdl import CLASS_WEIGHTED, LEAST_SQUARES, Cost, Problem, linearize
from geomdl.arithmetic import Array
from geomdl.output_layer import deviation_matrix, least_cost, optimal_output_layer, relative_deviations
from geomdl.truncation import barycentric_coordinates
from verification.machinery.checks import claim, variant
from verification.machinery.columns import ALGEBRAIC, FLOAT32, FLOAT64, RATIONAL
from verification.machinery.points import Point, Scene
from verification.machinery.ratios import Ratio, bound, identity, property_
from verification.scenes.clusters import CLUSTERED, LOOSE, TRUNCATING, cost_floor
from verification.scenes.networks import ATTEMPTS
from verification.scenes.pieces import squared
from verification.scenes.truncated import (
    ONE_PAIR,
    OUTLIERS,
    SHARED_LARGE,
    THREE_POINTS,
    TIGHT,
    WIDE,
)
from verification.slides2023.deviation_norms import (
    SCENES,
    Least,
    behind_truncations,
    condition,
    largest_deviation_squared,
    weighted_norm_squared,
)

BOUNDS = (FLOAT32, FLOAT64, RATIONAL)
SLACK = 100.0
"""Of the bounds, in units of roundoff times condition."""

CLEAR_REST = 2.0**-8
"""Least effect of class weights on the cost, and of a hidden bias, for a rest to count as seen."""

Constant = Callable[[Point, Array], Any]


def slack(at: Point, points: Array) -> float:
    """Relative rounding of costs, with the condition of the means and of what they leave of d."""
    data = at.problem.data
    size = float(at.arithmetic.largest(points))
    left = float(at.arithmetic.largest(data.class_deviations(points)))
    return SLACK * at.arithmetic.unit_roundoff * condition(at, points) * size / left


def with_bias(at: Point, points: Array) -> Any:
    """Least cost over W and b, by least squares."""
    return optimal_output_layer(at.problem.data, points).cost


def without_bias(at: Point, points: Array) -> Any:
    """Least cost over W, by least squares."""
    return optimal_output_layer(at.problem.data, points, bias=False).cost


def matching_the_means(at: Point, points: Array) -> Any:
    """Cost of the output layer that just maps class means to targets."""
    data = at.problem.data
    mapped = barycentric_coordinates(data.class_averages(points), points) @ data.targets
    return CLASS_WEIGHTED.value(data, mapped.reshape(-1))


def best_constant(at: Point, points: Array) -> Any:
    """C_0 = tr Y D^2 (1 + D)^-1 Y^T / (delta_P^2 tr Y D Y^T)."""
    data = at.problem.data
    spread = deviation_matrix(data, points)
    eye = at.eye(len(spread))
    gain = (data.targets * (spread @ at.arithmetic.solve(eye + spread, spread @ data.targets))).sum()
    return gain / (largest_deviation_squared(at, points) * weighted_norm_squared(at, points))


def scaled(factor: int) -> Constant:
    """Return a multiple of the best constant."""
    return lambda at, points: factor * best_constant(at, points)


def fixed(numerator: int, denominator: int = 1) -> Constant:
    """Return the same constant for all data."""
    return lambda at, points: at.number(numerator, denominator)


def no_layer(at: Point) -> list[Array]:
    """Return the inputs as they are."""
    return [at.problem.data.inputs]


def of_every_network(at: Point, points: Array) -> Any:
    """Return what no network gets below, because of equal inputs of different classes."""
    return cost_floor(at)


PRINTED = "norm not squared"


@claim(
    "slides2023/cost-upper-bound/a",
    "slides2023/cost-upper-bound/b",
    scenes=SCENES,
    columns=ALGEBRAIC,
    controls=[
        variant("32 times the best constant", scenes=[WIDE], power=2, constant=scaled(32)),
        variant("a constant of 1/4 for all data", scenes=[OUTLIERS], power=2, constant=fixed(1, 4)),
        variant("no least squares", scenes=[WIDE], power=2, least=matching_the_means),
        variant(PRINTED, scenes=[SHARED_LARGE], least=of_every_network),
    ],
    refuted=[
        # The left side of no network is lower, and the right side of some truncations may be.
        variant(
            f"{PRINTED}, C_0 = 0",
            scenes=[THREE_POINTS, SHARED_LARGE],
            least=of_every_network,
            constant=fixed(0),
            at_truncations=no_layer,
        )
    ],
    corrected=[
        variant("norm squared", columns=BOUNDS, power=2),
        variant("norm squared, C_0 = 0", scenes=SCENES[:4], columns=BOUNDS, power=2, constant=fixed(0)),
        variant(
            "norm squared, equality without bias",
            scenes=SCENES[1:7],
            power=2,
            least=without_bias,
            equality=True,
        ),
    ],
)
def test_least_cost_is_bounded_by_the_norm_of_the_relative_deviations(
    at: Point,
    power: int = 1,
    constant: Constant = best_constant,
    least: Least = with_bias,
    at_truncations: Callable[[Point], list[Array]] = behind_truncations,
    equality: bool = False,
) -> list[Ratio]:
    ratios = []
    for points in at_truncations(at):
        norm_squared, delta_squared = (
            weighted_norm_squared(at, points),
            largest_deviation_squared(at, points),
        )
        best, lost = constant(at, points), least(at, points)
        factor = at.number(1) - best * delta_squared
        ratios.append(property_(best >= 0, "C_0 >= 0"))
        if equality:
            scale = squared(at.problem.data.targets) + norm_squared
            unit: dict[str, Any] = {"scale": scale, "condition": condition(at, points)}
            ratios.append(identity(lost, factor * norm_squared, size=at.N, **unit))
        elif power == 2:
            rest = slack(at, points)
            ratios.append(bound(lost, factor * norm_squared, slack=rest, note="norm squared"))
        else:  # both sides squared, as there is no square root over the rationals
            ratios.append(bound(lost**2, factor**2 * norm_squared, note="norm not squared"))
    return ratios


def with_a_rest(scene: Scene) -> Scene:
    """Repeat the draws until least squares leave a rest, which class weights and hidden layers change.

    Truncations may collapse classes to points: a rest of zero, whatever the weights are.
    """

    def draw(generator: np.random.Generator) -> tuple[Problem, np.ndarray]:
        for _ in range(ATTEMPTS):
            problem, theta = scene.draw(generator)
            data, network = problem.data, problem.network
            entering = problem.linearize(theta).activations[-1]
            found, other = (
                optimal_output_layer(data, entering, cost=cost)
                for cost in (CLASS_WEIGHTED, LEAST_SQUARES)
            )
            *hidden, _ = network.layers(theta)
            costs = [
                float(problem.value(network.flatten([*hidden, (each.weight, each.bias)])))
                for each in (found, other)
            ]
            solved = network.flatten([*hidden, (found.weight, found.bias)])
            (_, bias_slope), *_ = network.layers(problem.gradient(solved))
            if costs[1] - costs[0] >= CLEAR_REST and np.abs(bias_slope).max() >= CLEAR_REST:
                return problem, theta
        raise RuntimeError(f"scene {scene.name}: least squares leave no rest in {ATTEMPTS} draws")

    return replace(scene, name=f"{scene.name}-with-a-rest", draw=draw)


RELU_WITH_A_REST = with_a_rest(TRUNCATING[1])


def samples_weighted_by_class(at: Point) -> Cost:
    """Return the cost of the talks."""
    return at.problem.cost


@claim(
    "slides2023/cost-upper-bound/c",
    "slides2024/cost-upper-bound/b",
    scenes=(RELU_WITH_A_REST, *TRUNCATING[1:], CLUSTERED[1]),
    columns=ALGEBRAIC,
    controls=[
        variant("all samples weighted alike", cost=lambda at: LEAST_SQUARES),
        variant("the output layer of theta", solved=False),
        variant("parameters of the hidden layers", last=False),
    ],
)
def test_output_layer_is_a_least_squares_problem(
    at: Point,
    cost: Callable[[Point], Cost] = samples_weighted_by_class,
    solved: bool = True,
    last: bool = True,
) -> list[Ratio]:
    data, network = at.problem.data, at.problem.network
    *hidden, (weight, bias) = network.layers(at.theta)
    entering = at.at_theta.activations[-1]
    if solved:
        found = optimal_output_layer(data, entering, cost=cost(at))
        weight, bias = found.weight, found.bias
    theta = network.flatten([*hidden, (weight, bias)])
    moves = at.random(*weight.shape), at.random(len(bias))
    if last:
        moved = network.flatten([*hidden, (weight + moves[0], bias + moves[1])])
        steps = entering @ moves[0].T + moves[1]
    else:
        # A short move: where all units die the outputs are constant, as some output layer has them.
        first = (hidden[0][0], hidden[0][1] + moves[1] / 64)
        moved = network.flatten([first, *hidden[1:], (weight, bias)])
        steps = linearize(network, moved, data.inputs).outputs
        steps = steps - linearize(network, theta, data.inputs).outputs
    sizes = at.arithmetic.array(data.class_sizes[data.labels])
    expected = ((steps * steps).sum(axis=1) / sizes).sum()
    largest = at.arithmetic.largest
    reached = linearize(network, theta, data.inputs).outputs
    size = largest(reached) + largest(at.y) + largest(steps)
    unit: dict[str, Any] = {"size": at.N, "condition": spread_of_design(at, entering)}
    value = at.problem.value(theta)
    gradient = at.problem.gradient(theta)[-(weight.size + bias.size) :]
    return [
        identity(gradient, 0 * gradient, scale=size * (largest(entering) + 1), note="gradient", **unit),
        identity(at.problem.value(moved) - value, expected, scale=size**2, note="parabola", **unit),
    ]


def spread_of_design(at: Point, entering: Array) -> float:
    """Return the condition number of [x^(L), 1], of the part that counts."""
    rows = at.arithmetic.to_float64(entering)
    sigma = np.linalg.svd(np.hstack([rows, np.ones((at.N, 1))]), compute_uv=False)
    return float(sigma[0] / sigma[sigma > 1e-6 * sigma[0]][-1])


def closed_form(at: Point, points: Array) -> Any:
    """Least cost over W and b by the formula with D."""
    return least_cost(at.problem.data, points)


def closed_form_without_bias(at: Point, points: Array) -> Any:
    """Least cost over W alone by the formula with D."""
    return least_cost(at.problem.data, points, bias=False)


def condition_of_formula(at: Point, points: Array) -> float:
    """Return the condition number of the class means times that of Pi + D, of the part that counts."""
    spread = at.arithmetic.to_float64(deviation_matrix(at.problem.data, points))
    matrix = np.eye(len(spread)) - 1 / len(spread) + spread
    sigma = np.linalg.svd(matrix, compute_uv=False)
    return condition(at, points) * float(sigma[0] / sigma[sigma > 1e-13 * sigma[0]][-1])


@claim(
    "slides2023/cost-upper-bound/c",
    "slides2024/cost-upper-bound/b",
    scenes=(CLUSTERED[1], LOOSE, WIDE, ONE_PAIR, *TRUNCATING[2:]),
    columns=ALGEBRAIC,
    controls=[
        variant("without bias", formula=closed_form_without_bias),
        variant("class means mapped to targets", scenes=[WIDE], solved=matching_the_means),
        variant("|Y Delta_1|^2 itself", scenes=[LOOSE], formula=weighted_norm_squared),
    ],
)
def test_minimum_of_the_least_squares_problem_gives_the_bounds(
    at: Point, solved: Least = with_bias, formula: Least = closed_form
) -> list[Ratio]:
    ratios = []
    for points in behind_truncations(at):
        lost, closed = solved(at, points), formula(at, points)
        norm_squared = weighted_norm_squared(at, points)
        square, classes = squared(at.problem.data.targets), len(at.problem.data.targets)
        linear = square**2 * classes * largest_deviation_squared(at, points) / 4
        unit: dict[str, Any] = {"size": at.N, "condition": condition_of_formula(at, points)}
        rest = slack(at, points)
        ratios += [
            identity(lost, closed, scale=square, note="closed form", **unit),
            bound(lost, norm_squared, slack=rest, note="2023, squared, C_0 = 0"),
            bound(lost**2, linear, slack=rest, note="2024"),
        ]
    return ratios


def by_targets(at: Point) -> Any:
    """C^2 = Q |Y|^4 / 4."""
    return len(at.problem.data.targets) * squared(at.problem.data.targets) ** 2 / 4


def smallest_deviation_squared(at: Point, points: Array) -> Any:
    """Return the least |T^-1 (t - t_j)|^2."""
    return (relative_deviations(at.problem.data, points) ** 2).sum(axis=1).min()


@claim(
    "slides2024/cost-upper-bound/a",
    scenes=SCENES,
    columns=BOUNDS,
    controls=[
        variant("the least deviation", sup=smallest_deviation_squared),
        variant("delta_P cubed", scenes=[TIGHT], power=3),
        variant("no least squares", scenes=[WIDE], least=matching_the_means),
        variant(
            "C that does not depend on the targets",
            scenes=[THREE_POINTS, SHARED_LARGE],
            constant_squared=lambda at: at.number(1),
            least=of_every_network,
            at_truncations=no_layer,
        ),
    ],
)
def test_least_cost_is_bounded_by_a_constant_times_the_largest_relative_deviation(
    at: Point,
    constant_squared: Callable[[Point], Any] = by_targets,
    sup: Least = largest_deviation_squared,
    least: Least = with_bias,
    power: int = 1,
    at_truncations: Callable[[Point], list[Array]] = behind_truncations,
) -> list[Ratio]:
    # Both sides squared, as there is no square root over the rationals.
    return [
        bound(
            least(at, points) ** 2,
            constant_squared(at) * sup(at, points) ** power,
            slack=slack(at, points),
        )
        for points in at_truncations(at)
    ]
