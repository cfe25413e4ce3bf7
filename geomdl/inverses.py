"""Form D^+ itself, shape K x QN, at a fraction of the cost of a singular value decomposition.

To solve D w = r, use :func:`geomdl.solve`: it is faster and more accurate than a product with D^+. The
matrix itself is wanted where its columns are: how each output, moved alone, would move theta.

``cholesky``
    With X the inverse of D D^T (QN <= K) by Cholesky, P = D^T X, and

        P <- P + D^T X (1 - D P)

    until the corrections end at the level of roundoff. All products with D use its structure, Q times
    fewer operations than with D formed. For QN > K, the same with the roles of D and D^T exchanged:
    P^T = D X with X the inverse of D^T D, and P^T <- P^T + D X (1 - D^T P^T).
``svd``
    :func:`geomdl.pseudoinverse` of the formed D, when the above was not sound: the rank is in question,
    or the corrections did not shrink.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from geomdl.arithmetic import Array
from geomdl.jacobians import Linearization
from geomdl.memory import require_memory
from geomdl.normal_systems import INDEFINITE, LEVEL, NormalSystem, Rejected, probe_of
from geomdl.pseudoinverses import pseudoinverse

_MOST_CORRECTIONS = 4


@dataclass(frozen=True)
class FormedPseudoinverse:
    """The matrix D^+ and how it was found; see :func:`form_pseudoinverse`.

    Attributes
    ----------
    matrix : array, shape (K, QN)
    method : str
        ``cholesky`` or ``svd``; for other arithmetics than float32 and float64, theirs.
    rank : int
        Of D, by the rule of :func:`geomdl.pseudoinverse`.
    condition : float
        Estimate of sigma_1 / sigma_rank, good to a factor of about 3; exact after ``svd``.
    corrections : int
        Of the whole matrix by its residual.
    reason : str
        Why this method, in words.
    """

    matrix: Array
    method: str
    rank: int
    condition: float
    corrections: int
    reason: str


def form_pseudoinverse(
    at: Linearization, *, rank: int | None = None, out: Array | None = None
) -> FormedPseudoinverse:
    """Return D^+ as a matrix, with the rank decided.

    Parameters
    ----------
    at : Linearization
    rank : int, optional
        Impose the rank of D, where it is known.
    out : array, shape (K, QN), optional
        Memory to write D^+ to, of the same arithmetic and any strides.

    Returns
    -------
    FormedPseudoinverse

    Raises
    ------
    SingularMatrixError
        When D does not have the rank that is imposed.
    MemoryError
        When D^+ and the matrices that it needs do not fit into the memory that is left.
    ValueError, TypeError
        For ``out`` of another shape or arithmetic, or read-only.

    Notes
    -----
    Source: arXiv:2408.01517, Definition A.1 and (A.5)-(A.9), for A = D[theta].

    Examples
    --------
    >>> from geomdl.jacobians import linearize
    >>> from geomdl.networks import Network
    >>> network = Network([4, 32, 2], "tanh")
    >>> inputs = np.random.default_rng(0).standard_normal((32, 4))
    >>> at = linearize(network, network.random_theta(0), inputs)
    >>> found = form_pseudoinverse(at)
    >>> found.method, found.rank, np.allclose(at.push_columns(found.matrix), np.eye(64))
    ('cholesky', 64, True)
    """
    few, wide = (min(at.shape),) * 2, at.shape[0] <= at.shape[1]
    if out is not None:
        at.check_memory(out, at.shape[::-1])
    if not at.arithmetic.hardware or rank not in (None, few[0]):
        why = f"{at.arithmetic.name} numbers" if rank is None else "the rank is imposed"
        return _by_svd(at, rank, out, why)
    needed = (few, few, few) if out is not None else (at.shape, few, few, few)
    require_memory(
        at.arithmetic, *needed, what="the pseudoinverse of D", instead="solve does not form it"
    )
    try:
        # What overflows is seen and rejected, whatever it was.
        with at.arithmetic.streaming(), np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            return _by_cholesky(NormalSystem(at, wide, rank is not None), out)
    except Rejected as rejected:
        return _by_svd(at, rank, out, str(rejected))


def _by_svd(at: Linearization, rank: int | None, out: Array | None, reason: str) -> FormedPseudoinverse:
    factored = pseudoinverse(at.jacobian(), rank=rank)
    matrix = factored.matrix()
    if out is not None:
        out[...] = matrix
        matrix = out
    return FormedPseudoinverse(matrix, factored.method, factored.rank, factored.condition, 0, reason)


def _by_cholesky(system: NormalSystem, out: Array | None) -> FormedPseudoinverse:
    arithmetic, identity = system.arithmetic, system.arithmetic.eye(system.size)
    lower = system.lower(arithmetic)
    top = float(system.top(arithmetic, lower))
    inverse, failed = arithmetic.cholesky_in_place(lower)
    if bool(failed):
        raise Rejected(f"cholesky: {INDEFINITE}")
    condition = system.checked(math.sqrt(top * _largest_eigenvalue(system, inverse)))
    core = inverse(identity).T  # LAPACK answers by columns: the transpose, as good an inverse, by rows
    formed = system.there(core, out=out if out is None or system.wide else out.T)
    length, unit = float(system.norm(formed)), arithmetic.unit_roundoff
    for corrections in range(1, _MOST_CORRECTIONS + 1):
        error = identity - system.back(formed)
        rate = float(system.norm(error))
        if not rate < 0.3:
            raise Rejected(f"cholesky: a residual of {rate:.1e}, too much for corrections to shrink")
        step = _add(system, formed, core @ error)
        # What is left is the next correction, which is smaller by the rate.
        if rate * step <= unit * length or step <= LEVEL * unit * condition * length:
            matrix = out if out is not None else formed if system.wide else formed.T
            reason = f"the last correction was {step / length:.1e} of the matrix"
            return FormedPseudoinverse(matrix, "cholesky", system.size, condition, corrections, reason)
    raise Rejected(f"cholesky needs more than {_MOST_CORRECTIONS} corrections")


def _largest_eigenvalue(system: NormalSystem, inverse: Callable[[Array], Array]) -> float:
    """Estimate the largest eigenvalue of an inverse by steps of the power method."""
    vector, length = probe_of(system.arithmetic, system.size), math.nan
    for _ in range(3):
        vector = inverse(vector)
        length = float(system.norm(vector))
        vector = vector / length
    return length


def _add(system: NormalSystem, formed: Array, columns: Array) -> float:
    """Add D^T M or D M to a matrix, some columns at a time; return the length of what was added."""
    step = max(1, 64 * system.arithmetic.chunk // formed.shape[0])
    total = 0.0
    for first in range(0, columns.shape[1], step):
        part = slice(first, first + step)
        correction = system.there(columns[:, part])
        formed[:, part] += correction
        total += float(system.norm(correction)) ** 2
    return math.sqrt(total)
