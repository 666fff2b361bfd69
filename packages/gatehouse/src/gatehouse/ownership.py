"""Which path belongs to whom: `.github/ownership.txt`, from which CODEOWNERS is generated.

This module needs only the standard library and git, because workflows run it before any package is
installed:

    PYTHONPATH=$(sh scripts/library.sh) python3 -m gatehouse.ownership changed BASE [HEAD]
"""

from __future__ import annotations

import re
import sys
import unicodedata
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from pathlib import Path

from gatehouse.errors import GatehouseError
from gatehouse.git import commit_of, file_at, git_bytes

OWNERSHIP_FILE = Path(".github/ownership.txt")
PLACEHOLDER = "@OWNER"
DEFAULT = "*"
"""The path of the first line, which applies if no other line does."""

OWNER = re.compile(
    r"@[A-Za-z0-9][A-Za-z0-9_-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)?|[^@\s]+@[^@\s]+\.[^@\s]+"
)
"""A user, an organisation, a team of an organisation, or the e-mail address of a user."""

_HEADER = f"""\
# Generated from {OWNERSHIP_FILE}. Edit that file, then run `gatehouse github owners`.
# A line without owners frees its path. A second line for a free file keeps a folder of that name
# owned, because the first one would match it too.
"""
STEERING = (".dvc", ".dvcignore", ".gitattributes", ".gitmodules", "dvc.yaml")
"""Names that DVC or Git reads in any folder: a file with one of these names is never free."""

RECORDS = ("data/own/", "data/snapshots/")
"""The only folders in which a record of DVC (`rows.parquet.dvc`) may be free."""

_MISSING = (
    f"{OWNERSHIP_FILE}: is missing, so nothing says what is free; take it from the template, or "
    "from Git's history"
)
_PATTERN = re.compile(r"[*?\[\]\\]|^!")
_USAGE = "usage: python3 -m gatehouse.ownership changed BASE [HEAD]"


class Kind(StrEnum):
    """Who a path belongs to; `.github/ownership.txt` explains each kind."""

    FREE = "free"
    OWNED = "owned"
    MACHINERY = "machinery"
    GENERATED = "generated"

    @property
    def guarded(self) -> bool:
        """Return whether an owner must approve a change."""
        return self in (Kind.OWNED, Kind.MACHINERY)


@dataclass(frozen=True)
class Rule:
    """One line of the file.

    Attributes:
        line: counted from 1.
        path: from the repository's root; a folder ends with a slash; `*` is the default.
        kind: who the path belongs to.
        owners: who approves changes; empty if nobody must.
    """

    line: int
    path: str
    kind: Kind
    owners: tuple[str, ...]

    @property
    def is_folder(self) -> bool:
        return self.path.endswith("/")


@dataclass(frozen=True)
class Ownership:
    """The rules of a file, the default first."""

    rules: tuple[Rule, ...]

    @property
    def default(self) -> Rule:
        return self.rules[0]

    def rule_of(self, path: str) -> Rule:
        """Return the rule that applies to a file: its own, or that of the innermost folder.

        Args:
            path: from the repository's root, with slashes. A path that is not in Git's form
                (absolute, or with `..`) falls under the default.
        """
        if any(name in ("", ".", "..") for name in path.split("/")) or steers(path):
            return self.default
        return self._by_path.get(path) or self._around(path)

    def kind_of(self, path: str) -> Kind:
        """Return the kind of a file, by its path from the repository's root."""
        return self.rule_of(path).kind

    def owners_of(self, path: str) -> tuple[str, ...]:
        """Return who approves changes to a file; empty if nobody must."""
        return self.rule_of(path).owners

    def paths_of(self, kind: Kind) -> tuple[str, ...]:
        """Return the paths that the file lists with this kind, in its order."""
        return tuple(rule.path for rule in self.rules[1:] if rule.kind is kind)

    def inside(self, folder: str) -> tuple[Rule, ...]:
        """Return the rules of paths inside a folder; `folder` ends with a slash."""
        return tuple(
            rule for rule in self.rules if rule.path.startswith(folder) and rule.path != folder
        )

    def codeowners(self) -> str:
        """Return the text of CODEOWNERS, which lists owners only for owned paths and machinery.

        In CODEOWNERS, the last matching line counts, so a folder comes before the paths inside it.
        Lines that would only repeat their folder's owners are left out.
        """
        lines = [_line(DEFAULT, self.default.owners)]
        for rule in sorted(self.rules[1:], key=lambda rule: rule.path):
            around = self._around(rule.path).owners
            if rule.owners != around:
                lines.append(_line(f"/{rule.path}", rule.owners))
                if not rule.is_folder:  # in CODEOWNERS, it would also match a folder of that name
                    lines.append(_line(f"/{rule.path}/", around))
        lines.append(_line("*.dvc", self.default.owners))
        for folder in RECORDS:
            lines.append(_line(f"/{folder}*.dvc", self._around(f"{folder}rows").owners))
            lines.append(_line(f"/{folder}*.dvc/", self.default.owners))
        lines += [_line(name, self.default.owners) for name in STEERING]
        return _HEADER + "\n".join(lines) + "\n"

    def _around(self, path: str) -> Rule:
        """Return the rule of the innermost folder that contains `path`."""
        names = path.rstrip("/").split("/")
        folders = ("/".join(names[:depth]) + "/" for depth in range(len(names) - 1, 0, -1))
        return next((self._by_path[each] for each in folders if each in self._by_path),
                    self.default)  # fmt: skip

    @cached_property
    def _by_path(self) -> dict[str, Rule]:
        return {rule.path: rule for rule in self.rules}


