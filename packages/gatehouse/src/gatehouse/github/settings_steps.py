"""The desired value of each setting on GitHub, and the remaining calls to reach it.

Endpoints and bodies: GitHub's REST API, version 2022-11-28.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from gatehouse.errors import GatehouseError
from gatehouse.github.alarm import LABEL
from gatehouse.github.settings_api import Api, Call
from gatehouse.typed import read_text

MAIN = Path(".github/rulesets/main.json")
MERGE_QUEUE = Path(".github/rulesets/merge-queue.json")

FURTHER_ACTIONS = Path(".github/allowed-actions.txt")
"""Patterns of actions that are not GitHub's own, one per line."""

# Environments whose secrets only jobs of the default branch get. `keep` is for one job only.
ENVIRONMENTS = ("gates", "keep")
_PATTERN = re.compile(r"[A-Za-z0-9-]+/(\*|[\w./-]+@[\w./*-]+)", re.ASCII)
APP_VARIABLE, GPU_VARIABLE = "GATEHOUSE_APP_ID", "GPU_LABELS"


@dataclass(frozen=True)
class Target:
    """The repository's current state, and the requested settings.

    Attributes:
        repo: owner/name.
        branch: its default branch.
        private: whether the repository is private.
        rulesets: numbers of its own rulesets, by name.
        app_id: of the GitHub App that posts the required status; None for GitHub Actions.
        gpu_labels: of the training runner; if empty, the setting is unchanged.
        merge_queue: whether merges go through a queue.
    """

    repo: str
    branch: str
    private: bool
    rulesets: dict[str, int]
    app_id: int | None
    gpu_labels: tuple[str, ...]
    merge_queue: bool

    def at(self, path: str) -> str:
        return f"repos/{self.repo}/{path}"


Setting = Callable[[Api, Target], list[Call]]


def settings(target: Target) -> list[tuple[str, Setting]]:
    """Return the settings in order: the purpose, and a function that finds the remaining calls.

    The rulesets come last, because they close the default branch to direct pushes.
    """
    further = (each.partition("@")[0] for each in further_actions())
    others = ", ".join(("GitHub's own", *further))
    found: list[tuple[str, Setting]] = [
        (f"Actions: {others}, and what an admin added; only where pinned by commit", _actions),
        ("Workflows: a read-only token unless a job asks for more", _token),
    ]
    if target.private:
        found.append(("Forks: no secrets and no write token for their pull requests", _forks))
    else:
        found.append(("Forks: workflows wait for a maintainer's approval", _fork_approval))
    for name in ENVIRONMENTS:
        purpose = f"Environment {name}: secrets for {target.branch} only"
        found.append((purpose, partial(_environment, name=name)))
    if target.gpu_labels:
        value = json.dumps(list(target.gpu_labels))
        purpose = f"Variable {GPU_VARIABLE}: train on the runner {value}"
        found.append((purpose, partial(_variable, name=GPU_VARIABLE, value=value)))
    if target.app_id is not None:
        value = str(target.app_id)
        purpose = f"Variable {APP_VARIABLE}: the required status comes from App {value}"
        found.append((purpose, partial(_variable, name=APP_VARIABLE, value=value)))
    found.append((f"Label {LABEL}: of the issue that tells that production fails", _label))
    if target.merge_queue:
        purpose = f"Ruleset: {target.branch} merges through a queue"
        found.append((purpose, partial(_ruleset, file=MERGE_QUEUE)))
    purpose = f"Ruleset: {target.branch} needs the status gatehouse and its code owners"
    return [*found, (purpose, partial(_ruleset, file=MAIN))]


def _actions(api: Api, target: Target) -> list[Call]:
    path, chosen_path = "actions/permissions", "actions/permissions/selected-actions"
    wanted = {"enabled": True, "allowed_actions": "selected", "sha_pinning_required": True}
    have = api.read(target.at(path))
    # GitHub refuses to list the selected actions if all are allowed.
    selects = _covers(have, {"allowed_actions": "selected"})
    have_chosen = api.read(target.at(chosen_path)) if selects else None
    added = (have_chosen or {}).get("patterns_allowed") or []
    chosen = {
        "github_owned_allowed": True,
        "verified_allowed": False,
        "patterns_allowed": list(dict.fromkeys([*further_actions(), *added])),
    }
    return [
        *_put(target, path, have, wanted),
        *_put(target, chosen_path, have_chosen, chosen),
    ]


def _token(api: Api, target: Target) -> list[Call]:
    path = "actions/permissions/workflow"
    # The second setting lets `cml pr create` open the retraining's pull request. A workflow's
    # approval does not count as a code owner's.
    wanted = {"default_workflow_permissions": "read", "can_approve_pull_request_reviews": True}
    return _put(target, path, api.read(target.at(path)), wanted)


def _fork_approval(api: Api, target: Target) -> list[Call]:
    path = "actions/permissions/fork-pr-contributor-approval"
    wanted = {"approval_policy": "all_external_contributors"}
    return _put(target, path, api.read(target.at(path)), wanted)


