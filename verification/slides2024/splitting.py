"""The two parts of the cost: class means and deviations from them."""

from collections.abc import Callable
from typing import Any

from geomdl.arithmetic import Array
from verification.machinery.points import Point

Centre = Callable[[Array], Array]


def mean(rows: Array) -> Array:
    """Average the rows."""
    return rows.sum(axis=0) / len(rows)


def two_parts(at: Point, rows: Array, centre: Centre = mean) -> tuple[list[Any], list[Any]]:
    """Return (1/N_j) sum_i |x_(j,i) - xbar_j|^2 and |xbar_j - y_j|^2 for every class j."""
    data = at.problem.data
    within, between = [], []
    for j, target in enumerate(data.targets):
        members = rows[data.labels == j]
        middle = centre(members)
        within.append(sum(((row - middle) ** 2).sum() for row in members) / len(members))
        between.append(((middle - target) ** 2).sum())
    return within, between


def unit(at: Point, rows: Array) -> dict[str, Any]:
    """Size and scale of the error model: sums of squares of outputs and targets."""
    largest = at.arithmetic.largest
    return {"scale": (largest(rows) + largest(at.y)) ** 2, "size": len(at.y)}
