"""Solve D w = r in the sense of D^+ r, with the rank decided, by the cheapest method that is sound.

w = D^+ r is the least squares solution of minimum norm. Methods, from the cheapest:

``single cholesky``
    Like ``cholesky``, with a float32 factor; tried when a condition of at most 1e3 is known.
``cholesky``
    D D^T (QN <= K) or D^T D (QN > K), from its structure, is factored by Cholesky, and

        w <- w + D^T (D D^T)^-1 (r - D w)        or        w <- w + (D^T D)^-1 D^T (r - D w)

    is repeated with matrix-free D until the steps stop to shrink. They shrink by about u kappa^2 each.
    The first w has an error of u kappa^2, the last one of u kappa, as with a QR factorization of D.
``shifted cholesky``
    The factor of D D^T + s 1, s of the order of its rounding errors, preconditions conjugate gradients
    for the same two systems (Craig's method and CGLS), restarted from the true residual.
``qr``
    D is formed and D^T = Q R or D = Q R; w = Q R^-T r or R^-1 Q^T r.
``svd``
    The singular values of R, which are those of D, decide the rank; those that count are inverted.

A method answers only when what it saw proves it sound: that the steps shrank, that they ended at the
level of roundoff, and that the condition number stays far from where the rank rule of
:func:`geomdl.pseudoinverse` would begin to drop singular values. Otherwise the next one is tried, and
the result says why. Small problems, where a singular value decomposition costs less than these
considerations, and arithmetics without LAPACK go straight to :func:`geomdl.pseudoinverse`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from geomdl.arithmetic import Arithmetic, Array, NotFiniteError
from geomdl.jacobians import Linearization
from geomdl.memory import require_memory
from geomdl.networks import check_vector
from geomdl.normal_systems import NormalSystem, Rejected
from geomdl.pseudoinverses import pseudoinverse, rank_tolerance

_DIRECT_BELOW = 250_000
_SINGLE_UP_TO = 1e3
_SINGLE_FROM = 256
_MOST_ROUNDS = 8
_MOST_ITERATIONS = 200
_LEVEL = 32
_INDEFINITE = "the matrix is not positive definite to the working precision"


@dataclass(frozen=True)
class Solution:
    """The vector w = D^+ r and how it was found; see :func:`solve`.

    Attributes
    ----------
    solution : array, shape (K,)
        w, of minimum norm among those that minimize |D w - r|.
    method : str
        The method that answered.
    rank : int
        Of D, by the rule of :func:`geomdl.pseudoinverse`.
    condition : float
        Estimate of sigma_1 / sigma_rank, good to a factor of about 3; exact after ``svd``.
    residual : float
        |D w - r| / |r|. Of the order of roundoff when r is in the range of D.
    optimality : float
        |D^T (D w - r)| / (sigma_1 (|r| + sigma_1 |w|)), of the order of roundoff for every r.
    refinements : int
        Corrections of w by the residual.
    reason : str
        Why this method, in words.
    """

    solution: Array
    method: str
    rank: int
    condition: float
    residual: float
    optimality: float
    refinements: int
    reason: str


def solve(
    at: Linearization, right: Array, *, rank: int | None = None, condition: float | None = None
) -> Solution:
    """Return D^+ r, the least squares solution of D w = r of minimum norm, with the rank decided.

    Parameters
    ----------
    at : Linearization
    right : array, shape (QN,)
    rank : int, optional
        Impose the rank of D, where it is known.
    condition : float, optional
        The condition number, where it is known about, as from a solve nearby on an orbit. Up to 1e3 a
        float32 factor is tried first; a wrong value costs time, never digits.

    Returns
    -------
    Solution
        With the method that answered, the residual, the rank, the condition number, and the reason.

    Raises
    ------
    SingularMatrixError
        When D does not have the rank that is imposed.
    MemoryError
        When a matrix that is needed does not fit into the memory that is left.
    ValueError, TypeError
        For a right side of another shape or arithmetic, or with entries that are not finite (on a
        device NotFiniteError, and only once no method answers).

    Examples
    --------
    >>> from geomdl.jacobians import linearize
    >>> from geomdl.networks import Network
    >>> network = Network([4, 32, 2], "tanh")
    >>> rng = np.random.default_rng(0)
    >>> at = linearize(network, network.random_theta(0), rng.standard_normal((32, 4)))
    >>> found = solve(at, np.ones(64))
    >>> found.method, found.rank, found.residual < 1e-12
    ('cholesky', 64, True)
    """
    check_vector("a right side", right, at.arithmetic, at.shape[0])
    few, many = sorted(at.shape)
    if not at.arithmetic.hardware or few * few * many <= _DIRECT_BELOW or rank not in (None, few):
        return _direct(at, right, rank)
    scale = at.arithmetic.largest(right)
    scale = scale + (scale == 0)  # a zero right side stays one; nothing is read back from a device
    system, scaled = NormalSystem(at, at.shape[0] <= at.shape[1], rank is not None), right / scale
    methods: list[Callable[[NormalSystem, Array], Solution]] = [_by_cholesky, _by_shifted_cholesky]
    double = at.arithmetic.bytes_per_number == 8 and few >= _SINGLE_FROM
    if double and condition is not None and condition <= _SINGLE_UP_TO:
        methods.insert(0, _by_single_cholesky)
    rejections = []
    # What overflows is seen and rejected, whatever it was.
    with at.arithmetic.streaming(), np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        for method in methods:
            try:
                found = method(system, scaled)
                break
            except Rejected as why:
                rejections.append(str(why))
        else:
            found = _by_orthogonal(system, scaled, rank)
    reason = "; ".join([*rejections, found.reason])
    return replace(found, solution=found.solution * scale, reason=reason)


def _direct(at: Linearization, right: Array, rank: int | None) -> Solution:
    factored = pseudoinverse(at.jacobian(), rank=rank)
    solution = factored.apply(right)
    arithmetic = at.arithmetic
    error = right - at._push(at.network.split(solution))
    sizes = [arithmetic.largest(x) for x in (error, right, at._pull(error), solution)]
    left, given, gradient, length = (float(size) for size in sizes)
    sigma = factored.singular_values
    norm = float(sigma[0]) if sigma is not None else math.nan
    why = "singular values cost less here" if arithmetic.hardware else f"{arithmetic.name} numbers"
    if rank is not None and rank < min(at.shape):
        why = f"rank {rank} is imposed"
    return Solution(
        solution, factored.method, factored.rank, factored.condition, left / given if given else 0.0,
        gradient / (norm * (given + norm * length) or 1), 0, why,
    )  # fmt: skip


def _finish(
    system: NormalSystem, solution: Array, norms: list[Any], top: float, **facts: Any
) -> Solution:
    """Return the result; norms as from the system, top is sigma_1^2."""
    length, left, gradient, given = (float(norm) for norm in norms)
    scale = math.sqrt(top) * (given + math.sqrt(top) * length)
    return Solution(
        solution, rank=system.size, residual=left / (given or 1), optimality=gradient / (scale or 1),
        **facts,
    )  # fmt: skip


def _by_single_cholesky(system: NormalSystem, right: Array) -> Solution:
    return _by_cholesky(system, right, single=True)


def _by_cholesky(system: NormalSystem, right: Array, single: bool = False) -> Solution:
    arithmetic = system.arithmetic
    working = arithmetic.single() if single else arithmetic
    lower = system.lower(working)
    top = system.top(working, lower)
    factored, failed = working.cholesky_in_place(lower)
    if not arithmetic.asynchronous and bool(failed):
        raise Rejected(f"{_name(single)}: {_INDEFINITE}")

    def inverse(columns: Array) -> Array:
        return arithmetic.array(factored(working.array(columns))) if single else factored(columns)

    solution, error, probe = arithmetic.zeros((system.at.shape[1],)), right, system.probe(system.size)
    steps, rounds = [], 2
    while True:
        for _ in range(rounds):
            # The probe rides along in the same pass through the factor: inverse iteration for 1/sigma^2.
            reduced = error if system.wide else system.pull(error)
            both = inverse(arithmetic.stack([reduced, probe], axis=1))
            step = system.pull(both[:, 0]) if system.wide else both[:, 0]
            solution = solution + step
            error = right - system.push(solution)
            bottom = system.norm(both[:, 1])
            probe = both[:, 1] / bottom
            steps.append(system.norm(step))
        # One reading for all decisions: on a device nothing before it waited.
        seen = [0 * top + failed, top * bottom, top, *steps[-2:], *system.norms(solution, error, right)]
        numbers = arithmetic.to_float64(arithmetic.stack(seen)).tolist()
        broken, square, largest, before, last, length = numbers[:6]
        verdict = _verdict(arithmetic, broken != 0, square, length, before, last)
        if verdict:
            break
        if len(steps) >= _MOST_ROUNDS:
            raise Rejected(f"{_name(single)} needs more than {_MOST_ROUNDS} refinements")
        rounds = 1
    if verdict != "converged":
        raise Rejected(f"{_name(single)}: {verdict}")
    condition = system.checked(math.sqrt(square))
    return _finish(
        system, solution, numbers[5:], largest, method=_name(single), condition=condition,
        refinements=len(steps) - 1, reason=f"the last correction was {last / (length or 1):.1e} of w",
    )  # fmt: skip


def _name(single: bool) -> str:
    return "single cholesky" if single else "cholesky"


def _verdict(
    arithmetic: Arithmetic, failed: bool, square: float, length: float, before: float, last: float
) -> str | None:
    """Judge two corrections of w: ``converged``, why not, or None to go on."""
    if failed or not math.isfinite(length + square + last):
        return _INDEFINITE
    unit, rate = arithmetic.unit_roundoff, last / before if before else 0.0
    if rate * last <= unit * length:
        return "converged"
    if rate <= 0.3:
        return None
    if last <= _LEVEL * unit * math.sqrt(square) * length:
        return "converged"
    return f"corrections shrink by {rate:.1e} only, at a condition number of about {square**0.5:.1e}"


def _by_shifted_cholesky(system: NormalSystem, right: Array) -> Solution:
    arithmetic, size = system.arithmetic, system.size
    matrix = system.lower(arithmetic)
    top = float(system.top(arithmetic, matrix))
    shift = size * arithmetic.unit_roundoff * top
    arithmetic.diagonal_view(matrix, 0, 1)[...] += arithmetic.array([shift])[0]
    inverse, failed = arithmetic.cholesky_in_place(matrix)
    if bool(failed) or not top > 0:
        raise Rejected("shifted cholesky: the shifted matrix is not positive definite either")
    # D^+ of a random vector sees the smallest singular value, up to the root of the dimension.
    answer, _ = _conjugate_gradients(system, inverse, system.probe(len(right)))
    lower = math.sqrt(top) * float(system.norm(answer))
    condition = system.checked(lower * math.sqrt(len(right)))
    solution, error, steps = arithmetic.zeros((system.at.shape[1],)), right, [math.inf]
    for _ in range(_MOST_ROUNDS):
        step, _ = _conjugate_gradients(system, inverse, error)
        solution = solution + step
        error = right - system.push(solution)
        steps.append(float(system.norm(step)))
        length = float(system.norm(solution))
        level = _LEVEL * arithmetic.unit_roundoff * lower * length
        if steps[-1] <= level and len(steps) > 2:
            return _finish(
                system, solution, system.norms(solution, error, right), top, method="shifted cholesky",
                condition=condition,
                refinements=len(steps) - 2,
                reason=f"the last correction was {steps[-1] / (length or 1):.1e} of w",
            )  # fmt: skip
        if not steps[-1] <= 0.1 * steps[-2]:
            break
    raise Rejected("shifted cholesky: corrections do not shrink to the level of roundoff")


def _conjugate_gradients(
    system: NormalSystem, inverse: Callable[[Array], Array], right: Array, tolerance: float = 1e-7
) -> tuple[Array, int]:
    """Return D^+ r by preconditioned conjugate gradients: Craig's method, or CGLS for a tall D."""
    solution = system.arithmetic.zeros((system.at.shape[1],))
    error, along, first, before = right, None, None, None
    for iteration in range(_MOST_ITERATIONS):
        gradient = error if system.wide else system.pull(error)
        weighted = inverse(gradient)
        now = weighted @ gradient
        first = now if first is None else first
        if not float(now) > tolerance**2 * float(first):
            return solution, iteration
        direction = system.pull(weighted) if system.wide else weighted
        along = direction if along is None else direction + (now / before) * along
        moved = system.push(along)
        length = now / ((along @ along) if system.wide else (moved @ moved))
        solution = solution + length * along
        error, before = error - length * moved, now
    raise Rejected(f"shifted cholesky: no convergence in {_MOST_ITERATIONS} iterations")


