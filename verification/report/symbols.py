"""The LaTeX that the register uses, as Unicode: letters, operators, names, alphabets."""

from __future__ import annotations

from collections.abc import Mapping


def _words(text: str) -> list[str]:
    return text.split()


LETTERS: Mapping[str, str] = {
    **dict(
        zip(
            _words(
                """alpha beta gamma delta epsilon varepsilon zeta eta theta iota kappa lambda mu nu xi pi
                rho sigma tau upsilon phi varphi chi psi omega"""
            ),
            "αβγδϵεζηθικλμνξπρστυϕφχψω",
            strict=True,
        )
    ),
    "ell": "ℓ",
    "infty": "∞",
    "emptyset": "∅",
    "hbar": "ℏ",
    "bullet": "∙",
    "#": "#",
    "%": "%",
    "&": "&",
}
"""Letters and signs that behave like letters; Greek small letters are slanted as in TeX."""

UPRIGHT: Mapping[str, str] = {
    **dict(
        zip(
            _words("Gamma Delta Theta Lambda Xi Pi Sigma Upsilon Phi Psi Omega"),
            "ΓΔΘΛΞΠΣΥΦΨΩ",
            strict=True,
        )
    ),
    "partial": "∂",
    "nabla": "∇",
    "forall": "∀",
    "exists": "∃",
    "nexists": "∄",
    "top": "⊤",
    "perp": "⊥",
    "prime": "′",
    "dots": "…",
    "ldots": "…",
    "cdots": "⋯",
    "vdots": "⋮",
    "ddots": "⋱",
}
"""Signs that stand upright."""

BINARY: Mapping[str, str] = {
    "times": "×", "cdot": "⋅", "pm": "±", "mp": "∓", "cap": "∩", "cup": "∪", "circ": "∘", "oplus": "⊕",
    "otimes": "⊗", "setminus": "∖", "wedge": "∧", "vee": "∨", "odot": "⊙",
}  # fmt: skip

RELATIONS: Mapping[str, str] = {
    "in": "∈", "notin": "∉", "ni": "∋", "to": "→", "rightarrow": "→", "leftarrow": "←", "mapsto": "↦",
    "Rightarrow": "⇒", "Leftarrow": "⇐", "Leftrightarrow": "⇔", "iff": "⇔", "implies": "⇒", "le": "≤",
    "leq": "≤", "ge": "≥", "geq": "≥", "ll": "≪", "gg": "≫", "ne": "≠", "neq": "≠", "equiv": "≡",
    "sim": "∼", "simeq": "≃", "approx": "≈", "cong": "≅", "propto": "∝", "subset": "⊂", "subseteq": "⊆",
    "supset": "⊃", "supseteq": "⊇", "mid": "∣", "parallel": "∥",
}  # fmt: skip

BIG: Mapping[str, str] = {
    "sum": "∑", "prod": "∏", "int": "∫", "bigcup": "⋃", "bigcap": "⋂", "bigoplus": "⨁", "oint": "∮",
}  # fmt: skip

NAMES = frozenset(
    _words(
        """arccos arcsin arctan arg cos cosh deg det dim exp gcd hom inf ker lim liminf limsup ln log max
        min sin sinh sup tan tanh"""
    )
)
"""Names of functions, set upright."""

OPENING: Mapping[str, str] = {
    "(": "(", "[": "[", r"\{": "{", r"\langle": "⟨", r"\lvert": "|", r"\lVert": "‖", r"\lfloor": "⌊",
    r"\lceil": "⌈",
}  # fmt: skip
CLOSING: Mapping[str, str] = {
    ")": ")", "]": "]", r"\}": "}", r"\rangle": "⟩", r"\rvert": "|", r"\rVert": "‖", r"\rfloor": "⌋",
    r"\rceil": "⌉",
}  # fmt: skip
BARS: Mapping[str, str] = {"|": "|", r"\vert": "|", r"\|": "‖", r"\Vert": "‖"}

SPACES: Mapping[str, str] = {
    ",": ".17em",
    ":": ".22em",
    ";": ".28em",
    " ": ".25em",
    "quad": "1em",
    "qquad": "2em",
}

SIZES: Mapping[str, str] = {"big": "1.2em", "Big": "1.8em", "bigg": "2.4em", "Bigg": "3em"}
"""The heights of delimiters of a given size."""

OVER: Mapping[str, str] = {
    "overline": "‾", "bar": "¯", "tilde": "~", "widetilde": "~", "hat": "^", "widehat": "^", "dot": "˙",
    "ddot": "¨", "vec": "→", "check": "ˇ",
}  # fmt: skip
UNDER: Mapping[str, str] = {"underline": "_"}

FENCES: Mapping[str, tuple[str, str]] = {
    "matrix": ("", ""), "bmatrix": ("[", "]"), "pmatrix": ("(", ")"), "vmatrix": ("|", "|"),
    "cases": ("{", ""),
}  # fmt: skip

# Letters of an alphabet that Unicode had before it got the alphabet.
_EXCEPTIONS: Mapping[str, Mapping[str, str]] = {
    "mathcal": dict(zip("BEFHILMRego", "ℬℰℱℋℐℒℳℛℯℊℴ", strict=True)),
    "mathbb": dict(zip("CHNPQRZ", "ℂℍℕℙℚℝℤ", strict=True)),
    "mathfrak": dict(zip("CHIRZ", "ℭℌℑℜℨ", strict=True)),
    "mathbf": {},
}
_STARTS: Mapping[str, tuple[int, int, int | None]] = {
    "mathcal": (0x1D49C, 0x1D4B6, None),
    "mathbb": (0x1D538, 0x1D552, 0x1D7D8),
    "mathfrak": (0x1D504, 0x1D51E, None),
    "mathbf": (0x1D400, 0x1D41A, 0x1D7CE),
}
ALPHABETS = frozenset(_STARTS)


def in_alphabet(alphabet: str, character: str) -> str | None:
    """Return a letter or digit in an alphabet such as "mathcal", None where there is none."""
    if character in _EXCEPTIONS[alphabet]:
        return _EXCEPTIONS[alphabet][character]
    upper, lower, digit = _STARTS[alphabet]
    if "A" <= character <= "Z":
        return chr(upper + ord(character) - ord("A"))
    if "a" <= character <= "z":
        return chr(lower + ord(character) - ord("a"))
    if "0" <= character <= "9" and digit is not None:
        return chr(digit + ord(character) - ord("0"))
    return None
