"""Who may import whom: the rules that keep the house in order."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
OPTIONAL = ("flint", "gmpy2", "matplotlib", "jinja2")  # SciPy looks torch up itself
USERS = ("verification", "benchmarks", "reports")


def imported_modules(file: Path) -> Iterator[str]:
    """Return the full names of the modules that a file imports, anywhere in it."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


def files(folder: str) -> list[Path]:
    """Return the Python files of a folder, which has some."""
    found = sorted((ROOT / folder).rglob("*.py"))
    assert found, f"no Python files in {ROOT / folder}"
    return found


def test_the_library_imports_nothing_that_uses_it() -> None:
    wrong = [
        f"{file.relative_to(ROOT)} imports {name}"
        for file in files("geomdl")
        for name in imported_modules(file)
        if name.split(".")[0] in USERS and file.name != "__main__.py"
    ]
    assert wrong == []


def test_no_test_module_imports_another_one() -> None:
    wrong = [
        f"{file.relative_to(ROOT)} imports {name}: move what they share into a helper module"
        for file in files("verification")
        for name in imported_modules(file)
        if name.split(".")[-1].startswith("test_")
    ]
    assert wrong == []


def test_claims_are_collected_without_any_optional_package() -> None:
    code = (
        f"import sys; sys.modules.update(dict.fromkeys({OPTIONAL}))\n"
        "import pytest\n"
        "arguments = ['verification', '-m', 'claim', '--collect-only', '-qq']\n"
        "sys.exit(pytest.main(arguments))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
