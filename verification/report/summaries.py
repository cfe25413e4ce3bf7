"""The same content as Markdown, which a code-hosting page shows: all verdicts, and the errata.

Both depend on the register alone, so that a test can hold the committed files against it. Formulas stand
in dollar signs with backticks, as GitHub and GitLab set them untouched by Markdown.
"""

from __future__ import annotations

import re
from pathlib import Path

from verification.machinery.register import VERDICTS, verdict_counts
from verification.report.gather import Entry, Material
from verification.report.mathematics import split
from verification.report.palette import LOOKS

VERDICTS_FILE, ERRATA_FILE = Path("reports") / "verdicts.md", Path("reports") / "errata.md"

_HEAD = "<!-- Written by `python -m geomdl report`; a test refuses changes by hand. -->"


def verdicts(material: Material) -> str:
    """Return all claims with their verdicts, in the order of the texts."""
    register = material.register
    lines = [
        _HEAD,
        "",
        "# Verdicts",
        "",
        f"{len(register.sources)} texts, {len(register.statements)} statements,"
        f" {len(register.claims)} claims.",
        "",
        *(f"- {_sign(verdict)} **{look.word}**: {look.explained}" for verdict, look in LOOKS.items()),
        "",
        *_counts(material),
        "",
        "What fails or needs a hypothesis stands beside its correction in [errata.md](errata.md).",
    ]
    for source in register.sources:
        lines += ["", f"## {markdown(source.title)}", "", f"{source.authors}. {source.reference}."]
        for statement in register.statements:
            if statement.source == source.key:
                lines += ["", f"### {markdown(statement.label)}: {markdown(statement.title)}", ""]
                lines += [_line(entry) for entry in material.by_statement[statement.id]]
    return "\n".join([*lines, ""])


def errata(material: Material) -> str:
    """Return what does not hold as printed, with what does and a counterexample."""
    found = [entry.verdict for entry in material.errata]
    lines = [
        _HEAD,
        "",
        "# Errata",
        "",
        f"{found.count('fails')} claims fail as printed and are corrected here;"
        f" {found.count('needs')} hold"
        " once a hypothesis is added that is not printed. Claims that only repeat another are left out."
        " The command below each runs its checks: the printed form in scenes that break it, the mended"
        " form everywhere.",
    ]
    for source in material.register.sources:
        mine = [entry for entry in material.errata if entry.statement.source == source.key]
        if mine:
            lines += ["", f"## {markdown(source.title)}", "", f"{source.authors}. {source.reference}."]
        for entry in mine:
            lines += ["", *_erratum(entry)]
    return "\n".join([*lines, ""])


def _counts(material: Material) -> list[str]:
    register = material.register
    groups = {
        source.key: [e.claim for e in material.entries if e.statement.source == source.key]
        for source in register.sources
    }
    shown = [v for v in LOOKS if v in VERDICTS]
    lines = [
        "| | " + " | ".join(f"{LOOKS[v].sign} {LOOKS[v].word}" for v in shown) + " | claims |",
        "|:--|" + "--:|" * (len(shown) + 1),
    ]
    for name, claims in {**groups, "all": list(register.claims)}.items():
        counts = verdict_counts(register, claims)
        lines.append(f"| {name} | " + " | ".join(str(counts[v]) for v in shown) + f" | {len(claims)} |")
    return lines


def _line(entry: Entry) -> str:
    line = f"- {_sign(entry.verdict)} **{entry.claim.id}** {markdown(entry.claim.says)}"
    if entry.verdict in ("needs", "fails"):
        target = entry.deciding.full_id
        word = "needs a hypothesis" if entry.verdict == "needs" else "fails as printed"
        line += f" **[{word}](errata.md#{_anchor(target)})**"
    if entry.verdict == "undecidable":
        line += f" **undecidable**: {markdown(entry.deciding.reason)}"
    if entry.deciding is not entry.claim:
        line += f" (decided with `{entry.deciding.full_id}`)"
    return line


def _erratum(entry: Entry) -> list[str]:
    claim, statement = entry.claim, entry.statement
    name = f"{markdown(statement.label)}, claim {claim.id}: {markdown(statement.title)}"
    mended = f"**Needs.** {markdown(claim.needs)}"
    if claim.corrected:
        mended = f"**Corrected.** {markdown(claim.corrected)}"
    return [
        f'<a id="{_anchor(entry.id)}"></a>',
        "",
        f"### {_sign(entry.verdict)} {name}",
        "",
        f"**Printed.** {markdown(claim.says)}",
        "",
        mended,
        "",
        f"**Counterexample.** {markdown(claim.counterexample)}",
        "",
        f"`python -m geomdl verify {claim.full_id}`",
    ]


def _sign(verdict: str) -> str:
    return LOOKS[verdict].sign.replace("+", "\\+")  # a bare one would begin a list


def _anchor(id: str) -> str:
    return id.replace("/", "--").lower()


def markdown(text: str) -> str:
    r"""Return a text of the register as Markdown.

    Examples
    --------
    >>> print(markdown(r"$\operatorname{rank} D \le K$ for *all* D"))
    $`\mathrm{rank} D \le K`$ for \*all\* D
    """
    return "".join(_formula(part) if is_formula else _escaped(part) for part, is_formula in split(text))


def _formula(latex: str) -> str:
    # GitHub's typesetter refuses \operatorname
    return f"$`{re.sub(r'.operatorname[*]?(?={)', lambda _: chr(92) + 'mathrm', latex)}`$"


def _escaped(text: str) -> str:
    return re.sub(r"([\\`*_<>|~])", r"\\\1", text)
