"""`make github-settings`: set up a repository on GitHub as the gates need it.

Each setting is read first and written only if it differs, so a second run changes nothing.
"""

from __future__ import annotations

import base64
import re
from typing import Any

import click

from gatehouse.codeowners import OWNERS_FILE, problem, write_owners
from gatehouse.errors import GatehouseError
from gatehouse.exits import FAIL, PASS
from gatehouse.github.acceptors import is_alone
from gatehouse.github.settings_api import Api, Gh, Rehearsal
from gatehouse.github.settings_steps import (
    APP_VARIABLE,
    MERGE_QUEUE,
    Target,
    load_ruleset,
    settings,
)
from gatehouse.github.solo import write_solo
from gatehouse.ownership import OWNERSHIP_FILE, PLACEHOLDER, with_owners
from gatehouse.ownership import parse as parse_ownership
from gatehouse.policy import POLICY_FILE
from gatehouse.typed import read_text

_FILES = f"{OWNERSHIP_FILE} and {OWNERS_FILE}"
_REPOSITORY = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]*/[A-Za-z0-9._-]+")


def apply_settings(
    repo: str,
    *,
    owners: tuple[str, ...] = (),
    gpu_labels: tuple[str, ...] = (),
    app_id: int | None = None,
    merge_queue: bool = False,
    dry_run: bool = False,
) -> int:
    """Set up `repo` on GitHub; run it in the repository's folder.

    Args:
        repo: owner/name.
        owners: replace the placeholder in ownership.txt, from which CODEOWNERS is generated. If
            they are one user, `solo: true` is written to policy.yaml.
        gpu_labels: labels of the training runner; if empty, the variable is unchanged.
        app_id: the GitHub App that posts the required status; None keeps the current one.
        merge_queue: also require a merge queue; False keeps an existing one.
        dry_run: print every call and make none; does not need gh.

    Returns:
        0 if everything is set; 1 if owners or `solo` were written and must be pushed first.

    Raises:
        GatehouseError: the placeholder has not been replaced, gh is missing or not logged in, or
            GitHub refuses; the message names the fix.
    """
    if not _REPOSITORY.fullmatch(repo):
        raise GatehouseError(f"REPO: '{repo}' is no owner/name; write it as REPO=org/model")
    if app_id is not None and app_id <= 0:
        raise GatehouseError(f"APP_ID: {app_id} is no App's number; it is on the App's page")
    message = _problem_here(owners)
    if message and not (dry_run and PLACEHOLDER in message):
        raise GatehouseError(message)
    api: Api = Gh()
    if dry_run:
        click.echo("Dry run: every call, as on a public repository where nothing is set yet.")
        click.echo("A real run leaves out what is set already, and updates what differs.")
        if message:
            click.echo(f"Before a real run: {message}")
        elif owners:
            names = " ".join(owners)
            solo = f", and solo: true to {POLICY_FILE}" if is_alone(owners) else ""
            click.echo(f"A real run with OWNERS first writes {names} to {_FILES}{solo}.")
        click.echo("\n# What is there?")
        api = Rehearsal(click.echo, _new_repository(repo))
    elif written := _written(owners):
        click.echo(
            f"{written}. Commit this, push it to the default branch, and run this again. Nothing "
            "was set on GitHub yet: the ruleset closes that branch to direct pushes, so this must "
            "be there before."
        )
        return FAIL
    target = look_up(api, repo, gpu_labels, app_id, merge_queue)
    changed = 0
    for purpose, find in settings(target):
        if dry_run:
            click.echo(f"\n# {purpose}")
        calls = find(api, target)
        for call in calls:
            api.write(call)
        if not dry_run:
            click.echo(f"{purpose}: {'set' if calls else 'already so'}")
        changed += bool(calls)
    if not dry_run:
        click.echo(f"{repo}: {f'{changed} settings changed' if changed else 'nothing to change'}")
    return PASS


