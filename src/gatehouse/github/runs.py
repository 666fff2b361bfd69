"""The two runs that an answer rests on, as GitHub's API describes them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gatehouse.errors import GatehouseError
from gatehouse.github.client import telling
from gatehouse.github.ended import CHECKS, PIPELINE, both_ended, newest_runs
from gatehouse.github.event import Event, Run

if TYPE_CHECKING:
    from github.Repository import Repository


@dataclass(frozen=True)
class Runs:
    """The newest run of each of the two workflows on a commit.

    Attributes:
        checks: of "Pull request".
        pipeline: of "Pipeline", which made the candidate.
    """

    checks: Run
    pipeline: Run


def find_runs(repository: Repository, event: Event) -> Runs:
    """The newest runs of the commit whose run ended.

    Args:
        repository: as a token that may read actions sees it.
        event: one of the two ended.

    Raises:
        GatehouseError: GitHub refused, or one of them has not ended.
    """
    listed = list_runs(repository, head_sha=event.workflow_run.head_sha)
    found = newest_runs(listed, event.workflow_run.model_dump(mode="json"))
    if not both_ended(found):
        raise GatehouseError(
            "Pull request and Pipeline have not both ended on this commit; run them again"
        )
    return Runs(Run.model_validate(found[CHECKS]), Run.model_validate(found[PIPELINE]))


def list_runs(repository: Repository, **wanted: str) -> list[dict[str, Any]]:
    """The 100 newest runs, as GitHub's API lists them; `wanted` are its parameters."""
    return _listed(repository, "runs", "workflow_runs", **wanted)


def list_jobs(repository: Repository, run: int) -> list[dict[str, Any]]:
    """The first 100 jobs of the newest attempt of a run, as GitHub's API lists them."""
    return _listed(repository, f"runs/{run}/jobs", "jobs")


def _listed(repository: Repository, what: str, key: str, **wanted: str) -> list[dict[str, Any]]:
    with telling(f"list the {key.replace('_', ' ')}"):
        _, found = repository.requester.requestJsonAndCheck(
            "GET", f"{repository.url}/actions/{what}", parameters={**wanted, "per_page": 100}
        )
    items: list[dict[str, Any]] = found[key]
    return items
