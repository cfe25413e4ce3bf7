"""The site as files: complete, self-contained, small in front, and never half there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from verification.machinery_tests import small_register
from verification.machinery_tests.doubles import document, row
from verification.report.gather import Material, ReportError, gather

pytest.importorskip("jinja2", reason="the report needs the extra report")

from verification.report import build, measured, trends
from verification.report.counterexamples import snippet
from verification.report.site import Chapter, Missing, Page

VOID = {"meta", "link", "input", "br", "wbr", "mspace", "img"}


class Reader(HTMLParser):
    """Collects ids, addresses and headings of a page, and checks that elements are closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.loads: list[str] = []
        self.headings: list[int] = []
        self.open: list[str] = []
        self.feed(text)
        assert self.open == []

    # HTMLParser calls these by name

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        """Note what an element brings."""
        found = {name: value or "" for name, value in attributes}
        if "id" in found:
            self.ids.append(found["id"])
        if tag == "a" and "href" in found:
            self.links.append(found["href"])
        if tag in ("link", "script", "img") and (address := found.get("href", found.get("src"))):
            self.loads.append(address)
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(int(tag[1]))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        """Elements that close themselves hold nothing."""

    def handle_endtag(self, tag: str) -> None:
        """Close what is open, and nothing else."""
        assert self.open[-1:] == [tag], (tag, self.open[-3:], self.getpos())
        self.open.pop()


@pytest.fixture(scope="module")
def pages(site: Path) -> dict[str, Reader]:
    return {
        file.relative_to(site).as_posix(): Reader(file.read_text(encoding="utf-8"))
        for file in sorted(site.rglob("*.html"))
    }


def test_every_link_leads_to_a_page_and_a_place_in_it(site: Path, pages: dict[str, Reader]) -> None:
    for name, page in pages.items():
        for link in page.links:
            if link == trends.LINK:  # leaves the site for what `asv publish` puts beside reports
                continue
            parts = urlsplit(link)
            assert (parts.scheme, parts.netloc) == ("", ""), (name, link)
            target = (site / name).parent / unquote(parts.path) if parts.path else site / name
            assert target.is_file(), (name, link)
            if parts.fragment and target.suffix == ".html":
                known = pages[target.resolve().relative_to(site.resolve()).as_posix()]
                assert unquote(parts.fragment) in known.ids, (name, link)


def test_nothing_is_loaded_from_elsewhere(site: Path, pages: dict[str, Reader]) -> None:
    for name, page in pages.items():
        for address in page.loads:
            parts = urlsplit(address)
            inline = parts.scheme == "data"
            assert inline or ((site / name).parent / parts.path).is_file(), (name, address)
    for file in (*site.rglob("*.css"), *site.rglob("*.js")):
        text = file.read_text(encoding="utf-8")
        assert "http" not in text
        assert "@import" not in text
        for address in re.findall(r"url\(\"?([^\")]+)", text):
            assert (file.parent / address).is_file(), address


def test_ids_are_unique_and_headings_descend(pages: dict[str, Reader]) -> None:
    for name, page in pages.items():
        assert len(page.ids) == len(set(page.ids)), name
        assert [n for n, level in enumerate(page.headings) if level == 1] == [0], name
        assert all(b <= a + 1 for a, b in zip(page.headings, page.headings[1:], strict=False)), name


def test_front_page_is_small(site: Path) -> None:
    assert (site / "index.html").stat().st_size < 300_000


def test_every_claim_has_its_place_on_the_page_of_its_source(
    material: Material, pages: dict[str, Reader]
) -> None:
    for entry in material.entries:
        file, _, anchor = entry.page.partition("#")
        assert anchor in pages[file].ids
        assert entry.page in pages["claims.html"].links
    for entry in material.errata:
        assert entry.page in pages["errata.html"].links
        assert entry.page in pages["index.html"].links


def test_every_claim_points_at_the_lines_that_decide_it(site: Path, material: Material) -> None:
    for entry in material.entries:
        assert entry.places, entry.id
    place = material.by_id["chen2023/theorem-2.1/a"].places[0]
    name = place.file.removeprefix("verification/").removesuffix(".py")
    page = (site / "code" / f"{name}.html").read_text(encoding="utf-8")
    line = re.search(rf'id="L{place.line}">(.*?)\n?</span><span class="l"', page)
    assert line is not None
    assert "claim" in line[1]


def test_counterexamples_are_numbers_that_build_their_scene(material: Material) -> None:
    assert material.scenes
    built = 0
    for name, numbers in material.scenes.items():
        scope: dict[str, object] = {}
        exec(snippet(numbers), scope)
        if "problem" in scope:
            problem, theta = scope["problem"], scope["theta"]
            assert len(theta) == problem.network.parameter_count, name  # type: ignore[attr-defined,arg-type]
            assert problem.value(theta) >= 0, name  # type: ignore[attr-defined]
            built += 1
    assert built > 100