def _written(owners: tuple[str, ...]) -> str:
    """Write the files that must be on the default branch before the ruleset.

    Returns:
        A description, or an empty string if nothing was written.
    """
    lines = []
    if owners and write_owners(owners):
        lines.append(f"{_FILES} name {' '.join(owners)} now")
    border = parse_ownership(read_text(OWNERSHIP_FILE))
    if write_solo(owner for rule in border.rules for owner in rule.owners):
        lines.append(
            f"{POLICY_FILE} says solo now: one account owns all, so it may accept its own changes"
        )
    return ". ".join(lines)


def _problem_here(owners: tuple[str, ...]) -> str | None:
    """Return the problem with the owners in this folder after `owners` are written, if any."""
    border = read_text(OWNERSHIP_FILE)
    if owners:
        border = with_owners(border, owners)
        return problem(parse_ownership(border).codeowners(), border)
    return problem(read_text(OWNERS_FILE) if OWNERS_FILE.is_file() else None, border)


def look_up(
    api: Api, repo: str, gpu_labels: tuple[str, ...], app_id: int | None, merge_queue: bool
) -> Target:
    """Read the repository's current state, after checking that its settings may be changed."""
    found = api.read(f"repos/{repo}")
    if found is None:
        raise GatehouseError(
            f"there is no repository {repo} that this login may see; check REPO, and the login "
            "(gh auth status)"
        )
    if not found.get("permissions", {}).get("admin"):
        raise GatehouseError(
            f"this login has no admin right on {repo}; ask one of its admins to run this, or for "
            "the right"
        )
    branch = found["default_branch"]
    # Read before anything is written, so that a plan without rulesets fails here.
    listed = api.read(f"repos/{repo}/rulesets?includes_parents=false&per_page=100") or []
    rulesets = {each["name"]: each["id"] for each in listed}
    _check_owners(api, repo, branch)
    # Keep the settings of an earlier run, so that a run with fewer arguments loosens nothing.
    if app_id is None:
        variable = api.read(f"repos/{repo}/actions/variables/{APP_VARIABLE}")
        app_id = _number(variable["value"]) if variable else None
    return Target(
        repo=repo,
        branch=branch,
        private=found["private"],
        rulesets=rulesets,
        app_id=app_id,
        gpu_labels=gpu_labels,
        merge_queue=merge_queue or load_ruleset(MERGE_QUEUE)["name"] in rulesets,
    )


def _check_owners(api: Api, repo: str, branch: str) -> None:
    """Raise unless the default branch's CODEOWNERS names owners that exist on GitHub."""
    texts: list[str | None] = []
    for path in (OWNERS_FILE, OWNERSHIP_FILE):
        stored = api.read(f"repos/{repo}/contents/{path.as_posix()}")
        content = base64.b64decode(stored["content"]) if stored else None
        texts.append(None if content is None else content.decode("utf-8", "replace"))
    if message := problem(*texts):
        raise GatehouseError(f"on {branch} of {repo}: {message}; then push it to {branch}")
    errors = (api.read(f"repos/{repo}/codeowners/errors") or {}).get("errors", [])
    if errors:
        lines = "".join(f"\n  line {each['line']}: {each['message']}" for each in errors)
        raise GatehouseError(
            f"{OWNERS_FILE} on {branch} of {repo} has lines that GitHub passes over; fix them, or "
            f"give their owners write access:{lines}"
        )


def _number(value: str) -> int:
    if not value.isdecimal():
        raise GatehouseError(
            f"variable {APP_VARIABLE}: '{value}' is no App's number; give the right one as APP_ID"
        )
    return int(value)


def _new_repository(repo: str) -> dict[str, Any]:
    """Return the assumed GitHub responses of a dry run, by path; all others are 404."""
    border = "* owned @somebody\n"
    texts = {OWNERS_FILE: parse_ownership(border).codeowners(), OWNERSHIP_FILE: border}
    return {
        f"repos/{repo}": {
            "default_branch": "main",
            "private": False,
            "permissions": {"admin": True},
        },
    } | {
        f"repos/{repo}/contents/{path.as_posix()}": {
            "content": base64.b64encode(text.encode()).decode()
        }
        for path, text in texts.items()
    }
