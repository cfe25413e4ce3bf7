"""The results of a run: rows of ratios, their file, and what they say about each claim.

A row is one ratio of one check in one scene and one column; the file is JSON, in which an
infinite ratio (a property that does not hold) is the text "inf" and NaN does not exist.
"""

from __future__ import annotations

import json
import math
import os
import warnings
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from numbers import Real
from pathlib import Path
from typing import Any, TypedDict, cast

FORMAT = 1
LAST_RUN = Path(".geomdl") / "last-run.json"

# An asserted form must stay below the threshold, a broken one must exceed it by the bite.
ASSERTED = frozenset({"printed", "corrected", "evidence"})
BROKEN = frozenset({"control", "refuted"})
ROLES = ASSERTED | BROKEN

LADDER = ("float32", "float64", "mp30", "mp50", "mp100")

# How far from 1 the slope of a full ladder may be.
SLOPE_TOLERANCE = 0.05


class Row(TypedDict):
    """One ratio of one check."""

    claims: list[str]
    check: str
    test: str
    role: str
    label: str
    scene: str
    column: str
    ratio: float
    threshold: float
    bite: float | None
    residual: float | None
    roundoff: float | None
    kind: str
    seed: int
    seconds: float
    passed: bool
    message: str


class Document(TypedDict):
    """One run: its circumstances and its rows."""

    format: int
    started: str
    finished: str
    interrupted: bool
    profile: str
    seed: int
    environment: dict[str, Any]
    rows: list[Row]


class ResultsError(ValueError):
    """A results file, or a row, that is not as `Row` and `Document` say."""


_SHAPES: Mapping[type, Mapping[str, tuple[type, ...]]] = {
    Row: {
        "claims": (list,),
        **dict.fromkeys(("check", "test", "role", "label", "scene", "column"), (str,)),
        **dict.fromkeys(("ratio", "threshold"), (float,)),
        **dict.fromkeys(("bite", "residual", "roundoff"), (float, type(None))),
        "kind": (str,),
        "seed": (int,),
        "seconds": (float,),
        "passed": (bool,),
        "message": (str,),
    },
    Document: {
        "format": (int,),
        **dict.fromkeys(("started", "finished", "profile"), (str,)),
        "interrupted": (bool,),
        "seed": (int,),
        "environment": (dict,),
        "rows": (list,),
    },
}


# ---- the file ---------------------------------------------------------------------------------


def read(path: Path | str) -> Document:
    """Read the results of a run.

    Raises
    ------
    ResultsError
        When the file is missing, is no JSON, contains NaN, or has another format.
    """

    def refuse(constant: str) -> float:
        raise ResultsError(f'{path}: {constant} is no result; an infinite ratio is "inf"')

    try:
        raw = json.loads(Path(path).read_text(encoding="utf-8"), parse_constant=refuse)
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise ResultsError(f"{path}: no results can be read: {error}") from error
    return _checked(raw, str(path))


