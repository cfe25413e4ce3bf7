"""The package as a whole: what an import loads, the namesake on PyPI, and the examples of docstrings."""

import doctest
import importlib
import pkgutil
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import geomdl

ROOT = Path(geomdl.__file__).resolve().parent.parent
HEAVY = (
    "torch",
    "scipy.integrate",
    "scipy.optimize",
    "matplotlib",
    "sklearn",
    "pytest",
    "flint",
    "hypothesis",
    "rich",
    "verification",
)
EXTRAS = {"torch", "flint", "gmpy2", "sklearn", "matplotlib", "rich", "threadpoolctl"}

MODULES = sorted(
    module.name
    for module in pkgutil.walk_packages(geomdl.__path__, "geomdl.")
    if not module.name.endswith("__main__")
)


def python(code: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run code in a fresh interpreter that finds packages in this folder first."""
    preamble = f"import sys; sys.path.insert(0, {str(folder)!r})\n"
    return subprocess.run(
        [sys.executable, "-c", preamble + code], capture_output=True, text=True, check=False
    )


def test_importing_the_package_loads_no_optional_one() -> None:
    done = python(f"import geomdl\nprint([m for m in {HEAVY!r} if m in sys.modules])", ROOT)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[]"


def test_importing_the_package_leaves_the_global_precision_of_mpmath_alone() -> None:
    code = (
        "import mpmath; mpmath.mp.dps = 17\n"
        "import geomdl; a = geomdl.get_arithmetic('mp50'); a.exp(a.array([1.0]))\n"
        "print(mpmath.mp.dps)"
    )
    assert python(code, ROOT).stdout.strip() == "17"


def test_everything_announced_exists() -> None:
    assert sorted(set(geomdl.__all__)) == sorted(geomdl.__all__)
    for name in geomdl.__all__:
        assert getattr(geomdl, name) is not None


def test_the_b_spline_library_of_the_same_name_is_detected_and_explained(tmp_path: Path) -> None:
    copy = tmp_path / "geomdl"
    shutil.copytree(ROOT / "geomdl", copy, ignore=shutil.ignore_patterns("__pycache__"))
    assert python("import geomdl; print(geomdl.__file__)", tmp_path).stdout.strip().startswith(str(copy))
    (copy / "NURBS.py").write_text('"""A module of the other library."""\n', encoding="utf-8")
    done = python("import geomdl", tmp_path)
    assert done.returncode != 0
    assert "ImportError" in done.stderr
    assert "B-spline library" in done.stderr
    assert "pip uninstall geomdl geomdl-verify" in done.stderr


@pytest.mark.parametrize("name", ["geomdl", *MODULES])
def test_the_examples_of_docstrings_are_true(name: str) -> None:
    try:
        module = importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] not in EXTRAS:
            raise
        pytest.skip(f"{error.name} is not installed")
    result = doctest.testmod(module)
    assert result.failed == 0


def test_the_public_functions_have_examples() -> None:
    finder = doctest.DocTestFinder()
    found = sum(
        bool(test.examples)
        for name in MODULES
        if name in sys.modules
        for test in finder.find(sys.modules[name])
    )
    assert found >= 12
