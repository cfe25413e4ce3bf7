"""The table by statement that ends every run: how to read it stands in the README."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

from verification.machinery.columns import ABSENT, ARITHMETICS
from verification.machinery.register import Register, load_register
from verification.machinery.results import Row, Summary, rows_by_claim, slopes, summary
from verification.machinery.standings import strength

HEAD = "worst ratio over threshold by arithmetic (at most 1); slope of the ladder; weakest control"
SHORT = {"float32": "f32", "float64": "f64", "rational": "exact", "torch:cpu:float64": "torch"}


def lines(rows: Sequence[Row]) -> Iterator[str]:
    """Yield the lines of the table for the rows of a run."""
    register = load_register()
    by_claim = rows_by_claim(rows)
    statements: dict[str, list[str]] = defaultdict(list)
    for claim in by_claim:
        statements[claim.rpartition("/")[0]].append(claim)
    width = max(len(name) for name in statements) + 1
    short = [SHORT.get(name, name) for name in ARITHMETICS]
    yield HEAD
    yield (
        f"{'statement':{width}}{'claims':>8}"
        + "".join(f"{name:>8}" for name in short)
        + (f"{'slope':>12}{'bite':>9}  verdict")
    )
    order = {statement.id: index for index, statement in enumerate(register.statements)}
    for statement in sorted(statements, key=lambda name: order.get(name, len(order))):
        claims = sorted(statements[statement])
        mine = list({id(row): row for claim in claims for row in by_claim[claim]}.values())
        proved = sum(_is_proved(register, claim, by_claim[claim]) for claim in claims)
        yield _line(statement, width, claims, mine, [_verdict(register, c) for c in claims], proved)
    for name, extra in ABSENT.items():
        yield f'{SHORT.get(name, name)} is absent here: pip install "geomdl-verify[{extra}]" brings it'
    proved = sum(_is_proved(register, claim, mine) for claim, mine in by_claim.items())
    yield (
        f"{proved} claims are proved in at least one scene, over the rationals or by a certificate; "
        "the others are measured"
    )
    decided = [claim for claim in by_claim if summary(by_claim[claim]).passed]
    yield (
        f"{len(decided)} of {len(by_claim)} claims behave as recorded; "
        f"the register holds {len(register.claims)} claims, "
        f"{sum(register.effective_verdict(claim) == 'open' for claim in register.claims)} of them open"
    )


def _is_proved(register: Register, claim: str, rows: Sequence[Row]) -> bool:
    known = register.claims_by_id.get(claim)
    return known is not None and strength(known, rows) == "proved"


def _verdict(register: Register, claim: str) -> str:
    known = register.claims_by_id.get(claim)
    return register.effective_verdict(known) if known else "unknown"


def _line(
    statement: str, width: int, claims: list[str], rows: list[Row], verdicts: list[str], proved: int
) -> str:
    total = summary(rows)
    cells = "".join(f"{_worst(total, name):>8}" for name in ARITHMETICS)
    found = [slope.slope for slope in slopes(rows)]
    ladder = f"{min(found):.2f}..{max(found):.2f}" if found else "-"
    bite = "-" if total.smallest_bite is None else f"{total.smallest_bite:.0e}"
    words = ", ".join(f"{verdicts.count(word)} {word}" for word in dict.fromkeys(verdicts))
    words += f" ({proved} proved)" if proved else ""
    failed = "" if total.passed else f"  FAILED ({len(total.failures)})"
    return f"{statement:{width}}{len(claims):>8}{cells}{ladder:>12}{bite:>9}  {words}{failed}"


def _worst(total: Summary, arithmetic: str) -> str:
    """Format the worst ratio of an arithmetic over all its tolerances; a dot where it did not run."""
    values = [
        row["ratio"] / row["threshold"]
        for column, row in total.worst.items()
        if column.partition("@")[0] == arithmetic
    ]
    if not values:
        return "."
    return "0" if max(values) == 0 else f"{max(values):.2g}"
