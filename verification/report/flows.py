"""Flow pages: predicted and measured orbits, from the files in reports/flows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import NamedTuple

from matplotlib.figure import Figure

from verification.report import flow_classes, flow_orbits
from verification.report.figures import Part, text_table, together
from verification.report.gather import Material
from verification.report.site import Missing, Page
from verification.report.studies import Study, read

Typeset = Callable[[str], str]
Draw = Callable[[Figure], None]


class Sheet(NamedTuple):
    """A page: its title, the studies that it shows, and the functions that draw them."""

    title: str
    studies: Sequence[str]
    parts: Callable[[Mapping[str, Study], Typeset], Sequence[Part | str]]


SHEETS: Mapping[str, Sheet] = {
    "cost": Sheet("Cost and stopping times", ("descent", "stopping"), flow_orbits.cost),
    "paths": Sheet("Paths of the outputs", ("paths",), flow_orbits.paths),
    "spectrum": Sheet("Singular values", ("spectrum",), flow_orbits.spectrum),
    "trapping": Sheet("Trapping", ("trapping",), flow_orbits.trapping),
    "ending": Sheet("Orbits that end", ("ending",), flow_orbits.ending),
    "collapse": Sheet("Collapse of classes", ("collapse", "classes"), flow_classes.collapse),
    "layers": Sheet("Explicit networks, layer by layer", ("layers", "sectors"), flow_classes.layers),
}


def pages(material: Material) -> Sequence[Page | Missing]:
    """Return the pages of the flows, or which study to run."""
    found: list[Page | Missing] = []
    for name, sheet in SHEETS.items():
        studies = {each: read(material.root / "reports" / "flows", each) for each in sheet.studies}
        absent = [each for each, study in studies.items() if study is None]
        if absent:
            found.append(
                Missing(f"flows: {sheet.title.lower()}", f"python -m geomdl flows {' '.join(absent)}")
            )
            continue
        known = {each: study for each, study in studies.items() if study is not None}
        found.append(page(name, sheet, known, material.typesetter.text))
    return found


def page(name: str, sheet: Sheet, studies: Mapping[str, Study], typeset: Typeset) -> Page:
    """Return a page: how each study was made, its figures, its tables and files."""
    first = studies[sheet.studies[0]]
    shown = together(sheet.parts(studies, typeset))
    tables = [
        text_table(f"The numbers as a table: {study.title}", study.table, f"data/flows-{study.name}.txt")
        for study in studies.values()
    ]
    said = "".join(
        f"<p>{escape(paragraph)}</p>" for study in studies.values() for paragraph in study.about
    )
    below = together([shown, "<h2>How it was computed</h2>", said, *tables])
    data = {f"data/flows-{study.name}.csv": study.data for study in studies.values()}
    lead = f'<p class="lead">{escape(first.title)}.</p>'
    return Page(
        f"flows-{name}",
        sheet.title,
        "flows",
        lead + below.html,
        {**below.files, **data},
        f"{first.title}.",
    )
