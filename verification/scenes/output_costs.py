"""Costs of the outputs that are not quadratic, for claims about any cost that sees theta only through x.

With e = x - y in R^(QN):

    quartic        sum of e_i^4 / (4N)                         convex, degenerate at its minimum
    shell          (|e|^2 / N - 1)^2 / 4                       not convex; couples all samples
    cross entropy  sum over j of y_j . (lse(x_j) 1 - x_j) / N  unit vectors y_j: the usual one
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from geomdl import Cost, Dataset, Problem
from geomdl.arithmetic import Array


@dataclass(frozen=True)
class GeneralCost(Cost):
    """A cost given by a function of the outputs and its gradient, in the place of divisors."""

    function: Callable[[Dataset, Array], Any]
    derivative: Callable[[Dataset, Array], Array]

    def value(self, data: Dataset, stacked: Array) -> Any:
        """Return C[x]."""
        return self.function(data, stacked)

    def gradient(self, data: Dataset, stacked: Array) -> Array:
        """Return grad_x C, shape (QN,)."""
        return self.derivative(data, stacked)


def _general(
    name: str, function: Callable[[Dataset, Array], Any], derivative: Callable[[Dataset, Array], Array]
) -> Cost:
    def no_divisors(data: Dataset) -> Any:
        raise TypeError(f"the cost {name!r} is not quadratic and has no divisors")

    return GeneralCost(name, no_divisors, function, derivative)


def _error(data: Dataset, stacked: Array) -> Array:
    return stacked - data.stacked_targets


def _quartic(data: Dataset, stacked: Array) -> Any:
    return (_error(data, stacked) ** 4).sum() / data.arithmetic.number(4 * data.size)


def _quartic_gradient(data: Dataset, stacked: Array) -> Array:
    return _error(data, stacked) ** 3 / data.arithmetic.number(data.size)


def _excess(data: Dataset, stacked: Array) -> Any:
    return (_error(data, stacked) ** 2).sum() / data.arithmetic.number(data.size) - 1


def _shell(data: Dataset, stacked: Array) -> Any:
    return _excess(data, stacked) ** 2 / data.arithmetic.number(4)


def _shell_gradient(data: Dataset, stacked: Array) -> Array:
    return _excess(data, stacked) * _error(data, stacked) / data.arithmetic.number(data.size)


def _cross_entropy(data: Dataset, stacked: Array) -> Any:
    points, targets = stacked.reshape(data.size, -1), data.stacked_targets.reshape(data.size, -1)
    logarithm = points[:, 0]
    for q in range(1, points.shape[1]):  # log(e^a + e^b) = b + log(1 + e^(a - b))
        logarithm = points[:, q] + data.arithmetic.softplus(logarithm - points[:, q])
    terms = targets * (logarithm[:, None] - points)
    return terms.sum() / data.arithmetic.number(data.size)


def _cross_entropy_gradient(data: Dataset, stacked: Array) -> Array:
    points, targets = stacked.reshape(data.size, -1), data.stacked_targets.reshape(data.size, -1)
    weights = data.arithmetic.exp(points - points.max(axis=1)[:, None])
    shares = weights / weights.sum(axis=1)[:, None]
    gradient = targets.sum(axis=1)[:, None] * shares - targets
    return gradient.reshape(-1) / data.arithmetic.number(data.size)


QUARTIC = _general("quartic", _quartic, _quartic_gradient)
SHELL = _general("shell", _shell, _shell_gradient)
CROSS_ENTROPY = _general("cross entropy", _cross_entropy, _cross_entropy_gradient)


def with_cost(problem: Problem, cost: Cost) -> Problem:
    """Return the problem with another cost."""
    return replace(problem, cost=cost)
