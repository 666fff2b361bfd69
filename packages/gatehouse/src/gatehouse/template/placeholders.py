"""The fork's values for the template's placeholders, so that they cause no merge conflicts."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from gatehouse.codeowners import OWNERS_FILE
from gatehouse.codeowners import parse as parse_codeowners
from gatehouse.errors import GatehouseError
from gatehouse.ownership import OWNERSHIP_FILE, PLACEHOLDER, parse, with_owners
from gatehouse.release.promote import STAGING
from gatehouse.template.git_trees import Tree, text_of

NAME = "OWNER/NAME"
"""Placeholder for the repository in `deploy/`; docs/operations.md explains how to replace it."""

_PROJECT = "deploy/argocd/project.yaml"
_REPOSITORY = re.compile(r"https://github\.com/([\w.-]+/[\w.-]+?)(?:\.git)?$", re.MULTILINE)
_IMAGE = re.compile(r"newName: *[\"']?([\w./:-]+)")

Fill = Callable[[str, str], str]


def filler(mine: Tree, root: Path) -> Fill:
    """Return a function that fills a template's text, by its path, with our placeholder values."""
    border = _text(mine, OWNERSHIP_FILE.as_posix(), root)
    owners = _owners(border, _text(mine, OWNERS_FILE.as_posix(), root))
    repository = _found(_REPOSITORY, _text(mine, _PROJECT, root))
    image = _found(_IMAGE, _text(mine, STAGING.as_posix(), root))

    def fill(path: str, text: str) -> str:
        if path == OWNERSHIP_FILE.as_posix() and owners and PLACEHOLDER in text:
            with suppress(GatehouseError):  # the template's own owners, or a future format
                return with_owners(text, owners)
        if path.startswith("deploy/"):
            if image:
                text = text.replace(f"ghcr.io/{NAME}", image)
            if repository:
                text = re.sub(rf"(?<!ghcr\.io/){NAME}", repository, text)
        return text

    return fill


def _text(tree: Tree, path: str, root: Path) -> str:
    return (text_of(tree[path], root) if path in tree else "") or ""


def _owners(border: str, codeowners: str) -> tuple[str, ...]:
    """Return the owners of unlisted paths; none if that is still the placeholder."""
    try:
        owners = parse(border).default.owners
    except GatehouseError:  # a fork that has CODEOWNERS only
        rules = parse_codeowners(codeowners)
        owners = next((rule.owners for rule in rules if rule.pattern == "*"), ())
    return () if PLACEHOLDER in owners else owners


def _found(pattern: re.Pattern[str], text: str) -> str:
    names = [name for name in pattern.findall(text) if NAME not in name]
    return names[0] if names else ""
