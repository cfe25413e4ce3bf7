"""The README tells the truth: its examples run, its claim stands in the tree, its commands exist."""

import doctest
import re
from pathlib import Path

from geomdl.__main__ import COMMANDS

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_examples_of_the_readme_are_true() -> None:
    result = doctest.testfile(str(ROOT / "README.md"), module_relative=False, encoding="utf-8")
    assert result.attempted > 10
    assert result.failed == 0


def test_the_claim_that_the_readme_shows_stands_in_the_tree() -> None:
    shown = README.split("```python\n@claim(")[1].split("```")[0]
    file = ROOT / "verification" / "chen2023" / "test_output_flow.py"
    assert shown.strip() in file.read_text(encoding="utf-8")


def test_every_command_of_the_readme_exists() -> None:
    used = set(re.findall(r"python -m geomdl (\w+)", README))
    assert used
    assert used <= set(COMMANDS)
    assert set(COMMANDS) <= used
