"""The circumstances of a run: versions, processors, BLAS and its threads, CUDA devices."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping
from importlib import metadata
from typing import Any

from geomdl import native

# Every package that a run may use, with the extra of geomdl-verify that brings it.
PACKAGES: Mapping[str, str] = {
    "geomdl-verify": "",
    **dict.fromkeys(("numpy", "scipy", "mpmath"), ""),
    "torch": "torch",
    **dict.fromkeys(("python-flint", "gmpy2"), "rigorous"),
    **dict.fromkeys(("pytest", "hypothesis", "scikit-learn", "pytest-xdist"), "verify"),
    **dict.fromkeys(("asv", "pytest-benchmark"), "bench"),
    **dict.fromkeys(("matplotlib", "jinja2"), "report"),
}


def environment(devices: bool = True) -> dict[str, Any]:
    """Versions (None where absent), processors, BLAS and its threads, compiled loops, CUDA devices.

    `devices=False` leaves torch alone, whose import takes seconds, and lists no devices.
    """
    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "cpus": os.cpu_count(),
        "packages": {name: _version(name) for name in PACKAGES},
        "blas": _blas(),
        "compiled_loops": native.compiled is not None,
        "devices": _cuda_devices() if devices and _version("torch") else [],
    }


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _blas() -> list[dict[str, Any]]:
    """List the BLAS in use; without threadpoolctl NumPy's own, its threads unknown (None)."""
    import numpy as np
    import scipy.linalg  # noqa: F401  SciPy's wheels bring a BLAS of their own

    try:
        from threadpoolctl import threadpool_info
    except ModuleNotFoundError:
        built = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
        return [{"library": built["name"], "version": built["version"], "threads": None}]
    return [
        {
            "library": pool["internal_api"],
            "version": pool["version"],
            "threads": pool["num_threads"],
        }
        for pool in threadpool_info()
        if pool["user_api"] == "blas"
    ]


def _cuda_devices() -> list[str]:
    import torch

    return [torch.cuda.get_device_name(n) for n in range(torch.cuda.device_count())]
