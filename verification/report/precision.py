"""Precision pages: one a study, from the files in reports/precision."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from html import escape

from verification.report import precision_methods, precision_roundoff
from verification.report.figures import Part, text_table, together
from verification.report.gather import Material
from verification.report.site import Missing, Page
from verification.report.studies import Study, read


def pages(material: Material) -> Sequence[Page | Missing]:
    """Return one page a study, or which study to run."""
    found: list[Page | Missing] = []
    for name, (title, parts) in STUDIES.items():
        study = read(material.root / "reports" / "precision", name)
        if study is None:
            missing = Missing(f"the study {title.lower()}", f"python -m geomdl precision {name}")
            found.append(missing)
        else:
            found.append(page(study, title, parts(study)))
    return found


def page(study: Study, title: str, parts: Sequence[Part]) -> Page:
    """Return the page of a study: its introduction, its figures, its table, its files."""
    data, table = f"data/{study.name}.csv", f"data/{study.name}.txt"
    about = [f"<p>{escape(paragraph)}</p>" for paragraph in study.about]
    shown = together(
        [*about[:1], *parts, *about[1:], text_table("The numbers as a table", study.table, table)]
    )
    files = {data: study.data, **shown.files}
    lead = f'<p class="lead">{escape(study.title)}.</p>'
    return Page(
        f"precision-{study.name}", title, "precision", lead + shown.html, files, escape(study.title)
    )


STUDIES: Mapping[str, tuple[str, Callable[[Study], list[Part]]]] = {
    "ladder": ("Residual and roundoff", precision_roundoff.ladder),
    "condition": ("Error and condition", precision_methods.condition),
    "ranks": ("Rank decisions", precision_methods.ranks),
    "integrators": ("Work and precision", precision_methods.integrators),
    "decay": ("Decay in finite precision", precision_roundoff.decay),
    "single": ("Single precision", precision_roundoff.single),
    "explicit": ("Explicit networks", precision_methods.explicit),
}
"""The studies in the order of the navigation: the name of each page, and its figures."""
