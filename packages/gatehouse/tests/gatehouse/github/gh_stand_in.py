"""A stand-in for `gh`, GitHub's command line program: `gh api` on a repository kept in a file.

The test copies it to a folder on PATH under the name gh. $GH_STATE names the JSON file that holds
the repository and, under "calls", every call made. What GitHub adds to what it was given (times,
numbers, defaults, another order) is added here too. "refuse" names calls that fail, and how.
"""

from __future__ import annotations

import base64
import json
import os
import re
import sys
from pathlib import Path
from typing import Any, NoReturn

STATE = Path(os.environ.get("GH_STATE", "state.json"))


def fail(message: str, status: int | None, code: int = 1) -> NoReturn:
    print(json.dumps({"message": message, "status": str(status)}) if status else "")
    print(f"gh: {message} (HTTP {status})" if status else message, file=sys.stderr)
    sys.exit(code)


def answer(state: dict[str, Any], method: str, path: str, body: Any) -> Any:
    """What GitHub answers to a call on the one repository there is; None is an empty answer."""
    match = re.fullmatch(r"repos/([^/]+/[^/]+)/?(.*)", path)
    if match is None or match[1] != state["name"]:
        fail("Not Found", 404)
    where = match[2]
    if not where:
        return state["repository"]
    if method != "GET" and not state["repository"]["permissions"]["admin"]:
        fail("Must have admin rights to Repository.", 403)
    if where.startswith(("actions/permissions", "codeowners/errors", "contents/")):
        return single(state, method, where, body)
    if where.startswith("actions/variables"):
        return variables(state["variables"], method, where.split("/")[2:], body)
    if where.startswith("labels"):
        return labels(state["labels"], method, where.split("/")[1:], body)
    if where.startswith("rulesets"):
        return rulesets(state["rulesets"], method, where.split("/")[1:], body)
    if where.startswith("environments/"):
        return environments(state["environments"], method, where.split("/")[1:], body)
    fail("Not Found", 404)


def single(state: dict[str, Any], method: str, where: str, body: Any) -> Any:
    if where.startswith("contents/"):
        text = state["ownership" if where.endswith("/ownership.txt") else "codeowners"]
        if text is None:
            fail("Not Found", 404)
        return {"content": base64.encodebytes(text.encode()).decode()}
    if where == "codeowners/errors":
        return {"errors": state["errors"]}
    selects = state["single"]["actions/permissions"]["allowed_actions"] == "selected"
    if where.endswith("selected-actions") and not selects:
        fail("Conflict", 409)
    if method == "PUT":
        state["single"][where] = {**state["single"].get(where, {}), **body}
        return None
    return state["single"][where]


def variables(kept: dict[str, str], method: str, rest: list[str], body: Any) -> Any:
    if method == "POST":
        if body["name"] in kept:
            fail("Already exists - Variable already exists", 409)
    elif rest[0] not in kept:
        fail("Not Found", 404)
    if method == "GET":
        return {"name": rest[0], "value": kept[rest[0]], "created_at": "2026-01-01T00:00:00Z"}
    kept[body["name"]] = body["value"]
    return None


def labels(kept: dict[str, Any], method: str, rest: list[str], body: Any) -> Any:
    if method == "POST":
        kept[body["name"]] = body
        return body
    return kept[rest[0]] if rest[0] in kept else fail("Not Found", 404)


def rulesets(kept: dict[str, Any], method: str, rest: list[str], body: Any) -> Any:
    if method == "POST":
        if body["name"] in [each["name"] for each in kept.values()]:
            fail("Validation Failed\nName must be unique", 422)
        rest = [str(1000 + len(kept))]
    elif method == "GET" and not rest:
        listed = {"source_type": "Repository", "target": "branch"}
        return [{"id": int(key), "name": each["name"], **listed} for key, each in kept.items()]
    elif rest[0] not in kept:
        fail("Not Found", 404)
    if method != "GET":
        kept[rest[0]] = body
    found = json.loads(json.dumps(kept[rest[0]]))
    found["rules"].reverse()
    for rule in found["rules"]:
        if rule["type"] == "pull_request":
            rule["parameters"]["required_reviewers"] = []
    return {**found, "id": int(rest[0]), "node_id": "RRS_1", "current_user_can_bypass": "never"}


def environments(kept: dict[str, Any], method: str, rest: list[str], body: Any) -> Any:
    name, deeper = rest[0], rest[1:]
    if method == "PUT" and not deeper:
        kept.setdefault(name, {"policies": {}})["settings"] = body
    if name not in kept:
        fail("Not Found", 404)
    policies = kept[name]["policies"]
    if not deeper:
        return {"id": 1, "name": name, "protection_rules": [], **kept[name]["settings"]}
    if method == "DELETE":
        del policies[deeper[1]]
        return None
    if method == "POST":
        policies[str(361 + len(policies))] = body
        return body
    listed = [{"id": int(key), "node_id": "x", **each} for key, each in policies.items()]
    return {"total_count": len(listed), "branch_policies": listed}


def main(arguments: list[str]) -> None:
    state = json.loads(STATE.read_text())
    if not state["logged_in"]:
        fail("To get started with GitHub CLI, please run:  gh auth login", None, 4)
    assert arguments[:2] == ["api", "--method"], arguments
    method, full = arguments[2], arguments[-1]
    body = json.load(sys.stdin) if "--input" in arguments else None
    state["calls"].append([method, full, body])
    STATE.write_text(json.dumps(state))
    path = full.partition("?")[0]
    refusal = state["refuse"].get(f"{method} {path}")
    if refusal:
        fail(refusal[1], refusal[0])
    result = answer(state, method, path, body)
    STATE.write_text(json.dumps(state))
    if result is not None:
        print(json.dumps(result))


if __name__ == "__main__":
    main(sys.argv[1:])
