"""Annotations on the lines of a change, as a check run on its commit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from gatehouse.errors import GatehouseError
from gatehouse.github.client import telling
from gatehouse.report.annotations import Annotation

if TYPE_CHECKING:
    from github.Repository import Repository

NAME = "Gatehouse: lines to look at"
"""Name of the check run. It is neutral: only the status decides."""


def annotate(repository: Repository, commit: str, notes: Sequence[Annotation]) -> None:
    """Annotate lines of a commit's files; without the permission, print a message and continue.

    Args:
        repository: accessed with a token that may or may not write checks.
        commit: the head of the pull request.
        notes: at most 50, which is GitHub's limit for one call.
    """
    if not notes:
        return
    try:
        with telling("show notes next to the change"):
            repository.create_check_run(
                NAME,
                commit,
                status="completed",
                conclusion="neutral",
                output={
                    "title": f"{len(notes)} lines to look at",
                    "summary": "The gates' findings, next to the lines that cause them. The "
                    "status `gatehouse` decides.",
                    "annotations": [_shown(note) for note in notes],
                },
            )
    except GatehouseError as error:
        print(f"no notes next to the change: {error}")


def _shown(note: Annotation) -> dict[str, str | int]:
    return {
        "path": note.path,
        "start_line": note.line,
        "end_line": note.line,
        "annotation_level": note.level,
        "title": note.title,
        "message": note.text,
    }
