"""Attacks the reason of a failed workflow: jobs and steps are named by whoever wrote it."""

from __future__ import annotations

from typing import Any

import pytest

from gatehouse.errors import GatehouseError
from gatehouse.github.workflow import workflow_problem
from tests.gatehouse.github.hub import READ, Hub


def job(name: str, conclusion: str | None, step: str | None = None) -> dict[str, Any]:
    steps = [
        {"name": "Set up", "number": 1, "status": "completed", "conclusion": "success"},
        {"name": step, "number": 2, "status": "completed", "conclusion": conclusion},
        {"name": "After", "number": 3, "status": "completed", "conclusion": "skipped"},
    ]
    return {"name": name, "conclusion": conclusion, "steps": steps if step else []}


def problem(hub: Hub, conclusion: str | None, *jobs: dict[str, Any]) -> str | None:
    event = hub.finish(1, conclusion=conclusion, jobs=list(jobs))
    return workflow_problem(hub.connect(READ), event.workflow_run)


def test_a_success_is_no_problem(hub: Hub) -> None:
    """Nothing else is: what was skipped proves nothing."""
    assert problem(hub, "success", job("Tests", "failure")) is None
    for conclusion in ("skipped", "neutral", "stale", "cancelled", "action_required", None):
        assert problem(hub, conclusion)


def test_jobs_and_steps(hub: Hub) -> None:
    """The jobs that failed, each with its first bad step."""
    told = problem(
        hub,
        "failure",
        job("Checks", "success", "Static checks"),
        job("Tests", "failure", "Tests"),
        job("Pipeline", "cancelled"),
        job("Plan", "skipped"),
    )
    assert told == "failed in the workflow: Tests (Tests), Pipeline"


def test_many_jobs(hub: Hub) -> None:
    """More than a page of them are all looked at."""
    jobs = [job(f"Job {number}", "success") for number in range(150)]
    assert problem(hub, "failure", *jobs, job("Last", "failure")) == (
        "failed in the workflow: Last"
    )


def test_no_job_failed(hub: Hub) -> None:
    """The run failed and no job says why: still a problem."""
    assert problem(hub, "failure", job("Checks", "success")) == "the workflow failed"
    assert problem(hub, "timed_out") == "the workflow took too long and was stopped"


def test_an_api_that_does_not_answer(hub: Hub) -> None:
    """Jobs that can't be listed are an error, not a success."""
    hub.no_pauses()
    hub.github.fail("GET", "/jobs", 500, times=1000)
    with pytest.raises(GatehouseError, match="list the jobs"):
        problem(hub, "failure", job("Tests", "failure"))
