"""The methods of :func:`geomdl.solve` that factor D D^T or D^T D and never form D.

Each answers with a :class:`~geomdl.normal_systems.Solution`, or raises
:class:`~geomdl.normal_systems.Rejected` with the reason, so that the next one is tried.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from geomdl.arithmetic import Arithmetic, Array
from geomdl.dependencies import find_dependencies
from geomdl.normal_systems import (
    INDEFINITE,
    LEVEL,
    NormalSystem,
    Rejected,
    Solution,
    finish,
    probe_of,
)

_MOST_ROUNDS = 8
_MOST_ITERATIONS = 200


def by_single_cholesky(system: NormalSystem, right: Array) -> Solution:
    """Solve as :func:`by_cholesky` does, with a float32 factor."""
    return by_cholesky(system, right, single=True)


def by_cholesky(system: NormalSystem, right: Array, single: bool = False) -> Solution:
    """Solve with the Cholesky factor, in float32 if asked for, refined by the true residual."""
    arithmetic = system.arithmetic
    working = arithmetic.single() if single else arithmetic
    lower = system.lower(working)
    top = system.top(working, lower)
    factored, failed = working.cholesky_in_place(lower)
    if not arithmetic.asynchronous and bool(failed):
        raise Rejected(f"{_name(single)}: {INDEFINITE}")

    def inverse(columns: Array) -> Array:
        return arithmetic.array(factored(working.array(columns))) if single else factored(columns)

    # A device was not asked whether it failed: then the estimate is infinite, which is read at the end.
    return _refined(system, right, inverse, top / (failed == 0), _name(single))


def by_pivoted_cholesky(system: NormalSystem, right: Array) -> Solution:
    """Solve with independent rows or columns, where the others are combinations of them.

    With P the projector onto the range, D^+ r is D_S^+ applied to (P r)_S when rows depend on others,
    and P applied to (D_S^+ r, 0) when columns do.
    """
    found = find_dependencies(system)
    inside = found.project(right) if system.wide else right
    top, name = system.arithmetic.array([found.top])[0], "pivoted cholesky"
    answer = _refined(system, inside, found.inverse, top, name)
    solution = answer.solution if system.wide else found.project(answer.solution)
    norms = system.norms(solution, right - system.push(solution), right)
    return finish(
        system, solution, norms, found.top, method=name, rank=found.rank,
        condition=answer.condition, refinements=answer.refinements,
        reason=f"{system.size - found.rank} {'rows' if system.wide else 'columns'} of D are "
        f"combinations of the others; {answer.reason}",
    )  # fmt: skip


def _refined(
    system: NormalSystem, right: Array, inverse: Callable[[Array], Array], top: Any, name: str
) -> Solution:
    """Correct w by the true residual until the corrections end at the level of roundoff.

    `top` is sigma_1^2, or infinite when there is no factor behind `inverse`.
    """
    arithmetic = system.arithmetic
    solution, error, probe = (
        arithmetic.zeros((system.at.shape[1],)),
        right,
        probe_of(system.arithmetic, system.size),
    )
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
        seen = [top * bottom, top, *steps[-2:], *system.norms(solution, error, right)]
        numbers = arithmetic.to_float64(arithmetic.stack(seen)).tolist()
        square, largest, before, last, length = numbers[:5]
        verdict = _verdict(arithmetic, square, length, before, last)
        if verdict:
            break
        if len(steps) >= _MOST_ROUNDS:
            raise Rejected(f"{name} needs more than {_MOST_ROUNDS} refinements")
        rounds = 1
    if verdict != "converged":
        raise Rejected(f"{name}: {verdict}")
    condition = system.checked(math.sqrt(square))
    return finish(
        system, solution, numbers[4:], largest, method=name, condition=condition, rank=system.size,
        refinements=len(steps) - 1, reason=f"the last correction was {last / (length or 1):.1e} of w",
    )  # fmt: skip


def _name(single: bool) -> str:
    return "single cholesky" if single else "cholesky"


def _verdict(
    arithmetic: Arithmetic, square: float, length: float, before: float, last: float
) -> str | None:
    """Judge two corrections of w: ``converged``, why not, or None to go on."""
    if not math.isfinite(length + square + last):
        return INDEFINITE
    unit, rate = arithmetic.unit_roundoff, last / before if before else 0.0
    if rate * last <= unit * length:
        return "converged"
    if rate <= 0.3:
        return None
    if last <= LEVEL * unit * math.sqrt(square) * length:
        return "converged"
    return f"corrections shrink by {rate:.1e} only, at a condition number of about {square**0.5:.1e}"


def by_shifted_cholesky(system: NormalSystem, right: Array) -> Solution:
    """Solve by conjugate gradients, preconditioned by the factor of the shifted matrix."""
    arithmetic, size = system.arithmetic, system.size
    matrix = system.lower(arithmetic)
    top = float(system.top(arithmetic, matrix))
    shift = size * arithmetic.unit_roundoff * top
    arithmetic.diagonal_view(matrix, 0, 1)[...] += arithmetic.array([shift])[0]
    inverse, failed = arithmetic.cholesky_in_place(matrix)
    if bool(failed) or not top > 0:
        raise Rejected("shifted cholesky: the shifted matrix is not positive definite either")
    # D^+ of a random vector sees the smallest singular value, up to the root of the dimension.
    answer, _ = _conjugate_gradients(system, inverse, probe_of(system.arithmetic, len(right)))
    lower = math.sqrt(top) * float(system.norm(answer))
    condition = system.checked(lower * math.sqrt(len(right)))
    solution, error, steps = arithmetic.zeros((system.at.shape[1],)), right, [math.inf]
    for _ in range(_MOST_ROUNDS):
        step, _ = _conjugate_gradients(system, inverse, error)
        solution = solution + step
        error = right - system.push(solution)
        steps.append(float(system.norm(step)))
        length = float(system.norm(solution))
        level = LEVEL * arithmetic.unit_roundoff * lower * length
        if steps[-1] <= level and len(steps) > 2:
            return finish(
                system, solution, system.norms(solution, error, right), top, method="shifted cholesky",
                condition=condition, rank=size,
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
