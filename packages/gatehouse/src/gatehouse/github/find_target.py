"""The target of a run: the open pull request, or the merge queue entry."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from gatehouse.errors import GatehouseError
from gatehouse.github.client import telling
from gatehouse.github.event import Event
from gatehouse.trusted.merge_target import MergeTarget

if TYPE_CHECKING:
    from github.PullRequest import PullRequest
    from github.Repository import Repository

# Name pattern of GitHub's merge queue branches; only the queue may push there.
_QUEUED = re.compile(r"gh-readonly-queue/(?P<base>.+)/pr-(?P<pull>\d+)-(?P<commit>[0-9a-f]{40})")


def queued_pull(branch: str | None) -> int | None:
    """Return the number of the pull request of a merge queue branch, or None for other branches."""
    entry = _QUEUED.fullmatch(branch or "")
    return int(entry["pull"]) if entry else None


def find_target(repository: Repository, event: Event) -> MergeTarget | None:
    """Return the open pull request whose head is the run's commit, or the merge queue's entry.

    Returns:
        The target, or None if it no longer exists: it was closed, or a newer commit was pushed.

    Raises:
        GatehouseError: several pull requests with different bases have this head.
    """
    run = event.workflow_run
    if run.event == "merge_group":
        entry = _QUEUED.fullmatch(run.head_branch or "")
        if entry is None:
            raise GatehouseError("the merge queue's branch has a name that can't be understood")
        return MergeTarget(
            head=run.head_sha,
            base_branch=entry["base"],
            base=entry["commit"],
            queued=int(entry["pull"]),
        )
    if run.head_repository is None or not run.head_branch:
        return None
    with telling("list the pull requests of the commit"):
        named = f"{run.head_repository.owner}:{run.head_branch}"
        listed = list(repository.get_pulls(state="open", head=named))
    # GitHub lists by owner and branch; another fork of the same owner also matches.
    found = [pull for pull in listed if _is_of(pull, event)]
    if len({pull.base.ref for pull in found}) > 1:
        numbers = ", ".join(f"#{pull.number}" for pull in found)
        raise GatehouseError(
            f"{numbers} have the same head and different bases, and a status belongs to a commit, "
            "not to a pull request: close all but one"
        )
    return _target(found[0], event) if found else None


def target_of(repository: Repository, number: int, default: str) -> MergeTarget | None:
    """Return the target of pull request `number`, or None if it is closed.

    Args:
        repository: accessed with a token that may read pull requests.
        number: of the pull request.
        default: the default branch.

    Raises:
        GatehouseError: several pull requests with different bases have this head.
    """
    with telling("look up the pull request"):
        pull = repository.get_pull(number)
        if pull.state != "open" or pull.head.repo is None:
            return None
        named = f"{pull.head.repo.owner.login}:{pull.head.ref}"
        listed = repository.get_pulls(state="open", head=named)
        others = [each for each in listed if each.head.sha == pull.head.sha]
    if len({each.base.ref for each in others} | {pull.base.ref}) > 1:
        raise GatehouseError(
            f"other pull requests have the same head as #{number} and another base; close them"
        )
    ours = pull.head.repo.full_name == repository.full_name
    return _of_pull(pull, pull.head.sha, default, ours=ours)


def _is_of(pull: PullRequest, event: Event) -> bool:
    run, repository = event.workflow_run, pull.head.repo
    return (
        pull.head.sha == run.head_sha
        and repository is not None
        and repository.full_name == (run.head_repository and run.head_repository.full_name)
    )


def _target(pull: PullRequest, event: Event) -> MergeTarget:
    default = event.repository.default_branch
    return _of_pull(pull, event.workflow_run.head_sha, default, ours=event.same_repository)


def _of_pull(pull: PullRequest, head: str, default: str, *, ours: bool) -> MergeTarget:
    """Return the target of a pull request.

    Args:
        pull: the pull request.
        head: its head commit.
        default: the default branch.
        ours: whether the branch is in this repository.
    """
    writable = ours and pull.user.login != "dependabot[bot]" and pull.head.ref != default
    return MergeTarget(
        head=head,
        base_branch=pull.base.ref,
        pull=pull.number,
        branch=pull.head.ref if writable else None,
        draft=pull.draft,
    )
