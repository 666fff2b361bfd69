"""The base of a candidate: the commit's policy, contract, data and model."""

from __future__ import annotations

import contextlib
import shutil
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from gatehouse.base import STORE, TAKEN, Base, checked_base, find_base, folder_of, take_base
from gatehouse.contract import CONTRACT_FILE
from gatehouse.digest import raw_digest
from gatehouse.errors import GatehouseError
from gatehouse.git import file_at
from gatehouse.github.fetch import fetch, fetch_past
from gatehouse.github.kept import bring_kept
from gatehouse.github.target import Target
from gatehouse.since import since_last_word
from gatehouse.table import RAW
from gatehouse.typed import write_text

if TYPE_CHECKING:
    from github.Repository import Repository


def base_of(target: Target, root: Path) -> Base:
    """The commit that the target would merge into: the tip of its base branch.

    Raises:
        GatehouseError: there is no such commit, its files are unreadable, or an entry of the merge
            queue is on another entry, whose policy, data and model no branch has yet.
    """
    commit = fetch(f"refs/heads/{target.base_branch}", root)
    if target.base not in (None, commit):
        raise GatehouseError(
            f"the merge queue put this change on {target.base[:12]}, which is not the tip of "
            f"{target.base_branch}; set the queue's 'Maximum pull requests to build' to 1 "
            "(`gatehouse github settings OWNER/NAME --merge-queue` does), and queue it again"
        )
    return base_at(commit, target, root)


def base_at(commit: str, target: Target, root: Path) -> Base:
    """The base at `commit`, which is in the checkout, by the name of the target's branch.

    Raises:
        GatehouseError: its files are unreadable.
    """
    return replace(find_base(commit, root), ref=target.base_branch)


def bring_base(base: Base, repository: Repository, root: Path, limit: int) -> None:
    """Bring the base's data and model into the checkout at `root`.

    From DVC's cache or remote. Where neither has them, from the archive of the run that made them,
    which GitHub keeps for a while: whoever made it, each byte is checked against the base's lock.

    Raises:
        GatehouseError: they are in none of these.
    """
    try:
        take_base(base, root, limit)
    except GatehouseError as error:
        if not _bring_kept(base, repository, root, limit):
            raise GatehouseError(
                f"{error}; nor has a run of the workflow that made them an archive left"
            ) from None


def _bring_kept(base: Base, repository: Repository, root: Path, limit: int) -> bool:
    outputs = base.record.outputs
    contract = file_at(base.commit, CONTRACT_FILE, root)
    assert outputs is not None and contract is not None, "without these there is nothing to take"

    def check(folder: Path) -> None:
        write_text(folder / CONTRACT_FILE, contract)
        checked_base(folder, outputs)

    (root / STORE).mkdir(parents=True, exist_ok=True)
    key, folder = base.record.folder.name, root / base.record.folder
    return bring_kept(repository, key, folder, limit, check)


def counted_since(
    base: Base, candidate: Path, repository: Repository, root: Path, limit: int
) -> Base:
    """The base, with the earlier rows from which touched and new exam rows count.

    A candidate with the base's own raw rows touches none, so that nothing is fetched for it.

    Raises:
        GatehouseError: Git fails.
    """
    if base.record.outputs is None:
        return base
    with contextlib.suppress(GatehouseError):
        if raw_digest(candidate / RAW) == raw_digest(root / base.record.folder / RAW):
            return base
    fetch_past(f"refs/heads/{base.ref}", root)
    return since_last_word(base, root, lambda each: bring_base(each, repository, root, limit))


def hand_over(base: Base, root: Path, folder: Path) -> None:
    """Let the candidate in `folder` be measured against the base that is in `root`."""
    if base.record.outputs is None:
        return
    earlier = {folder_of(outputs) for outputs in base.record.since.values()}
    for place in {base.record.folder, *filter(lambda each: (root / each).is_dir(), earlier)}:
        for path in (*TAKEN, CONTRACT_FILE):
            source, target = root / place / path, folder / place / path
            target.parent.mkdir(parents=True, exist_ok=True)
            copy = shutil.copytree if source.is_dir() else shutil.copyfile
            copy(source, target)
