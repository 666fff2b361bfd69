"""The judged candidate, and whether it was made by a run that counts.

If a change affects nothing that trains, its run makes nothing. The candidate then comes from an
earlier run of the branch whose commit has equal inputs by its Git tree, or from the retraining that
opened the pull request.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from gatehouse.errors import GatehouseError
from gatehouse.git import commit_of
from gatehouse.github.artifacts import candidates_of
from gatehouse.github.client import branch_here, telling
from gatehouse.github.ended import PIPELINE, path_of
from gatehouse.github.event import Run
from gatehouse.github.retraining import find_retraining
from gatehouse.github.run_provenance import (
    RETRAIN,
    Pull,
    Uploaded,
    Worked,
    base_problem,
    run_problem,
    runner_problem,
    tree_problem,
    uploads_problem,
)
from gatehouse.github.runs import list_jobs, list_runs, named_runs
from gatehouse.trusted.commits import fetch
from gatehouse.trusted.tree_diff import equal_inputs, unlike_runs

if TYPE_CHECKING:
    from github.Artifact import Artifact
    from github.Repository import Repository

_EARLIER = 20
"""Maximum number of the branch's runs whose inputs are compared."""
_WORKED = 50
"""Maximum number of other runs' jobs to search for the same machine."""
_CHANGES = ("base_ref_changed", "automatic_base_change_succeeded")
"""Events of a pull request whose base was changed, by a person or by GitHub."""


@dataclass(frozen=True)
class Made:
    """A candidate's archive.

    Attributes:
        archive: of GitHub.
        run: the run that uploaded it.
        problem: why it does not count as made by a run; None if it counts.
    """

    archive: Artifact
    run: Run
    problem: str | None


@dataclass(frozen=True)
class Request:
    """A request for a candidate.

    Attributes:
        repository: accessed with a token that may read actions, contents and pull requests.
        root: the checkout of the default branch's tip.
        default: the default branch.
        run: of "Pipeline" on the head.
        branch: the branch whose runs made it: the head's or, in the merge queue, its pull
            request's.
        changed: paths that the change touches.
    """

    repository: Repository
    root: Path
    default: str
    run: Run
    branch: str | None
    changed: Sequence[str] = ()

    @property
    def here(self) -> str:
        return self.repository.full_name


def request_for(
    repository: Repository,
    queued: int | None,
    run: Run,
    default: str,
    root: Path,
    changed: Sequence[str] = (),
) -> Request:
    """Return the request for the candidate of a run that is judged.

    Args:
        repository: accessed with a token that may read actions, contents and pull requests.
        queued: number of the pull request, if the run is of the merge queue.
        run: of "Pipeline".
        default: the default branch.
        root: the checkout of the default branch's tip.
        changed: paths that the change touches.

    Raises:
        GatehouseError: GitHub refused.
    """
    branch = run.head_branch
    if queued is not None:
        with telling("look up the pull request in the queue"):
            branch = branch_here(repository, repository.get_pull(queued).head)
    return Request(repository, root, default, run, branch, changed)


def find_made(request: Request) -> Made:
    """Return the candidate of the run, or an earlier one with equal inputs.

    Raises:
        GatehouseError: GitHub refused, or no candidate is left.
    """
    archives = candidates_of(request.repository, request.run.id)
    if not archives:
        earlier = find_earlier(request)
        if earlier is None:
            raise GatehouseError("the run uploaded no candidate; see the job Pipeline of the run")
        return earlier
    problem = _run_problem(request, request.run, archives) or _tree_problem(
        request, request.run.head_sha
    )
    # A maintainer's run takes precedence over an outsider's own run.
    if problem and (named := find_named(request)) is not None:
        return named
    newest = max(archives, key=lambda each: each.id)
    if newest.expired:
        raise GatehouseError("the run's candidate has expired; run the workflow again")
    return Made(newest, request.run, problem)


def find_earlier(request: Request) -> Made | None:
    """Return the candidate of an earlier run that counts, for a commit with equal inputs, or None.

    If it does not count only because of its tree, then no run of such a commit counts. It is
    returned anyway, so that an owner's acceptance of it remains valid.

    Raises:
        GatehouseError: GitHub refused.
    """
    return _earlier_of_branch(request) or _find_retrained(request) or find_named(request)


def find_named(request: Request) -> Made | None:
    """Return the candidate of a maintainer's run for this commit, or for one with equal inputs.

    The commit's own candidate is returned whether it counts or not, so that the maintainer sees the
    reason.

    Raises:
        GatehouseError: GitHub refused.
    """
    for run, commit in _named_runs(request):
        itself = commit == request.run.head_sha
        if not (itself or _equal(commit, request)):
            continue
        archives = candidates_of(request.repository, run.id)
        newest = max(archives, key=lambda each: each.id, default=None)
        if newest is None or newest.expired:
            continue
        problem = _named_problem(request, run, commit, archives)
        if itself or problem is None:
            return Made(newest, run, problem)
    return None


