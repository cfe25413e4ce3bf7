r"""LaTeX of the register to MathML: all of it, well formed, with bars on their right sides."""

from __future__ import annotations

from collections.abc import Iterator
from xml.etree import ElementTree

import pytest

from verification.machinery.register import Register, load_register
from verification.report import symbols
from verification.report.formulas import FormulaError, pieces
from verification.report.mathematics import Typesetter, split, unset

TEXTS = ("says", "needs", "corrected", "counterexample", "reason", "note")


def texts(register: Register) -> Iterator[tuple[str, str]]:
    for source in register.sources:
        yield from ((source.key, text) for text in (source.title, *source.numbering))
    for statement in register.statements:
        for text in (statement.label, statement.title, *statement.hypotheses, *statement.equations):
            yield statement.id, text
        for claim in statement.claims:
            yield from ((claim.full_id, getattr(claim, name)) for name in TEXTS)


def parsed(html: str) -> ElementTree.Element:
    return ElementTree.fromstring(f"<p>{html}</p>")


def test_every_formula_of_the_register_is_set() -> None:
    typesetter = Typesetter()
    for _, text in texts(load_register()):
        typesetter.text(text)
    assert typesetter.problems == []


def test_every_text_of_the_register_becomes_well_formed_markup_without_commands() -> None:
    typesetter = Typesetter()
    for place, text in texts(load_register()):
        element = parsed(typesetter.text(text))
        for math in element.iter("math"):
            said = "".join(math.itertext())
            assert not {"\\", "$"} & set(said), (place, said)


def test_every_dollar_sign_of_the_register_has_its_partner() -> None:
    for place, text in texts(load_register()):
        assert text.count("$") % 2 == 0, place


@pytest.mark.parametrize(
    ("latex", "said"),
    [
        (r"\frac{1}{2N}", "12N"),
        (r"x_{\underline{\theta}}^T", "xθ_T"),
        (r"\mathbb{R}^{QN}", "ℝQN"),
        (r"\operatorname{rank} D \le K", "rankD≤K"),
        (r"\begin{pmatrix} a & b \\ c & d \end{pmatrix}", "(abcd)"),
        (r"\sum_{j=1}^N a_j", "∑j=1Naj"),
        (r"t' \to \infty", "t′→∞"),
        (r"t^{\prime} + t''", "t′+t′′"),
        (r"\text{ if } x > 0", "\N{NO-BREAK SPACE}if\N{NO-BREAK SPACE}x>0"),
    ],
)
def test_formula_says_what_it_said(latex: str, said: str) -> None:
    assert "".join(parsed(Typesetter().formula(latex)).itertext()) == said


def sides(latex: str) -> list[str | None]:
    return [mo.get("form") for mo in parsed(Typesetter().formula(latex)).iter("mo") if mo.text == "|"]


@pytest.mark.parametrize(
    ("latex", "expected"),
    [
        (r"|x|", ["prefix", "postfix"]),
        (r"|x| + |y|", ["prefix", "postfix"] * 2),
        (r"-|x - |y||^2", ["prefix", "prefix", "postfix", "postfix"]),
        (r"f|_{U}", ["postfix"]),
        (r"\left| x \right|", ["prefix", "postfix"]),
    ],
)
def test_bars_open_and_close(latex: str, expected: list[str]) -> None:
    assert sides(latex) == expected


@pytest.mark.parametrize("latex", [r"\unknown{x}", r"\frac{1}{2", r"\left( x", r"x}", r"\begin{what}"])
def test_what_is_not_understood_is_shown_as_its_source_and_remembered(latex: str) -> None:
    with pytest.raises(FormulaError):
        pieces(latex)
    typesetter = Typesetter()
    element = parsed(typesetter.text(f"before ${latex}$ after"))
    code = element.find("code")
    assert code is not None
    assert code.text == latex
    assert len(typesetter.problems) == 1
    assert latex in typesetter.problems[0]


def test_ids_become_links_and_nothing_else_does() -> None:
    typesetter = Typesetter({"chen2023/model/a": "chen2023.html#model--a"})
    html = typesetter.text("See chen2023/model/a, not chen2023/model/z.")
    (link,) = parsed(html).iter("a")
    assert (link.get("href"), link.text) == ("chen2023.html#model--a", "chen2023/model/a")
    assert "".join(parsed(html).itertext()) == "See chen2023/model/a, not chen2023/model/z."


def test_punctuation_stays_with_its_formula() -> None:
    html = Typesetter().text("for $x$, and ($y$).")
    assert [span.get("class") for span in parsed(html).iter("span")] == ["nb", "nb"]


def test_plain_text_has_no_commands_left() -> None:
    for statement in load_register().statements:
        for text in (statement.label, statement.title):
            assert not set("\\${}") & set(unset(text)), text


def test_split_keeps_everything() -> None:
    text = "a $b$ c $d$"
    assert "".join(f"${part}$" if is_formula else part for part, is_formula in split(text)) == text


def test_letters_of_alphabets_are_letters() -> None:
    for alphabet in symbols.ALPHABETS:
        for letter in "ABCXYZ":
            found = symbols.in_alphabet(alphabet, letter)
            assert (found or "").isalpha(), (alphabet, letter)
