"""The event that started the trusted workflow: a run of a change's own workflow began or ended.

The fields are those of GitHub's `workflow_run` webhook. GitHub vouches for the run's identity.
Branch names, job names and everything else that people can choose are untrusted text.
"""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from gatehouse.errors import GatehouseError

Sha = Annotated[str, Field(pattern="^[0-9a-f]{40}$")]


class Seen(BaseModel):
    """A part of GitHub's response; unknown fields are ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore")


Payload = TypeVar("Payload", bound=Seen)


class Owned(Seen):
    """A repository."""

    full_name: str

    @property
    def owner(self) -> str:
        return self.full_name.partition("/")[0]


class Here(Owned):
    """The repository in which the workflow runs."""

    default_branch: str


class Run(Seen):
    """A run of "Pull request" or "Pipeline"."""

    id: int
    path: str
    event: str
    status: str | None = None
    conclusion: str | None = None
    run_attempt: int = 1
    created_at: datetime
    run_started_at: datetime = Field(description="of the newest attempt")
    head_sha: Sha
    head_branch: str | None = None
    head_repository: Owned | None = None
    html_url: str
    display_title: str = ""


class Event(Seen):
    """The whole event."""

    action: Literal["requested", "in_progress", "completed"]
    workflow_run: Run
    repository: Here

    @property
    def same_repository(self) -> bool:
        """Return whether the commit comes from this repository, not from a fork (maybe deleted)."""
        head = self.workflow_run.head_repository
        return head is not None and head.full_name == self.repository.full_name


def read_event(path: Path) -> Event:
    """Read the event stored at `path` (`GITHUB_EVENT_PATH`).

    Raises:
        GatehouseError: it is not a `workflow_run` event.
    """
    return read_payload(Event, path, "workflow_run", "gates.yml")


def read_payload(kind: type[Payload], path: Path, event: str, workflow: str) -> Payload:
    """Read GitHub's payload at `path`.

    Args:
        kind: the model of the payload.
        path: of the JSON file.
        event: the name of the event.
        workflow: the workflow file for this event.

    Raises:
        GatehouseError: it is another event.
    """
    try:
        return kind.model_validate(json.loads(path.read_text("utf-8")))
    except (OSError, ValueError, ValidationError) as error:
        raise GatehouseError(
            f"{path}: is no {event} event ({str(error).splitlines()[0]}); "
            f"this command is for .github/workflows/{workflow}"
        ) from None
