"""The family of vector fields in alpha as printed and with pieces exchanged, for every alpha."""

import math
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any

from geomdl.arithmetic import Array
from verification.chen2023.printed_formulas import STENCIL, derivative, reference_arithmetic, step_for
from verification.chenewald2024.matrices import plus
from verification.machinery.columns import Column
from verification.machinery.points import Point, Scene
from verification.scenes.pieces import moore_penrose, push

TINY = 10**8


ALPHAS = ((0, 1), (1, TINY), (1, 4), (1, 2), (3, 4), (TINY - 1, TINY), (1, 1))


def alphas(at: Point, step: int = 1) -> Iterator[Any]:
    """Yield values of alpha in this arithmetic, the end points included; step 3 leaves 0, 1/2, 1."""
    for numerator, denominator in ALPHAS[::step]:
        yield at.number(numerator, denominator)


@lru_cache(maxsize=1024)
def _gram_inverse(scene: Scene, column: Column, seed: int) -> Array:
    at = scene.at(column, seed)
    return moore_penrose(at, at.D.T @ at.D)


def gram_inverse(at: Point) -> Array:
    """Return (D^T D)^+, of the matrix as it is printed."""
    return _gram_inverse(at.scene, at.column, at.seed)


def interpolated(at: Point, alpha: Any, gradient: Array) -> Array:
    """Return V = -(alpha (D^T D)^+ + (1 - alpha) 1) grad_theta C, as printed in (2.31)-(2.32)."""
    return -(alpha * (gram_inverse(at) @ gradient) + (1 - alpha) * gradient)


def exchanged(at: Point, alpha: Any, gradient: Array) -> Array:
    """Return the family run through backwards."""
    return interpolated(at, 1 - alpha, gradient)


def without_inverse(at: Point, alpha: Any, gradient: Array) -> Array:
    """Return the family with D^T D in the place of its pseudoinverse."""
    return -(alpha * (at.D.T @ (at.D @ gradient)) + (1 - alpha) * gradient)


def with_wrong_sign(at: Point, alpha: Any, gradient: Array) -> Array:
    """Return the family in which the standard part pushes uphill."""
    return -(alpha * (gram_inverse(at) @ gradient) - (1 - alpha) * gradient)


Family = Callable[[Point, Any, Array], Array]


def approaches(at: Point) -> Iterator[Array]:
    """Yield gradients in output space on the way to the scene's own: g + t D c, also at a distance.

    At a critical point grad_theta C falls like t, down to the square root of the roundoff (where it
    would drown in the rounding errors of D^T g below that), and over the rationals to zero.
    """
    direction = push(at, at.random(at.D.shape[1]))
    u = at.arithmetic.unit_roundoff
    last = at.number(0) if at.arithmetic.exact else at.number(1, 2 ** round(-math.log2(u) / 2))
    for distance in (at.number(1), at.number(1, 64), last):
        yield at.g + distance * direction


def outside_of_range(at: Point) -> Array:
    """Return a vector in the kernel of D: the gradient of a cost that sees more of theta than x."""
    w = at.random(at.D.shape[1])
    return w - plus(at) @ (at.D @ w)


def complement_kept(at: Point, alpha: Any, g: Array) -> Array:
    """Return the field of (2.41) without its projector."""
    return -(alpha * g + (1 - alpha) * (at.D @ (at.D.T @ g)))


def printed(at: Point, alpha: Any, g: Array) -> Array:
    """Return (2.41), -(alpha 1 + (1 - alpha) D D^T) P g."""
    projected = at.D @ (plus(at) @ g)
    return -(alpha * projected + (1 - alpha) * (at.D @ (at.D.T @ projected)))


def bent_curve(theta: Array, v: Array, w: Array, s: Any) -> Array:
    """Return theta + s v + s^2 w."""
    return theta + s * v + s * s * w


def velocity_of_outputs(at: Point, s: Any, v: Array, w: Array) -> Array:
    """Return d/ds x[theta + s v + s^2 w] by differences in the numbers of the reference."""
    numbers, step = reference_arithmetic(at.arithmetic), step_for(at.arithmetic)
    problem, time = at.problem.to(numbers), numbers.array([s])[0]
    theta, v, w = (numbers.array(vector) for vector in (at.theta, v, w))
    values = [problem.stacked(bent_curve(theta, v, w, time + k * step)) for k in STENCIL]
    return at.arithmetic.array(derivative(values, step))