def _forks(api: Api, target: Target) -> list[Call]:
    path = "actions/permissions/fork-pr-workflows-private-repos"
    have = api.read(target.at(path)) or {}
    if not have.get("run_workflows_from_fork_pull_requests"):
        return []  # GitHub's default: workflows do not run for forks of a private repository
    wanted = {
        "run_workflows_from_fork_pull_requests": True,
        "send_write_tokens_to_workflows": False,
        "send_secrets_and_variables": False,
        "require_approval_for_fork_pr_workflows": True,
    }
    return _put(target, path, have, wanted)


def _environment(api: Api, target: Target, name: str) -> list[Call]:
    path = f"environments/{name}"
    wanted = {
        "deployment_branch_policy": {"protected_branches": False, "custom_branch_policies": True}
    }
    have = api.read(target.at(path))
    calls = _put(target, path, have, wanted)
    policies = f"{path}/deployment-branch-policies"
    listed = api.read(target.at(f"{policies}?per_page=100")) if have else None
    right = {"name": target.branch, "type": "branch"}
    found = (listed or {}).get("branch_policies", [])
    if not any(_covers(policy, right) for policy in found):
        calls.append(Call("POST", target.at(policies), right))
    others = [policy for policy in found if not _covers(policy, right)]
    return calls + [Call("DELETE", target.at(f"{policies}/{each['id']}")) for each in others]


def _variable(api: Api, target: Target, name: str, value: str) -> list[Call]:
    body = {"name": name, "value": value}
    have = api.read(target.at(f"actions/variables/{name}"))
    if have is None:
        return [Call("POST", target.at("actions/variables"), body)]
    if _covers(have, {"value": value}):
        return []
    return [Call("PATCH", target.at(f"actions/variables/{name}"), body)]


def _label(api: Api, target: Target) -> list[Call]:
    if api.read(target.at(f"labels/{LABEL}")) is not None:
        return []  # depends on taste
    body = {"name": LABEL, "color": "b60205", "description": "Production fails (monitor.yml)"}
    return [Call("POST", target.at("labels"), body)]


def _ruleset(api: Api, target: Target, file: Path) -> list[Call]:
    wanted = ruleset(file, target)
    number = target.rulesets.get(wanted["name"])
    if number is None:
        return [Call("POST", target.at("rulesets"), wanted)]
    path = f"rulesets/{number}"
    return _put(target, path, api.read(target.at(path)), wanted)


def ruleset(file: Path, target: Target) -> dict[str, Any]:
    """Return the ruleset in `file`, adapted to this repository.

    If an App must post the required status, it replaces GitHub Actions. With a merge queue, which
    tests each merge before it is made, a branch need not be up to date.

    Raises:
        GatehouseError: the file is missing, or is not a ruleset.
    """
    loaded = load_ruleset(file)
    for rule in loaded["rules"]:
        if rule["type"] == "required_status_checks":
            if target.merge_queue:
                rule["parameters"]["strict_required_status_checks_policy"] = False
            if target.app_id is not None:
                for check in rule["parameters"]["required_status_checks"]:
                    check["integration_id"] = target.app_id
    return loaded


def further_actions() -> tuple[str, ...]:
    """Return the patterns of `.github/allowed-actions.txt`; empty if there is no such file.

    Raises:
        GatehouseError: a line is not a pattern.
    """
    if not FURTHER_ACTIONS.is_file():
        return ()
    found = []
    for number, line in enumerate(read_text(FURTHER_ACTIONS).splitlines(), start=1):
        pattern = line.partition("#")[0].strip()
        if pattern and not _PATTERN.fullmatch(pattern):
            raise GatehouseError(
                f"{FURTHER_ACTIONS}:{number}: '{pattern}' is no pattern of an action; write it as "
                "owner/name@*, owner/name@COMMIT or owner/*"
            )
        found += [pattern] if pattern else []
    return tuple(found)


def load_ruleset(file: Path) -> dict[str, Any]:
    """Return the ruleset in `file`, unchanged.

    Raises:
        GatehouseError: the file is missing, or is not a ruleset.
    """
    try:
        loaded: dict[str, Any] = json.loads(read_text(file))
    except ValueError as error:
        raise GatehouseError(f"{file}: is not JSON ({error})") from None
    keys = {"name", "enforcement", "conditions", "rules", "bypass_actors"}
    if not isinstance(loaded, dict) or not keys <= loaded.keys():
        raise GatehouseError(f"{file}: is no ruleset; it needs the keys {', '.join(sorted(keys))}")
    return loaded


def _put(target: Target, path: str, have: Any, wanted: dict[str, Any]) -> list[Call]:
    return [] if _covers(have, wanted) else [Call("PUT", target.at(path), wanted)]


def _covers(have: Any, wanted: Any) -> bool:
    """Return whether GitHub's value includes all of `wanted`, ignoring the order of lists."""
    if isinstance(wanted, dict):
        return isinstance(have, dict) and all(
            key in have and _covers(have[key], value) for key, value in wanted.items()
        )
    if isinstance(wanted, list):
        return (
            isinstance(have, list)
            and len(have) == len(wanted)
            and all(any(_covers(each, item) for each in have) for item in wanted)
        )
    return type(have) is type(wanted) and bool(have == wanted)
