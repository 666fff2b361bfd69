"""Attacks the published documentation by what docs/ may hold, which nobody has to approve."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from pathlib import Path

import pytest

from tests.template.test_site import ROOT, build

CONFIG = """\
INHERIT: {root}/packages/gatehouse/mkdocs.yml
docs_dir: docs
site_dir: site
theme: {{custom_dir: {root}/packages/gatehouse/mkdocs/theme}}
hooks: [{root}/packages/gatehouse/mkdocs/hooks.py]
validation: {{nav: {{omitted_files: ignore}}, links: {{unrecognized_links: ignore}}}}
plugins:
  - search
  - mkdocstrings:
      handlers: {{python: {{paths: [src], options: {{allow_inspection: false}}}}}}
nav: [index.md]
"""
MARK = "planted"
RUN = f"alert('{MARK}')"

# Each shows its mark as text, and nothing else.
SHOWN = {
    "block script": f"<script>{RUN}</script>",
    "inline script": f"Text <script>{RUN}</script> and more.",
    "picture": f'<img src=x onerror="{RUN}">',
    "inline picture": f"Text <img src=x onerror={RUN}> and more.",
    "svg": f"<svg onload={RUN}><a></a></svg>",
    "frame": f"<iframe srcdoc='{MARK}'></iframe>",
    "block of Markdown": f'<div markdown="1" onclick="{RUN}">**bold**</div>',
    "details": f"<details open ontoggle={RUN}><summary>x</summary></details>",
    "style": f"<style>@import '//x.example/{MARK}'</style>",
    "base": f"<base href='//x.example/{MARK}/'>",
    "form": f"<form action='//x.example/{MARK}'><button>Log in</button></form>",
    "refresh": f"<meta http-equiv=refresh content='0;url=//x.example/{MARK}'>",
    "comment of several lines": f"<!-- a\n<img src=x onerror={RUN}>\n-->",
    "comment and more": f"<!-- a --> <img src=x onerror={RUN}> <!-- b -->",
    "list of attributes": f'Text\n{{: onclick="{RUN}" style="x" }}',
    "attributes of a heading": f'## Text {{: onclick="{RUN}" }}',
    "heading": f"## <img src=x onerror={RUN}>",
    "heading, escaped": f"## &lt;img src=x onerror={RUN}&gt;",
    "table": f"| a |\n| - |\n| <svg onload={RUN}> |",
    "note": f'!!! note "<script>{RUN}</script>"\n    x',
    "note's kind": f'!!! note" onclick="{RUN}\n    x',
    "task": f"- [ ] <img src=x onerror={RUN}>",
    "title of code": f'```{{.py title="<script>{RUN}</script>" onclick="{RUN}"}}\nx\n```',
    "code": f"```html\n<script>{RUN}</script>\n```",
    "directive": f"::: pipeline.{MARK}\n    options:\n      extensions: [evil.py]",
    "directive in a list": f"- ::: pipeline.{MARK}\n      options:\n        extensions: [evil.py]",
    "title of the page": f"# </title><script>{RUN}</script>",
    "address as text": f"<javascript:{RUN}>",
}
_LINK = f"[{MARK}]({{}})"
ADDRESSES = [
    "javascript:x", "JaVaScRiPt:x", "java&#115;cript:x", "&#x6A;avascript:x", "javascript&colon;x",
    "&Tab;javascript:x", "<java\tscript:x>", "< javascript:x>", "\\javascript:x", "vbscript:x",
    "data:text/html,x", "blob:x", "javascript\\:x", "java\u00adscript:x", "&amp;#106;avascript:x",
]  # fmt: skip
HEAD = f"""\
---
title: "\\"></title><script>{RUN}</script>"
description: "\\"><script>{RUN}</script>"
icon: "\\"><script>{RUN}</script>"
status: "\\"><script>{RUN}</script>"
template: 404.html
---
# A page

With settings at its head.
"""
DOCSTRING = f'''\
"""A module.

