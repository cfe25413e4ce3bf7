r"""Existence of an exact zero-cost network near a computed one.

A computed theta0 leaves a residual e0 = x[theta0] - y that is small and not zero. By the theorem of
:mod:`geomdl.certificates.kantorovich`, with

    sigma <= sigma_min(D[theta0])    from :func:`geomdl.certificates.rank.certify_rank`,
    e     >= |e0|                    from an enclosure of the forward pass,
    L     >= the Lipschitz constant of D on a ball,    2 L e < sigma^2,

there is a theta* within 2 (e/sigma) / (1 + (1 - 2 L e / sigma^2)^(1/2)) of theta0 with x[theta*] = y.
How theta0 was found plays no part; :func:`polish` is one way to find it.

Targets that are unit vectors add up to 1 over the outputs. So with one hidden layer, A its values on
the data, every theta* has (sum of the rows of W_2, sum of b_2 - 1) in the kernel of [A 1]. If H + 1 < N,
either this sum of rows is 0, and then D loses rank at theta*: nothing can be certified there; or the
features satisfy an affine relation at theta*. Training from larger output weights (three to ten times)
leads to the second kind, from the usual ones often to the first. Widths H >= N - 1 have no such trouble.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import linalg

from geomdl.certificates.curvature import jacobian_lipschitz_bound
from geomdl.certificates.enclosures import EnclosedPass, enclose
from geomdl.certificates.equations import Equations, distinct_equations
from geomdl.certificates.gram import enclosed_gram
from geomdl.certificates.kantorovich import Attraction, attraction
from geomdl.certificates.rank import certify_rank
from geomdl.certificates.result import Certificate
from geomdl.certificates.rounding import ASSUMPTIONS, Enclosure, norm_up, up
from geomdl.certificates.spectra import say
from geomdl.networks import Network
from geomdl.problems import Problem

Progress = Callable[[str], None]

DAMPING = 1e-4
"""First shift of :func:`polish`, in units of the mean of D D^T's diagonal."""

SPREAD = 3.0

SETTLED = 1e-8
"""Residual, relative to the targets, below which :func:`polish` stops when it no longer halves; and
1e-4 of it is as good as float64 can do."""

THEOREM = "Newton and Kantorovich by way of the adapted flow (geomdl.certificates.kantorovich)"


def certify_interpolation(
    problem: Problem, theta: np.ndarray, *, progress: Progress | None = None
) -> Certificate:
    """Prove that a network with x[theta*] = y exactly exists near a computed theta.

    ``lower`` and ``upper`` enclose the distance from theta to the nearest such theta*. ``bounds`` holds
    ``residual_upper`` (of |x[theta] - y|), ``sigma_min_lower``, ``lipschitz_upper`` and
    ``quotient_upper``, of 2 L |e0| / sigma^2, which has to be below 1.

    Parameters
    ----------
    problem : Problem
        In float64; inputs and targets are taken as the exact numbers that their floats are. Repeated
        inputs are allowed.
    theta : ndarray, shape (K,), float64
    progress : callable, optional
        Given a line now and then.

    Returns
    -------
    Certificate
        ``refuted`` when two equal inputs have different targets: then no theta* exists anywhere.
        ``unknown`` when the hypotheses could not be verified.

    Raises
    ------
    ValueError, TypeError
        For an activation without enclosures or whose derivative is not Lipschitz, or a theta that does
        not fit or is not finite.
    MemoryError
        Before starting, with the memory that is needed, when there is not enough.

    Examples
    --------
    >>> from geomdl import Dataset, Network
    >>> data = Dataset.regression(np.array([[-1.0], [0.5], [2.0]]), np.array([[0.3], [-0.2], [0.4]]))
    >>> problem = Problem(Network([1, 6, 1], "tanh"), data)
    >>> theta = polish(problem, problem.network.random_theta(0))
    >>> found = certify_interpolation(problem, theta)
    >>> found.status, found.upper < 1e-13
    ('proved', True)
    """
    begin = time.perf_counter()
    equations = distinct_equations(problem)
    problem.network.layers(theta)
    statement = f"{of_problem(problem)} has a theta* with x[theta*] = y exactly, near the given theta"
    if equations.conflict is not None:
        return refuted_by_conflict(statement, equations)
    start = hypotheses(equations.problem, theta, progress)
    found = None
    if start.sigma > 0:
        say(progress, f"residual {start.residual:.3g}, sigma_min >= {start.sigma:.3g}")
        found = attraction(start.sigma, up(start.residual / start.sigma, 2), start.lipschitz)
    return Certificate(
        statement=statement,
        status="unknown" if found is None else "proved",
        lower=0.0,
        upper=math.inf if found is None else found.radius,
        bounds=_bounds(start, found),
        method=f"{THEOREM}; rank: {start.rank.method}" if found else _why(start),
        assumptions=tuple(dict.fromkeys((*ASSUMPTIONS, *start.rank.assumptions))),
        details={
            "equations": equations.problem.equations,
            "parameters": problem.network.parameter_count,
            "repeated_samples": equations.repeated,
            "seconds": round(time.perf_counter() - begin, 3),
        },
    )


@dataclass(frozen=True, eq=False)
class Hypotheses:
    """What the theorem asks for at one theta; see :func:`hypotheses`.

    Attributes
    ----------
    theta : ndarray, shape (K,)
    at : EnclosedPass
    residual : float
        Upper bound of |e0|.
    error : Enclosure, shape (N, Q)
        e0 itself.
    sigma : float
        Lower bound of sigma_QN(D), 0 where full row rank is not proved.
    rank : Certificate
    lipschitz : callable
        radius -> Lipschitz constant of D on the ball around theta.
    """

    theta: np.ndarray
    at: EnclosedPass
    residual: float
    error: Enclosure
    sigma: float
    rank: Certificate
    lipschitz: Callable[[float], float]


