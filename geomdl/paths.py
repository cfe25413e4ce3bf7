"""Prescribed paths in output space and the parameters that follow them.

A path x(s) of stacked outputs, 0 <= s <= T, is lifted to parameter space by

    theta' = D^+ x'(s),        theta(0) = theta_0.

The outputs then move by D theta' = P x'(s), P the projector onto the range of D at theta(s): they run
along the path as long as x'(s) lies in range(D), and along its projection where it does not. How far the
constraint is violated is measured by the sine of the angle between x'(s) and range(D),

    |(1 - P) x'(s)| / |x'(s)|,

0 where the path can be followed, 1 where theta stands still although the path goes on.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from geomdl.arithmetic import FLOAT64, Array, arithmetic_of
from geomdl.flows import Event, Orbit, integrate
from geomdl.jacobians import Linearization
from geomdl.networks import check_vector
from geomdl.problems import Problem
from geomdl.pseudoinverses import pseudoinverse, solve_by_gram


@dataclass(frozen=True)
class OutputPath:
    """A path of stacked outputs over 0 <= s <= end.

    Attributes
    ----------
    position, velocity : callables
        Map a time s to x(s) and to x'(s), arrays of shape (QN,).
    end : float
        The final time T.
    """

    position: Callable[[Any], Array]
    velocity: Callable[[Any], Array]
    end: float


def polynomial_path(coefficients: Sequence[Array], end: float) -> OutputPath:
    """Return the path x(s) = c_0 + c_1 s + c_2 s^2 + ...

    Parameters
    ----------
    coefficients : sequence of arrays, shapes (QN,)
        At least one; c_0 is where the path starts.
    end : float
        The final time, positive.

    Returns
    -------
    OutputPath
        Evaluates in the arithmetic of the coefficients, at times that are numbers of it.

    Raises
    ------
    ValueError
        Without coefficients, for a final time that is not positive, or for different shapes.

    Examples
    --------
    >>> path = polynomial_path([np.array([0.0, 1.0]), np.array([2.0, 0.0]), np.array([0.0, 3.0])], 1.0)
    >>> path.position(2.0).tolist(), path.velocity(2.0).tolist()
    ([4.0, 13.0], [2.0, 12.0])
    """
    if not coefficients:
        raise ValueError("got no coefficients; expected at least the start of the path")
    if not 0 < end < np.inf:
        raise ValueError(f"got end={end}; expected a finite positive time")
    arithmetic = arithmetic_of(*coefficients)
    for coefficient in coefficients:
        check_vector("a coefficient", coefficient, arithmetic, len(coefficients[0]))
    slopes = [k * c for k, c in enumerate(coefficients)][1:] or [0 * coefficients[0]]

    def horner(terms: Sequence[Array]) -> Callable[[Any], Array]:
        def value(time: Any) -> Array:
            total = terms[-1]
            for term in reversed(terms[:-1]):
                total = total * time + term
            return total

        return value

    return OutputPath(horner(list(coefficients)), horner(slopes), end)


def segment(start: Array, target: Array, end: float = 1.0) -> OutputPath:
    """Return the straight path from one output vector to another at constant speed.

    x(s) = start + (s / T) (target - start)

    Parameters
    ----------
    start, target : arrays, shape (QN,)
    end : float
        The final time T.

    Notes
    -----
    Source: arXiv:2408.01517, (2.51).

    Examples
    --------
    >>> segment(np.array([0.0, 4.0]), np.array([2.0, 0.0]), 2.0).position(0.5)
    array([0.5, 3. ])
    """
    whole = arithmetic_of(start, target).array([end])[0]
    return polynomial_path([start, (target - start) / whole], end)


def path_of_parameters(
    problem: Problem, curve: Callable[[Any], tuple[Array, Array]], end: float
) -> OutputPath:
    """Return the path of the outputs along a curve of parameters: one that the network can follow.

    x(s) = x[theta(s)],  x'(s) = D[theta(s)] theta'(s)

    Parameters
    ----------
    problem : Problem
    curve : callable
        Maps s to theta(s) and theta'(s).
    end : float

    Notes
    -----
    Where the rank of D is constant near the curve, the lift of the path from theta(0) follows it too,
    with other parameters: its velocity lies in range(D^T).

    Examples
    --------
    >>> from geomdl import Dataset, Network
    >>> problem = Problem(Network([1, 1], "tanh"), Dataset.regression(np.eye(1), np.eye(1)))
    >>> path = path_of_parameters(problem, lambda s: (np.array([s, s]), np.ones(2)), 1.0)
    >>> path.position(3.0).tolist(), path.velocity(3.0).tolist()
    ([6.0], [2.0])
    """

    def velocity(time: Any) -> Array:
        theta, direction = curve(time)
        return problem.linearize(theta).push(direction)

    return OutputPath(lambda time: problem.stacked(curve(time)[0]), velocity, end)


def lift_velocity(
    at: Linearization, velocity: Array, *, rank: int | None = None, method: str = "svd"
) -> Array:
    """Return the shortest velocity of the parameters that moves the outputs as near as it can.

    theta' = D^+ x'

    Parameters
    ----------
    at : Linearization
    velocity : array, shape (QN,)
        x', same arithmetic as theta.
    rank : int, optional
        Impose the rank of D, as for :func:`geomdl.pseudoinverse`.
    method : {"svd", "gram"}
        As for :func:`geomdl.adapted_field`; ``gram`` assumes full row rank.

    Returns
    -------
    array, shape (K,)
        In range(D^T); D theta' = P x', which is x' where x' lies in range(D).

    Raises
    ------
    ValueError, TypeError
        For another shape or arithmetic, or an unknown method.
    SingularMatrixError
        When D does not have the rank that is imposed or assumed.

    Notes
    -----
    Source: arXiv:2408.01517, (3.2).

    Examples
    --------
    >>> from geomdl import Network, linearize
    >>> at = linearize(Network([1, 1], "tanh"), np.zeros(2), np.array([[3.0]]))  # D = (3, 1)
    >>> lift_velocity(at, np.array([10.0])).round(12).tolist()
    [3.0, 1.0]
    """
    check_vector("a velocity of the outputs", velocity, at.arithmetic, at.shape[0])
    if method not in ("svd", "gram"):
        raise ValueError(f"got method {method!r}; expected 'svd' or 'gram'")
    if method == "gram":
        return solve_by_gram(at, velocity).solution
    return pseudoinverse(at.jacobian(), rank=rank).apply(velocity)


def violation(at: Linearization, velocity: Array, *, rank: int | None = None) -> Array:
    """Return the part of a velocity of the outputs that the network cannot follow.

    (1 - P) x',  P = D D^+

    Parameters
    ----------
    at : Linearization
    velocity : array, shape (QN,)
    rank : int, optional
        Impose the rank of D.

    Returns
    -------
    array, shape (QN,)
        Orthogonal to range(D); zero exactly when x' lies in range(D).

    Notes
    -----
    Source: arXiv:2408.01517, (3.3) and (3.7).

    Examples
    --------
    >>> from geomdl import Network, linearize
    >>> at = linearize(Network([1, 1], "tanh"), np.zeros(2), np.array([[-1.0], [0.0], [1.0]]))
    >>> violation(at, np.array([1.0, 0.0, 1.0])).round(3).tolist()  # an affine network has no kink
    [0.333, -0.667, 0.333]
    """
    check_vector("a velocity of the outputs", velocity, at.arithmetic, at.shape[0])
    factored = pseudoinverse(at.jacobian(), rank=rank)
    return velocity - factored.range_basis @ (factored.range_dual @ velocity)


def lift_path(
    problem: Problem,
    path: OutputPath,
    theta: Array,
    *,
    rtol: float = 1e-8,
    rank: int | None = None,
    method: str = "svd",
    events: Sequence[Event] = (),
) -> Orbit:
    """Follow a prescribed path of outputs: integrate theta' = D^+ x'(s) from theta.

    Parameters
    ----------
    problem : Problem
        In float32 or float64; targets and cost play no role.
    path : OutputPath
        With position(0) = x[theta]. From elsewhere it is followed at a constant distance.
    theta : array, shape (K,)
    rtol : float
        As for :func:`geomdl.integrate`.
    rank, method
        As for :func:`lift_velocity`.
    events : sequence of Event
        The orbit need not reach the end of the path, admissible or not: watch ``rank_loss`` and
        ``blow_up``.

    Returns
    -------
    Orbit
        Its outputs are positions of the path as long as :func:`path_violations` are zero.

    Raises
    ------
    ValueError, TypeError, SingularMatrixError
        As for :func:`geomdl.integrate`.

    Notes
    -----
    Source: arXiv:2408.01517, (3.5).

    Examples
    --------
    >>> from geomdl import Dataset, Network
    >>> data = Dataset.regression(np.array([[0.0], [1.0]]), np.array([[1.0], [2.0]]))
    >>> problem = Problem(Network([1, 1, 1], "tanh"), data)
    >>> theta = np.array([1.0, 0.0, 1.0, 0.0])
    >>> orbit = lift_path(problem, segment(problem.stacked(theta), np.array([1.0, 2.0])), theta)
    >>> orbit.status, orbit.outputs()[-1].round(6).tolist()
    ('completed', [1.0, 2.0])
    """
    convert = problem.data.arithmetic.array

    def field(problem: Problem, state: Array) -> Array:
        velocity = convert(path.velocity(state[-1]))
        lifted = lift_velocity(problem.linearize(state[:-1]), velocity, rank=rank, method=method)
        return problem.data.arithmetic.concatenate([lifted, convert([1.0])])

    def without_time(event: Event) -> Event:
        return replace(event, function=lambda p, state: event.function(p, state[:-1]))

    # The time is the last component of the state: it makes the equation autonomous.
    watched = [without_time(event) for event in events]
    start = np.append(FLOAT64.array(theta), 0.0)
    orbit = integrate(problem, field, convert(start), path.end, rtol=rtol, events=watched)
    return replace(orbit, thetas=orbit.thetas[:, :-1], dense=lambda time: orbit.dense(time)[..., :-1])


def path_violations(orbit: Orbit, path: OutputPath, *, rank: int | None = None) -> np.ndarray:
    """Return how far the constraint x'(s) in range(D) is violated at all steps of an orbit.

    |(1 - P) x'(s)| / |x'(s)|, the sine of the angle to range(D); 0 where the path stands still.

    Parameters
    ----------
    orbit : Orbit
        Of :func:`lift_path` or another.
    path : OutputPath
    rank : int, optional
        Impose the rank of D.

    Returns
    -------
    ndarray, shape (T,), float64

    Examples
    --------
    >>> from geomdl import Dataset, Network
    >>> data = Dataset.regression(np.array([[-1.0], [0.0], [1.0]]), np.zeros((3, 1)))
    >>> problem, theta = Problem(Network([1, 1], "tanh"), data), np.zeros(2)
    >>> peak = segment(np.zeros(3), np.array([0.0, 1.0, 0.0]))
    >>> float(path_violations(lift_path(problem, peak, theta), peak)[0].round(6))  # (2/3)^(1/2)
    0.816497
    """
    convert, sines = orbit.problem.data.arithmetic.array, []
    for time, theta in zip(orbit.times, orbit.thetas, strict=True):
        velocity = convert(path.velocity(convert([time])[0]))
        left = violation(orbit.problem.linearize(convert(theta)), velocity, rank=rank)
        length = float(np.linalg.norm(FLOAT64.array(velocity)))
        sines.append(float(np.linalg.norm(FLOAT64.array(left))) / length if length else 0.0)
    return np.array(sines)
