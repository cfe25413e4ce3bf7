"""(2.55)-(2.56): the equation of the reparametrized flow, and the segment as its solution.

For x' = -grad_x C, C = |x - y|^2 / (2N), the path x~(t) = x(-N ln(1 - t)) satisfies on [0, 1)

    d/dt x~ = -grad_x C[x~] N / (1 - t) = -(x~ - y) / (1 - t),

and so does x^(t) = y + (1 - t)(x0 - y), whose derivative is -(x0 - y). The first is decided by
integrating both lines of (2.55) in t, as they stand, against x' = -grad_x C integrated in s; the second
exactly.
"""

from collections.abc import Callable

import numpy as np
from scipy.integrate import solve_ivp

from geomdl.arithmetic import Array
from verification.chen2023.orbit_laws import comparison_orbit
from verification.machinery.checks import claim, variant
from verification.machinery.columns import ALGEBRAIC, ORBITS
from verification.machinery.points import Point
from verification.machinery.ratios import Ratio, along_orbit, identity
from verification.scenes.networks import BORDERLINE, FULL_RANK, FULL_RANK_EXACT, SMALLEST, UNDER

END = 3.0
"""Final time in units of N; t = 0.95 there."""

SCENES = (*FULL_RANK, *BORDERLINE, *UNDER, *SMALLEST)
VectorField = Callable[[Point, float, np.ndarray], np.ndarray]


def output_gradient(at: Point, x: np.ndarray) -> np.ndarray:
    """Return grad_x C in the arithmetic of the column, rounded to float64."""
    gradient = at.problem.cost.gradient(at.problem.data, at.arithmetic.array(x))
    return at.arithmetic.to_float64(gradient)


def gradient_line(at: Point, t: float, x: np.ndarray) -> np.ndarray:
    """Return the second line of (2.55)."""
    return -output_gradient(at, x) * at.N / (1 - t)


def error_line(at: Point, t: float, x: np.ndarray) -> np.ndarray:
    """Return the third line of (2.55)."""
    return -(x - at.arithmetic.to_float64(at.y)) / (1 - t)


def solution_in_t(at: Point, line: VectorField, t: np.ndarray) -> np.ndarray:
    """Integrate d/dt x~ = line from x0 to the times t."""
    start = at.arithmetic.to_float64(at.x)
    return solve_ivp(
        lambda now, x: line(at, now, x), (0.0, t[-1]), start, method="DOP853", t_eval=t,
        rtol=at.rtol, atol=at.rtol * 1e-3,
    ).y.T  # fmt: skip


@claim(
    "chenewald2024/eq-2.55/a",
    scenes=SCENES,
    columns=ORBITS,
    controls=[
        variant("without the factor N", line=lambda at, t, x: -output_gradient(at, x) / (1 - t)),
        variant("without 1/(1 - t)", line=lambda at, t, x: -output_gradient(at, x) * at.N),
        variant("the sign of growth", line=lambda at, t, x: -gradient_line(at, t, x)),
    ],
)
def test_reparametrized_flow_follows_the_output_gradient_times_N_over_one_minus_t(
    at: Point, line: VectorField = gradient_line
) -> Ratio:
    s, x, _ = comparison_orbit(at, END)
    return along_orbit(solution_in_t(at, line, -np.expm1(-s / at.N)), x, rtol=at.rtol)


@claim(
    "chenewald2024/eq-2.55/b",
    scenes=SCENES,
    columns=ORBITS,
    controls=[
        variant("rate 2/(1 - t)", line=lambda at, t, x: 2 * error_line(at, t, x)),
        variant("x~ + y", line=lambda at, t, x: -(x + at.arithmetic.to_float64(at.y)) / (1 - t)),
    ],
)
def test_reparametrized_flow_follows_the_error_over_one_minus_t(
    at: Point, line: VectorField = error_line
) -> Ratio:
    s, x, _ = comparison_orbit(at, END)
    return along_orbit(solution_in_t(at, line, -np.expm1(-s / at.N)), x, rtol=at.rtol)


def segment(at: Point, eighths: int) -> Array:
    """x^(t) = y + (1 - t)(x0 - y) at t = eighths / 8."""
    return at.y + at.number(8 - eighths, 8) * (at.x - at.y)


@claim(
    "chenewald2024/eq-2.56/a",
    "chenewald2024/eq-2.56/b",
    scenes=(*SCENES, *FULL_RANK_EXACT),
    columns=ALGEBRAIC,
    controls=[
        variant("the sign of growth", sign=1),
        variant("without 1/(1 - t)", power=0),
        variant("x^ + y", target=-1),
    ],
)
def test_segment_has_a_constant_velocity_and_solves_the_reparametrized_equation(
    at: Point, sign: int = -1, power: int = 1, target: int = 1
) -> list[Ratio]:
    # The path is affine in t, so that a difference quotient is the derivative.
    velocity = (segment(at, 5) - segment(at, 3)) / at.number(1, 4)
    scale = at.arithmetic.largest(at.x) + at.arithmetic.largest(at.y)
    right_sides = [sign * (segment(at, 0) - target * at.y)]
    for eighths in (3, 7):
        error = segment(at, eighths) - target * at.y
        right_sides.append(sign * error / at.number(8 - eighths, 8) ** power)
    return [identity(velocity, right, scale=8 * scale) for right in right_sides]
