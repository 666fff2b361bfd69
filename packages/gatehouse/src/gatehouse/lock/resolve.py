"""`gatehouse lock resolve`: resolves merge conflicts in `dvc.lock` and in generated reports."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from gatehouse.git import git
from gatehouse.lock.merge import Merged, merge_locks
from gatehouse.typed import write_text

LOCK = "dvc.lock"
GENERATED = "generated-report"
"""The attribute in `.gitattributes` for reports that a run writes again."""

_ANCESTOR, _OURS, _THEIRS = "1", "2", "3"


@dataclass(frozen=True)
class Resolution:
    """The result, with paths relative to the repository's folder.

    Attributes:
        lock: the merged lock file; None if it had no conflict.
        reports: generated files for which our version was kept.
        left: conflicts that people must resolve.
        rebasing: is a rebase in progress (instead of a merge)?
    """

    lock: Merged | None
    reports: tuple[str, ...]
    left: tuple[str, ...]
    rebasing: bool


def resolve(root: Path = Path()) -> Resolution:
    """Resolve all supported conflicts and stage the results; other conflicts stay unchanged.

    Raises:
        GatehouseError: this is not a repository, or a side's `dvc.lock` is unreadable; nothing is
            changed then.
    """
    conflicts = _conflicts(root)
    generated = _generated(conflicts, root)
    merged = None
    if LOCK in conflicts:
        merged = merge_locks(*(_side(conflicts[LOCK], side, root)
                               for side in (_ANCESTOR, _OURS, _THEIRS)))  # fmt: skip
        write_text(root / LOCK, merged.text)
        git("add", "--", LOCK, root=root)
    for path in generated:
        if _OURS in conflicts[path]:
            git("checkout", "--ours", "--", path, root=root)
            git("add", "--", path, root=root)
        else:
            git("rm", "--quiet", "--", path, root=root)
    left = sorted(set(conflicts) - set(generated) - {LOCK})
    return Resolution(merged, tuple(generated), tuple(left), _rebasing(root))


def _conflicts(root: Path) -> dict[str, dict[str, str]]:
    """Return the blob of each side in the index, by path and stage number."""
    found: dict[str, dict[str, str]] = {}
    for entry in git("ls-files", "--unmerged", "-z", root=root).split("\0")[:-1]:
        about, path = entry.split("\t", 1)
        _, blob, stage = about.split()
        found.setdefault(path, {})[stage] = blob
    return found


def _generated(paths: Iterable[str], root: Path) -> list[str]:
    named = list(paths)
    if not named:
        return []
    attributes = git("check-attr", "-z", GENERATED, "--", *named, root=root).split("\0")[:-1]
    return sorted(
        path
        for path, value in zip(attributes[::3], attributes[2::3], strict=True)
        if value == "set"
    )


def _side(blobs: dict[str, str], side: str, root: Path) -> str | None:
    return git("cat-file", "blob", blobs[side], root=root) if side in blobs else None


def _rebasing(root: Path) -> bool:
    folders = ("rebase-merge", "rebase-apply")
    return any(
        (root / git("rev-parse", "--git-path", folder, root=root).strip()).exists()
        for folder in folders
    )


def explain(done: Resolution) -> list[str]:
    """Return lines that say what was done and what to do next."""
    lines = []
    if done.lock is not None:
        lines.append(explain_merge(done.lock))
    lines += [f"{path}: kept ours; `make run` writes it again" for path in done.reports]
    if done.left:
        lines.append("left for you: " + ", ".join(done.left))
    goes_on = "git rebase --continue" if done.rebasing else "git commit"
    if done.lock is None and not done.reports:
        lines.append("neither dvc.lock nor a generated report is in conflict: nothing to resolve")
    elif done.left:
        lines.append(f"next: resolve and `git add` those, then `{goes_on}` and `make run`")
    elif done.rebasing:
        lines.append(f"next: `{goes_on}`; at its end `make run`, and commit what it writes")
    else:
        lines.append(
            f"next: `make run`, `git add dvc.lock reports`, `{goes_on}` "
            "(or commit and push: the pull request's pipeline runs what is missing)"
        )
    return lines


def explain_merge(merged: Merged) -> str:
    """Return one line that names the stages that run again."""
    if not merged.left_out:
        return f"{LOCK}: merged; every stage was taken from one side"
    return f"{LOCK}: merged; changed on both sides, so `make run` runs them again: " + ", ".join(
        merged.left_out
    )
