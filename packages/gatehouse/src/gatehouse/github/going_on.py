"""What *Publish* and *Accept* do with a change to whose branch the gates can't write.

It goes on at a branch of ours: its own commit, which GitHub has already, and the record on top. All
of it is made by GitHub's API, from hashes. No file of the change is read or checked out.
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
    """What became of a change.

    Attributes:
        commit: with the record, at the tip of a branch of ours; None where there is none.
        obstacle: why there is none although all else passes; None where nothing is in the way.
    """

    commit: str | None = None
    obstacle: Obstacle | None = None

    def write(self, path: Path, pull: int) -> None:
        """Tell the job that opens pull requests what to do, as outputs of a step, if anything."""
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
    """Put the change and its record on a branch of ours, once all else passes.

    A branch that is there already gets the statuses that hold now; a new record only where it is
    not green. A branch on which somebody went on is left alone: its own runs are judged.

    Args:
        repository: as a token that may write contents and read pull requests sees it.
        statuses: as a token that may write statuses sees it.
        target: a pull request without a branch to write to.
        again: the answer on its head.
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
    """Why a change can't go on by itself.

    GitHub lets nobody approve a pull request of their own. One that a workflow opened is nobody's,
    so that an owner could approve their own change of an owned file.
    """
    if again.basis.owned and pull.user.login != _DEPENDABOT:
        return "owned"
    with telling("list the files of the pull request"):
        files = list(pull.get_files())
    names = [name for file in files for name in (file.filename, file.previous_filename) if name]
    return "workflows" if any(name.startswith(_WORKFLOWS) for name in names) else None
