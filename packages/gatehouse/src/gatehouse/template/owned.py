"""What a merge does not decide line by line: files of the fork's own, locks, pins.

`.github/ownership.txt` says whose a file is; the lists here say how some files are merged.
Git merges the rest. For each such path the result is put into both of the trees that git is to
merge, old and new, so that git itself finds nothing to do there, or a clean change.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path

from gatehouse.errors import GatehouseError
from gatehouse.git import git
from gatehouse.ownership import OWNERSHIP_FILE, Kind
from gatehouse.places import SOURCE
from gatehouse.template.border import border_of, settle_codeowners
from gatehouse.template.keys import changed_keys, merge_settings, merge_texts
from gatehouse.template.placeholders import filler
from gatehouse.template.trees import Entry, Tree, read_tree, text_of, with_text

WHOLE = ("contract.yaml", "model_card.yaml")
"""What says what our rows and our model are: ours or the template's, never a mixture."""
SETTINGS = ("params.yaml", "policy.yaml")
"""Merged key by key."""
LOCKS = ("requirements/*.txt", f"{SOURCE}/tests/workflows/tools/*.json")
"""Resolved as a whole, so a mixture is none: the template's, then `make lock`."""
PROSE = ("CONTRIBUTING.md", "SECURITY.md", "LICENSE", ".dvc/config")
"""Merged where that is clean, else ours, as is every free file that is no code."""
_CODE, _RECORD = ".py", ".dvc"

_PIN = re.compile(r"@[0-9a-f]{40}( *# *v?[\w.]+)?")


@dataclass
class Prepared:
    """Trees of the old and the new version as git is to merge them into ours.

    Attributes:
        old: of the version we are on, but with ours where the result is settled already.
        new: of the new version, with the results.
        notes: what was settled otherwise than by git, a line each.
        locks: were locks of ours replaced, so that `make lock` is next?
    """

    old: Tree
    new: Tree
    notes: list[str] = field(default_factory=list)
    locks: bool = False


def prepare(head: str, old: str, new: str, root: Path) -> Prepared:
    """Settle in the trees of two versions what git is not to merge into `head` line by line."""
    mine = read_tree(head, root)
    done = Prepared(read_tree(old, root), read_tree(new, root))
    border = border_of((mine, done.new), root)
    _fill(done, mine, root)
    _leave_deleted(done, mine, old, head, new, root)
    settle_codeowners(done.old, mine, done.new, done.notes, root)
    for path in sorted({*done.old, *done.new}):
        was, here, there = done.old.get(path), mine.get(path), done.new.get(path)
        if was == there or here is None or here in (was, there):
            continue  # one side changed it, or both alike
        if not all(entry is None or entry.plain for entry in (was, here, there)):
            continue
        result = _settled(path, border.kind_of(path), was, here, there, done, root)
        if result is not None:
            done.old[path], done.new[path] = here, result
    return done


def _settled(
    path: str,
    kind: Kind,
    was: Entry | None,
    here: Entry,
    there: Entry | None,
    done: Prepared,
    root: Path,
) -> Entry | None:
    """The file as it shall be; None leaves it to git."""
    if kind is Kind.GENERATED or path.endswith(_RECORD):
        return here
    own_code = path.endswith(_CODE) and kind is not Kind.MACHINERY
    if there is None:
        if path in (*WHOLE, *SETTINGS) or own_code:
            done.notes.append(f"{path}: yours stays; the template has it no more")
            return here
        return None
    if _like(path, LOCKS):
        done.locks = True
        done.notes.append(f"{path}: the template's; `make lock` brings in what yours needs")
        return there
    texts = [text_of(entry, root) if entry else "" for entry in (was, here, there)]
    if texts[0] is None or texts[1] is None or texts[2] is None:
        return None
    before, ours, theirs = texts[0], texts[1], texts[2]
    try:
        if path in WHOLE:
            keys = ", ".join(changed_keys(before, theirs, path)[:8])
            done.notes.append(f"{path}: yours stays; the template changed {keys or 'its words'}")
            return here
        if path in SETTINGS:
            merged = merge_settings(before, ours, theirs, path)
            done.notes += merged.notes
            return with_text(here, merged.text, root)
    except GatehouseError as error:
        done.notes.append(f"{path}: yours stays; no merge of its keys ({error})")
        return here
    clean = merge_texts(before, ours, theirs)
    if clean is not None:
        return None
    if _PIN.sub("", before) == _PIN.sub("", ours):
        done.notes.append(f"{path}: the template's; yours had only other pins")
        return there
    written_anew = kind is not Kind.MACHINERY and was and _written_anew(was, here, root)
    words = _like(path, PROSE) or (kind is Kind.FREE and not path.endswith(_CODE))
    if words or written_anew:
        why = "rewritten by you" if written_anew else "both changed it"
        done.notes.append(f"{path}: yours stays ({why}); look at what the template changed")
        return here
    return None


def _fill(done: Prepared, mine: Tree, root: Path) -> None:
    fill = filler(mine, root)
    for tree in (done.old, done.new):
        for path, entry in tree.items():
            if entry.plain and path.startswith(("deploy/", OWNERSHIP_FILE.as_posix())):
                text = text_of(entry, root)
                if text is not None and (filled := fill(path, text)) != text:
                    tree[path] = with_text(entry, filled, root)


def _leave_deleted(done: Prepared, mine: Tree, old: str, head: str, new: str, root: Path) -> None:
    """What we deleted stays deleted, also under a new name, and so do folders."""
    gone = [path for kind, path, _ in _changes(old, head, root) if kind == "D"]
    moved = {path: target for kind, path, target in _changes(old, new, root) if kind == "R"}
    left = []
    for path in gone:
        was, there = done.old.pop(path), done.new.pop(path, None)
        target = done.new.pop(moved[path], None) if path in moved else None
        if (there and there != was) or target:
            left.append(path)
    folders = {parent.as_posix() for path in mine for parent in Path(path).parents}
    emptied = {Path(path).parent.as_posix() for path in gone} - folders
    for path in sorted(set(done.new) - set(done.old) - set(mine)):
        if Path(path).parent.as_posix() in emptied:
            del done.new[path]
            left.append(path)
    # The source of a library that is here as a wheel was not deleted by people.
    left = [path for path in left if SOURCE in folders or not path.startswith(f"{SOURCE}/")]
    if left:
        done.notes.append(f"stays deleted, though the template changed it: {', '.join(left)}")


def _changes(one: str, other: str, root: Path) -> list[tuple[str, str, str]]:
    """What changed between two commits: D, R and so on, the path, and where it was moved to."""
    told = git("diff-tree", "-r", "-z", "-M", "--name-status", one, other, root=root).split("\0")
    found, at = [], 0
    while at < len(told) - 1:
        kind = told[at][0]
        moved = kind in "RC"
        found.append((kind, told[at + 1], told[at + 2] if moved else ""))
        at += 3 if moved else 2
    return found


def _written_anew(was: Entry, here: Entry, root: Path) -> bool:
    """Do less than half of the old lines still stand?"""
    if was.blob == here.blob:
        return False
    _, deleted, *_ = git("diff", "--numstat", was.blob, here.blob, root=root).split("\t")
    lines = len((text_of(was, root) or "").splitlines())
    return deleted.isdigit() and 2 * int(deleted) > lines


def _like(path: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatchcase(path, pattern) for pattern in patterns)
