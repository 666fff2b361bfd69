"""Fetches the sealed exam for the gates, and finds out what it was asked before.

The number of questions and the best answer are in the accuracy evidence that the base's branch
recorded. A change can therefore not reset them, and neither can a revert: the largest ones of all
records of this exam count.
"""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from gatehouse.base import Base
from gatehouse.digest import file_digest
from gatehouse.errors import GatehouseError
from gatehouse.evidence import Asked, Evidence
from gatehouse.git import file_at, git
from gatehouse.released import ACCURACY_EVIDENCE, COMMITS
from gatehouse.remote import download, shown

VARIABLE = "GATEHOUSE_SEALED"
"""The environment variable with the path or URL of the sealed rows."""
SEALED_FILE = Path(".gatehouse/sealed.parquet")
"""Where the gates find these rows, in the candidate's folder."""


def with_sealed(base: Base, root: Path, folder: Path) -> Base:
    """Fetch the sealed rows into `folder`; return the base with what they were asked before.

    Args:
        base: the tip that a change would merge into.
        root: a checkout with the history of that tip.
        folder: the candidate's.

    Raises:
        GatehouseError: the rows can't be fetched, or are others than the policy names.
    """
    sealed = base.record.sealed
    if sealed is None:
        return base
    source, path = os.environ.get(VARIABLE), folder / SEALED_FILE
    if not source:
        raise GatehouseError(
            f"{VARIABLE} is not set, and policy.yaml names sealed rows: set it to their path or "
            "URL (on GitHub the secret SEALED_EXAM of the environment gates)"
        )
    name = shown(source)
    path.parent.mkdir(parents=True, exist_ok=True)
    download(source, name, path)
    if (found := file_digest(path)) != sealed.digest:
        path.unlink()
        raise GatehouseError(f"{name}: is {found}, and policy.yaml names {sealed.digest}")
    asked = asked_before(base.commit, sealed.digest, root)
    return replace(base, record=base.record.model_copy(update={"asked": asked}))


def asked_before(commit: str, exam: str, root: Path) -> Asked | None:
    """Return what the records of a branch say was asked of an exam, or None if nothing was.

    Args:
        commit: the tip of the branch.
        exam: digest of the sealed rows.
        root: a checkout with its history.

    Raises:
        GatehouseError: Git fails.
    """
    words = ("log", "--first-parent", f"--max-count={COMMITS}", "--format=%H", commit, "--")
    newest: Asked | None = None
    for each in git(*words, ACCURACY_EVIDENCE.as_posix(), root=root).split():
        try:
            text = file_at(each, ACCURACY_EVIDENCE, root)
            found = None if text is None else Evidence.parse(text, ACCURACY_EVIDENCE).asked
        except GatehouseError:
            continue  # of an older schema
        if found is None or found.exam != exam:
            continue
        newest = newest or found
        most = {key: max(getattr(newest, key), getattr(found, key)) for key in ("asked", "answer")}
        newest = newest.model_copy(update=most)
    return newest
