"""Flow pages: predicted and measured orbits on real data."""

from __future__ import annotations

from collections.abc import Sequence

from verification.report.gather import Material
from verification.report.site import Missing, Page


def pages(material: Material) -> Sequence[Page | Missing]:
    """Return the pages of the flows."""
    return [Missing("flows on real data", "python -m geomdl precision flows")]
