"""Attacks the documentation as a site: dead links, requests to other servers, unreadable pages."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import click
import pytest

from gatehouse.cli import main
from tests.gatehouse.site.browser import PROGRAM, chromium
from tests.github.needed import missing

ROOT = Path(__file__).parents[4]
LIBRARY = "packages/gatehouse"
REPOSITORY = "https://forge.example/octo/model"
OUTSIDE = re.compile(r"^(?:[a-z]+:)?//", re.IGNORECASE)
VOID = {"br", "col", "hr", "img", "input", "link", "meta", "path", "source"}

# The settings are the real ones; only what is read is small, and no page is made from docstrings.
SMALL = """\
INHERIT: {root}/packages/gatehouse/mkdocs.yml
docs_dir: docs
site_dir: site
theme: {{custom_dir: {root}/packages/gatehouse/mkdocs/theme}}
hooks: [{root}/packages/gatehouse/mkdocs/hooks.py]
plugins: [search]
nav: [index.md]
"""
PLANTED = """\
# Planted

[gone](gone.md) [gone below](#gone-below) [gone outside](../gone.md)
[gone in the README](../../../README.md#gone-in-it)
[fine](../../../README.md#two-commands) [rooted](/x.md)
"""


def build(
    config: Path, site: Path, strict: bool = True, **environment: str
) -> subprocess.CompletedProcess[str]:
    """`mkdocs build`, with no more of the environment than is given."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("GITHUB_")}
    words = ["mkdocs", "build", "--config-file", str(config), "--site-dir", str(site)]
    words += ["--strict"] if strict else []
    return subprocess.run(
        [sys.executable, "-m", *words],
        env=kept | {"NO_MKDOCS_2_WARNING": "1"} | environment,
        capture_output=True,
        text=True,
        check=False,
    )


class Html(HTMLParser):
    """What a page loads, its links, and its own content as (tags around it, text)."""

    def __init__(self, file: Path) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.links: list[str] = []
        self.texts: list[tuple[tuple[str, ...], str]] = []
        self.order: list[str] = []
        """The tags of the article's content, in order."""
        self._open: list[str] = []
        self._inside = 0
        self.feed(file.read_text("utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "a":
            self.links.append(given.get("href") or "")
        elif given.get("rel") not in ("canonical", "next", "prev"):
            self.loads += [given[key] or "" for key in ("src", "href", "srcset") if key in given]
        if self._inside:
            self.order.append(tag)
        if tag not in VOID:
            self._open.append(tag)
            if tag == "article" and not self._inside:
                self._inside = len(self._open)

    def handle_endtag(self, tag: str) -> None:
        if tag in self._open:
            while self._open.pop() != tag:
                pass
            if len(self._open) < self._inside:
                self._inside = 0

    def handle_data(self, data: str) -> None:
        if self._inside:
            self.texts.append((tuple(self._open), data))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The whole site, as a workflow builds it: with no warning."""
    folder = tmp_path_factory.mktemp("docs") / "site"
    done = build(ROOT / "packages/gatehouse/mkdocs.yml", folder, GITHUB_SERVER_URL="https://forge.example",
                 GITHUB_REPOSITORY="octo/model")  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.fixture(scope="module")
def pages(site: Path) -> dict[str, Html]:
    """The pages by name, each taken apart."""
    return {str(file.relative_to(site)): Html(file) for file in sorted(site.rglob("*.html"))}


def test_nothing_comes_from_another_server(site: Path, pages: dict[str, Html]) -> None:
    """Attacks fonts, scripts, pictures and counters that tell others who reads."""
    outside = [
        f"{name}: {url}" for name, page in pages.items() for url in page.loads if OUTSIDE.match(url)
    ]
    styles = [
        f"{file.name}: {found}"
        for file in site.rglob("*.css")
        for found in re.findall(r"(?:url\(|@import)\s*[\"']?(?:https?:)?//[^)]*", file.read_text())
    ]
    assert outside + styles == []
    texts = [(site / name).read_text("utf-8") for name in pages]
    assert all('http-equiv="Content-Security-Policy"' in text for text in texts)
    # What asks the forge for stars, and what would have Mermaid fetched.
    assert not [text for text in texts if 'data-md-component="source"' in text]
    assert not [text for text in texts if 'class="mermaid"' in text]


def test_pages_read_as_on_github(pages: dict[str, Html]) -> None:
    """Attacks lists and code that GitHub shows and MkDocs leaves as text; pages with no start."""
    left, starts = [], {}
    for name, page in pages.items():
        if name == "404.html":
            continue
        left += [
            f"{name}: {text.strip()[:80]}"
            for around, text in page.texts
            if not {"code", "pre", "h2", "h3"} & set(around)
            and ("```" in text or re.search(r"^(?:[-*]|\d+\.) \S|\]\(", text, re.MULTILINE))
        ]
        blocks = [tag for tag in page.order if tag in ("h1", "h2", "p", "pre", "table", "ul", "ol")]
        starts[name] = (page.order.count("h1"), blocks[:2])
    assert left == []
    assert {name: found for name, found in starts.items() if found != (1, ["h1", "p"])} == {}


def test_links_out_of_docs_lead_to_the_repository(pages: dict[str, Html]) -> None:
    """Attacks links that work on GitHub only, and an owner's name that is written down."""
    links = {link for page in pages.values() for link in page.links}
    assert f"{REPOSITORY}/blob/HEAD/SECURITY.md" in links
    assert f"{REPOSITORY}/tree/HEAD/{LIBRARY}/docs/schemas" in links
    assert f"{REPOSITORY}/blob/HEAD/{LIBRARY}/benchmarks/serving/RESULTS.md#with-a-shadow" in links
    assert not [link for link in links if link.startswith("..") and link.endswith(".md")]


def test_the_reference_is_the_codes_own(pages: dict[str, Html]) -> None:
    """Attacks a command or a class that nobody wrote down."""

    def names(command: click.Command, path: str) -> set[str]:
        inner = command.commands.values() if isinstance(command, click.Group) else ()
        told = (names(each, f"{path} {each.name}") for each in inner if not each.hidden)
        return {path}.union(*told)

    heads = {text for around, text in pages["reference/cli.html"].texts if "h2" in around}
    assert heads - {"¶"} == names(main, "gatehouse")
    for page, name in {"trainer": "TrainingData", "settings": "TrainSettings", "policy": "Policy",
                       "contract": "Contract", "evidence": "Evidence"}.items():  # fmt: skip
        texts = pages[f"reference/{page}.html"].texts
        assert name in {text.strip() for around, text in texts if "h2" in around}
    schemas = {file.name for file in (ROOT / "packages/gatehouse/docs/schemas").glob("*.json")}
    assert schemas <= {link.rpartition("/")[2] for link in pages["reference/schemas.html"].links}


def test_a_link_that_leads_nowhere_ends_the_build(tmp_path: Path) -> None:
    """Attacks pages and headings that were renamed, in docs/ and beyond it."""
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs/index.md").write_text(PLANTED, "utf-8")
    (tmp_path / "mkdocs.yml").write_text(SMALL.format(root=ROOT), "utf-8")
    done = build(tmp_path / "mkdocs.yml", tmp_path / "site")
    output = [line for line in done.stderr.splitlines() if line.startswith("WARNING")]
    assert done.returncode == 1, done.stderr
    for planted in ("'gone.md'", "#gone-below", "'../gone.md'", "#gone-in-it", "'/x.md'"):
        assert sum(planted in line for line in output) == 1, (planted, output)
    # Nobody said where the repository lies: its files are named, and not linked.
    page = Html(tmp_path / "site/index.html")
    assert "fine" in {text for _, text in page.texts}
    assert not [link for link in page.links if "README" in link]


def test_the_pages_in_a_browser(site: Path, pages: dict[str, Html], tmp_path: Path) -> None:
    """Attacks what only scripts would fetch, and pages wider than a telephone."""
    if PROGRAM is None:
        missing("chromium")
    found = {}
    with chromium(tmp_path / "profile") as browser:
        # 404.html names its parts from the root of a server.
        for number, name in enumerate(name for name in pages if name != "404.html"):
            browser.open(site / name, width=360, dark=number % 2 == 0)
            width = browser.evaluate("document.documentElement.scrollWidth")
            asked = [url for url in browser.requests() if not url.startswith(("file:", "data:"))]
            if asked or browser.problems() or width > 360:
                found[name] = (asked, browser.problems(), width)
    assert found == {}