# ---- building ---------------------------------------------------------------------------------


def chapters(*made: Page | Missing) -> list[Chapter]:
    return [Chapter("index", "Start", lambda material: list(made))]


def contents(folder: Path) -> dict[str, bytes]:
    files = (file for file in folder.rglob("*") if file.is_file())
    return {file.relative_to(folder).as_posix(): file.read_bytes() for file in files}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    (tmp_path / "verification" / "register").mkdir(parents=True)
    small_register(tmp_path / "verification" / "register")
    return tmp_path


def test_a_bare_tree_makes_a_report_that_says_what_is_missing(tree: Path) -> None:
    made = build.report(tree)
    assert made.front.is_file()
    assert made.problems == []
    commands = [each.command for each in made.missing]
    assert "python -m geomdl verify" in " ".join(commands)
    assert any("precision" in command for command in commands)
    page = (tree / "reports" / "site" / "precision.html").read_text(encoding="utf-8")
    assert "python -m geomdl precision ladder" in page
    assert (tree / "reports" / "verdicts.md").is_file()
    assert (tree / "reports" / "errata.md").is_file()


def test_building_twice_gives_the_same_files(tree: Path) -> None:
    build.report(tree)
    before = contents(tree / "reports")
    build.report(tree)
    assert contents(tree / "reports") == before


def failing(material: Material) -> Iterator[Page]:
    raise RuntimeError("a study was cut short")


def test_a_build_that_fails_leaves_the_old_report(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    build.report(tree)
    before = contents(tree / "reports")
    broken = [*build.CHAPTERS, Chapter("broken", "Broken", failing)]  # type: ignore[arg-type]
    monkeypatch.setattr(build, "CHAPTERS", broken)
    with pytest.raises(RuntimeError, match="cut short"):
        build.report(tree)
    assert contents(tree / "reports") == before


def test_a_write_that_fails_leaves_the_old_report(tree: Path) -> None:
    target = tree / "site"

    def fill(folder: Path) -> None:
        (folder / "a").write_text("old")

    build.replace_folder(target, fill)

    def cut_short(folder: Path) -> None:
        (folder / "a").write_text("new")
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        build.replace_folder(target, cut_short)
    assert contents(target) == {"a": b"old"}
    assert [entry.name for entry in tree.iterdir() if entry.name.startswith(".site")] == []


def test_a_new_site_replaces_all_of_the_old_one(tree: Path) -> None:
    target = tree / "site"
    for name in ("first", "second"):

        def fill(folder: Path, name: str = name) -> None:
            (folder / name).write_text("")

        build.replace_folder(target, fill)
    assert list(contents(target)) == ["second"]


def test_an_unsound_register_is_refused_with_the_command_that_explains(tree: Path) -> None:
    register = tree / "verification" / "register"
    small_register(register, edit=('verdict = "open"', 'verdict = "maybe"'))
    with pytest.raises(ReportError, match="claims check"):
        build.report(tree)


def test_what_is_missing_is_said_on_the_page(tree: Path) -> None:
    material = gather(tree)
    site = build.assemble(material, chapters(Missing("the <curve>", "python -m geomdl curve")))
    assert "the &lt;curve&gt;: <code>python -m geomdl curve</code>" in str(site.files["index.html"])
    assert [each.what for each in site.missing] == ["the <curve>"]


def test_a_check_is_found_in_the_module_to_which_it_moved_since_the_run(tree: Path) -> None:
    measured.write(tree / measured.KEPT, measured.condensed(document(row())))
    folder = tree / "verification" / "alpha"
    folder.mkdir()
    (folder / "test_elsewhere.py").write_text('@claim("alpha/model/a")\ndef test_cost(at):\n    pass\n')
    entry = gather(tree).by_id["alpha/model/a"]
    assert [place.node for place in entry.places] == ["verification/alpha/test_elsewhere.py::test_cost"]
    assert entry.measured is not None
    assert entry.measured.checks == [entry.places[0].node]


def test_two_pages_may_not_bring_different_files_of_one_path(tree: Path) -> None:
    pages = [Page(name, name, "index", "", {"data/x.csv": name}) for name in ("a", "b")]
    with pytest.raises(ReportError, match=r"data/x\.csv"):
        build.assemble(gather(tree), chapters(*pages))


def test_numbers_are_kept_only_when_there_are_some(tree: Path) -> None:
    with pytest.raises(ReportError, match="geomdl verify"):
        build.report(tree, keep=True)
    assert not (tree / "reports").exists()
