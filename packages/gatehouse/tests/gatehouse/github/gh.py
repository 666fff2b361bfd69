"""A repository on a stand-in for `gh`, as `make github-settings` meets it."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

from gatehouse.ownership import parse
from tests.github.openapi import check_call

REPOSITORY = Path(__file__).parents[5]
STAND_IN = Path(__file__).with_name("gh_stand_in.py")
REPO = "org/model"
BORDER = "*  owned  @org/owners @alice\nparams.yaml free\n"
OWNED = parse(BORDER).codeowners()


class Gh:
    """A repository on the stand-in, in the state in which GitHub creates one."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.write(
            {
                "name": REPO,
                "logged_in": True,
                "repository": {
                    "default_branch": "trunk",
                    "private": False,
                    "permissions": {"admin": True},
                },
                "codeowners": OWNED,
                "ownership": BORDER,
                "errors": [],
                "single": {
                    "actions/permissions": {"enabled": True, "allowed_actions": "all"},
                    "actions/permissions/selected-actions": {"github_owned_allowed": False},
                    "actions/permissions/workflow": {"default_workflow_permissions": "write"},
                    "actions/permissions/fork-pr-contributor-approval": {
                        "approval_policy": "first_time_contributors"
                    },
                    "actions/permissions/fork-pr-workflows-private-repos": {
                        "run_workflows_from_fork_pull_requests": False,
                    },
                },
                "variables": {},
                "environments": {},
                "labels": {},
                "rulesets": {},
                "refuse": {},
                "calls": [],
            }
        )

    def read(self) -> dict[str, Any]:
        state: dict[str, Any] = json.loads(self.file.read_text())
        return state

    def write(self, state: dict[str, Any]) -> None:
        self.file.write_text(json.dumps(state))

    def set(self, **changes: Any) -> None:
        self.write({**self.read(), **changes})

    def taken_calls(self) -> list[tuple[str, str, Any]]:
        """The calls since the last look, each of which must be one that GitHub knows."""
        calls = [tuple(call) for call in self.read()["calls"]]
        self.set(calls=[])
        for method, path, body in calls:
            check_call(method, f"/{path}", body)
        return calls

    def written(self) -> list[str]:
        """What was changed since the last look."""
        return [f"{method} {path}" for method, path, _ in self.taken_calls() if method != "GET"]

    def ruleset(self, name: str = "gatehouse") -> dict[str, Any]:
        found = [each for each in self.read()["rulesets"].values() if each["name"] == name]
        assert len(found) == 1, f"there are {len(found)} rulesets {name}"
        return dict(found[0])

    def rule(self, kind: str) -> dict[str, Any]:
        rules = {rule["type"]: rule.get("parameters", {}) for rule in self.ruleset()["rules"]}
        return dict(rules[kind])


def lay_clone(folder: Path) -> Path:
    """A clone in `folder`, with owners in place of the placeholder."""
    shutil.copytree(REPOSITORY / ".github/rulesets", folder / ".github/rulesets")
    (folder / ".github/CODEOWNERS").write_text(OWNED)
    (folder / ".github/ownership.txt").write_text(BORDER)
    shutil.copy(REPOSITORY / ".github/allowed-actions.txt", folder / ".github")
    return folder


def put_on_path(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Gh:
    """The stand-in as the program `gh` in `folder`/bin; PATH must name it."""
    program = folder / "bin/gh"
    program.parent.mkdir()
    program.write_text(f"#!{sys.executable} -IS\n{STAND_IN.read_text()}")
    program.chmod(0o755)
    state = folder / "state.json"
    monkeypatch.setenv("GH_STATE", str(state))
    return Gh(state)
