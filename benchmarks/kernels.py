"""The kernels of this project, each with its floor, its error and what memory it takes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from benchmarks import floors
from benchmarks.problems import Absent, Case
from benchmarks.references import ORBIT_RTOL, Reference
from geomdl.flows import Field, adapted_field, integrate
from geomdl.jacobians import Linearization
from geomdl.pseudoinverses import pseudoinverse, solve_by_gram

Call = Callable[[], Any]

# asv runs on commits too that have neither `out` nor a solve that decides the rank, nor inverses.
_HAS_STRUCTURE = hasattr(Linearization, "gram_product")
try:
    from geomdl.inverses import form_pseudoinverse
except ImportError:
    form_pseudoinverse = None  # type: ignore[assignment]


class Kernel(NamedTuple):
    """A kernel: how a case is made ready, the floor, the error, the memory in bytes."""

    says: str
    prepare: Callable[[Case], Call]
    floor: Callable[[Case], Call] | None
    ratio: Callable[[Reference, Any], float]
    memory: Callable[[Case], float]
    floor_says: str = ""


def jacobian(case: Case) -> Call:
    """Linearize and form D into memory that exists."""
    if not _HAS_STRUCTURE:
        return case.synchronized(lambda: case.linearize().jacobian())
    return case.synchronized(lambda: case.linearize().jacobian(out=case.buffer))


def gram(case: Case) -> Call:
    """Linearize and form D D^T into memory that exists."""
    if not _HAS_STRUCTURE:
        return case.synchronized(lambda: case.linearize().gram())
    out = case.arithmetic.zeros((case.size.rows, case.size.rows))
    return case.synchronized(lambda: case.linearize().gram(out=out))


def push(case: Case) -> Call:
    """Return D v at a linearization that exists."""
    at = case.linearize()
    return case.synchronized(lambda: at.push(case.theta))


def pull(case: Case) -> Call:
    """Return D^T u at a linearization that exists."""
    at = case.linearize()
    return case.synchronized(lambda: at.pull(case.right))


def gram_product(case: Case) -> Call:
    """Return D D^T u at a linearization that exists."""
    at = case.linearize()
    if not _HAS_STRUCTURE:
        return case.synchronized(lambda: at.push(at.pull(case.right)))
    return case.synchronized(lambda: at.gram_product(case.right))


def solve(case: Case) -> Call:
    """Linearize and solve D w = r of minimum norm."""
    if not _HAS_STRUCTURE:
        return case.synchronized(lambda: solve_by_gram(case.linearize(), case.right).solution)
    from geomdl.solves import solve as decide

    return case.synchronized(lambda: decide(case.linearize(), case.right).solution)


def full_pseudoinverse(case: Case) -> Call:
    """Linearize and form D^+ into memory that exists."""
    if form_pseudoinverse is None:
        return case.synchronized(lambda: pseudoinverse(case.linearize().jacobian()).matrix())
    out = case.arithmetic.zeros((case.size.columns, case.size.rows))
    return case.synchronized(lambda: form_pseudoinverse(case.linearize(), out=out).matrix)


def field(case: Case) -> Call:
    """Evaluate the adapted field, which is a step of the flow less its additions."""
    velocity = _adapted_field()
    return case.synchronized(lambda: velocity(case.problem, case.theta))


def orbit(case: Case) -> Call:
    """Integrate the adapted flow from s = 0 to the end that the size names."""
    if case.backend != "numpy" or case.dtype != "float64":
        raise Absent(f"orbits are integrated in NumPy's float64, not in {case.backend} {case.dtype}")
    if not case.size.end:
        raise Absent("an orbit takes too long at this size")
    end = case.size.end * case.size.samples
    velocity = _adapted_field()
    return lambda: integrate(case.problem, velocity, case.theta, end, rtol=ORBIT_RTOL).end


def _adapted_field() -> Field:
    return adapted_field() if _HAS_STRUCTURE else adapted_field(method="gram")


def _layers(case: Case) -> float:
    """Bytes of activations and sensitivities."""
    outputs = case.size.widths[-1]
    return 3 * case.size.samples * sum(case.size.widths) * (outputs + 1) * case.itemsize


def _jacobian_memory(case: Case) -> float:
    return (1 if _HAS_STRUCTURE else 3) * case.jacobian_bytes + _layers(case)


def _solve_memory(case: Case) -> float:
    return 3 * min(case.size.rows, case.size.columns) ** 2 * case.itemsize + _layers(case)


KERNELS: dict[str, Kernel] = {
    "jacobian": Kernel(
        "D[theta], formed", jacobian, floors.fill, Reference.jacobian_ratio, _jacobian_memory,
        "fill",
    ),
    "gram": Kernel(
        "D D^T, formed", gram, floors.syrk, Reference.gram_ratio,
        lambda case: 2 * case.gram_bytes + _layers(case), "SYRK",
    ),
    "push": Kernel(
        "D v, linearization cached", push, floors.push_products, Reference.push_ratio, _layers, "GEMMs"
    ),
    "pull": Kernel(
        "D^T u, linearization cached", pull, floors.pull_products, Reference.pull_ratio, _layers,
        "GEMMs",
    ),
    "gram-product": Kernel(
        "(D D^T) u, linearization cached", gram_product, floors.gram_products,
        Reference.gram_product_ratio, _layers, "GEMMs",
    ),
    "solve": Kernel(
        "D^+ r", solve, floors.factor, Reference.solution_ratio,
        _solve_memory, "SYRK + POTRF",
    ),
    "pseudoinverse": Kernel(
        "D^+, formed", full_pseudoinverse, floors.inverse_product, Reference.pseudoinverse_ratio,
        lambda case: 2 * case.jacobian_bytes + _solve_memory(case), "GEMM",
    ),
    "field": Kernel(
        "adapted field", field, floors.factor, Reference.step_ratio,
        _solve_memory, "SYRK + POTRF",
    ),
    "orbit": Kernel(
        f"adapted flow, rtol {ORBIT_RTOL:.0e}", orbit, None, Reference.orbit_ratio,
        _solve_memory,
    ),
}  # fmt: skip
