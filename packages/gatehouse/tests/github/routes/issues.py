"""Issues, and the comments on them and on pull requests, which are issues too."""

from __future__ import annotations

from typing import Any

from tests.github import views
from tests.github.routing import RefusedError, Reply, Request, route
from tests.github.state import Comment, Issue, PullRequest, State

TEXT_LIMIT, TITLE_LIMIT = 65_536, 256
READ = ("pull_requests:read", "issues:read")
WRITE = ("pull_requests:write", "issues:write")


@route("GET", "/issues", "issues:read")
def issues(state: State, request: Request) -> Reply:
    wanted = request.query.get("state", "open")
    labels = set(filter(None, request.query.get("labels", "").split(",")))
    every: list[Issue | PullRequest] = [*state.issues.values(), *state.pulls.values()]
    found = [each for each in every if wanted in ("all", each.state) and labels <= set(each.labels)]
    newest_first = request.query.get("direction", "desc") == "desc"
    found.sort(key=lambda each: each.number, reverse=newest_first)
    return Reply(listed=[views.issue(state, each) for each in found])


@route("POST", "/issues", "issues:write")
def open_issue(state: State, request: Request) -> Reply:
    body = request.body
    made = Issue(
        number=state.next_number(),
        title=_title(body["title"]),
        body=_text(body.get("body") or ""),
        author=request.token.login,
        labels=tuple(body.get("labels", ())),
    )
    state.issues[made.number] = made
    return Reply(201, views.issue(state, made))


@route("GET", "/issues/{number}", *READ)
def issue(state: State, request: Request) -> Reply:
    return Reply(body=views.issue(state, _issue(state, request, "read")))


@route("PATCH", "/issues/{number}", *WRITE)
def edit_issue(state: State, request: Request) -> Reply:
    it, body = _issue(state, request, "write"), request.body
    it.title = _title(body.get("title", it.title))
    it.body = _text(body.get("body", it.body) or "")
    it.state = body.get("state", it.state)
    it.labels = tuple(body.get("labels", it.labels))
    if isinstance(it, Issue):
        it.edits += "body" in body
        it.state_reason = body.get("state_reason", it.state_reason)
    return Reply(body=views.issue(state, it))


@route("GET", "/issues/{number}/comments", *READ)
def comments(state: State, request: Request) -> Reply:
    number = _issue(state, request, "read").number
    found = [each for each in state.comments if each.number == number]
    return Reply(listed=[views.comment(state, each) for each in found])


@route("POST", "/issues/{number}/comments", *WRITE)
def add_comment(state: State, request: Request) -> Reply:
    number = _issue(state, request, "write").number
    made = Comment(state.new_id(), number, _said(request), request.token.login)
    state.comments.append(made)
    return Reply(201, views.comment(state, made))


@route("GET", "/issues/{number}/events", *READ)
def events(state: State, request: Request) -> Reply:
    it = _issue(state, request, "read")
    found = it.events if isinstance(it, PullRequest) else []
    return Reply(
        listed=[
            {"id": at, "event": name, "created_at": when} for at, (name, when) in enumerate(found)
        ]
    )


@route("POST", "/issues/{number}/labels", *WRITE)
def add_labels(state: State, request: Request) -> Reply:
    it = _issue(state, request, "write")
    added = request.body if isinstance(request.body, list) else request.body["labels"]
    it.labels = tuple(dict.fromkeys((*it.labels, *added)))
    return Reply(body=[{"name": label} for label in it.labels])


@route("GET", "/issues/comments/{id}", *READ)
def comment(state: State, request: Request) -> Reply:
    return Reply(body=views.comment(state, _comment(state, request)))


@route("PATCH", "/issues/comments/{id}", *WRITE)
def edit_comment(state: State, request: Request) -> Reply:
    it = _comment(state, request)
    it.body, it.edits, it.editor = _said(request), it.edits + 1, request.token.login
    return Reply(body=views.comment(state, it))


@route("DELETE", "/issues/comments/{id}", *WRITE)
def delete_comment(state: State, request: Request) -> Reply:
    state.comments.remove(_comment(state, request))
    return Reply(204)


def _issue(state: State, request: Request, level: str) -> Issue | PullRequest:
    number = request.number("number")
    if (pull := state.pulls.get(number)) is not None:
        return pull
    if (found := state.issues.get(number)) is None:
        raise RefusedError(404, "Not Found")
    # The grant for pull requests covers their comments, and no issue that is none.
    if not request.token.may(f"issues:{level}"):
        raise RefusedError(403, "Resource not accessible by integration")
    return found


def _comment(state: State, request: Request) -> Comment:
    for each in state.comments:
        if each.id == request.number("id"):
            return each
    raise RefusedError(404, "Not Found")


def _said(request: Request) -> str:
    text: str = request.body["body"]
    if not text.strip():
        raise _invalid("body can't be blank")
    return _text(text)


def _text(text: str) -> str:
    if len(text) > TEXT_LIMIT:
        raise _invalid(f"body is too long (maximum is {TEXT_LIMIT} characters)")
    return text


def _title(title: str) -> str:
    if not title.strip():
        raise _invalid("title can't be blank")
    if len(title) > TITLE_LIMIT:
        raise _invalid(f"title is too long (maximum is {TITLE_LIMIT} characters)")
    return title


def _invalid(problem: str) -> RefusedError:
    errors: Any = [problem]
    return RefusedError(422, "Validation Failed", errors=errors)
