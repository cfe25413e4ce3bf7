"""A printed form and its correction side by side, with what differs marked.

Both texts are taken apart into words and, inside formulas, into atoms; what one has and the other has
not is wrapped in <del> or <ins>, or in a styled <mrow>, because MathML knows neither.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from html import escape
from itertools import groupby

from verification.report.atoms import Piece
from verification.report.mathematics import Typesetter, formula, held_together, split

# Texts that share less than this have been rewritten; marking every word of them would say nothing.
_ALIKE = 0.35


# A word or a sign, with the space after it; space at the very beginning stands alone.
_WORD = re.compile(r"^\s+|(?:[\w'’-]+|[^\w\s])\s*")


@dataclass(frozen=True)
class _Token:
    """A word or sign (atom is None) or an atom of a formula; `part` numbers the parts of the text."""

    text: str
    part: int
    atom: Piece | None = None

    @property
    def key(self) -> str:
        """By what tokens are compared."""
        return self.text.strip()


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
    if matcher.ratio() < _ALIKE:
        return typesetter.text(printed), typesetter.text(corrected), False
    gone, added = set(range(len(old))), set(range(len(new)))
    for block in matcher.get_matching_blocks():
        gone -= set(range(block.a, block.a + block.size))
        added -= set(range(block.b, block.b + block.size))
    # whether a sentence ends in a full stop is no difference
    gone = {n for n in gone if n < len(old) - 1 or old[n].key != "."}
    added = {n for n in added if n < len(new) - 1 or new[n].key != "."}
    return held_together(_html(old, gone, "del")), held_together(_html(new, added, "ins")), True


def _tokens(text: str, typesetter: Typesetter) -> list[_Token]:
    found: list[_Token] = []
    for number, (part, is_formula) in enumerate(split(text)):
        atoms = typesetter.atoms(part) if is_formula else ()
        found += [_Token(atom.html, number, atom) for atom in atoms]
        if not atoms:
            found += [_Token(word, number) for word in _WORD.findall(part)]
    return found


def _html(tokens: Sequence[_Token], marked: set[int], tag: str) -> str:
    found: list[str] = []
    for _, group in groupby(enumerate(tokens), key=lambda item: item[1].part):
        run = list(group)
        atoms = [(n in marked, token.atom) for n, token in run if token.atom is not None]
        if atoms and all(is_marked for is_marked, _ in atoms):
            found.append(f"<{tag}>{formula([atom for _, atom in atoms])}</{tag}>")
        elif atoms:
            found.append(
                formula([_marked(atom, tag) if is_marked else atom for is_marked, atom in atoms])
            )
        else:
            for is_marked, words in groupby(run, key=lambda item: item[0] in marked):
                text = "".join(token.text for _, token in words)
                found.append(_marked_words(text, tag) if is_marked else escape(text, quote=False))
    return "".join(found)


def _marked(atom: Piece, tag: str) -> Piece:
    return replace(atom, html=f'<mrow class="{tag}">{atom.html}</mrow>')


def _marked_words(text: str, tag: str) -> str:
    """Mark words without the space around them."""
    inner = text.strip()
    if not inner:
        return text
    before, after = text[: text.index(inner)], text[text.index(inner) + len(inner) :]
    return f"{before}<{tag}>{escape(inner, quote=False)}</{tag}>{after}"
