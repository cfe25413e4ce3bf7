"""Fixtures and options of the verification tree."""

import os

# Matrices are small here: threads of BLAS would wait for each other, most of all beside pytest-xdist.
for _name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")  # read when NumPy is imported

import geomdl  # noqa: E402

if not hasattr(geomdl, "Linearization"):
    raise ImportError(
        f"`import geomdl` found {geomdl.__file__}, which is not this project: the B-spline library that "
        "is called geomdl on PyPI owns that folder. Uninstall it (pip uninstall geomdl) and install "
        'this project again: pip install -e ".[verify]"'
    )

pytest_plugins = ["verification.machinery.plugin"]
