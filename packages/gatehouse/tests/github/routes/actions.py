"""Workflow runs, their jobs and artifacts."""

from __future__ import annotations

from ruamel.yaml import YAML

from tests.github import views
from tests.github.git_store import GitError
from tests.github.routing import RefusedError, Reply, Request, route
from tests.github.state import Artifact, Run, State


@route("GET", "/actions/runs", "actions:read")
def runs(state: State, request: Request) -> Reply:
    wanted = {key: request.query[key] for key in ("event", "head_sha") if key in request.query}
    branch, status = request.query.get("branch"), request.query.get("status")
    found = [
        each
        for each in sorted(state.runs.values(), key=lambda each: -each.id)
        if branch in (None, each.head_branch)
        and status in (None, each.status, each.conclusion)
        and all(getattr(each, key) == value for key, value in wanted.items())
    ]
    return Reply(listed=[views.run(state, each) for each in found], key="workflow_runs")


@route("GET", "/actions/runs/{id}", "actions:read")
def run(state: State, request: Request) -> Reply:
    return Reply(body=views.run(state, _run(state, request)))


@route("GET", "/actions/runs/{id}/jobs", "actions:read")
def jobs(state: State, request: Request) -> Reply:
    it = _run(state, request)
    url = f"{state.url}/repos/{state.full_name}/actions"
    found = [
        {
            "id": it.id * 100 + place,
            "run_id": it.id,
            "url": f"{url}/jobs/{it.id * 100 + place}",
            "html_url": f"https://github.com/{state.full_name}/actions/runs/{it.id}/job/{place}",
            "status": "completed",
            "head_sha": it.head_sha,
            "steps": [],
            **job,
        }
        for place, job in enumerate(it.jobs)
    ]
    return Reply(listed=found, key="jobs")


@route("GET", "/actions/runs/{id}/artifacts", "actions:read")
def artifacts_of_run(state: State, request: Request) -> Reply:
    it = _run(state, request)
    found = [each for each in state.artifacts() if each.run == it.id]
    return _listed(state, request, found)


@route("GET", "/actions/artifacts", "actions:read")
def artifacts(state: State, request: Request) -> Reply:
    return _listed(state, request, state.artifacts())


@route("GET", "/actions/artifacts/{id}", "actions:read")
def artifact(state: State, request: Request) -> Reply:
    return Reply(body=views.artifact(state, _artifact(state, request)))


@route("GET", "/actions/artifacts/{id}/zip", "actions:read")
def archive(state: State, request: Request) -> Reply:
    it = _artifact(state, request)
    if it.expired:
        raise RefusedError(410, "Artifact has expired")
    # The store is another host, and its URL is signed: it takes no token.
    return Reply(302, headers={"Location": f"{state.blob_url}/blobs/{it.id}?sig=signed"})


@route("POST", "/actions/workflows/{file}/dispatches", "actions:write")
def dispatch(state: State, request: Request) -> Reply:
    """Accepted where the branch has such a workflow that may be started so; nothing runs."""
    path = f".github/workflows/{request.parts['file']}"
    try:
        text = state.git.git("show", f"refs/heads/{request.body['ref']}:{path}")
    except GitError:
        raise RefusedError(404, "Not Found") from None
    events = YAML(typ="rt").load(text)["on"]
    if "workflow_dispatch" not in events:
        raise RefusedError(422, "Workflow does not have 'workflow_dispatch' trigger")
    about = events["workflow_dispatch"] if isinstance(events, dict) else None
    known = (about or {}).get("inputs", {})
    if unknown := sorted(set(request.body.get("inputs") or {}) - set(known)):
        raise RefusedError(422, f"Unexpected inputs provided: {unknown}")
    return Reply(204)


def _run(state: State, request: Request) -> Run:
    if (found := state.runs.get(request.number("id"))) is None:
        raise RefusedError(404, "Not Found")
    return found


def _artifact(state: State, request: Request) -> Artifact:
    for each in state.artifacts():
        if each.id == request.number("id"):
            return each
    raise RefusedError(404, "Not Found")


def _listed(state: State, request: Request, found: list[Artifact]) -> Reply:
    name = request.query.get("name")
    chosen = [each for each in found if name is None or each.name == name]
    return Reply(listed=[views.artifact(state, each) for each in chosen], key="artifacts")
