"""The runs that an answer is based on, as GitHub's API describes them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gatehouse.errors import GatehouseError
from gatehouse.github.client import telling
from gatehouse.github.ended import (
    NAMED,
    PIPELINE,
    has_ended,
    named_commit,
    newest_runs,
    own_run,
    path_of,
)
from gatehouse.github.event import Event, Run

if TYPE_CHECKING:
    from github.Repository import Repository


def find_pipeline(repository: Repository, event: Event) -> Run:
    """Return the newest run of *Pipeline* on the event's commit; that run made the candidate.

    Args:
        repository: accessed with a token that may read actions.
        event: one of the change's two workflows ended.

    Raises:
        GatehouseError: GitHub refused, or there is no such run, or it has not ended.
    """
    listed = list_runs(repository, head_sha=event.workflow_run.head_sha)
    found = newest_runs(listed, event.workflow_run.model_dump(mode="json")).get(PIPELINE)
    if found is None:
        raise GatehouseError(no_run(PIPELINE, event.repository.default_branch))
    if not has_ended(found):
        raise GatehouseError("Pipeline has not ended on this commit; run it again")
    return Run.model_validate(found)


def no_run(path: str, default: str) -> str:
    """Return what to do if a workflow has no run.

    Args:
        path: the workflow's file.
        default: the default branch.
    """
    return (
        f"{path} has no run on this commit, so nothing can be judged; if the change takes the "
        f"file away, restore it: git checkout origin/{default} -- {path}"
    )


def event_of_change(repository: Repository, event: Event) -> Event:
    """Return the event; for a named commit's run, as if the change's own run had ended.

    Raises:
        GatehouseError: GitHub refused, or no pull request ever started a run of that commit.
    """
    run = event.workflow_run
    if path_of(run.model_dump()) != NAMED:
        return event
    default = event.repository.default_branch
    commit = named_commit(run.model_dump(), repository.full_name, default)
    own = own_run(list_runs(repository, head_sha=commit)) if commit else None
    if own is None:
        raise GatehouseError("no pull request has started a run of the commit that was named")
    return event.model_copy(update={"workflow_run": Run.model_validate(own)})


def list_runs(repository: Repository, **wanted: str) -> list[dict[str, Any]]:
    """Return the 100 newest runs, as GitHub's API lists them; `wanted` are its parameters."""
    return _listed(repository, "runs", "workflow_runs", **wanted)


def named_runs(repository: Repository, default: str) -> list[tuple[dict[str, Any], str]]:
    """Return runs for a named commit, with the commit, among the 100 newest manual runs."""
    listed = list_runs(repository, branch=default, event="workflow_dispatch")
    named = ((run, named_commit(run, repository.full_name, default)) for run in listed)
    return [(run, commit) for run, commit in named if commit]


def list_jobs(repository: Repository, run: int) -> list[dict[str, Any]]:
    """Return the first 100 jobs of a run's newest attempt, as GitHub's API lists them."""
    return _listed(repository, f"runs/{run}/jobs", "jobs")


def _listed(repository: Repository, what: str, key: str, **wanted: str) -> list[dict[str, Any]]:
    with telling(f"list the {key.replace('_', ' ')}"):
        _, found = repository.requester.requestJsonAndCheck(
            "GET", f"{repository.url}/actions/{what}", parameters={**wanted, "per_page": 100}
        )
    items: list[dict[str, Any]] = found[key]
    return items
