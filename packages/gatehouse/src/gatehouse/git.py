"""Git, read only: commits and the files in them."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path

from gatehouse.errors import GatehouseError

# What git sets for its hooks: a command in another folder would act on the hook's repository.
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

# Names that git finds in its own folder before any branch, and whole hashes.
_WHOLE = re.compile(r"(FETCH_|ORIG_|MERGE_)?HEAD([~^@].*)?|[0-9a-f]{40}|[0-9a-f]{64}")


def environment() -> dict[str, str]:
    """This process's environment, less what would point git at another repository."""
    return {name: value for name, value in os.environ.items() if name not in _OF_A_HOOK}


def git(*arguments: str, root: Path = Path(), **variables: str) -> str:
    """Standard output of a git command; `variables` are added to its environment.

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
    """The same as bytes, whatever they are; the command reads `stdin`.

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
    """The commit that `ref` (a branch, tag or hash) names.

    A branch goes before a tag of its name, which anybody may push: git has it the other way round.

    Raises:
        GatehouseError: there is no such commit, or no repository.
    """
    git("rev-parse", "--git-dir", root=root)  # tells why where this is no repository
    whole = _WHOLE.fullmatch(ref) is not None
    for name in (ref,) if whole else (f"refs/heads/{ref}", f"refs/remotes/{ref}", ref):
        with contextlib.suppress(GatehouseError):
            return git("rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}",
                       root=root).strip()  # fmt: skip
    raise GatehouseError(
        f"'{ref}' is not a commit here; fetch it first (git fetch origin), or name another"
    )


def file_at(commit: str, path: Path, root: Path = Path()) -> str | None:
    """The text of a file in a commit, by its path from `root`; None where it has no such file.

    Raises:
        GatehouseError: the commit has the file, but its text can't be had.
    """
    name = f"./{path.as_posix()}"
    if not git("ls-tree", "--name-only", commit, "--", name, root=root):
        return None
    return git("show", f"{commit}:{name}", root=root)
