"""The gates' newest answer on a pull request's head, for a job that another event started.

Any run may upload an artifact of any name, so GitHub must confirm that the artifact comes from a
run of gates.yml on the default branch. The judged commit is the head itself, or the commit that the
head records. In the second case, the two may differ only by what *Publish* writes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from gatehouse.acceptance.record import FOLDER
from gatehouse.errors import GatehouseError
from gatehouse.github.artifacts import download
from gatehouse.github.client import telling
from gatehouse.trusted.archive import unpack
from gatehouse.trusted.judgement import JUDGED, RECORD, Judgement

if TYPE_CHECKING:
    from github.Artifact import Artifact
    from github.GitTree import GitTree
    from github.Repository import Repository

PREFIX = "judged-"
"""Prefix of the answers' names; the judged commit follows it."""
WORKFLOW = ".github/workflows/gates.yml"
MEGABYTES = 64

_TRIED = 20
_RECORDS = 10
"""Maximum number of the gates' commits to search; each acceptance or revocation is one."""
_PART = r"[A-Za-z0-9][\w.-]{0,99}"
_NAME = re.compile(
    rf"judged\.json|verdict\.json|comment\.md|evidence/{_PART}\.json"
    rf"|record/(dvc\.lock|reports(/{_PART}){{1,7}})",
    re.ASCII,
)
_REWRITTEN = ("reports/verdict.json", "reports/verdict.svg", "reports/report.md")
_KEPT = "reports/model_card.md"
"""Also overwritten if the judged commit has one."""


def newest_answer(repository: Repository, head: str, default: str, work: Path) -> Judgement | None:
    """Download the newest answer on a commit and unpack it into `work`.

    Args:
        repository: accessed with a token that may read actions and contents.
        head: of the pull request.
        default: the default branch.
        work: a new folder.

    Returns:
        The answer, or None if there is none.

    Raises:
        GatehouseError: GitHub refused, or the answer is broken.
    """
    for commit in _judged_commits(repository, head):
        found = _artifact(repository, commit, default)
        if found is None:
            continue
        archive = work.with_suffix(".zip")
        download(found, archive, MEGABYTES)
        unpack(archive, work, MEGABYTES, names=_NAME, text_limit=MEGABYTES)
        archive.unlink()
        judged = Judgement.read(work / JUDGED)
        if judged.head != commit:
            raise GatehouseError(f"the answer {found.name} is of another commit")
        if commit != head:
            _check_record(repository, commit, head, work / RECORD)
        return judged
    return None


def _judged_commits(repository: Repository, head: str) -> Iterator[str]:
    """Yield the commits that an answer on this head may describe: itself, or below records."""
    commit = head
    for _ in range(_RECORDS):
        yield commit
        with telling("look up the head's parent"):
            parents = repository.get_git_commit(commit).parents
        if len(parents) != 1:
            return
        commit = parents[0].sha


def _artifact(repository: Repository, commit: str, default: str) -> Artifact | None:
    with telling("look for the gates' answer"):
        listed = repository.get_artifacts(name=f"{PREFIX}{commit}")
        for at, artifact in enumerate(listed):
            if at == _TRIED:
                break
            run = repository.get_workflow_run(artifact.workflow_run.id)
            if (
                not artifact.expired
                and (run.path, run.event, run.head_branch) == (WORKFLOW, "workflow_run", default)
                and run.head_repository.full_name == repository.full_name
            ):
                return artifact
    return None


def _check_record(repository: Repository, commit: str, head: str, record: Path) -> None:
    """Check that the head is what *Publish* made of the judged commit.

    Raises:
        GatehouseError: it has other changes as well.
    """
    with telling("compare the head with what was judged"):
        before, after = files_of(repository, commit), files_of(repository, head)
    made = {path.relative_to(record).as_posix() for path in record.rglob("*") if path.is_file()}
    other = [
        path
        for path in sorted(before.keys() | after.keys())
        if before.get(path) != after.get(path)
        and path not in made
        and path not in _REWRITTEN
        and not (path == _KEPT and path in before)
        and not path.startswith(f"{FOLDER}/")
    ]
    if other:
        raise GatehouseError("the head was not judged yet; the comment counts when it is")


def files_of(repository: Repository, commit: str) -> dict[str, tuple[str, str]]:
    """Return mode and hash of each file of a commit, by path; call it inside `telling`.

    Raises:
        GatehouseError: there are more files than GitHub lists.
    """
    tree: GitTree = repository.get_git_tree(commit, recursive=True)
    if tree.raw_data.get("truncated"):
        raise GatehouseError("the repository has more files than GitHub lists; run Gates again")
    return {each.path: (each.mode, each.sha) for each in tree.tree if each.type != "tree"}
