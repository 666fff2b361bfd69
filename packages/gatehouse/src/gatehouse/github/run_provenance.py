"""Whether a run of a change's own code counts: pure, from what GitHub's API says of it.

A run that counts is one of *Pipeline* on a branch of this repository, whose pull requests all went
into the default branch when it began; or one of *Retrain* on the default branch itself. What it ran
is for `trusted.tree_diff` to compare.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from gatehouse.github.ended import PIPELINE
from gatehouse.github.event import Run
from gatehouse.report.escape import plain

MAKING = ("pull_request", "workflow_dispatch")
"""The events whose runs make a model. An entry of the merge queue takes what was made before."""

RETRAIN = ".github/workflows/retrain.yml"
STARTING = ("workflow_dispatch", "repository_dispatch", "schedule")
"""The events that start a retraining: each of them runs the workflow of the branch itself."""

_SHOWN = 3


@dataclass(frozen=True)
class Uploaded:
    """A candidate of a run.

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
        base: the branch that it goes into now.
        opened: when it was opened.
        closed: when it was closed; None while it is open.
        retargeted: when its base was changed, each time.
    """

    number: int
    base: str
    opened: datetime
    closed: datetime | None
    retargeted: Sequence[datetime] = ()


@dataclass(frozen=True)
class Worked:
    """A job that a machine worked on.

    Attributes:
        run: of the job.
        runner: GitHub's number of the machine's registration; None if no machine took it.
        own: is the machine one of the repository's owners, not of GitHub?
    """

    run: int
    runner: int | None
    own: bool


def of_newest_attempt(run: Run, uploaded: Iterable[Uploaded]) -> list[Uploaded]:
    """The candidates that the newest attempt of a run uploaded, the newest first."""
    found = [each for each in uploaded if each.created >= run.run_started_at]
    return sorted(found, key=lambda each: -each.id)


def run_problem(run: Run, here: str) -> str | None:
    """Why a run is none that makes models; None if it is one.

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
    """Why a run is no retraining of the default branch; None if it is one.

    A tag may have the branch's name: whoever asks has to look at the commit too.

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
    """Why a run's candidates are none that counts; None if there is exactly one of the newest
    attempt. `workflow` is the name of the run's workflow."""
    newest = of_newest_attempt(run, uploaded)
    if len(newest) > 1:
        return f"the run uploaded {len(newest)} candidates, and one must be the only one"
    if not newest:
        return f"its candidate is of an older attempt of the run; run all jobs of {workflow} again"
    return None


def runner_problem(run: Run, jobs: Iterable[Worked]) -> str | None:
    """Why the machine that a run worked on may have kept something; None where nothing says so.

    An ephemeral runner registers again for each job, so that its number is never seen twice.

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
    """Why the run's workflow may have been another branch's; None where it was the default one's.

    GitHub runs a pull request's workflow from its merge with the base at that moment.

    Args:
        run: of the branch.
        pulls: all pull requests of the branch, open or closed.
        default: the default branch.
    """
    for pull in pulls:
        if pull.opened > run.created_at or (pull.closed and pull.closed < run.created_at):
            continue
        # After the newest change the base is what it is now. Within one second nobody knows.
        if pull.base != default or any(at >= run.created_at for at in pull.retargeted):
            return (
                f"#{pull.number} did not go into {plain(default, 40)} when the run began; push to "
                "the branch, so that it runs again"
            )
    return None


def tree_problem(unlike: Sequence[str], changed: Iterable[str], default: str) -> str | None:
    """Why the run of a commit is another one than the default branch's; None if it is not.

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