def steers(path: str) -> bool:
    """Return whether DVC or Git reads the file at `path` as configuration, in any folder."""
    folder, _, name = path.rpartition("/")
    if any(each in STEERING for each in path.split("/")):
        return True
    if f"{folder}/" in RECORDS and name.endswith(".dvc"):
        return False
    return any(each.endswith(".dvc") for each in path.split("/"))


def _line(pattern: str, owners: tuple[str, ...]) -> str:
    return " ".join([pattern, *owners])


def load(root: Path = Path()) -> Ownership:
    """Return the ownership of the repository at `root`.

    Raises:
        GatehouseError: the file is missing or can't be read, or a line is wrong.
    """
    try:
        text = (root / OWNERSHIP_FILE).read_text("utf-8")
    except FileNotFoundError:
        raise GatehouseError(_MISSING) from None
    except (OSError, UnicodeDecodeError) as error:
        raise GatehouseError(f"{OWNERSHIP_FILE}: cannot be read ({error})") from None
    return parse(text)


def load_at(commit: str, root: Path = Path()) -> Ownership:
    """Return the ownership in a commit.

    Raises:
        GatehouseError: as `load`.
    """
    text = file_at(commit, OWNERSHIP_FILE, root)
    if text is None:
        raise GatehouseError(f"{_MISSING} (looked for in commit {commit[:12]})")
    return parse(text)


def parse(text: str) -> Ownership:
    """Return the rules in the text of the file.

    Raises:
        GatehouseError: with the first wrong line, and the fix.
    """
    rules: list[Rule] = []
    names: dict[str, Rule] = {}
    for number, line in enumerate(text.split("\n"), start=1):
        rule = _rule(number, line.removesuffix("\r"), default=rules[0] if rules else None)
        if rule is None:
            continue
        if twin := names.get(_folded(rule.path)):
            same = "is" if twin.path == rule.path else f"differs only in spelling from {twin.path}"
            raise _wrong(number, f"{rule.path} {same} in line {twin.line} already; keep one line")
        names[_folded(rule.path)] = rule
        rules.append(rule)
    if not rules:
        raise GatehouseError(f"{OWNERSHIP_FILE}: has no line; begin with `* owned @org/team`")
    for rule in rules:
        folder = rule.path.rstrip("/")
        while "/" in folder:
            folder = folder.rpartition("/")[0]
            outer = names.get(_folded(folder))
            if outer is not None and outer.path != f"{folder}/":
                raise _wrong(
                    rule.line,
                    f"{rule.path} is in {folder}/, which line {outer.line} writes as "
                    f"{outer.path}; write {folder}/ there",
                )
    return Ownership(tuple(rules))


def _rule(number: int, line: str, default: Rule | None) -> Rule | None:
    """Return the rule on a line, or None if the line is empty or a comment."""
    if not line.replace("\t", " ").isprintable():
        raise _wrong(number, "has a character that cannot be seen; type the line again")
    path, *words = line.partition("#")[0].split() or [""]
    if not path:
        return None
    if default is None and path != DEFAULT:
        raise _wrong(number, "the first line must be `* owned @org/team`: the owners of the rest")
    if default is not None and path == DEFAULT:
        raise _wrong(number, "* is the first line already; name a path")
    if default is not None and (fault := _fault(path)):
        raise _wrong(number, f"{path} {fault}")
    kind = _kind(number, path, words[0] if words else "")
    owners = tuple(words[1:])
    for owner in owners:
        if not OWNER.fullmatch(owner):
            raise _wrong(number, f"{owner} is not an @user, @org/team or e-mail address")
    if default is None and (kind is not Kind.OWNED or not owners):
        raise _wrong(number, "the first line must be `* owned @org/team`: the owners of the rest")
    if not kind.guarded and owners:
        raise _wrong(number, f"a {kind} path has no owners; write `owned`, or take them out")
    if kind.guarded and not owners and default is not None:
        owners = default.owners
    return Rule(number, path, kind, owners)


