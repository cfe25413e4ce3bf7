"""D^+ r, D^+ and the flow by LAPACK's drivers on a formed D, as NumPy, SciPy and torch call them.

D is formed before the clock starts: a gift to the peers.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.problems import Case
from benchmarks.references import ORBIT_RTOL

Call = Callable[[], Any]


def _formed(case: Case) -> tuple[np.ndarray, np.ndarray]:
    jacobian = case.arithmetic.to_float64(case.linearize().jacobian()).astype(case.dtype, copy=False)
    return jacobian, case.arithmetic.to_float64(case.right).astype(case.dtype)


def scipy_lstsq(driver: str) -> Callable[[Case], Call]:
    """D^+ r by scipy.linalg.lstsq."""

    def prepare(case: Case) -> Call:
        from scipy.linalg import lstsq

        jacobian, right = _formed(case)
        return lambda: lstsq(jacobian, right, lapack_driver=driver, check_finite=False)[0]

    return prepare


def torch_gels(case: Case) -> Call:
    """D^+ r by torch.linalg.lstsq, driver gels, which assumes full rank."""
    import torch

    jacobian, right = map(torch.from_numpy, _formed(case))
    return lambda: torch.linalg.lstsq(jacobian, right[:, None], driver="gels").solution[:, 0]


def numpy_pinv_solve(case: Case) -> Call:
    """D^+ r by numpy.linalg.pinv(D) @ r."""
    jacobian, right = _formed(case)
    return lambda: np.linalg.pinv(jacobian) @ right


def torch_pinv_solve(case: Case) -> Call:
    """D^+ r by torch.linalg.pinv(D) @ r."""
    import torch

    jacobian, right = map(torch.from_numpy, _formed(case))
    return lambda: torch.linalg.pinv(jacobian) @ right


def numpy_pinv(case: Case) -> Call:
    """D^+ by numpy.linalg.pinv."""
    jacobian, _ = _formed(case)
    return lambda: np.linalg.pinv(jacobian)


def scipy_pinv(case: Case) -> Call:
    """D^+ by scipy.linalg.pinv."""
    from scipy.linalg import pinv

    jacobian, _ = _formed(case)
    return lambda: pinv(jacobian, check_finite=False)


def torch_pinv(case: Case) -> Call:
    """D^+ by torch.linalg.pinv."""
    import torch

    jacobian = torch.from_numpy(_formed(case)[0])
    return lambda: torch.linalg.pinv(jacobian)


def scipy_orbit(case: Case) -> Call:
    """Integrate the adapted flow by SciPy's DOP853 and numpy.linalg.pinv of D."""
    from scipy.integrate import solve_ivp

    problem, end = case.problem, case.size.end * case.size.samples
    scale = float(np.max(np.abs(case.theta)))

    def velocity(_: float, theta: np.ndarray) -> np.ndarray:
        at = problem.linearize(theta)
        gradient = problem.cost.gradient(problem.data, at.stacked)
        return -(np.linalg.pinv(at.jacobian()) @ gradient)

    return lambda: solve_ivp(
        velocity, (0.0, end), case.theta, method="DOP853", rtol=ORBIT_RTOL, atol=ORBIT_RTOL * scale
    ).y[:, -1]
