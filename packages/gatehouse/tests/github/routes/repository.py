"""The repository itself, its commits and their statuses."""

from __future__ import annotations

import re

from tests.github import views
from tests.github.git_store import GitError
from tests.github.routing import RefusedError, Reply, Request, route
from tests.github.state import State, Status

ANNOTATIONS = 50
DESCRIPTION_LIMIT = 140


@route("GET", "", "metadata:read")
def repository(state: State, request: Request) -> Reply:
    return Reply(body=views.repository(state))


@route("GET", "/codeowners/errors", "contents:read")
def codeowners_errors(state: State, request: Request) -> Reply:
    return Reply(body={"errors": state.codeowners_errors})


@route("GET", "/branches/{ref}", "contents:read")
def branch(state: State, request: Request) -> Reply:
    name = request.parts["ref"]
    sha = state.git.commit_of(f"refs/heads/{name}")
    if sha is None:
        raise RefusedError(404, "Branch not found")
    return Reply(body={"name": name, "commit": {"sha": sha}, "protected": False})


@route("GET", "/commits/{sha}", "contents:read")
def commit(state: State, request: Request) -> Reply:
    sha = _known(state, request.parts["sha"])
    url = f"{state.url}/repos/{state.full_name}"
    found = state.git.commit_object(sha)
    tree, parents = str(found.tree_id), [str(each) for each in found.parent_ids]
    author, committer = views.people_of(state, sha)
    return Reply(
        body={
            "sha": sha,
            "author": author,
            "committer": committer,
            "url": f"{url}/commits/{sha}",
            "commit": {
                "author": {"name": found.author.name},
                "message": found.message,
                "tree": {"sha": tree, "url": f"{url}/git/trees/{tree}"},
                "url": f"{url}/git/commits/{sha}",
            },
            "parents": [{"sha": each, "url": f"{url}/commits/{each}"} for each in parents],
        }
    )


@route("GET", "/contents/{path}", "contents:read")
def content(state: State, request: Request) -> Reply:
    """A file; leaner than GitHub's."""
    commit, path = request.query.get("ref", state.default_branch), request.parts["path"]
    try:
        sha = state.git.git("rev-parse", "--verify", "--quiet", f"{commit}:{path}")
    except GitError:
        raise RefusedError(404, "Not Found") from None
    return Reply(body={"type": "file", "path": path, "sha": sha})


@route("GET", "/commits/{sha}/pulls", "pull_requests:read")
def pulls_of_commit(state: State, request: Request) -> Reply:
    sha = request.parts["sha"]
    found = [pull for pull in state.pulls.values() if state.head_of(pull) == sha]
    return Reply(listed=[views.pull(state, pull) for pull in found])


@route("POST", "/statuses/{sha}", "statuses:write")
def set_status(state: State, request: Request) -> Reply:
    sha, body = request.parts["sha"], request.body
    if not re.fullmatch(r"[0-9a-f]{40}", sha) or state.git.kind(sha) != "commit":
        raise RefusedError(422, f"No commit found for SHA: {sha}")
    if len(body.get("description") or "") > DESCRIPTION_LIMIT:
        raise RefusedError(
            422,
            "Validation Failed",
            errors=[
                {
                    "resource": "Status",
                    "code": "custom",
                    "field": "description",
                    "message": "description is too long (maximum is 140 characters)",
                }
            ],
        )
    made = Status(
        state.new_id(),
        sha,
        body["state"],
        body.get("context", "default"),
        body.get("description") or "",
        body.get("target_url") or "",
        request.token.login,
    )
    state.statuses.append(made)
    return Reply(201, views.status(state, made))


@route("POST", "/check-runs", "checks:write")
def create_check_run(state: State, request: Request) -> Reply:
    """A check run that has ended; GitHub takes 50 annotations at once."""
    body = request.body
    if state.git.kind(body["head_sha"]) != "commit":
        raise RefusedError(422, f"No commit found for SHA: {body['head_sha']}")
    notes = body.get("output", {}).get("annotations", [])
    if len(notes) > ANNOTATIONS or any(not note["message"] for note in notes):
        raise RefusedError(422, "Invalid request. Too many annotations, or one without a message.")
    state.check_runs.append(body)
    return Reply(201, {"id": state.new_id(), "name": body["name"], "head_sha": body["head_sha"]})


@route("GET", "/commits/{sha}/statuses", "statuses:read")
@route("GET", "/statuses/{sha}", "statuses:read")
def statuses(state: State, request: Request) -> Reply:
    sha = _known(state, request.parts["sha"])
    found = [each for each in reversed(state.statuses) if each.sha == sha]
    return Reply(listed=[views.status(state, each) for each in found])


@route("GET", "/commits/{sha}/status", "statuses:read")
def combined_status(state: State, request: Request) -> Reply:
    sha = _known(state, request.parts["sha"])
    latest = {each.context: each for each in state.statuses if each.sha == sha}
    return Reply(
        body={
            "sha": sha,
            "total_count": len(latest),
            "statuses": [views.status(state, each) for each in latest.values()],
        }
    )


def _known(state: State, name: str) -> str:
    sha = state.git.commit_of(name)
    if sha is None:
        raise RefusedError(422, f"No commit found for SHA: {name}")
    return sha
