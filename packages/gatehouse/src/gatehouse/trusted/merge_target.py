"""A commit to judge, and the branch that it would be merged into."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class MergeTarget:
    """A commit to judge.

    Attributes:
        head: the commit.
        base_branch: where it would be merged into.
        base: the commit that the merge queue put the entry on; None of a pull request.
        pull: number of the pull request; None in the merge queue.
        branch: where a commit with the results goes; None where that must not be: a fork's
            branch, Dependabot's (which would stop to maintain it), the queue's and the default
            one, from which a pull request to a release branch may come.
        draft: is the pull request a draft?
        queued: number of the pull request in the merge queue.
    """

    head: str
    base_branch: str
    base: str | None = None
    pull: int | None = None
    branch: str | None = None
    draft: bool = False
    queued: int | None = None

    @property
    def number(self) -> int | None:
        """Number of the pull request that is judged or waits in the queue."""
        return self.pull if self.pull is not None else self.queued
