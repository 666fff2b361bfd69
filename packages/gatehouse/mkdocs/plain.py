"""Pages without HTML of their own: docs/ may be changed without an owner, and is published.

Raw HTML is shown as the text that it is, in pages and in docstrings. What could bring HTML by
another way is left out: links to scripts, settings at the head of a page, files that a browser
would run, options of mkdocstrings that load code.
"""

from __future__ import annotations

import html
import re
from pathlib import PurePosixPath
from xml.etree.ElementTree import Element

from markdown import Extension, Markdown  # type: ignore[import-untyped]
from markdown.preprocessors import Preprocessor  # type: ignore[import-untyped]
from markdown.treeprocessors import Treeprocessor  # type: ignore[import-untyped]
from mkdocs.structure.files import Files

SCHEMES = frozenset({"http", "https", "mailto"})
SHOWN = frozenset(
    {".gif", ".jpeg", ".jpg", ".json", ".md", ".png", ".sh", ".webp", ".yaml", ".yml"}
)
"""Suffixes of files that are copied to the site; none is run by a browser."""
NAMED = frozenset({"Dockerfile", "Jenkinsfile"})

_COMMENT = re.compile(r"\s*<!--(?:(?!-->).)*-->\s*")
_DIRECTIVE = re.compile(r"::: (?:gatehouse|pipeline)(?:\.[a-z_]+)+")
_MARK = ":::"
_SCHEME = re.compile(r"[^/?#]*?:")
_IGNORED = re.compile(r"[\x00-\x20\x7f-\xa0\xad\u200b-\u200f\u2028-\u202f\ufeff]")
"""Characters that browsers leave out of a URL, or that hide in one."""


class PlainExtension(Extension):  # type: ignore[misc]
    """Markdown alone, and none of the HTML that it may hold by its first specification."""

    directives = False
    """May the page that is rendered have directives of mkdocstrings?"""

    def extendMarkdown(self, md: Markdown) -> None:  # noqa: N802
        # How Python-Markdown's release notes (3.0) have raw HTML shown as text.
        md.preprocessors.deregister("html_block", strict=False)
        md.inlinePatterns.deregister("html", strict=False)
        # After the fences (25), whose content is no Markdown.
        md.preprocessors.register(_Lines(md, self), "plain_lines", 15)
        # After the inline patterns (20), which make links.
        md.treeprocessors.register(_Addresses(md), "plain_addresses", 4)


class _Lines(Preprocessor):  # type: ignore[misc]
    """Leaves comments out, and lets only plain directives of mkdocstrings through."""

    def __init__(self, md: Markdown, extension: PlainExtension) -> None:
        super().__init__(md)
        self._extension = extension

    def run(self, lines: list[str]) -> list[str]:
        kept: list[str] = []
        options = False
        for line in lines:
            if _COMMENT.fullmatch(line):
                continue
            options = options and (not line.strip() or line[0] in " \t")
            if options and line.strip():
                continue  # they may name code to load
            if self._extension.directives and _DIRECTIVE.fullmatch(line):
                options = True
                kept += ["", line]
            else:
                kept.append(line.replace(_MARK, "&#58;::"))
        return kept


class _Addresses(Treeprocessor):  # type: ignore[misc]
    """Leaves the text of links and pictures whose address may run something."""

    def run(self, root: Element) -> None:
        for element in root.iter():
            addresses = [element.get(name) for name in ("href", "src")]
            if not all(is_address(self.md, each) for each in addresses if each is not None):
                element.text = element.get("alt", element.text)
                element.tag = "span"
                element.attrib.clear()


def is_address(md: Markdown, value: str) -> bool:
    """Is it relative, or of a scheme that runs nothing?"""
    text = html.unescape(html.unescape(md.treeprocessors["unescape"].unescape(value)))
    found = _SCHEME.match(_IGNORED.sub("", text))
    return found is None or found[0][:-1].lower() in SCHEMES


def leave_out(files: Files, folder: str) -> None:
    """Take files of `folder` off the site that a browser, or the host of the site, would obey."""
    for file in list(files):
        path = PurePosixPath(file.src_uri)
        own = file.abs_src_path is not None and file.src_dir == folder
        if own and path.suffix.lower() not in SHOWN and path.name not in NAMED:
            files.remove(file)
