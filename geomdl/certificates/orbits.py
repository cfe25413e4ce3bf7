r"""The adapted flow for all times: existence, full rank and convergence of one orbit, proved.

The adapted flow theta' = -D^+ grad_x C moves the outputs on the segment from x0 to y. In the time
t = 1 - exp(-c s), c = 1/N for C = |x - y|^2 / (2N), it reads d theta/dt = -D^+ e0 with the constant
e0 = x0 - y, and all of s in [0, infinity) is t in [0, 1). Two proofs are tried, one after the other:

1. at s = 0, the theorem of :mod:`geomdl.certificates.kantorovich`: 2 L |D0^+ e0| < sigma_min(D0);
2. validated integration in t: polynomials (:mod:`geomdl.certificates.collocation`) in tubes
   (:mod:`geomdl.certificates.tubes`), up to a t at which the theorem applies to (1 - t) e0 and the whole
   tube, or up to t = 1 itself, where the flow is still defined if D has full rank: then the limit is
   theta(1).

An orbit that leaves every bounded set, or runs into rank loss, ends the integration; no proof of that is
attempted, and the certificate is ``unknown``.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field

import numpy as np
from scipy.integrate import solve_ivp

from geomdl.arithmetic import get_arithmetic
from geomdl.certificates.collocation import collocate, velocity
from geomdl.certificates.enclosures import FLINT_ASSUMPTION
from geomdl.certificates.equations import Equations, distinct_equations
from geomdl.certificates.interpolation import (
    Hypotheses,
    Progress,
    hypotheses,
    of_problem,
    refuted_by_conflict,
    say,
)
from geomdl.certificates.kantorovich import Attraction, attraction
from geomdl.certificates.result import Certificate
from geomdl.certificates.rounding import ASSUMPTIONS, Enclosure, down, norm_up, up
from geomdl.certificates.tubes import Lift, TubeBound, norm, point, upper, working
from geomdl.problems import Problem

INTEGRATED = ("tanh", "sigmoid", "softplus", "sin", "square", "identity")
"""Activations for which orbits are integrated; the theorem at s = 0 takes all smooth ones."""

ENTRIES_LIMIT = 4000
"""Entries of D up to which orbits are integrated: the second derivatives of all of them are expanded."""

SHARP_LIMIT = 3e7
"""Entries of D up to which |D0^+ e0| is computed, not bounded by |e0| / sigma."""

ORDER = 12
MOST_EXCESS = 0.15
MOST_DEFECT = 3e-11
LEAST_ROOM = 1e-13
SHORTEST = 2.0**-30
FAR = 100.0
"""How many times larger than at the end of the enclosure theta counts as leaving."""

CALLS = 3000
"""Evaluations of the field in float64 that are spent on saying where a failed integration was going."""

LISTED_LIMIT = 1000
"""Parameters up to which the limit's coordinates are part of the certificate."""


def certify_orbit(
    problem: Problem,
    theta: np.ndarray,
    *,
    most_steps: int = 1000,
    progress: Progress | None = None,
) -> Certificate:
    """Prove that the adapted orbit of theta exists for all times, keeps full rank and converges.

    The limit theta* satisfies x[theta*] = y exactly. ``lower`` and ``upper`` enclose |theta* - theta|.
    ``bounds`` holds ``sigma_min_lower`` along the whole orbit and at its limit, and
    ``limit_error_upper``, the distance of theta* from ``details["limit"]``.

    Parameters
    ----------
    problem : Problem
        In float64; any cost with one divisor for all samples is integrated, the theorem at s = 0 takes
        every cost. Full rank means that of the distinct inputs.
    theta : ndarray, shape (K,), float64
        The start, taken as exact.
    most_steps : int
        Pieces of the orbit that are tried.
    progress : callable, optional
        Given a line now and then.

    Returns
    -------
    Certificate
        ``refuted`` when two equal inputs have different targets, ``unknown`` when no proof was found;
        ``method`` then says how far the orbit was followed, and what it seems to do.

    Raises
    ------
    ValueError, TypeError
        As for :func:`geomdl.certificates.interpolation.certify_interpolation`.

    Examples
    --------
    >>> from geomdl import Dataset, Network
    >>> data = Dataset.regression(np.array([[-1.0], [1.0]]), np.array([[0.5], [-0.3]]))
    >>> problem = Problem(Network([1, 3, 1], "tanh"), data)
    >>> found = certify_orbit(problem, problem.network.random_theta(0))
    >>> found.status, found.bounds["sigma_min_lower"] > 0.1
    ('proved', True)
    """
    begin = time.perf_counter()
    equations = distinct_equations(problem)
    problem.network.layers(theta)
    statement = (
        f"the adapted flow of {of_problem(problem)} from the given theta exists for all s >= 0, keeps "
        "full rank, and converges to a theta* with x[theta*] = y"
    )
    if equations.conflict is not None:
        return refuted_by_conflict(statement, equations)
    start = hypotheses(equations.problem, theta, progress)
    run = _Run(theta, radius=0.0, sigma=start.sigma)
    if start.sigma == 0:
        run.ended = "full row rank QN could not be proved at the start"
    elif equations.divisors is None:
        run.ended = "copies of an input have different weights in the cost"
    else:
        run.attraction = _attracted(start, equations, 0.0, run)
        if run.attraction is None:
            _integrate(run, equations, start, most_steps, progress)
    return _certificate(statement, run, equations, start, time.perf_counter() - begin)


