"""The owner of each path in an update, and CODEOWNERS made from the merged ownership.txt."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from gatehouse.codeowners import OWNERS_FILE
from gatehouse.errors import GatehouseError
from gatehouse.ownership import OWNERSHIP_FILE, Ownership, parse
from gatehouse.template.git_trees import Entry, Tree, text_of, with_text
from gatehouse.template.merge_keys import merge_texts

_BORDER, _OWNERS = OWNERSHIP_FILE.as_posix(), OWNERS_FILE.as_posix()


def border_of(trees: Iterable[Tree], root: Path) -> Ownership:
    """Return the ownership in the first tree that has an ownership.txt.

    Raises:
        GatehouseError: none has one, or it can't be read.
    """
    for tree in trees:
        if _BORDER in tree:
            return parse(text_of(tree[_BORDER], root) or "")
    raise GatehouseError(
        f"{OWNERSHIP_FILE}: is in neither version, so nothing says what is yours; take it from "
        "Git's history, or name a newer version with --to"
    )


def settle_codeowners(old: Tree, mine: Tree, new: Tree, notes: list[str], root: Path) -> None:
    """Generate CODEOWNERS from the merged ownership.txt instead of merging CODEOWNERS.

    Args:
        old: of our current version, with our owners; changed in place.
        mine: ours.
        new: of the new version, with our owners; changed in place.
        notes: gets a line if a person has to act.
        root: the repository.
    """
    if _BORDER not in new or _OWNERS not in mine:
        return
    here = mine[_OWNERS]
    old[_OWNERS] = new[_OWNERS] = here
    try:
        made = parse(_merged(old, mine, new, root)).codeowners()
    except GatehouseError as error:
        notes.append(
            f"{_OWNERS}: yours stays ({error}); fix {_BORDER}, then run `gatehouse github owners`"
        )
        return
    if made != text_of(here, root):
        new[_OWNERS] = with_text(here, made, root)


def _merged(old: Tree, mine: Tree, new: Tree, root: Path) -> str:
    before, ours, theirs = (_text(tree.get(_BORDER), root) for tree in (old, mine, new))
    if not ours or ours == before:
        return theirs
    merged = ours if theirs in (ours, before) else merge_texts(before, ours, theirs)
    if merged is None:
        raise GatehouseError(f"both changed {_BORDER}")
    return merged


def _text(entry: Entry | None, root: Path) -> str:
    return (text_of(entry, root) if entry else "") or ""
