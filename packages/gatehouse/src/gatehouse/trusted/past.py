"""Pairs of data and model that the default branch once recorded, so that `git revert` works.

Only commits count that the branch itself pointed to: its first parents. What a merge brought next
to them, nobody judged.
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
"""Records that are looked through, the newest first."""


def was_tip(commit: str, root: Path) -> bool:
    """Did the default branch itself once point to this commit?

    Args:
        commit: a whole hash.
        root: the checkout of the default branch's tip; its past is fetched.

    Raises:
        GatehouseError: the past can't be fetched.
    """
    tip = commit_of("HEAD", root)
    if commit == tip:
        return True
    _bring_past(tip, root)
    return commit in git("rev-list", "--first-parent", tip, root=root).split()


def was_recorded(subject: Subject, root: Path) -> bool:
    """Did the default branch once record exactly these data and this model?

    The gates wrote their SHA-256 digests into the verdict of that commit.

    Args:
        subject: of the candidate.
        root: the checkout of the default branch's tip; its past is fetched.

    Raises:
        GatehouseError: the past can't be fetched.
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
    """The `dvc.lock` of the newest commit that recorded the outputs of this one; None: none did.

    Args:
        lock: text of a `dvc.lock` that nobody vouches for.
        root: the checkout of the default branch's tip; its past is fetched.

    Raises:
        GatehouseError: the past can't be fetched.
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
    """The commits of the default branch that changed a file, the newest first."""
    tip = commit_of("HEAD", root)
    _bring_past(tip, root)
    return git(
        "log", "--first-parent", f"--max-count={COMMITS}", "--format=%H", tip, "--",
        path.as_posix(), root=root,
    ).split()  # fmt: skip


def _bring_past(tip: str, root: Path) -> None:
    if git("rev-parse", "--is-shallow-repository", root=root).strip() == "true":
        fetch_past(tip, root)
