"""GitHub: workflows, settings, runners, variables and secrets (by their names)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gatehouse.doctor.acceptors import check_acceptors
from gatehouse.doctor.adopted import is_set_up, repository
from gatehouse.doctor.finding import Area, Finding
from gatehouse.doctor.schedules import check_schedules
from gatehouse.draws import KEY
from gatehouse.errors import GatehouseError
from gatehouse.github.keyless import cloud_of
from gatehouse.github.settings import look_up
from gatehouse.github.settings_api import Api
from gatehouse.github.settings_steps import (
    APP_VARIABLE,
    ENVIRONMENTS,
    GPU_VARIABLE,
    Target,
    settings,
)

AREA = Area("github")
WORKFLOWS = ("pull-request", "pipeline", "gates")
"""Without these, nothing is judged."""

_READ = re.compile(r"\b(vars|secrets)\.([A-Z_][A-Z0-9_]*)")
_SETTINGS = "make github-settings REPO={repo}"
# Settings that only work together; docs/github.md describes each.
_TOGETHER = (
    ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"),
    ("DVC_PUSH_ACCESS_KEY_ID", "DVC_PUSH_SECRET_ACCESS_KEY"),
    ("GATEHOUSE_APP_ID", "GATEHOUSE_APP_KEY"),
    ("REGISTRY_USER", "REGISTRY_PASSWORD"),
    ("COSIGN_PUBLIC_KEY", "COSIGN_PRIVATE_KEY"),
    ("COSIGN_PRIVATE_KEY", "COSIGN_PASSWORD"),
)
_OF_ENVIRONMENT = {
    "gates": (
        KEY, "GATEHOUSE_APP_KEY", "COSIGN_PRIVATE_KEY", "COSIGN_PASSWORD", "REGISTRY_PASSWORD",
    ),
    "keep": ("DVC_PUSH_ACCESS_KEY_ID", "DVC_PUSH_SECRET_ACCESS_KEY"),
}  # fmt: skip
_GUARDED = {name: place for place, names in _OF_ENVIRONMENT.items() for name in names}
"""Secrets of an environment, never of the repository, where every branch could read them."""


def check_workflows(root: Path) -> Iterator[Finding]:
    """Check that the judging workflows are here."""
    folder = root / ".github/workflows"
    missing = [name for name in WORKFLOWS if not (folder / f"{name}.yml").is_file()]
    if missing:
        names = ", ".join(f"{name}.yml" for name in missing)
        yield AREA.problem(f"{names} is missing: nothing judges pull requests", "take it from Git")
    else:
        yield AREA.fine("the workflows that judge are here")


def check_github(root: Path, api: Api) -> Iterator[Finding]:
    """Check the repository of the remote `origin`, as far as the login may see it."""
    repo = repository(root)
    if repo is None:
        yield AREA.unseen("no remote `origin` on GitHub: GitHub was not checked")
        return
    try:
        if api.read(f"repos/{repo}") is None:
            raise GatehouseError(f"there is no {repo} that this login may see")
    except GatehouseError as error:
        lines = str(error).splitlines()
        fix = "gh auth login, or GH_TOKEN; then again"
        fix = lines[1] if len(lines) > 1 else fix
        yield AREA.unseen(f"GitHub could not be checked: {lines[0]}", fix)
        return
    yield from check_guards(root, repo, api)
    yield from check_acceptors(root, repo, api)
    yield from check_names(root, repo, api)
    yield from check_runners(repo, api)
    yield from check_schedules(root, repo, api)


def check_guards(root: Path, repo: str, api: Api) -> Iterator[Finding]:
    """Check the settings of `make github-settings`, which a fork needs only once it is set up."""
    fix = _SETTINGS.format(repo=repo)
    missing = AREA.problem if is_set_up(root) else AREA.warning
    try:
        target: Target = look_up(api, repo, (), None, merge_queue=False)
    except GatehouseError as error:
        text = str(error)
        if "no admin right" in text:
            yield AREA.unseen(f"the settings of {repo}: only its admins see them")
        else:
            yield missing(text, fix)
        return
    for purpose, find in settings(target):
        try:
            calls = find(api, target)
        except GatehouseError as error:
            yield AREA.unseen(f"{purpose}: {str(error).splitlines()[0]}")
            continue
        if calls:
            yield missing(f"not set: {purpose}", fix)
        else:
            yield AREA.fine(purpose)


def check_names(root: Path, repo: str, api: Api) -> Iterator[Finding]:
    """Check variables and secrets: incomplete groups, and names that no workflow reads."""
    texts = [file.read_text("utf-8") for file in (root / ".github").rglob("*.y*ml")]
    read = {name for text in texts for _, name in _READ.findall(text)} - {"GITHUB_TOKEN"}
    paths = {
        "variable": f"repos/{repo}/actions/variables",
        "secret": f"repos/{repo}/actions/secrets",
    }
    paths |= {
        f"secret of the environment {name}": f"repos/{repo}/environments/{name}/secrets"
        for name in ENVIRONMENTS
    }
    found: dict[str, dict[str, Any]] = {}
    for kind, path in paths.items():
        try:
            listed = api.read(f"{path}?per_page=100") or {}
        except GatehouseError as error:
            yield AREA.unseen(f"names of each {kind}: {str(error).splitlines()[0]}")
            return
        each = listed.get("variables", listed.get("secrets", []))
        found[kind] = {item["name"]: item.get("value") for item in each}
    names = {name for kind in found.values() for name in kind}
    for one, other in _TOGETHER:
        if (one in names) != (other in names):
            has, lacks = (one, other) if one in names else (other, one)
            yield AREA.problem(f"{has} is set, and {lacks} is not", "set both (docs/github.md)")
    for name, environment in _GUARDED.items():
        fix = f"gh secret set {name} --env {environment} --repo {repo}, then delete the other one"
        if name in found["secret"]:
            yield AREA.problem(
                f"{name} is a secret of the repository, which every branch can read", fix
            )
        for other in set(ENVIRONMENTS) - {environment}:
            if name in found[f"secret of the environment {other}"]:
                yield AREA.problem(
                    f"{name} is a secret of the environment {other}, where nothing reads it", fix
                )
    for kind, values in found.items():
        for name in sorted(set(values) - read):
            yield AREA.warning(f"no workflow reads the {kind} {name}", "misspelt? docs/github.md")
    yield from _values(found["variable"])
    if not found["variable"].get(APP_VARIABLE):
        yield AREA.warning(
            "no App sets the status `gatehouse`: whoever can write to the repository can set it",
            f"{_SETTINGS.format(repo=repo)} APP_ID=NUMBER (docs/github.md says how to make one)",
        )
    if KEY not in names:
        yield AREA.warning(
            f"{KEY} is not set: what the gates draw (samples, seeds, sizes of calls) follows from "
            "a published key, so a change could be made to suit it",
            f"openssl rand -hex 32 | gh secret set {KEY} --env gates --repo {repo}",
        )
    unset = ", ".join(sorted(read - names)) or "none"
    yield AREA.fine(f"variables and secrets that are not set, all of them optional: {unset}")


def _values(variables: dict[str, Any]) -> Iterator[Finding]:
    for name, such in (("CANDIDATE_DAYS", 30), ("CANDIDATE_MB", 500), ("JUDGE_MINUTES", 60)):
        if name in variables and not str(variables[name]).isdecimal():
            yield AREA.problem(f"the variable {name} is no number", f"such as {such}")
    for name in ("CLOUD_IDENTITY", "CLOUD_PUSH_IDENTITY"):
        try:
            if variables.get(name):
                cloud_of(str(variables[name]).strip())
        except GatehouseError:
            yield AREA.problem(
                f"the variable {name} names no identity of a cloud", "docs/clouds.md"
            )
    image = str(variables.get("IMAGE", ""))
    if image != image.lower():
        yield AREA.problem("the variable IMAGE has capitals, which no registry takes", "lower case")


def check_runners(repo: str, api: Api) -> Iterator[Finding]:
    """Check that a runner has the labels that training requires."""
    variable = api.read(f"repos/{repo}/actions/variables/{GPU_VARIABLE}")
    if variable is None:
        yield AREA.fine(f"{GPU_VARIABLE} is not set: training runs on GitHub's CPU runners")
        return
    try:
        labels = json.loads(variable["value"])
        if not labels or not all(isinstance(label, str) for label in labels):
            raise ValueError
    except (ValueError, TypeError):
        yield AREA.problem(
            f"the variable {GPU_VARIABLE} is not a JSON list of labels",
            'such as ["self-hosted", "gpu"], or delete it',
        )
        return
    listed = ", ".join(labels)
    try:
        runners = (api.read(f"repos/{repo}/actions/runners?per_page=100") or {}).get("runners", [])
    except GatehouseError as error:
        yield AREA.unseen(f"runners with {listed}: {str(error).splitlines()[0]}")
        return
    fits = [
        each
        for each in runners
        if set(map(str.lower, labels)) <= {label["name"].lower() for label in each["labels"]}
    ]
    if any(each["status"] == "online" for each in fits):
        yield AREA.fine(f"a runner with {listed} is online")
    elif fits:
        yield AREA.warning(f"no runner with {listed} is online", "start one, or jobs wait (24 h)")
    else:
        yield AREA.warning(
            f"no runner of the repository's own has the labels {listed}",
            "fine where the organisation or GitHub has one; else jobs wait (docs/runners.md)",
        )
