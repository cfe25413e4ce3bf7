"""The one result type of all certificates: what was stated, what was proved, under which assumptions."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Literal

Status = Literal["proved", "refuted", "unknown"]

STATUSES = ("proved", "refuted", "unknown")


@dataclass(frozen=True)
class Certificate:
    """A statement with the verdict of a rigorous computation.

    Attributes
    ----------
    statement : str
        The proposition, in words and with its numbers; it makes sense without the other fields.
    status : {"proved", "refuted", "unknown"}
        ``refuted`` means that its negation was proved. A computation that fails is ``unknown``.
    lower, upper : float
        A rigorous enclosure of the statement's main number, whatever the status (a rank, a distance);
        -inf and inf where nothing is known.
    bounds : mapping of str to float
        Further rigorous bounds, rounded outwards; the name says which side, as in ``sigma_min_lower``.
    method : str
        How it was proved, or what was tried.
    assumptions : tuple of str
        Everything that was not checked: floating-point standard, libraries, a-priori theorems.
    details : mapping
        What a reader may want besides (sizes, seconds, data); numbers, strings, lists and mappings.

    Raises
    ------
    ValueError
        For an unknown status, NaN among the numbers, or lower > upper.

    Examples
    --------
    >>> half = Certificate("3 <= pi <= 4", "proved", 3.0, 4.0, method="polygons")
    >>> Certificate.from_json(half.to_json()) == half
    True
    """

    statement: str
    status: Status
    lower: float = -math.inf
    upper: float = math.inf
    bounds: Mapping[str, float] = field(default_factory=dict)
    method: str = ""
    assumptions: tuple[str, ...] = ()
    details: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.status not in STATUSES:
            raise ValueError(f"got status {self.status!r}; expected one of {', '.join(STATUSES)}")
        if not self.lower <= self.upper:
            raise ValueError(f"got lower={self.lower}, upper={self.upper}; expected lower <= upper")
        object.__setattr__(self, "lower", float(self.lower))
        object.__setattr__(self, "upper", float(self.upper))
        object.__setattr__(self, "bounds", {name: float(value) for name, value in self.bounds.items()})
        strange = [name for name, value in self.bounds.items() if math.isnan(value)]
        if strange:
            raise ValueError(f"got NaN for {', '.join(strange)}; expected a bound, infinite if need be")
        object.__setattr__(self, "assumptions", tuple(self.assumptions))

    @property
    def proved(self) -> bool:
        """Whether the statement is proved."""
        return self.status == "proved"

    def to_json(self) -> str:
        """Return the certificate as JSON; infinities are the strings "inf" and "-inf".

        Floats are written with the digits that give them back exactly.
        """
        values = {each.name: getattr(self, each.name) for each in fields(self)}
        return json.dumps(_plain(values), indent=2, ensure_ascii=False, allow_nan=False)

    @classmethod
    def from_json(cls, text: str) -> Certificate:
        """Read what :meth:`to_json` wrote.

        Raises
        ------
        ValueError
            For text that is no certificate.
        """
        values = json.loads(text)
        known = {each.name for each in fields(cls)}
        if not isinstance(values, dict) or not {"statement", "status"} <= set(values) <= known:
            raise ValueError(f"got JSON that is no certificate; expected the fields {sorted(known)}")
        values["bounds"] = {name: float(value) for name, value in values.get("bounds", {}).items()}
        return cls(**{**values, "lower": float(values["lower"]), "upper": float(values["upper"])})

    def report(self) -> str:
        """Return a text for people: statement, status, numbers, method, assumptions."""
        lines = [f"{self.status.upper()}: {self.statement}", ""]
        if math.isfinite(self.lower) or math.isfinite(self.upper):
            lines.append(f"  {'enclosure':24} [{_outward(self.lower, -1)}, {_outward(self.upper, 1)}]")
        for name, value in self.bounds.items():
            side = -1 if name.endswith("lower") else 1
            lines.append(f"  {name.replace('_', ' '):24} {_outward(value, side)}")
        if self.method:
            lines.append(f"  {'method':24} {self.method}")
        for name, detail in self.details.items():
            words = isinstance(detail, list | tuple) and all(isinstance(each, str) for each in detail)
            text = "; ".join(detail) if words else str(detail)
            if text and not isinstance(detail, Mapping):
                lines.append(f"  {name.replace('_', ' '):24} {text}")
        if self.assumptions:
            lines += ["", "assuming that", *(f"  - {sentence}" for sentence in self.assumptions)]
        return "\n".join(lines)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(name): _plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if hasattr(value, "item"):  # a NumPy scalar
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value


def _outward(value: float, side: int) -> str:
    """Print six digits, rounded down for side -1 and up for side 1: what is printed is a bound too."""
    if not math.isfinite(value) or value == int(value):
        return f"{value:.0f}" if math.isfinite(value) and abs(value) < 1e15 else f"{value:g}"
    text = f"{value:.5e}"
    if (float(text) - value) * side < 0:
        text = f"{value + side * 10.0 ** (math.floor(math.log10(abs(value))) - 5):.5e}"
    return f"{float(text):.6g}"