def _kind(number: int, path: str, word: str) -> Kind:
    try:
        return Kind(word)
    except ValueError:
        problem = f"'{word}' is not a kind" if word else "has no kind"
        kinds = ", ".join(Kind)
        raise _wrong(number, f"{path}: {problem}; write one of {kinds} after the path") from None


def _fault(path: str) -> str | None:
    """Return why a path is not allowed in the file, with the fix, or None."""
    if path.startswith("/"):
        return "begins with /; write it from the repository's root, without the /"
    if _PATTERN.search(path):
        return "has a character of a pattern; name the file, or its folder with / at the end"
    if any(name in ("", ".", "..") for name in path.removesuffix("/").split("/")):
        return "has an empty name, . or ..; write it from the repository's root"
    if any(name in STEERING or name.endswith(".dvc") for name in path.split("/")):
        return "needs no line: files that configure DVC or Git are always owned (docs/owners.md)"
    return None


def _folded(path: str) -> str:
    """Return a key that is equal for paths that a file system may treat as the same."""
    return unicodedata.normalize("NFC", path).casefold().rstrip("/")


def _wrong(line: int, text: str) -> GatehouseError:
    return GatehouseError(f"{OWNERSHIP_FILE}:{line}: {text}")


def with_owners(text: str, owners: tuple[str, ...]) -> str:
    """Return the text of the file with the placeholder replaced by `owners`.

    Raises:
        GatehouseError: an owner is not valid, the text is wrong, or it already names other owners.
    """
    for owner in owners:
        if not OWNER.fullmatch(owner) or owner == PLACEHOLDER:
            raise GatehouseError(f"OWNERS: '{owner}' is not an @user, @org/team or e-mail address")
    found = parse(text)
    lines = text.split("\n")
    for rule in found.rules:
        if PLACEHOLDER in rule.owners:
            # Change only the part before the comment.
            head, mark, comment = lines[rule.line - 1].partition("#")
            written = re.sub(rf"(?<=\s){PLACEHOLDER}(?=\s|$)", lambda _: " ".join(owners), head)
            lines[rule.line - 1] = written + mark + comment
    changed = "\n".join(lines)
    if changed == text and set(found.default.owners) != set(owners):
        raise GatehouseError(
            f"{OWNERSHIP_FILE}: names its owners already ({', '.join(found.default.owners)}); "
            "edit that line, run `gatehouse github owners`, and leave OWNERS out"
        )
    return changed


def machinery_changed(base: str, head: str, root: Path = Path()) -> list[str]:
    """Return the machinery's files, and this file, that differ between two commits.

    The base decides which files are machinery, so that a change can't reclassify them.

    Raises:
        GatehouseError: a commit or the base's file is missing, or a line of it is wrong.
    """
    base, head = commit_of(base, root), commit_of(head, root)
    border = load_at(base, root)
    # Not `git diff`: a user's or the repository's configuration may leave files out there.
    output = git_bytes(
        "diff-tree", "-r", "-z", "--name-only", "--no-renames", base, head, root=root
    )
    paths = output.decode(errors="surrogateescape").split("\0")[:-1]
    return [
        path
        for path in paths
        if path == OWNERSHIP_FILE.as_posix() or border.kind_of(path) is Kind.MACHINERY
    ]


def main(words: list[str]) -> int:
    """Print, as outputs of a workflow step, whether the machinery differs from the base's."""
    if not (2 <= len(words) <= 3 and words[0] == "changed"):
        print(_USAGE, file=sys.stderr)
        return 2
    try:
        found = machinery_changed(words[1], words[2] if len(words) > 2 else "HEAD")
    except GatehouseError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(f"machinery={'true' if found else 'false'}")
    if found:
        # The name may be untrusted, and goes into a table and an output.
        first = re.sub(r"[^\w./-]", "?", found[0], flags=re.ASCII)[:80]
        rest = f" and {len(found) - 1} more" if len(found) > 1 else ""
        print(f"why=the change touches {first}{rest}")
    else:
        print("why=the change leaves the machinery alone")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
