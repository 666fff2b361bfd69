"""Runs of *Retrain*, found by the branch of the pull request that the run opened.

The run's candidate counts only for a commit that is exactly the record of that run: the default
branch's commit at the start of the run, plus the settings and the table from the run. The branch
name only identifies the run; the rest is verified with GitHub's API and Git.
"""

from __future__ import annotations

import re
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from gatehouse.errors import GatehouseError
from gatehouse.github.artifacts import PREFIX, download
from gatehouse.github.client import telling
from gatehouse.github.event import Run
from gatehouse.github.run_provenance import RETRAIN, Uploaded, retraining_problem, uploads_problem
from gatehouse.trusted.archive import unpack
from gatehouse.trusted.past import was_tip

if TYPE_CHECKING:
    from github.Artifact import Artifact
    from github.Repository import Repository
    from github.WorkflowRun import WorkflowRun

RECORD = "retrained"
"""The artifact with the files of the pull request."""

_BRANCH = re.compile(r"retrain-([1-9][0-9]{0,17})-[1-9][0-9]{0,5}", re.ASCII)
_MEGABYTES = 50
# The files that open-pull-request uses.
_FILES = re.compile(
    r"dvc\.lock|params\.yaml"
    r"|data/snapshots/[A-Za-z0-9][\w.-]{0,99}\.dvc"
    r"|reports(/[A-Za-z0-9][\w.-]{0,99}){1,8}",
    re.ASCII,
)


@dataclass(frozen=True)
class Retraining:
    """A run of *Retrain* whose candidate counts if its machine and its tree do.

    Attributes:
        run: of the default branch.
        archive: the candidate, of GitHub.
        brought: the files that the run made for its pull request, by path.
    """

    run: Run
    archive: Artifact
    brought: dict[str, bytes]


def find_retraining(
    repository: Repository, branch: str | None, default: str, root: Path
) -> Retraining | None:
    """Return the retraining that opened the pull request of a branch, or None if none counts.

    Args:
        repository: accessed with a token that may read actions and contents.
        branch: of this repository.
        default: the default branch.
        root: the checkout of the default branch's tip; its history may be fetched.

    Raises:
        GatehouseError: GitHub refused.
    """
    found = retraining_run(repository, branch)
    if found is None:
        return None
    run = Run.model_validate(found.raw_data)
    with telling("list the artifacts of the retraining"):
        listed = list(found.get_artifacts())
    candidates = [each for each in listed if each.name.startswith(PREFIX)]
    records = [each for each in listed if each.name == RECORD]
    problem = retraining_problem(run, repository.full_name, default)
    for artifacts in (candidates, records):
        problem = problem or uploads_problem(run, _uploaded(artifacts))
    if problem is None and not was_tip(run.head_sha, root):
        problem = f"{run.head_sha[:12]} was never the tip of {default}"
    candidate, record = (max(each, key=lambda it: it.id, default=None)
                         for each in (candidates, records))  # fmt: skip
    if problem is not None or candidate is None or record is None:
        print(f"the retraining {run.id} does not count: {problem}")
        return None
    if candidate.expired or record.expired:
        print(f"the retraining {run.id} does not count: its artifacts have expired")
        return None
    brought = _read(record)
    return None if brought is None else Retraining(run, candidate, brought)


def retraining_run(repository: Repository, branch: str | None) -> WorkflowRun | None:
    """Return the run of *Retrain* that a branch is named after, or None.

    Raises:
        GatehouseError: GitHub refused.
    """
    from github import UnknownObjectException

    named = _BRANCH.fullmatch(branch or "")
    if named is None:
        return None
    with telling("look up the retraining"):
        try:
            run = repository.get_workflow_run(int(named[1]))
            path = run.path  # this property sends a request
        except UnknownObjectException:
            return None
    return run if path.partition("@")[0] == RETRAIN else None


def _uploaded(artifacts: list[Artifact]) -> list[Uploaded]:
    return [Uploaded(each.id, each.created_at) for each in artifacts]


def _read(record: Artifact) -> dict[str, bytes] | None:
    """Return the record's files by path, or None if it is not a record."""
    with tempfile.TemporaryDirectory(prefix="gatehouse-retrained-") as work:
        archive, folder = Path(work) / "record.zip", Path(work) / "record"
        download(record, archive, _MEGABYTES)
        try:
            unpack(archive, folder, _MEGABYTES, names=_FILES)
        except GatehouseError as error:
            print(f"the retraining's record can't be read: {error}")
            return None
        files = [path for path in folder.rglob("*") if path.is_file()]
        return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}
