"""The house in which the commands are tried: a small register with sound checks."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from verification import cli
from verification.machinery import standings
from verification.machinery_tests import small_register
from verification.machinery_tests.doubles import SOUND, FakeCheck


@dataclass(frozen=True)
class FakeCase:
    """What the tables ask of a case."""

    id: str
    role: str = "control"


@dataclass(frozen=True)
class CheckWithCases(FakeCheck):
    """A check whose controls run once each."""

    def cases(self) -> list[FakeCase]:
        """Return a case for each control."""
        return [FakeCase(f"control: {label}-scene-float64") for label in self.controls]


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put a small register with sound checks in place of the real ones; return its root."""
    register = small_register(tmp_path)
    checks = [CheckWithCases(c.claims, c.node, c.roles, c.controls) for c in SOUND]
    monkeypatch.setattr(cli, "load_register", lambda: register)
    monkeypatch.setattr(standings, "collected_checks", lambda: checks)
    monkeypatch.setattr(standings, "ROOT", tmp_path)
    monkeypatch.setattr(cli, "ROOT", tmp_path)
    monkeypatch.setenv("COLUMNS", "160")
    return tmp_path
