"""The pull request in which an outsider's change continues, and the link to it on the first one.

The outsider's text is not repeated: neither title, nor description, nor branch name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gatehouse.github.blobs import find_tip
from gatehouse.github.client import branch_here, here, telling
from gatehouse.github.continued import branch_of
from gatehouse.github.going_on import Obstacle
from gatehouse.report.escape import code

if TYPE_CHECKING:
    from github.PullRequest import PullRequest
    from github.Repository import Repository

MARK = "<!-- gatehouse: goes on -->"
"""The mark by which the comment is found again."""

_BODY = """\
Continues #{number}, opened by {login}: commit {head} as it is, and on top of it what the gates \
recorded of its run. The gates judged that commit, and owners' words on #{number} count here too.

Merge this one in place of #{number}.
"""
_ON = """\
➡️ This change goes on in #{on}: commit {head} as it is, with the record of its run. Merge that \
one, and close this one.
"""
_BY_HAND = """\
✋ All gates pass, but {why}. A maintainer who trusts the change pushes it to a branch of this \
repository:
```sh
gh pr checkout {number} && git push origin HEAD:refs/heads/from-{number}
gh pr create --head from-{number} --title "..." --body "Continues #{number}"
```
"""
_WHY: dict[Obstacle, str] = {
    "workflows": "the change touches `.github/workflows/`, and GitHub lets no workflow's token put "
    "such a commit on a branch",
    "owned": "the change touches files that have a code owner, and a pull request that a workflow "
    "opens could be approved by whoever made the change",
    "refused": "GitHub refused to make the branch ([the run]({run}) has its words)",
}


def open_continued(
    repository: Repository, number: int, obstacle: Obstacle | None, author: str
) -> str:
    """Open the pull request once, and comment on the first one; return a description.

    Args:
        repository: accessed with a token that may write to pull requests and read contents.
        number: of the first pull request.
        obstacle: why it can't continue by itself.
        author: login that our token writes as; only its comments are edited.

    Raises:
        GatehouseError: GitHub refused.
    """
    with telling("look up the pull request"):
        pull = repository.get_pull(number)
        head = pull.head.sha
    if obstacle is not None:
        why = _WHY[obstacle].format(run=here())
        _say(pull, _BY_HAND.format(why=why, number=number), author)
        return f"#{number} must be continued by hand: {obstacle}"
    on = _find(repository, pull) or _open(repository, pull)
    if on is None:
        return f"#{number} has moved on"
    _say(pull, _ON.format(on=on, head=head), author)
    return f"#{number} goes on in #{on}"


def _find(repository: Repository, pull: PullRequest) -> int | None:
    """Return the branch's newest pull request, open or closed, because it is opened only once."""
    named = f"{repository.full_name.partition('/')[0]}:{branch_of(pull.number, pull.head.sha)}"
    with telling("look for the pull request that continues it"):
        found = [
            each.number
            for each in repository.get_pulls(state="all", head=named)
            if branch_here(repository, each.head) is not None
        ]
    return max(found, default=None)


def _open(repository: Repository, pull: PullRequest) -> int | None:
    branch = branch_of(pull.number, pull.head.sha)
    if find_tip(repository, branch) is None:
        return None  # a push came in between
    with telling(f"open a pull request of {branch}"):
        body = _BODY.format(number=pull.number, login=code(pull.user.login), head=pull.head.sha)
        title = f"Continue #{pull.number} with its record"
        made = repository.create_pull(base=pull.base.ref, head=branch, title=title, body=body)
    return made.number


def _say(pull: PullRequest, text: str, author: str) -> None:
    """Write one comment, or edit it if its text differs."""
    whole = f"{MARK}\n{text}"
    with telling("comment on the pull request"):
        for found in pull.get_issue_comments():
            if found.user is not None and found.user.login == author and MARK in found.body:
                if found.body.strip() != whole.strip():
                    found.edit(whole)
                return
        pull.create_issue_comment(whole)
