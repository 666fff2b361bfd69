"""Escapes strings from data, policies or files for GitHub's Markdown and for Mermaid.

Every string from a data set, a pull request or a person passes through `code` (values and names) or
`prose` (sentences) before it enters a report, and through `label` before it enters a chart. The
rules are those of GitHub Flavored Markdown: https://github.github.com/gfm/.
"""

from __future__ import annotations

import re
import unicodedata

VALUE_LIMIT = 80
PROSE_LIMIT = 300

# U+2060 WORD JOINER takes no space. With it, GitHub's filters for mentions, issues, links and
# emoji, which look at the rendered text (with entities already resolved), no longer match.
_BREAK = "\u2060"
_LINKED = re.compile(r"(?<=[@#])|(?<=:)(?=\S)|(?<=www)(?=\.)|(?<=GH)(?=-)", re.IGNORECASE)
_SPECIAL = re.compile(r"[*_\[\]~#]")
_BLOCK_START = re.compile(r"^(\d+(?=[.)])|(?=[-+=]))")
_ENTITIES = str.maketrans(
    {
        "&": "&amp;",
        "<": "&lt;",
        ">": "&gt;",
        "|": "&vert;",
        "\\": "&bsol;",
        "`": "&grave;",
        "$": "﹩",
    }
)
_IN_CODE = str.maketrans({"|": "¦", "`": "\N{ACUTE ACCENT}"})
_NOT_IN_LABEL = re.compile(r"[^\w .,=&+/()'-]")


def code(value: object, limit: int = VALUE_LIMIT) -> str:
    """Return `value` as a Markdown code span, in which nothing is a mention, a link or markup.

    A vertical bar is shown as ¦ and a backtick as an acute accent, because none of their escapes
    works both inside and outside of a table. Spaces at the ends are made visible.
    """
    text = _visible(value, limit).translate(_IN_CODE)
    if not text:
        return "_empty_"
    inner = text.strip(" ")
    start = len(text) - len(text.lstrip(" "))
    end = len(text) - start - len(inner)
    return "`" + "␠" * start + inner + "␠" * end + "`"


def prose(text: object, limit: int = PROSE_LIMIT) -> str:
    """Return `text` as plain words of a paragraph or a table cell, on one line."""
    shown = _visible(text, limit).strip(" ").translate(_ENTITIES)
    shown = _SPECIAL.sub(lambda found: "\\" + found.group(), shown)
    shown = _BLOCK_START.sub(lambda found: found.group() + "\\", shown)
    return _LINKED.sub(_BREAK, shown)


def label(value: object, limit: int = 40) -> str:
    """Return `value` as a quoted string for a Mermaid chart: only letters, digits, safe signs."""
    return '"' + (_NOT_IN_LABEL.sub("·", _visible(value, limit)).strip() or "·") + '"'


def plain(text: object, limit: int = PROSE_LIMIT) -> str:
    """Return `text` on one line for a terminal, without control codes and invisible characters."""
    return _visible(text, limit)


def _visible(value: object, limit: int) -> str:
    """Return one line of at most `limit` source characters, with invisible ones spelled out."""
    text = str(value)
    cut = len(text) > limit
    shown = "".join(_visible_character(character) for character in text[:limit])
    return shown + "…" if cut else shown


def _visible_character(character: str) -> str:
    point = ord(character)
    if point < 0x20:
        return chr(0x2400 + point)
    category = unicodedata.category(character)
    if category == "Zs":
        return " "
    # Control, format (including bidirectional marks), surrogates, unassigned, line separators.
    if category[0] == "C" or category in ("Zl", "Zp"):
        return f"⟨U+{point:04X}⟩"
    return character
