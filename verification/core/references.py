"""Slow obvious references: explicit loops over samples, layers, units and parameters."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import mpmath
import numpy as np
from scipy import special

from geomdl.arithmetic import Arithmetic, Array
from verification.machinery.ratios import identity

Scalar = Callable[[Any], Any]

COMPLEX: dict[str, Scalar] = {
    "tanh": np.tanh,
    "sigmoid": lambda z: 1 / (1 + np.exp(-z)),
    "softplus": lambda z: np.log(1 + np.exp(z)),
    "gelu": lambda z: z * (1 + special.erf(z / np.sqrt(2))) / 2,
    "sin": np.sin,
    "square": lambda z: z * z,
    "serpentine": lambda z: z / (1 + z**2),
    "identity": lambda z: z,
}
"""Smooth activations of a complex number, written down independently of the package."""


def of_context(context: mpmath.MPContext) -> dict[str, Scalar]:
    """All activations of an mpmath number."""
    return {
        "tanh": lambda z: (context.exp(2 * z) - 1) / (context.exp(2 * z) + 1),
        "sigmoid": lambda z: context.exp(z) / (1 + context.exp(z)),
        "softplus": lambda z: context.log(1 + context.exp(z)),
        "gelu": lambda z: z * context.ncdf(z),
        "sin": context.sin,
        "relu": lambda z: max(z, context.mpf(0)),
        "leaky_relu": lambda z: z if z > 0 else z / 100,
        "square": lambda z: z**2,
        "serpentine": lambda z: z / (1 + z**2),
        "identity": lambda z: +z,
    }


def loop_outputs(
    widths: Sequence[int], activation: Scalar, theta: Sequence[Any], inputs: Sequence[Sequence[Any]]
) -> list[Any]:
    """Stacked outputs, number by number; theta is read off in its documented order."""
    stacked: list[Any] = []
    for sample in inputs:
        below, position = list(sample), 0
        for layer in range(1, len(widths)):
            sums = []
            for unit in range(widths[layer]):
                row = position + unit * widths[layer - 1]
                bias = theta[position + widths[layer] * widths[layer - 1] + unit]
                total = bias
                for k, value in enumerate(below):
                    total = total + theta[row + k] * value
                sums.append(total)
            position += widths[layer] * (widths[layer - 1] + 1)
            below = sums if layer == len(widths) - 1 else [activation(z) for z in sums]
        stacked += below
    return stacked


def complex_step_jacobian(widths: Sequence[int], name: str, theta: Array, inputs: Array) -> np.ndarray:
    """D by one complex step for each parameter: no cancellation, so full float64 accuracy."""
    step = 1e-200
    columns = []
    for k in range(len(theta)):
        moved = theta.astype(np.complex128)
        moved[k] += 1j * step
        columns.append(
            [value.imag / step for value in loop_outputs(widths, COMPLEX[name], moved, inputs)]
        )
    return np.array(columns, dtype=np.float64).T


def stencil_jacobian(
    arithmetic: Arithmetic, function: Callable[[Array], Array], theta: Array, step: Any
) -> Array:
    """Differentiate by five points: exact for polynomials to degree 4, else of order step^4."""
    columns = []
    for k in range(len(theta)):

        def moved(times: int, k: int = k) -> Array:
            point = theta.copy()
            point[k] = point[k] + times * step
            return function(point)

        columns.append((8 * (moved(1) - moved(-1)) - (moved(2) - moved(-2))) / (12 * step))
    return arithmetic.array(np.stack(columns, axis=-1))


def agree(left: Any, right: Any, **scales: Any) -> None:
    """Assert that two quantities of one arithmetic are equal to what it can resolve."""
    ratio = identity(left, right, **scales)
    assert ratio.relative <= 1, f"ratio {ratio.value:.3g} exceeds {ratio.threshold:g}: {left} != {right}"
