"""Section 1.4, (1.17)-(1.21): the Jacobian of the outputs and the chain rule for the cost gradient.

Every entry of D, every component of grad_theta C and of grad_x C is held against differences of the
network as it is printed: f' = (8 (f(h) - f(-h)) - (f(2h) - f(-2h))) / (12 h) with the numbers of the
reference, which is exact for polynomials of degree 4 and piecewise linear functions off their kinks
(hence over the rationals), and has more digits than the column everywhere else.
"""

from collections.abc import Callable

import numpy as np

from geomdl import (
    CLASS_WEIGHTED,
    LEAST_SQUARES,
    Cost,
    Problem,
    adapted_field,
    standard_field,
)
from geomdl.arithmetic import Array
from geomdl.flows import Field
from verification.chen2023.printed_formulas import (
    STENCIL,
    Piece,
    Position,
    by_output,
    by_sample,
    derivative,
    gradient_by_differences,
    output_gradient,
    outputs_around,
    printed_cost,
    reference_arithmetic,
    stacked,
    step_for,
    unit_of_gradient,
)
from verification.machinery.checks import claim, variant
from verification.machinery.columns import ALGEBRAIC, ORBITS
from verification.machinery.points import Point
from verification.machinery.ratios import Ratio, along_orbit, identity
from verification.scenes.labelled import AT_A_KINK, LABELLED
from verification.scenes.networks import BORDERLINE, FULL_RANK, FULL_RANK_EXACT, SMALLEST, UNDER

SCENES = (*LABELLED, *FULL_RANK_EXACT[:1], *UNDER[:1], *BORDERLINE, *SMALLEST)
Transpose = Callable[[Array], Array]


@claim(
    "chen2023/jacobian/a",
    scenes=SCENES,
    columns=ALGEBRAIC,
    controls=[
        variant("rows stacked output by output", position=by_output),
        variant("theta lists the weights column by column", row_by_row=False),
        variant("a kink hit exactly", scenes=AT_A_KINK),
    ],
)
def test_jacobian_holds_the_derivative_of_every_output_in_every_parameter(
    at: Point, position: Position = by_sample, row_by_row: bool = True
) -> Ratio:
    around, step = outputs_around(at.scene, at.column, at.seed, row_by_row), step_for(at.arithmetic)
    columns = [
        [
            derivative(values, step)
            for values in zip(*(stacked(rows, position) for rows in one), strict=True)
        ]
        for one in around
    ]
    return identity(at.D, at.arithmetic.array(columns).T, size=sum(at.problem.network.widths))


@claim(
    "chen2023/jacobian/b",
    scenes=SCENES,
    columns=ALGEBRAIC,
    controls=[
        variant("D instead of its transpose", scenes=BORDERLINE, transpose=lambda D: D),
        variant("grad_x C without 1/N", output_gradient=lambda at: at.x - at.y),
        variant("targets stacked output by output", position=by_output),
        variant("a cost that sees theta directly", decay=1),
        variant("a kink hit exactly", scenes=AT_A_KINK),
    ],
)
def test_cost_gradient_is_the_transposed_jacobian_times_the_output_gradient(
    at: Point,
    output_gradient: Piece = output_gradient,
    transpose: Transpose = lambda D: D.T,
    position: Position = by_sample,
    decay: int = 0,
) -> list[Ratio]:
    through_outputs = gradient_by_differences(at.scene, at.column, at.seed, position)
    gradient = through_outputs + decay * at.theta  # of C[x[theta]] + decay |theta|^2 / 2
    unit = unit_of_gradient(at)
    return [
        identity(gradient, transpose(at.D) @ output_gradient(at), note="the matrix D", **unit),
        identity(gradient, at.at_theta.pull(output_gradient(at)), note="backpropagation", **unit),
    ]


@claim(
    "chen2023/jacobian/c",
    scenes=SCENES,
    columns=ALGEBRAIC,
    controls=[
        variant("ascent", sign=1),
        variant("grad_x C without 1/N", output_gradient=lambda at: at.x - at.y),
    ],
)
def test_standard_field_is_minus_the_transposed_jacobian_times_the_output_gradient(
    at: Point, sign: int = -1, output_gradient: Piece = output_gradient
) -> list[Ratio]:
    printed, unit = sign * (at.D.T @ output_gradient(at)), unit_of_gradient(at)
    gradient = gradient_by_differences(at.scene, at.column, at.seed, by_sample)
    return [
        identity(-gradient, printed, note="(1.9) and (1.19)", **unit),
        identity(standard_field(at.problem, at.theta), printed, note="the field of the library", **unit),
    ]


def printed_field(problem: Problem, theta: Array) -> Array:
    """-D^T (x - y_omega) / N with the matrix D."""
    at = problem.linearize(theta)
    return -at.jacobian().T @ ((at.stacked - problem.data.stacked_targets) / problem.data.size)


@claim(
    "chen2023/jacobian/c",
    scenes=(*FULL_RANK, *UNDER[:1], *SMALLEST),
    columns=ORBITS,
    controls=[
        variant("N times as fast", printed=lambda p, theta: p.data.size * printed_field(p, theta)),
        variant("the inverse in the place of the transpose", printed=adapted_field()),
    ],
)
def test_standard_orbits_follow_the_transposed_jacobian_from_the_same_start(
    at: Point, printed: Field = printed_field
) -> list[Ratio]:
    standard = at.orbit(standard_field, end=2.0)
    # Other stops and so other steps, lest the agreement be an echo.
    orbit = at.orbit(printed, end=2.0, times=(0.5, 1.25))
    scale = np.abs(standard.thetas).max()
    return [
        along_orbit(found, expected, rtol=at.rtol, scale=scale)
        for found, expected in (
            (orbit.thetas[0], at.arithmetic.to_float64(at.theta)),
            (orbit.end, standard.end),
        )
    ]


@claim(
    "chen2023/jacobian/d",
    scenes=SCENES,
    columns=ALGEBRAIC,
    controls=[
        variant("without 1/N", factor=lambda at: 1),
        variant("2/N", factor=lambda at: at.number(2, at.N)),
        variant("y - x", factor=lambda at: -at.number(1, at.N)),
        variant("targets stacked output by output", position=by_output),
        variant("the cost weighted by classes", cost=CLASS_WEIGHTED),
    ],
)
def test_output_gradient_is_the_error_over_N(
    at: Point,
    factor: Piece = lambda at: at.number(1, at.N),
    position: Position = by_sample,
    cost: Cost = LEAST_SQUARES,
) -> list[Ratio]:
    data, numbers = at.problem.data, reference_arithmetic(at.arithmetic)
    printed = factor(at) * (at.x - at.arithmetic.array(stacked(data.targets[data.labels], position)))
    # C is quadratic in x, so that differences with h = 1 are exact but for rounding.
    x = numbers.array(at.x).tolist()
    rows = [[[*x[:index], x[index] + k, *x[index + 1 :]] for k in STENCIL] for index in range(len(x))]
    width = at.problem.network.outputs
    differences = [
        derivative(
            [printed_cost(at, [one[i : i + width] for i in range(0, len(x), width)]) for one in moved], 1
        )
        for moved in rows
    ]
    scale = (at.arithmetic.largest(at.x) + at.arithmetic.largest(at.y)) / at.N
    return [
        identity(printed, at.arithmetic.array(differences), scale=scale, note="differences of C"),
        identity(printed, cost.gradient(data, at.x), scale=scale, note="the library"),
    ]
