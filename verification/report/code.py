"""The modules of the checks with line numbers, so that a claim can point at the lines that decide it."""

from __future__ import annotations

import io
import keyword
import token
import tokenize
from collections import defaultdict
from html import escape

from verification.report.gather import Material
from verification.report.site import Page


def pages(material: Material) -> list[Page]:
    """Return a page for every module in which a check of the register stands."""
    files = sorted({place.file for entry in material.entries for place in entry.places})
    return [_page(material, file) for file in files if (material.root / file).is_file()]


def _page(material: Material, file: str) -> Page:
    text = (material.root / file).read_text(encoding="utf-8")
    lines = "".join(
        f'<span class="l" id="L{number}">{line}</span>'
        for number, line in enumerate(highlighted(text), 1)
    )
    name = f"code/{file.removeprefix('verification/').removesuffix('.py')}"
    return Page(
        name, file, "", f'<div class="scroll code" role="group" aria-label="source">{lines}</div>'
    )


def highlighted(text: str) -> list[str]:
    """Return the lines of a Python module as HTML: keywords, strings and comments marked.

    Examples
    --------
    >>> highlighted("x = 'a'  # why")
    ['x = <i class="s">&#x27;a&#x27;</i>  <i class="c"># why</i>']
    """
    source = text.splitlines()
    marks: defaultdict[int, list[tuple[int, int, str]]] = defaultdict(list)
    strings = {token.STRING} | {
        getattr(token, f"FSTRING_{part}", -1) for part in ("START", "MIDDLE", "END")
    }
    for found in tokenize.generate_tokens(io.StringIO(text).readline):
        if found.type in strings:
            kind = "s"
        elif found.type == token.COMMENT:
            kind = "c"
        elif found.type == token.NAME and keyword.iskeyword(found.string):
            kind = "k"
        else:
            continue
        (first, start), (last, end) = found.start, found.end
        for row in range(first, last + 1):
            left = start if row == first else 0
            right = end if row == last else len(source[row - 1])
            marks[row].append((left, right, kind))
    lines = []
    for row, line in enumerate(source, 1):
        out: list[str] = []
        at = 0
        for left, right, kind in marks[row]:
            if right > left >= at:
                out += [escape(line[at:left]), f'<i class="{kind}">{escape(line[left:right])}</i>']
                at = right
        lines.append("".join([*out, escape(line[at:])]))
    return lines
