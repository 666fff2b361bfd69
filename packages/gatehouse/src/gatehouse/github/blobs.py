"""Files of a commit, read as bytes through GitHub's API without a checkout."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import TYPE_CHECKING

from gatehouse.errors import GatehouseError
from gatehouse.github.client import telling

if TYPE_CHECKING:
    from github.GitTree import GitTree
    from github.Repository import Repository

MOST_BYTES = 1_000_000
"""Maximum size of one file."""
MOST_FILES = 500
"""Maximum number of files in a folder."""
_PLAIN = ("100644", "100755")


def tip_of(repository: Repository, branch: str) -> str:
    """Return the commit at the tip of a branch.

    Raises:
        GatehouseError: there is no such branch, or GitHub refused.
    """
    with telling(f"look up the branch {branch}"):
        found: str = repository.get_git_ref(f"heads/{branch}").object.sha
    return found


def find_tip(repository: Repository, branch: str) -> str | None:
    """Return the commit at the tip of a branch, or None if there is no such branch.

    Raises:
        GatehouseError: GitHub refused.
    """
    from github import UnknownObjectException

    with telling(f"look up the branch {branch}"):
        try:
            found: str = repository.get_git_ref(f"heads/{branch}").object.sha
        except UnknownObjectException:
            return None
    return found


def text_of(repository: Repository, commit: str, path: Path) -> str | None:
    """Return the text of a file in a commit, or None if the commit has no such file.

    Raises:
        GatehouseError: it is not a regular file of UTF-8 text, or is too large, or GitHub refused.
    """
    with telling(f"read {path} of {commit[:12]}"):
        tree: GitTree = repository.get_git_tree(commit)
        for name in path.parts[:-1]:
            inner = next((each for each in tree.tree if each.path == name), None)
            if inner is None or inner.type != "tree":
                return None
            tree = repository.get_git_tree(inner.sha)
        found = next((each for each in tree.tree if each.path == path.name), None)
        if found is None:
            return None
        if found.type != "blob" or found.mode not in _PLAIN or (found.size or 0) > MOST_BYTES:
            raise GatehouseError(f"{path} of {commit[:12]}: is no file of at most 1 MB")
        blob = repository.get_git_blob(found.sha)
    data = base64.b64decode(blob.content)
    try:
        if len(data) > MOST_BYTES:
            raise ValueError("too large")
        return data.decode("utf-8")
    except ValueError:
        raise GatehouseError(f"{path} of {commit[:12]}: is not UTF-8 text up to 1 MB") from None


def folder_of(repository: Repository, commit: str, folder: Path) -> dict[str, bytes]:
    """Return the files of a top-level folder in a commit, by path; empty if it is missing.

    Raises:
        GatehouseError: it contains anything but small regular files, or too many, or GitHub
            refused.
    """
    with telling(f"read {folder}/ of {commit[:12]}"):
        root = repository.get_git_tree(commit)
        inner = next((each for each in root.tree if each.path == folder.as_posix()), None)
        if inner is None:
            return {}
        if inner.type != "tree":
            raise GatehouseError(f"{folder} of {commit[:12]}: is no folder")
        listed = repository.get_git_tree(inner.sha).tree
        if len(listed) > MOST_FILES:
            raise GatehouseError(
                f"{folder}/ of {commit[:12]}: has more than {MOST_FILES} files; an owner takes "
                "those of old models away"
            )
        for each in listed:
            if each.type != "blob" or each.mode != "100644" or (each.size or 0) > MOST_BYTES:
                raise GatehouseError(f"{folder}/{each.path}: is not a plain file of at most 1 MB")
        blobs = {each.path: repository.get_git_blob(each.sha).content for each in listed}
    return {f"{folder}/{name}": base64.b64decode(text) for name, text in sorted(blobs.items())}
