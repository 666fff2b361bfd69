"""The event that started the trusted workflow: a run of "Pull request" began or ended.

Fields are those of GitHub's `workflow_run` webhook. The run's identity is GitHub's word; branch
names, job names and all else that people can choose are hostile text.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from gatehouse.errors import GatehouseError

Sha = Annotated[str, Field(pattern="^[0-9a-f]{40}$")]


class _Seen(BaseModel):
    """A part of GitHub's answer: what we don't read, we ignore."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Owned(_Seen):
    """A repository."""

    full_name: str

    @property
    def owner(self) -> str:
        return self.full_name.partition("/")[0]


class Here(Owned):
    """The repository that the workflow runs in."""

    default_branch: str


class Run(_Seen):
    """A run of "Pull request"."""

    id: int
    event: str
    conclusion: str | None = None
    head_sha: Sha
    head_branch: str | None = None
    head_repository: Owned | None = None
    html_url: str


class Event(_Seen):
    """The whole event."""

    action: Literal["requested", "in_progress", "completed"]
    workflow_run: Run
    repository: Here

    @property
    def same_repository(self) -> bool:
        """Does the commit come from this repository, not from a fork (or one that is gone)?"""
        head = self.workflow_run.head_repository
        return head is not None and head.full_name == self.repository.full_name


def read_event(path: Path) -> Event:
    """The event stored at `path` (`GITHUB_EVENT_PATH`).

    Raises:
        GatehouseError: it is no `workflow_run` event.
    """
    try:
        return Event.model_validate(json.loads(path.read_text("utf-8")))
    except (OSError, ValueError, ValidationError) as error:
        raise GatehouseError(
            f"{path}: is no workflow_run event ({str(error).splitlines()[0]}); "
            "this command is for .github/workflows/gates.yml"
        ) from None
