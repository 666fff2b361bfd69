"""The workflow that answers a comment: it judges the newest answer again and measures nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from gatehouse.github.answer import newest_answer
from gatehouse.github.bases import status_of
from gatehouse.github.event import Here, Seen, read_payload
from gatehouse.github.find_target import target_of
from gatehouse.github.going_on import GoingOn
from gatehouse.github.publish import Settled, settle
from gatehouse.github.settled_comment import settled_comment
from gatehouse.github.writing import Access
from gatehouse.trusted.judgement import COMMENT
from gatehouse.trusted.merge_target import MergeTarget
from gatehouse.typed import write_text


class Person(Seen):
    """An account."""

    login: str


class Issue(Seen):
    """The issue or pull request that was commented on."""

    number: int


class Words(Seen):
    """The comment."""

    id: int
    user: Person


class CommentEvent(Seen):
    """GitHub's `issue_comment` event on a pull request."""

    action: Literal["created", "edited", "deleted"]
    issue: Issue
    comment: Words
    sender: Person
    repository: Here


def read_comment_event(path: Path) -> CommentEvent:
    """Read the event stored at `path` (`GITHUB_EVENT_PATH`).

    Raises:
        GatehouseError: it is not an `issue_comment` event.
    """
    return read_payload(CommentEvent, path, "issue_comment", "accept.yml")


@dataclass(frozen=True)
class Answered:
    """The result of a comment.

    Attributes:
        text: the result in words.
        going_on: the state of the change on a branch of ours; None if it has its own branch.
    """

    text: str
    going_on: GoingOn | None = None


def accept(
    access: Access,
    event: CommentEvent,
    folder: Path,
    work: Path,
    bases: Mapping[str, str],
) -> Answered:
    """Judge the newest answer again with the current comments.

    Args:
        access: to the repository.
        event: of the comment.
        folder: where the reply, if any, is written.
        work: a new folder.
        bases: `bases` of the default branch's policy.

    Raises:
        GatehouseError: GitHub refused, or the head was not judged.
    """
    if event.action == "created" and event.sender.login != event.comment.user.login:
        return Answered("the comment was written in another's name and does not count")
    repository, default = access.contents, event.repository.default_branch
    target = target_of(repository, event.issue.number, default)
    if target is None:
        return Answered("the pull request is closed")
    context = status_of(target.base_branch, default, bases)
    if context is None:
        return Answered(f"{target.base_branch} has no gates")
    judged = newest_answer(repository, target.head, default, work)
    if judged is None or judged.basis is None or judged.base != target.base_branch:
        return Answered("the head was not judged yet; the comment counts when it is")
    settled = settle(access, target, judged, work, context, default)
    _answer(target, settled, folder)
    note = settled.judged.overall
    return Answered(f"{note.state}: {note.description}", settled.going_on)


def _answer(target: MergeTarget, settled: Settled, folder: Path) -> None:
    """Write the gates' comment again."""
    again = settled.again
    if again is None or target.pull is None:
        return
    pictured, recorded = None, False
    if target.branch is not None:  # a head that is a record already contains the image
        recorded = settled.recorded is not None
        pictured = settled.recorded or (target.head if target.head != again.judged.head else None)
    text = settled_comment(again, target.pull, target.head, pictured, recorded=recorded)
    write_text(folder / COMMENT, text)
