"""Collapse of the classes in the outputs: how fast a class contracts to a point and meets its target.

For class j with N_j samples, class average xbar_j and deviations dx_(j,i) = x_(j,i) - xbar_j of the
outputs,

    variance  v_j = (1/N_j) sum_i |dx_(j,i)|^2,      distance  d_j = |xbar_j - y_j|^2.

Along the Euclidean gradient flow of |x - y|^2 / (2N), which the adapted flow induces where D has rank
QN, both decay like e^(-2s/N), for every class, whatever its size; under other flows each class has its
own rate, which changes in time.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from geomdl.arithmetic import Array
from geomdl.data import Dataset
from geomdl.flows import Orbit
from geomdl.problems import Problem


def class_variances(data: Dataset, points: Array) -> Array:
    """Return v_j = (1/N_j) sum_i |x_(j,i) - xbar_j|^2 for every class.

    Parameters
    ----------
    data : Dataset
        Gives the classes.
    points : array, shape (N, d), in any arithmetic
        One row a sample: inputs, hidden activations or outputs.

    Returns
    -------
    array, shape (C,)

    Raises
    ------
    ValueError
        When there is not one row a sample.

    Notes
    -----
    Source: arXiv:2408.01517, (3.9)-(3.11).

    Examples
    --------
    >>> data = Dataset(np.zeros((3, 2)), np.array([0, 0, 1]), np.eye(2))
    >>> class_variances(data, np.array([[1.0, 0.0], [3.0, 0.0], [7.0, 7.0]]))
    array([1., 0.])
    """
    deviations = data.class_deviations(points)
    return data.class_averages((deviations * deviations).sum(axis=1)[:, None])[:, 0]


def target_distances(data: Dataset, outputs: Array) -> Array:
    """Return d_j = |xbar_j - y_j|^2 for every class.

    Parameters
    ----------
    data : Dataset
    outputs : array, shape (N, Q), in the arithmetic of the targets

    Returns
    -------
    array, shape (C,)

    Raises
    ------
    ValueError
        When there is not one row of length Q a sample.

    Notes
    -----
    Source: arXiv:2408.01517, (3.11).

    Examples
    --------
    >>> data = Dataset(np.zeros((3, 2)), np.array([0, 0, 1]), np.eye(2))
    >>> target_distances(data, np.array([[1.0, 0.0], [3.0, 0.0], [0.0, 1.0]]))
    array([1., 0.])
    """
    errors = _averages(data, outputs) - data.targets
    return (errors * errors).sum(axis=1)


def collapse_derivatives(problem: Problem, theta: Array, velocity: Array) -> tuple[Array, Array]:
    """Return the time derivatives of the variances and of the distances along a velocity of theta.

    With x' = D theta', v_j' = (2/N_j) sum_i dx_(j,i) . x'_(j,i) and d_j' = 2 (xbar_j - y_j) . xbar_j'.

    Parameters
    ----------
    problem : Problem
    theta, velocity : arrays, shape (K,), in the arithmetic of the problem
        Where, and theta' there: the value of a vector field.

    Returns
    -------
    variances, distances : arrays, shape (C,)

    Raises
    ------
    ValueError
        For theta or a velocity of the wrong shape.

    Notes
    -----
    Source: arXiv:2408.01517, (3.9)-(3.13), differentiated.

    Examples
    --------
    The adapted flow lets both decay at the rate 2/N, here with N = 2:

    >>> from geomdl import Network, adapted_field
    >>> data = Dataset(np.array([[0.0], [1.0]]), np.array([0, 0]), np.array([[5.0]]))
    >>> problem, theta = Problem(Network([1, 1], "tanh"), data), np.array([4.0, 0.0])
    >>> class_variances(data, np.array([[0.0], [4.0]])), target_distances(data, np.array([[0.0], [4.0]]))
    (array([4.]), array([9.]))
    >>> derivatives = collapse_derivatives(problem, theta, adapted_field()(problem, theta))
    >>> bool(np.allclose(np.concatenate(derivatives), [-4.0, -9.0]))
    True
    """
    at, data = problem.linearize(theta), problem.data
    outputs, moves = at.outputs, at.push(velocity).reshape(data.size, -1)
    within = (data.class_deviations(outputs) * moves).sum(axis=1)[:, None]
    between = (data.class_averages(outputs) - data.targets) * data.class_averages(moves)
    return 2 * data.class_averages(within)[:, 0], 2 * between.sum(axis=1)


@dataclass(frozen=True, eq=False)
class CollapseHistory:
    """The classes in the outputs along an orbit; see :func:`collapse_history`.

    Attributes
    ----------
    times : ndarray, shape (T,), float64
    targets : ndarray, shape (C, Q), float64
    averages : ndarray, shape (T, C, Q), float64
        Class averages of the outputs.
    deviations : ndarray, shape (T, N, Q), float64
        Outputs minus the average of their class.
    labels : ndarray, shape (N,), integers
    """

    times: np.ndarray
    targets: np.ndarray
    averages: np.ndarray
    deviations: np.ndarray
    labels: np.ndarray

    @cached_property
    def variances(self) -> np.ndarray:
        """v_j at all times, shape (T, C)."""
        squares = np.sum(self.deviations**2, axis=2)
        members = self.labels == np.arange(len(self.targets))[:, None]
        return squares @ (members / members.sum(axis=1)[:, None]).T

    @cached_property
    def distances(self) -> np.ndarray:
        """d_j at all times, shape (T, C)."""
        return np.sum((self.averages - self.targets) ** 2, axis=2)


def collapse_history(orbit: Orbit) -> CollapseHistory:
    """Return class averages, deviations, variances and distances to the targets along an orbit.

    Parameters
    ----------
    orbit : Orbit

    Returns
    -------
    CollapseHistory
        At the steps of the orbit, in float64.

    Raises
    ------
    ValueError
        When the outputs and the targets of the orbit's problem do not fit together.

    Notes
    -----
    Source: arXiv:2408.01517, (3.8)-(3.13).

    Examples
    --------
    >>> from geomdl import Network, adapted_field, integrate
    >>> data = Dataset(np.array([[0.0], [1.0]]), np.array([0, 0]), np.array([[5.0]]))
    >>> problem = Problem(Network([1, 1], "tanh"), data)
    >>> orbit = integrate(problem, adapted_field(), np.array([4.0, 0.0]), 2.0, rtol=1e-10)
    >>> history = collapse_history(orbit)
    >>> bool(np.allclose(history.variances[:, 0], 4 * np.exp(-orbit.times)))
    True
    """
    data = orbit.problem.data
    targets = data.arithmetic.to_float64(data.targets)
    rows = orbit.outputs().reshape(len(orbit.times), data.size, -1)
    averages = np.array([_averages(data, outputs) for outputs in rows])
    return CollapseHistory(orbit.times, targets, averages, rows - averages[:, data.labels], data.labels)


def _averages(data: Dataset, outputs: Array) -> Array:
    averages = data.class_averages(outputs)
    if averages.shape != data.targets.shape:
        raise ValueError(
            f"got outputs of shape {tuple(outputs.shape)}; expected ({data.size}, "
            f"{data.targets.shape[1]}), as the targets"
        )
    return averages
