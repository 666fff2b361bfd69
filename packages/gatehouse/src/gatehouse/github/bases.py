"""The branches whose pull requests are judged, and the required status of each.

A status belongs to a commit, not to a pull request. Green by the policy of any branch that somebody
can push, it would still be green when the pull request is pointed at the default branch. So each
base has a status of its own, and a base that an owner did not list has none.
"""

from __future__ import annotations

from collections.abc import Mapping

CONTEXT = "gatehouse"
"""The required status of the default branch."""


def status_of(branch: str, default: str, bases: Mapping[str, str]) -> str | None:
    """Name of the status of pull requests into `branch`; None where they are not judged.

    Args:
        branch: the base of a pull request or of an entry of the merge queue.
        default: the default branch.
        bases: `bases` of the default branch's policy.
    """
    return CONTEXT if branch == default else bases.get(branch)
