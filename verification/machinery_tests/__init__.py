"""Tests of the machinery itself, and a small sound register that they break on purpose."""

from pathlib import Path

from verification.machinery.register import Register, load_register

ALPHA = """
[source]
key = "alpha"
title = "On alpha"
authors = "A. Author"
reference = "arXiv:1"
numbering = ["as printed"]

[[statement]]
id = "alpha/model"
label = "Section 1"
title = "The model"
kind = "definition-identity"
equations = ["(1.1)"]
hypotheses = ['$N > 0$']
[[statement.claim]]
id = "a"
says = 'The cost is $0$ at the target.'
verdict = "holds"
[[statement.claim]]
id = "b"
says = 'Nobody has looked.'
verdict = "open"

[[statement]]
id = "alpha/theorem-2.1"
label = "Theorem 2.1"
title = "The theorem"
kind = "flow"
hypotheses = []
depends_on = ["alpha/model"]
[[statement.claim]]
id = "a"
says = 'Always.'
verdict = "needs"
needs = '$K = QN$'
counterexample = 'dead-units: rank 0'
[[statement.claim]]
id = "b"
says = 'Twice.'
verdict = "fails"
corrected = 'Once.'
counterexample = 'one-input: once'
[[statement.claim]]
id = "c"
says = 'Generically.'
verdict = "undecidable"
reason = 'a measure'
note = 'see there'
"""

BETA = """
[source]
key = "beta"
title = "On beta"
authors = "B. Author"
reference = "slides"

[[statement]]
id = "beta/recall"
label = "p. 3"
title = "Recalled"
kind = "identity"
hypotheses = []
depends_on = ["alpha/theorem-2.1"]
[[statement.claim]]
id = "a"
says = 'The cost is $0$ at the target.'
verdict = "open"
same_as = "alpha/model/a"
"""


def small_register(
    directory: Path, edit: tuple[str, str] = ("", ""), beta: tuple[str, str] = ("", "")
) -> Register:
    """Load the register of the two sources above, each with one replacement made in it."""
    for name, text, (old, new) in (("alpha", ALPHA, edit), ("beta", BETA, beta)):
        assert old in text
        edited = text.replace(old, new, 1) if old else text + new
        (directory / f"{name}.toml").write_text(edited, encoding="utf-8")
    return load_register(directory)
