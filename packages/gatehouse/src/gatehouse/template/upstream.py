"""The template's repository: fetch it, name its versions, and find our current version."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from gatehouse.errors import GatehouseError
from gatehouse.git import commit_of, git
from gatehouse.template.record import RECORD, Record

REFS = "refs/gatehouse/template"
"""Where its branches and tags are stored: separate from ours, and never pushed."""

_RELEASE = re.compile(r"v?\d+\.\d+\.\d+")


@dataclass(frozen=True)
class Version:
    """A commit of the template.

    Attributes:
        commit: its full hash.
        name: its tag, or the first characters of the hash.
        found: how it was found; empty if it was given.
    """

    commit: str
    name: str
    found: str = ""


def fetch(url: str, root: Path) -> None:
    """Fetch the template's branches and tags into `REFS`.

    Raises:
        GatehouseError: it can't be fetched; the error quotes git's last line.
    """
    if git("rev-parse", "--is-shallow-repository", root=root).strip() == "true":
        raise GatehouseError(
            "this clone lacks the older history, where the template's version is found; "
            "first: git fetch --unshallow"
        )
    parts = [f"+refs/{kind}/*:{REFS}/{kind}/*" for kind in ("heads", "tags")]
    git("fetch", "--quiet", "--no-tags", "--prune", "--", url, f"+HEAD:{REFS}/HEAD", *parts,
        root=root)  # fmt: skip


def version(ref: str, root: Path) -> Version:
    """Return the template version that `ref` names: a tag, a branch or a commit.

    Raises:
        GatehouseError: the template has no such version.
    """
    for full in (f"{REFS}/tags/{ref}", f"{REFS}/heads/{ref}"):
        if git("for-each-ref", full, root=root):
            return _named(commit_of(full, root), root)
    try:
        commit = commit_of(ref, root)
        known = git("for-each-ref", "--contains", commit, "--count=1", REFS, root=root)
    except GatehouseError:
        known = ""
    if not known:
        raise GatehouseError(
            f"'{ref}' is no tag, branch or commit of the template; its newest tags are: "
            + (", ".join(_releases(root)[:5]) or "none")
        )
    return _named(commit, root)


def newest(root: Path) -> Version:
    """Return the template's newest release (tag vX.Y.Z), or its default branch if it has none."""
    releases = _releases(root)
    return version(releases[0], root) if releases else _named(commit_of(f"{REFS}/HEAD", root), root)


def standing(head: str, new: Version, record: Record | None, root: Path) -> Version:
    """Return the version of the template that the commit `head` is based on.

    It is the recorded version, or the common history (a fork on GitHub). Otherwise, it is the
    commit of the template with the same files as our first commit: "Use this template" copies the
    files without the history.

    Raises:
        GatehouseError: none of them is found; the message says how to name it.
    """
    try:
        shared = git("merge-base", head, new.commit, root=root).strip()
    except GatehouseError:
        shared = ""
    if record is not None:
        try:
            recorded = commit_of(record.commit, root)
        except GatehouseError:
            raise GatehouseError(
                f"{RECORD}: the template has no commit {record.commit[:10]} ({record.name}) any "
                "more; name the version that this repository is on with --from"
            ) from None
        # A merge made with git itself may be newer.
        if not (shared and is_ancestor(recorded, shared, root)):
            return _named(recorded, root, f"as {RECORD} says")
    if shared:
        return _named(shared, root, "where the histories part")
    return _by_tree(head, root)


def is_ancestor(older: str, newer: str, root: Path) -> bool:
    return git("rev-list", "--count", older, f"^{newer}", root=root).strip() == "0"


def _by_tree(head: str, root: Path) -> Version:
    commits = [line.split() for line in _log("%H %T", REFS, root)]
    by_tree = {tree: commit for commit, tree in commits}
    roots = _log("%T", head, root, "--max-parents=0")
    for tree in roots:
        if tree in by_tree:
            return _named(by_tree[tree], root, "by the files of our first commit")
    releases = [version(name, root) for name in _releases(root)] or [
        _named(commits[0][0], root)
    ]  # the closest of these few is only a hint
    nearest = min(releases, key=lambda each: _differing(each.commit, roots[-1], root))
    raise GatehouseError(
        "the version of the template that this repository is on is not known: no commit of "
        "the template has the files of our first commit. Name it with --from TAG|COMMIT; the "
        f"closest is {nearest.name}, with {_differing(nearest.commit, roots[-1], root)} other files"
    )


def _differing(commit: str, tree: str, root: Path) -> int:
    return len(git("diff-tree", "-r", "--name-only", commit, tree, root=root).splitlines())


def _log(form: str, ref: str, root: Path, *more: str) -> list[str]:
    refs = ["--glob=" + ref] if ref == REFS else [ref]
    return git("log", f"--format={form}", *more, *refs, root=root).splitlines()


def _releases(root: Path) -> list[str]:
    """Return tags of releases, newest first."""
    output = git("for-each-ref", "--sort=-version:refname", "--format=%(refname)", f"{REFS}/tags",
               root=root)  # fmt: skip
    names = [line.removeprefix(f"{REFS}/tags/") for line in output.splitlines()]
    return [name for name in names if _RELEASE.fullmatch(name)]


def _named(commit: str, root: Path, found: str = "") -> Version:
    output = git("for-each-ref", f"--points-at={commit}", "--format=%(refname)", f"{REFS}/tags",
               root=root)  # fmt: skip
    tags = [line.removeprefix(f"{REFS}/tags/") for line in output.splitlines()]
    return Version(commit, max(tags, key=lambda tag: (bool(_RELEASE.fullmatch(tag)), tag),
                               default=commit[:10]), found)  # fmt: skip
