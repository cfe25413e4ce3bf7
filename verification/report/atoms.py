r"""The atoms of a formula as MathML, and what stands between them.

Vertical bars have no side in LaTeX, but in MathML their spacing depends on it: a bar closes when one
is open at its level and something stands before it, or when a script follows (a restriction); else it
opens.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Piece:
    """An atom of a formula: its MathML, what it is to its neighbours, and its length in characters.

    The kind is "letter", "name", "big", "binary", "relation", "open", "close", "bar", "point", "space".
    """

    html: str
    kind: str = "letter"
    length: int = 1


@dataclass(frozen=True)
class Bar(Piece):
    """A vertical bar whose side is not known yet."""

    sign: str = "|"
    size: str = ""
    has_script: bool = False
    scripts: tuple[str, str] | None = None


def joined(atoms: Sequence[Piece]) -> str:
    """Return the MathML of atoms in a row."""
    return "".join(atom.html for atom in atoms)


def length_of(atoms: Sequence[Piece]) -> int:
    """Return the length of atoms in a row, in characters."""
    return sum(atom.length for atom in atoms)


def fence(sign: str, form: str, stretchy: bool, height: str = "") -> str:
    """Return a bracket or a bar of a form, "prefix" or "postfix", and of a height if one is given."""
    if not sign:
        return ""
    size = f' minsize="{height}" maxsize="{height}"' if height else ""
    # a bracket has one side only, so that its form need not be said; a bar is told its own
    side = f' form="{form}"' if sign in "|‖" else ""
    fixed = "" if stretchy else ' stretchy="false"'
    return f"<mo{side}{fixed}{size}>{sign}</mo>"


def as_one(atoms: Sequence[Piece]) -> Piece:
    """Return atoms as one element."""
    if len(atoms) == 1:
        return atoms[0]
    return Piece(f"<mrow>{joined(atoms)}</mrow>", "letter", length_of(atoms))


def with_scripts(base: Piece, below: str, above: str) -> Piece:
    """Return an atom with what stands below and above its right end, both as MathML."""
    if not below and not above:
        return base
    inner = base.html or "<mrow></mrow>"
    tag = "msubsup" if below and above else "msub" if below else "msup"
    extra = sum(len(re.findall(r"<m[ino]\b", script)) for script in (below, above))
    return replace(
        base, html=f"<{tag}>{inner}{below}{above}</{tag}>", length=base.length + (extra + 1) // 2
    )


def sided(atoms: Sequence[Piece]) -> list[Piece]:
    """Give every bar its side; see the module's docstring."""
    found: list[Piece] = []
    brackets = 0
    opened: list[tuple[str, int]] = []
    for atom in atoms:
        brackets += (atom.kind == "open") - (atom.kind == "close")
        if not isinstance(atom, Bar):
            found.append(atom)
            continue
        before = found[-1].kind if found else "open"
        ends_something = before in ("letter", "close")
        if ends_something and (atom.sign, brackets) in opened:
            opened.remove((atom.sign, brackets))
            form, kind = "postfix", "close"
        elif ends_something and atom.has_script:
            form, kind = "postfix", "letter"
        else:
            opened.append((atom.sign, brackets))
            form, kind = "prefix", "open"
        stretchy = bool(atom.size)
        bar = Piece(fence(atom.sign, form, stretchy, atom.size), kind)
        found.append(with_scripts(bar, *(atom.scripts or ("", ""))))
    return found


def spaced(atoms: Sequence[Piece]) -> list[Piece]:
    """Tell signs from operations, and separate names from their neighbours by thin spaces."""
    found: list[Piece] = []
    for atom in atoms:
        before = found[-1].kind if found else "open"
        if atom.kind == "binary" and before in ("open", "binary", "relation", "point", "space", "name"):
            sign = re.sub(r"^(<m\w+>)?<mo>", r'\1<mo form="prefix">', atom.html)
            atom = Piece(sign, "letter" if before != "space" else "binary")
        thin = (atom.kind == "name" and before in ("letter", "close", "name")) or (
            before == "name" and atom.kind in ("letter", "big")
        )
        html = f'<mspace width=".17em"/>{atom.html}' if thin else atom.html
        found.append(replace(atom, html=html))
    return found
