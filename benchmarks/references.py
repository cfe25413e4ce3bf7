"""Slow references in extended precision, and errors in units of what rounding allows.

NumPy's longdouble has 64 bits of significand on x86, so that its errors do not count beside those of
float64. Where it is float64 itself, the ratios are still of order 1.

Every error is a ratio error / (size * scale * u * condition), as in the verification tree: about 1 or
less for a right result in any dtype, and above :data:`THRESHOLD` for a wrong one.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
import scipy.linalg

from benchmarks.problems import Case
from geomdl.arithmetic import FLOAT64
from geomdl.pseudoinverses import Pseudoinverse, pseudoinverse

ORBIT_RTOL = 1e-8
THRESHOLD = 30.0  # the practice of LAPACK's test programs
FACTORED = 3000  # above so many rows an error of D^+ r is judged by its residual


class Reference:
    """Rows of D, products with D and D^+ of a case in extended precision."""

    def __init__(self, case: Case) -> None:
        self.case = case
        self.rows, self.columns = case.size.rows, case.size.columns
        self.unit = float(np.finfo(case.dtype).eps) / 2
        # A sum of n rounded terms is off by n u; the longest chain of sums runs through all layers.
        self.chain = sum(case.size.widths)
        theta, inputs = _extended(case, case.theta), _extended(case, case.problem.data.inputs)
        self.weights = _split(theta, case.size.widths)
        self.activations, self.slopes = [inputs], []
        for weight, bias in self.weights[:-1]:
            value = np.tanh(self.activations[-1] @ weight.T + bias)
            self.activations.append(value)
            self.slopes.append(1 - value * value)

    @cached_property
    def outputs(self) -> np.ndarray:
        """The stacked outputs."""
        weight, bias = self.weights[-1]
        return (self.activations[-1] @ weight.T + bias).reshape(-1)

    def push(self, direction: np.ndarray) -> np.ndarray:
        """Return D v."""
        moved = np.zeros_like(self.activations[0])
        for index, (weight_dot, bias_dot) in enumerate(_split(direction, self.case.size.widths)):
            moved = moved @ self.weights[index][0].T + self.activations[index] @ weight_dot.T + bias_dot
            if index < len(self.slopes):
                moved = moved * self.slopes[index]
        return moved.reshape(-1)

    def pull(self, covector: np.ndarray, samples: Any = slice(None)) -> np.ndarray:
        """Return D^T u, of the rows of some samples only."""
        sensitivity = covector.reshape(-1, self.case.size.widths[-1])
        parts: list[np.ndarray] = []
        for index in range(len(self.weights) - 1, -1, -1):
            weight = sensitivity.T @ self.activations[index][samples]
            parts = [weight.reshape(-1), sensitivity.sum(axis=0), *parts]
            if index:
                sensitivity = sensitivity @ self.weights[index][0] * self.slopes[index - 1][samples]
        return np.concatenate(parts)

    @cached_property
    def chosen(self) -> list[int]:
        """A dozen rows: the first, the last, and others spread between them."""
        return sorted({int(row) for row in np.linspace(0, self.rows - 1, min(12, self.rows))})

    @cached_property
    def chosen_rows(self) -> np.ndarray:
        """The rows of D that :attr:`chosen` names."""
        outputs = self.case.size.widths[-1]
        identity = np.eye(outputs, dtype=np.longdouble)
        return np.array([self.pull(identity[row % outputs], [row // outputs]) for row in self.chosen])

    @cached_property
    def gram64(self) -> np.ndarray:
        """D D^T in float64, or D^T D where K < QN."""
        at = self.case.problem.to(FLOAT64).linearize(self.case.arithmetic.to_float64(self.case.theta))
        if self.rows <= self.columns:
            return at.gram()
        jacobian = at.jacobian()
        return jacobian.T @ jacobian

    @cached_property
    def condition(self) -> float:
        """kappa(D), from the eigenvalues of the Gram matrix: right up to 1e8; of what counts of D."""
        if self.factor is None:
            return self.inverse.condition
        values = scipy.linalg.eigvalsh(self.gram64)
        return float(np.sqrt(values[-1] / max(values[0], self.unit * values[-1])))

    @cached_property
    def factor(self) -> tuple[np.ndarray, bool] | None:
        """The Cholesky factor of the Gram matrix; None where D has lost its rank."""
        try:
            return scipy.linalg.cho_factor(self.gram64, lower=True)
        except scipy.linalg.LinAlgError:
            return None

    @cached_property
    def inverse(self) -> Pseudoinverse:
        """D^+ by the singular values of D in float64."""
        at = self.case.problem.to(FLOAT64).linearize(self.case.arithmetic.to_float64(self.case.theta))
        return pseudoinverse(at.jacobian())

    def solve(self, right: np.ndarray) -> np.ndarray:
        """Return D^+ r, refined in extended precision; D must have full rank."""
        right = right.astype(np.longdouble)
        wide = self.rows <= self.columns
        found = np.zeros(min(self.rows, self.columns), dtype=np.longdouble)
        for _ in range(12):
            if wide:  # w = D^T z with D D^T z = r
                residual = right - self.push(self.pull(found))
            else:
                residual = self.pull(right - self.push(found))
            found = found + scipy.linalg.cho_solve(self.factor, residual.astype(np.float64))
        return self.pull(found) if wide else found

    # ---- ratios -------------------------------------------------------------------------------

    def jacobian_ratio(self, jacobian: Any) -> float:
        """Error of D in some rows."""
        return self._ratio(_host(jacobian, self.chosen), self.chosen_rows)

    def gram_ratio(self, gram: Any) -> float:
        """Error of D D^T in some rows and columns."""
        block = _host(gram, self.chosen)[:, self.chosen]
        expected = self.chosen_rows @ self.chosen_rows.T
        return self._ratio(block, expected, float(np.max(np.diag(expected))))

    def push_ratio(self, product: Any) -> float:
        """Error of D v for v = theta."""
        return self._ratio(_host(product), self.push(_extended(self.case, self.case.theta)))

    def pull_ratio(self, product: Any) -> float:
        """Error of D^T r for the right side r."""
        return self._ratio(_host(product), self.pull(_extended(self.case, self.case.right)))

    def gram_product_ratio(self, product: Any) -> float:
        """Error of D D^T r for the right side r."""
        pulled = self.pull(_extended(self.case, self.case.right))
        return self._ratio(_host(product), self.push(pulled))

    def solution_ratio(self, solution: Any) -> float:
        """Error of D^+ r, in units of u kappa."""
        return self._solution_ratio(_host(solution), _extended(self.case, self.case.right))

    def step_ratio(self, velocity: Any) -> float:
        """Error of the adapted field -D^+ (x - y) / N, in units of u kappa."""
        return self._solution_ratio(_host(velocity), -self._gradient)

    def pseudoinverse_ratio(self, inverse: Any) -> float:
        """Error of three columns of D^+, in units of u kappa."""
        columns = [0, self.rows // 2, self.rows - 1]
        unit = np.eye(self.rows, dtype=np.longdouble)
        found = _host(inverse.T, columns)
        pairs = zip(found, columns, strict=True)
        return max(self._solution_ratio(row, unit[column]) for row, column in pairs)

    def orbit_ratio(self, end_theta: Any) -> float:
        """Distance of the last outputs from e^(-s/N) (x0 - y) + y, in units of the tolerance."""
        targets = self.case.problem.data.to(FLOAT64).stacked_targets
        error = self.outputs - targets
        moved = self.case.problem.to(FLOAT64).stacked(_host(end_theta).astype(np.float64))
        predicted = targets + np.exp(-self.case.size.end) * error
        return float(np.max(np.abs(moved - predicted)) / np.max(np.abs(error)) / ORBIT_RTOL)

    @property
    def _gradient(self) -> np.ndarray:
        targets = _extended(self.case, self.case.problem.data.stacked_targets)
        return (self.outputs - targets) / self.case.size.samples

    def _solution_ratio(self, solution: np.ndarray, right: np.ndarray) -> float:
        if min(self.rows, self.columns) > FACTORED:
            residual = np.linalg.norm((self.push(solution.astype(np.longdouble)) - right).astype(float))
            norm = np.sqrt(self.rows / len(self.chosen)) * np.linalg.norm(self.chosen_rows.astype(float))
            return float(residual / (self.chain * self.unit * norm * np.linalg.norm(solution)))
        if self.factor is None:
            return self._deficient_ratio(solution, right)
        expected = self.solve(right)
        allowed = self.unit * self.condition * self.chain
        return float(_norm(solution - expected) / _norm(expected) / allowed)

    def _deficient_ratio(self, solution: np.ndarray, right: np.ndarray) -> float:
        """Judge D^+ r at lost rank by what defines it: no gradient is left, and no part in ker D.

        Its distance from another D^+ r would say nothing: both may be off by u kappa^2 |residual|.
        """
        norm, error = float(self.inverse.singular_values[0]), right - self.push(solution)  # type: ignore[index]
        gradient = _norm(self.pull(error)) / (norm * (_norm(right) + norm * _norm(solution)))
        inside = self.inverse.row_basis @ (self.inverse.row_dual @ solution)
        outside = _norm(solution - inside) / (_norm(solution) or 1.0) / self.condition
        return float(np.maximum(gradient, outside)) / (self.unit * self.chain)  # NaN stays NaN

    def _ratio(self, found: np.ndarray, expected: np.ndarray, scale: float | None = None) -> float:
        if found.shape != expected.shape:
            return float("inf")
        scale = float(np.max(np.abs(expected))) if scale is None else scale
        return float(np.max(np.abs(found - expected)) / (self.chain * self.unit * scale))


def _norm(vector: np.ndarray) -> float:
    return float(np.sqrt(np.sum(vector * vector)))


def _host(array: Any, rows: Sequence[int] | None = None) -> np.ndarray:
    """Return an array of any library, or some rows of it, in extended precision on the host."""
    array = array if rows is None else array[np.asarray(rows)]
    if hasattr(array, "detach"):
        array = array.detach().cpu()
    return np.asarray(array).astype(np.longdouble)


def _extended(case: Case, array: Any) -> np.ndarray:
    return case.arithmetic.to_float64(array).astype(np.longdouble)


def _split(theta: np.ndarray, widths: Sequence[int]) -> list[tuple[np.ndarray, np.ndarray]]:
    """Split theta into weights and biases, as Network.layers does for the arithmetics it knows."""
    layers, start = [], 0
    for narrow, wide in pairwise(widths):
        middle, end = start + wide * narrow, start + wide * (narrow + 1)
        layers.append((theta[start:middle].reshape(wide, narrow), theta[middle:end]))
        start = end
    return layers
