"""The site of this tree, built once in memory and once as files."""

from __future__ import annotations

from pathlib import Path

import pytest

from verification.report.gather import Material, gather


@pytest.fixture(scope="session")
def material() -> Material:
    """Everything that the report of this tree is made of."""
    return gather()


@pytest.fixture(scope="session")
def site(material: Material, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the site of this tree and return its folder."""
    pytest.importorskip("jinja2", reason="the report needs the extra report")
    pytest.importorskip("matplotlib", reason="the report needs the extra report")
    from verification.report import build

    folder = tmp_path_factory.mktemp("report") / "site"
    build.write_site(build.assemble(material, build.CHAPTERS), folder)
    return folder
