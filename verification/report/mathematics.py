r"""Texts with formulas between dollar signs, as HTML and as plain text.

A formula that is not understood is shown as its source, which `Typesetter` remembers and the build
reports.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from html import escape

from verification.report import symbols
from verification.report.atoms import Piece, joined, length_of
from verification.report.formulas import FormulaError, pieces

_ID = re.compile(r"[a-z]+[0-9]{4}/[\w./-]*\w")
_TAIL = re.compile(r"(<math>(?:(?!</math>).)*</math>)([,.;:!?)\]’”]+)", re.DOTALL)

# A formula of more atoms than the first is broken at its relations; a part of more than the second
# scrolls.
_BREAK, _SCROLL = 22, 34


def lines(atoms: Sequence[Piece]) -> list[list[Piece]]:
    """Break a long formula before its relations and after its commas, outside of all brackets."""
    if sum(atom.length for atom in atoms) <= _BREAK:
        return [list(atoms)]
    parts: list[list[Piece]] = [[]]
    depth = 0
    for position, atom in enumerate(atoms):
        depth += (atom.kind == "open") - (atom.kind == "close")
        before = atoms[position - 1].kind if position else "relation"
        if depth == 0 and parts[-1]:
            is_relation = atom.kind == "relation" and before != "relation"
            after_comma = parts[-1][-1].html.startswith("<mo>,") and length_of(parts[-1]) > 6
            if is_relation or after_comma:
                parts.append([])
        parts[-1].append(atom)
    return parts


def formula(atoms: Sequence[Piece]) -> str:
    """Return a formula as HTML: one <math>, or several between which a line may break."""
    found = []
    for part in lines(atoms):
        math = f"<math>{joined(part)}</math>"
        wide = length_of(part) > _SCROLL
        found.append(f'<span class="wide" tabindex="0">{math}</span>' if wide else math)
    return "<wbr/>".join(found)


class Typesetter:
    """Sets texts with formulas between dollar signs; remembers what it could not set.

    Attributes
    ----------
    links : mapping
        The addresses of ids that texts may name.
    problems : list of str
        One line for each formula that was left as its source.
    """

    def __init__(self, links: Mapping[str, str] | None = None) -> None:
        self.links = links or {}
        self.problems: list[str] = []

    def text(self, text: str) -> str:
        """Return a text as HTML, its formulas as MathML."""
        return held_together(
            "".join(
                self.formula(part) if is_formula else self.words(part)
                for part, is_formula in split(text)
            )
        )

    def words(self, text: str) -> str:
        """Return a text without formulas as HTML, the ids in it as links."""
        return _ID.sub(self._linked, escape(text, quote=False))

    def _linked(self, match: re.Match[str]) -> str:
        id, rest = match[0], ""
        while id not in self.links and id[-1] in "./-":
            id, rest = id[:-1], id[-1] + rest
        return f'<a href="{self.links[id]}">{id}</a>{rest}' if id in self.links else match[0]

    def formula(self, latex: str) -> str:
        """Return a formula as HTML; the source in <code> when it is not understood."""
        atoms = self.atoms(latex)
        return formula(atoms) if atoms else f"<code>{escape(latex)}</code>"

    def atoms(self, latex: str) -> tuple[Piece, ...]:
        """Return the atoms of a formula, none when it is not understood."""
        try:
            return pieces(latex)
        except FormulaError as error:
            line = f"${latex}$: {error}"
            if line not in self.problems:
                self.problems.append(line)
            return ()


def held_together(html: str) -> str:
    """Keep a formula and the punctuation after it on one line."""
    return _TAIL.sub(r'<span class="nb">\1\2</span>', html)


def split(text: str) -> list[tuple[str, bool]]:
    """Split a text at its dollar signs into parts, each with whether it is a formula."""
    parts = text.split("$")
    if len(parts) % 2 == 0:
        return [(text, False)]
    return [(part, n % 2 == 1) for n, part in enumerate(parts) if part]


def unset(text: str) -> str:
    r"""Return a text with formulas as plain text, for places that set none: menus, boxes, titles.

    Examples
    --------
    >>> unset(r"Norm of $\mathcal{L}^{2}$ and $\Delta_1^{(0)}$")
    'Norm of L² and Δ₁^(0)'
    """
    return "".join(_unset(part) if is_formula else part for part, is_formula in split(text))


def _unset(latex: str) -> str:
    def sign(match: re.Match[str]) -> str:
        name = match[1]
        tables = (symbols.LETTERS, symbols.UPRIGHT, symbols.BINARY, symbols.RELATIONS, symbols.BIG)
        known = next((table[name] for table in tables if name in table), "")
        return known or (name if name in symbols.NAMES else "")

    plain = re.sub(r"\\([A-Za-z]+)\s*", sign, latex).replace("\\", "")
    plain = re.sub(r"\^\{?([0-9])\}?(?![0-9])", lambda m: "⁰¹²³⁴⁵⁶⁷⁸⁹"[int(m[1])], plain)
    plain = re.sub(r"_\{?([0-9])\}?(?![0-9])", lambda m: "₀₁₂₃₄₅₆₇₈₉"[int(m[1])], plain)
    return re.sub(r"[{}]|(?<=[A-Z]) (?=[A-Z])", "", plain)
