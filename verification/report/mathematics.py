r"""LaTeX to MathML: the subset in which the register is written.

A formula becomes a list of `Piece`s, its atoms at the top level, so that two formulas can be compared
atom by atom and a long one can be broken before its relations. A command that is not known raises
`FormulaError`; `Typesetter` then shows the source and remembers it, and the build reports it.

Vertical bars have no side in LaTeX, but in MathML their spacing depends on it: a bar closes when one
is open at its level and something stands before it, or when a script follows (a restriction); else it
opens.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from html import escape

from verification.report import symbols

_TOKEN = re.compile(r"\\[A-Za-z]+\*?|\\.|\s+|.", re.DOTALL)

_PRIME = f'<mi mathvariant="normal">{symbols.UPRIGHT["prime"]}</mi>'
_ID = re.compile(r"[a-z]+[0-9]{4}/[\w./-]*\w")
_TAIL = re.compile(r"(<math>(?:(?!</math>).)*</math>)([,.;:!?)\]’”]+)", re.DOTALL)

# A formula of more atoms than the first is broken at its relations; a part of more than the second
# scrolls.
_BREAK, _SCROLL = 22, 34


class FormulaError(ValueError):
    """A formula that is not understood; the message names what and where."""


@dataclass(frozen=True)
class Piece:
    """An atom of a formula: its MathML, what it is to its neighbours, and its length in characters.

    The kind is "letter", "name", "big", "binary", "relation", "open", "close", "bar", "point", "space".
    """

    html: str
    kind: str = "letter"
    length: int = 1


@dataclass(frozen=True)
class _Bar(Piece):
    """A vertical bar whose side is not known yet."""

    sign: str = "|"
    size: str = ""
    has_script: bool = False
    scripts: tuple[str, str] | None = None


@cache
def pieces(latex: str) -> tuple[Piece, ...]:
    """Parse a formula (without dollar signs) into its atoms.

    Raises
    ------
    FormulaError
        When a command is not known or a group is not closed.
    """
    return tuple(_Parser(latex).formula())


def joined(atoms: Sequence[Piece]) -> str:
    """Return the MathML of atoms in a row."""
    return "".join(atom.html for atom in atoms)


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
            after_comma = parts[-1][-1].html.startswith("<mo>,") and _size(parts[-1]) > 6
            if is_relation or after_comma:
                parts.append([])
        parts[-1].append(atom)
    return parts


def formula(atoms: Sequence[Piece]) -> str:
    """Return a formula as HTML: one <math>, or several between which a line may break."""
    found = []
    for part in lines(atoms):
        math = f"<math>{joined(part)}</math>"
        wide = _size(part) > _SCROLL
        found.append(f'<span class="wide" tabindex="0">{math}</span>' if wide else math)
    return "<wbr/>".join(found)


def _size(atoms: Sequence[Piece]) -> int:
    return sum(atom.length for atom in atoms)


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


class _Parser:
    def __init__(self, latex: str) -> None:
        self.tokens: list[str] = _TOKEN.findall(latex)
        self.at = 0

    # ---- tokens -------------------------------------------------------------------------------

    def peek(self) -> str:
        """Return the next token that is not white, "" at the end."""
        while self.at < len(self.tokens) and self.tokens[self.at].isspace():
            self.at += 1
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def take(self) -> str:
        token = self.peek()
        self.at += 1
        return token

    def expect(self, wanted: str) -> None:
        if (token := self.take()) != wanted:
            raise FormulaError(f"{token or 'the end'!r} where {wanted!r} is expected")

    def raw(self) -> str:
        """Return a group in braces as it is written."""
        self.expect("{")
        depth = 1
        found: list[str] = []
        while self.at < len(self.tokens):
            token = self.tokens[self.at]
            self.at += 1
            depth += (token == "{") - (token == "}")
            if depth == 0:
                return "".join(found)
            found.append(token)
        raise FormulaError("a group is not closed: '}' is missing")

    # ---- grammar ------------------------------------------------------------------------------

    def formula(self) -> list[Piece]:
        found = self.row(stop=("",))
        if self.at < len(self.tokens):
            raise FormulaError(f"{self.peek()!r} closes nothing")
        return found

    def row(self, stop: tuple[str, ...]) -> list[Piece]:
        found: list[Piece] = []
        while (token := self.peek()) not in stop:
            if token in ("", "}", "&", r"\right", r"\end"):
                raise FormulaError(f"{token or 'the end'!r} where {' or '.join(stop)!r} is expected")
            piece = self.scripted(self.atom())
            if piece.html or isinstance(piece, _Bar):
                found.append(piece)
        return _spaced(_sided(found))

    def group(self) -> Piece:
        """Return an argument: a group in braces or a single token, as one element of MathML."""
        if self.peek() != "{":
            return _one(_sided([self.atom(single=True)]))
        self.take()
        inner = self.row(stop=("}",))
        self.take()
        return _one(inner)

    def scripted(self, base: Piece) -> Piece:
        below, above = "", ""
        primes = 0
        while (token := self.peek()) in ("_", "^", "'"):
            self.take()
            if token == "'":
                primes += 1
            elif token == "_":
                below = self.group().html
            else:
                script = self.group()
                primes += script.html == _PRIME
                above = above if script.html == _PRIME else script.html
        if primes:
            # a prime is drawn raised already; as a superscript it would be raised twice
            prime = f'<mo lspace="0" rspace="0">{"′" * primes}</mo>'
            inner = _with_scripts(base, below, "")
            base, below = replace(inner, html=f"<mrow>{inner.html}{prime}</mrow>"), ""
        if isinstance(base, _Bar):
            scripts = (below, above) if below or above else None
            return replace(base, scripts=scripts, has_script=scripts is not None)
        return _with_scripts(base, below, above)

    def atom(self, single: bool = False) -> Piece:
        token = self.take()
        if token == "{":
            inner = self.row(stop=("}",))
            self.take()
            return _one(inner) if inner else Piece("", "close", 0)
        if token in symbols.OPENING:
            return Piece(_fence(symbols.OPENING[token], "prefix", False), "open")
        if token in symbols.CLOSING:
            return Piece(_fence(symbols.CLOSING[token], "postfix", False), "close")
        if token in symbols.BARS:
            return _Bar("", "bar", sign=symbols.BARS[token])
        if token.startswith("\\"):
            return self.command(token[1:])
        if token.isdigit():
            return Piece(f"<mn>{token if single else token + self.digits()}</mn>", "letter", 1)
        if token.isalpha():
            return Piece(f"<mi>{token}</mi>")
        return self.sign(token)

    def digits(self) -> str:
        found = ""
        while self.at < len(self.tokens):
            token = self.tokens[self.at]
            following = self.tokens[self.at + 1] if self.at + 1 < len(self.tokens) else ""
            if not (token.isdigit() or (token == "." and following.isdigit())):
                break
            found += token
            self.at += 1
        return found

    def sign(self, token: str) -> Piece:
        if token == ":" and self.peek() == "=":
            self.take()
            return Piece("<mo>:=</mo>", "relation", 2)
        if token in "+-":
            return Piece(f"<mo>{'−' if token == '-' else token}</mo>", "binary")
        if token in "=<>:":
            return Piece(f"<mo>{escape(token)}</mo>", "relation")
        if token in ",;.!":
            return Piece(f"<mo>{token}</mo>", "point")
        if token == "/":
            return Piece('<mo lspace="0" rspace="0">/</mo>', "letter")
        if token in "*?":
            return Piece(f"<mo>{'∗' if token == '*' else token}</mo>", "letter")
        if token == "~":
            return Piece('<mspace width=".25em"/>', "space")
        raise FormulaError(f"unknown character {token!r}")

    def command(self, name: str) -> Piece:
        for table, tag, kind in (
            (symbols.LETTERS, "mi", "letter"),
            (symbols.BINARY, "mo", "binary"),
            (symbols.RELATIONS, "mo", "relation"),
            (symbols.BIG, "mo", "big"),
        ):
            if name in table:
                return Piece(f"<{tag}>{escape(table[name])}</{tag}>", kind)
        if name in symbols.UPRIGHT:
            return Piece(f'<mi mathvariant="normal">{symbols.UPRIGHT[name]}</mi>')
        if name in symbols.SPACES:
            return Piece(f'<mspace width="{symbols.SPACES[name]}"/>', "space")
        if name == "!" or name in ("displaystyle", "textstyle", "scriptstyle", "limits", "nolimits"):
            return Piece("", "space", 0)
        if name in symbols.NAMES:
            return Piece(f"<mi>{name}</mi>", "name", len(name))
        if name in symbols.ALPHABETS:
            return _in_alphabet(name, self.raw() if self.peek() == "{" else self.take())
        if name in symbols.SIZES:
            return self.sized(symbols.SIZES[name])
        return self.construction(name)

    def construction(self, name: str) -> Piece:
        if name in ("operatorname", "operatorname*", "mathrm"):
            word = self.raw().replace(r"\,", " ")
            tag = "<mi>{}</mi>" if len(word) > 1 else '<mi mathvariant="normal">{}</mi>'
            return Piece(tag.format(escape(word)), "letter" if name == "mathrm" else "name", len(word))
        if name in ("text", "textrm", "textit", "mbox"):
            words = self.raw()
            # MathML trims the ends, where LaTeX does not
            kept = re.sub(r"^ | $", "\N{NO-BREAK SPACE}", words)
            return Piece(f"<mtext>{escape(kept)}</mtext>", "letter", len(words))
        if name in ("frac", "tfrac", "dfrac"):
            upper, lower = self.group(), self.group()
            length = max(upper.length, lower.length)
            return Piece(f"<mfrac>{upper.html}{lower.html}</mfrac>", "letter", length)
        if name == "sqrt":
            return self.root()
        if name in symbols.OVER or name in symbols.UNDER:
            inner = self.group()
            if name in symbols.UNDER:
                html = f'<munder accentunder="true">{inner.html}<mo>{symbols.UNDER[name]}</mo></munder>'
            else:
                html = f'<mover accent="true">{inner.html}<mo>{symbols.OVER[name]}</mo></mover>'
            return Piece(html, "letter", inner.length)
        if name in ("stackrel", "overset"):
            upper, base = self.group(), self.group()
            return Piece(f"<mover>{base.html}{upper.html}</mover>", "relation", base.length)
        if name in ("underbrace", "overbrace"):
            return self.brace(name == "underbrace")
        if name == "left":
            return self.fenced()
        if name == "begin":
            return self.table(self.raw())
        raise FormulaError(f"unknown command \\{name}")

    def root(self) -> Piece:
        index = None
        if self.peek() == "[":
            self.take()
            index = _one(self.row(stop=("]",)))
            self.take()
        inner = self.group()
        html = f"<mroot>{inner.html}{index.html}</mroot>" if index else f"<msqrt>{inner.html}</msqrt>"
        return Piece(html, "letter", inner.length + 1)

    def brace(self, under: bool) -> Piece:
        inner, tag, sign = self.group(), *(("munder", "⏟") if under else ("mover", "⏞"))
        html = f"<{tag}>{inner.html}<mo>{sign}</mo></{tag}>"
        if self.peek() == ("_" if under else "^"):
            self.take()
            html = f"<{tag}>{html}{self.group().html}</{tag}>"
        return Piece(html, "letter", inner.length)

    def delimiter(self) -> str:
        token = self.take()
        if token == ".":
            return ""
        for table in (symbols.OPENING, symbols.CLOSING, symbols.BARS):
            if token in table:
                return table[token]
        raise FormulaError(f"{token or 'the end'!r} is no delimiter")

    def fenced(self) -> Piece:
        opening = self.delimiter()
        inner = self.row(stop=(r"\right",))
        self.take()
        closing = self.delimiter()
        html = _fence(opening, "prefix", True) + joined(inner) + _fence(closing, "postfix", True)
        return Piece(f"<mrow>{html}</mrow>", "letter", _size(inner) + 2)

    def sized(self, height: str) -> Piece:
        token = self.peek()
        sign = self.delimiter()
        if token in symbols.BARS:
            return _Bar("", "bar", sign=sign, size=height)
        opens = token in symbols.OPENING
        form, kind = ("prefix", "open") if opens else ("postfix", "close")
        return Piece(_fence(sign, form, True, height), kind)

    def table(self, environment: str) -> Piece:
        if environment not in symbols.FENCES:
            raise FormulaError(f"unknown environment {environment!r}")
        rows: list[list[list[Piece]]] = [[]]
        while True:
            rows[-1].append(self.row(stop=("&", r"\\", r"\end")))
            token = self.take()
            if token == r"\\":
                rows.append([])
            elif token == r"\end":
                break
        if self.raw() != environment:
            raise FormulaError(f"\\begin{{{environment}}} is not closed by its own \\end")
        body = "".join(
            "<mtr>" + "".join(f"<mtd>{joined(cell)}</mtd>" for cell in row) + "</mtr>" for row in rows
        )
        opening, closing = symbols.FENCES[environment]
        html = (
            _fence(opening, "prefix", True)
            + f"<mtable>{body}</mtable>"
            + _fence(closing, "postfix", True)
        )
        return Piece(f"<mrow>{html}</mrow>", "letter", max(sum(map(_size, row)) for row in rows) + 2)


def _fence(sign: str, form: str, stretchy: bool, height: str = "") -> str:
    if not sign:
        return ""
    size = f' minsize="{height}" maxsize="{height}"' if height else ""
    # a bracket has one side only, so that its form need not be said; a bar is told its own
    side = f' form="{form}"' if sign in "|‖" else ""
    fixed = "" if stretchy else ' stretchy="false"'
    return f"<mo{side}{fixed}{size}>{sign}</mo>"


def _in_alphabet(alphabet: str, inner: str) -> Piece:
    found = []
    for character in inner:
        letter = symbols.in_alphabet(alphabet, character)
        if letter is None:
            raise FormulaError(f"no {character!r} in \\{alphabet}")
        found.append(letter)
    tag = "mn" if inner.isdigit() else "mi"
    return Piece(f"<{tag}>{''.join(found)}</{tag}>", "letter", len(inner))


def _one(atoms: Sequence[Piece]) -> Piece:
    """Return atoms as one element."""
    if len(atoms) == 1:
        return atoms[0]
    return Piece(f"<mrow>{joined(atoms)}</mrow>", "letter", _size(atoms))


def _with_scripts(base: Piece, below: str, above: str) -> Piece:
    if not below and not above:
        return base
    inner = base.html or "<mrow></mrow>"
    tag = "msubsup" if below and above else "msub" if below else "msup"
    extra = sum(len(re.findall(r"<m[ino]\b", script)) for script in (below, above))
    return replace(
        base, html=f"<{tag}>{inner}{below}{above}</{tag}>", length=base.length + (extra + 1) // 2
    )


def _sided(atoms: Sequence[Piece]) -> list[Piece]:
    """Give every bar its side; see the module's docstring."""
    found: list[Piece] = []
    brackets = 0
    opened: list[tuple[str, int]] = []
    for atom in atoms:
        brackets += (atom.kind == "open") - (atom.kind == "close")
        if not isinstance(atom, _Bar):
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
        bar = Piece(_fence(atom.sign, form, stretchy, atom.size), kind)
        found.append(_with_scripts(bar, *(atom.scripts or ("", ""))))
    return found


def _spaced(atoms: Sequence[Piece]) -> list[Piece]:
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
