"""A printed form and its correction side by side, with what differs marked.

Both texts are taken apart into words and, inside formulas, into atoms; what one has and the other has
not is wrapped in <del> or <ins>, or in a styled <mrow>, because MathML knows neither.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from html import escape

from verification.report.mathematics import Piece, Typesetter, formula, split

# Texts that share less than this have been rewritten; marking every word of them would say nothing.
_ALIKE = 0.35


@dataclass(frozen=True)
class _Token:
    """A word (atom is None) or an atom of the formula of that number."""

    key: str
    formula: int
    atom: Piece | None = None


def compared(printed: str, corrected: str, typesetter: Typesetter) -> tuple[str, str, bool]:
    """Return both texts as HTML and whether their differences are marked.

    Parameters
    ----------
    printed, corrected : str
        Texts with formulas between dollar signs.
    typesetter : Typesetter
    """
    old, new = _tokens(printed, typesetter), _tokens(corrected, typesetter)
    matcher = SequenceMatcher(None, [t.key for t in old], [t.key for t in new], autojunk=False)
    if old is None or new is None or matcher.ratio() < _ALIKE:
        return typesetter.text(printed), typesetter.text(corrected), False
    gone, added = set(range(len(old))), set(range(len(new)))
    for block in matcher.get_matching_blocks():
        gone -= set(range(block.a, block.a + block.size))
        added -= set(range(block.b, block.b + block.size))
    return _html(old, gone, "del"), _html(new, added, "ins"), True


def _tokens(text: str, typesetter: Typesetter) -> list[_Token]:
    found: list[_Token] = []
    for number, (part, is_formula) in enumerate(split(text)):
        atoms = typesetter.atoms(part) if is_formula else ()
        if atoms:
            found += [_Token(atom.html, number, atom) for atom in atoms]
        else:
            found += [_Token(word, number) for word in part.replace(" ", " \0").split("\0")]
    return found


def _html(tokens: Sequence[_Token], marked: set[int], tag: str) -> str:
    found: list[str] = []
    position = 0
    while position < len(tokens):
        end = position
        while end < len(tokens) and tokens[end].formula == tokens[position].formula:
            end += 1
        run = range(position, end)
        if tokens[position].atom is not None:
            atoms = []
            for n in run:
                atom = tokens[n].atom
                assert atom is not None
                if n in marked:
                    atom = Piece(f'<mrow class="{tag}">{atom.html}</mrow>', atom.kind, atom.length)
                atoms.append(atom)
            found.append(formula(atoms))
        else:
            for n in run:
                word = escape(tokens[n].key, quote=False)
                is_marked = n in marked and bool(word.strip())
                found.append(
                    f"<{tag}>{word.rstrip()}</{tag}>{' ' * word.endswith(' ')}" if is_marked else word
                )
        position = end
    return "".join(found)
