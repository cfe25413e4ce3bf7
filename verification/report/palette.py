"""One visual language: colour, sign and words of every verdict; colour and marker of every backend.

Colour never says anything alone. The hues are those of Okabe and Ito, which colour-blind people tell
apart, shifted so far that each has at least contrast 3 : 1 on white and on the dark background alike:
figures need no second version for the dark.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Look:
    """How a verdict is shown.

    Attributes
    ----------
    colour, sign, word : str
        Any one of the three suffices.
    counted : str
        Continues "328 claims ...".
    explained : str
        One line for the legend.
    """

    colour: str
    sign: str
    word: str
    counted: str
    explained: str


LOOKS: Mapping[str, Look] = {
    "holds": Look("#12946c", "✓", "holds", "hold as printed", "true as printed"),
    "needs": Look(
        "#bd7d00", "+", "needs a hypothesis", "need a hypothesis", "true once a hypothesis is added"
    ),
    "fails": Look(
        "#d5511f", "✗", "fails", "fail as printed", "false as printed; a corrected form is true"
    ),
    "undecidable": Look(
        "#b3639a",
        "?",
        "undecidable",
        "are undecidable",
        "no computation decides it; the reason is given",
    ),
    "open": Look("#7b858d", "○", "open", "are open", "nobody has decided it yet"),
}

# From the gravest to the least: a statement is shown by the first that one of its claims has.
GRAVITY = ("fails", "needs", "open", "undecidable", "holds")


def gravest(verdicts: Iterable[str]) -> str:
    """Return the verdict by which a statement with these claims is shown."""
    found = set(verdicts)
    return next((verdict for verdict in GRAVITY if verdict in found), "open")


@dataclass(frozen=True)
class Stroke:
    """How a series is drawn: colour, marker and dash as matplotlib writes them, and its label."""

    colour: str
    marker: str
    dash: str
    label: str

    def plot(self) -> dict[str, Any]:
        """Return the keyword arguments of `Axes.plot`, label included."""
        return {"color": self.colour, "marker": self.marker, "linestyle": self.dash, "label": self.label}


BLUE, GREEN, ORANGE, RED, PURPLE, SKY, GREY, OLIVE = (
    "#1f7fc1", "#12946c", "#bd7d00", "#d5511f", "#b3639a", "#2f93bd", "#7b858d", "#7f8a1c",
)  # fmt: skip

BACKENDS: Mapping[str, Stroke] = {
    "float32": Stroke(ORANGE, "o", "-", "float32"),
    "float64": Stroke(BLUE, "s", "-", "float64"),
    "mp30": Stroke(GREEN, "^", "-", "30 digits"),
    "mp50": Stroke(GREEN, "D", "--", "50 digits"),
    "mp100": Stroke(GREEN, "v", ":", "100 digits"),
    "rational": Stroke(PURPLE, "P", "-", "exact"),
    "arb50": Stroke(RED, "X", "-", "balls"),
    "numpy": Stroke(BLUE, "s", "-", "NumPy, CPU"),
    "torch:cpu": Stroke(SKY, "<", "-", "torch, CPU"),
    "torch:cuda": Stroke(OLIVE, "*", "-", "torch, GPU"),
}

# Who is timed: the colour says what computes (ours, torch, jax, LAPACK, built on torch), the marker
# who.
CONTENDERS: Mapping[str, Stroke] = {
    name: Stroke(colour, marker, "-", name)
    for colour, known in (
        (BLUE, {"geomdl": "s"}),
        (SKY, {"geomdl torch:cpu": "<"}),
        (OLIVE, {"geomdl torch:cuda": "*"}),
        (RED, {"torch.func": "o", "torch.compile": "^", "torch gels": "D", "torch pinv": "v"}),
        (PURPLE, {"jax": "P", "jax Cholesky": "P", "neural-tangents": "X", "diffrax": "d"}),
        (GREEN, {"NumPy pinv": "^", "SciPy pinv": "v", "SciPy gelsd": "D", "SciPy gelsy": "d",
                 "SciPy + pinv": "p"}),
        (ORANGE, {"BackPACK": "^", "nngeometry": "v", "curvlinops": "D", "torchjd": "h",
                  "torchdiffeq": "p"}),
    )
    for name, marker in known.items()
}  # fmt: skip


def contender(name: str, backend: str = "numpy") -> Stroke:
    """Return the stroke of whoever is timed; this project's own is that of its backend.

    Examples
    --------
    >>> contender("geomdl", "torch:cuda").label, contender("a new peer").label
    ('geomdl', 'a new peer')
    """
    own = f"{name} {backend}" if name == "geomdl" and backend != "numpy" else name
    known = CONTENDERS.get(own, Stroke(GREY, "o", "-", name))
    return Stroke(known.colour, known.marker, known.dash, name)


SERIES: Sequence[Stroke] = tuple(
    Stroke(colour, marker, dash, "")
    for colour, marker, dash in (
        (BLUE, "o", "-"), (RED, "s", "-"), (GREEN, "^", "-"), (PURPLE, "D", "-"), (ORANGE, "v", "-"),
        (SKY, "P", "--"), (OLIVE, "X", "--"), (GREY, "*", "--"),
    )
)  # fmt: skip
"""For series that are no backend (routes, rules, methods, data sets), in this order."""


def series(names: Sequence[str]) -> dict[str, Stroke]:
    """Return a stroke for each of at most eight names.

    Examples
    --------
    >>> strokes = series(["svd", "qr"])
    >>> strokes["qr"].marker, strokes["qr"].label
    ('s', 'qr')
    """
    if len(names) > len(SERIES):
        raise ValueError(
            f"got {len(names)} series, expected at most {len(SERIES)}, which the eye tells apart:"
            " use panels"
        )
    return {
        name: Stroke(known.colour, known.marker, known.dash, name)
        for name, known in zip(names, SERIES, strict=False)
    }
