"""The Git side of the stand-in for GitHub: a bare repository, changed through libgit2.

A test asks it some fifty things; a process of git for each took longer than what was tested.
"""

from __future__ import annotations

import base64
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pygit2
from pygit2.enums import DeltaStatus, FileMode, ObjectType, SortMode

# Nothing of the machine's own settings.
ENVIRONMENT = {
    "PATH": os.environ.get("PATH", os.defpath),
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_SYSTEM": os.devnull,
}
_KINDS = {
    ObjectType.BLOB: "blob",
    ObjectType.TREE: "tree",
    ObjectType.COMMIT: "commit",
    ObjectType.TAG: "tag",
}
_CHANGES = {
    DeltaStatus.ADDED: "added",
    DeltaStatus.MODIFIED: "modified",
    DeltaStatus.DELETED: "removed",
    DeltaStatus.RENAMED: "renamed",
    DeltaStatus.TYPECHANGE: "changed",
}
_HASH = 40
"""Hexadecimal digits of a whole hash."""


class GitError(Exception):
    """What GitHub would answer with 422, with its message."""


class GitStore:
    """A bare repository.

    Args:
        folder: where it lies; made, with `main` as its default branch, if it is not there.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        if not folder.exists():
            pygit2.init_repository(folder, bare=True, initial_head="main")
        # GitHub gives out any commit by its hash.
        self._open().config["uploadpack.allowAnySHA1InWant"] = True

    def git(self, *words: str) -> str:
        """What git prints, without the last line end.

        Raises:
            GitError: git failed.
        """
        done = subprocess.run(
            ["git", *words],
            cwd=self.folder,
            env=ENVIRONMENT | {"GIT_DIR": str(self.folder)},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise GitError(f"git {words[0]}: {done.stderr.strip()}")
        return done.stdout.rstrip("\n")

    def commit_of(self, name: str) -> str | None:
        """The commit that a branch, tag, ref or hash stands for; None if there is none."""
        try:
            return str(self._open().revparse_single(name).peel(pygit2.Commit).id)
        except (KeyError, ValueError, pygit2.GitError):
            return None

    def commit_object(self, sha: str) -> pygit2.Commit:
        """A commit, to be read.

        Raises:
            GitError: there is none of this hash.
        """
        found = self._object(sha)
        if found is None or found.type != ObjectType.COMMIT:
            raise GitError(f"No commit found for SHA: {sha}")
        return found.peel(pygit2.Commit)

    def kind(self, sha: str) -> str | None:
        """blob, tree, commit or tag; None if there is no such object."""
        found = self._object(sha)
        return _KINDS[ObjectType(found.type)] if found is not None else None

    def blob(self, content: str, encoding: str = "utf-8") -> str:
        """Store a blob whose content is given as text or Base64; its hash."""
        data = base64.b64decode(content) if encoding == "base64" else content.encode()
        return str(self._open().create_blob(data))

    def content(self, sha: str) -> bytes:
        """The bytes of a blob."""
        found = self._open()[sha]
        assert isinstance(found, pygit2.Blob)
        return found.data

    def tree(self, entries: list[dict[str, Any]], base: str | None) -> str:
        """Store a tree made of `entries`, on top of the tree (or commit) `base`; its hash.

        Raises:
            GitError: an entry has both or neither of content and hash, or names no object.
        """
        index = pygit2.Index()
        repository = self._open()
        if base:
            index.read_tree(repository[base].peel(pygit2.Tree))
        for entry in entries:
            if ("sha" in entry) == ("content" in entry):
                raise GitError("tree.sha and tree.content: one of them must be given")
            sha = entry["sha"] if "sha" in entry else self.blob(entry["content"])
            if sha is None:
                if entry["path"] in index:
                    index.remove(entry["path"])
                continue
            if self.kind(sha) is None and entry["mode"] != "160000":
                raise GitError(f"tree.sha {sha} is not a valid blob")
            index.add(pygit2.IndexEntry(entry["path"], pygit2.Oid(hex=sha), _mode(entry["mode"])))
        return str(index.write_tree(repository))

    def entries(self, sha: str, *, recursive: bool) -> tuple[str, list[dict[str, Any]]]:
        """The hash of a tree, or of a commit's, and what is in it, as GitHub lists it.

        Raises:
            GitError: there is no such tree.
        """
        found = self._object(sha)
        if found is None or found.type not in (ObjectType.TREE, ObjectType.COMMIT):
            raise GitError(f"Tree SHA does not exist: {sha}")
        top = found.peel(pygit2.Tree)
        return str(top.id), list(_listed(top, "", recursive=recursive))

    def between(self, base: str, head: str) -> list[pygit2.Commit]:
        """The commits of `head` that `base` lacks, the oldest first."""
        order = SortMode.TOPOLOGICAL | SortMode.REVERSE
        walker = self._open().walk(pygit2.Oid(hex=head), order)
        walker.hide(pygit2.Oid(hex=base))
        return list(walker)

    def commit(self, message: str, tree: str, parents: list[str], author: dict[str, str]) -> str:
        """Store a commit; its hash.

        Raises:
            GitError: the tree or a parent is not there.
        """
        if self.kind(tree) != "tree":
            raise GitError("Tree SHA does not exist")
        for parent in parents:
            if self.kind(parent) != "commit":
                raise GitError("Parent SHA does not exist or is not a commit object")
        who = pygit2.Signature(author["name"], author["email"])
        made = self._open().create_commit(
            None, who, who, message, pygit2.Oid(hex=tree), [pygit2.Oid(hex=sha) for sha in parents]
        )
        return str(made)

    def put(self, ref: str, sha: str) -> None:
        """Make a ref, such as refs/heads/main, or point it to another commit, whatever it was."""
        self._open().references.create(ref, sha, force=True)

    def move(self, ref: str, sha: str, *, force: bool) -> None:
        """Point a ref, such as refs/heads/main, to another commit.

        Raises:
            GitError: there is no such ref or commit, or it is no fast-forward.
        """
        old = self.commit_of(ref)
        if old is None:
            raise GitError("Reference does not exist")
        if self.kind(sha) != "commit":
            raise GitError("Object does not exist")
        if not force and old != sha and not self._open().descendant_of(sha, old):
            raise GitError("Update is not a fast forward")
        self.put(ref, sha)

    def changed_files(self, base: str, head: str) -> list[dict[str, Any]]:
        """What a pull request changes, as GitHub lists it, without the patches."""
        repository = self._open()
        start = repository.merge_base(base, head)
        if start is None:
            raise GitError(f"{base} and {head} have no history in common")
        diff = repository.diff(str(start), head)
        assert isinstance(diff, pygit2.Diff)
        diff.find_similar()
        found: list[dict[str, Any]] = []
        for delta in diff.deltas:
            file: dict[str, Any] = {
                "sha": str(delta.new_file.id),
                "status": _CHANGES[DeltaStatus(delta.status)],
                "filename": delta.new_file.path,
            }
            if file["status"] == "renamed":
                file["previous_filename"] = delta.old_file.path
            found.append(file | {"additions": 1, "deletions": 1, "changes": 2})
        return sorted(found, key=lambda file: str(file["filename"]))

    def _object(self, sha: str) -> pygit2.Object | None:
        try:
            return self._open()[pygit2.Oid(hex=sha)] if len(sha) == _HASH else None
        except (KeyError, ValueError):
            return None

    def _open(self) -> pygit2.Repository:
        """The repository as it is now: other processes push to it, and threads share nothing."""
        return pygit2.Repository(self.folder)


def _listed(tree: pygit2.Tree, folder: str, *, recursive: bool) -> Iterator[dict[str, Any]]:
    for item in tree:
        kind = "commit" if item.filemode == FileMode.COMMIT else _KINDS[ObjectType(item.type)]
        entry = {
            "path": f"{folder}{item.name}",
            "mode": f"{item.filemode:06o}",
            "type": kind,
            "sha": str(item.id),
        }
        yield entry | ({"size": item.size} if isinstance(item, pygit2.Blob) else {})
        if recursive and isinstance(item, pygit2.Tree):
            yield from _listed(item, f"{folder}{item.name}/", recursive=True)


def _mode(text: str) -> FileMode:
    return FileMode(int(text, 8))
