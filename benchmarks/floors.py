"""What no implementation of a kernel can beat on a machine: fills, copies and bare BLAS.

A floor is the part of a kernel that is a single memory stream or a plain matrix product, called on
memory that exists already. The ratio to it survives a change of machine.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import scipy.linalg

from benchmarks.problems import Case

Call = Callable[[], Any]


def fill(case: Case) -> Call:
    """Write a constant to every entry of D."""
    buffer = case.buffer
    if case.backend == "numpy":
        return lambda: buffer.fill(1.0)
    return case.synchronized(lambda: buffer.fill_(1.0))


def copy(case: Case) -> Call:
    """Copy D to other memory."""
    source, target = case.buffer, case.arithmetic.zeros(case.buffer.shape)
    if case.backend == "numpy":
        return lambda: np.copyto(target, source)
    return case.synchronized(lambda: target.copy_(source))


def syrk(case: Case) -> Call:
    """Add Delta_l Delta_l^T over the hidden layers, Delta_l of shape QN x M_l, lower triangles."""
    return case.synchronized(_syrk(case)[0])


def factor(case: Case) -> Call:
    """SYRK as for the Gram matrix, then its Cholesky factor and two triangular solves."""
    accumulate, gram = _syrk(case)
    right = case.arithmetic.array(case.right)
    if case.size.rows > case.size.columns:
        raise NotImplementedError("K < QN: the floor is that of the formed D^T D")
    diagonal = 10.0 * sum(case.size.widths)

    if case.backend == "numpy":
        identity = np.arange(len(gram))

        def call() -> Any:
            accumulate()
            gram[identity, identity] += diagonal
            triangle = scipy.linalg.cholesky(gram, lower=True, overwrite_a=True, check_finite=False)
            return scipy.linalg.cho_solve((triangle, True), right, check_finite=False)

        return call

    import torch

    def call_torch() -> Any:
        accumulate()
        gram.diagonal().add_(diagonal)
        return torch.cholesky_solve(right[:, None], torch.linalg.cholesky_ex(gram)[0])

    return case.synchronized(call_torch)


def _syrk(case: Case) -> tuple[Call, Any]:
    """Return the sum of SYRKs (GEMMs in torch, which has no SYRK) and the matrix that it fills."""
    rng = np.random.default_rng(0)
    blocks = [rng.standard_normal((case.size.rows, width)) for width in case.size.widths[1:-1]]
    factors = [case.arithmetic.array(block) for block in blocks]
    gram = case.arithmetic.zeros((case.size.rows, case.size.rows))
    if case.backend == "numpy":
        gram = np.asfortranarray(gram)
        factors = [np.asfortranarray(block) for block in factors]
        product = scipy.linalg.blas.get_blas_funcs("syrk", dtype=np.dtype(case.dtype))

        def accumulate() -> Any:
            for index, block in enumerate(factors):
                product(1.0, block, beta=float(index > 0), c=gram, lower=1, overwrite_c=1)
            return gram

        return accumulate, gram

    def accumulate_torch() -> Any:
        for index, block in enumerate(factors):
            gram.addmm_(block, block.T, beta=float(index > 0))
        return gram

    return accumulate_torch, gram


def push_products(case: Case) -> Call:
    """Two matrix products a layer, as D v needs them."""
    return case.synchronized(_products(case, pushing=True, pulling=False))


def pull_products(case: Case) -> Call:
    """Two matrix products a layer, as D^T u needs them."""
    return case.synchronized(_products(case, pushing=False, pulling=True))


def gram_products(case: Case) -> Call:
    """Four matrix products a layer, as D D^T u needs them."""
    return case.synchronized(_products(case, pushing=True, pulling=True))


def _products(case: Case, *, pushing: bool, pulling: bool) -> Call:
    samples, widths = case.size.samples, case.size.widths
    rng = np.random.default_rng(0)

    def random(*shape: int) -> Any:
        return case.arithmetic.array(rng.standard_normal(shape))

    tasks = []
    for index, (narrow, wide) in enumerate(pairwise(widths)):
        below, above, weight = random(samples, narrow), random(samples, wide), random(wide, narrow)
        if pushing:
            tasks.append((below, weight.T, random(samples, wide)))  # activations times W-dot
        if pulling:
            tasks.append((above.T, below, random(wide, narrow)))
        if index and pushing:
            tasks.append((below, weight.T, random(samples, wide)))  # tangents times W
        if index and pulling:
            tasks.append((above, weight, random(samples, narrow)))
    matmul: Any = np.matmul
    if case.backend != "numpy":
        import torch

        matmul = torch.matmul

    def call() -> None:
        for left, right, out in tasks:
            matmul(left, right, out=out)

    return call


def inverse_product(case: Case) -> Call:
    """One product of the smaller Gram matrix's inverse with D, the last step towards D^+."""
    small = min(case.size.rows, case.size.columns)
    square = case.arithmetic.array(np.random.default_rng(0).standard_normal((small, small)))
    jacobian = case.buffer
    wide = case.size.rows <= case.size.columns
    out = case.arithmetic.zeros((case.size.columns, case.size.rows))
    matmul: Any = np.matmul
    if case.backend != "numpy":
        import torch

        matmul = torch.matmul
    left, right = (jacobian.T, square) if wide else (square, jacobian.T)
    return case.synchronized(lambda: matmul(left, right, out=out))
