"""Trapping of orbits, first part of the slide: where D D^T > 0 no equilibrium is local.

With g = grad_x C = (x - y) / N and D D^T > 0 at one theta_*, D D^T g = 0 gives g = 0, hence C = 0, a
global minimum; sigma_QN^2 |g| <= |D D^T g| says it with a constant. The vanishing of D D^T g, the
velocity of the outputs, and of D^T g, that of the parameters, are the same: |D^T g|^2 = (g, D D^T g).

Only the rank at theta_* enters, for equilibria of either flow. Existence is another matter: networks of
full rank at almost every theta whose targets are out of reach have no equilibrium at all
(scenes ``obstructed``). Where rank is lost, local equilibria exist.
"""

from collections.abc import Callable
from typing import Any

from geomdl import CLASS_WEIGHTED, LEAST_SQUARES, MEAN_SQUARE, Cost
from geomdl.arithmetic import Array
from verification.machinery.checks import claim, variant
from verification.machinery.columns import ALGEBRAIC
from verification.machinery.points import Point
from verification.machinery.ratios import Ratio, identity, property_
from verification.scenes.critical_points import BUILT, BUILT_EXACT, CRITICAL, DEAD_UNITS, MINIMIZERS
from verification.scenes.matrices import DEFICIENT, FULL_ROW_RANK
from verification.scenes.networks import (
    BORDERLINE,
    FULL_RANK,
    FULL_RANK_EXACT,
    RANK_LOST,
    SMALLEST,
    UNDER,
)

NETWORKS = (*FULL_RANK, *FULL_RANK_EXACT, *BORDERLINE, *SMALLEST)


@claim(
    "slides2024/no-local-equilibria/a",
    scenes=(*NETWORKS, *MINIMIZERS),
    columns=ALGEBRAIC,
    controls=[
        variant("without 1/N", divisor=lambda at: 1),
        variant("the cost |x - y|^2/N", cost=MEAN_SQUARE),
        variant("the cost weighted by classes", cost=CLASS_WEIGHTED),
    ],
)
def test_output_gradient_is_the_error_over_N_where_the_kernel_is_positive(
    at: Point, divisor: Callable[[Point], int] = lambda at: at.N, cost: Cost = LEAST_SQUARES
) -> list[Ratio]:
    # Half the difference of C(x + h) and C(x - h) is the derivative along h: C is quadratic.
    data, printed = at.problem.data, (at.x - at.y) / at.number(divisor(at))
    ratios = [property_(at.rank == len(at.y), "the kernel is positive definite")]
    for step in (at.random(len(at.y)) for _ in range(3)):
        moved = [cost.value(data, at.x + sign * step) for sign in (1, -1)]
        terms = cost.value(data, abs(at.x) + abs(at.y) + abs(step))
        difference = (moved[0] - moved[1]) / 2
        ratios.append(identity(difference, printed @ step, scale=terms, size=len(at.y)))
    return ratios


def printed_kernel(at: Point) -> Array:
    """Return D D^T."""
    return at.D @ at.D.T


@claim(
    "slides2024/no-local-equilibria/b",
    scenes=(*NETWORKS, *FULL_ROW_RANK, *MINIMIZERS),
    columns=ALGEBRAIC,
    controls=[
        variant("rank lost", scenes=(*RANK_LOST, *DEFICIENT[2:])),
        variant("K < QN", scenes=UNDER),
        variant("equilibria where rank is lost", scenes=(*CRITICAL, DEAD_UNITS)),
    ],
)
def test_output_gradient_is_recovered_from_the_velocity_of_the_outputs(at: Point) -> list[Ratio]:
    # Where a nonzero g gave the velocity zero, there would be no way back from it to g.
    kernel, size = printed_kernel(at), at.size
    scale = at.arithmetic.largest(at.g) + _errors_of_the_outputs(at)
    back = at.inverse(kernel) @ (kernel @ at.g)
    return [identity(back, at.g, scale=scale, size=size, condition=at.kappa**2)]


def _errors_of_the_outputs(at: Point) -> Any:
    """Return the size of what cancels in g."""
    if at.is_matrix:
        return at.number(0)
    return at.arithmetic.largest(abs(at.x) + abs(at.y)) / at.number(at.N)


@claim(
    "slides2024/no-local-equilibria/b",
    scenes=(*NETWORKS, *FULL_ROW_RANK, *RANK_LOST, *UNDER[:1], *DEFICIENT[2:], BUILT[0], BUILT_EXACT[0]),
    columns=ALGEBRAIC,
    controls=[variant("the length of D D^T g", power=2)],
)
def test_outputs_rest_exactly_where_parameters_rest(at: Point, power: int = 1) -> Ratio:
    velocity = at.g
    for _ in range(power):
        velocity = at.D @ (at.D.T @ velocity)
    pulled, terms = at.grad_theta, abs(at.D).T @ (abs(at.g) + _errors_of_the_outputs(at))
    paired = (at.g * velocity).sum()
    return identity(paired, (pulled * pulled).sum(), scale=(terms * terms).sum(), size=at.size)


@claim(
    "slides2024/no-local-equilibria/b",
    scenes=MINIMIZERS,
    columns=ALGEBRAIC,
    controls=[
        variant("local equilibria where rank is lost", scenes=CRITICAL),
        variant("no equilibrium", scenes=FULL_RANK[:1]),
    ],
)
def test_equilibria_of_full_rank_are_global_minima(at: Point) -> list[Ratio]:
    scale = at.arithmetic.largest(abs(at.D).T @ (abs(at.x) + abs(at.y))) / at.number(at.N)
    cost, terms = at.problem.value(at.theta), ((abs(at.x) + abs(at.y)) ** 2).sum()
    return [
        identity(at.grad_theta, 0 * at.grad_theta, scale=scale, size=at.size, note="an equilibrium"),
        # The cost is the square of an error that is zero to rounding.
        identity(at.arithmetic.sqrt(cost), 0 * cost, scale=at.arithmetic.sqrt(terms), size=at.size),
    ]
