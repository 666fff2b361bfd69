"""What forbids a merge besides the verdict: files without an owner, odd files, forged records."""

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
    """The changed files that belong to code owners, and why no owner can be asked for them.

    Args:
        found: lists the files that the change touches.
        base: whose CODEOWNERS and ownership.txt count.
        root: the trusted checkout.
    """
    # GitHub reads CODEOWNERS, so it says what is owned; what should be is another file's to say.
    text = file_at(base.commit, OWNERS_FILE, root)
    border = file_at(base.commit, OWNERSHIP_FILE, root)
    owned = guarded(text or "", found.changed)
    exposed = owned or must_be_guarded(border, found.changed) or not found.whole
    wrong = problem(text, border)
    if not found.whole:
        wrong = "it changes more files than GitHub lists; split it"
    return owned, [wrong] if wrong and exposed else []


def odd_files(base: Base, head: str, root: Path) -> list[str]:
    """Why files of the change may not be where nobody approves them.

    Args:
        base: whose ownership.txt counts.
        head: the commit of the change.
        root: a checkout that has both.
    """
    try:
        border = parse_ownership(file_at(base.commit, OWNERSHIP_FILE, root) or "")
    except GatehouseError:
        return []  # nothing is free then
    return plain_file_problems(base.commit, head, border, root)


def unrecorded_results(
    candidate: Workspace, base: Base, found: Fetched, kept: Mapping[str, str], root: Path
) -> tuple[list[str], list[str]]:
    """What a record of ours will fix in a stranger's commit, and what nothing fixes.

    What is merged must be what was judged, and what main once recorded is believed later.

    Args:
        candidate: with its evidence.
        base: what it would merge into.
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
    verdict = recording.forged_verdict(candidate, found.head, base, root)
    return wanting, [verdict] if verdict else []
