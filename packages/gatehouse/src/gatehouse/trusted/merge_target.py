"""A commit to judge, and the branch that it would merge into."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class MergeTarget:
    """A commit to judge.

    Attributes:
        head: the commit.
        base_branch: the branch that it would merge into.
        base: the commit that the merge queue put the entry on; None for a pull request.
        pull: number of the pull request; None in the merge queue.
        branch: branch for a commit with the results; None if no commit may be added: for a fork's
            branch, Dependabot's (which would stop maintaining it), the queue's, and the default
            branch, which can be the source of a pull request to a release branch.
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
