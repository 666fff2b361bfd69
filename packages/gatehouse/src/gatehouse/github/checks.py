"""The state of *Pull request* on a commit: checks and tests, which the verdict does not wait for.

They are queried when the status is set, and are not part of an answer: a rerun may end otherwise,
while the verdict stays.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gatehouse.github.blobs import text_of
from gatehouse.github.client import telling
from gatehouse.github.continued import own_pulls
from gatehouse.github.ended import CHECKS, QUEUE, newest_of
from gatehouse.github.event import Run
from gatehouse.github.runs import list_runs, no_run
from gatehouse.github.workflow import workflow_problem
from gatehouse.trusted.merge_target import MergeTarget

if TYPE_CHECKING:
    from github.Repository import Repository


@dataclass(frozen=True)
class Checks:
    """The newest run of *Pull request* on a commit.

    Attributes:
        ended: whether it has ended.
        problem: why it failed; None if it succeeded or has not ended.
        run: its address; empty if there is none.
    """

    ended: bool
    problem: str | None = None
    run: str = ""

    @property
    def passed(self) -> bool:
        return self.ended and self.problem is None


def checks_of(repository: Repository, target: MergeTarget, commit: str, default: str) -> Checks:
    """Return the state of checks and tests on a judged commit.

    Only runs of the pull request's own branch count, or of the branch that it continues: anyone can
    open another pull request with the same commit.

    Args:
        repository: accessed with a token that may read actions, contents and pull requests.
        target: the target that is judged.
        commit: its head, or the commit that its head records.
        default: the default branch.

    Raises:
        GatehouseError: GitHub refused.
    """
    places = _places(repository, target)
    newest = newest_of(
        CHECKS,
        (run for run in list_runs(repository, head_sha=commit) if _place(run, target) in places),
    )
    if newest is None:
        gone = text_of(repository, commit, Path(CHECKS)) is None
        return Checks(ended=gone, problem=no_run(CHECKS, default) if gone else None)
    run = Run.model_validate(newest)
    if run.status != "completed":
        return Checks(ended=False, run=run.html_url)
    return Checks(ended=True, problem=workflow_problem(repository, run), run=run.html_url)


def _places(repository: Repository, target: MergeTarget) -> set[Any]:
    """Return the branches whose runs count, each with its repository."""
    if target.queued is not None:
        return {repository.full_name}  # only the queue may push to its branches
    with telling("look up the pull request"):
        heads = [repository.get_pull(each).head for each in own_pulls(repository, target)]
        return {(head.repo.full_name, head.ref) for head in heads if head.repo is not None}


def _place(run: dict[str, Any], target: MergeTarget) -> Any:
    name = (run.get("head_repository") or {}).get("full_name")
    queued = run.get("event") == QUEUE
    if target.queued is not None:
        return name if queued else None
    return None if queued else (name, run.get("head_branch"))
