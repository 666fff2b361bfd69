"""CODEOWNERS: which owners must approve a change to which file, by GitHub's rules.

Source of the rules: GitHub's page "About code owners". Patterns are gitignore's (by `pathspec`),
except that `!`, `[ ]` and a leading `\\#` do not work, and that `docs/*` matches only the files
directly in that folder. The last pattern that matches a path counts; if it names no owners, the
path has none. GitHub skips lines that it cannot read, and files of 3 MB or more.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from gatehouse.errors import GatehouseError
from gatehouse.git import file_at, git
from gatehouse.ownership import (
    OWNER,
    OWNERSHIP_FILE,
    PLACEHOLDER,
    Ownership,
    with_owners,
)
from gatehouse.ownership import parse as parse_ownership
from gatehouse.typed import read_text, write_text

if TYPE_CHECKING:
    from pathspec import PathSpec
    from pathspec.pattern import Pattern

OWNERS_FILE = Path(".github/CODEOWNERS")
MAX_BYTES = 3_000_000
_MAKE = "run `gatehouse github owners`, which makes it again"

_WORD = re.compile(r"(?:\\.|\S)+")
# Stands for the last part of a path. Git allows no file of this name.
_ANY_NAME = "\0"


@dataclass(frozen=True)
class Rule:
    """One line: a pattern and its owners, if any.

    Attributes:
        line: counted from 1.
        pattern: as written.
        owners: as written, with their @.
        fault: why GitHub skips the line, or None if it doesn't.
    """

    line: int
    pattern: str
    owners: tuple[str, ...]
    fault: str | None

    def matches(self, path: str) -> bool:
        """Return whether the pattern matches `path` (repository-relative, with slashes)."""
        if self.pattern.endswith("/*"):
            folder, slash, _ = path.rpartition("/")
            path = f"{folder}{slash}{_ANY_NAME}"
        return _compiled(self.pattern).match_file(path)


def _compiled(pattern: str) -> PathSpec[Pattern]:
    from pathspec import PathSpec

    # gitignore's docs/* also matches docs/deep/file, GitHub's does not.
    pattern = pattern[:-1] + _ANY_NAME if pattern.endswith("/*") else pattern
    return PathSpec.from_lines("gitignore", [pattern])


def parse(text: str) -> tuple[Rule, ...]:
    """Return the lines of a CODEOWNERS file except comments, including lines that GitHub skips."""
    if len(text.encode()) >= MAX_BYTES:
        return ()
    rules = []
    for number, line in enumerate(text.split("\n"), start=1):
        words = _WORD.findall(line)
        comment = next((at for at, word in enumerate(words) if word.startswith("#")), len(words))
        if words := words[:comment]:
            pattern, owners = words[0], tuple(words[1:])
            rules.append(Rule(number, pattern, owners, _fault(pattern, owners)))
    return tuple(rules)


def _fault(pattern: str, owners: tuple[str, ...]) -> str | None:
    if pattern.startswith("!"):
        return "GitHub knows no ! in CODEOWNERS; name the path without owners after the wider one"
    if "[" in pattern or "]" in pattern:
        return "GitHub knows no [ ] in CODEOWNERS; write one line for each"
    if pattern.startswith("\\#"):
        return "GitHub knows no \\# in CODEOWNERS; match the name with another pattern"
    if not pattern.strip("/"):
        return f"the pattern {pattern} matches nothing; write * for everything"
    try:
        _compiled(pattern)
    except ValueError:
        return f"{pattern} is no pattern; write it as in .gitignore"
    wrong = [owner for owner in owners if not OWNER.fullmatch(owner)]
    return f"{wrong[0]} is no @user, @org/team or e-mail address" if wrong else None


def owners_of(rules: Iterable[Rule], path: str) -> tuple[str, ...]:
    """Return the owners of `path`; empty if no line matches or the last match names no owners."""
    found: tuple[str, ...] = ()
    for rule in rules:
        if rule.fault is None and rule.matches(path):
            found = rule.owners
    return found


def guarded(text: str, changed_paths: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Return the changed paths that need an owner's approval, with their owners.

    Args:
        text: CODEOWNERS of the base commit.
        changed_paths: relative to the repository, with slashes; for a renamed file, both names.
    """
    rules = parse(text)
    found = {path: owners_of(rules, path) for path in changed_paths}
    return {path: owners for path, owners in found.items() if owners}


