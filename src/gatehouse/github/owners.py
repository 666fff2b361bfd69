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
from gatehouse.typed import read_text, write_text

if TYPE_CHECKING:
    from pathspec import PathSpec
    from pathspec.pattern import Pattern

OWNERS_FILE = Path(".github/CODEOWNERS")
PLACEHOLDER = "@OWNER"
MAX_BYTES = 3_000_000

# What the judging of a pull request rests on: without an owner of these, anybody could loosen it.
DECIDING = (
    ".dvc/config",
    ".github/CODEOWNERS",
    ".github/workflows/gates.yml",
    "Makefile",
    "contract.yaml",
    "policy.yaml",
    "pyproject.toml",
    "requirements/gates.txt",
    "scripts/install.sh",
    "src/gatehouse/judge.py",
)

# A user (or an organisation) and perhaps its team, or the address of a user.
_OWNER = re.compile(
    r"@[A-Za-z0-9][A-Za-z0-9_-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)?|[^@\s]+@[^@\s]+\.[^@\s]+"
)
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
    wrong = [owner for owner in owners if not _OWNER.fullmatch(owner)]
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


def problem(text: str) -> str | None:
    """Why a CODEOWNERS file guards less than it should, with the fix; None where it does not.

    Args:
        text: of the file; empty where there is none.
    """
    if not text.strip():
        return f"{OWNERS_FILE}: is missing or empty, so no file has an owner; take the template's"
    if len(text.encode()) >= MAX_BYTES:
        return f"{OWNERS_FILE}: GitHub does not read a file of 3 MB or more; use wider patterns"
    rules = parse(text)
    for rule in rules:
        if PLACEHOLDER in rule.owners:
            return (
                f"{OWNERS_FILE}:{rule.line}: still names the placeholder {PLACEHOLDER}; write the "
                'owners with `make github-settings REPO=owner/name OWNERS="@org/team @alice"`'
            )
        if rule.fault:
            return f"{OWNERS_FILE}:{rule.line}: GitHub skips this line: {rule.fault}"
    if free := [path for path in DECIDING if not owners_of(rules, path)]:
        return f"{OWNERS_FILE}: no owner for {', '.join(free)}; add a line that names one"
    return None


def with_owners(text: str, owners: tuple[str, ...]) -> str:
    """CODEOWNERS with the placeholder replaced by `owners`; comments and layout are kept.

    Raises:
        GatehouseError: an owner is none, or the file has no placeholder and other owners.
    """
    for owner in owners:
        if not _OWNER.fullmatch(owner) or owner == PLACEHOLDER:
            raise GatehouseError(f"OWNERS: '{owner}' is no @user, @org/team or e-mail address")
    rules = parse(text)
    lines = text.split("\n")
    for rule in rules:
        if PLACEHOLDER in rule.owners:
            # In rules only, and never in a pattern or comment.
            line = lines[rule.line - 1]
            comment = re.search(r"\s#.*", line)
            head, rest = (line, "") if comment is None else (line[: comment.start()], comment[0])
            written = re.sub(rf"(?<=\s){PLACEHOLDER}(?=\s|$)", lambda _: " ".join(owners), head)
            lines[rule.line - 1] = written + rest
    changed = "\n".join(lines)
    found = {rule.owners for rule in parse(changed) if rule.owners}
    if changed == text and any(set(each) != set(owners) for each in found):
        told = ", ".join(sorted({owner for each in found for owner in each}))
        raise GatehouseError(
            f"{OWNERS_FILE}: names its owners already ({told}); change them there, by hand, and "
            "leave OWNERS out"
        )
    return changed


def write_owners(owners: tuple[str, ...], path: Path = OWNERS_FILE) -> bool:
    """Write `owners` into the file in place of the placeholder; true where that is a change.

    Raises:
        GatehouseError: as `with_owners`, or the file can't be read or written.
    """
    text = read_text(path)
    changed = with_owners(text, owners)
    if changed != text:
        write_text(path, changed)
    return changed != text
