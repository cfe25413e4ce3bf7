"""What the standard flow does to the outputs: other costs, and other parameters with the same outputs.

Two thetas with x[theta] = x[theta'] are on one fibre f^-1(x). An object of output space has one value
on it. Where a network has no hidden layer D is constant, and every object built from D has; where D is
a bijection up to the symmetry (w, b, W) -> (-w, -b, -W) of a tanh unit, a fibre is that pair of points;
else it is a continuum (K > QN), along which D D^T changes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from geomdl import LEAST_SQUARES, Cost, Dataset
from geomdl.arithmetic import Array
from geomdl.fibres import follow_fibre
from geomdl.output_metrics import line_in_fibre
from verification.machinery.points import Point
from verification.scenes.networks import FULL_RANK_EXACT, network_scene


@dataclass(frozen=True)
class QuarticCost(Cost):
    """C = sign |x - y|^4 / (4 N): not a sum over samples, its gradient sign |x - y|^2 (x - y) / N.

    With sign -1 it is a cost without a lower bound, whose gradient is locally Lipschitz.
    """

    sign: int = 1

    def value(self, data: Dataset, stacked: Array) -> Any:
        """Return C[x]."""
        error = self._error(data, stacked)
        square = (error * error).sum()
        return self.sign * square * square / data.arithmetic.number(4 * data.size)

    def gradient(self, data: Dataset, stacked: Array) -> Array:
        """Return the gradient of C in output space, shape (QN,)."""
        error = self._error(data, stacked)
        return self.sign * (error * error).sum() * error / data.arithmetic.number(data.size)


QUARTIC = QuarticCost("quartic", LEAST_SQUARES.divisors)
UNBOUNDED = QuarticCost("minus quartic", LEAST_SQUARES.divisors, sign=-1)

AFFINE = tuple(
    network_scene(widths, "identity", samples, bits=3, facts=["full rank", "over"], suffix="-affine")
    for widths, samples in (([3, 2], 2), ([4, 1], 3), ([5, 2], 4))
)
"""No hidden layer: theta -> x[theta] is affine and onto, D is the same everywhere; K > QN."""

HIDDEN_EXACT = (
    FULL_RANK_EXACT[0],
    network_scene([1, 1, 1], "identity", 1, bits=3, facts=["full rank", "over"]),
)
"""A hidden layer and K > QN over the rationals; the second is the smallest of all networks with one."""


def move_in_fibre(at: Point) -> Array:
    """Return another theta on the fibre of at.theta, at a distance that rounding does not see.

    Networks without hidden layer move along ker D, to any distance; with K = QN one changes the signs
    of the hidden units; the others move along a line on which only the output layer moves, where there
    is one (it is exact), else along a curve in the fibre, in steps as short as it takes.
    """
    v = at.random(len(at.theta))
    if len(at.problem.network.widths) == 2:
        return at.theta + v - at.pinv.row_projector() @ v
    if len(at.theta) == len(at.y):
        return flip_units(at)
    line = line_in_fibre(at.at_theta, v)
    if at.arithmetic.largest(line) > at.number(1, 100):
        return at.theta + line
    for steps in (8, 16, 32):  # fewer where the fibre is less curved
        try:
            return follow_fibre(at.at_theta, v, steps=steps, rank=at.rank)[-1]
        except ValueError:
            continue
    return follow_fibre(at.at_theta, v, steps=64, rank=at.rank)[-1]


def flip_units(at: Point) -> Array:
    """Return theta with the sign of every unit of a tanh layer changed, in and out: the same outputs."""
    (weight, bias), (out, last) = at.at_theta.layers
    return at.problem.network.flatten([(-weight, -bias), (-out, last)])
