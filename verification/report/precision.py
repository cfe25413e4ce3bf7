"""Precision pages, made from reports/precision."""

from __future__ import annotations

from collections.abc import Sequence

from verification.report.gather import Material
from verification.report.site import Missing, Page


def pages(material: Material) -> Sequence[Page | Missing]:
    """Return one page a study."""
    return [Missing("studies", "python -m geomdl precision")]
