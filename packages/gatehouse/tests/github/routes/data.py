"""Git's objects and refs, acted out on the bare repository."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from typing import Any

from tests.github.git_store import GitError
from tests.github.routing import RefusedError, Reply, Request, route
from tests.github.state import State
from tests.github.triggers import start_runs

WORKFLOWS = ".github/workflows/"


@route("POST", "/git/blobs", "contents:write")
def add_blob(state: State, request: Request) -> Reply:
    sha = state.git.blob(request.body["content"], request.body.get("encoding", "utf-8"))
    return Reply(201, {"sha": sha, "url": _url(state, "blobs", sha)})


@route("GET", "/git/blobs/{sha}", "contents:read")
def blob(state: State, request: Request) -> Reply:
    sha = request.parts["sha"]
    if state.git.kind(sha) != "blob":
        raise RefusedError(404, "Not Found")
    content = state.git.content(sha)
    return Reply(
        body={
            "sha": sha,
            "url": _url(state, "blobs", sha),
            "content": base64.b64encode(content).decode(),
            "encoding": "base64",
            "size": len(content),
        }
    )


@route("GET", "/git/trees/{sha}", "contents:read")
def tree(state: State, request: Request) -> Reply:
    recursive = "recursive" in request.query
    return Reply(body=_tree(state, request.parts["sha"], recursive=recursive))


@route("POST", "/git/trees", "contents:write")
def add_tree(state: State, request: Request) -> Reply:
    entries = request.body["tree"]
    touched = [entry["path"] for entry in entries if entry["path"].startswith(WORKFLOWS)]
    if touched and not request.token.may("workflows:write"):
        raise RefusedError(403, "Resource not accessible by integration")
    sha = state.git.tree(entries, request.body.get("base_tree"))
    return Reply(201, _tree(state, sha, recursive=False))


@route("GET", "/git/commits/{sha}", "contents:read")
def commit(state: State, request: Request) -> Reply:
    if state.git.kind(request.parts["sha"]) != "commit":
        raise RefusedError(404, "Not Found")
    return Reply(body=_commit(state, request.parts["sha"]))


@route("POST", "/git/commits", "contents:write")
def add_commit(state: State, request: Request) -> Reply:
    body = request.body
    known = {"name": request.token.login, "email": "bot@users.noreply.github.com"}
    author = known | body.get("author", {})
    sha = state.git.commit(body["message"], body["tree"], body.get("parents", []), author)
    return Reply(201, _commit(state, sha))


@route("GET", "/git/ref/{ref}", "contents:read")
@route("GET", "/git/refs/{ref}", "contents:read")
def ref(state: State, request: Request) -> Reply:
    return Reply(body=_ref(state, request.parts["ref"]))


@route("POST", "/git/refs", "contents:write")
def add_ref(state: State, request: Request) -> Reply:
    name, sha = request.body["ref"], request.body["sha"]
    if state.git.commit_of(name) is not None:
        raise GitError("Reference already exists")
    if not name.startswith("refs/") or state.git.kind(sha) != "commit":
        raise GitError("Object does not exist")
    if not request.token.may("workflows:write") and _brings_workflows(state, sha):
        raise RefusedError(403, "Resource not accessible by integration")
    state.git.put(name, sha)
    return Reply(201, _ref(state, name.removeprefix("refs/")))


@route("PATCH", "/git/refs/{ref}", "contents:write")
def move_ref(state: State, request: Request) -> Reply:
    name, body = request.parts["ref"], request.body
    before = state.git.commit_of(f"refs/{name}")
    state.git.move(f"refs/{name}", body["sha"], force=body.get("force", False))
    for pull in list(state.pulls.values()) if before != body["sha"] else ():
        here = (f"heads/{pull.head_branch}", pull.head_repository) == (name, state.full_name)
        if here and pull.state == "open":
            start_runs(state, pull, "synchronize", request.token.login)
    return Reply(body=_ref(state, name))


def _brings_workflows(state: State, sha: str) -> bool:
    """Has a commit other workflows than each branch that is here?"""
    folder = ".github/workflows"
    known = state.git.git("for-each-ref", "--format=%(objectname)", "refs/heads/").split()
    found = {state.git.git("ls-tree", each, folder) for each in known}
    return state.git.git("ls-tree", sha, folder) not in found


def _url(state: State, kind: str, name: str) -> str:
    return f"{state.url}/repos/{state.full_name}/git/{kind}/{name}"


def _ref(state: State, name: str) -> dict[str, Any]:
    sha = state.git.commit_of(f"refs/{name}")
    if sha is None:
        raise RefusedError(404, "Not Found")
    target = {"type": "commit", "sha": sha, "url": _url(state, "commits", sha)}
    return {"ref": f"refs/{name}", "url": _url(state, "refs", name), "object": target}


def _tree(state: State, sha: str, *, recursive: bool) -> dict[str, Any]:
    sha, entries = state.git.entries(sha, recursive=recursive)
    return {"sha": sha, "url": _url(state, "trees", sha), "tree": entries, "truncated": False}


def _commit(state: State, sha: str) -> dict[str, Any]:
    found = state.git.commit_object(sha)
    date = datetime.fromtimestamp(found.author.time, UTC).isoformat()
    author = {"name": found.author.name, "email": found.author.email, "date": date}
    return {
        "sha": sha,
        "url": _url(state, "commits", sha),
        "message": found.message,
        "tree": {"sha": str(found.tree_id), "url": _url(state, "trees", str(found.tree_id))},
        "parents": [
            {"sha": str(each), "url": _url(state, "commits", str(each))}
            for each in found.parent_ids
        ],
        "author": author,
        "committer": author,
    }
