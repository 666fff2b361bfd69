"""Pull requests and their comments."""

from __future__ import annotations

from typing import Any

from tests.github import views
from tests.github.routing import RefusedError, Reply, Request, route
from tests.github.state import Comment, PullRequest, State

COMMENT_LIMIT = 65_536
COMMENTS_READ = ("pull_requests:read", "issues:read")
COMMENTS_WRITE = ("pull_requests:write", "issues:write")


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
        number=max(state.pulls, default=0) + 1,
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
    return Reply(201, _whole(state, made))


@route("GET", "/pulls/{number}", "pull_requests:read")
def pull(state: State, request: Request) -> Reply:
    return Reply(body=_whole(state, _pull(state, request)))


@route("GET", "/pulls/{number}/files", "pull_requests:read")
def files(state: State, request: Request) -> Reply:
    it = _pull(state, request)
    return Reply(listed=state.git.changed_files(it.base_branch, state.head_of(it)))


@route("GET", "/issues/{number}", *COMMENTS_READ)
def issue(state: State, request: Request) -> Reply:
    it = views.pull(state, _pull(state, request))
    same = ("id", "number", "state", "title", "body", "user", "labels", "html_url", "comments_url")
    whole = {key: it[key] for key in same} | {"url": it["issue_url"]}
    return Reply(body=whole | {"pull_request": {"url": it["url"]}})


@route("GET", "/issues/{number}/comments", *COMMENTS_READ)
def comments(state: State, request: Request) -> Reply:
    number = _pull(state, request).number
    found = [each for each in state.comments if each.number == number]
    return Reply(listed=[views.comment(state, each) for each in found])


@route("POST", "/issues/{number}/comments", *COMMENTS_WRITE)
def add_comment(state: State, request: Request) -> Reply:
    number = _pull(state, request).number
    made = Comment(state.new_id(), number, _text(request), request.token.login)
    state.comments.append(made)
    return Reply(201, views.comment(state, made))


@route("POST", "/issues/{number}/labels", *COMMENTS_WRITE)
def add_labels(state: State, request: Request) -> Reply:
    it = _pull(state, request)
    added = request.body if isinstance(request.body, list) else request.body["labels"]
    it.labels = tuple(dict.fromkeys((*it.labels, *added)))
    return Reply(body=[{"name": label} for label in it.labels])


@route("GET", "/issues/comments/{id}", *COMMENTS_READ)
def comment(state: State, request: Request) -> Reply:
    return Reply(body=views.comment(state, _comment(state, request)))


@route("PATCH", "/issues/comments/{id}", *COMMENTS_WRITE)
def edit_comment(state: State, request: Request) -> Reply:
    it = _comment(state, request)
    it.body, it.edits = _text(request), it.edits + 1
    return Reply(body=views.comment(state, it))


@route("DELETE", "/issues/comments/{id}", *COMMENTS_WRITE)
def delete_comment(state: State, request: Request) -> Reply:
    state.comments.remove(_comment(state, request))
    return Reply(204)


def _owner(pull: PullRequest) -> str:
    return pull.head_repository.partition("/")[0]


def _pull(state: State, request: Request) -> PullRequest:
    if (found := state.pulls.get(request.number("number"))) is None:
        raise RefusedError(404, "Not Found")
    return found


def _whole(state: State, it: PullRequest) -> dict[str, Any]:
    changed = state.git.changed_files(it.base_branch, state.head_of(it))
    return views.pull(state, it) | {"changed_files": len(changed), "mergeable": True}


def _comment(state: State, request: Request) -> Comment:
    for each in state.comments:
        if each.id == request.number("id"):
            return each
    raise RefusedError(404, "Not Found")


def _text(request: Request) -> str:
    text: str = request.body["body"]
    if not text.strip():
        raise RefusedError(422, "Validation Failed", errors=["body can't be blank"])
    if len(text) > COMMENT_LIMIT:
        raise RefusedError(
            422,
            "Validation Failed",
            errors=[f"body is too long (maximum is {COMMENT_LIMIT} characters)"],
        )
    return text
