"""Quadratic costs of the outputs, their gradients in output space, and the class decomposition.

Every cost of the texts is a weighted square, with one divisor d_j for each sample,

    C[x] = sum over j of |x_j - y_omega(j)|^2 / d_j,      grad_x C = 2 (x_j - y_omega(j)) / d_j,

and they differ only in the divisors: 2N (``LEAST_SQUARES``), N (``MEAN_SQUARE``), or the size N_c of the
class of the sample (``CLASS_WEIGHTED``).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from geomdl.arithmetic import Array
from geomdl.data import Dataset
from geomdl.networks import check_vector


@dataclass(frozen=True)
class Cost:
    """A weighted quadratic cost.

    Attributes
    ----------
    name : str
    divisors : callable
        Maps a Dataset to the integers d_j, shape (N,).
    """

    name: str
    divisors: Callable[[Dataset], np.ndarray] = field(repr=False)

    def _error(self, data: Dataset, stacked: Array) -> Array:
        check_vector("stacked outputs", stacked, data.arithmetic, len(data.stacked_targets))
        return stacked - data.stacked_targets

    def _repeated_divisors(self, data: Dataset) -> Array:
        return data.arithmetic.array(np.repeat(self.divisors(data), data.targets.shape[1]))

    def value(self, data: Dataset, stacked: Array) -> Any:
        """Return C[x].

        Parameters
        ----------
        data : Dataset
        stacked : array, shape (QN,)
            Stacked outputs, sample by sample.

        Returns
        -------
        scalar of the same arithmetic
        """
        error = self._error(data, stacked)
        return (error * error / self._repeated_divisors(data)).sum()

    def gradient(self, data: Dataset, stacked: Array) -> Array:
        """Return the gradient of C in output space, shape (QN,)."""
        return 2 * self._error(data, stacked) / self._repeated_divisors(data)

    def curvature(self, data: Dataset) -> Array:
        """Return the diagonal 2 / d_j of the constant Hessian of C in output space, shape (QN,)."""
        return 2 / self._repeated_divisors(data)

    def class_decomposition(self, data: Dataset, stacked: Array) -> tuple[Any, Any]:
        """Split C into the part of the deviations within classes and the part of the class averages.

        C[x] = sum_j |x_j - avg_omega(j)|^2 / d_j + sum_j |avg_omega(j) - y_omega(j)|^2 / d_j, valid
        because every divisor is constant on a class.

        Returns
        -------
        deviations, averages : scalars
            Their sum is ``value(data, stacked)``.
        """
        self._error(data, stacked)
        points = stacked.reshape(data.size, -1)
        centered = data.class_deviations(points).reshape(-1)
        return (
            self.value(data, centered + data.stacked_targets),
            self.value(data, stacked - centered),
        )


LEAST_SQUARES = Cost("least squares", lambda data: np.full(data.size, 2 * data.size))
"""C = |x - y|^2 / (2N): arXiv:2311.15487 (1.7), arXiv:2408.01517 (2.48)."""

MEAN_SQUARE = Cost("mean square", lambda data: np.full(data.size, data.size))
"""C = |x - y|^2 / N: arXiv:2408.01517 (2.11)."""

CLASS_WEIGHTED = Cost("class weighted", lambda data: data.class_sizes[data.labels])
"""C = sum over classes c of (1/N_c) sum over samples of class c of |x_j - y_c|^2: the talks."""
