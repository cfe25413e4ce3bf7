"""A quick look at the kernels: `pytest benchmarks/quick --benchmark-only`."""

from __future__ import annotations

from typing import Any

import pytest

from benchmarks.kernels import KERNELS
from benchmarks.problems import Absent, make_case


@pytest.mark.parametrize("backend", ["numpy", "torch:cpu"])
@pytest.mark.parametrize("kernel", KERNELS)
def test_kernel_at_the_small_size(benchmark: Any, kernel: str, backend: str) -> None:
    try:
        call = KERNELS[kernel].prepare(make_case("small", "float64", backend))
    except Absent as reason:
        pytest.skip(str(reason))
    benchmark.group = f"{kernel}: {KERNELS[kernel].says}"
    benchmark(call)
