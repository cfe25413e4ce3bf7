"""Put the report in its place: all of it, or nothing.

Pages are written into a folder beside the old site and exchanged with it when every page is there; the
summaries in Markdown are replaced after that. Whatever stops the build before leaves all as it was.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from html import escape
from importlib import import_module
from pathlib import Path
from tempfile import mkdtemp

from verification.machinery.files import replace_text
from verification.report import counterexamples, measured, rendering
from verification.report.gather import ROOT, Material, ReportError, gather
from verification.report.site import CONTENTS, Chapter, Missing, Page
from verification.report.summaries import ERRATA_FILE, VERDICTS_FILE, errata, verdicts

SITE = Path("reports") / "site"


def _chapter(key: str, name: str, module: str) -> Chapter:
    """Return a chapter whose module is imported when its pages are made."""

    def pages(material: Material) -> Sequence[Page | Missing]:
        found: Sequence[Page | Missing] = import_module(f"verification.report.{module}").pages(material)
        return found

    return Chapter(key, name, pages)


CHAPTERS: Sequence[Chapter] = (
    _chapter("overview", "Overview", "overview"),
    _chapter("claims", "Claims", "sources"),
    _chapter("graph", "Graph", "graph"),
    _chapter("errata", "Errata", "errata"),
    _chapter("precision", "Precision", "precision"),
    _chapter("flows", "Flows", "flows"),
    _chapter("speed", "Speed", "speed"),
    _chapter("", "", "code"),
)
"""In the order of the navigation."""


@dataclass(frozen=True)
class Section:
    """An entry of the navigation with its pages, the first being where it leads."""

    key: str
    name: str
    pages: Sequence[Page]


@dataclass
class Site:
    """All files of a site by path, and what is missing from it."""

    files: dict[str, str | bytes] = field(default_factory=dict)
    missing: list[Missing] = field(default_factory=list)

    def add(self, path: str, content: str | bytes) -> None:
        """Add a file; a second one of the same path must be equal."""
        if self.files.setdefault(path, content) != content:
            raise ReportError(
                f"two pages bring different files of the path {path!r}: rename one of them"
            )


def assemble(material: Material, chapters: Sequence[Chapter]) -> Site:
    """Make all pages and what belongs to them, in memory."""
    site, environment = Site(), rendering.environment()
    sections = []
    for chapter in chapters:
        made = chapter.pages(material)
        missing = [each for each in made if isinstance(each, Missing)]
        pages = [each for each in made if isinstance(each, Page)]
        site.missing += missing
        if missing and not pages:
            pages = [_placeholder(chapter)]
        if missing:
            pages[0] = _with_missing(pages[0], missing)
        if pages:
            sections.append(Section(chapter.key, chapter.name, pages))
    base = environment.get_template("base.html")
    listed = contents(sections)
    for section in sections:
        for page in section.pages:
            html = base.render(
                page=page,
                up="../" * page.depth,
                sections=[each for each in sections if each.key],
                siblings=section.pages if section.key else (),
                provenance=provenance(material),
            )
            site.add(page.path, html.replace(CONTENTS, listed))
            for path, content in page.files.items():
                site.add(path, content)
    site.add("style.css", environment.get_template("style.css").render())
    site.add("math.woff2", (Path(__file__).parent / "fonts" / "math.woff2").read_bytes())
    site.add("report.js", environment.get_template("report.js").render())
    return site


@dataclass(frozen=True)
class Made:
    """What a build made: the front page, how many pages, and what it could not make or set."""

    front: Path
    pages: int
    missing: Sequence[Missing]
    problems: Sequence[str]


def report(root: Path = ROOT, keep: bool = False) -> Made:
    """Build site and summaries of a source tree in their places.

    Parameters
    ----------
    root : Path
        The source tree; data are read and reports are written below it.
    keep : bool
        First write the condensed numbers of the last run, and the scenes that break printed forms, to
        `reports/data`.
    """
    if keep:
        run = measured.available(root)
        if run is None:
            raise ReportError("no results to keep: run `python -m geomdl verify` first")
        measured.write(root / measured.KEPT, run)
        counterexamples.write(root / counterexamples.KEPT, counterexamples.collect(run))
    material = gather(root)
    site = assemble(material, CHAPTERS)
    texts = {VERDICTS_FILE: verdicts(material), ERRATA_FILE: errata(material)}
    write_site(site, root / SITE)
    for path, text in texts.items():
        replace_text(root / path, text)
    pages = sum(path.endswith(".html") for path in site.files)
    return Made(root / SITE / "index.html", pages, site.missing, material.typesetter.problems)


def contents(sections: Iterable[Section]) -> str:
    """Return the list of the pages that have a summary, by section."""
    found = []
    for section in sections:
        lines = [
            f'<li><a href="{page.path}">{escape(page.title)}</a>: {page.summary}</li>'
            for page in section.pages
            if page.summary
        ]
        if lines:
            found.append(f'<h2>{escape(section.name)}</h2><ul class="contents">{"".join(lines)}</ul>')
    return "\n".join(found)


def provenance(material: Material) -> str:
    """Say in one line which run the numbers are from."""
    if material.run is None:
        return "No results of checks yet: run python -m geomdl verify."
    run = material.run
    packages = run.environment["packages"]
    versions = ", ".join(f"{name} {packages[name]}" for name in ("numpy", "scipy") if packages.get(name))
    return (
        f"Numbers from the run of {run.finished[:10]}: {run.profile} profile, first seed {run.seed}, "
        f"Python {run.environment['python']}, {versions}."
    )


def _placeholder(chapter: Chapter) -> Page:
    return Page(chapter.key, chapter.name, chapter.key, "")


def _with_missing(page: Page, missing: Iterable[Missing]) -> Page:
    lines = "".join(
        f"<li>{escape(each.what)}: <code>{escape(each.command)}</code> makes it.</li>"
        for each in missing
    )
    return replace(
        page, html=f'{page.html}<aside class="note"><p>Not there yet:</p><ul>{lines}</ul></aside>'
    )


def replace_folder(target: Path, fill: Callable[[Path], None]) -> None:
    """Fill a new folder and put it in the place of an old one; a failure leaves the old one there."""
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    old = draft.with_name(f"{draft.name}-old")
    try:
        fill(draft)
        draft.chmod(0o755)
        if target.exists():
            target.rename(old)
        try:
            draft.rename(target)
        except BaseException:
            if old.exists():
                old.rename(target)
            raise
    finally:
        shutil.rmtree(draft, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)


def write_site(site: Site, target: Path) -> None:
    """Write all files of a site below a folder, in exchange for what was there."""

    def fill(folder: Path) -> None:
        for path, content in site.files.items():
            file = folder / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content.encode() if isinstance(content, str) else content)

    replace_folder(target, fill)
