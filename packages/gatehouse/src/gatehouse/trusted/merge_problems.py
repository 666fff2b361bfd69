"""Reasons besides the verdict against a merge: ownerless files, odd files, forged records."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from gatehouse.base import Base
from gatehouse.codeowners import OWNERS_FILE, guarded, must_be_guarded, problem
from gatehouse.errors import GatehouseError
from gatehouse.git import file_at
from gatehouse.ownership import OWNERSHIP_FILE
from gatehouse.ownership import parse as parse_ownership
from gatehouse.trusted import recording
from gatehouse.trusted.handover import Fetched
from gatehouse.trusted.plain_files import plain_file_problems
from gatehouse.workspace import Workspace


def owned_files(
    found: Fetched, base: Base, root: Path
) -> tuple[dict[str, tuple[str, ...]], list[str]]:
    """Return the changed files that belong to code owners, and problems in finding owners.

    Args:
        found: lists the files that the change touches.
        base: its CODEOWNERS and ownership.txt apply.
        root: the trusted checkout.
    """
    # GitHub reads CODEOWNERS, so it defines the owners. ownership.txt defines what must be owned.
    text = file_at(base.commit, OWNERS_FILE, root)
    border = file_at(base.commit, OWNERSHIP_FILE, root)
    owned = guarded(text or "", found.changed)
    exposed = owned or must_be_guarded(border, found.changed) or not found.whole
    wrong = problem(text, border)
    if not found.whole:
        wrong = "it changes more files than GitHub lists; split it"
    return owned, [wrong] if wrong and exposed else []


def odd_files(base: Base, head: str, root: Path) -> list[str]:
    """Return why files of the change may not be in places where nobody approves them.

    Args:
        base: its ownership.txt applies.
        head: the commit of the change.
        root: a checkout that has both.
    """
    try:
        border = parse_ownership(file_at(base.commit, OWNERSHIP_FILE, root) or "")
    except GatehouseError:
        return []  # then all files need approval
    return plain_file_problems(base.commit, head, border, root)


def unrecorded_results(
    candidate: Workspace, base: Base, found: Fetched, kept: Mapping[str, str], root: Path
) -> tuple[list[str], list[str]]:
    """Return problems of an untrusted commit: those that our own record will fix, and the others.

    The merged state must be the judged state, because records on main are trusted later.

    Args:
        candidate: the candidate with its evidence.
        base: the commit that it would merge into.
        found: names the commit and the archive.
        kept: SHA-256 of the candidate's data and models, by path.
        root: the trusted checkout.

    Raises:
        GatehouseError: the commit's lock is unreadable.
    """
    wanting = []
    if recording.recorded_outputs(found.head, root) != recording.own_outputs(candidate):
        wanting.append(
            "its dvc.lock does not record the data and model that were judged; once all else "
            "passes, the change goes on with its record on a branch of this repository. Or "
            f"commit the dvc.lock that is in the artifact {found.archive} of the run"
        )
    if digests := recording.forged_digests(candidate, found.head, kept, root):
        wanting.append(digests)
    if evidence := recording.forged_evidence(candidate, found.head, base, root):
        wanting.append(evidence)
    verdict = recording.forged_verdict(candidate, found.head, base, root)
    return wanting, [verdict] if verdict else []
