"""Hostile strings against a real Markdown renderer: nothing but their words may come out."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from gatehouse.report.escape import code, label, plain, prose
from gatehouse.report.tables import table

HOSTILE = [
    "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "<!-- ", "</details>", "<details>",
    "@octocat", "a@example.org", "#1", "org/repo#12", "GH-7", "https://evil.example/x",
    "www.evil.example", "xmpp:a@b", "[x](https://evil.example)", "![x](https://evil.example/a.png)",
    "[x]: https://evil.example", "<https://evil.example>", "a | b", "\\| b", "\\\\| b", "|", "a\nb",
    "a\r\n\r\n# b", "# heading", "- item", "+ item", "1. item", "1) item", "> quote", "    code",
    "===", "---", "***", "```", "`", "``a`", "a`b``c", "~~x~~", "*x*", "__x__", "&lt;b&gt;",
    "&#64;x", "\\", "\\`", "$x$", "$$x$$", "$`x`$", ":tada:", "\u202egnp.exe", "\u200b", "\x00",
    "\x1b[31m", "\ud800", "\u2028", "[^1]", "- [ ] x", "|---|", ":-:|:-:", "\tx", " x ", "",
]  # fmt: skip

# What a table cell of words may hold, besides the table itself.
HARMLESS = {"text", "code_inline", "em_open", "em_close", "text_special"}

# GitHub's own filters work on the words of the rendered page, outside of code.
FILTERS = re.compile(
    r"(?<!\w)@\w|#\d|\bGH-\d|https?://|www\.\w|\w@\w|:\w+:|xmpp:\w|\$", re.IGNORECASE
)

Check = Callable[[str], None]

strings = st.one_of(
    st.text(max_size=60),
    st.lists(st.sampled_from(HOSTILE), max_size=4).map("".join),
    st.text(alphabet="<>[]()*_`~|\\!#@$&:/.-+= \n\ta1w", max_size=30),
)


def parse(markdown: str) -> list[Token]:
    return (
        MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).parse(markdown)
    )


def inline(tokens: list[Token]) -> list[Token]:
    return [child for token in tokens for child in token.children or ()]


def assert_harmless(tokens: list[Token]) -> None:
    assert {token.type for token in inline(tokens)} <= HARMLESS
    words = " ".join(
        token.content if token.type != "code_inline" else " " for token in inline(tokens)
    )
    assert not FILTERS.search(words)


def every_hostile(test: Check) -> Check:
    for text in HOSTILE:
        test = example(text)(test)
    return test


@pytest.mark.parametrize("escape", [code, prose])
def test_a_table_cell_stays_one_cell(escape: Callable[[str], str]) -> None:
    """Pipes, newlines and backslashes must neither add cells and rows nor end the table."""

    @given(strings)
    @every_hostile
    def check(text: str) -> None:
        cell = escape(text)
        tokens = parse(table(["a", "b", "c"], [["x", cell, "y"], [cell, cell, cell]]))
        assert [token.type for token in tokens].count("td_open") == 6
        assert tokens[0].type == "table_open"
        assert tokens[-1].type == "table_close"
        assert_harmless(tokens)

    check()


@pytest.mark.parametrize("escape", [code, prose])
def test_a_paragraph_stays_one_paragraph(escape: Callable[[str], str]) -> None:
    """At the start of a line a string must open no heading, list, quote, fence or HTML block."""

    @given(strings)
    @every_hostile
    def check(text: str) -> None:
        tokens = parse(f"before\n\n{escape(text)}\n\nafter")
        kinds = {token.type for token in tokens}
        assert kinds == {"paragraph_open", "inline", "paragraph_close"}
        assert_harmless(tokens)

    check()


@given(strings)
def test_what_is_shown_is_printable_and_short(text: str) -> None:
    """Control, invisible and bidirectional characters are spelled out; length is bounded."""
    for shown in (code(text), plain(text)):
        assert all(character.isprintable() for character in shown.replace("\u2060", ""))
        shown.encode("utf-8")
    assert len(code("x" * 10_000)) < 100
    assert len(prose("#" * 10_000)) < 2_000


@given(strings)
def test_a_label_cannot_leave_its_quotes(text: str) -> None:
    """Mermaid: quotes, comments, directives, entities and Markdown strings must not survive."""
    shown = label(text)
    assert re.fullmatch(r'"[\w .,=&+/()\'·-]+"', shown)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("Male", "`Male`"),
        (" Male ", "`␠Male␠`"),
        ("a|b", "`a¦b`"),
        ("", "_empty_"),
        ("a\nb", "`a␊b`"),
        ("\u202eabc", "`⟨U+202E⟩abc`"),
        (None, "`None`"),
    ],
)
def test_values_can_still_be_read(value: object, shown: str) -> None:
    """Escaping must not hide the defect: spaces at the ends, newlines and marks stay visible."""
    assert code(value) == shown


def test_prose_reads_as_it_was_written() -> None:
    """After rendering, ordinary sentences are unchanged."""
    text = "1.5 of 3 rows (a_b, <=50K) & [x] * 2 | y \\ z # q"
    shown = "".join(token.content for token in inline(parse(prose(text))))
    assert shown.replace("\u2060", "") == text
