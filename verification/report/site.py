"""What a page is, and how chapters plug in.

A chapter is a section of the navigation and a function that makes its pages from what was gathered::

    def pages(material: Material) -> list[Page | Missing]

It returns its pages in the order of the navigation, the first being where the section's link leads,
and a `Missing` for whatever has no data yet: which command makes it is said on the page then, and in
the terminal. It reads data files below `material.root` and nothing else, and takes seconds at most::

    files = {"data/flow-digits.csv": text}     # what lies beside the page, by its path in the site
    part = figure("flow-digits-cost", draw, caption="...", alt="...", data="data/flow-digits.csv")
    Page("flow-digits", "Digits", "flows", part.html, {**files, **part.files}, "For the overview.")

Chapters are listed in `build.CHAPTERS`; `figures.figure` draws, `palette` has the colours.

`Page.html` is the content of <main> below the heading; the base template brings head, navigation and
foot. `material.typesetter.text(text)` makes HTML of text with formulas between dollar signs; other
text is escaped by whoever makes the page. Style classes at hand: `lead` (the sentence below the
heading), `scroll` (around wide tables and <pre>), `grid` (small multiples: <figure>s in rows that
wrap), `note` (a remark set apart), `num` (a table cell with a number), `badge {verdict}`.
A section that has neither pages nor anything missing does not appear.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from verification.report.gather import Material


CONTENTS = "<!-- contents -->"
"""Where this stands in a page, the build puts a list of the pages that have a summary."""


@dataclass(frozen=True)
class Page:
    """A page of the site.

    Attributes
    ----------
    name : str
        The file is `<name>.html`; unique, lower case, words separated by "-".
    title : str
        Heading and entry of the navigation, as plain text.
    section : str
        A key of the chapters, "" for pages outside of the navigation.
    html : str
        The content of <main> below the heading.
    files : mapping
        What lies beside the page, text or bytes by path in the site; equal paths need equal content.
    summary : str
        A few words, HTML, for the list on the front page; pages without one are not listed there.
    heading : str
        The heading as HTML where it is more than the title.
    """

    name: str
    title: str
    section: str
    html: str
    files: Mapping[str, str | bytes] = field(default_factory=dict)
    summary: str = ""
    heading: str = ""

    @property
    def path(self) -> str:
        """Its path in the site."""
        return f"{self.name}.html"

    @property
    def depth(self) -> int:
        """How many folders below the front page it stands."""
        return self.name.count("/")


@dataclass(frozen=True)
class Missing:
    """Something that has no data yet, and the command that makes them."""

    what: str
    command: str


@dataclass(frozen=True)
class Chapter:
    """A section of the navigation: its key, its name there, and the function that makes its pages."""

    key: str
    name: str
    pages: Callable[[Material], Sequence[Page | Missing]]
