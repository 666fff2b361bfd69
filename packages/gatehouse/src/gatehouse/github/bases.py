"""The branches whose pull requests are judged, and the required status of each.

A status belongs to a commit, not to a pull request. If the policy of any pushed branch could turn
it green, it would still be green after the pull request is pointed at the default branch. Each base
therefore has its own status, and a base that no owner listed has none.
"""

from __future__ import annotations

from collections.abc import Mapping

CONTEXT = "gatehouse"
"""The required status of the default branch."""


def status_of(branch: str, default: str, bases: Mapping[str, str]) -> str | None:
    """Return the status name for pull requests into `branch`, or None if they are not judged.

    Args:
        branch: the base of a pull request or of a merge queue entry.
        default: the default branch.
        bases: `bases` of the default branch's policy.
    """
    return CONTEXT if branch == default else bases.get(branch)
