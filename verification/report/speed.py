"""Speed pages, made from reports/speed/*.json: kernels against peers and against physical limits."""

from __future__ import annotations

from collections.abc import Sequence

from verification.report.gather import Material
from verification.report.site import Missing, Page


def pages(material: Material) -> Sequence[Page | Missing]:
    """Return the pages of the clocks; for now only what is missing."""
    return [Missing("timings of the kernels", "python -m geomdl bench")]