def _named_runs(request: Request) -> list[tuple[Run, str]]:
    """Return the newest runs that maintainers started, each with the named commit."""
    found = [
        (Run.model_validate(run), commit)
        for run, commit in named_runs(request.repository, request.default)
        if run.get("conclusion") == "success"
    ]
    return sorted(found, key=lambda pair: -pair[0].id)[:_EARLIER]


def _named_problem(
    request: Request, run: Run, commit: str, archives: Sequence[Artifact]
) -> str | None:
    """Return why the candidate of a named commit's run does not count, or None if it does.

    The run took its workflow from one commit of the default branch and everything else from the
    named commit.
    """
    uploaded = [Uploaded(each.id, each.created_at) for each in archives]
    if why := uploads_problem(run, uploaded, "Run for this commit"):
        return why
    try:
        fetch(run.head_sha, request.root)
    except GatehouseError:
        return f"its workflow's commit {run.head_sha[:12]} is gone"
    return (
        _tree_problem(request, run.head_sha)
        or _tree_problem(request, commit)
        or runner_problem(run, _jobs(request.repository, run))
    )


def _equal(commit: str, request: Request) -> bool:
    """Return whether a commit has the same inputs as the judged commit."""
    try:
        fetch(commit, request.root)
        return equal_inputs(commit, request.run.head_sha, request.root)
    except GatehouseError:
        return False  # the commit no longer exists


def _earlier_of_branch(request: Request) -> Made | None:
    for run in _earlier_runs(request):
        if not _equal(run.head_sha, request):
            continue
        archives = candidates_of(request.repository, run.id)
        if not archives or _run_problem(request, run, archives):
            continue
        newest = max(archives, key=lambda each: each.id)
        if not newest.expired:
            return Made(newest, run, _tree_problem(request, run.head_sha))
    return None


def _find_retrained(request: Request) -> Made | None:
    """Return the candidate of the retraining whose record the commit is, or None.

    If it does not count only because of its tree or its machine, it is returned anyway: a run of
    this commit would not count either.
    """
    ours = request.run.head_repository is not None and (
        request.run.head_repository.full_name == request.here
    )
    branch = request.branch if ours else None
    found = find_retraining(request.repository, branch, request.default, request.root)
    if found is None:
        return None
    head = request.run.head_sha
    fetch(head, request.root)
    if not equal_inputs(found.run.head_sha, head, request.root, brought=found.brought):
        print(f"{head[:12]} is more, or less, than the record of the retraining {found.run.id}")
        return None
    problem = runner_problem(found.run, _jobs(request.repository, found.run))
    return Made(found.archive, found.run, problem or _tree_problem(request, found.run.head_sha))


def _earlier_runs(request: Request) -> Iterator[Run]:
    """Yield runs of the branch, newest first."""
    if request.branch is None:
        return
    listed = list_runs(request.repository, branch=request.branch, status="success")
    found = [
        Run.model_validate(each)
        for each in listed
        if path_of(each) == PIPELINE and each["id"] != request.run.id
    ]
    found = [run for run in found if not run_problem(run, request.here)]
    yield from sorted(found, key=lambda run: -run.id)[:_EARLIER]


def _tree_problem(request: Request, commit: str) -> str | None:
    """Return why no run of this commit counts."""
    tip = commit_of("HEAD", request.root)
    unlike = unlike_runs(tip, commit, request.root)
    return tree_problem(unlike, request.changed, request.default)


def _run_problem(request: Request, run: Run, archives: Sequence[Artifact]) -> str | None:
    """Return why the candidate of a run does not count, whatever its commit, or None if it does."""
    uploaded = [Uploaded(each.id, each.created_at) for each in archives]
    if why := run_problem(run, request.here) or uploads_problem(run, uploaded):
        return why
    if why := base_problem(run, _pulls(request.repository, run), request.default):
        return why
    return runner_problem(run, _jobs(request.repository, run))


def _jobs(repository: Repository, run: Run) -> list[Worked]:
    """Return the run's jobs and, if one ran on a self-hosted machine, those of other runs.

    Only Pipeline and Retrain run on such machines.
    """
    found = _worked(repository, run.id)
    if any(each.own for each in found):
        for other in list_runs(repository, status="completed"):
            if path_of(other) in (PIPELINE, RETRAIN) and other["id"] != run.id:
                found += _worked(repository, other["id"])
            if len(found) >= _WORKED:
                break
    return found


def _worked(repository: Repository, run: int) -> list[Worked]:
    return [
        Worked(
            run=run,
            runner=job.get("runner_id") or None,
            own="self-hosted" in (job.get("labels") or []),
        )
        for job in list_jobs(repository, run)
    ]


def _pulls(repository: Repository, run: Run) -> list[Pull]:
    """Return all pull requests of the run's branch."""
    if run.head_repository is None or not run.head_branch:
        raise GatehouseError("the run has no branch any more")
    with telling("list the pull requests of the run's branch"):
        named = f"{run.head_repository.owner}:{run.head_branch}"
        return [
            Pull(
                number=pull.number,
                base=pull.base.ref,
                opened=pull.created_at,
                closed=pull.closed_at,
                retargeted=[
                    event.created_at for event in pull.get_issue_events() if event.event in _CHANGES
                ],
            )
            for pull in repository.get_pulls(state="all", head=named)
        ]
