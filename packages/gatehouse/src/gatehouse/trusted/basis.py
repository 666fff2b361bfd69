"""The base of a candidate: the commit's policy, contract, data and model."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

from gatehouse.base import TAKEN, Base, find_base, folder_of
from gatehouse.contract import CONTRACT_FILE
from gatehouse.errors import GatehouseError
from gatehouse.trusted.commits import fetch
from gatehouse.trusted.merge_target import MergeTarget


def base_of(target: MergeTarget, root: Path) -> Base:
    """Return the commit that the target would merge into: the tip of its base branch.

    Raises:
        GatehouseError: there is no such commit, its files are unreadable, or an entry of the merge
            queue is based on another entry, whose policy, data and model are on no branch yet.
    """
    commit = fetch(f"refs/heads/{target.base_branch}", root)
    if target.base not in (None, commit):
        raise GatehouseError(
            f"the merge queue put this change on {target.base[:12]}, which is not the tip of "
            f"{target.base_branch}; set the queue's 'Maximum pull requests to build' to 1 "
            "(`gatehouse github settings OWNER/NAME --merge-queue` does), and queue it again"
        )
    return base_at(commit, target, root)


def base_at(commit: str, target: MergeTarget, root: Path) -> Base:
    """Return the base at `commit`, which is in the checkout, named after the target's branch.

    Raises:
        GatehouseError: its files are unreadable.
    """
    return replace(find_base(commit, root), ref=target.base_branch)


def hand_over(base: Base, root: Path, folder: Path) -> None:
    """Copy the base from `root` into `folder`, where the candidate is measured against it."""
    if base.record.outputs is None:
        return
    past = [*base.record.since.values(), *filter(None, [base.record.released])]
    earlier = {folder_of(outputs) for outputs in past}
    for place in {base.record.folder, *filter(lambda each: (root / each).is_dir(), earlier)}:
        for path in (*TAKEN, CONTRACT_FILE):
            source, target = root / place / path, folder / place / path
            target.parent.mkdir(parents=True, exist_ok=True)
            copy = shutil.copytree if source.is_dir() else shutil.copyfile
            copy(source, target)
