"""The constrained flow in the time t = 1 - e^(-s/N), and how far it strays from the straight line.

Let D keep its rank along an orbit of the adapted flow, P_t be the projector onto its range, x~(t) the
outputs, x0 = x~(0), and C = |x - y|^2 / (2N). Then

    d/dt x~(t) = -P_t (x~(t) - y) / (1 - t),
    x~(t) - ((1 - t) x0 + t y) = int_0^t U_{t,t'} (1 - t) / (1 - t') (1 - P_t') (x0 - y) dt',
    d/dt U_{t,t'} = (1 - P_t) U_{t,t'} / (1 - t),    U_{t',t'} = 1,

and the integral is (1 - t) (U_{t,0} - 1) (x0 - y). Everything is integrated in tau = s/N, where
t = 1 - e^(-tau), d/dtau x~ = -P (x~ - y) and d/dtau U = (1 - P) U: nothing is singular there, while
1 - t has no digits left beyond tau = 36. The singular values of U lie between 1 and e^tau, so that
U_{t,t'} = U_{t,0} U_{t',0}^-1 is safe to form.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.integrate import solve_ivp

from geomdl.arithmetic import FLOAT64, Floating, SingularMatrixError
from geomdl.costs import LEAST_SQUARES
from geomdl.flows import rank_loss
from geomdl.jacobians import Linearization
from geomdl.problems import Problem
from geomdl.pseudoinverses import pseudoinverse

Generator = Callable[[np.ndarray], np.ndarray]


def interpolation_time(tau: Any) -> Any:
    """Return t = 1 - e^(-tau), tau = s/N, without cancellation: (2.52) of arXiv:2408.01517."""
    return -np.expm1(-np.asarray(tau, dtype=np.float64))


def complement(projector: np.ndarray) -> np.ndarray:
    """Return 1 - P, the generator of the propagator of the deviation from the straight line."""
    return np.eye(len(projector), dtype=np.float64) - projector


@dataclass(frozen=True)
class ReparametrizedFlow:
    """The constrained flow with its propagator at T times; see :func:`reparametrized_flow`.

    All arrays are float64.

    Attributes
    ----------
    problem : Problem
    rank : int
        The rank of D, the same all along the orbit.
    start : ndarray, shape (QN,)
        The outputs x0 at tau = 0.
    taus : ndarray, shape (T,)
        Times tau = s/N.
    thetas : ndarray, shape (T, K)
    outputs : ndarray, shape (T, QN)
        x~(t) = x[theta].
    projectors : ndarray, shape (T, QN, QN)
        P_t, onto the range of D[theta].
    propagators : ndarray, shape (T, QN, QN)
        U_{t,0}.
    deviation_integrals : ndarray, shape (T, QN)
        int_0^t U_{t,t'} (1 - t) / (1 - t') (1 - P_t') (x0 - y) dt'.
    conditions : ndarray, shape (T,)
        sigma_1 / sigma_r of D[theta].
    """

    problem: Problem
    rank: int
    start: np.ndarray
    taus: np.ndarray
    thetas: np.ndarray
    outputs: np.ndarray
    projectors: np.ndarray
    propagators: np.ndarray
    deviation_integrals: np.ndarray
    conditions: np.ndarray

    @property
    def times(self) -> np.ndarray:
        """The times t = 1 - e^(-tau) in [0, 1), shape (T,)."""
        return interpolation_time(self.taus)

    def propagator(self, later: int, earlier: int) -> np.ndarray:
        """Return U_{t,t'} between two of the times, given by their indices, shape (QN, QN)."""
        return np.linalg.solve(self.propagators[earlier].T, self.propagators[later].T).T

    def segment(self) -> np.ndarray:
        """Return the straight line (1 - t) x0 + t y at all times, shape (T, QN)."""
        targets = FLOAT64.array(self.problem.data.stacked_targets)
        return targets + np.exp(-self.taus)[:, None] * (self.start - targets)

    def deviations(self) -> np.ndarray:
        """Return x~(t) - ((1 - t) x0 + t y) at all times, shape (T, QN)."""
        return self.outputs - self.segment()


def reparametrized_flow(
    problem: Problem,
    theta: Any,
    taus: Sequence[float] | np.ndarray,
    *,
    rank: int | None = None,
    rtol: float = 1e-10,
    generator: Generator = complement,
) -> ReparametrizedFlow:
    """Integrate the adapted flow of constant rank together with its propagator.

    In tau = s/N the state (theta, U, J) obeys theta' = -N D^+ grad_x C, U' = (1 - P) U and
    J' = U^-1 (1 - P) (x0 - y); the integral over the propagator is e^(-tau) U J.

    Parameters
    ----------
    problem : Problem
        In float32 or float64, with the cost |x - y|^2 / (2N), to which the time t belongs.
    theta : array, shape (K,)
        Initial parameters.
    taus : sequence of float
        Increasing times tau = s/N >= 0, the last one positive. The integrator (DOP853) is restarted at
        each of them, so that nothing is interpolated.
    rank : int, optional
        Rank of D along the orbit; by default the rank at the initial theta.
    rtol : float
        Tolerance of the integrator.
    generator : callable, optional
        Maps the projector P to the generator G of another propagator, U' = G U, to be used in the
        integral as well; ``lambda p: -p`` gives that of x~ - y itself.

    Returns
    -------
    ReparametrizedFlow

    Raises
    ------
    ValueError
        For another cost, times that do not increase, a tolerance outside (0, 1), or wrong theta.
    TypeError
        For a problem that is not in float32 or float64.
    SingularMatrixError
        When D has another rank at one of the times, sigma_r / sigma_1 falls to 1e-8 on the way, or the
        integrator cannot go on: the rank changes or the parameters blow up, and the flow ends.

    Notes
    -----
    Source: arXiv:2408.01517, Proposition 2.5. The formulas are those that its proof, (2.61)-(2.64),
    arrives at; (2.59) is printed with (1 - t) x0 - t y as the straight line, (2.60) with P for 1 - P.

    Examples
    --------
    Two equal inputs with different targets, -1 and 2: the flow can only reach their mean.

    >>> from geomdl.data import Dataset
    >>> from geomdl.networks import Network
    >>> data = Dataset.regression(np.ones((2, 1)), np.array([[-1.0], [2.0]]))
    >>> problem = Problem(Network([1, 1], "tanh"), data)
    >>> flow = reparametrized_flow(problem, np.array([1.0, 0.0]), [1.0, 3.0])
    >>> flow.rank, np.allclose(flow.deviations(), np.outer(flow.times, [1.5, -1.5]))
    (1, True)
    >>> np.allclose(flow.deviation_integrals, flow.deviations(), rtol=0, atol=1e-9)
    True
    """
    stops = _checked_times(problem, taus, rtol)
    initial = FLOAT64.array(theta)
    start = problem.linearize(problem.data.arithmetic.array(initial))
    found = pseudoinverse(start.jacobian()).rank
    rank = found if rank is None else rank
    if rank != found:
        raise SingularMatrixError(_ends(0.0, f"D has rank {found} instead of {rank}"))
    columns = zip(*_stations(problem, initial, stops, rank, rtol, generator), strict=True)
    arrays = [np.array(column) for column in columns]
    return ReparametrizedFlow(problem, rank, FLOAT64.array(start.stacked), stops, *arrays)


def _checked_times(problem: Problem, taus: Sequence[float] | np.ndarray, rtol: float) -> np.ndarray:
    arithmetic = problem.data.arithmetic
    if not isinstance(arithmetic, Floating):
        raise TypeError(f"got a problem in {arithmetic.name}; orbits need float32 or float64")
    if problem.cost is not LEAST_SQUARES:
        raise ValueError(
            f"got the cost {problem.cost.name!r}; expected LEAST_SQUARES, |x - y|^2 / (2N), whose flow "
            "has the rate that t = 1 - exp(-s/N) undoes"
        )
    if not 0 < rtol < 1:
        raise ValueError(f"got rtol={rtol}; expected a number between 0 and 1")
    stops = np.atleast_1d(np.asarray(taus, dtype=np.float64))
    increasing = stops.ndim == 1 and np.all(np.isfinite(stops)) and np.all(np.diff(stops) > 0)
    if not increasing or not stops.size or stops[0] < 0 or stops[-1] <= 0:
        raise ValueError(
            f"got taus={stops.tolist()}; expected increasing finite times tau = s/N >= 0, the last one "
            "positive (t = 1 - exp(-tau) stays below 1)"
        )
    return stops


Station = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray, float]


def _stations(
    problem: Problem,
    initial: np.ndarray,
    stops: np.ndarray,
    rank: int,
    rtol: float,
    generator: Generator,
) -> Iterator[Station]:
    """Carry (theta, U, J) from stop to stop and yield what the result keeps of them."""
    error = FLOAT64.array(problem.stacked(problem.data.arithmetic.array(initial)))
    error -= FLOAT64.array(problem.data.stacked_targets)
    velocity, loss = _velocity(problem, rank, generator, error), _loss(problem, rank)
    unit = np.eye(problem.equations, dtype=np.float64)
    tau, state = 0.0, np.concatenate([initial, unit.ravel(), np.zeros_like(error)])
    atol = np.full_like(state, rtol)
    atol[: initial.size] *= max(float(np.max(np.abs(initial))), 1e-3)
    for stop in stops:
        if stop > tau:
            result = solve_ivp(
                velocity, (tau, stop), state, method="DOP853", rtol=rtol, atol=atol, events=loss
            )
            if result.status != 0:
                what = f"sigma_{rank} / sigma_1 vanishes" if result.status > 0 else "steps get too small"
                raise SingularMatrixError(_ends(result.t[-1], what))
            tau, state = stop, result.y[:, -1]
        (theta, propagator, pulled_back), at = _linearize(problem, state)
        inverse = pseudoinverse(at.jacobian())
        if inverse.rank != rank:
            raise SingularMatrixError(_ends(tau, f"D has rank {inverse.rank} instead of {rank}"))
        yield (
            theta,
            FLOAT64.array(at.stacked),
            FLOAT64.array(inverse.range_projector()),
            propagator,
            np.exp(-tau) * (propagator @ pulled_back),
            inverse.condition,
        )


def _loss(problem: Problem, rank: int) -> Callable[[float, np.ndarray], float]:
    """Return the event that the smallest singular value is lost in the noise."""
    arithmetic, count = problem.data.arithmetic, problem.network.parameter_count
    event = rank_loss(rank, max(1e-8, 100 * arithmetic.unit_roundoff))

    def loss(_: float, state: np.ndarray) -> float:
        return event.function(problem, arithmetic.array(state[:count]))

    loss.terminal = True  # type: ignore[attr-defined]
    return loss


Parts = tuple[np.ndarray, np.ndarray, np.ndarray]


def _linearize(problem: Problem, state: np.ndarray) -> tuple[Parts, Linearization]:
    """Split the state into theta, U, J, and linearize the network at theta."""
    count, equations = problem.network.parameter_count, problem.equations
    theta, propagator, pulled_back = np.split(state, [count, count + equations**2])
    at = problem.linearize(problem.data.arithmetic.array(theta))
    return (theta, propagator.reshape(equations, equations), pulled_back), at


def _velocity(
    problem: Problem, rank: int, generator: Generator, error: np.ndarray
) -> Callable[[float, np.ndarray], np.ndarray]:
    data = problem.data

    def velocity(_: float, state: np.ndarray) -> np.ndarray:
        if not np.all(np.isfinite(state)):  # a trial step may leave the domain; NaN rejects it
            return np.full_like(state, np.nan)
        (_theta, propagator, _pulled_back), at = _linearize(problem, state)
        try:
            inverse = pseudoinverse(at.jacobian(), rank=rank)
        except SingularMatrixError:
            return np.full_like(state, np.nan)
        projector = FLOAT64.array(inverse.range_projector())
        theta_dot = -data.size * inverse.apply(problem.cost.gradient(data, at.stacked))
        source = np.linalg.solve(propagator, error - projector @ error)
        return np.concatenate(
            [FLOAT64.array(theta_dot), (generator(projector) @ propagator).ravel(), source]
        )

    return velocity


def _ends(tau: float, what: str) -> str:
    return (
        f"the constrained flow of constant rank ends at tau = {tau:.6g}: {what}; shorten taus, or watch "
        "the orbit with geomdl.integrate and the events rank_loss and blow_up"
    )
