"""Workflows and actions of a repository, read as YAML."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

REPOSITORY = Path(__file__).parents[4]


@dataclass(frozen=True)
class Uses:
    """One `uses:`, with the comment behind it and what is handed to it."""

    file: str
    value: str
    comment: str
    given: dict[str, Any]

    @property
    def local(self) -> bool:
        return self.value.startswith(("./", "$/"))


def load(path: Path) -> Any:
    """A YAML file with its comments kept; `on` stays a word."""
    return YAML(typ="rt").load(path.read_text(encoding="utf-8"))


def workflow_files(root: Path) -> list[Path]:
    """The workflows below `root`."""
    return sorted((root / ".github/workflows").glob("*.y*ml"))


def action_files(root: Path) -> list[Path]:
    """The repository's own actions below `root`."""
    return sorted((root / ".github/actions").glob("*/action.y*ml"))


def steps_of(definition: Any) -> list[Any]:
    """All steps of a workflow or of a composite action."""
    jobs = definition.get("jobs", {}).values()
    own = definition.get("runs", {}).get("steps", [])
    return [*own, *(step for job in jobs for step in job.get("steps", []))]


def uses_of(root: Path) -> list[Uses]:
    """Every `uses:` of the workflows and actions below `root`."""
    return [
        each
        for file in (*workflow_files(root), *action_files(root))
        for each in _uses(file, file.relative_to(root).as_posix())
    ]


def _uses(file: Path, name: str) -> Iterator[Uses]:
    definition = load(file)
    jobs = list(definition.get("jobs", {}).values())
    for holder in (*steps_of(definition), *jobs):
        if "uses" in holder:
            value = str(holder["uses"])
            comment = _comment_behind(file, value)
            yield Uses(name, value, comment, dict(holder.get("with") or {}))


def _comment_behind(file: Path, value: str) -> str:
    found = re.search(re.escape(value) + r"['\"]?[ \t]*#[ \t]*(.*)", file.read_text("utf-8"))
    return found[1].strip() if found else ""
