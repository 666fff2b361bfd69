"""What a job of a workflow works with: its event, its tokens, the default branch."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from github.Repository import Repository

    from gatehouse.github.event import Event
    from gatehouse.github.writing import Access


def event_here(repository: Repository) -> Event:
    """Return the event that started gates.yml: a run of the change or of a named commit."""
    from gatehouse.github.client import setting
    from gatehouse.github.event import read_event
    from gatehouse.github.runs import event_of_change

    return event_of_change(repository, read_event(Path(setting("GITHUB_EVENT_PATH"))))


def access_here() -> Access:
    """Return the repository, accessed with the job's tokens."""
    from gatehouse.github.client import connect
    from gatehouse.github.writing import Access

    return Access(connect(), connect("STATUS_TOKEN"), connect("RECORD_TOKEN"))


def default_branch(workflow: str) -> str:
    """Return the default branch, from the event that started `workflow`."""
    from gatehouse.github.client import setting
    from gatehouse.github.event import Here, Seen, read_payload

    class Payload(Seen):
        repository: Here

    path = Path(setting("GITHUB_EVENT_PATH"))
    return read_payload(Payload, path, "event", workflow).repository.default_branch
