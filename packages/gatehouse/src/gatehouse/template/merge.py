"""Merge a newer version of the template into ours with git.

The change from one version to the other becomes a separate commit, and `git cherry-pick` applies
it: a three-way merge whose base is our current version, whether or not the histories are related.
Conflicts are git's ordinary ones, with `--continue` and `--abort`.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from gatehouse.errors import GatehouseError
from gatehouse.git import commit_of, git
from gatehouse.template.git_trees import Entry, read_tree, with_text, write_tree
from gatehouse.template.owned import Prepared, prepare
from gatehouse.template.record import RECORD, Record, is_local, url_of
from gatehouse.template.upstream import Version, fetch, is_ancestor, newest, standing, version
from gatehouse.template.wheel import raise_wheel

_NOBODY = {
    f"GIT_{who}_{what}": value
    for who in ("AUTHOR", "COMMITTER")
    for what, value in (("NAME", "gatehouse"), ("EMAIL", "gatehouse@localhost"))
}
"""Author and committer of a preview's commits: a clone may have no user configured."""


@dataclass(frozen=True)
class Update:
    """A planned merge.

    Attributes:
        head: our commit.
        old: our current version.
        new: the version to merge.
        url: of the template.
        recorded: the URL in our record, if any.
    """

    head: str
    old: Version
    new: Version
    url: str
    recorded: str | None

    @property
    def needed(self) -> bool:
        return self.old.commit != self.new.commit


@dataclass(frozen=True)
class Merged:
    """The result of a merge.

    Attributes:
        notes: decisions made without git.
        conflicts: paths that a person must resolve.
        locks: whether `make lock` must run next.
    """

    notes: tuple[str, ...]
    conflicts: tuple[str, ...]
    locks: bool


def find_update(url: str | None, to: str | None, since: str | None, root: Path) -> Update:
    """Fetch the template, and find what would be merged.

    Args:
        url: of the template; by default the recorded one, or the remote `upstream`.
        to: tag, branch or commit of the template; by default its newest release.
        since: our current version; by default it is detected.
        root: the repository's folder.

    Raises:
        GatehouseError: one of them can't be found, or the new version is older than ours.
    """
    head = commit_of("HEAD", root)
    record = Record.at(head, root)
    address = url_of(url, record, root)
    fetch(address, root)
    new = version(to, root) if to else newest(root)
    old = version(since, root) if since else standing(head, new, record, root)
    if old.commit != new.commit and is_ancestor(new.commit, old.commit, root):
        raise GatehouseError(
            f"this repository is on {old.name} already, which is newer than {new.name}; "
            "name another version with --to (a branch of the template has what is unreleased)"
        )
    return Update(head, old, new, address, record.url if record else None)


def merge(update: Update, root: Path, **identity: str) -> Merged:
    """Merge into the branch that is checked out in `root`, and commit if there are no conflicts.

    Raises:
        GatehouseError: git refuses, and nothing is changed.
    """
    prepared = prepare(update.head, update.old.commit, update.new.commit, root)
    change = _commit(update, prepared, root, identity)
    _nothing_in_the_way(prepared, update.head, root)
    try:
        git("cherry-pick", "--keep-redundant-commits", change, root=root, **identity)
    except GatehouseError:
        output = git("diff", "--name-only", "--diff-filter=U", "-z", root=root)
        conflicts = tuple(output.split("\0")[:-1])
        if not conflicts:
            raise
        return Merged(tuple(prepared.notes), conflicts, prepared.locks)
    return Merged(tuple(prepared.notes), (), prepared.locks)


def _nothing_in_the_way(prepared: Prepared, head: str, root: Path) -> None:
    """Refuse to overwrite untracked files; git's own error would not name them."""
    come = set(prepared.new) - set(prepared.old) - set(read_tree(head, root))
    if there := sorted(path for path in come if (root / path).exists()):
        raise GatehouseError(
            f"{there[0]}: comes with the update, and is here as a file that is not in Git; "
            "commit it, or move it away"
        )


def _commit(update: Update, prepared: Prepared, root: Path, identity: dict[str, str]) -> str:
    """Create the change as a commit on top of the old version, on no branch."""
    path, mine = RECORD.as_posix(), read_tree(update.head, root)
    if raised := raise_wheel(prepared.old, mine, prepared.new, update.new.commit, root):
        prepared.notes.append(raised)
    ours = mine.get(path)
    url: str | None = update.url
    if is_local(update.url):
        url = update.recorded if update.recorded and not is_local(update.recorded) else None
        prepared.notes.append(
            f"{RECORD}: does not name {update.url}, a path of this machine"
            + (f"; {url} stays" if url else "; no URL is kept")
        )
    record = Record(url=url, commit=update.new.commit, name=update.new.name)
    prepared.old.pop(path, None)
    if ours is not None:
        prepared.old[path] = ours
    prepared.new[path] = with_text(Entry("100644", ""), record.to_yaml(), root)
    names = f"from {update.old.name} to {update.new.name}"
    base = git("commit-tree", write_tree(prepared.old, root), "-m", f"Gatehouse {update.old.name}",
               root=root, **identity).strip()  # fmt: skip
    body = f"The template's change {update.old.commit[:10]}..{update.new.commit[:10]}, merged by "
    return git("commit-tree", write_tree(prepared.new, root), "-p", base,
               "-m", f"Update Gatehouse {names}", "-m", body + "`gatehouse template update`.",
               root=root, **identity).strip()  # fmt: skip


@contextmanager
def preview(update: Update, root: Path) -> Iterator[tuple[Path, Merged]]:
    """Merge in a temporary work tree.

    Yields:
        The folder, in which `git diff HEAD` shows the update's changes, and the result of the
        merge.
    """
    with tempfile.TemporaryDirectory(prefix="gatehouse-template-") as folder:
        place = Path(folder) / "work"
        hooks = ("-c", "core.hooksPath=/dev/null")
        git(*hooks, "worktree", "add", "--quiet", "--detach", str(place), update.head, root=root)
        try:
            yield place, merge(update, place, **_NOBODY)
        finally:
            git("worktree", "remove", "--force", str(place), root=root)


def update_branch(update: Update, branch: str, root: Path) -> Merged:
    """Merge on the new branch `branch`.

    Raises:
        GatehouseError: the work tree has changes, the branch already exists, or git refuses; the
            original branch is then checked out again.
    """
    if git("status", "--porcelain", "--untracked-files=no", root=root):
        raise GatehouseError(
            "the work tree has changes that are not committed; commit them, or put them aside "
            "with `git stash`, so that the update can be undone by itself"
        )
    if git("branch", "--list", branch, root=root):
        raise GatehouseError(
            f"there is a branch {branch} already; delete it (git branch -D {branch}), or name "
            "another with --branch"
        )
    git("var", "GIT_COMMITTER_IDENT", root=root)  # raises early if git has no identity
    git("checkout", "--quiet", "-b", branch, root=root)
    try:
        return merge(update, root)
    except BaseException:
        git("checkout", "--quiet", "-", root=root)
        git("branch", "-D", branch, root=root)
        raise