def hypotheses(problem: Problem, theta: np.ndarray, progress: Progress | None = None) -> Hypotheses:
    """Bound residual, smallest singular value and Lipschitz constant at a theta."""
    rank = certify_rank(problem, theta, progress=progress)
    full = rank.lower == problem.equations
    with np.errstate(over="ignore", invalid="ignore", under="ignore"):
        at = enclose(problem.network, theta, problem.data.inputs)
        error = at.outputs - Enclosure(problem.data.targets[problem.data.labels])
        residual = float(norm_up(error.magnitude()))
    return Hypotheses(
        theta,
        at,
        residual if residual >= 0 else math.inf,
        error,
        rank.bounds["sigma_min_lower"] if full else 0.0,
        rank,
        lambda radius: jacobian_lipschitz_bound(problem.network, theta, problem.data.inputs, radius, at),
    )


def of_problem(problem: Problem) -> str:
    """Name network and data for a statement."""
    return (
        f"{problem.network} on {problem.data.size} samples (QN = {problem.equations} equations, "
        f"K = {problem.network.parameter_count} parameters)"
    )


def refuted_by_conflict(statement: str, equations: Equations) -> Certificate:
    """Return the certificate for data in which two equal inputs have different targets."""
    first, second = equations.conflict or (0, 0)
    return Certificate(
        statement=statement,
        status="refuted",
        method=(
            f"samples {first} and {second} have the same input and different targets: a network gives "
            "them the same output, so no theta fits both"
        ),
        details={"conflict": [first, second]},
    )


def _bounds(start: Hypotheses, found: Attraction | None) -> dict[str, float]:
    bounds = {"residual_upper": start.residual, "sigma_min_lower": start.sigma}
    if found is not None:
        bounds["lipschitz_upper"] = found.lipschitz
        bounds["quotient_upper"] = found.quotient
    return bounds


def _why(start: Hypotheses) -> str:
    if start.sigma == 0:
        return "full row rank QN could not be proved at this theta, and without it nothing follows"
    radius = 2.1 * start.residual / start.sigma
    quotient = 2 * start.lipschitz(radius) * start.residual / start.sigma**2
    return (
        f"2 L |e0| / sigma^2 is {quotient:.3g} and has to be below 1: reduce the residual, for example "
        "with polish(), or take a wider network"
    )


def spread_theta(network: Network, seed: int | np.random.Generator) -> np.ndarray:
    """Draw a random theta from which :func:`polish` does well: three times the usual size.

    Usual weights make a nearly linear network of small data, whose D is ill conditioned; larger ones
    tell the samples apart.

    Parameters
    ----------
    network : Network
    seed : int or numpy.random.Generator

    Returns
    -------
    ndarray, shape (K,), float64
    """
    return SPREAD * network.random_theta(seed)


def polish(
    problem: Problem,
    theta: np.ndarray,
    *,
    steps: int = 60,
    progress: Progress | None = None,
) -> np.ndarray:
    """Reduce the residual |x[theta] - y| as far as float64 allows, by Levenberg-Marquardt steps.

    theta <- theta - D^T (D D^T + shift)^-1 (x[theta] - y). The shift falls with success, so that the
    last steps are those of Gauss and Newton, of minimum norm; it grows where the residual does not fall.
    One Cholesky factorization serves as long as it halves the residual in a step. Nothing here is
    rigorous, and no certificate depends on it.

    Parameters
    ----------
    problem : Problem
        In float64.
    theta : ndarray, shape (K,), float64
        Where to begin; a random theta will do for a wide network.
    steps : int
        Factorizations allowed.
    progress : callable, optional
        Given a line for every factorization.

    Returns
    -------
    ndarray, shape (K,), float64
        The best theta found, at worst the given one.
    """
    problem = distinct_equations(problem).problem
    error = problem.stacked(theta) - problem.data.stacked_targets
    best, damping = float(np.linalg.norm(error)), DAMPING
    settled = SETTLED * (1 + float(np.linalg.norm(problem.data.stacked_targets)))
    for step in range(steps):
        say(progress, f"factorization {step + 1}, residual {best:.3g}, shift {damping:.0e}")
        factor = _shifted_factor(problem, theta, damping)
        begin = best
        while factor is not None and best > 0:
            correction = problem.linearize(theta).pull(
                linalg.cho_solve((factor.T, False), error, check_finite=False)
            )
            tried = theta - correction
            moved = problem.stacked(tried) - problem.data.stacked_targets
            size = float(np.linalg.norm(moved))
            if not size < best:
                break
            theta, error, before, best = tried, moved, best, size
            if best > before / 2:
                break
        if best < settled * 1e-4 or (begin / 2 < best < settled):
            break
        gain = best / begin
        damping *= 10 if gain == 1 else 0.01 if gain < 0.1 else 0.2
    return theta


def _shifted_factor(problem: Problem, theta: np.ndarray, shift: float) -> np.ndarray | None:
    """Factor D D^T + shift * (mean of the diagonal) in place; None where it is not positive definite."""
    gram = enclosed_gram(enclose(problem.network, theta, problem.data.inputs)).lower
    diagonal = np.einsum("ii->i", gram)
    diagonal += shift * np.mean(diagonal)
    (potrf,) = linalg.get_lapack_funcs(("potrf",), (gram,))
    factor, status = potrf(gram.T, lower=0, clean=0, overwrite_a=1)
    return factor.T if status == 0 else None
