"""The numerical blueprint: all claims at a glance, and each source statement by statement."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from verification.machinery.register import VERDICTS, Source, verdict_counts
from verification.report.counterexamples import key, snippet
from verification.report.gather import Entry, Material, anchor
from verification.report.mathematics import unset
from verification.report.rendering import render
from verification.report.site import Missing, Page

NAMES = {
    "chen2023": "Chen 2023",
    "chenewald2024": "Chen & Muñoz Ewald 2024",
    "slides2023": "Toronto 2023",
    "slides2024": "San Antonio 2024",
}
"""How a source is called in the navigation; a new one by its key."""


def pages(material: Material) -> list[Page | Missing]:
    """Return the page of all claims, one page a source, and what has not been measured."""
    missing = []
    if material.not_run:
        ids = [entry.deciding.full_id for entry in material.not_run]
        named = " ".join(dict.fromkeys(ids)) if len(ids) < 6 else ""
        missing.append(
            Missing(f"numbers of {len(ids)} claims", f"python -m geomdl verify {named}".strip())
        )
    listed = render("claims.html", material, present=_present(material.entries), names=NAMES)
    return [
        Page("claims", "All claims", "claims", listed),
        *(_source(material, source) for source in material.register.sources),
        *missing,
    ]


def _present(entries: Iterable[Entry]) -> list[str]:
    found = {entry.verdict for entry in entries}
    return [verdict for verdict in VERDICTS if verdict in found]


def _source(material: Material, source: Source) -> Page:
    register = material.register
    statements = [s for s in register.statements if s.source == source.key]
    entries = [entry for s in statements for entry in material.by_statement[s.id]]
    html = render(
        "source.html",
        material,
        source=source,
        statements=statements,
        total=len(entries),
        counts=verdict_counts(register, [entry.claim for entry in entries]),
        present=_present(entries),
        used_by=used_by(material),
        link=link,
        below=lambda id, state: [b for b in material.foundations[id] if material.states[b] == state],
        label=lambda id: short_label(material, id),
        refuted_text=refuted_text,
        numbers_of=lambda entry: numbers_of(material, entry),
    )
    heading = material.typesetter.text(source.title)
    title = NAMES.get(source.key, source.key)
    return Page(source.key, title, "claims", html, heading=heading)


def link(statement: str) -> str:
    """Return the address of a statement, from the front page."""
    return f"{statement.partition('/')[0]}.html#{anchor(statement)}"


def short_label(material: Material, statement: str) -> str:
    """Return the label of a statement as plain text, without what stands after a comma."""
    label = unset(material.register.statement(statement).label)
    return label if len(label) <= 40 else label.partition(",")[0]


def used_by(material: Material) -> dict[str, list[str]]:
    """Return for each statement those that name it as what they rest on."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    for statement in material.register.statements:
        for other in statement.depends_on:
            found[other].append(statement.id)
    return {statement.id: found[statement.id] for statement in material.register.statements}


def numbers_of(material: Material, entry: Entry) -> list[tuple[str, str]]:
    """Return the scenes that break a claim, each with Python text that builds it."""
    cases = entry.measured.refutations if entry.measured else ()
    names = dict.fromkeys(key(case.scene, case.seed) for case in cases)
    return [(name, snippet(material.scenes[name])) for name in names if name in material.scenes]


def refuted_text(entry: Entry) -> str:
    """Return where the printed form breaks as lines of text, each with the command that shows it."""
    had = entry.measured
    assert had is not None
    lines = [f"{entry.id}: {entry.deciding.counterexample}"]
    for case in had.refutations:
        test = f"{had.checks[case.check]}[refuted: {case.label}-{case.scene}-{case.column}]"
        where = f"{case.scene}, seed {case.seed}, {case.column}"
        said = f" ({case.message})" if case.message else ""
        lines += [
            f"{where}: ratio {case.ratio:g}, threshold {case.threshold:g}{said}",
            f'    python -m pytest "{test}" --seed {case.seed} --seeds 1 --profile deep',
        ]
    return "\n".join(lines)
