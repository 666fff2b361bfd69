"""What the judging job hands to the jobs that may write: `judged.json` and files beside it.

It says nothing of where to write: who publishes finds the pull request and its branch anew.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field

from gatehouse.evidence import Gate
from gatehouse.typed import Document, Frozen

JUDGED = Path("judged.json")
COMMENT = Path("comment.md")
RECORD = Path("record")

State = Literal["success", "failure", "error", "pending"]
"""Of a commit status: https://docs.github.com/rest/commits/statuses."""

DESCRIPTION_LIMIT = 140


class Note(Frozen):
    """A commit status."""

    state: State
    text: str = Field(description="one line; GitHub shows 140 characters of it")

    @property
    def description(self) -> str:
        line = " ".join(self.text.split())
        line = "".join(character for character in line if character.isprintable())
        return line if len(line) <= DESCRIPTION_LIMIT else line[: DESCRIPTION_LIMIT - 1] + "…"


class Judged(Document):
    """What is to be said of a commit."""

    version: Literal[1] = 1
    head: str = Field(description="the commit that was judged")
    base: str | None = Field(default=None, description="the branch that it was judged for")
    overall: Note
    gates: dict[Gate, Note] = Field(default_factory=dict)
    objects: dict[str, str] = Field(
        default_factory=dict,
        description="SHA-256 of each file of data and models that was judged, where they are to "
        "be kept in the DVC remote",
    )
    record: bool = Field(default=False, description="are the files in record/ to be committed?")


def refused(head: str, why: str, state: State = "failure") -> Judged:
    """Nothing could be judged, which is no pass."""
    return Judged(head=head, overall=Note(state=state, text=why))
