"""Fixtures and options of the verification tree."""

import geomdl

if not hasattr(geomdl, "Linearization"):
    raise ImportError(
        f"`import geomdl` found {geomdl.__file__}, which is not this project: the B-spline library that "
        "is called geomdl on PyPI owns that folder. Uninstall it (pip uninstall geomdl) and install "
        'this project again: pip install -e ".[verify]"'
    )

pytest_plugins = ["verification.machinery.plugin"]
