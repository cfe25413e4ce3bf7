"""Vector fields on parameter space and their orbits.

With g = grad_x C the gradient in output space, all fields of the texts are linear in D^T g or D^+ g:

    standard   theta' = -grad_theta C                = -D^T g
    adapted    theta' = -(D^T D)^+ grad_theta C      = -D^+ g
    homotopy   theta' = -(alpha (D^T D)^+ + (1 - alpha) 1) grad_theta C

The adapted field is one formula for every regime: over-, under- and borderline-parametrized, with or
without loss of rank. At full rank QN its outputs run on the straight line to y, x' = -g; else they
follow x' = -P g, P the projector onto the range of D.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from geomdl.arithmetic import (
    FLOAT64,
    Array,
    Floating,
    NotFiniteError,
    SingularMatrixError,
    arithmetic_of,
)
from geomdl.problems import Problem
from geomdl.pseudoinverses import pseudoinverse, solve_by_gram
from geomdl.solves import solve

Field = Callable[[Problem, Array], Array]


def standard_field(problem: Problem, theta: Array) -> Array:
    """Return the standard gradient field -grad_theta C, shape (K,).

    Notes
    -----
    Source: arXiv:2311.15487, (1.9).
    """
    return -problem.gradient(theta)


def adapted_field(*, rank: int | None = None, method: str = "solve") -> Field:
    """Return the adapted field theta -> -(D^T D)^+ grad_theta C = -D^+ grad_x C.

    Parameters
    ----------
    rank : int, optional
        Impose the rank of D, where it is known to be constant along an orbit.
    method : {"solve", "svd", "gram"}
        ``solve`` takes any rank and chooses the cheapest sound method, see :func:`geomdl.solve`; it
        remembers the condition number from one theta to the next, which allows a float32 factor where
        that suffices. ``svd`` takes any rank, by the singular values of the formed D. ``gram`` assumes
        full row rank QN and raises SingularMatrixError where the assumption fails.

    Notes
    -----
    Source: arXiv:2311.15487, (1.26), (4.5), (5.2); arXiv:2408.01517, (2.27).
    """
    if method not in ("solve", "svd", "gram"):
        raise ValueError(f"got method {method!r}; expected 'solve', 'svd' or 'gram'")
    condition: float | None = None

    def field(problem: Problem, theta: Array) -> Array:
        nonlocal condition
        at = problem.linearize(theta)
        gradient = problem.cost.gradient(problem.data, at.stacked)
        if method == "gram":
            return -solve_by_gram(at, gradient).solution
        if method == "svd":
            return -pseudoinverse(at.jacobian(), rank=rank).apply(gradient)
        found = solve(at, gradient, rank=rank, condition=condition)
        condition = found.condition
        return -found.solution

    return field


def homotopy_field(alpha: float, *, rank: int | None = None) -> Field:
    """Return the field -(alpha (D^T D)^+ + (1 - alpha) 1) grad_theta C between the two flows.

    Parameters
    ----------
    alpha : float or number of the arithmetic in use
        0 gives the standard field, 1 the adapted one.
    rank : int, optional
        As for :func:`adapted_field`.

    Raises
    ------
    ValueError
        When alpha is outside [0, 1].

    Notes
    -----
    Source: arXiv:2408.01517, (2.31)-(2.32).
    """
    if not 0 <= alpha <= 1:
        raise ValueError(f"got alpha={alpha}; expected a number from 0 to 1")
    adapted = adapted_field(rank=rank)

    def field(problem: Problem, theta: Array) -> Array:
        weight = problem.data.arithmetic.array([alpha])[0]
        return weight * adapted(problem, theta) + (1 - weight) * standard_field(problem, theta)

    return field


@dataclass(frozen=True)
class Event:
    """Something that may happen on an orbit: the function of (problem, theta) crosses zero.

    An orbit that meets a terminal event stops there, with the name of the event as its status.

    Attributes
    ----------
    name : str
        In words, as in ``cost reached``.
    function : callable
        (problem, theta) to a float that changes its sign where the event happens.
    terminal : bool
    """

    name: str
    function: Callable[[Problem, Array], float]
    terminal: bool = True


def cost_reaches(level: float) -> Event:
    """Return the event ``cost reached``: the cost falls to a level.

    Parameters
    ----------
    level : float
        Positive.

    Raises
    ------
    ValueError
        For any other level.
    """
    if not 0 < level < np.inf:
        raise ValueError(f"got a cost level of {level}; expected a positive finite number")
    return Event("cost reached", lambda problem, theta: float(problem.value(theta)) / level - 1)


def rank_loss(rank: int, ratio: float = 1e-8) -> Event:
    """Return the event ``rank lost``: sigma_rank / sigma_1 of the Jacobian falls to a ratio.

    Without this event an integrator may step over an isolated point of rank loss and go on along one
    of several branches, which one depending on the method and the tolerance.

    Parameters
    ----------
    rank : int
        That D has at the start, as ``pseudoinverse(problem.linearize(theta).jacobian()).rank``.
    ratio : float
        Between 0 and 1.

    Raises
    ------
    ValueError
        For any other rank or ratio; along the orbit, for a rank that D cannot have.
    """
    if isinstance(rank, bool) or not isinstance(rank, int | np.integer) or rank < 1:
        raise ValueError(f"got rank={rank!r}; expected an integer >= 1")
    if not 0 < ratio < 1:
        raise ValueError(f"got ratio={ratio}; expected a number between 0 and 1")

    def function(problem: Problem, theta: Array) -> float:
        jacobian = problem.linearize(theta).jacobian()
        if rank > min(jacobian.shape):
            raise ValueError(f"got rank={rank}; expected at most {min(jacobian.shape)}")
        sigma = problem.data.arithmetic.svd(jacobian)[1]
        return float(sigma[rank - 1] / sigma[0]) / ratio - 1

    return Event("rank lost", function)


def blow_up(bound: float) -> Event:
    """Return the event ``blow-up``: the largest parameter reaches a bound.

    Parameters
    ----------
    bound : float
        Positive, for the absolute values of all entries of theta.

    Raises
    ------
    ValueError
        For any other bound.
    """
    if not 0 < bound < np.inf:
        raise ValueError(f"got a bound of {bound}; expected a positive finite number")
    return Event("blow-up", lambda problem, theta: float(np.max(np.abs(theta))) / bound - 1)


@dataclass(frozen=True, eq=False)
class Orbit:
    """An integrated orbit theta(s); see :func:`integrate`.

    Attributes
    ----------
    problem : Problem
    times : ndarray, shape (T,), float64
        Times of the integrator's own steps.
    thetas : ndarray, shape (T, K), float64
    status : str
        ``completed``, the name of the terminal event, or ``step failed``.
    message : str
        What the status means, in words.
    evaluations : int
        Number of evaluations of the vector field.
    dense : callable
        Dense output: s -> theta(s), float64, less accurate than the steps themselves.
    """

    problem: Problem
    times: np.ndarray
    thetas: np.ndarray
    status: str
    message: str
    evaluations: int
    dense: Callable[[Any], np.ndarray]

    @property
    def end(self) -> np.ndarray:
        """The last theta."""
        return self.thetas[-1]

    def outputs(self) -> np.ndarray:
        """Stacked outputs at all steps, shape (T, QN), float64."""
        return np.array([self._in_arithmetic(self.problem.stacked, theta) for theta in self.thetas])

    def costs(self) -> np.ndarray:
        """Cost at all steps, shape (T,), float64."""
        return np.array([self._in_arithmetic(self.problem.value, theta) for theta in self.thetas])

    def _in_arithmetic(self, function: Callable[[Array], Array], theta: np.ndarray) -> np.ndarray:
        arithmetic = self.problem.data.arithmetic
        return np.asarray(function(arithmetic.array(theta)), dtype=np.float64)


def integrate(
    problem: Problem,
    field: Field,
    theta: Array,
    end: float,
    *,
    rtol: float = 1e-8,
    events: Sequence[Event] = (),
    times: Sequence[float] | np.ndarray = (),
) -> Orbit:
    """Integrate theta' = field(problem, theta) from s = 0 to s = end with DOP853.

    The state is carried in float64; the field is evaluated in the arithmetic of the problem, so that a
    float32 problem shows what float32 gradients do to an orbit.

    Parameters
    ----------
    problem : Problem
        In float32 or float64.
    field : callable
        :func:`standard_field`, ``adapted_field(...)``, ``homotopy_field(...)`` or any other.
    theta : array, shape (K,)
        Initial parameters.
    end : float
        Final time, may be negative to run backwards; the cost 1/(2N) has its rates per time N.
    rtol : float
        Relative tolerance of a step; the absolute one is rtol times the largest initial parameter.
    events : sequence of Event
    times : sequence of float
        Extra times, between 0 and end, at which the integrator shall place a step (accurate output).

    Returns
    -------
    Orbit

    Raises
    ------
    ValueError
        For a time that is not finite and nonzero, a tolerance outside (0, 1), wrong theta.
    TypeError
        For a problem that is not in float32 or float64.
    SingularMatrixError
        When the field cannot be evaluated at the initial theta.

    Examples
    --------
    >>> from geomdl.data import Dataset
    >>> from geomdl.networks import Network
    >>> data = Dataset.regression(np.array([[1.0]]), np.array([[2.0]]))
    >>> problem = Problem(Network([1, 1], "tanh"), data)
    >>> orbit = integrate(problem, adapted_field(), np.zeros(2), 3.0)
    >>> bool(np.isclose(orbit.costs()[-1], np.exp(-6) * orbit.costs()[0]))
    True
    """
    arithmetic = problem.data.arithmetic
    if not isinstance(arithmetic, Floating):
        raise TypeError(f"got a problem in {arithmetic.name}; orbits need float32 or float64")
    if not np.isfinite(end) or end == 0:
        raise ValueError(f"got end={end}; expected a finite nonzero time")
    if not 0 < rtol < 1:
        raise ValueError(f"got rtol={rtol}; expected a number between 0 and 1")
    arithmetic_of(theta)  # refuses integers, lists and complex numbers
    initial = FLOAT64.array(theta)
    if not np.all(np.isfinite(np.asarray(field(problem, arithmetic.array(initial))))):
        raise ValueError(
            "got a field with NaN or infinite entries at the initial theta; expected finite numbers"
        )
    outside = [float(s) for s in times if not 0 <= s / end <= 1]
    if outside:
        raise ValueError(f"got times {outside}; expected times between 0 and end={end}")

    def velocity(_: float, state: np.ndarray) -> np.ndarray:
        # A trial step may leave the domain of the field; NaN makes the integrator reject it.
        if not np.all(np.isfinite(state)):
            return np.full_like(state, np.nan)
        try:
            return FLOAT64.array(field(problem, arithmetic.array(state)))
        except (NotFiniteError, SingularMatrixError, np.linalg.LinAlgError):
            return np.full_like(state, np.nan)

    scale = max(float(np.max(np.abs(initial))), 1e-3)
    stops = sorted({float(s) for s in times if 0 < s / end < 1}, key=abs)
    return _integrate_pieces(
        problem, velocity, initial, [*stops, float(end)], rtol, rtol * scale, events
    )


def _integrate_pieces(
    problem: Problem,
    velocity: Callable[[float, np.ndarray], np.ndarray],
    state: np.ndarray,
    stops: list[float],
    rtol: float,
    atol: float,
    events: Sequence[Event],
) -> Orbit:
    """Restart the integrator at every stop, so that the state there is a step and not interpolated."""
    from scipy.integrate import solve_ivp  # a third of the time of `import geomdl`, if it stood above

    arithmetic = problem.data.arithmetic
    watchers = [_watch(problem, event, arithmetic.array) for event in events]
    times, thetas, start = [0.0], [state], 0.0
    evaluations = 1  # of the field at the start, which integrate has looked at
    status, message = "completed", "the orbit reached the final time"
    for stop in stops:
        with np.errstate(over="ignore", invalid="ignore"):  # of trial steps, which are rejected
            result = solve_ivp(
                velocity, (start, stop), thetas[-1], method="DOP853", rtol=rtol, atol=atol,
                events=watchers or None,
            )  # fmt: skip
        times.extend(result.t[1:])
        thetas.extend(result.y.T[1:])
        evaluations += result.nfev
        start = stop
        if result.status == 1:
            met = next(i for i, e in enumerate(events) if e.terminal and len(result.t_events[i]))
            status = events[met].name
            message = f"the orbit stopped at s = {times[-1]:.6g}: {status}"
            break
        if result.status < 0:
            status = "step failed"
            message = (
                f"the integrator could not go beyond s = {times[-1]:.6g}; the orbit may end there "
                "(blow-up or loss of rank): watch it with the events blow_up and rank_loss"
            )
            break
    steps = np.array(times), np.array(thetas)
    dense = _between_steps(velocity, *steps, rtol, atol)
    return Orbit(problem, *steps, status, message, evaluations, dense)


def _between_steps(
    velocity: Callable[[float, np.ndarray], np.ndarray],
    times: np.ndarray,
    thetas: np.ndarray,
    rtol: float,
    atol: float,
) -> Callable[[Any], np.ndarray]:
    """Return dense output, which repeats a step when it is first asked for what lies inside.

    The interpolant of a step takes a fifth of all evaluations, and few orbits are asked for it.
    """
    from scipy.integrate import DOP853, OdeSolution

    @cache
    def repeated(step: int) -> Callable[[float], np.ndarray]:
        start, end = times[step : step + 2]
        with np.errstate(over="ignore", invalid="ignore"):
            solver = DOP853(
                velocity, start, thetas[step], end, rtol=rtol, atol=atol, first_step=abs(end - start)
            )  # fmt: skip
            ends, pieces = [start], []
            while solver.status == "running":
                solver.step()
                ends.append(solver.t)
                pieces.append(solver.dense_output())
        return OdeSolution(ends, pieces)

    def at(s: float) -> np.ndarray:
        step = int(np.searchsorted(np.abs(times), abs(s))) - 1
        return repeated(step)(s) if step >= 0 else thetas[0]

    def dense(s: Any) -> np.ndarray:
        if not np.all((np.asarray(s) - times[0]) * (times[-1] - np.asarray(s)) >= 0):
            raise ValueError(f"got s={s}; expected times from {times[0]:g} to {times[-1]:g}")
        rows = np.array([at(one) for one in np.atleast_1d(s)])
        return rows[0] if np.ndim(s) == 0 else rows

    return dense


def _watch(
    problem: Problem, event: Event, convert: Callable[[Any], Array]
) -> Callable[[float, np.ndarray], float]:
    def watcher(_: float, state: np.ndarray) -> float:
        return event.function(problem, convert(state))

    watcher.terminal = event.terminal  # type: ignore[attr-defined]
    return watcher
