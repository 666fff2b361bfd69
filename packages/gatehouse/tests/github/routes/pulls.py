"""Pull requests."""

from __future__ import annotations

from typing import Any

from tests.github import views
from tests.github.routing import RefusedError, Reply, Request, route
from tests.github.state import PullRequest, State
from tests.github.triggers import start_runs


@route("GET", "/pulls", "pull_requests:read")
def pulls(state: State, request: Request) -> Reply:
    wanted, head = request.query.get("state", "open"), request.query.get("head", "")
    found = [
        pull
        for pull in state.pulls.values()
        if wanted in ("all", pull.state)
        and request.query.get("base", pull.base_branch) == pull.base_branch
        # As GitHub does: a head without an owner filters nothing.
        and (":" not in head or head == f"{_owner(pull)}:{pull.head_branch}")
    ]
    listed = [views.pull(state, pull) for pull in sorted(found, key=lambda pull: -pull.number)]
    return Reply(listed=listed)


@route("POST", "/pulls", "pull_requests:write")
def open_pull(state: State, request: Request) -> Reply:
    body = request.body
    branch = body["head"].partition(":")[2] or body["head"]
    sha = state.git.commit_of(f"refs/heads/{branch}")
    if sha is None or state.git.commit_of(f"refs/heads/{body['base']}") is None:
        raise RefusedError(422, "Validation Failed")
    if any(each.head_branch == branch and each.state == "open" for each in state.pulls.values()):
        raise RefusedError(422, f"A pull request already exists for {state.owner}:{branch}.")
    made = PullRequest(
        number=state.next_number(),
        head_repository=state.full_name,
        head_branch=branch,
        head_sha=sha,
        base_branch=body["base"],
        author=request.token.login,
        author_type="Bot",
        draft=body.get("draft", False),
        title=body.get("title", ""),
        body=body.get("body") or "",
    )
    state.pulls[made.number] = made
    start_runs(state, made, "opened", made.author)
    return Reply(201, _whole(state, made))


@route("GET", "/pulls/{number}", "pull_requests:read")
def pull(state: State, request: Request) -> Reply:
    return Reply(body=_whole(state, _pull(state, request)))


@route("GET", "/pulls/{number}/files", "pull_requests:read")
def files(state: State, request: Request) -> Reply:
    it = _pull(state, request)
    return Reply(listed=state.git.changed_files(_base(state, it), state.head_of(it)))


@route("GET", "/pulls/{number}/commits", "pull_requests:read")
def commits(state: State, request: Request) -> Reply:
    it = _pull(state, request)
    url = f"{state.url}/repos/{state.full_name}/commits"
    found: list[dict[str, Any]] = []
    for commit in state.git.between(_base(state, it), state.head_of(it)):
        sha = str(commit.id)
        people = views.people_of(state, sha)
        found.append(
            {
                "sha": sha,
                "url": f"{url}/{sha}",
                "author": people[0],
                "committer": people[1],
                "parents": [],
            }
        )
    return Reply(listed=found)


def _base(state: State, pull: PullRequest) -> str:
    sha = state.git.commit_of(f"refs/heads/{pull.base_branch}")
    if sha is None:
        raise RefusedError(404, "Not Found")
    return sha


def _owner(pull: PullRequest) -> str:
    return pull.head_repository.partition("/")[0]


def _pull(state: State, request: Request) -> PullRequest:
    if (found := state.pulls.get(request.number("number"))) is None:
        raise RefusedError(404, "Not Found")
    return found


def _whole(state: State, it: PullRequest) -> dict[str, Any]:
    changed = state.git.changed_files(_base(state, it), state.head_of(it))
    return views.pull(state, it) | {"changed_files": len(changed), "mergeable": True}
