"""Which rank a rule decides, against the size of what should be dropped and the gap above it.

A 30 x 20 matrix with 12 singular values from 1 down to 1e-2 and 8 equal ones of size delta, in float32
and float64. Rules side by side: the rank that each decides (for a pseudoinverse X: the trace of X A,
which is the number of singular values that it inverted, up to their noise) and the error of the
pseudoinverse against the one of rank 12 in 100 digits. The rules differ in one number, the cutoff
relative to sigma_1:

    numpy.linalg.pinv 1e-15 in every precision; numpy.linalg.matrix_rank, scipy.linalg.pinv, torch and
    this project max(m, n) eps; scipy.linalg.lstsq eps.

Only this project also reports the gap sigma_12 / sigma_13, without which a rank is no rank.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy import linalg

from geomdl import get_arithmetic, pseudoinverse
from geomdl.arithmetic import Arithmetic, missing_extra
from verification.precision.spectra import with_spectrum
from verification.precision.tables import Result, Settings, Value, aligned, counted

ROWS, COLUMNS, RANK = 30, 20, 12

Answer = tuple[int, np.ndarray | None, float | None]
"""Rank, pseudoinverse (None for a rule that only counts), gap (None where none is reported)."""


def _of_inverse(matrix: np.ndarray, inverse: np.ndarray) -> Answer:
    trace = np.trace(inverse.astype(np.float64) @ matrix.astype(np.float64))
    return int(np.rint(trace)), inverse, None


def numpy_pinv(matrix: np.ndarray) -> Answer:
    """Apply numpy.linalg.pinv."""
    return _of_inverse(matrix, np.linalg.pinv(matrix))


def numpy_matrix_rank(matrix: np.ndarray) -> Answer:
    """Apply numpy.linalg.matrix_rank."""
    return int(np.linalg.matrix_rank(matrix)), None, None


def scipy_pinv(matrix: np.ndarray) -> Answer:
    """Apply scipy.linalg.pinv."""
    inverse, rank = linalg.pinv(matrix, return_rank=True)
    return int(rank), inverse, None


def scipy_lstsq(matrix: np.ndarray) -> Answer:
    """Apply scipy.linalg.lstsq to the identity."""
    inverse, _, rank, _ = linalg.lstsq(matrix, np.eye(ROWS, dtype=matrix.dtype))
    return int(rank), inverse, None


def torch_pinv(matrix: np.ndarray) -> Answer:
    """Apply torch.linalg.pinv."""
    import torch

    return _of_inverse(matrix, torch.linalg.pinv(torch.from_numpy(matrix)).numpy())


def torch_matrix_rank(matrix: np.ndarray) -> Answer:
    """Apply torch.linalg.matrix_rank."""
    import torch

    return int(torch.linalg.matrix_rank(torch.from_numpy(matrix))), None, None


def torch_lstsq(matrix: np.ndarray) -> Answer:
    """Apply torch.linalg.lstsq with its default driver on the CPU, gelsy, to the identity."""
    import torch

    eye = torch.eye(ROWS, dtype=torch.from_numpy(matrix).dtype)
    found = torch.linalg.lstsq(torch.from_numpy(matrix), eye, driver="gelsy")
    return int(found.rank), found.solution.numpy(), None


def of_this_project(method: str) -> Callable[[np.ndarray], Answer]:
    """Return the rule of this project by a method of `pseudoinverse`."""

    def decide(matrix: np.ndarray) -> Answer:
        found = pseudoinverse(matrix, method=method)
        return found.rank, found.matrix(), found.gap

    return decide


RULES: dict[str, Callable[[np.ndarray], Answer]] = {
    "geomdl svd": of_this_project("svd"),
    "geomdl qr": of_this_project("qr"),
    "numpy pinv": numpy_pinv,
    "numpy matrix_rank": numpy_matrix_rank,
    "scipy pinv": scipy_pinv,
    "scipy lstsq": scipy_lstsq,
    "torch pinv": torch_pinv,
    "torch matrix_rank": torch_matrix_rank,
    "torch lstsq": torch_lstsq,
}


def run(settings: Settings) -> Result:
    """Let every rule decide."""
    absent = ["torch (extra `torch`)"] if missing_extra("torch:cpu:float64") else []
    rules = {name: rule for name, rule in RULES.items() if not (absent and name.startswith("torch"))}
    exponents = range(-18, -2, 3 if settings.quick else 1)
    cases = [(name, exponent) for name in ("float32", "float64") for exponent in (None, *exponents)]
    rows: list[tuple[Value, ...]] = []
    for name, exponent in counted(cases, settings, "ranks: case"):
        matrix, truth = _matrix(get_arithmetic(name), exponent, settings.seed)
        for rule, decide in rules.items():
            rank, inverse, gap = decide(matrix)
            error = None
            if inverse is not None:
                error = float(np.abs(inverse - truth).max() / np.abs(truth).max())
            delta = 0.0 if exponent is None else 10.0**exponent
            rows.append((name, delta, rule, rank, error, gap))
    columns = {
        "precision": "dtype of the matrix",
        "delta": "the 8 smallest singular values, relative to the largest, before rounding",
        "rule": "who decides",
        "rank": "the rank decided; 12 singular values are at least 1e-2",
        "error": "max |X - A_12^+| / max |A_12^+|; empty for rules that only count",
        "gap": "sigma_rank / sigma_(rank + 1) where it is reported",
    }
    return Result(columns, rows, _table(rows, list(rules)), absent)


def _matrix(arithmetic: Arithmetic, exponent: int | None, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the rounded matrix, and the pseudoinverse of its counted part in float64."""
    mp = get_arithmetic("mp100")
    counted_part = np.logspace(0, -2, RANK)
    small = np.full(COLUMNS - RANK, 0.0 if exponent is None else 10.0**exponent)
    # one seed for all: only delta changes from row to row
    exact = with_spectrum(
        ROWS, COLUMNS, mp.array(np.concatenate([counted_part, small])), np.random.default_rng(seed)
    )
    kept = with_spectrum(
        ROWS, COLUMNS, mp.array(np.concatenate([counted_part, 0 * small])), np.random.default_rng(seed)
    )
    truth = pseudoinverse(kept, method="qr")
    return arithmetic.array(exact), mp.to_float64(truth.matrix())


def _table(rows: list[tuple[Value, ...]], rules: list[str]) -> list[str]:
    lines: list[str] = []
    for name in ("float32", "float64"):
        mine = [row for row in rows if row[0] == name]
        deltas = list(dict.fromkeys(row[1] for row in mine))
        for column, what in ((3, "rank decided"), (4, "error of the pseudoinverse of rank 12")):
            body = [
                [
                    delta,
                    *(next(r[column] for r in mine if r[1] == delta and r[2] == rule) for rule in rules),
                ]
                for delta in deltas
            ]
            shown = [i for i, rule in enumerate(rules) if any(row[i + 1] is not None for row in body)]
            head = ["delta", *(rules[i] for i in shown)]
            lines += [
                f"{name}: {what}",
                *aligned(head, [[r[0], *(r[i + 1] for i in shown)] for r in body]),
                "",
            ]
        gaps = [(row[1], row[3], row[5]) for row in mine if row[2] == "geomdl svd"]
        lines += [
            f"{name}: the gap that this project reports",
            *aligned(["delta", "rank", "gap"], gaps),
            "",
        ]
    return lines