@dataclass(eq=False)
class _Run:
    """How far the orbit was followed: theta(t) is within radius of centre."""

    centre: np.ndarray
    radius: float
    sigma: float
    t: float = 0.0
    steps: int = 0
    growth: float = 0.0
    attraction: Attraction | None = None
    ended: str = ""
    notes: dict[str, float] = field(default_factory=dict)

    @property
    def proved(self) -> bool:
        return self.attraction is not None or self.t == 1.0


def _attracted(
    at: Hypotheses, equations: Equations, t: float, run: _Run, error: Enclosure | None = None
) -> Attraction | None:
    """Apply the theorem to the error (1 - t) e0 and a start within the run's radius of the centre."""
    if at.sigma == 0 or equations.divisors is None:
        return None
    error = at.error if error is None else error
    step = 0.0
    for divisor in np.unique(equations.divisors):
        group = (equations.divisors == divisor).astype(np.float64)[:, None]
        step = up(step + _newton_step(at, error * Enclosure(group)), 2)
    return attraction(at.sigma, up(step * (1 - t), 2), at.lipschitz, run.radius)


def _newton_step(at: Hypotheses, error: Enclosure) -> float:
    """Bound |D^+ e|: |D^T m| + |e - D D^T m| / sigma for an approximate m, or |e| / sigma."""
    crude = up(float(norm_up(error.magnitude())) / at.sigma, 2)
    equations, parameters = at.at.shape
    if equations * parameters > SHARP_LIMIT:
        return crude
    jacobian = at.at.jacobian()
    column = error.reshape(-1, 1)
    triangle = np.asarray(np.linalg.qr(jacobian.mid.T, mode="r"))
    multiplier = np.linalg.lstsq(triangle.T, column.mid, rcond=None)[0]
    multiplier = np.linalg.lstsq(triangle, multiplier, rcond=None)[0]
    if not np.all(np.isfinite(multiplier)):
        return crude
    step = jacobian.T @ Enclosure(multiplier)
    rest = column - jacobian @ step
    sharp = float(norm_up(step.magnitude())) + up(float(norm_up(rest.magnitude())) / at.sigma, 2)
    return min(crude, up(sharp, 2))


def _integrate(
    run: _Run, equations: Equations, start: Hypotheses, most_steps: int, progress: Progress | None
) -> None:
    """Follow the orbit in tubes until the theorem applies, t = 1 is reached, or a step fails."""
    problem, theta = equations.problem, run.centre
    run.ended = _why_not_integrated(equations)
    if run.ended:
        return
    balls = get_arithmetic("arb32")
    exact = problem.to(balls)
    drive = np.asarray(exact.stacked(balls.array(theta)) - exact.data.stacked_targets)
    lift, rounded = Lift(problem, drive, ORDER), balls.to_float64(drive)
    here, length = point(theta), 2.0**-4
    for _ in range(most_steps):
        length = min(length, 1 - run.t)
        if length < min(SHORTEST, 1 - run.t):
            run.ended = _seems(problem, run, rounded)
            return
        piece = collocate(problem, run.centre, rounded, length, ORDER)
        if piece is None:
            length /= 2
            continue
        first, last = lift.ends(piece)
        with working():
            radius = up(run.radius + upper(norm(first - here)), 2)
        room = 2 * radius + 16 * piece.defect + LEAST_ROOM
        bound = lift.bound(piece, room)
        if bound is None or not _accepted(bound, radius, room):
            length /= 2
            continue
        run.radius, run.growth = bound.radius_at_end(radius), run.growth + bound.growth
        run.sigma = min(run.sigma, bound.sigma_lower)
        run.t, run.steps, here = run.t + length, run.steps + 1, last
        run.centre = np.array([float(ball) for ball in last])
        say(progress, f"t = {run.t:.5f}, radius {run.radius:.2g}, sigma_min >= {bound.sigma_lower:.3g}")
        if run.t == 1.0 or _handed_over(run, equations, here, start.error):
            run.ended = ""
            return
        if bound.excess < MOST_EXCESS / 5:
            length *= 2
    run.ended = f"{most_steps} steps were not enough to pass t = {run.t:.6g}"


def _accepted(bound: TubeBound, radius: float, room: float) -> bool:
    """Tell whether a piece is proved, and not at too great a loss."""
    proved = bound.radius_at_end(radius) < room
    return proved and bound.excess < MOST_EXCESS and bound.defect < MOST_DEFECT


