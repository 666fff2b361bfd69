"""CODEOWNERS: who must approve a change to which file, by GitHub's rules.

Source of the rules: GitHub's page "About code owners". Patterns are gitignore's (by `pathspec`),
except that `!`, `[ ]` and a leading `\\#` do not work, and that `docs/*` stops at the files of that
folder. The last pattern that matches a path counts, and one without owners frees it. GitHub skips
a line that it cannot read, and a whole file of 3 MB.
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
# Stands for the last name of a path; Git allows no such name.
_ANY_NAME = "\0"


@dataclass(frozen=True)
class Rule:
    """One line: a pattern and its owners, of which there may be none.

    Attributes:
        line: counted from 1.
        pattern: as written.
        owners: as written, with their @.
        fault: why GitHub skips the line; None where it doesn't.
    """

    line: int
    pattern: str
    owners: tuple[str, ...]
    fault: str | None

    def matches(self, path: str) -> bool:
        """Whether `path`, relative to the repository and with slashes, falls under the pattern."""
        if self.pattern.endswith("/*"):
            folder, slash, _ = path.rpartition("/")
            path = f"{folder}{slash}{_ANY_NAME}"
        return _compiled(self.pattern).match_file(path)


def _compiled(pattern: str) -> PathSpec[Pattern]:
    from pathspec import PathSpec

    # gitignore's docs/* takes docs/deep/file along, GitHub's does not.
    pattern = pattern[:-1] + _ANY_NAME if pattern.endswith("/*") else pattern
    return PathSpec.from_lines("gitignore", [pattern])


def parse(text: str) -> tuple[Rule, ...]:
    """The lines of a CODEOWNERS file that are no comments, also those that GitHub would skip."""
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
    """The owners of `path`; none where no line matches or the last that does names none."""
    found: tuple[str, ...] = ()
    for rule in rules:
        if rule.fault is None and rule.matches(path):
            found = rule.owners
    return found


def guarded(text: str, changed_paths: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Which of the changed paths need an owner's approval, and whose.

    Args:
        text: CODEOWNERS of the base commit.
        changed_paths: relative to the repository, with slashes; of a renamed file both names.
    """
    rules = parse(text)
    found = {path: owners_of(rules, path) for path in changed_paths}
    return {path: owners for path, owners in found.items() if owners}


def must_be_guarded(border: str | None, paths: Iterable[str]) -> list[str]:
    """Which of the paths an owner must approve; all of them where the border can't be read.

    Args:
        border: text of ownership.txt of the base commit; None where it has none.
        paths: relative to the repository, with slashes.
    """
    try:
        kinds = parse_ownership(border or "")
    except GatehouseError:
        return list(paths)
    return [path for path in paths if kinds.kind_of(path).guarded]


def problem(text: str | None, border: str | None) -> str | None:
    """Why CODEOWNERS does not guard what ownership.txt says, with the fix; None where it does.

    Args:
        text: of CODEOWNERS; None where there is none.
        border: of ownership.txt; None where there is none.
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
    """What the lines say, whatever the comments and the layout."""
    return [(rule.pattern, rule.owners) for rule in parse(text)]


def write_codeowners(border: Ownership, root: Path = Path()) -> bool:
    """Make CODEOWNERS from `border`; true where that is a change.

    Raises:
        GatehouseError: the file can't be written.
    """
    path, text = root / OWNERS_FILE, border.codeowners()
    if path.is_file() and path.read_bytes() == text.encode():
        return False
    write_text(path, text)
    return True


def write_owners(owners: tuple[str, ...], root: Path = Path()) -> bool:
    """Write `owners` into ownership.txt in place of the placeholder, and make CODEOWNERS from it.

    Returns:
        Has either file changed?

    Raises:
        GatehouseError: as `with_owners`, or a file can't be read or written.
    """
    text = read_text(root / OWNERSHIP_FILE)
    changed = with_owners(text, owners)
    if changed != text:
        write_text(root / OWNERSHIP_FILE, changed)
    return write_codeowners(parse_ownership(changed), root) or changed != text


def needs_review(names: Iterable[str], base: str, entry: str | None, root: Path) -> bool:
    """Must an owner review a change, by its base's CODEOWNERS?

    Args:
        names: of the files of a pull request, as GitHub lists them.
        base: the base's commit.
        entry: the commit of an entry of the merge queue, which is on the base's tip, so that
            their trees say what it changes; None of a pull request.
        root: a checkout with both commits.
    """
    if entry is not None:
        words = ("diff", "--name-only", "--no-renames", "-z")
        names = git(*words, base, entry, root=root).split("\0")
    text = file_at(base, OWNERS_FILE, root)
    return bool(guarded(text or "", filter(None, names)))
