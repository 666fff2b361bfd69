"""Convert reports' Markdown to HTML that is safe to publish.

The files are in Git, where anyone's pull request may have written them. Everything that is not
known to be harmless is therefore shown as text: HTML except the few tags that our reports use,
images, and links to anything but the web.
"""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markdown_it.utils import EnvType, OptionsDict
from markupsafe import Markup, escape

from gatehouse.report.links import DOCS, PICTURE
from gatehouse.report.words import ICONS, WARNING
from gatehouse.site import report_charts
from gatehouse.site.badge import sign

_FOLDED = re.compile(r"\s*<details>\s*<summary>([^<>]*)</summary>\s*")
# Links of a report to files that are not on the site: only their text is shown. Links to a rule's
# page are dropped.
_DOCS = re.compile(rf" · \[docs\]\(\.\./{DOCS}/gates\.md#[a-z]+\)")
_BESIDE = re.compile(rf"\.\./(policy\.yaml(#L\d+)?|{DOCS}/gates\.md#[a-z]+)")
_HIDDEN = re.compile(r"\s*(</details>|<!--[^<>]*-->)\s*")


_SIGNS = {icon: outcome.value for outcome, icon in ICONS.items()} | {WARNING: "warning"}
_SIGN = re.compile("|".join(_SIGNS))


class _Renderer(RendererHTML):
    """Renders the output of `_parser`; its methods are named after the tokens."""

    def text(self, tokens: Sequence[Token], idx: int, *_: Any) -> str:
        return _SIGN.sub(lambda found: sign(_SIGNS[found[0]]), escape(tokens[idx].content))

    def html_inline(self, tokens: Sequence[Token], idx: int, *_: Any) -> str:
        content = tokens[idx].content
        return "<br>" if content == "<br>" else escape(content)

    def html_block(self, tokens: Sequence[Token], idx: int, *_: Any) -> str:
        content = tokens[idx].content
        if _HIDDEN.fullmatch(content):
            return ""
        # On a separate page, a folded section needs no folding, and its heading can be a link
        # target.
        if found := _FOLDED.fullmatch(content):
            return f"<h3>{escape(html.unescape(found[1]))}</h3>\n"
        return f"<p>{escape(content)}</p>\n"

    def fence(
        self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType
    ) -> str:  # fmt: skip
        token = tokens[idx]
        drawn = report_charts.draw(token.content) if token.info.strip() == "mermaid" else None
        return (drawn or report_charts.raw(token.content)) + "\n"

    def image(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        token = tokens[idx]
        if token.attrGet("src") == PICTURE and "picture" in env:
            return str(env["picture"])
        return escape(token.content)

    def link_open(
        self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType
    ) -> str:  # fmt: skip
        tokens[idx].attrSet("rel", "noreferrer")
        return self.renderToken(tokens, idx, options, env)

    def table_open(self, tokens: Sequence[Token], idx: int, *_: Any) -> str:
        name = escape(tokens[idx].meta["name"])
        return f'<div class="scroll" role="group" tabindex="0" aria-label="{name}"><table>\n'

    def table_close(self, *_: Any) -> str:
        return "</table></div>\n"


def _web(url: str) -> bool:
    return url.startswith(("https://", "http://", "#"))


def _known(url: str) -> bool:
    return _web(url) or url == PICTURE or _BESIDE.fullmatch(url) is not None


def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": True}, renderer_cls=_Renderer)
    parser.enable(["table", "strikethrough"])
    parser.validateLink = _known  # type: ignore[method-assign]
    return parser


def render(text: str, picture: Markup | None = None) -> Markup:
    """Return a document as HTML, with the highest heading as h1 or h2.

    Args:
        text: Markdown.
        picture: replaces the report's image; without it, the image's alternative text is shown.
    """
    parser = _parser()
    env: dict[str, Any] = {"picture": picture} if picture else {}
    tokens = parser.parse(_DOCS.sub("", text), env)
    _set_up(tokens)
    # The renderer escapes everything that it writes.
    return Markup(parser.renderer.render(tokens, parser.options, env))  # noqa: S704


def render_inline(text: str) -> Markup:
    """Return a sentence as HTML."""
    return Markup(_parser().renderInline(text))  # noqa: S704


def _set_up(tokens: list[Token]) -> None:
    """Name tables by their section, align by class, and leave no header cell empty."""
    section, number = "Table", 0
    for i, token in enumerate(tokens):
        if token.children:
            token.children = _without_links_beside(token.children)
        if token.type == "heading_open":
            section, number = _plain(tokens[i + 1]), 0
        elif token.type == "html_block" and (found := _FOLDED.fullmatch(token.content)):
            section, number = html.unescape(found[1]), 0
        elif token.type == "table_open":
            number += 1
            token.meta["name"] = f"{section}, table {number}"
            _name_rows(tokens, i)
        elif token.type in ("th_open", "td_open"):
            right = "right" in str(token.attrs.pop("style", ""))
            if right:
                token.attrSet("class", "r")


def _without_links_beside(tokens: list[Token]) -> list[Token]:
    kept, beside = [], False
    for token in tokens:
        if token.type == "link_open":
            beside = _BESIDE.fullmatch(str(token.attrGet("href"))) is not None
        if not (beside and token.type in ("link_open", "link_close")):
            kept.append(token)
    return kept


def _name_rows(tokens: list[Token], start: int) -> None:
    """Set the scope of header cells; if all are empty, each row's first cell is a header."""
    end = next(i for i in range(start, len(tokens)) if tokens[i].type == "table_close")
    heads = [i for i in range(start, end) if tokens[i].type == "th_open"]
    filled = [i for i in heads if tokens[i + 1].content.strip()]
    for i in heads:
        if i in filled:
            tokens[i].attrSet("scope", "col")
        else:
            tokens[i].tag = tokens[i + 2].tag = "td"
    if filled:
        return
    for i in range(start, end):
        if tokens[i].type == "tr_open" and tokens[i + 1].type == "td_open":
            tokens[i + 1].tag = tokens[i + 3].tag = "th"
            tokens[i + 1].attrSet("scope", "row")


def _plain(inline: Token) -> str:
    text = "".join(each.content for each in inline.children or ())
    return _SIGN.sub("", text).strip() or "Table"