def _handed_over(run: _Run, equations: Equations, here: np.ndarray, error: Enclosure) -> bool:
    """Try the theorem from the end of the tube; its centre is the float next to the polynomial's."""
    with working():
        rounding = upper(norm(here - point(run.centre)))
    centred = _Run(run.centre, up(run.radius + rounding, 2), run.sigma, run.t)
    at = hypotheses(equations.problem, run.centre)
    run.attraction = _attracted(at, equations, run.t, centred, error)
    return run.attraction is not None


def _why_not_integrated(equations: Equations) -> str:
    network, size = equations.problem.network, equations.problem.equations
    reason = "2 L |D^+ e0| < sigma_min is not proved at the start, and the orbit is not integrated: "
    if network.activation.name not in INTEGRATED:
        return reason + f"the activation {network.activation.name} has no power series here"
    if size * network.parameter_count > ENTRIES_LIMIT:
        return reason + (
            f"D has {size} x {network.parameter_count} entries, more than {ENTRIES_LIMIT}; train first, "
            "so that the start is closer to zero cost, or take a wider network"
        )
    if equations.divisors is not None and len(np.unique(equations.divisors)) > 1:
        return reason + "the classes have different weights in the cost"
    return ""


def _seems(problem: Problem, run: _Run, drive: np.ndarray) -> str:
    """Follow the orbit in float64 from where its enclosure ended; what it says is not proved."""
    text = (
        f"the integration ended at t = {run.t:.9g}, s = {-math.log1p(-run.t):.6g} / c, with sigma_min "
        f">= {run.sigma:.2g} so far; measured (not proved), the orbit seems to "
    )
    bound = FAR * (1 + float(np.linalg.norm(run.centre)))

    calls = 0

    def field(_: float, theta: np.ndarray) -> np.ndarray:
        nonlocal calls
        calls += 1
        # near a singularity steps shrink without end; NaN ends the integration
        return velocity(problem, theta, drive)[0] if calls <= CALLS else np.full_like(theta, np.nan)

    def leaves(_: float, theta: np.ndarray) -> float:
        return float(np.linalg.norm(theta)) - bound

    leaves.terminal = True  # type: ignore[attr-defined]
    try:
        found = solve_ivp(
            field, (run.t, 1.0), run.centre, method="DOP853", rtol=1e-6, atol=1e-9, events=leaves
        )
    except (np.linalg.LinAlgError, ValueError):
        return text + "run into rank loss"
    theta, t = found.y[:, -1], float(found.t[-1])
    try:
        sigma = np.linalg.svd(problem.linearize(theta).jacobian(), compute_uv=False)[-1]
    except (np.linalg.LinAlgError, ValueError):
        sigma = 0.0
    run.notes = {"t_measured": t, "sigma_min_measured": float(sigma)}
    where = f"at t = {t:.6g}, where |theta| = {np.linalg.norm(theta):.3g} and sigma_min = {sigma:.2g}"
    if found.status == 1:
        return text + f"leave every bounded set: it passes |theta| = {bound:.3g} {where}"
    if found.status == -1:
        return text + f"leave, or to run into rank loss, {where}"
    return text + f"converge {where}: the enclosure became too wide, not the orbit"


def _certificate(
    statement: str, run: _Run, equations: Equations, start: Hypotheses, seconds: float
) -> Certificate:
    theta = start.theta
    moved = float(norm_up(run.centre - theta))
    error, sigma = run.radius, run.sigma
    method = "the theorem of geomdl.certificates.kantorovich at s = 0"
    if run.steps:
        method = f"validated integration of {run.steps} pieces up to t = {run.t:.6g}"
        with working():
            # radius is that around the polynomial's end, whose float the centre is
            error = up(error + float(np.spacing(np.max(np.abs(run.centre)))) * len(theta), 4)
    if run.attraction is not None:
        error, sigma = run.attraction.radius, min(sigma, run.attraction.sigma_lower)
        method += ", and the theorem there" if run.steps else ""
    bounds = {"residual_upper": start.residual, "sigma_min_lower": sigma}
    details = {
        "equations": equations.problem.equations,
        "parameters": len(theta),
        "repeated_samples": equations.repeated,
        "pieces": run.steps,
        "t": run.t,
        "s_times_c": -math.log1p(-run.t) if run.t < 1 else math.inf,
        "growth_exponent": run.growth,
        **run.notes,
        "seconds": round(seconds, 3),
    }
    if run.proved:
        bounds["limit_error_upper"] = error
        if run.attraction is not None:
            bounds["quotient_upper"] = run.attraction.quotient
        if len(theta) <= LISTED_LIMIT:
            details["limit"] = run.centre.tolist()
    return Certificate(
        statement=statement,
        status="proved" if run.proved else "unknown",
        lower=max(down(moved * (1 - 1e-12), 2) - up(error), 0.0) if run.proved else 0.0,
        upper=up(moved + error, 2) if run.proved else math.inf,
        bounds=bounds,
        method=method if run.proved else f"none succeeded; {run.ended}",
        assumptions=tuple(dict.fromkeys((*ASSUMPTIONS, *start.rank.assumptions, FLINT_ASSUMPTION))),
        details=details,
    )
