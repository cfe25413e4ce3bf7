"""The flow pages: every figure with its data, captions from the data, and what is missing is said."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("matplotlib", reason="the report needs the extra report")

from verification.flows.__main__ import FLOWS
from verification.report import flows
from verification.report.flow_classes import clipped
from verification.report.gather import ROOT, Material
from verification.report.panels import power
from verification.report.site import Missing
from verification.report.studies import Study, read


def known(sheet: str) -> dict[str, Study]:
    studies = {name: read(ROOT / "reports" / "flows", name) for name in flows.SHEETS[sheet].studies}
    return {name: study for name, study in studies.items() if study is not None}


def plain(text: str) -> str:
    """Leave formulas as they are."""
    return text


def test_every_study_is_shown_and_every_sheet_has_its_studies() -> None:
    shown = [name for sheet in flows.SHEETS.values() for name in sheet.studies]
    assert sorted(shown) == sorted(FLOWS.studies)
    assert all(len(known(name)) == len(sheet.studies) for name, sheet in flows.SHEETS.items())


@pytest.mark.parametrize("name", ["paths", "layers"])
def test_every_figure_has_its_data_and_its_table_beside_it(name: str) -> None:
    page = flows.page(name, flows.SHEETS[name], known(name), plain)
    figures = re.findall(r'<figure id="([^"]+)">(.*?)</figure>', page.html, flags=re.DOTALL)
    assert len(figures) == 4
    for id, html in figures:
        assert f"figures/{id}.svg" in page.files
        links = re.findall(r'<a href="([^"]+)">(?:data|table)</a>', html)
        assert len(links) == 2
        assert set(links) <= set(page.files)
        assert "<title" in html


def test_captions_are_read_from_the_data() -> None:
    studies = known("paths")
    study = studies["paths"]
    rows = [dict(row) for row in study.rows if row["data"] == "iris"]
    widest = max(
        (row for row in rows if row["flow"] == "adapted"), key=lambda row: abs(float(row["across"]))
    )
    assert power(abs(float(widest["across"]))) in _page(study, rows)
    widest["across"] = "0.1234"
    assert "0.12 in this plane" in _page(study, rows)


def _page(study: Study, rows: list[dict[str, str]]) -> str:
    changed = {"paths": replace(study, rows=rows)}
    return flows.page("paths", flows.SHEETS["paths"], changed, plain).html


def test_studies_that_are_not_there_are_named_with_their_command(
    material: Material, tmp_path: Path
) -> None:
    found = flows.pages(replace(material, root=tmp_path))
    assert all(isinstance(each, Missing) for each in found)
    commands = [each.command for each in found if isinstance(each, Missing)]
    assert "python -m geomdl flows descent stopping" in commands
    assert {name for command in commands for name in command.split()[4:]} == set(FLOWS.studies)


def test_a_polygon_is_clipped_to_a_sector() -> None:
    square = np.array([[0.0, 0.0], [2.0, 0.0], [2.0, 2.0], [0.0, 2.0]])
    triangle = clipped(square, np.array([1.0, -1.0, 0.0]))
    assert sorted(map(tuple, triangle)) == [(0, 0), (2, 0), (2, 2)]
    assert len(clipped(triangle, np.array([-1.0, 0.0, -1.0]))) == 0
    assert len(clipped(clipped(triangle, np.array([-1.0, 0.0, -1.0])), np.array([1.0, 0.0, 0.0]))) == 0


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (0.25, "0.25"),
        (204.2, "204"),
        (2.34e-5, "$2.3 \\cdot 10^{-5}$"),
        (-1e7, "$-1.0 \\cdot 10^{7}$"),
    ],
)
def test_numbers_are_written_as_people_do(value: float, text: str) -> None:
    assert power(value) == text
