"""How a change's own workflows ended; their jobs' results count only as reasons for failure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gatehouse.github.client import telling
from gatehouse.github.event import Run

if TYPE_CHECKING:
    from github.Repository import Repository

_GOOD = ("success", "skipped", "neutral", None)
_WORDS = {
    "cancelled": "was cancelled before it finished; push again, or run it again",
    "timed_out": "took too long and was stopped",
    "startup_failure": "could not start; is a workflow file broken?",
    "skipped": "was skipped, so nothing was checked",
    "neutral": "was skipped, so nothing was checked",
    "stale": "never ran",
}


def workflow_problem(repository: Repository, run: Run) -> str | None:
    """Return the problem and the failed steps of a run, or None if it succeeded."""
    if run.conclusion == "success":
        return None
    failed = []
    if run.conclusion in ("failure", "timed_out"):
        with telling("list the jobs of the run"):
            jobs = list(repository.get_workflow_run(run.id).jobs())
        for job in jobs:
            if job.conclusion in _GOOD:
                continue
            steps = [step.name for step in job.steps if step.conclusion not in _GOOD]
            failed.append(f"{job.name} ({steps[0]})" if steps else job.name)
    if failed:
        return f"failed in the workflow: {', '.join(failed)}"
    return f"the workflow {_WORDS.get(run.conclusion or '', 'failed')}"
