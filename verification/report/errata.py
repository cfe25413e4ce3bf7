"""The errata: what does not hold as printed, beside what does."""

from __future__ import annotations

from verification.report.gather import Material
from verification.report.rendering import render
from verification.report.site import Page


def pages(material: Material) -> list[Page]:
    """Return the page of the errata."""
    verdicts = [entry.verdict for entry in material.errata]
    html = render("errata.html", material, fails=verdicts.count("fails"), needs=verdicts.count("needs"))
    return [Page("errata", "Errata", "errata", html)]
