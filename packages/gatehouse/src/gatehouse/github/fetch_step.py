"""The fetching step: the only step of the judging job that has the key of the DVC remote.

It finds the run to judge, and fetches candidate and base. It opens no table and no graph.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gatehouse.base import write_record as write_base
from gatehouse.codeowners import needs_review
from gatehouse.draws import draws_of
from gatehouse.errors import GatehouseError
from gatehouse.github.artifacts import download
from gatehouse.github.bases import status_of
from gatehouse.github.bring_base import bring_base, counted_since
from gatehouse.github.client import telling
from gatehouse.github.event import Event
from gatehouse.github.find_target import find_target
from gatehouse.github.made import find_made, request_for
from gatehouse.github.runs import find_pipeline
from gatehouse.github.workflow import workflow_problem
from gatehouse.policy import POLICY_FILE, load_policy
from gatehouse.report.escape import plain
from gatehouse.sealed import with_sealed
from gatehouse.trusted.archive import unpack
from gatehouse.trusted.basis import base_of, hand_over
from gatehouse.trusted.candidate import complete, digests
from gatehouse.trusted.commits import fetch
from gatehouse.trusted.handover import Fetched, Place, Stopped
from gatehouse.trusted.merge_target import MergeTarget
from gatehouse.trusted.model_origin import origin_problem
from gatehouse.workspace import Workspace

if TYPE_CHECKING:
    from github.Repository import Repository

_LISTED = 3000
"""Maximum number of a pull request's files that GitHub's API lists."""


def fetch_run(repository: Repository, event: Event, place: Place, limit: int) -> Fetched:
    """Fetch the run's candidate and its base into `place.work`, and write `fetched.json`.

    Args:
        repository: accessed with a read-only token.
        event: of a run of "Pipeline" that ended.
        place: the folders to use.
        limit: maximum size of a candidate in megabytes.
    """
    found = Fetched(head=event.workflow_run.head_sha)
    try:
        found = _find(repository, event, place)
        if found.stopped is None:
            found = _fetch(repository, event, found, place, limit)
    except GatehouseError as error:
        found = found.model_copy(update={"stopped": Stopped(kind="error", why=str(error))})
    found.write(place.fetched_file)
    return found


def _find(repository: Repository, event: Event, place: Place) -> Fetched:
    """Find the target to judge, if any."""
    head, target = event.workflow_run.head_sha, find_target(repository, event)
    if target is None:
        why = "no open pull request has this commit as its head any more"
        return Fetched(head=head, stopped=Stopped(kind="gone", why=why))
    bases = load_policy(place.root / POLICY_FILE).bases
    found = Fetched(head=head, target=target)
    if status_of(target.base_branch, event.repository.default_branch, bases) is None:
        why = f"goes into {plain(target.base_branch, 40)}, which has no gates"
        return found.model_copy(update={"stopped": Stopped(kind="elsewhere", why=why)})
    if target.draft:
        why = "a draft is not judged; mark it as ready for review"
        return found.model_copy(update={"stopped": Stopped(kind="draft", why=why)})
    changed, whole = _changed_files(repository, target)
    return found.model_copy(update={"changed": changed, "whole": whole})


def _fetch(
    repository: Repository, event: Event, found: Fetched, place: Place, limit: int
) -> Fetched:
    """Fetch candidate and base in the layout for measuring; errors are part of the result."""
    target = found.target
    assert target is not None, "else there is nothing to fetch"
    default, root = event.repository.default_branch, place.root
    run = find_pipeline(repository, event)
    failed = workflow_problem(repository, run)
    found = found.model_copy(
        update={"run": run.html_url, "pipeline": run.id, "attempt": run.run_attempt}
    )
    try:
        base = base_of(target, root)
        fetch(found.head, root)
        made = find_made(request_for(repository, target.queued, run, default, root, found.changed))
        download(made.archive, place.work / "candidate.zip", limit)
        unpack(place.work / "candidate.zip", place.candidate, limit)
        complete(place.candidate, found.head, root)
        bring_base(base, repository, root, limit)
        base = counted_since(base, place.candidate, repository, root, limit)
        base = with_sealed(base, root, place.candidate)
        hand_over(base, root, place.candidate)
        entry = found.head if target.pull is None else None
        reviewed = needs_review(found.changed, base.commit, entry, root)
        write_base(base.record.model_copy(update={"reviewed": reviewed}), place.candidate)
        candidate = Workspace(place.candidate)
        origin = origin_problem(made.problem, candidate, base, root)
        files = digests(place.candidate)
        draws = draws_of(candidate)
    except GatehouseError as error:
        # A failed workflow is the cause, or should be fixed first.
        why = f"{failed}; {error}" if failed else str(error)
        why = why.replace(f"{place.candidate}/", "")  # a path on this machine is private
        return found.model_copy(update={"stopped": Stopped(kind="error", why=why)})
    return found.model_copy(
        update={
            "base": base.commit,
            "archive": made.archive.name,
            "artifact": made.archive.id,
            "origin": origin,
            "failed": failed,
            "files": files,
            "draws": draws,
        }
    )


def _changed_files(repository: Repository, target: MergeTarget) -> tuple[tuple[str, ...], bool]:
    """Return the files that the pull request changes, and whether the list is complete.

    A renamed file has both names. A merge queue entry has no files.
    """
    if target.pull is None:
        return (), True
    with telling("list the files of the pull request"):
        files = list(repository.get_pull(target.pull).get_files())
    names = [file.filename for file in files]
    names += [file.previous_filename for file in files if file.previous_filename]
    return tuple(names), len(files) < _LISTED
