"""The summaries in Markdown are what the register says, and a hosting page can show them."""

from __future__ import annotations

import re

import pytest

from verification.machinery.register import verdict_counts
from verification.report.gather import Material
from verification.report.summaries import ERRATA_FILE, VERDICTS_FILE, errata, markdown, verdicts


@pytest.mark.parametrize(("path", "make"), [(VERDICTS_FILE, verdicts), (ERRATA_FILE, errata)])
def test_committed_summary_is_up_to_date(material: Material, path: object, make: object) -> None:
    file = material.root / path  # type: ignore[operator]
    assert file.read_text(encoding="utf-8") == make(material), (  # type: ignore[operator]
        f"{path} is not what the register says: run `python -m geomdl report` and commit it"
    )


def test_every_claim_has_one_line_with_its_verdict(material: Material) -> None:
    lines = [
        line for line in verdicts(material).splitlines() if re.match(r"- \S+ \*\*[a-z]+\*\* ", line)
    ]
    assert len(lines) == len(material.entries)
    counts = verdict_counts(material.register, material.register.claims)
    assert sum("needs a hypothesis](" in line for line in lines) == counts["needs"]
    assert sum("fails as printed](" in line for line in lines) == counts["fails"]


def test_links_to_errata_lead_somewhere(material: Material) -> None:
    targets = set(re.findall(r'<a id="([^"]+)"></a>', errata(material)))
    assert targets == {link for link in re.findall(r"\(errata\.md#([^)]+)\)", verdicts(material))}


def test_errata_have_printed_form_mended_form_and_counterexample(material: Material) -> None:
    text = errata(material)
    for name in (r"\*\*Printed\.\*\*", r"\*\*(?:Needs|Corrected)\.\*\*", r"\*\*Counterexample\.\*\*"):
        assert len(re.findall(f"^{name} \\S", text, re.MULTILINE)) == len(material.errata)


def test_markdown_leaves_formulas_alone_and_escapes_the_rest() -> None:
    assert markdown("a*b_c $x_1^*$ <i>") == r"a\*b\_c $`x_1^*`$ \<i\>"


def test_no_formula_holds_what_hosting_pages_refuse(material: Material) -> None:
    for text in (verdicts(material), errata(material)):
        formulas = re.findall(r"\$`(.*?)`\$", text, re.DOTALL)
        assert len(formulas) > 500
        assert not any("`" in formula or r"\operatorname" in formula for formula in formulas)
        assert text.count("$`") == text.count("`$") == len(formulas)
