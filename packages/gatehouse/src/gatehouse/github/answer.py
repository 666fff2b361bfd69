"""The newest answer of the gates on a pull request's head, for a job that another event started.

Any run may upload an artifact of any name. So the run behind it must be one of gates.yml on the
default branch, by GitHub's word. What was judged is the head itself, or the commit that the head
records: then nothing but what *Publish* writes may lie between the two.
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
"""How the names of answers begin; the commit that was judged comes behind it."""
WORKFLOW = ".github/workflows/gates.yml"
MEGABYTES = 64

_TRIED = 20
_RECORDS = 10
"""Commits of the gates that are looked through: each word that is given or taken back is one."""
_PART = r"[A-Za-z0-9][\w.-]{0,99}"
_NAME = re.compile(
    rf"judged\.json|verdict\.json|comment\.md|evidence/{_PART}\.json"
    rf"|record/(dvc\.lock|reports(/{_PART}){{1,7}})",
    re.ASCII,
)
_REWRITTEN = ("reports/verdict.json", "reports/verdict.svg", "reports/report.md")
_KEPT = "reports/model_card.md"
"""Written over as well, where the judged commit has one."""


def newest_answer(repository: Repository, head: str, default: str, work: Path) -> Judgement | None:
    """The newest answer on a commit, unpacked into `work`; None where there is none.

    Args:
        repository: as a token that may read actions and contents sees it.
        head: of the pull request.
        default: the default branch.
        work: a new folder.

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
    """The commits that an answer on this head can be of: itself, and what its records are on."""
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
    """The head must be what *Publish* made of the commit that was judged.

    Raises:
        GatehouseError: it has another change besides.
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
    """Mode and hash of each file of a commit, by its path; call it under `telling`.

    Raises:
        GatehouseError: there are more files than GitHub lists.
    """
    tree: GitTree = repository.get_git_tree(commit, recursive=True)
    if tree.raw_data.get("truncated"):
        raise GatehouseError("the repository has more files than GitHub lists; run Gates again")
    return {each.path: (each.mode, each.sha) for each in tree.tree if each.type != "tree"}