def must_be_guarded(border: str | None, paths: Iterable[str]) -> list[str]:
    """Return the paths that an owner must approve; all of them if `border` can't be read.

    Args:
        border: text of ownership.txt of the base commit, or None if it has none.
        paths: relative to the repository, with slashes.
    """
    try:
        kinds = parse_ownership(border or "")
    except GatehouseError:
        return list(paths)
    return [path for path in paths if kinds.kind_of(path).guarded]


def problem(text: str | None, border: str | None) -> str | None:
    """Explain why CODEOWNERS does not match ownership.txt, with the fix.

    Args:
        text: of CODEOWNERS, or None if there is none.
        border: of ownership.txt, or None if there is none.

    Returns:
        The problem, or None if the two files agree.
    """
    if border is None:
        return f"{OWNERSHIP_FILE}: is missing, so every path has an owner; take the template's"
    try:
        kinds = parse_ownership(border)
    except GatehouseError as error:
        return str(error)
    for rule in kinds.rules:
        if PLACEHOLDER in rule.owners:
            return (
                f"{OWNERSHIP_FILE}:{rule.line}: still names the placeholder {PLACEHOLDER}; write "
                'the owners with `make github-settings REPO=owner/name OWNERS="@org/team @alice"`'
            )
    if text is None or not text.strip():
        return f"{OWNERS_FILE}: is missing or empty, so no file has an owner; {_MAKE}"
    if len(text.encode()) >= MAX_BYTES:
        return f"{OWNERS_FILE}: GitHub does not read a file of 3 MB or more; {_MAKE}"
    if fault := next((rule for rule in parse(text) if rule.fault), None):
        return f"{OWNERS_FILE}:{fault.line}: GitHub skips this line: {fault.fault}; {_MAKE}"
    if _lines_of(text) != _lines_of(kinds.codeowners()):
        return f"{OWNERS_FILE}: is not what {OWNERSHIP_FILE} makes; {_MAKE}"
    return None


def _lines_of(text: str) -> list[tuple[str, tuple[str, ...]]]:
    """Return the patterns and owners of all lines, ignoring comments and layout."""
    return [(rule.pattern, rule.owners) for rule in parse(text)]


def write_codeowners(border: Ownership, root: Path = Path()) -> bool:
    """Write CODEOWNERS from `border`; return whether the file changed.

    Raises:
        GatehouseError: the file can't be written.
    """
    path, text = root / OWNERS_FILE, border.codeowners()
    if path.is_file() and path.read_bytes() == text.encode():
        return False
    write_text(path, text)
    return True


def write_owners(owners: tuple[str, ...], root: Path = Path()) -> bool:
    """Replace the placeholder in ownership.txt with `owners`, and write CODEOWNERS from it.

    Returns:
        Whether either file changed.

    Raises:
        GatehouseError: as `with_owners`, or a file can't be read or written.
    """
    text = read_text(root / OWNERSHIP_FILE)
    changed = with_owners(text, owners)
    if changed != text:
        write_text(root / OWNERSHIP_FILE, changed)
    return write_codeowners(parse_ownership(changed), root) or changed != text


def needs_review(names: Iterable[str], base: str, entry: str | None, root: Path) -> bool:
    """Return whether an owner must review a change, by its base's CODEOWNERS.

    Args:
        names: the files of a pull request, as GitHub lists them.
        base: the base's commit.
        entry: the commit of a merge queue entry, which sits on the base's tip, so that comparing
            the trees gives the changed files; None for a pull request.
        root: a checkout with both commits.
    """
    if entry is not None:
        words = ("diff", "--name-only", "--no-renames", "-z")
        names = git(*words, base, entry, root=root).split("\0")
    text = file_at(base, OWNERS_FILE, root)
    return bool(guarded(text or "", filter(None, names)))
