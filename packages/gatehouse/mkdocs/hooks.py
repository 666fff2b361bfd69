"""What MkDocs needs beyond mkdocs.yml: links out of docs/, and the pages made from the code."""

from __future__ import annotations

import json
import logging
import os
import posixpath
import re
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit
from xml.etree.ElementTree import Element

import click
from markdown import Extension, Markdown  # type: ignore[import-untyped]
from markdown.treeprocessors import Treeprocessor  # type: ignore[import-untyped]
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.plugins import event_priority
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page
from plain import PlainExtension, leave_out
from pymdownx.slugs import slugify  # type: ignore[import-untyped]

ROOT = Path(__file__).parents[3]
DOCS = "packages/gatehouse/docs"
_log = logging.getLogger("mkdocs.hooks.gatehouse")  # a warning of mkdocs.*: it ends a strict build
_SLUG = slugify(case="lower")  # as GitHub names headings, where the same links must lead
_DIAGRAM = re.compile(r"^```mermaid\n.*?^```$", re.MULTILINE | re.DOTALL)
_HEADING = re.compile(r"^#+ +(.+?) *$", re.MULTILINE)


class _Links(Treeprocessor):  # type: ignore[misc]
    """Links to files of the repository that are no part of the site.

    They lead to the repository, where its URL is known, and are text otherwise. Links that lead
    nowhere are left to MkDocs, which warns.
    """

    page: Page
    files: Files
    repository: str | None = None

    def run(self, root: Element) -> None:
        for link in root.iter("a"):
            url = urlsplit(link.get("href", ""))
            if url.scheme or url.netloc or not url.path or url.path.startswith("/"):
                continue
            source = self.page.file.src_uri
            inside = posixpath.normpath(
                posixpath.join(posixpath.dirname(source), unquote(url.path))
            )
            if self.files.get_file_from_path(inside):
                continue
            path = posixpath.normpath(posixpath.join(DOCS, inside))
            if path.startswith("..") or not (ROOT / path).exists():
                continue
            if url.fragment and path.endswith(".md") and url.fragment not in _anchors(ROOT / path):
                _log.warning("%s: there is no heading #%s in %s", source, url.fragment, path)
            if self.repository:
                kind = "tree" if (ROOT / path).is_dir() else "blob"
                place = url._replace(path="").geturl()
                link.set("href", f"{self.repository}/{kind}/HEAD/{path}{place}")
            else:
                link.tag = "span"
                del link.attrib["href"]


def _anchors(file: Path) -> set[str]:
    """The names that GitHub gives the headings of a Markdown file."""
    return {_SLUG(found, "-") for found in _HEADING.findall(file.read_text("utf-8"))}


class _LinksExtension(Extension):  # type: ignore[misc]
    def extendMarkdown(self, md: Markdown) -> None:  # noqa: N802
        # After the inline patterns (20), which make the links; before MkDocs' own look at them (0).
        md.treeprocessors.register(_links, "links_out", 5)


_links = _Links()
_plain = PlainExtension()


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """URLs from the environment, and what YAML can't say."""
    config.site_url = os.environ.get("SITE_URL", "")
    server, name = os.environ.get("GITHUB_SERVER_URL"), os.environ.get("GITHUB_REPOSITORY")
    if server and name:
        config.repo_url, config.repo_name = f"{server}/{name}", name
    _links.repository = config.repo_url
    config.markdown_extensions += [_LinksExtension(), _plain]
    config.mdx_configs["toc"]["slugify"] = _SLUG
    return config


@event_priority(100)  # before the plugins, which look at the list of files
def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that are made from the code; leave out what a browser would run."""
    leave_out(files, config.docs_dir)
    for path, content in (("cli.md", _command_line()), ("schemas.md", _schemas())):
        files.append(File.generated(config, f"reference/{path}", content=content))
    return files


def on_page_markdown(markdown: str, page: Page, files: Files, **_: Any) -> str:
    """Remember whose links come next, and say where the page's diagrams are drawn.

    Material would draw them with a script from another server.
    """
    _links.page, _links.files = page, files
    _plain.directives = page.file.src_uri.startswith("reference/")
    page.meta.clear()  # the theme writes some of it into the page as it stands
    if not _links.repository:
        return markdown
    place = f"{_links.repository}/blob/HEAD/{DOCS}/{page.file.src_uri}"
    drawn = f"[Drawn on GitHub]({place})"
    return _DIAGRAM.sub(lambda found: f"{found[0]}\n\n{drawn}\n", markdown)


def _command_line() -> str:
    """Each command's own help."""
    from gatehouse.cli import main

    parts = [
        "# The command line",
        "Every command as it explains itself: what `gatehouse COMMAND --help` prints. "
        "`make` installs it as `.venv/bin/gatehouse`.",
    ]

    def tell(command: click.Command, name: str, parent: click.Context | None = None) -> None:
        context = command.make_context(name, [], parent, resilient_parsing=True, terminal_width=100)
        parts.append(f"## {context.command_path}\n\n```text\n{command.get_help(context)}\n```")
        for inner in command.commands.values() if isinstance(command, click.Group) else ():
            if not inner.hidden:
                tell(inner, inner.name or "", context)

    tell(main, "gatehouse")
    return "\n\n".join(parts) + "\n"


def _schemas() -> str:
    """The JSON Schemas, each with what it says of itself."""
    rows = []
    for file in sorted((ROOT / DOCS / "schemas").glob("*.json")):
        about = json.loads(file.read_text("utf-8"))["description"].split("\n\n")[0]
        rows.append(f"| [{file.name}](../schemas/{file.name}) | {' '.join(about.split())} |")
    return (
        "# JSON Schemas\n\nA schema (draft 2020-12) of each file, for editors and other tools. "
        "[Evidence, policy, verdict](../evidence.md) says what the files mean.\n\n"
        "| schema | of |\n| :--- | :--- |\n" + "\n".join(rows) + "\n"
    )
