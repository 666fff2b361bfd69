"""Git's objects and refs, acted out on the bare repository."""

from __future__ import annotations

import base64
from typing import Any

from tests.github.git_store import GitError
from tests.github.routing import RefusedError, Reply, Request, route
from tests.github.state import State

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
    content = base64.b64encode(state.git.content(sha))
    return Reply(
        body={
            "sha": sha,
            "url": _url(state, "blobs", sha),
            "content": content.decode(),
            "encoding": "base64",
            "size": int(state.git.git("cat-file", "-s", sha)),
        }
    )


@route("GET", "/git/trees/{sha}", "contents:read")
def tree(state: State, request: Request) -> Reply:
    sha = state.git.git("rev-parse", "--verify", f"{request.parts['sha']}^{{tree}}")
    return Reply(body=_tree(state, sha, recursive="recursive" in request.query))


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
    state.git.git("update-ref", name, sha)
    return Reply(201, _ref(state, name.removeprefix("refs/")))


@route("PATCH", "/git/refs/{ref}", "contents:write")
def move_ref(state: State, request: Request) -> Reply:
    name, body = request.parts["ref"], request.body
    state.git.move(f"refs/{name}", body["sha"], force=body.get("force", False))
    return Reply(body=_ref(state, name))


def _url(state: State, kind: str, name: str) -> str:
    return f"{state.url}/repos/{state.full_name}/git/{kind}/{name}"


def _ref(state: State, name: str) -> dict[str, Any]:
    sha = state.git.commit_of(f"refs/{name}")
    if sha is None:
        raise RefusedError(404, "Not Found")
    target = {"type": "commit", "sha": sha, "url": _url(state, "commits", sha)}
    return {"ref": f"refs/{name}", "url": _url(state, "refs", name), "object": target}


def _tree(state: State, sha: str, *, recursive: bool) -> dict[str, Any]:
    words = ["ls-tree", "-z", "--long", *(["-r", "-t"] if recursive else []), sha]
    entries = []
    for line in filter(None, state.git.git(*words).split("\0")):
        facts, _, path = line.partition("\t")
        mode, kind, object_sha, size = facts.split()
        entry: dict[str, Any] = {"path": path, "mode": mode, "type": kind, "sha": object_sha}
        entries.append(entry | ({"size": int(size)} if kind == "blob" else {}))
    return {"sha": sha, "url": _url(state, "trees", sha), "tree": entries, "truncated": False}


def _commit(state: State, sha: str) -> dict[str, Any]:
    def shown(form: str) -> str:
        return state.git.git("show", "-s", f"--format={form}", sha)

    tree_sha = shown("%T")
    author = {"name": shown("%an"), "email": shown("%ae"), "date": shown("%aI")}
    parents = [{"sha": each, "url": _url(state, "commits", each)} for each in shown("%P").split()]
    return {
        "sha": sha,
        "url": _url(state, "commits", sha),
        "message": shown("%B"),
        "tree": {"sha": tree_sha, "url": _url(state, "trees", tree_sha)},
        "parents": parents,
        "author": author,
        "committer": author,
    }
