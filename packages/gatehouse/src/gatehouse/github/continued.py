"""Changes whose own branch the gates can't write to, and our branches on which they continue.

The name of our branch contains the pull request and the commit that it continues. Anyone with write
access can create a branch of such a name, so the name counts only if the commits confirm it: the
branch must be a commit of that pull request, with only the gates' records on top.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from gatehouse.github.answer import files_of
from gatehouse.github.client import branch_here, telling
from gatehouse.trusted.merge_target import MergeTarget

if TYPE_CHECKING:
    from github.Repository import Repository

_NAME = re.compile(r"from-(?P<pull>[1-9][0-9]{0,9})-(?P<commit>[0-9a-f]{12})")
_RECORDED = re.compile(r"dvc\.lock|reports/.+|acceptances/.+")
_RECORDS = 20
"""Maximum number of the gates' commits to search."""


def branch_of(pull: int, head: str) -> str:
    """Return the name of the branch on which a pull request's head continues."""
    return f"from-{pull}-{head[:12]}"


def speaking_pulls(repository: Repository, target: MergeTarget) -> tuple[int, ...]:
    """Return the pull requests whose comments count: all that have the target's change.

    These are the target's own pull request and the one that it continues, or in which it
    continues. The same comments count on both, so a revocation on one also applies to the other.

    Raises:
        GatehouseError: GitHub refused.
    """
    found = own_pulls(repository, target)
    if target.pull is None or target.branch is not None:
        return found
    named = f"{repository.full_name.partition('/')[0]}:{branch_of(target.pull, target.head)}"
    with telling("look for the pull request in which it goes on"):
        listed = [
            each
            for each in repository.get_pulls(state="open", head=named)
            if branch_here(repository, each.head) is not None
        ]
    on = [each.number for each in listed if is_record(repository, target.head, each.head.sha)]
    return (*found, *on)


def own_pulls(repository: Repository, target: MergeTarget) -> tuple[int, ...]:
    """Return the target's own pull request, and the one that it continues.

    Raises:
        GatehouseError: GitHub refused.
    """
    if target.number is None:
        return ()
    branch, head = target.branch, target.head
    if target.queued is not None:
        with telling("look up the pull request in the queue"):
            queued = repository.get_pull(target.queued).head
            branch, head = branch_here(repository, queued), queued.sha
    first = _continues(repository, branch, head)
    return (target.number,) if first is None else (target.number, first)


def _continues(repository: Repository, branch: str | None, head: str) -> int | None:
    """Return the number of the pull request that a branch continues, or None."""
    named = _NAME.fullmatch(branch or "")
    if named is None:
        return None
    commit = _first(repository, head, named["commit"])
    if commit is None or not is_record(repository, commit, head):
        return None
    with telling(f"look up the commits of #{named['pull']}"):
        commits = [each.sha for each in repository.get_pull(int(named["pull"])).get_commits()]
    return int(named["pull"]) if commit in commits else None


def _first(repository: Repository, head: str, wanted: str) -> str | None:
    """Return the commit below a head's records whose hash begins with `wanted`."""
    commit = head
    for _ in range(_RECORDS):
        if commit.startswith(wanted):
            return commit
        with telling("look up the head's parent"):
            parents = repository.get_git_commit(commit).parents
        if len(parents) != 1:
            return None
        commit = parents[0].sha
    return None


def is_record(repository: Repository, commit: str, head: str) -> bool:
    """Return whether a head differs from a commit only by the gates' records.

    Raises:
        GatehouseError: GitHub refused, or the repository has more files than it lists.
    """
    with telling("compare the branch with the change that it continues"):
        before, after = files_of(repository, commit), files_of(repository, head)
    return all(
        _RECORDED.fullmatch(path) is not None
        for path in before.keys() | after.keys()
        if before.get(path) != after.get(path)
    )
