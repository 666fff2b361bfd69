"""What the stand-in for GitHub says of its things, in GitHub's words."""

from __future__ import annotations

from typing import Any

from tests.github.state import Artifact, Comment, Issue, PullRequest, Run, State, Status, now


def user(login: str, kind: str | None = None) -> dict[str, Any]:
    """A user, a bot or an organization."""
    known = kind or ("Bot" if login.endswith("[bot]") else "User")
    number = sum(ord(letter) * place for place, letter in enumerate(login, 1))
    return {"login": login, "id": number, "type": known, "site_admin": False}


def people_of(state: State, sha: str) -> list[dict[str, Any] | None]:
    """Author and committer of a commit; an account has the address NAME@example.com."""
    found = state.git.commit_object(sha)
    mails = [found.author.email, found.committer.email]
    return [
        user(mail.removesuffix("@example.com")) if mail.endswith("@example.com") else None
        for mail in mails
    ]


def repository(state: State, full_name: str | None = None) -> dict[str, Any]:
    """The repository, or a fork of it."""
    whole = full_name or state.full_name
    owner, _, name = whole.partition("/")
    return {
        "id": sum(ord(letter) * place for place, letter in enumerate(whole, 1)),
        "name": name,
        "full_name": whole,
        "owner": user(owner),
        "private": state.private,
        "fork": whole != state.full_name,
        "url": f"{state.url}/repos/{whole}",
        "html_url": f"https://github.com/{whole}",
        "default_branch": state.default_branch,
    }


def pull(state: State, it: PullRequest) -> dict[str, Any]:
    """A pull request, as a list of them and as a webhook show it."""
    base_url = f"{state.url}/repos/{state.full_name}"

    def side(full_name: str, branch: str, sha: str | None) -> dict[str, Any]:
        owner = full_name.partition("/")[0]
        return {
            "label": f"{owner}:{branch}",
            "ref": branch,
            "sha": sha,
            "user": user(owner),
            "repo": repository(state, full_name),
        }

    return {
        "url": f"{base_url}/pulls/{it.number}",
        "id": it.number + 5000,
        "number": it.number,
        "state": it.state,
        "locked": False,
        "title": it.title,
        "body": it.body,
        "draft": it.draft,
        "user": user(it.author, it.author_type),
        "author_association": "CONTRIBUTOR",
        "labels": [{"name": label} for label in it.labels],
        "head": side(it.head_repository, it.head_branch, state.head_of(it)),
        "base": side(state.full_name, it.base_branch, state.git.commit_of(it.base_branch)),
        "html_url": f"https://github.com/{state.full_name}/pull/{it.number}",
        "issue_url": f"{base_url}/issues/{it.number}",
        "comments_url": f"{base_url}/issues/{it.number}/comments",
        "statuses_url": f"{base_url}/statuses/{state.head_of(it)}",
        "merged": False,
        "created_at": it.created,
        "closed_at": it.closed,
    }


def issue(state: State, it: Issue | PullRequest) -> dict[str, Any]:
    """An issue; a pull request is shown as one too, with the key `pull_request`."""
    url = f"{state.url}/repos/{state.full_name}/issues/{it.number}"
    found = {
        "id": it.number + 9000,
        "number": it.number,
        "url": url,
        "comments_url": f"{url}/comments",
        "html_url": f"https://github.com/{state.full_name}/issues/{it.number}",
        "state": it.state,
        "title": it.title,
        "body": it.body,
        "user": user(it.author),
        "labels": [{"name": label} for label in it.labels],
    }
    if isinstance(it, Issue):
        return found | {"state_reason": it.state_reason, "created_at": it.created}
    page = pull(state, it)
    return found | {"html_url": page["html_url"], "pull_request": {"url": page["url"]}}


def run(state: State, it: Run) -> dict[str, Any]:
    """A workflow run. Of a fork's, GitHub names no pull requests."""
    base_url = f"{state.url}/repos/{state.full_name}"
    pulls = [
        {"number": each.number, "url": f"{base_url}/pulls/{each.number}"}
        for each in state.pulls.values()
        if each.head_branch == it.head_branch
        and each.head_repository == it.head_repository == state.full_name
    ]
    return {
        "id": it.id,
        "name": it.name,
        "path": it.path,
        "event": it.event,
        "status": it.status,
        "conclusion": it.conclusion,
        "head_branch": it.head_branch,
        "head_sha": it.head_sha,
        "head_repository": repository(state, it.head_repository),
        "repository": repository(state),
        "pull_requests": pulls,
        "run_attempt": it.attempt,
        "actor": user(it.actor or it.head_repository.partition("/")[0]),
        "triggering_actor": user(
            it.triggering_actor or it.actor or it.head_repository.partition("/")[0]
        ),
        "run_number": it.id,
        "workflow_id": 7,
        "url": f"{base_url}/actions/runs/{it.id}",
        "jobs_url": f"{base_url}/actions/runs/{it.id}/jobs",
        "artifacts_url": f"{base_url}/actions/runs/{it.id}/artifacts",
        "html_url": f"https://github.com/{state.full_name}/actions/runs/{it.id}",
        "display_title": it.title,
        "created_at": it.created,
        "run_started_at": it.started or it.created,
        "updated_at": now(),
    }


def artifact(state: State, it: Artifact) -> dict[str, Any]:
    url = f"{state.url}/repos/{state.full_name}/actions/artifacts/{it.id}"
    made = state.runs.get(it.run)
    size = it.file.stat().st_size if it.size is None else it.size
    return {
        "id": it.id,
        "name": it.name,
        "size_in_bytes": size,
        "url": url,
        "archive_download_url": f"{url}/zip",
        "expired": it.expired,
        "created_at": it.created,
        "expires_at": now(),
        "workflow_run": {
            "id": it.run,
            "head_branch": made.head_branch if made else None,
            "head_sha": made.head_sha if made else None,
        },
    }


def comment(state: State, it: Comment) -> dict[str, Any]:
    base_url = f"{state.url}/repos/{state.full_name}"
    return {
        "id": it.id,
        "url": f"{base_url}/issues/comments/{it.id}",
        "html_url": f"https://github.com/{state.full_name}/pull/{it.number}#issuecomment-{it.id}",
        "issue_url": f"{base_url}/issues/{it.number}",
        "body": it.body,
        "user": user(it.login, it.login_type),
        "performed_via_github_app": {"slug": it.app} if it.app else None,
        "created_at": it.created,
        "updated_at": now(),
    }


def status(state: State, it: Status) -> dict[str, Any]:
    return {
        "id": it.id,
        "url": f"{state.url}/repos/{state.full_name}/statuses/{it.sha}",
        "state": it.state,
        "context": it.context,
        "description": it.description,
        "target_url": it.target_url,
        "creator": user(it.login),
        "created_at": now(),
        "updated_at": now(),
    }
