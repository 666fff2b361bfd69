"""The payloads that GitHub's webhooks hand to workflows."""

from __future__ import annotations

from typing import Any

from tests.github import views
from tests.github.git_store import GitError
from tests.github.state import Comment, PullRequest, Run, State


def pull_request_event(
    state: State, pull: PullRequest, action: str, **changes: str
) -> dict[str, Any]:
    """For `on: pull_request`; `action` is such as "opened".

    Args:
        state: of GitHub.
        pull: the pull request.
        action: such as "opened".
        changes: of "edited", what was there before: title, body or base (its branch).
    """
    before: dict[str, Any] = {
        name: {"ref": {"from": was}} if name == "base" else {"from": was}
        for name, was in changes.items()
    }
    return ({"changes": before} if action == "edited" else {}) | {
        "action": action,
        "number": pull.number,
        "pull_request": views.pull(state, pull),
        "repository": views.repository(state),
        "sender": views.user(pull.author, pull.author_type),
    }


def workflow_run_event(state: State, run: Run, action: str) -> dict[str, Any]:
    """For `on: workflow_run`; `action` is "requested", "in_progress" or "completed"."""
    return {
        "action": action,
        "workflow_run": views.run(state, run) | {"head_commit": _commit(state, run.head_sha)},
        "workflow": {"id": 7, "name": run.name, "path": run.path},
        "repository": views.repository(state),
        "sender": views.user(run.head_repository.partition("/")[0]),
    }


def _commit(state: State, sha: str) -> dict[str, Any] | None:
    """What a run's event says of its commit; None of one that is not there."""
    try:
        return {"id": sha, "message": state.git.git("log", "-1", "--format=%B", sha)}
    except GitError:
        return None


def issue_comment_event(
    state: State, comment: Comment, action: str, *, sender: str | None = None, before: str = ""
) -> dict[str, Any]:
    """For `on: issue_comment`.

    Args:
        state: of GitHub.
        comment: on an issue or a pull request.
        action: "created", "edited" or "deleted".
        sender: who did it; whoever wrote the comment if not given.
        before: of "edited", the text that was there.
    """
    about = state.pulls.get(comment.number) or state.issues[comment.number]
    changes = {"changes": {"body": {"from": before}}} if action == "edited" else {}
    return changes | {
        "action": action,
        "issue": views.issue(state, about),
        "comment": views.comment(state, comment),
        "repository": views.repository(state),
        "sender": views.user(sender or comment.login),
    }
