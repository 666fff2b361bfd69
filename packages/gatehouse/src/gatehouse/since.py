"""The commit since which changes of the exam add up: an owner's last decision.

If each change were judged alone, many small changes could evade the limits. Touched exam rows and
new test rows are therefore counted from the rows of the last commit with an owner's decision on
them: one that recorded an acceptance of such a failure, or that changed policy or contract, which
have an owner. Without such a commit, they are counted from the first commit that records rows. Only
commits merged directly into the branch count (first parents): no owner needs to have seen the
commits behind a merge.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from gatehouse.acceptance.record import FOLDER, parse
from gatehouse.base import COUNTED, LOCK, Base, Counted, Outputs, find_base
from gatehouse.contract import CONTRACT_FILE
from gatehouse.errors import GatehouseError
from gatehouse.gates.rows import ROWS
from gatehouse.git import file_at, git
from gatehouse.policy import POLICY_FILE
from gatehouse.table import RAW

_OWNED = {POLICY_FILE.as_posix(), CONTRACT_FILE.as_posix()}


def since_last_word(base: Base, root: Path, bring: Callable[[Base], object]) -> Base:
    """Return the base, with the earlier rows from which each counted measurement counts.

    Args:
        base: the tip that a change would merge into.
        root: a checkout with the complete history of that tip.
        bring: fetches the data of an earlier commit. If it fails, the gate reports that.

    Raises:
        GatehouseError: Git fails.
    """
    outputs = base.record.outputs
    since: dict[Counted, Outputs] = {}
    if outputs is None:
        return base
    for measurement in COUNTED:
        commit = last_word(base.commit, measurement, root)
        found = None if commit is None else find_base(commit, root)
        if (
            found is None
            or found.record.outputs is None
            or _same_rows(found.record.outputs, outputs)
        ):
            continue
        since[measurement] = found.record.outputs
        try:
            bring(found)
        except GatehouseError as error:
            print(f"the rows of {found.commit[:12]}, from which {measurement} counts: {error}")
    return replace(base, record=base.record.model_copy(update={"since": since}))


def last_word(commit: str, measurement: str, root: Path) -> str | None:
    """Return the commit from whose rows a measurement counts, or None if none records rows.

    Args:
        commit: the newest.
        measurement: of the rows gate.
        root: a checkout with its history.
    """
    paths = (*_OWNED, FOLDER.as_posix())
    spoken = next(
        (c for c in _changing(commit, root, *paths) if _speaks(c, measurement, root)), None
    )
    if spoken is not None and file_at(spoken, LOCK, root) is not None:
        return spoken
    # Decisions made before there were rows do not count.
    span = commit if spoken is None else f"{spoken}..{commit}"
    records = _changing(span, root, LOCK.as_posix())
    return records[-1] if records else None


def _changing(span: str, root: Path, *paths: str) -> list[str]:
    """Return the first-parent commits that changed one of the paths, newest first."""
    return git("log", "--first-parent", "--format=%H", span, "--", *paths, root=root).split()


def _speaks(commit: str, measurement: str, root: Path) -> bool:
    """Return whether a commit contains an owner's decision on a measurement."""
    words = (
        "diff-tree",
        "--root",
        "-m",
        "--first-parent",
        "--no-commit-id",
        "--name-status",
        "-r",
        "-z",
    )
    listed = git(*words, commit, "--", *_OWNED, FOLDER.as_posix(), root=root).split("\0")
    changed = dict(zip(listed[1::2], listed[::2], strict=False))
    if _OWNED & set(changed):
        return True
    return any(
        state == "A" and _accepts(commit, Path(path), measurement, root)
        for path, state in changed.items()
    )


def _accepts(commit: str, path: Path, measurement: str, root: Path) -> bool:
    try:
        accepted = parse((file_at(commit, path, root) or "").encode(), path)
    except GatehouseError:
        return False
    rules = [entry.rule for entry in accepted.scope.rules.values()]
    return any(rule.gate == ROWS.name and rule.measurement == measurement for rule in rules)


def _same_rows(one: Outputs, other: Outputs) -> bool:
    return one.outs[RAW.as_posix()] == other.outs[RAW.as_posix()]
