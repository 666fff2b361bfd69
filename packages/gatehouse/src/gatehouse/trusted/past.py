"""Pairs of data and model that the default branch once recorded, so that `git revert` works.

Only commits count that the branch itself pointed to, that is, its first parents. The other parents
of a merge were never judged.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from gatehouse.base import LOCK
from gatehouse.errors import GatehouseError
from gatehouse.evidence import Subject
from gatehouse.git import commit_of, file_at, git
from gatehouse.objects.record import read_lock
from gatehouse.trusted.commits import fetch_past
from gatehouse.verdict import Verdict
from gatehouse.workspace import VERDICT

COMMITS = 300
"""Maximum number of records to search, newest first."""


def was_tip(commit: str, root: Path) -> bool:
    """Return whether the default branch itself once pointed to this commit.

    Args:
        commit: a full hash.
        root: the checkout of the default branch's tip; its history is fetched.

    Raises:
        GatehouseError: the history can't be fetched.
    """
    tip = commit_of("HEAD", root)
    if commit == tip:
        return True
    _bring_past(tip, root)
    return commit in git("rev-list", "--first-parent", tip, root=root).split()


def was_recorded(subject: Subject, root: Path) -> bool:
    """Return whether the default branch once recorded exactly these data and this model.

    The gates wrote their SHA-256 digests into the verdict of that commit.

    Args:
        subject: digests of the candidate.
        root: the checkout of the default branch's tip; its history is fetched.

    Raises:
        GatehouseError: the history can't be fetched.
    """
    wanted = subject.pair
    return None not in wanted and any(recorded.pair == wanted for recorded in _verdicts(root))


def _verdicts(root: Path) -> Iterator[Subject]:
    for commit in _commits(root, VERDICT):
        try:
            text = file_at(commit, VERDICT, root)
            if text is not None:
                yield Verdict.parse(text, VERDICT).candidate
        except GatehouseError:
            continue  # of an older schema


def recorded_lock(lock: str | None, root: Path) -> str | None:
    """Return the `dvc.lock` of the newest commit that recorded the same outputs, or None.

    Args:
        lock: text of an untrusted `dvc.lock`.
        root: the checkout of the default branch's tip; its history is fetched.

    Raises:
        GatehouseError: the history can't be fetched.
    """
    wanted = _outputs(lock)
    if not wanted:
        return None
    for commit in _commits(root, LOCK):
        text = file_at(commit, LOCK, root)
        if _outputs(text) == wanted:
            return text
    return None


def _outputs(lock: str | None) -> dict[str, str]:
    try:
        found = read_lock(lock, str(LOCK)) if lock else {}
    except GatehouseError:
        return {}
    return {
        path: output.recorded
        for path, output in found.items()
        if path.startswith(("data/", "models/"))
    }


def _commits(root: Path, path: Path) -> list[str]:
    """Return the commits of the default branch that changed a file, newest first."""
    tip = commit_of("HEAD", root)
    _bring_past(tip, root)
    return git(
        "log", "--first-parent", f"--max-count={COMMITS}", "--format=%H", tip, "--",
        path.as_posix(), root=root,
    ).split()  # fmt: skip


def _bring_past(tip: str, root: Path) -> None:
    if git("rev-parse", "--is-shallow-repository", root=root).strip() == "true":
        fetch_past(tip, root)
