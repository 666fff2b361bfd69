"""Attacks the rendering of Markdown that anyone may have written."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatehouse.charts import mermaid
from gatehouse.charts.contents import Bars, Lines, Series
from gatehouse.report.tables import table
from gatehouse.site.markdown import render, render_inline
from tests.gatehouse.site.html import Page

HOSTILE = [
    "<script>alert(1)</script>",
    "a <script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "a <img src=x onerror=alert(1)> b",
    "![a](https://example.org/seen.png)",
    "[a](javascript:alert(1))",
    "[a](data:text/html,x)",
    "[a](file:///etc/passwd)",
    "<javascript:alert(1)>",
    "<details onclick=alert(1)>\n<summary>a</summary>\n\nb\n\n</details>",
    "<details>\n<summary><script>alert(1)</script></summary>\n\nb",
    "<details>\n<summary>&lt;script&gt;</summary>\n\nb",
    "<!-- a --><script>alert(1)</script>",
    "<!-- a\n\n<script>alert(1)</script> -->",
    "<style>body { display: none }</style>",
    '<p style="position: fixed">a</p>',
    "<br onmouseover=alert(1)>",
    "<iframe src=https://example.org></iframe>",
    "<meta http-equiv=refresh content='0;url=https://example.org'>",
    "| a |\n| - |\n| <b onclick=alert(1)>x</b> |",
    "```mermaid\n</code></pre><script>alert(1)</script>\n```",
    "```<script>alert(1)</script>\ncode\n```",
    '# <a name="main" href="javascript:alert(1)">x</a>',
    "[x]: javascript:alert(1)\n\n[x]",
    "> " * 200 + "deep",
    "<![CDATA[<script>alert(1)</script>]]>",
    "<?php <script>alert(1)</script> ?>",
]


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("how", [render, render_inline])
def test_nothing_becomes_markup(text: str, how: object) -> None:
    """Each of these is shown as text, or not at all."""
    assert callable(how)
    page = Page(how(text))
    assert page.strange() == []
    assert page.count("script") == page.count("img") == page.count("style") == 0


_BITS = st.sampled_from(
    ["<", ">", "</", "<!--", "-->", "script", "img src=x ", "onerror=", "details", "summary", "\n",
     "\n\n", "```", "mermaid\n", "|", "| - |\n", "[", "](", ")", "javascript:", "https://a.b", "`",
     '"', "'", "&lt;", "&#60;", "#", " ", "*", "_", "\\", "&", "<br>", "</details>", "\0", "title",
     "x-axis [", "xychart-beta\n", "bar [1, 2]\n"]
)  # fmt: skip


@given(st.lists(_BITS, max_size=40).map("".join))
def test_no_mixture_becomes_markup(text: str) -> None:
    """Pieces of Markdown and HTML in any order."""
    assert Page(render(text)).strange() == []
    assert Page(render_inline(text)).strange() == []


def test_what_our_reports_use_is_kept() -> None:
    """Attacks a report that lost its tables, breaks, sections or signs."""
    text = (
        "<!-- gatehouse -->\n\n## ✅ Gatehouse: pass\n\n| | Gate | n |\n| :-- | :-- | --: |\n"
        "| ❌ | **drift**<br>Data&nbsp;as | 1 |\n\n"
        "<details>\n<summary>All rules</summary>\n\n`a` &lt; b\n\n</details>\n"
    )
    page = Page(render(text))
    assert page.text == "✓ Gatehouse: pass Gate n ✗ drift Data as 1 All rules a < b"
    signs = [attrs["aria-label"] for tag, attrs in page.tags if attrs.get("role") == "img"]
    assert signs == ["pass", "fail"]
    assert (page.count("h2"), page.count("h3"), page.count("br")) == (1, 1, 1)
    heads = [attrs for tag, attrs in page.tags if tag == "th"]
    assert heads == [{"scope": "col"}, {"class": "r", "scope": "col"}]
    (region,) = [attrs for tag, attrs in page.tags if attrs.get("class") == "scroll"]
    assert region["aria-label"] == "Gatehouse: pass, table 1"
    assert region["tabindex"] == "0"


def test_a_table_without_a_head_has_row_heads() -> None:
    """Attacks a table that a screen reader reads without saying what a cell is."""
    page = Page(render(table(["", ""], [["policy", "`abc`"], ["model", "x"]])))
    heads = [attrs for tag, attrs in page.tags if tag == "th"]
    assert heads == [{"scope": "row"}, {"scope": "row"}]


def test_a_link_tells_nothing_to_where_it_leads() -> None:
    """Attacks the address of a private page in the log of a public one."""
    (tag,) = [attrs for tag, attrs in Page(render("[a](https://example.org)")).tags if tag == "a"]
    assert tag == {"href": "https://example.org", "rel": "noreferrer"}


@pytest.mark.parametrize(
    ("chart", "numbers"),
    [
        (Bars("Rates", "share", (("a", 0.25), ("b & <c>", 0.5)), 0.3), ["0.25", "0.3", "0.5"]),
        (Bars("Rates", "share", (("a", -1.0),)), ["-1"]),
        (
            Lines("Over time", "effect", ("week 1", "week 2"), (Series("", (0.01, 0.07)),)),
            ["0.01", "0.07"],
        ),
    ],
)
def test_a_chart_is_a_picture_and_a_table(chart: Bars | Lines, numbers: list[str]) -> None:
    """Attacks Mermaid that is left as code, and a picture without its numbers."""
    page = Page(render(mermaid.write(chart)))
    assert page.strange() == []
    assert (page.count("svg"), page.count("table"), page.count("pre")) == (1, 1, 0)
    cells = page.text.split()
    assert set(numbers) <= set(cells)


@pytest.mark.parametrize(
    "source",
    [
        "flowchart LR\n  a --> b",
        "xychart-beta\n  bar [1, x]",
        "xychart-beta\n  bar []",
        "xychart-beta\n  click a",
        f"xychart-beta\n  bar [{'1, ' * 5000}1]",
        "",
    ],
)
def test_what_is_no_chart_of_ours_is_text(source: str) -> None:
    """Attacks a chart that is dropped, or half understood."""
    page = Page(render(f"```mermaid\n{source}\n```"))
    assert (page.count("svg"), page.count("pre")) == (0, 1)


@pytest.mark.parametrize("values", ["1e308, -1e308", "1e308", "nan, 1", "inf", "1e-320, 0", "0, 0"])
def test_numbers_that_cannot_be_drawn_are_still_told(values: str) -> None:
    """Attacks a chart's arithmetic: overflow, nothing between, no number."""
    page = Page(render(f"```mermaid\nxychart-beta\nline [{values}]\n```"))
    assert page.strange() == []
    assert "nan" not in " ".join(str(a.get("points")) for _, a in page.tags)


def test_what_lies_beside_the_site_is_no_link() -> None:
    """Attacks a link to a file that was not published, and a word that is left of it."""
    docs = "[docs](../packages/gatehouse/docs/gates.md#drift)"
    page = Page(render(f"[`a`](../policy.yaml#L3) · {docs}, [x](../x)"))
    assert page.links == []
    assert page.text.startswith("a ,")
