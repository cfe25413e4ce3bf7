"""Moves of theta within a fibre, and the differential of the output map along them."""

from collections.abc import Callable

from geomdl.arithmetic import Array
from verification.chen2023.printed_formulas import STENCIL, derivative, reference_arithmetic
from verification.machinery.points import Point
from verification.scenes.induced import AFFINE, HIDDEN_EXACT
from verification.scenes.networks import BORDERLINE, FULL_RANK

Move = Callable[[Point], Array]


SINGLE_VALUED = (*AFFINE, *BORDERLINE)
"""D D^T has one value on every fibre: D constant, or K = QN and f one-to-one up to symmetries."""


CURVED = (*HIDDEN_EXACT, *FULL_RANK[:3])
"""A hidden layer and K > QN: fibres are continua, D D^T changes along them."""


def stay(at: Point) -> Array:
    """Return theta itself."""
    return at.theta


def kernel_at(at: Point, theta: Array) -> Array:
    """Return D D^T at theta, in its block form."""
    return at.problem.linearize(theta).gram()


def differential(at: Point) -> Array:
    """Return dC at x by differences with h = 1, exact but for rounding: C is quadratic in x."""
    numbers = reference_arithmetic(at.arithmetic)
    problem, x = at.problem.to(numbers), numbers.array(at.x)
    slopes = [
        derivative([problem.cost.value(problem.data, x + k * e) for k in STENCIL], 1)
        for e in numbers.eye(len(x))
    ]
    return at.arithmetic.array(slopes)
