"""The Git side of the stand-in for GitHub: a bare repository, changed through git's plumbing."""

from __future__ import annotations

import base64
import os
import subprocess
import tempfile
from pathlib import Path
from typing import Any

# Nothing of the machine's own settings, and the same dates in every run.
ENVIRONMENT = {
    "PATH": os.environ.get("PATH", os.defpath),
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_SYSTEM": os.devnull,
    "GIT_AUTHOR_NAME": "test",
    "GIT_AUTHOR_EMAIL": "test@example.com",
    "GIT_COMMITTER_NAME": "test",
    "GIT_COMMITTER_EMAIL": "test@example.com",
}


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
            folder.mkdir(parents=True)
            self.git("init", "--quiet", "--bare", "--initial-branch", "main")
        # GitHub gives out any commit by its hash.
        self.git("config", "uploadpack.allowAnySHA1InWant", "true")

    def git(
        self, *words: str, text: str | None = None, settings: dict[str, str] | None = None
    ) -> str:
        """What git prints, without the last line end.

        Raises:
            GitError: git failed.
        """
        done = subprocess.run(
            ["git", *words],
            cwd=self.folder,
            env=ENVIRONMENT | {"GIT_DIR": str(self.folder)} | (settings or {}),
            input=text,
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
            return self.git("rev-parse", "--verify", "--quiet", f"{name}^{{commit}}")
        except GitError:
            return None

    def kind(self, sha: str) -> str | None:
        """blob, tree or commit; None if there is no such object."""
        try:
            return self.git("cat-file", "-t", sha)
        except GitError:
            return None

    def blob(self, content: str, encoding: str = "utf-8") -> str:
        """Store a blob whose content is given as text or Base64; its hash."""
        data = base64.b64decode(content) if encoding == "base64" else content.encode()
        done = subprocess.run(
            ["git", "hash-object", "-w", "--stdin"],
            env=ENVIRONMENT | {"GIT_DIR": str(self.folder)},
            input=data,
            capture_output=True,
            check=True,
        )
        return done.stdout.decode().strip()

    def content(self, sha: str) -> bytes:
        """The bytes of a blob."""
        done = subprocess.run(
            ["git", "cat-file", "blob", sha],
            env=ENVIRONMENT | {"GIT_DIR": str(self.folder)},
            capture_output=True,
            check=True,
        )
        return done.stdout

    def tree(self, entries: list[dict[str, Any]], base: str | None) -> str:
        """Store a tree made of `entries`, on top of the tree (or commit) `base`; its hash.

        Raises:
            GitError: an entry has both or neither of content and hash, or names no object.
        """
        lines = []
        for entry in entries:
            if ("sha" in entry) == ("content" in entry):
                raise GitError("tree.sha and tree.content: one of them must be given")
            sha = entry["sha"] if "sha" in entry else self.blob(entry["content"])
            if sha is None:
                lines.append(f"0 {'0' * 40}\t{entry['path']}")
                continue
            if self.kind(sha) is None and entry["mode"] != "160000":
                raise GitError(f"tree.sha {sha} is not a valid blob")
            lines.append(f"{entry['mode']} {sha}\t{entry['path']}")
        with tempfile.TemporaryDirectory() as scratch:
            index = {"GIT_INDEX_FILE": str(Path(scratch, "index"))}
            self.git("read-tree", base or "--empty", settings=index)
            self.git("update-index", "--index-info", text="\n".join(lines) + "\n", settings=index)
            return self.git("write-tree", settings=index)

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
        settings = {
            f"GIT_{role}_{key.upper()}": author[key]
            for role in ("AUTHOR", "COMMITTER")
            for key in ("name", "email")
        }
        words = [word for parent in parents for word in ("-p", parent)]
        return self.git("commit-tree", tree, *words, text=message, settings=settings)

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
        if not force and self.git("merge-base", old, sha) != old:
            raise GitError("Update is not a fast forward")
        self.git("update-ref", ref, sha, old)

    def changed_files(self, base: str, head: str) -> list[dict[str, Any]]:
        """What a pull request changes, as GitHub lists it, without the patches."""
        merge_base = self.git("merge-base", base, head)
        fields = self.git("diff", "--raw", "-z", "-M", "--no-abbrev", merge_base, head).split("\0")
        words = {"A": "added", "M": "modified", "D": "removed", "R": "renamed", "T": "changed"}
        found, place = [], 0
        while place < len(fields) - 1:
            _, _, _, sha, letter = fields[place].split()
            file: dict[str, Any] = {"sha": sha, "status": words[letter[0]]}
            if letter[0] == "R":
                file["previous_filename"] = fields[place + 1]
                place += 1
            file["filename"] = fields[place + 1]
            place += 2
            found.append(file | {"additions": 1, "deletions": 1, "changes": 2})
        return sorted(found, key=lambda file: str(file["filename"]))
