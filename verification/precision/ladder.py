"""The ladder: residual against unit roundoff over five rungs, for every claim that climbs it.

A true identity follows the roundoff down with slope 1; a wrong one, or one into which numbers of less
precision leaked, does not. Taken from the last run of the checks if there is one, else from a fresh run
of every check in its first scene, with one seed. Residuals are relative to the scale of the quantities
and the largest of their ladder's claim on each rung.
"""

from __future__ import annotations

import math
from collections import defaultdict
from typing import cast

from verification.machinery.checks import ROOT, collect_checks, rows_of
from verification.machinery.columns import POINTWISE
from verification.machinery.results import (
    LADDER,
    LAST_RUN,
    Row,
    Slope,
    read,
    rows_by_claim,
    slopes,
)
from verification.precision.tables import Result, Settings, Value, aligned, counted

QUICK_CHECKS = 10


def run(settings: Settings) -> Result:
    """Sum up the ladders claim by claim."""
    path = ROOT / LAST_RUN
    measured = read(path)["rows"] if path.exists() else []
    origin = "the last run of the checks"
    if not slopes(measured):
        measured, origin = _fresh(settings), "a fresh run, one scene and one seed a check"
    rows: list[tuple[Value, ...]] = []
    for claim, mine in sorted(rows_by_claim(measured).items()):
        found = [slope for slope in slopes(mine) if slope.complete]
        if found:
            rows.append(_summary(claim, mine, found))
    columns = {
        "claim": "id in the register",
        "ladders": "checks x scenes x seeds measured on all five rungs",
        "smallest": "smallest slope",
        "largest": "largest slope",
        "broken": "ladders outside of their tolerance around 1",
        **{name: f"largest relative residual at {name}" for name in LADDER},
    }
    everywhere = [value for row in rows for value in (row[2], row[3]) if isinstance(value, float)]
    lines = [f"from {origin}"]
    if everywhere:
        lines.append(
            f"{len(rows)} claims, {sum(cast(int, row[1]) for row in rows)} ladders; slopes from "
            f"{min(everywhere):.3f} to {max(everywhere):.3f}"
        )
        shown = [[*row[:2], f"{row[2]:.3f}", f"{row[3]:.3f}", *row[4:]] for row in rows]
        lines += aligned(list(columns), shown)
    else:
        lines.append("no claim has climbed all five rungs: run `python -m geomdl verify` first")
    return Result(columns, rows, lines)


def _summary(claim: str, mine: list[Row], found: list[Slope]) -> tuple[Value, ...]:
    places = {(slope.check, slope.label, slope.scene, slope.seed) for slope in found}
    largest: defaultdict[str, float] = defaultdict(float)
    for row in mine:
        place = row["check"], row["label"], row["scene"], row["seed"]
        residual = row["residual"]
        if place in places and residual is not None and math.isfinite(residual):
            largest[row["column"]] = max(largest[row["column"]], residual)
    values = [slope.slope for slope in found]
    broken = sum(slope.broken for slope in found)
    residuals = (largest[name] for name in LADDER)
    return claim, len(found), min(values), max(values), broken, *residuals


def _fresh(settings: Settings) -> list[Row]:
    checks = [check for check in collect_checks() if set(POINTWISE) <= set(check.columns)]
    checks = checks[:QUICK_CHECKS] if settings.quick else checks
    rows: list[Row] = []
    for check in counted(checks, settings, "ladder: check"):
        role = "corrected" if check.corrected else "printed"
        cases = [case for case in check.cases() if case.role == role and case.column in POINTWISE]
        first = [case for case in cases if case.scene is cases[0].scene]
        rows += [cast(Row, row) for case in first for row in rows_of(case, case.id, [settings.seed])]
    return rows
