"""Whether a run of a change's own code counts: pure functions of data from GitHub's API.

A run counts if it is a run of *Pipeline* on a branch of this repository whose pull requests all
went into the default branch when it began, or a run of *Retrain* on the default branch itself.
`trusted.tree_diff` compares the code that ran.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from gatehouse.github.ended import PIPELINE
from gatehouse.github.event import Run
from gatehouse.report.escape import plain

MAKING = ("pull_request", "workflow_dispatch")
"""The events whose runs make a model. A merge queue entry uses the model that was made before."""

RETRAIN = ".github/workflows/retrain.yml"
STARTING = ("workflow_dispatch", "repository_dispatch", "schedule")
"""The events that start a retraining: each runs the workflow of the branch itself."""

_SHOWN = 3


@dataclass(frozen=True)
class Uploaded:
    """A run's candidate.

    Attributes:
        id: of the artifact.
        created: when it was uploaded.
    """

    id: int
    created: datetime


@dataclass(frozen=True)
class Pull:
    """A pull request of the run's branch.

    Attributes:
        number: of the pull request.
        base: its current base branch.
        opened: when it was opened.
        closed: when it was closed; None while it is open.
        retargeted: each time when its base was changed.
    """

    number: int
    base: str
    opened: datetime
    closed: datetime | None
    retargeted: Sequence[datetime] = ()


@dataclass(frozen=True)
class Worked:
    """A job that ran on a machine.

    Attributes:
        run: of the job.
        runner: GitHub's number of the machine's registration; None if no machine took it.
        own: whether the machine is self-hosted.
    """

    run: int
    runner: int | None
    own: bool


def of_newest_attempt(run: Run, uploaded: Iterable[Uploaded]) -> list[Uploaded]:
    """Return the candidates that the newest attempt of a run uploaded, newest first."""
    found = [each for each in uploaded if each.created >= run.run_started_at]
    return sorted(found, key=lambda each: -each.id)


def run_problem(run: Run, here: str) -> str | None:
    """Return why a run is not one that makes models, or None if it is.

    Args:
        run: as GitHub's API describes it.
        here: owner/name of this repository.
    """
    if run.path.partition("@")[0] != PIPELINE:
        return f"it was made by {plain(run.path, 60)}, not by {PIPELINE}"
    if run.head_repository is None or run.head_repository.full_name != here:
        return (
            "it was made on a fork's branch; where you trust the change, start 'Run for this "
            f"commit' with {run.head_sha}, or push it to a branch of this repository"
        )
    if run.event not in MAKING:
        return f"runs of {plain(run.event, 30)} make no models"
    return None


def retraining_problem(run: Run, here: str, default: str) -> str | None:
    """Return why a run is not a retraining of the default branch, or None if it is.

    A tag may have the branch's name, so the caller must check the commit too.

    Args:
        run: as GitHub's API describes it.
        here: owner/name of this repository.
        default: the default branch.
    """
    if run.path.partition("@")[0] != RETRAIN:
        return f"it was made by {plain(run.path, 60)}, not by {RETRAIN}"
    if run.head_repository is None or run.head_repository.full_name != here:
        return "it is a fork's run"
    if run.event not in STARTING:
        return f"{plain(run.event, 30)} starts no retraining"
    if run.head_branch != default:
        return f"it is a run of another branch than {plain(default, 40)}"
    return None


def uploads_problem(
    run: Run, uploaded: Sequence[Uploaded], workflow: str = "Pipeline"
) -> str | None:
    """Return why no candidate of a run counts, or None if its newest attempt has exactly one.

    `workflow` is the name of the run's workflow.
    """
    newest = of_newest_attempt(run, uploaded)
    if len(newest) > 1:
        return f"the run uploaded {len(newest)} candidates, and one must be the only one"
    if not newest:
        return f"its candidate is of an older attempt of the run; run all jobs of {workflow} again"
    return None


def runner_problem(run: Run, jobs: Iterable[Worked]) -> str | None:
    """Return why a run's machine may have kept data from other jobs, or None if it has not.

    An ephemeral runner registers again for each job, so its number is never seen twice.

    Args:
        run: of the candidate.
        jobs: of this run and of others.
    """
    listed = list(jobs)
    mine = {each.runner for each in listed if each.run == run.id and each.own} - {None}
    others = {each.runner for each in listed if each.run != run.id}
    if mine & others:
        return "its runner served other runs too; runs count on ephemeral runners only"
    return None


def base_problem(run: Run, pulls: Iterable[Pull], default: str) -> str | None:
    """Return why the run's workflow may be from another branch than the default one, or None.

    GitHub runs a pull request's workflow from its merge with the base at that moment.

    Args:
        run: of the branch.
        pulls: all pull requests of the branch, open or closed.
        default: the default branch.
    """
    for pull in pulls:
        if pull.opened > run.created_at or (pull.closed and pull.closed < run.created_at):
            continue
        # After its last change, the base is the current one. Within the same second, the order is
        # unknown.
        if pull.base != default or any(at >= run.created_at for at in pull.retargeted):
            return (
                f"#{pull.number} did not go into {plain(default, 40)} when the run began; push to "
                "the branch, so that it runs again"
            )
    return None


def tree_problem(unlike: Sequence[str], changed: Iterable[str], default: str) -> str | None:
    """Return why the run of a commit differs from the default branch's run, or None.

    Args:
        unlike: paths that differ from the default branch's tip.
        changed: paths that the change itself touches.
        default: the default branch.
    """
    if not unlike:
        return None
    own = set(changed)
    behind = [path for path in unlike if path not in own]
    if behind:
        return f"update the branch: {plain(default, 40)} has another {_listed(behind)}"
    return f"the change brings another {_listed(unlike)}"


def _listed(paths: Sequence[str]) -> str:
    shown = ", ".join(plain(path, 80) for path in paths[:_SHOWN])
    more = len(paths) - _SHOWN
    return f"{shown} and {more} more" if more > 0 else shown
