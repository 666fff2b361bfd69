"""Attacks the site in a real browser: what is seen, reached by keyboard, read out, and fetched."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gatehouse.site.build import DOCUMENTS, INDEX
from tests.gatehouse.site.browser import PROGRAM, Browser, chromium
from tests.gatehouse.site.scene import ROOT
from tests.github.needed import missing

AXE = ROOT / ".venv/tools/node_modules/axe-core/axe.min.js"
PAGES = [INDEX.file, *(page.file for page in DOCUMENTS)]
SCHEMES = [pytest.param(False, id="light"), pytest.param(True, id="dark")]

# The focused element, and what a person sees of its being so.
FOCUSED = """(() => {
    const e = document.activeElement, s = getComputedStyle(e), r = e.getBoundingClientRect();
    return {tag: e.tagName, href: e.getAttribute('href'), label: e.getAttribute('aria-label'),
            outline: s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) >= 2,
            seen: r.width > 0 && r.right > 0 && r.bottom > 0 && r.top < innerHeight};
})()"""
REACHED = "a[href], summary, [tabindex='0']"


pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    if PROGRAM is None:
        missing("chromium (Debian's package of that name)")
    with chromium(tmp_path_factory.mktemp("browser") / "profile") as found:
        yield found


def violations(browser: Browser) -> list[Any]:
    """What axe-core finds, all of its rules asked."""
    if not AXE.is_file():
        missing("axe-core (node and npm, then `make .venv/.installed-dev`)")
    browser.evaluate(AXE.read_text("utf-8") + "; 0")
    told = browser.evaluate(
        "axe.run().then(found => JSON.stringify("
        "found.violations.map(v => [v.id, v.nodes.map(n => n.html.slice(0, 300))])))"
    )
    return list(json.loads(told))


@pytest.mark.parametrize("dark", SCHEMES)
@pytest.mark.parametrize("name", PAGES)
def test_axe_finds_nothing(browser: Browser, made: Path, name: str, dark: bool) -> None:
    """Attacks contrast, names, roles, headings, landmarks, tables: zero violations."""
    browser.open(made / name, dark=dark)
    # What is folded is looked at too.
    browser.evaluate("document.querySelectorAll('details').forEach(e => { e.open = true; })")
    assert violations(browser) == []


def test_axe_would_find_something(browser: Browser, made: Path) -> None:
    """Attacks a check that cannot fail: planted defects are found."""
    browser.open(made / INDEX.file)
    browser.evaluate(
        "document.querySelector('h1').setAttribute('class', 'hidden'), "
        "document.documentElement.removeAttribute('lang'), "
        "document.querySelector('.verdict p').style.color = '#bbb'"
    )
    assert {each[0] for each in violations(browser)} >= {"html-has-lang", "color-contrast"}


@pytest.mark.parametrize("dark", SCHEMES)
@pytest.mark.parametrize("width", [1200, 320])
def test_a_picture_of_each_page(
    browser: Browser, made: Path, tmp_path: Path, width: int, dark: bool
) -> None:
    """Attacks blank pages, a scheme that is not kept to, and a page wider than a phone."""
    for name in PAGES:
        browser.open(made / name, dark=dark, width=width)
        picture = browser.picture(tmp_path / f"{name}.png")
        assert picture.startswith(b"\x89PNG")
        # Compressed to a few hundred bytes where nothing is to be seen.
        assert len(picture) > 20_000, name
        assert browser.evaluate("document.documentElement.scrollWidth") <= width, name
        back = browser.evaluate("getComputedStyle(document.body).backgroundColor")
        assert (sum(map(int, back[4:-1].split(","))) < 200) == dark
        narrowest = browser.evaluate(
            "Math.min(...[...document.querySelectorAll('figure > svg')].map(e => e.clientWidth))"
        )
        assert narrowest is None or narrowest > 200, name


@pytest.mark.parametrize("name", PAGES)
def test_every_link_is_reached_by_tab(browser: Browser, made: Path, name: str) -> None:
    """Attacks a link or a table that only a mouse reaches, and a focus that is not seen."""
    browser.open(made / name)
    wanted = browser.evaluate(f"document.querySelectorAll({json.dumps(REACHED)}).length")
    folded = browser.evaluate("document.querySelectorAll('details [tabindex]').length")
    reached = []
    for _ in range(wanted - folded):
        browser.press("Tab")
        reached.append(browser.evaluate(FOCUSED))
    assert all(each["outline"] and each["seen"] for each in reached)
    links = browser.evaluate("[...document.links].map(e => e.getAttribute('href'))")
    assert [each["href"] for each in reached if each["tag"] == "A"] == links
    tables = browser.evaluate("document.querySelectorAll('.scroll').length")
    assert sum(each["tag"] == "DIV" for each in reached) == tables - folded
    # And back again, out of every scrolled table.
    browser.press("Tab", shift=True)
    assert browser.evaluate(FOCUSED)["href"] == reached[-2]["href"]


def test_the_skip_link_skips(browser: Browser, made: Path) -> None:
    """Attacks a skip link that is never seen, or leads to where the menu comes again."""
    browser.open(made / INDEX.file)
    assert not browser.evaluate("document.querySelector('.skip').getBoundingClientRect().left > 0")
    browser.press("Tab")
    assert browser.evaluate(FOCUSED) == {
        "tag": "A", "href": "#main", "label": None, "outline": True, "seen": True,
    }  # fmt: skip
    browser.press("Enter")
    browser.press("Tab")
    assert browser.evaluate("document.querySelector('main').contains(document.activeElement)")


def test_a_folded_table_opens_by_keyboard(browser: Browser, made: Path) -> None:
    """Attacks numbers that are behind a mouse."""
    browser.open(made / INDEX.file)
    browser.evaluate("document.querySelector('summary').focus()")
    browser.press("Enter")
    assert browser.evaluate("document.querySelector('details').open")
    browser.press("Tab")
    assert browser.evaluate(FOCUSED)["label"].startswith("Numbers of ")


@pytest.mark.parametrize("name", PAGES)
def test_nothing_is_fetched_and_nothing_runs(browser: Browser, made: Path, name: str) -> None:
    """Attacks a font, picture or script from elsewhere, and what the policy would refuse."""
    browser.open(made / name)
    assert browser.requests() == [(made / name).as_uri()]
    assert browser.problems() == []
    assert browser.evaluate("document.scripts.length") == 0
    assert browser.evaluate("document.title").endswith("Gatehouse")
    assert browser.evaluate("performance.getEntriesByType('resource').length") == 0


def test_the_policy_stops_what_slipped_through(
    browser: Browser, made: Path, tmp_path: Path
) -> None:
    """Attacks the second line: markup that was not escaped neither runs nor fetches."""
    page = tmp_path / "page.html"
    slipped = (
        "<script>document.title = 'ran'</script><img src='http://127.0.0.1:9/seen' "
        "onerror=\"document.title = 'ran'\"><link rel=stylesheet href='http://127.0.0.1:9/a.css'>"
        "<style>body { display: none }</style><p style='display: none' id=plain>x</p>"
    )
    text = (made / INDEX.file).read_text("utf-8")
    page.write_text(text.replace("</main>", f"{slipped}</main>"), "utf-8")
    browser.open(page)
    assert browser.evaluate("document.title").endswith("Gatehouse")
    assert browser.refused() == len(browser.requests()) - 1 == 2
    assert len(browser.problems()) >= 4
    assert browser.evaluate("getComputedStyle(document.body).display") == "block"
    assert browser.evaluate("getComputedStyle(document.getElementById('plain')).display") == "block"
