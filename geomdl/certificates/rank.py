r"""Certified rank and conditioning of D[theta] at one theta.

theta and the inputs are taken as the exact numbers that their floats are, and the network as the real
function. Equal inputs give equal rows of D, so the rank is that of D on the distinct inputs, D'; and

    D'^T D' <= D^T D <= c D'^T D',    c the largest number of copies,

so sigma_r(D) >= sigma_r(D') for the r nonzero singular values and sigma_1(D) <= c^(1/2) sigma_1(D').
The upper bound of the rank comes from structure (:mod:`geomdl.certificates.structure`), the lower one
from the first of three methods that reaches it (:mod:`geomdl.certificates.spectra`): Gram matrix and
Cholesky, singular values and Weyl, balls of 128, 256 and 512 bits.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from functools import cache

import numpy as np

from geomdl.certificates import definite, rounding, spectra
from geomdl.certificates.enclosures import (
    FLINT_ASSUMPTION,
    EnclosedPass,
    check_enclosed,
    enclose,
)
from geomdl.certificates.gram import PANEL_ENTRIES
from geomdl.certificates.result import Certificate
from geomdl.certificates.rounding import up
from geomdl.certificates.spectra import RankBound
from geomdl.certificates.structure import distinct_inputs, rank_upper_bound, why_deficient
from geomdl.memory import require_bytes
from geomdl.networks import Network
from geomdl.problems import Problem

METHODS = ("gram", "weyl", "balls")
"""The methods in the order in which they are tried."""

WEYL_LIMIT = 3e7
"""Entries of D beyond which the singular value decomposition is left out (0.25 GB, minutes)."""

BALLS_LIMIT = 500
"""Rank beyond which balls are left out: they take minutes, and eight times as long for twice as much."""

Progress = Callable[[str], None]


def certify_rank(
    problem: Problem,
    theta: np.ndarray,
    *,
    methods: Sequence[str] = METHODS,
    progress: Progress | None = None,
) -> Certificate:
    """Prove r1 <= rank D[theta] <= r2, with bounds of the extreme singular values.

    The statement is that D has full rank, min(K, QN); ``lower`` and ``upper`` are r1 and r2, and are
    valid whatever the status. ``bounds`` holds ``sigma_min_lower`` (of sigma_r1(D)),
    ``sigma_max_upper`` and ``condition_upper``, their quotient.

    Parameters
    ----------
    problem : Problem
        In float64 (or float32: then everything runs, and is bounded, in float32).
    theta : ndarray, shape (K,), same type
    methods : sequence of {"gram", "weyl", "balls"}
        Which methods to try, in this order.
    progress : callable, optional
        Given a line now and then.

    Returns
    -------
    Certificate
        ``refuted`` when structure keeps the rank below min(K, QN), ``unknown`` when no method succeeds.

    Raises
    ------
    ValueError, TypeError
        For an activation without enclosures, or a theta that does not fit or is not finite.
    MemoryError
        Before starting, with the memory that is needed, when there is not enough.

    Examples
    --------
    >>> from geomdl import Dataset
    >>> data = Dataset.regression(np.array([[-1.0], [0.5], [2.0]]), np.zeros((3, 1)))
    >>> problem = Problem(Network([1, 3, 1], "tanh"), data)
    >>> found = certify_rank(problem, problem.network.random_theta(0))
    >>> found.status, found.lower, found.bounds["sigma_min_lower"] > 0
    ('proved', 3.0, True)
    """
    network, inputs = problem.network, problem.data.inputs
    _check(problem, theta, methods)
    begin = time.perf_counter()
    distinct = distinct_inputs(inputs)
    upper = rank_upper_bound(network, inputs)
    best, tried = RankBound(0, 0.0, np.inf), []
    for name, attempt in _attempts(network, theta, distinct.inputs, upper, methods, progress):
        tried.append(name)
        # what overflows becomes infinite or NaN, with which nothing is proved
        with np.errstate(over="ignore", invalid="ignore", under="ignore"):
            found = attempt()
        if found is not None and (found.rank, found.sigma_lower) > (best.rank, best.sigma_lower):
            best = RankBound(found.rank, found.sigma_lower, min(found.sigma_upper, best.sigma_upper))
        if best.rank == upper:
            break
    copies = int(distinct.copies.max())
    largest = up(best.sigma_upper * up(float(np.sqrt(copies)), 2), 2)
    bounds = {"sigma_min_lower": best.sigma_lower, "sigma_max_upper": largest}
    if best.sigma_lower > 0:
        bounds["condition_upper"] = up(largest / best.sigma_lower, 2)
    equations, parameters = problem.equations, network.parameter_count
    full = min(equations, parameters)
    proved = best.rank == full
    return Certificate(
        statement=(
            f"the Jacobian D[theta] of {network} on {problem.data.size} inputs, QN x K = {equations} x "
            f"{parameters}, has rank min(K, QN) = {full} at this theta"
        ),
        status="proved" if proved else "refuted" if upper < full else "unknown",
        lower=best.rank,
        upper=upper,
        bounds=bounds,
        method=_words(tried, best.rank == upper),
        assumptions=_assumptions(network, tried),
        details={
            "equations": equations,
            "parameters": parameters,
            "distinct_inputs": len(distinct.first),
            "structure": why_deficient(network, inputs) if upper < full else [],
            "seconds": round(time.perf_counter() - begin, 3),
        },
    )


def _check(problem: Problem, theta: np.ndarray, methods: Sequence[str]) -> None:
    check_enclosed(problem.network.activation)
    problem.network.layers(theta)
    for name, array in (("theta", theta), ("inputs", problem.data.inputs)):
        if not isinstance(array, np.ndarray) or array.dtype not in (np.float64, np.float32):
            raise TypeError(f"got {name} of another type; expected NumPy arrays of float64")
    if theta.dtype != problem.data.inputs.dtype:
        raise TypeError(f"got theta in {theta.dtype} and inputs in {problem.data.inputs.dtype}")
    unknown = [name for name in methods if name not in METHODS]
    if unknown or not methods:
        raise ValueError(f"got methods {list(methods)}; expected some of {', '.join(METHODS)}")


def needed_bytes(network: Network, samples: int, itemsize: int = 8) -> float:
    """Estimate the memory of the Gram method: one QN x QN matrix, sensitivities, three panels."""
    rows = samples * network.outputs
    hidden = sum(network.widths[1:-1])
    return float(itemsize) * (rows**2 + 5 * rows * hidden + 4 * min(PANEL_ENTRIES, rows**2))


def _attempts(
    network: Network,
    theta: np.ndarray,
    inputs: np.ndarray,
    upper: int,
    methods: Sequence[str],
    progress: Progress | None,
) -> Iterator[tuple[str, Callable[[], RankBound | None]]]:
    """Name the methods that apply, one after the other, each with the function that tries it."""
    equations, parameters = network.outputs * len(inputs), network.parameter_count

    @cache
    def at() -> EnclosedPass:
        spectra.say(progress, "forward and backward pass")
        return enclose(network, theta, inputs)

    for name in methods:
        if name == "gram" and upper == equations:
            require_bytes(
                needed_bytes(network, len(inputs), theta.itemsize),
                what=f"the Gram matrix of {equations} equations",
                instead="take fewer samples",
            )
            yield "Gram matrix and Cholesky factorization", lambda: spectra.by_gram(at(), progress)
        if name == "weyl" and equations * parameters <= WEYL_LIMIT:
            spectra.say(progress, f"singular values of order {equations} x {parameters}")
            yield (
                "singular values and Weyl's inequality",
                lambda: spectra.by_singular_values(at().jacobian()),
            )
        if name == "balls" and upper <= BALLS_LIMIT and equations * parameters <= WEYL_LIMIT:
            for bits in spectra.BITS_AND_DIGITS:
                spectra.say(progress, f"balls of {bits} bits")

                def attempt(bits: int = bits) -> RankBound | None:
                    return spectra.by_balls(network, theta, inputs, upper, bits)

                yield f"balls of {bits} bits", attempt


def _words(tried: Sequence[str], reached: bool) -> str:
    if not tried:
        return "no method applies at this size"
    failed = tried[:-1] if reached else tried
    words = tried[-1] if reached else "none succeeded"
    return words + (f" (tried without success: {', '.join(failed)})" if failed else "")


def _assumptions(network: Network, tried: Sequence[str]) -> tuple[str, ...]:
    sentences = list(rounding.ASSUMPTIONS)
    if any("Cholesky" in name for name in tried):
        sentences.append(definite.ASSUMPTION)
    if network.activation.name not in ("relu", "leaky_relu", "square", "identity") or any(
        "balls" in name for name in tried
    ):
        sentences.append(FLINT_ASSUMPTION)
    if network.activation.piecewise_linear:
        sentences.append("derivatives at a kink are those from the left, as everywhere in geomdl")
    return tuple(sentences)