def write(path: Path | str, document: Document) -> None:
    """Write the results of a run; the file is replaced at once, so no reader sees half of it.

    Raises
    ------
    ResultsError
        When a value is NaN or the document is malformed; nothing is written then.
    """
    path = Path(path)
    checked = _checked(document, str(path))
    text = json.dumps(with_inf_as_text(checked), indent=1, allow_nan=False)
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        draft.write_text(text + "\n", encoding="utf-8")
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def with_inf_as_text(value: Any) -> Any:
    """Return the same JSON value with every infinite number as the text "inf", at any depth."""
    if isinstance(value, Mapping):
        return {key: with_inf_as_text(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [with_inf_as_text(entry) for entry in value]
    return "inf" if isinstance(value, float) and value == math.inf else value


def merge(old: Document, new: Document) -> Document:
    """Add to a new run the rows of those claims of an old one that the new one did not touch.

    A claim's rows all come from one run, so that its ratios belong together. A row that serves
    several claims stays for those of them that were not run again.
    """
    touched = {claim for row in new["rows"] for claim in row["claims"]}
    kept = []
    for row in old["rows"]:
        claims = [claim for claim in row["claims"] if claim not in touched]
        if claims:
            kept.append(cast(Row, {**row, "claims": claims}))
    return cast(Document, {**new, "rows": kept + new["rows"]})


def update_last_run(root: Path | str, document: Document) -> Path:
    """Merge a run into `<root>/.geomdl/last-run.json` and return that path."""
    path = Path(root) / LAST_RUN
    if path.exists():
        try:
            document = merge(read(path), document)
        except ResultsError as error:
            warnings.warn(f"the results of earlier runs are lost: {error}", stacklevel=2)
    write(path, document)
    return path


def _checked(raw: object, place: str) -> Document:
    document = _fields(raw, Document, place)
    if document["format"] != FORMAT:
        raise ResultsError(f"{place}: format is {document['format']}, expected {FORMAT}")
    rows = []
    for number, entry in enumerate(document["rows"]):
        row = _fields(entry, Row, f"{place}: row {number}")
        if not row["claims"] or not all(isinstance(claim, str) for claim in row["claims"]):
            raise ResultsError(f"{place}: row {number}: claims is {row['claims']!r}, not full ids")
        if row["role"] not in ROLES:
            roles = ", ".join(sorted(ROLES))
            raise ResultsError(f"{place}: row {number}: role is {row['role']!r}, not of {roles}")
        if not 0 < row["threshold"] < math.inf:
            raise ResultsError(f"{place}: row {number}: threshold is {row['threshold']}")
        rows.append(row)
    return cast(Document, {**document, "rows": rows})


def _fields(raw: object, kind: type, place: str) -> dict[str, Any]:
    """Return the entries of a row or document, each of its type; numbers become floats."""
    shapes = _SHAPES[kind]
    if not isinstance(raw, Mapping):
        raise ResultsError(f"{place}: a {type(raw).__name__}, expected a table")
    if raw.keys() != shapes.keys():
        missing, unknown = shapes.keys() - raw.keys(), raw.keys() - shapes.keys()
        raise ResultsError(f"{place}: missing keys {sorted(missing)}, unknown keys {sorted(unknown)}")
    return {key: _value(raw[key], shapes[key], f"{place}: {key}") for key in shapes}


def _value(value: Any, shape: tuple[type, ...], place: str) -> Any:
    if float in shape and value is not None:
        if isinstance(value, str) and value == "inf":
            return math.inf
        # bool is a number for Python, and never one here
        if not isinstance(value, Real) or isinstance(value, bool):
            raise ResultsError(f"{place} is {value!r}, expected a number")
        number = float(value)
        if math.isnan(number) or number < 0:
            raise ResultsError(f"{place} is {number}, expected a number >= 0 or inf")
        return number
    if not isinstance(value, shape) or (isinstance(value, bool) and bool not in shape):
        names = " or ".join(entry.__name__ for entry in shape)
        raise ResultsError(f"{place} is {value!r:.60}, expected {names}")
    return value


# ---- what the rows say ------------------------------------------------------------------------


@dataclass(frozen=True)
class Summary:
    """What the rows of one claim say.

    Attributes
    ----------
    worst : the row of the largest ratio/threshold of every column, among asserted forms
    smallest_bite : the least ratio/threshold of the controls, None without any
    smallest_refutation : the same of the refuted cases, None without any
    checks, controls, failures : test ids: the checks as file::function, the others in full; a ladder
        that does not follow the roundoff is a failure too, with a line of its own
    """

    worst: dict[str, Row]
    smallest_bite: float | None
    smallest_refutation: float | None
    checks: list[str]
    controls: list[str]
    failures: list[str]

    @property
    def passed(self) -> bool:
        """Whether every row behaved as the verdict says."""
        return not self.failures


def rows_by_claim(rows: Iterable[Row]) -> dict[str, list[Row]]:
    """Group rows by the claims that they name."""
    mine: defaultdict[str, list[Row]] = defaultdict(list)
    for row in rows:
        for claim in row["claims"]:
            mine[claim].append(row)
    return dict(mine)


def summary(rows: Sequence[Row]) -> Summary:
    """Sum up the rows of one claim."""
    worst: dict[str, Row] = {}
    for row in rows:
        if row["role"] in ASSERTED:
            known = worst.get(row["column"])
            if known is None or excess(row) > excess(known):
                worst[row["column"]] = row
    controls = [row for row in rows if row["role"] == "control"]
    refuted = [row for row in rows if row["role"] == "refuted"]
    return Summary(
        worst=worst,
        smallest_bite=min(map(excess, controls), default=None),
        smallest_refutation=min(map(excess, refuted), default=None),
        checks=_distinct(row["check"] for row in rows),
        controls=_distinct(row["test"] for row in controls),
        failures=_distinct(row["test"] for row in rows if not row["passed"]) + broken_ladders(rows),
    )


def is_proved(rows: Iterable[Row]) -> bool:
    """Tell whether a claim was proved in a scene, and not only measured.

    That takes an identity over the rationals, of the printed or the corrected form, or one that refutes
    the printed form.
    """
    return any(
        row["passed"]
        and row["role"] in ("printed", "corrected", "refuted")
        and (row["kind"], row["column"]) == ("identity", "rational")
        for row in rows
    )


def _distinct(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(names))


def excess(row: Row) -> float:
    """Return ratio/threshold: at most 1 when the form stands, large when it breaks."""
    return row["ratio"] / row["threshold"]


@dataclass(frozen=True)
class Slope:
    """How the residual of one check in one scene follows the unit roundoff down the columns.

    Attributes
    ----------
    check, label, scene, seed : where it was measured
    slope : the fitted exponent
    columns : the rungs with a positive residual, which the slope is fitted to
    complete : whether all rungs of `LADDER` were measured, with positive residual or zero
    tolerance : how far from 1 the slope may be
    """

    check: str
    label: str
    scene: str
    seed: int
    slope: float
    columns: tuple[str, ...]
    complete: bool
    tolerance: float

    @property
    def broken(self) -> bool:
        """Whether a ladder that was measured in full does not follow the roundoff down.

        A slope above 1 comes from residuals that vanish by luck on the upper rungs; it shows neither a
        wrong formula nor a leak.
        """
        return self.complete and self.slope < 1 - self.tolerance


def slopes(rows: Iterable[Row]) -> list[Slope]:
    r"""Fit the precision ladder: log residual against log roundoff, per check and scene.

    .. math:: \min_{a, b} \sum_c (\log_{10} r_c - a - b \log_{10} u_c)^2

    over the rows of role "printed" or "corrected" in the columns of `LADDER` with positive residual r
    and roundoff u; b is about 1 for a true identity and falls short of it for a wrong one, or where
    numbers of less precision leaked in. Ladders of fewer than three positive residuals are left out.

    A residual of zero has no logarithm and contradicts nothing: it drops out of the fit, and the
    tolerance grows as the spread of the rungs that are left falls, because the same fluctuation of the
    residuals then turns the line further.
    """
    ladders: defaultdict[tuple[str, str, str, int], list[Row]] = defaultdict(list)
    for row in rows:
        if row["role"] in ("printed", "corrected") and row["column"] in LADDER and _on_ladder(row):
            ladders[row["check"], row["label"], row["scene"], row["seed"]].append(row)
    found = []
    for (check, label, scene, seed), measured in ladders.items():
        complete = {row["column"] for row in measured} == set(LADDER)
        steps = [row for row in measured if row["residual"]]
        columns = tuple(name for name in LADDER if any(row["column"] == name for row in steps))
        u = [math.log10(cast(float, row["roundoff"])) for row in steps]
        r = [math.log10(cast(float, row["residual"])) for row in steps]
        if len(columns) >= 3 and len(set(u)) > 1:
            full = _spread([math.log10(cast(float, row["roundoff"])) for row in measured])
            tolerance = SLOPE_TOLERANCE * math.sqrt(full / _spread(u))
            slope = _least_squares_slope(u, r)
            found.append(Slope(check, label, scene, seed, slope, columns, complete, tolerance))
    return found


def broken_ladders(rows: Iterable[Row]) -> list[str]:
    """Say of each ladder that does not follow the roundoff, in one line, what it does."""
    return [
        f"{found.check}{f' ({found.label})' if found.label else ''} in {found.scene}, seed "
        f"{found.seed}: the residual follows the roundoff with slope {found.slope:.3f}, expected 1 +- "
        f"{found.tolerance:.2f} over {', '.join(found.columns)}"
        for found in slopes(rows)
        if found.broken
    ]


def _on_ladder(row: Row) -> bool:
    residual, roundoff = row["residual"], row["roundoff"]
    return residual is not None and bool(roundoff) and math.isfinite(residual)


def _least_squares_slope(u: Sequence[float], r: Sequence[float]) -> float:
    centre = math.fsum(u) / len(u)
    return math.fsum((a - centre) * b for a, b in zip(u, r, strict=True)) / _spread(u)


def _spread(u: Sequence[float]) -> float:
    centre = math.fsum(u) / len(u)
    return math.fsum((a - centre) ** 2 for a in u)
