"""Which runs GitHub starts for a pull request, and what it then tells `on: workflow_run`.

Since June 2026 a pull request that the workflows' own token opens, pushes to or reopens starts runs
too. They wait for a maintainer's approval, as an outsider's do, and are told as `requested` with
the conclusion `action_required`. A run that is approved or run again is not `requested` once more,
but is reported as `in_progress` when it begins, as every run is.
"""

from __future__ import annotations

from typing import Any

from ruamel.yaml import YAML

from tests.github.git_store import GitError
from tests.github.state import PullRequest, Run, State

BOT = "github-actions[bot]"
HELD = "action_required"
FOLDER = ".github/workflows/"
_DEFAULT = ("opened", "synchronize", "reopened")
"""Types of `pull_request` that start a workflow that names none, and what a workflow may cause."""


def start_runs(
    state: State, pull: PullRequest, action: str, login: str, *, outsider: bool = False
) -> list[Run]:
    """Start the runs of a pull request's event, one for each workflow of its head.

    A run that goes on is cancelled if its workflow says so.

    Args:
        state: of GitHub.
        pull: the pull request.
        action: such as "synchronize".
        login: who caused the event.
        outsider: do this person's runs wait for an approval?
    """
    if login == BOT and action not in _DEFAULT:
        return []
    held = outsider or login == BOT
    made = []
    for path, workflow in _workflows(state, state.head_of(pull)):
        if action not in _types(workflow):
            continue
        if not held and (workflow.get("concurrency") or {}).get("cancel-in-progress"):
            _cancel_older(state, pull, path)
        run = Run(
            id=state.next_run(),
            name=workflow["name"],
            event="pull_request",
            head_repository=pull.head_repository,
            head_branch=pull.head_branch,
            head_sha=state.head_of(pull),
            path=path,
            status="completed" if held else "in_progress",
            conclusion=HELD if held else None,
            actor=login,
        )
        state.runs[run.id] = run
        state.sent.append(("requested", run.id))
        if not held:
            state.sent.append(("in_progress", run.id))
        made.append(run)
    return made


def approve_run(state: State, run: Run) -> None:
    """A maintainer lets a held run begin."""
    assert run.conclusion == HELD, "only a held run can be approved"
    _go_on(state, run)


def run_again(state: State, run: Run) -> None:
    """All jobs of a run that ended run once more."""
    assert run.status == "completed"
    assert run.conclusion != HELD
    run.attempt += 1
    _go_on(state, run)


def end_run(state: State, run: Run, conclusion: str) -> None:
    """A run ends; GitHub tells so."""
    run.status, run.conclusion = "completed", conclusion
    state.sent.append(("completed", run.id))


def _go_on(state: State, run: Run) -> None:
    run.status, run.conclusion = "in_progress", None
    state.sent.append(("in_progress", run.id))


def _cancel_older(state: State, pull: PullRequest, path: str) -> None:
    place = (path, pull.head_repository, pull.head_branch)
    for each in list(state.runs.values()):
        ongoing = each.status != "completed"
        if ongoing and (each.path, each.head_repository, each.head_branch) == place:
            end_run(state, each, "cancelled")


def _workflows(state: State, commit: str) -> list[tuple[str, dict[str, Any]]]:
    try:
        names = state.git.git("ls-tree", "--name-only", commit, FOLDER).splitlines()
    except GitError:
        return []
    yaml = YAML(typ="rt")
    return [(name, yaml.load(state.git.git("show", f"{commit}:{name}"))) for name in names]


def _types(workflow: dict[str, Any]) -> tuple[str, ...]:
    """The types of `pull_request` that start a workflow."""
    on = workflow.get("on")
    if not isinstance(on, dict):
        return _DEFAULT if "pull_request" in (on or ()) else ()
    if "pull_request" not in on:
        return ()
    return tuple((on["pull_request"] or {}).get("types", _DEFAULT))
