"""The site as a reader sees it: in Chromium, from the file system, at desktop and phone width."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from verification.report.gather import Material
from verification.report_tests.browser import CHROMIUM, Browser

pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason="no Chromium here (Debian: apt-get install chromium)"
)

WIDE, PHONE = (1280, 900), (390, 844)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with Browser() as browser:
        yield browser


@pytest.fixture(autouse=True)
def _plain(browser: Browser) -> None:
    browser.size(*WIDE)
    browser.media()


def some_pages(site: Path) -> list[Path]:
    return [*sorted(site.glob("*.html")), site / "code/chen2023/test_theorem_2_1.html"]


def test_no_page_has_errors_or_asks_the_network_for_anything(browser: Browser, site: Path) -> None:
    for page in some_pages(site):
        browser.open(page)
        assert browser.errors == [], page.name
        assert [url for url in browser.requests if not url.startswith(("file:", "data:"))] == []


def test_pages_fit_a_phone_without_scrolling_sideways(browser: Browser, site: Path) -> None:
    browser.size(*PHONE, phone=True)
    for page in some_pages(site):
        browser.open(page)
        width = browser.evaluate("document.documentElement.scrollWidth")
        assert width <= PHONE[0], page.name


def test_mathematics_is_drawn_in_the_font_that_lies_beside_the_page(
    browser: Browser, site: Path
) -> None:
    browser.open(site / "chenewald2024.html")
    sizes = browser.evaluate(
        "[...document.querySelectorAll('math')].slice(0, 300).map(m => m.getBoundingClientRect().height)"
    )
    assert len(sizes) == 300
    assert min(sizes) > 5
    assert browser.evaluate("document.fonts.check('20px \"Report Math\"')")
    # a fraction is taller than its parts, so that it is not merely text
    assert browser.evaluate(
        "[...document.querySelectorAll('mfrac')].filter(f => f.getBoundingClientRect().height"
        " > 1.5 * f.firstElementChild.getBoundingClientRect().height).length > 10"
    )


def test_a_box_of_the_graph_leads_to_its_statement(browser: Browser, site: Path) -> None:
    browser.open(site / "graph-chen2023.html")
    browser.click("#g-chen2023-theorem-2_1 rect.box")
    browser.wait("location.pathname.endsWith('chen2023.html') && location.hash === '#theorem-2.1'")
    assert browser.evaluate("document.querySelector(':target h2').textContent").startswith("Theorem 2.1")
    top = "document.querySelector(':target').getBoundingClientRect().top"
    browser.wait(f"0 <= {top} && {top} < {WIDE[1] / 2}")


def test_pointing_at_a_box_lights_what_it_rests_on(
    browser: Browser, site: Path, material: Material
) -> None:
    browser.open(site / "graph-chen2023.html")
    browser.evaluate("document.getElementById('g-chen2023-theorem-2_1').focus()")
    lit = browser.evaluate("[...document.querySelectorAll('.node.on')].map(node => node.id)")
    for below in material.foundations["chen2023/theorem-2.1"]:
        assert f"g-{below.replace('/', '-').replace('.', '_')}" in lit


def shown(browser: Browser) -> int:
    return int(
        browser.evaluate(
            "[...document.querySelectorAll('[data-verdict]')].filter(e => !e.hidden).length"
        )
    )


def test_filters_leave_the_claims_that_were_asked_for(
    browser: Browser, site: Path, material: Material
) -> None:
    verdicts = [entry.verdict for entry in material.entries]
    browser.open(site / "claims.html")
    assert shown(browser) == len(verdicts)
    browser.click("input[value=fails]")
    assert shown(browser) == verdicts.count("fails")
    browser.click("input[value=chen2023]")
    mine = [e for e in material.entries if e.verdict == "fails" and e.statement.source == "chen2023"]
    assert shown(browser) == len(mine)
    assert browser.evaluate("document.querySelector('output').textContent") == (
        f"{len(mine)} of {len(verdicts)} claims"
    )
    browser.click("button[type=reset]")
    browser.wait(f"document.querySelectorAll('[data-verdict]:not([hidden])').length === {len(verdicts)}")


def test_search_finds_words_latex_and_ids_from_the_keyboard(browser: Browser, site: Path) -> None:
    browser.open(site / "claims.html")
    browser.press("/")
    assert browser.evaluate("document.activeElement.name") == "q"
    browser.type(r"\operatorname{rank} theorem-4.1")
    browser.wait("document.activeElement.value.endsWith('theorem-4.1')")
    found = browser.evaluate(
        "[...document.querySelectorAll('[data-verdict]:not([hidden])')].map(e => e.dataset.text)"
    )
    assert found
    assert all(r"\operatorname{rank}" in text and "theorem-4.1" in text for text in found)


def test_a_count_on_the_front_page_leads_to_its_claims(
    browser: Browser, site: Path, material: Material
) -> None:
    browser.open(site / "index.html")
    browser.click(".counts .undecidable a")
    browser.wait("location.search === '?verdict=undecidable'")
    assert shown(browser) == sum(entry.verdict == "undecidable" for entry in material.entries)


def test_theme_follows_the_system_and_the_button(browser: Browser, site: Path) -> None:
    colour = "getComputedStyle(document.body).backgroundColor"
    browser.open(site / "index.html")
    light = browser.evaluate(colour)
    browser.media("dark")
    dark = browser.evaluate(colour)
    assert dark != light
    browser.click("#theme")
    assert browser.evaluate(colour) == light
    browser.evaluate("localStorage.clear()")


def test_a_command_is_copied(browser: Browser, site: Path) -> None:
    browser.open(site / "chen2023.html")
    selector = r"#theorem-2\.1--a .run button"
    # the word stands there for a second only, which a busy machine may miss: the page itself takes note
    browser.evaluate(
        f"(() => {{ const button = document.querySelector({json.dumps(selector)}); window.said = [];"
        " new MutationObserver(() => said.push(button.textContent))"
        ".observe(button, {childList: true}); })()"
    )
    browser.click(selector)
    browser.wait("said.includes('copied')")


def test_keyboard_reaches_the_content_first(browser: Browser, site: Path) -> None:
    browser.open(site / "index.html")
    browser.press("Tab")
    assert browser.evaluate("document.activeElement.className") == "skip"
    assert browser.evaluate("document.activeElement.getBoundingClientRect().left") >= 0


def test_print_leaves_out_what_paper_cannot_do(browser: Browser, site: Path) -> None:
    browser.media(medium="print")
    browser.open(site / "errata.html")
    for gone in ("header.site", "form.filter", "button"):
        assert browser.evaluate(f"getComputedStyle(document.querySelector('{gone}')).display") == "none"


def test_every_text_has_contrast_in_light_and_dark(browser: Browser, site: Path) -> None:
    measure = """(() => {
      const channel = c => (c /= 255, c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
      const light = rgb => { const [r, g, b] = rgb.match(/[\\d.]+/g).map(Number).map(channel);
        return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
      const paper = light(getComputedStyle(document.body).backgroundColor);
      const worst = {};
      for (const element of document.querySelectorAll('main *')) {
        if (!element.firstChild || element.firstChild.nodeType !== 3 || element.closest('svg')) continue;
        const ink = light(getComputedStyle(element).color);
        worst[element.tagName] = Math.min(worst[element.tagName] ?? 99,
          (Math.max(ink, paper) + 0.05) / (Math.min(ink, paper) + 0.05));
      }
      return worst;
    })()"""
    for scheme in ("light", "dark"):
        browser.media(scheme)
        for page in ("index.html", "chen2023.html", "errata.html"):
            browser.open(site / page)
            assert min(browser.evaluate(measure).values()) >= 4.5, (scheme, page)
