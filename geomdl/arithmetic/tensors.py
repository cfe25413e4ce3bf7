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
    Orthogonal,
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
    hardware = True

    def __init__(self, device: str, dtype: str) -> None:
        self.device, self.dtype = torch.device(device), DTYPES[dtype]
        self.bytes_per_number = self.dtype.itemsize
        self.asynchronous = self.device.type != "cpu"
        if self.asynchronous:
            self.chunk = 1 << 26  # a launch costs more than a pass through the memory of a device
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

    def empty(self, shape: int | tuple[int, ...]) -> Array:
        """Return a tensor whose memory was not written to."""
        return torch.empty(shape, dtype=self.dtype, device=self.device)

    def matmul_into(self, out: Array, left: Array, right: Array) -> None:
        """Write the matrix product to ``out``."""
        torch.matmul(left, right, out=out)

    def multiply_into(self, out: Array, left: Array, right: Array) -> None:
        """Write the entrywise product to ``out``."""
        torch.mul(left, right, out=out)

    def fill(self, out: Array, number: int) -> None:
        """Write one integer to every entry of ``out``."""
        out.fill_(number)

    def outer_into(self, out: Array, left: Array, right: Array) -> None:
        """Write left[j, q, r, m] right[j, r, n] to out[j, q, r, m, n]."""
        torch.mul(left[:, :, :, :, None], right[:, None, :, None, :], out=out)

    def repeat(self, array: Array, count: int) -> Array:
        """Repeat every entry along the last dimension."""
        return array[..., None].expand(*array.shape, count).reshape(*array.shape[:-1], -1)

    def diagonal_view(self, array: Array, first: int, second: int) -> Array:
        """Return the entries with equal indices on two dimensions as a last dimension, as a view."""
        return array.diagonal(dim1=first, dim2=second)

    def mirror(self, square: Array) -> None:
        """Overwrite the entries above the diagonal by those below it."""
        square.copy_(square.tril() + square.tril(-1).T)

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

    def symmetric_product(self, lower: Array, vector: Array) -> Array:
        """Multiply by the triangle and by its transpose."""
        triangle = lower.tril()
        return triangle @ vector + triangle.T @ vector - triangle.diagonal() * vector

    def cholesky_in_place(self, matrix: Array) -> tuple[Callable[[Array], Array], Any]:
        """Factor by torch.linalg.cholesky_ex, which does not wait for the device."""
        factor, status = torch.linalg.cholesky_ex(matrix)

        def solve(right: Array) -> Array:
            columns = right if right.ndim == 2 else right[:, None]
            return torch.cholesky_solve(columns, factor).reshape(right.shape)

        return solve, status

    def qr(self, matrix: Array) -> Orthogonal:
        """Factor by torch.linalg.qr."""
        q, r = torch.linalg.qr(matrix)

        def solve(triangle: Array, vector: Array, upper: bool) -> Array:
            return torch.linalg.solve_triangular(triangle, vector[:, None], upper=upper)[:, 0]

        inverse = torch.linalg.solve_triangular(r, self.eye(len(r)), upper=True)
        return Orthogonal(
            r,
            torch.linalg.matrix_norm(inverse),
            lambda c: q @ c,
            lambda b: q.T @ b,
            lambda c: solve(r, c, True),
            lambda c: solve(r.T, c, False),
        )

    def single(self) -> Arithmetic:
        """Return float32 on the same device."""
        return _one(self.name.split(":", 1)[1].rpartition(":")[0], "float32")


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
