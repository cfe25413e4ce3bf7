"""(2.61)-(2.64): the remainder R of the straight line, and its equation.

R is defined by x~(t) = (1 - t) x0 + t y + (1 - t) R(t). The product rule gives (2.62),

    d/dt x~ = -(x0 - y) - R + (1 - t) R',

decided on polynomials R, whose derivatives are exact. The lines of (2.63) rewrite (2.58) by means of
1 = P + P-perp and of the definition of R; they are compared one by one, for any vectors x~, x0, y and
the projectors of any matrix, where P-perp comes from a factorization of D^T and not from P. Comparison
with (2.62) yields (2.64), R' = P-perp (R + x0 - y) / (1 - t), which is decided at single points, with
d/dt x~ from the adapted field of the network, and along orbits by integrating (2.64) in t.
"""

from collections.abc import Callable, Sequence

import numpy as np

from geomdl import adapted_field, pseudoinverse
from geomdl.arithmetic import Array
from verification.chenewald2024.output_orbits import LIVING, TAUS, carried_in_t, outputs_in_s
from verification.machinery.checks import claim, variant
from verification.machinery.columns import ALGEBRAIC, ORBITS
from verification.machinery.points import Point
from verification.machinery.ratios import Ratio, along_orbit, identity
from verification.scenes.matrices import DEFICIENT, FULL_COLUMN_RANK
from verification.scenes.networks import (
    FULL_RANK,
    FULL_RANK_EXACT,
    RANK_LOST,
    SMALLEST,
    UNDER,
    network_scene,
)

RANK_LOST_EXACT = network_scene([3, 1, 2], "square", 4, rank=6, bits=3, facts=["rank lost"])
NETWORKS = (*RANK_LOST, RANK_LOST_EXACT, *UNDER, *FULL_RANK[:2], *FULL_RANK_EXACT, *SMALLEST)
MATRICES = (*RANK_LOST, RANK_LOST_EXACT, *UNDER[:1], *DEFICIENT[3:], *FULL_COLUMN_RANK)


def polynomial(coefficients: Sequence[Array], t: Array) -> Array:
    """Evaluate by Horner's rule, lowest coefficient first."""
    value = coefficients[-1]
    for coefficient in reversed(coefficients[:-1]):
        value = value * t + coefficient
    return value


def derivative(coefficients: Sequence[Array]) -> list[Array]:
    """Return the coefficients of the derivative."""
    return [power * coefficient for power, coefficient in enumerate(coefficients)][1:]


@claim(
    "chenewald2024/eq-2.61-2.62/a",
    scenes=NETWORKS,
    columns=ALGEBRAIC,
    controls=[
        variant("+ R", sign=1),
        variant("R' without the factor 1 - t", power=0),
        variant("x0 + y", target=-1),
    ],
)
def test_derivative_of_the_ansatz_follows_from_the_product_rule(
    at: Point, sign: int = -1, power: int = 1, target: int = 1
) -> Ratio:
    t, zero = at.number(3, 7), at.arithmetic.zeros(len(at.y))
    remainder = [at.random(len(at.y)) for _ in range(4)]
    path = [own - lower for own, lower in zip([*remainder, zero], [zero, *remainder], strict=True)]
    path[0], path[1] = path[0] + at.x, path[1] + at.y - at.x
    change = polynomial(derivative(remainder), t)
    right = -(at.x - target * at.y) + sign * polynomial(remainder, t) + (1 - t) ** power * change
    return identity(polynomial(derivative(path), t), right, scale=10 + at.arithmetic.largest(at.x))


def projector(at: Point) -> Array:
    """Return P, onto the range of D."""
    return at.pinv.range_projector()


def complement(at: Point) -> Array:
    """Return P-perp from a factorization of the transpose."""
    return at.eye(at.D.shape[0]) - pseudoinverse(at.D.T).row_projector()


class Line:
    """What stands in the lines of (2.63): t, arbitrary x~, x0 and y, and R from (2.61)."""

    def __init__(self, at: Point) -> None:
        rows = at.D.shape[0]
        self.t = at.number(3, 7)  # with thirds and sevenths no line is exact in binary
        self.x, self.x0, self.y = (at.random(rows) / at.number(3) for _ in range(3))
        self.remainder = (self.x - (1 - self.t) * self.x0 - self.t * self.y) / (1 - self.t)
        self.unit = {"scale": 4 / (1 - self.t), "condition": at.kappa, "size": rows}

    def split(self, p_perp: Array, inside: Array) -> Array:
        """Return -(1 - P-perp) inside / (1 - t), the form of lines 2 and 3."""
        return -inside / (1 - self.t) + p_perp @ inside / (1 - self.t)

    def ansatz(self, target: int = 1) -> Array:
        """Return x~ - y with x~ written by (2.61)."""
        return (1 - self.t) * self.x0 + target * self.t * self.y - self.y + (1 - self.t) * self.remainder


