"""Solve D w = r in the sense of D^+ r, with the rank decided, by the cheapest method that is sound.

w = D^+ r is the least squares solution of minimum norm. Methods, from the cheapest:

``single cholesky``
    Like ``cholesky``, with a float32 factor; tried when a condition of at most 1e3 is known.
``cholesky``
    D D^T (QN <= K) or D^T D (QN > K), from its structure, is factored by Cholesky, and

        w <- w + D^T (D D^T)^-1 (r - D w)        or        w <- w + (D^T D)^-1 D^T (r - D w)

    is repeated with matrix-free D until the steps stop to shrink. They shrink by about u kappa^2 each.
    The first w has an error of u kappa^2, the last one of u kappa, as with a QR factorization of D.
``pivoted cholesky``
    Where rows or columns of D are combinations of others (equal samples, constant inputs), the others
    are left out, and what that changes is put right by a projection (:mod:`geomdl.dependencies`).
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
from dataclasses import replace
from typing import Any

import numpy as np

from geomdl.arithmetic import Array, NotFiniteError
from geomdl.cholesky_solves import (
    by_cholesky,
    by_pivoted_cholesky,
    by_shifted_cholesky,
    by_single_cholesky,
)
from geomdl.jacobians import Linearization
from geomdl.memory import require_memory
from geomdl.networks import check_vector
from geomdl.normal_systems import NormalSystem, Rejected, Solution, finish, probe_of
from geomdl.pseudoinverses import pseudoinverse, rank_tolerance

_DIRECT_BELOW = 250_000
_SINGLE_UP_TO = 1e3
_SINGLE_FROM = 256


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
    methods: list[Callable[[NormalSystem, Array], Solution]] = [by_cholesky, by_shifted_cholesky]
    if rank is None and at.arithmetic.reveals_rank:
        methods.insert(1, by_pivoted_cholesky)
    double = at.arithmetic.bytes_per_number == 8 and few >= _SINGLE_FROM
    if double and condition is not None and condition <= _SINGLE_UP_TO:
        methods.insert(0, by_single_cholesky)
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
        return finish(
            system, solution, system.norms(solution, error, right), norm**2, method="qr",
            condition=_condition(system, factored), rank=system.size,
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
    return finish(
        system, solution, system.norms(solution, error, right), float(values[0]) ** 2, method="svd",
        condition=float(values[0] / values[found - 1]) if found else 1.0, rank=found, refinements=0,
        reason=f"singular values decided: {found} of {len(values)} count",
    )  # fmt: skip


def _condition(system: NormalSystem, factored: Any) -> float:
    """Estimate the condition number of R by power and inverse iteration."""
    high = low = probe_of(system.arithmetic, len(factored.triangle))
    for _ in range(4):
        high = factored.triangle.T @ (factored.triangle @ high)
        low = factored.solve(factored.solve_transposed(low))
        top, bottom = system.norm(high), system.norm(low)
        high, low = high / top, low / bottom
    return math.sqrt(float(top) * float(bottom))