def _by_orthogonal(system: NormalSystem, right: Array, rank: int | None) -> Solution:
    at, arithmetic = system.at, system.arithmetic
    require_memory(
        arithmetic, at.shape, at.shape, what="the QR factorization of D",
        instead="the rank of D is in question, and deciding it needs D: take fewer samples",
    )  # fmt: skip
    jacobian = at.jacobian()
    if not (arithmetic.all_finite(jacobian) and arithmetic.all_finite(right)):
        raise NotFiniteError("got a Jacobian or a right side with NaN or infinite entries")
    factored = arithmetic.qr(jacobian.T if system.wide else jacobian)
    del jacobian
    triangle = factored.triangle
    norm = float(arithmetic.sqrt((triangle * triangle).sum()))
    bound = norm * float(factored.inverse_norm)
    if bound * rank_tolerance(arithmetic, at.shape, 1) < 1:
        solution = (
            factored.multiply(factored.solve_transposed(right))
            if system.wide
            else factored.solve(factored.multiply_transposed(right))
        )
        error = right - system.push(solution)
        return _finish(
            system, solution, system.norms(solution, error, right), norm**2, method="qr",
            condition=_condition(system, factored),
            refinements=0, reason="full rank is certain from the triangular factor",
        )  # fmt: skip
    if rank is not None:
        return _direct(at, right, rank)  # which accepts it, or says what is wrong with it
    left, sigma, across = arithmetic.svd(triangle)
    values = arithmetic.to_float64(sigma)
    found = int((values > float(rank_tolerance(arithmetic, at.shape, values[0]))).sum())
    if system.wide:
        reduced = (across[:found] @ right) / sigma[:found]
        solution = factored.multiply(left[:, :found] @ reduced)
    else:
        reduced = (left[:, :found].T @ factored.multiply_transposed(right)) / sigma[:found]
        solution = across[:found].T @ reduced
    error = right - system.push(solution)
    answer = _finish(
        system, solution, system.norms(solution, error, right), float(values[0]) ** 2, method="svd",
        condition=float(values[0] / values[found - 1]) if found else 1.0, refinements=0,
        reason=f"singular values decided: {found} of {len(values)} count",
    )  # fmt: skip
    return replace(answer, rank=found)


def _condition(system: NormalSystem, factored: Any) -> float:
    """Estimate the condition number of R by power and inverse iteration."""
    high = low = system.probe(len(factored.triangle))
    for _ in range(4):
        high = factored.triangle.T @ (factored.triangle @ high)
        low = factored.solve(factored.solve_transposed(low))
        top, bottom = system.norm(high), system.norm(low)
        high, low = high / top, low / bottom
    return math.sqrt(float(top) * float(bottom))