@claim(
    "chenewald2024/eq-2.63/a",
    scenes=MATRICES,
    columns=ALGEBRAIC,
    controls=[
        variant("P instead of P-perp", p_perp=projector),
        variant("- P-perp", p_perp=lambda at: -complement(at)),
        variant("1 instead of P in the first line", p=lambda at: at.eye(at.D.shape[0])),
    ],
)
def test_second_line_splits_the_identity_into_the_projectors(
    at: Point, p: Callable[[Point], Array] = projector, p_perp: Callable[[Point], Array] = complement
) -> Ratio:
    line = Line(at)
    first = -(p(at) @ (line.x - line.y)) / (1 - line.t)
    return identity(first, line.split(p_perp(at), line.x - line.y), **line.unit)


@claim(
    "chenewald2024/eq-2.63/b",
    scenes=MATRICES,
    columns=ALGEBRAIC,
    controls=[variant("the segment of (2.59), (1 - t) x0 - t y", target=-1)],
)
def test_third_line_inserts_the_ansatz(at: Point, target: int = 1) -> Ratio:
    line, p_perp = Line(at), complement(at)
    second, third = line.split(p_perp, line.x - line.y), line.split(p_perp, line.ansatz(target))
    return identity(second, third, **line.unit)


@claim(
    "chenewald2024/eq-2.63/c",
    scenes=MATRICES,
    columns=ALGEBRAIC,
    controls=[
        variant("+ R", sign=1),
        variant("P-perp of x0 - y alone", inside=0),
        variant("1/(1 - t) in front of P-perp", power=1),
    ],
)
def test_fourth_line_cancels_one_minus_t(
    at: Point, sign: int = -1, inside: int = 1, power: int = 0
) -> Ratio:
    line, p_perp = Line(at), complement(at)
    v = line.x0 - line.y
    projected = p_perp @ (v + inside * line.remainder) / (1 - line.t) ** power
    fourth = -v + sign * line.remainder + projected
    return identity(line.split(p_perp, line.ansatz()), fourth, **line.unit)


@claim(
    "chenewald2024/eq-2.64/a",
    scenes=NETWORKS,
    columns=ALGEBRAIC,
    controls=[
        variant("P instead of P-perp", p_perp=projector),
        variant("- R", sign=-1),
        variant("without 1/(1 - t)", power=0),
    ],
)
def test_remainder_satisfies_its_linear_equation_at_a_point(
    at: Point, p_perp: Callable[[Point], Array] = complement, sign: int = 1, power: int = 1
) -> Ratio:
    t, x0 = at.number(3, 7), at.random(len(at.x))
    speed = at.number(at.N) / (1 - t)
    velocity = speed * at.at_theta.push(adapted_field()(at.problem, at.theta))
    remainder = (at.x - (1 - t) * x0 - t * at.y) / (1 - t)
    change = (velocity + (x0 - at.y) + remainder) / (1 - t)
    right = p_perp(at) @ (sign * remainder + x0 - at.y) / (1 - t) ** power
    scale = (at.arithmetic.largest(at.x) + at.arithmetic.largest(at.y) + 3) / (1 - t) ** 2
    return identity(change, right, scale=scale, condition=at.kappa, size=at.size)


@claim(
    "chenewald2024/eq-2.64/a",
    scenes=(*LIVING, *FULL_RANK[:1]),
    columns=ORBITS,
    controls=[
        variant("P instead of P-perp", complementary=False),
        variant("- R", sign=-1),
        variant("without 1/(1 - t)", power=0),
    ],
)
def test_remainder_satisfies_its_linear_equation_along_orbits(
    at: Point, complementary: bool = True, sign: int = 1, power: int = 1
) -> Ratio:
    x0, y = at.arithmetic.to_float64(at.x), at.arithmetic.to_float64(at.y)
    left = np.exp(-np.array(TAUS))[:, None]

    def equation(t: float, p: np.ndarray, remainder: np.ndarray) -> np.ndarray:
        inside = sign * remainder + x0 - y
        return (inside - p @ inside if complementary else p @ inside) / (1 - t) ** power

    remainders = (outputs_in_s(at) - left * x0 - (1 - left) * y) / left
    solved = carried_in_t(at, np.zeros_like(x0), equation)
    # R carries the error of x~ divided by 1 - t.
    scale = np.abs([x0, y]).max() + np.abs(remainders).max()
    return along_orbit(remainders, solved, rtol=at.rtol, scale=scale, growth=1 / left)
