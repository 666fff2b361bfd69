"""Results that the judging job passes to the jobs that may write: `judged.json` and other files.

The results do not say where to write: the publishing job finds the pull request and branch itself.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field

from gatehouse.acceptance.record import Acceptance
from gatehouse.evidence import GateName
from gatehouse.report.annotations import Annotation
from gatehouse.typed import Document, Frozen

JUDGED = Path("judged.json")
COMMENT = Path("comment.md")
RECORD = Path("record")
VERDICT = Path("verdict.json")
"""The verdict that `judged.json` describes; *Publish* computes it again from the evidence."""
EVIDENCE = Path("evidence")
"""Folder of the evidence for the verdict."""

State = Literal["success", "failure", "error", "pending"]
"""States of a commit status: https://docs.github.com/rest/commits/statuses."""

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


class Basis(Frozen):
    """The basis of a verdict besides the evidence files and the base's policy."""

    base: str = Field(
        pattern="^[0-9a-f]{40}$", description="the commit whose policy, data and model were used"
    )
    unmeasured: dict[GateName, str] = Field(
        default_factory=dict, description="why a gate has no evidence"
    )
    isolation: str | None = Field(
        default=None, description="what separated the processes that opened the candidate"
    )
    acceptances: tuple[Acceptance, ...] = Field(
        default=(), description="owners' words that were counted"
    )
    problems: tuple[str, ...] = Field(
        default=(), description="what forbids the merge besides the verdict"
    )
    unrecorded: tuple[str, ...] = Field(
        default=(),
        description="what a record on a branch of this repository would fix, where the gates "
        "can't write to the change's own branch",
    )
    owned: dict[str, tuple[str, ...]] = Field(
        default_factory=dict, description="changed files that need a code owner, and those owners"
    )
    training: int | None = Field(
        default=None, description="how many files of the code that trains the change touches"
    )
    params: dict[str, str] | None = Field(
        default=None, description="the candidate's settings, for the report"
    )
    base_params: dict[str, str] | None = Field(default=None, description="the base's settings")
    base_label: str = Field(default="the base", description="what the report calls the base")


class Judgement(Document):
    """The results to publish for a commit."""

    version: Literal[1] = 1
    head: str = Field(description="the commit that was judged")
    base: str | None = Field(default=None, description="the branch that it was judged for")
    pipeline: int | None = Field(
        default=None, description="the run of Pipeline that was judged, by GitHub's number"
    )
    attempt: int | None = Field(default=None, description="the attempt of that run")
    overall: Note
    basis: Basis | None = Field(default=None, description="null where nothing could be judged")
    gates: dict[GateName, Note] = Field(default_factory=dict)
    objects: dict[str, str] = Field(
        default_factory=dict,
        description="SHA-256 of each file of data, models and new table of rows that was judged, "
        "where they are to be kept in the DVC remote",
    )
    archive: int | None = Field(
        default=None, description="the artifact that was judged, by GitHub's number"
    )
    record: bool = Field(default=False, description="are the files in record/ to be committed?")
    notes: tuple[Annotation, ...] = Field(
        default=(), max_length=50, description="what to show next to lines of the change"
    )
    quiet: bool = Field(
        default=False, description="is a comment only edited, and none written where none is?"
    )


def refused(head: str, why: str, state: State = "failure") -> Judgement:
    """Return a judgement that nothing could be judged, which is not a pass."""
    return Judgement(head=head, overall=Note(state=state, text=why))
