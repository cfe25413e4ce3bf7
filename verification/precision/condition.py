"""Residual and forward error against the condition number, for every route to a pseudoinverse.

The solution of minimum norm x = A^+ b of a wide system of full rank, 10 x 16, with the spectra of
LAPACK's dlatms. A is rounded to the working precision first; the reference is x for the rounded
matrix in 120 digits, and kappa the condition number of the rounded matrix, so that every error is one
of the route. refused: the route says that the matrix is singular to the working precision.

Theory: u kappa for SVD and QR, u kappa^2 for the normal equations, back to u kappa after refinement as
long as u kappa^2 < 1. The residual of a stable route stays at u however large the forward error is: it
is no measure of it. CG and LSMR refuse nothing, right or wrong. In 50 digits the normal equations run in
100, and QR in fixed point with 32 guard bits.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.sparse.linalg import lsmr

from geomdl import get_arithmetic, pseudoinverse
from geomdl.arithmetic import Arithmetic, Array, SingularMatrixError
from verification.precision.spectra import MODES, spectrum, with_spectrum
from verification.precision.tables import Result, Settings, Value, aligned, counted

ROWS, COLUMNS = 10, 16
PRECISIONS = ("float32", "float64", "mp50")
REFERENCE = "mp120"

Route = Callable[[Arithmetic, Array, Array], Array]


def direct(method: str) -> Route:
    """Return the route by a method of `pseudoinverse`, with the full rank imposed."""

    def solve(arithmetic: Arithmetic, matrix: Array, right: Array) -> Array:
        return pseudoinverse(matrix, rank=ROWS, method=method).apply(right)

    return solve


def refined(arithmetic: Arithmetic, matrix: Array, right: Array) -> Array:
    """Solve by Cholesky on A A^T with three steps of refinement, all in the working precision.

    Refuses as `solve_by_gram` does: when refinement leaves a residual of more than 1e-2 |b|.
    """
    solve = arithmetic.cholesky(matrix @ matrix.T)
    solution, residual = arithmetic.zeros((COLUMNS,)), right
    for _ in range(4):
        solution = solution + matrix.T @ solve(residual)
        residual = right - matrix @ solution
    if not float(arithmetic.largest(residual)) < 1e-2 * float(arithmetic.largest(right)):
        raise SingularMatrixError("refinement does not converge")
    return solution


def conjugate_gradients(arithmetic: Arithmetic, matrix: Array, right: Array) -> Array:
    """Solve by conjugate gradients on A A^T y = b, x = A^T y (Craig's method)."""
    solution, residual = arithmetic.zeros((COLUMNS,)), right
    direction, squared = matrix.T @ right, residual @ residual
    target = squared * arithmetic.unit_roundoff**2
    for _ in range(20 * ROWS):
        curvature = direction @ direction
        if not squared > target or not curvature > 0:
            break
        step = squared / curvature
        solution = solution + step * direction
        residual = residual - step * (matrix @ direction)
        following = residual @ residual
        direction = matrix.T @ residual + (following / squared) * direction
        squared = following
    return solution


def scipy_lsmr(arithmetic: Arithmetic, matrix: Array, right: Array) -> Array:
    """Solve by SciPy's LSMR, which computes in float64."""
    return lsmr(matrix, right, atol=1e-16, btol=1e-16, conlim=0.0, maxiter=20 * ROWS)[0]


ROUTES: dict[str, Route] = {
    "svd": direct("svd"),
    "qr": direct("qr"),
    "normal": direct("normal"),
    "refined": refined,
    "cg": conjugate_gradients,
    "lsmr": scipy_lsmr,
}


def run(settings: Settings) -> Result:
    """Measure all routes."""
    exponents = range(0, 17, 4 if settings.quick else 2)
    modes = (3,) if settings.quick else tuple(MODES)
    cases = [(name, mode, exponent) for name in PRECISIONS for mode in modes for exponent in exponents]
    rows: list[tuple[Value, ...]] = []
    for name, mode, exponent in counted(cases, settings, "condition: case"):
        generator = np.random.default_rng([settings.seed, mode, exponent])
        sigma = spectrum(mode, ROWS, 10.0**exponent, generator)
        exact = with_spectrum(ROWS, COLUMNS, sigma, generator)
        right = generator.standard_normal(ROWS)
        rows += _measure(name, mode, exponent, exact, right)
    columns = {
        "precision": "name of the arithmetic",
        "mode": "spectrum, as numbered in dlatms",
        "nominal": "log10 of the condition number asked for",
        "kappa": "condition number of the rounded matrix",
        "route": "how A^+ b was computed",
        "status": "solved or refused",
        "forward": "|x - A^+ b| / |A^+ b|",
        "residual": "|A x - b| / (|A| |x| + |b|)",
    }
    return Result(columns, rows, _table(rows))


def _measure(
    name: str, mode: int, exponent: int, exact: Array, right: np.ndarray
) -> list[tuple[Value, ...]]:
    arithmetic, reference = get_arithmetic(name), get_arithmetic(REFERENCE)
    matrix, vector = arithmetic.array(exact), arithmetic.array(right)
    wide, b = reference.array(matrix), reference.array(vector)
    known = pseudoinverse(wide, rank=ROWS)
    truth = known.apply(b)
    kappa = known.condition
    norm_of_matrix = _norm(reference, wide)
    found: list[tuple[Value, ...]] = []
    for route, solve in ROUTES.items():
        if route == "lsmr" and name != "float64":
            continue
        try:
            solution = reference.array(solve(arithmetic, matrix, vector))
        except SingularMatrixError:
            found.append((name, mode, exponent, kappa, route, "refused", None, None))
            continue
        forward = _norm(reference, solution - truth) / _norm(reference, truth)
        scale = norm_of_matrix * _norm(reference, solution) + _norm(reference, b)
        residual = _norm(reference, wide @ solution - b) / scale
        found.append((name, mode, exponent, kappa, route, "solved", float(forward), float(residual)))
    return found


def _norm(arithmetic: Arithmetic, array: Array) -> Any:
    return arithmetic.sqrt((array * array).sum())


def _table(rows: list[tuple[Value, ...]]) -> list[str]:
    """Show the forward errors and residuals for the geometric spectrum."""
    lines: list[str] = []
    for name in PRECISIONS:
        mine = [row for row in rows if row[0] == name and row[1] == 3]
        routes = list(dict.fromkeys(str(row[4]) for row in mine))
        for column, what in ((6, "forward error"), (7, "residual")):
            body: list[list[Value]] = []
            for exponent in dict.fromkeys(row[2] for row in mine):
                cells = {str(row[4]): row for row in mine if row[2] == exponent}
                values = [
                    "refused" if cells[route][5] == "refused" else cells[route][column]
                    for route in routes
                ]
                body.append([cells[routes[0]][3], *values])
            lines += [f"{name}, geometric spectrum: {what}", *aligned(["kappa", *routes], body), ""]
    return lines
