"""Torch tensors on the CPU and on CUDA devices; torch is imported when first asked for."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import numpy as np
import torch

from geomdl.arithmetic.base import (
    Arithmetic,
    Array,
    SingularMatrixError,
    UnsupportedOperationError,
    as_numpy,
)

DTYPES = {"float32": torch.float32, "float64": torch.float64}


class TorchArithmetic(Arithmetic):
    """Tensors of one device and dtype; make them with :func:`torch_arithmetic`.

    float32 products on CUDA are honest ones as long as ``torch.backends.cuda.matmul.allow_tf32`` is
    off, as it is by default.

    Attributes
    ----------
    device : torch.device
    dtype : torch.dtype
    """

    pseudoinverse_methods = ("svd", "normal")

    def __init__(self, device: str, dtype: str) -> None:
        self.device, self.dtype = torch.device(device), DTYPES[dtype]
        self.name = f"torch:{device}:{dtype}"
        self.unit_roundoff = torch.finfo(self.dtype).eps / 2

    def array(self, values: Any) -> Array:
        """Convert to a tensor, rounding each number once."""
        if not isinstance(values, torch.Tensor):
            values = as_numpy(values)
            if values.dtype == object:
                values = np.array([float(v) for v in values.ravel()]).reshape(values.shape)
            values = torch.from_numpy(np.array(values))
        return values.to(device=self.device, dtype=self.dtype)

    def number(self, numerator: int, denominator: int = 1) -> Any:
        """Return the rounded quotient as a tensor without dimensions."""
        return torch.tensor(numerator / denominator, dtype=self.dtype, device=self.device)

    def zeros(self, shape: int | tuple[int, ...]) -> Array:
        """Return a tensor of zeros."""
        return torch.zeros(shape, dtype=self.dtype, device=self.device)

    def eye(self, size: int) -> Array:
        """Return the identity matrix."""
        return torch.eye(size, dtype=self.dtype, device=self.device)

    def concatenate(self, parts: Sequence[Array], axis: int = 0) -> Array:
        """Join tensors along a dimension."""
        return torch.cat(list(parts), dim=axis)

    def stack(self, parts: Sequence[Array], axis: int = 0) -> Array:
        """Join tensors along a new dimension."""
        return torch.stack(list(parts), dim=axis)

    def to_float64(self, array: Array) -> np.ndarray:
        """Copy to the host as float64 (exact)."""
        return as_numpy(array).astype(np.float64)

    def all_finite(self, array: Array) -> bool:
        """Tell whether no entry is NaN or infinite."""
        return bool(torch.isfinite(array).all())

    def largest(self, array: Array) -> Any:
        """Return the largest absolute value, 0 for an empty tensor."""
        return array.abs().max() if array.numel() else self.number(0)

    def exp(self, z: Array) -> Array:
        """Exponential."""
        return torch.exp(z)

    def tanh(self, z: Array) -> Array:
        """Hyperbolic tangent."""
        return torch.tanh(z)

    def sigmoid(self, z: Array) -> Array:
        """Logistic function."""
        return torch.sigmoid(z)

    def softplus(self, z: Array) -> Array:
        """Return log(1 + exp(z)) without overflow, and without torch's linear branch above 20."""
        return torch.logaddexp(z, torch.zeros_like(z))

    def sin(self, z: Array) -> Array:
        """Sine."""
        return torch.sin(z)

    def cos(self, z: Array) -> Array:
        """Cosine."""
        return torch.cos(z)

    def erf(self, z: Array) -> Array:
        """Error function."""
        return torch.erf(z)

    def sqrt(self, z: Array) -> Array:
        """Square root."""
        return torch.sqrt(z)

    def pi(self) -> Any:
        """Return pi rounded to this dtype."""
        return torch.tensor(math.pi, dtype=self.dtype, device=self.device)

    def step(self, z: Array) -> Array:
        """Return 1 where z > 0 and 0 elsewhere."""
        return (z > 0).to(self.dtype)

    def solve(self, matrix: Array, right: Array) -> Array:
        """Solve by LU with partial pivoting."""
        solution, status = torch.linalg.solve_ex(matrix, right)
        if int(status) or not self.all_finite(solution):
            raise SingularMatrixError(
                f"a {matrix.shape[0]} x {matrix.shape[1]} matrix is singular to {self.name} "
                "precision; use pseudoinverse() where the rank may be lost"
            )
        return solution

    def svd(self, matrix: Array) -> tuple[Array, Array, Array]:
        """Thin SVD by torch.linalg.svd."""
        return torch.linalg.svd(matrix, full_matrices=False)

    def cholesky(self, matrix: Array) -> Callable[[Array], Array]:
        """Factor by torch.linalg.cholesky_ex."""
        factor, status = torch.linalg.cholesky_ex(matrix)
        if int(status) or not self.all_finite(factor):
            raise SingularMatrixError(
                f"a {matrix.shape[0]} x {matrix.shape[0]} Gram matrix is not positive definite to "
                f"{self.name} precision; use method='svd' where the rank may be lost"
            )

        def solve(right: Array) -> Array:
            columns = right.reshape(matrix.shape[0], -1)
            return torch.cholesky_solve(columns, factor).reshape(right.shape)

        return solve


def torch_arithmetic(device: str = "cpu", dtype: str = "float64") -> TorchArithmetic:
    """Return the one arithmetic of a device and a dtype.

    Parameters
    ----------
    device : str
        ``"cpu"``, ``"cuda"`` (the current device) or ``"cuda:1"``.
    dtype : {"float32", "float64"}

    Raises
    ------
    ValueError
        For another dtype, or a device that is neither.
    UnsupportedOperationError
        When this machine has no such device.
    """
    if dtype not in DTYPES:
        raise ValueError(f"got the torch dtype {dtype!r}; expected {' or '.join(DTYPES)}")
    kind, _, number = device.partition(":")
    if kind not in ("cpu", "cuda") or not (number.isdigit() or device in ("cpu", "cuda")):
        raise ValueError(f"got the torch device {device!r}; expected cpu, cuda or cuda:0")
    if kind == "cpu":
        return _one("cpu", dtype)
    if not torch.cuda.is_available() or int(number or 0) >= torch.cuda.device_count():
        raise UnsupportedOperationError(
            f"the device {device!r} was asked for and torch sees {torch.cuda.device_count()} CUDA "
            "devices here; use 'torch:cpu:float64'"
        )
    return _one(device, dtype)


@cache
def _one(device: str, dtype: str) -> TorchArithmetic:
    return TorchArithmetic(device, dtype)


def arithmetic_of_tensor(tensor: torch.Tensor) -> TorchArithmetic:
    """Return the arithmetic of a tensor; TypeError for a dtype that is none of the two."""
    name = str(tensor.dtype).removeprefix("torch.")
    if name not in DTYPES:
        raise TypeError(
            f"got a tensor of dtype {tensor.dtype}; expected float32 or float64: convert with "
            "tensor.to(torch.float64)"
        )
    device = tensor.device
    default = device.type == "cpu" or device.index in (None, torch.cuda.current_device())
    return _one(device.type if default else f"{device.type}:{device.index}", name)
