"""The front page: in ten seconds how many claims hold, and the errata below."""

from __future__ import annotations

from markupsafe import Markup

from verification.machinery.register import verdict_counts
from verification.report.gather import Material
from verification.report.rendering import render
from verification.report.site import CONTENTS, Page


def pages(material: Material) -> list[Page]:
    """Return the front page."""
    register = material.register
    by_source = []
    for source in register.sources:
        claims = [entry.claim for entry in material.entries if entry.statement.source == source.key]
        by_source.append((source, verdict_counts(register, claims), len(claims)))
    verdicts = [entry.verdict for entry in material.errata]
    html = render(
        "overview.html",
        material,
        counts=verdict_counts(register, register.claims),
        by_source=by_source,
        fails=verdicts.count("fails"),
        needs=verdicts.count("needs"),
        contents=Markup(CONTENTS),
    )
    return [Page("index", "The numerical blueprint", "overview", html)]
