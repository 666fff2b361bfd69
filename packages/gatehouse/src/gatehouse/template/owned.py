"""Files that are not merged line by line: the fork's own files, locks, pins.

`.github/ownership.txt` says whose a file is; the lists here say how some files are merged. Git
merges the rest. For each path listed here, the result is put into both trees that git merges, old
and new, so that git finds no change there, or a clean one.
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
from gatehouse.template.git_trees import Entry, Tree, read_tree, text_of, with_text
from gatehouse.template.merge_keys import changed_keys, merge_settings, merge_texts
from gatehouse.template.placeholders import filler

WHOLE = ("contract.yaml", "model_card.yaml")
"""Files that describe our rows and our model: either ours or the template's, never mixed."""
SETTINGS = ("params.yaml", "policy.yaml")
"""Files that are merged key by key."""
LOCKS = ("requirements/*.txt", f"{SOURCE}/tests/workflows/tools/*.json")
"""Files that are resolved as a whole and must not be mixed: take the template's, then run `make
lock`."""
PROSE = ("CONTRIBUTING.md", "SECURITY.md", "LICENSE", ".dvc/config")
"""Files merged if there are no conflicts, else ours; so is every free file without code."""
_CODE, _RECORD = ".py", ".dvc"

_PIN = re.compile(r"@[0-9a-f]{40}( *# *v?[\w.]+)?")


@dataclass
class Prepared:
    """Trees of the old and the new version, prepared for git to merge into ours.

    Attributes:
        old: of our current version, but with our files where the result is already settled.
        new: of the new version, with the results.
        notes: decisions made without git, one per line.
        locks: whether locks of ours were replaced, so that `make lock` must run next.
    """

    old: Tree
    new: Tree
    notes: list[str] = field(default_factory=list)
    locks: bool = False


def prepare(head: str, old: str, new: str, root: Path) -> Prepared:
    """Settle, in the trees of two versions, what git must not merge into `head` line by line."""
    mine = read_tree(head, root)
    done = Prepared(read_tree(old, root), read_tree(new, root))
    border = border_of((mine, done.new), root)
    _fill(done, mine, root)
    _leave_deleted(done, mine, old, head, new, root)
    settle_codeowners(done.old, mine, done.new, done.notes, root)
    for path in sorted({*done.old, *done.new}):
        was, here, there = done.old.get(path), mine.get(path), done.new.get(path)
        if was == there or here is None or here in (was, there):
            continue  # changed on one side only, or equally on both
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
    """Return the final file, or None to leave it to git."""
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
    """Keep files and folders deleted that we deleted, even if they were renamed."""
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
    # If the library is here as a wheel, its source was not deleted by a person.
    left = [path for path in left if SOURCE in folders or not path.startswith(f"{SOURCE}/")]
    if left:
        done.notes.append(f"stays deleted, though the template changed it: {', '.join(left)}")


def _changes(one: str, other: str, root: Path) -> list[tuple[str, str, str]]:
    """Return changes between two commits: D, R and so on, the path, and its new path if moved."""
    fields = git("diff-tree", "-r", "-z", "-M", "--name-status", one, other, root=root).split("\0")
    found, at = [], 0
    while at < len(fields) - 1:
        kind = fields[at][0]
        moved = kind in "RC"
        found.append((kind, fields[at + 1], fields[at + 2] if moved else ""))
        at += 3 if moved else 2
    return found


def _written_anew(was: Entry, here: Entry, root: Path) -> bool:
    """Return whether less than half of the old lines are still there."""
    if was.blob == here.blob:
        return False
    _, deleted, *_ = git("diff", "--numstat", was.blob, here.blob, root=root).split("\t")
    lines = len((text_of(was, root) or "").splitlines())
    return deleted.isdigit() and 2 * int(deleted) > lines


def _like(path: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatchcase(path, pattern) for pattern in patterns)
