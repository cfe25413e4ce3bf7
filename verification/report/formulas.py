r"""LaTeX to MathML: the subset in which the register is written.

A formula becomes a list of `Piece`s, its atoms at the top level, so that two formulas can be compared
atom by atom and a long one can be broken before its relations. A command that is not known raises
`FormulaError`.
"""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cache
from html import escape

from verification.report import symbols
from verification.report.atoms import (
    Bar,
    Piece,
    as_one,
    fence,
    joined,
    length_of,
    sided,
    spaced,
    with_scripts,
)

_TOKEN = re.compile(r"\\[A-Za-z]+\*?|\\.|\s+|.", re.DOTALL)

_PRIME = f'<mi mathvariant="normal">{symbols.UPRIGHT["prime"]}</mi>'


class FormulaError(ValueError):
    """A formula that is not understood; the message names what and where."""


@cache
def pieces(latex: str) -> tuple[Piece, ...]:
    """Parse a formula (without dollar signs) into its atoms.

    Raises
    ------
    FormulaError
        When a command is not known or a group is not closed.
    """
    return tuple(_Parser(latex).formula())


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
            if piece.html or isinstance(piece, Bar):
                found.append(piece)
        return spaced(sided(found))

    def group(self) -> Piece:
        """Return an argument: a group in braces or a single token, as one element of MathML."""
        if self.peek() != "{":
            return as_one(sided([self.atom(single=True)]))
        self.take()
        inner = self.row(stop=("}",))
        self.take()
        return as_one(inner)

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
            inner = with_scripts(base, below, "")
            base, below = replace(inner, html=f"<mrow>{inner.html}{prime}</mrow>"), ""
        if isinstance(base, Bar):
            scripts = (below, above) if below or above else None
            return replace(base, scripts=scripts, has_script=scripts is not None)
        return with_scripts(base, below, above)

    def atom(self, single: bool = False) -> Piece:
        token = self.take()
        if token == "{":
            inner = self.row(stop=("}",))
            self.take()
            return as_one(inner) if inner else Piece("", "close", 0)
        if token in symbols.OPENING:
            return Piece(fence(symbols.OPENING[token], "prefix", False), "open")
        if token in symbols.CLOSING:
            return Piece(fence(symbols.CLOSING[token], "postfix", False), "close")
        if token in symbols.BARS:
            return Bar("", "bar", sign=symbols.BARS[token])
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
            index = as_one(self.row(stop=("]",)))
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
        html = fence(opening, "prefix", True) + joined(inner) + fence(closing, "postfix", True)
        return Piece(f"<mrow>{html}</mrow>", "letter", length_of(inner) + 2)

    def sized(self, height: str) -> Piece:
        token = self.peek()
        sign = self.delimiter()
        if token in symbols.BARS:
            return Bar("", "bar", sign=sign, size=height)
        opens = token in symbols.OPENING
        form, kind = ("prefix", "open") if opens else ("postfix", "close")
        return Piece(fence(sign, form, True, height), kind)

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
            fence(opening, "prefix", True) + f"<mtable>{body}</mtable>" + fence(closing, "postfix", True)
        )
        return Piece(f"<mrow>{html}</mrow>", "letter", max(sum(map(length_of, row)) for row in rows) + 2)


def _in_alphabet(alphabet: str, inner: str) -> Piece:
    found = []
    for character in inner:
        letter = symbols.in_alphabet(alphabet, character)
        if letter is None:
            raise FormulaError(f"no {character!r} in \\{alphabet}")
        found.append(letter)
    tag = "mn" if inner.isdigit() else "mi"
    return Piece(f"<{tag}>{''.join(found)}</{tag}>", "letter", len(inner))
