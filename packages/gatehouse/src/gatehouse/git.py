"""Read-only access to Git: commits and their files."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path

from gatehouse.errors import GatehouseError

# Variables that git sets for its hooks. With them, a command in another folder would use the hook's
# repository.
_OF_A_HOOK = (
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_COMMON_DIR",
    "GIT_OBJECT_DIRECTORY",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_NAMESPACE",
    "GIT_PREFIX",
)

# Names that git looks up in its own folder before any branch, and full hashes.
_WHOLE = re.compile(r"(FETCH_|ORIG_|MERGE_)?HEAD([~^@].*)?|[0-9a-f]{40}|[0-9a-f]{64}")


def environment() -> dict[str, str]:
    """Return this process's environment without variables that select another repository."""
    return {name: value for name, value in os.environ.items() if name not in _OF_A_HOOK}


def git(*arguments: str, root: Path = Path(), **variables: str) -> str:
    """Return the standard output of a git command; `variables` are added to its environment.

    Raises:
        GatehouseError: git is not installed, or the command failed; the error quotes its last line.
    """
    try:
        text = git_bytes(*arguments, root=root, variables=variables).decode()
    except UnicodeDecodeError:
        raise GatehouseError(f"git {arguments[0]} {arguments[-1]}: is not UTF-8 text") from None
    return text.replace("\r\n", "\n").replace("\r", "\n")


def git_bytes(
    *arguments: str,
    root: Path = Path(),
    stdin: bytes | None = None,
    variables: Mapping[str, str] | None = None,
) -> bytes:
    """Return the standard output of a git command as bytes; the command reads `stdin`.

    Raises:
        GatehouseError: as `git` does.
    """
    try:
        done = subprocess.run(
            ["git", *arguments],
            cwd=root,
            env=environment() | dict(variables or {}),
            input=stdin,
            capture_output=True,
            check=False,
        )
    except FileNotFoundError:
        raise GatehouseError("git is not installed; install it, then try again") from None
    if done.returncode:
        reason = done.stderr.decode(errors="replace").strip().splitlines()
        raise GatehouseError(f"git {arguments[0]}: {reason[-1] if reason else 'failed'}")
    return done.stdout


def commit_of(ref: str, root: Path = Path()) -> str:
    """Return the commit that `ref` (a branch, tag or hash) names.

    A branch takes precedence over a tag of the same name, because anybody may push a tag. Git does
    it the other way round.

    Raises:
        GatehouseError: there is no such commit, or no repository.
    """
    git("rev-parse", "--git-dir", root=root)  # raises with git's reason if this is not a repository
    whole = _WHOLE.fullmatch(ref) is not None
    for name in (ref,) if whole else (f"refs/heads/{ref}", f"refs/remotes/{ref}", ref):
        with contextlib.suppress(GatehouseError):
            return git("rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}",
                       root=root).strip()  # fmt: skip
    raise GatehouseError(
        f"'{ref}' is not a commit here; fetch it first (git fetch origin), or name another"
    )


def file_at(commit: str, path: Path, root: Path = Path()) -> str | None:
    """Return the text of a file in a commit, by its path from `root`, or None if it is missing.

    Raises:
        GatehouseError: the commit has the file, but its text can't be read.
    """
    name = f"./{path.as_posix()}"
    if not git("ls-tree", "--name-only", commit, "--", name, root=root):
        return None
    return git("show", f"{commit}:{name}", root=root)