<script>{RUN}</script> and <img src=x onerror={RUN}> and [link](javascript:{RUN})
"""


def train() -> None:
    """Train.

    <div onclick="{RUN}">x</div>

    Args:
        x: <svg onload={RUN}>
    """
'''
FILES = (
    "evil.html", "evil.htm", "evil.xhtml", "evil.svg", "evil.js", "evil.mjs", "evil.xml",
    "evil.HTML", "evil.css", "evil.swf", "evil.pdf", "evil", "CNAME", "_headers", "sw.js",
    "assets/javascripts/bundle.js", "sub/evil.shtml", "evil.wasm", "evil.webmanifest", "evil.html~",
)  # fmt: skip


class Page(HTMLParser):
    """Where a page has the mark: tags and attributes that run, and text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.run: list[str] = []
        self.text = ""
        self.tags: list[str] = []
        self._open = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._open = tag
        self.tags.append(tag)
        for name, value in attrs:
            given = value or ""
            anchor = name == "href" and given.startswith("#")
            harmless = name in ("id", "title", "aria-label", "class", "for") or anchor
            if (MARK in given and not harmless) or name.startswith("on") or "script:" in given:
                self.run.append(f"<{tag} {name}={given}>")

    def handle_endtag(self, tag: str) -> None:
        self._open = ""

    def handle_data(self, data: str) -> None:
        if self._open in ("script", "style"):
            if MARK in data:
                self.run.append(f"<{self._open}>{data}")
        else:
            self.text += data


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A site of hostile pages."""
    root = tmp_path_factory.mktemp("plain")
    docs = root / "docs"
    (docs / "reference").mkdir(parents=True)
    (docs / "index.md").write_text("# Start\n\nText\n")
    for number, text in enumerate(SHOWN.values()):
        start = "" if text.startswith("# ") else "# A page\n\n"
        (docs / f"shown{number}.md").write_text(f"{start}{text}\n", "utf-8")
    for number, address in enumerate(ADDRESSES):
        text = f"{_LINK.format(address)} ![{MARK}]({address}) [{MARK}][a]\n\n[a]: {address}\n"
        (docs / f"address{number}.md").write_text(f"# A page\n\n{text}", "utf-8")
    (docs / "head.md").write_text(HEAD)
    evil = f"import pathlib\npathlib.Path({str(root / 'ran')!r}).touch()\n"
    package = root / "src/gatehouse"
    (package / "pipeline").mkdir(parents=True)
    (package / "__init__.py").write_text(evil)
    (package / "pipeline/__init__.py").write_text(evil)
    (package / "pipeline/trainer.py").write_text(DOCSTRING + evil)
    (root / "evil.py").write_text(evil)
    directive = "::: gatehouse.pipeline.trainer\n    options:\n      extensions: [evil.py]\n"
    (docs / "reference/trainer.md").write_text(f"# Trainer\n\nText\n\n{directive}")
    for name in FILES:
        (docs / name).parent.mkdir(parents=True, exist_ok=True)
        (docs / name).write_text(f"<script>{RUN}</script>")
    (docs / "picture.png").write_bytes(b"\x89PNG")
    (root / "mkdocs.yml").write_text(CONFIG.format(root=ROOT), "utf-8")
    done = build(root / "mkdocs.yml", root / "site", strict=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return root / "site"


@pytest.mark.parametrize("number", range(len(SHOWN)), ids=list(SHOWN))
def test_html_of_a_page_is_text(site: Path, number: int) -> None:
    """Blocks, inline, in titles and by attributes: all of it is read, and none of it runs."""
    page = Page((site / f"shown{number}.html").read_text("utf-8"))
    assert page.run == []
    assert MARK in page.text
    assert {"iframe", "object", "embed", "base"}.isdisjoint(page.tags)


@pytest.mark.parametrize("number", range(len(ADDRESSES)), ids=ADDRESSES)
def test_an_address_that_runs_is_no_link(site: Path, number: int) -> None:
    """Links, pictures and references, however their scheme is written."""
    text = (site / f"address{number}.html").read_text("utf-8")
    article = text[text.index("<article") : text.index("</article>")]
    page = Page(article)
    assert page.run == []
    assert "img" not in page.tags
    assert page.tags.count("a") == 1, "the heading's own"
    assert MARK in page.text


def test_the_head_of_a_page_sets_nothing(site: Path) -> None:
    """The theme writes title, description and more into the page as they stand."""
    page = Page((site / "head.html").read_text("utf-8"))
    assert page.run == []
    assert "With settings at its head." in page.text
    assert MARK not in page.text


def test_docstrings_are_text_and_nothing_is_loaded(site: Path) -> None:
    """A free page names an extension, and a free module has HTML in its docstrings."""
    page = Page((site / "reference/trainer.html").read_text("utf-8"))
    assert page.run == []
    assert page.text.count(MARK) >= 4
    assert not (site.parent / "ran").exists()


@pytest.mark.parametrize("name", FILES)
def test_what_a_browser_would_run_is_not_copied(site: Path, name: str) -> None:
    """Pages, scripts and settings of the site's host, beside the Markdown."""
    made = site / name
    assert not made.exists() or MARK not in made.read_text("utf-8")
    assert (site / "picture.png").exists()


def test_the_search_shows_text(site: Path) -> None:
    """Its index is written into the page as it stands."""
    found = json.loads((site / "search/search_index.json").read_text("utf-8"))["docs"]
    assert any(MARK in entry["text"] for entry in found)
    for entry in found:
        assert Page(f"{entry['title']} {entry['text']}").run == []
