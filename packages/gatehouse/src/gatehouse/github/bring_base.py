"""Bring the base's data and model into the checkout, from a remote or an earlier run."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from gatehouse.base import STORE, Base, checked_base, take_base
from gatehouse.contract import CONTRACT_FILE
from gatehouse.digest import file_digest, raw_digest
from gatehouse.errors import GatehouseError
from gatehouse.git import file_at
from gatehouse.github.kept import bring_kept
from gatehouse.released import released_before
from gatehouse.since import since_last_word
from gatehouse.table import RAW
from gatehouse.trusted.commits import fetch_past
from gatehouse.typed import write_text
from gatehouse.workspace import MODEL

if TYPE_CHECKING:
    from github.Repository import Repository


def bring_base(base: Base, repository: Repository, root: Path, limit: int) -> None:
    """Bring the base's data and model into the checkout at `root`.

    They come from DVC's cache or remote or, if neither has them, from the archive of the run that
    made them, which GitHub keeps for a while. Each byte of the archive is checked against the
    base's lock, so it does not matter who made it.

    Raises:
        GatehouseError: they are in none of these places.
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
    """Return the base, with its branch's past: earlier rows, and the best released model.

    A candidate with the base's own raw rows touches none, so no rows are fetched for it. Nor is
    there anything to measure against an earlier model for the base's own.

    Raises:
        GatehouseError: Git fails.
    """
    if base.record.outputs is None:
        return base
    here = root / base.record.folder

    def bring(each: Base) -> None:
        bring_base(each, repository, root, limit)

    def same(digest: Callable[[Path], str], path: Path) -> bool:
        with contextlib.suppress(GatehouseError):
            return digest(candidate / path) == digest(here / path)
        return False

    fetch_past(f"refs/heads/{base.ref}", root)
    if not same(raw_digest, RAW):
        base = since_last_word(base, root, bring)
    return base if same(file_digest, MODEL) else released_before(base, root, bring)
