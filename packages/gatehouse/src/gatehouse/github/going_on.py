"""How *Publish* and *Accept* handle a change whose branch the gates can't write to.

The change continues on a branch of ours, made of its own commit, which GitHub already has, with the
record on top. GitHub's API creates everything from hashes. No file of the change is read or checked
out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from gatehouse.errors import GatehouseError
from gatehouse.github.blobs import find_tip
from gatehouse.github.client import telling
from gatehouse.github.continued import branch_of, is_record
from gatehouse.github.recompute import Recomputed
from gatehouse.github.writing import move, record_on, say_all, state_of
from gatehouse.trusted.merge_target import MergeTarget

if TYPE_CHECKING:
    from github.PullRequest import PullRequest
    from github.Repository import Repository

Obstacle = Literal["workflows", "owned", "refused"]
_WORKFLOWS = ".github/workflows/"
_DEPENDABOT = "dependabot[bot]"


@dataclass(frozen=True)
class GoingOn:
    """The state of a change on a branch of ours.

    Attributes:
        commit: the commit with the record, at the tip of our branch; None if there is none.
        obstacle: why there is none although everything else passes; None without an obstacle.
    """

    commit: str | None = None
    obstacle: Obstacle | None = None

    def write(self, path: Path, pull: int) -> None:
        """Write the outputs for the job that opens pull requests, if it has anything to do."""
        if self.commit or self.obstacle:
            path.write_text(f"continues={pull}\nobstacle={self.obstacle or ''}\n", "utf-8")


def go_on(
    repository: Repository,
    statuses: Repository,
    target: MergeTarget,
    again: Recomputed,
    files: Callable[[], Mapping[str, bytes]],
    context: str,
) -> GoingOn:
    """Put the change and its record on a branch of ours, once everything else passes.

    If the branch exists, its statuses are updated; it gets a new record only if it is not green. A
    branch on which somebody continued work is left alone: its own runs are judged.

    Args:
        repository: accessed with a token that may write contents and read pull requests.
        statuses: accessed with a token that may write statuses.
        target: a pull request whose branch can't be written to.
        again: the recomputed answer on its head.
        files: makes the record, by path.
        context: name of the required status.

    Raises:
        GatehouseError: GitHub refused.
    """
    if target.pull is None or target.draft:
        return GoingOn()
    branch = branch_of(target.pull, target.head)
    tip = find_tip(repository, branch)
    passes = again.with_record.state == "success"
    judged = again.judged.model_copy(update={"overall": again.with_record})
    if tip is not None:
        if not is_record(repository, target.head, tip):
            return GoingOn()
        if not passes:
            say_all(statuses, tip, judged, context)
            return GoingOn()
        if state_of(statuses, tip, context) == "success":
            return GoingOn(tip)
    if not passes or not again.unrecorded:
        return GoingOn()
    with telling("look at the pull request"):
        pull = repository.get_pull(target.pull)
    if obstacle := _obstacle(pull, again):
        return GoingOn(obstacle=obstacle)
    with telling("record the change"):
        made = record_on(repository, target.head, again, files(), tip or target.head)
    commit = made.sha if made is not None else tip
    if commit is None:
        return GoingOn()
    say_all(statuses, commit, judged, context)
    with telling("look at the pull request"):
        if repository.get_pull(target.pull).head.sha != target.head:
            raise GatehouseError("the pull request has moved on")
    try:
        with telling(f"make the branch {branch}"):
            if tip is None:
                repository.create_git_ref(f"refs/heads/{branch}", commit)
            elif commit != tip:
                move(repository, branch, commit)
    except GatehouseError as error:
        print(error)
        return GoingOn(obstacle="refused")
    return GoingOn(commit)


def _obstacle(pull: PullRequest, again: Recomputed) -> Obstacle | None:
    """Return why a change can't continue by itself, or None.

    GitHub does not let authors approve their own pull request. A workflow that opens it becomes its
    author, so that an owner could then approve their own change to an owned file.
    """
    if again.basis.owned and pull.user.login != _DEPENDABOT:
        return "owned"
    with telling("list the files of the pull request"):
        files = list(pull.get_files())
    names = [name for file in files for name in (file.filename, file.previous_filename) if name]
    return "workflows" if any(name.startswith(_WORKFLOWS) for name in names) else None
