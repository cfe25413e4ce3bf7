"""The templates' environment: filters for formulas and numbers, and what every template may use."""

from __future__ import annotations

import math
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from verification.report.differences import compared
from verification.report.gather import Entry, Material, anchor
from verification.report.mathematics import unset
from verification.report.palette import BACKENDS, GRAVITY, LOOKS


@cache
def environment() -> Environment:
    """Return the environment of the templates; names that are not given are errors."""
    found = Environment(
        loader=PackageLoader("verification.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.filters.update(number=number, column=column_name, share=share, anchor=anchor, unset=unset)
    found.globals.update(looks=LOOKS, gravity=GRAVITY)
    return found


def render(template: str, material: Material, **context: Any) -> str:
    """Render the content of a page from a template; `m` is the material, `math` sets texts."""
    typesetter = material.typesetter

    def both(entry: Entry) -> tuple[Markup, Markup, bool]:
        old, new, marked = compared(entry.claim.says, entry.deciding.corrected, typesetter)
        return Markup(old), Markup(new), marked

    return (
        environment()
        .get_template(template)
        .render(m=material, math=lambda text: Markup(typesetter.text(text)), compared=both, **context)
    )


def number(value: float | None) -> Markup:
    """Format a number of two digits for reading, as HTML.

    Examples
    --------
    >>> print(number(0.0123), number(34567.0), number(0.0), number(math.inf))
    0.012 3.5·10<sup>4</sup> 0 ∞
    """
    if value is None:
        return Markup("")
    if math.isinf(value):
        return Markup("∞")
    if value == 0:
        return Markup("0")
    if 1e-3 <= abs(value) < 1e4:
        return Markup(f"{value:.2g}" if abs(value) < 100 else f"{value:.0f}")
    mantissa, exponent = f"{value:.1e}".split("e")
    power = f"10<sup>{int(exponent)}</sup>".replace("-", "−")
    return Markup(power if mantissa == "1.0" else f"{mantissa.removesuffix('.0')}·{power}")


def share(excess: float) -> int:
    """Return how full a gauge is, in percent: the logarithm of ratio over threshold from 1e-6 to 1."""
    if excess <= 0:
        return 0
    return round(100 * min(max((math.log10(excess) + 6) / 6, 0.02), 1)) if math.isfinite(excess) else 100


def column_name(column: str) -> str:
    """Return the name of a column for reading.

    Examples
    --------
    >>> column_name("mp50"), column_name("float64@1e-10")
    ('50 digits', 'float64, tolerance 1e-10')
    """
    name, _, rtol = column.partition("@")
    label = BACKENDS[name].label if name in BACKENDS else name
    return f"{label}, tolerance {rtol}" if rtol else label
