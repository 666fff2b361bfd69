"""Git, read only: commits and the files in them."""

from __future__ import annotations

import subprocess
from pathlib import Path

from gatehouse.errors import GatehouseError


def git(*arguments: str, root: Path = Path()) -> str:
    """Standard output of a git command.

    Raises:
        GatehouseError: git is not installed, or the command failed; its last line is told.
    """
    try:
        done = subprocess.run(  # noqa: S603 - arguments are ours; refs are checked by rev-parse
            ["git", *arguments],  # noqa: S607 - git is found on the user's PATH
            cwd=root,
            capture_output=True,
            text=True,
            check=False,
        )
    except FileNotFoundError:
        raise GatehouseError("git is not installed; install it, then try again") from None
    if done.returncode:
        reason = done.stderr.strip().splitlines()
        raise GatehouseError(f"git {arguments[0]}: {reason[-1] if reason else 'failed'}")
    return done.stdout


def commit_of(ref: str, root: Path = Path()) -> str:
    """The commit that `ref` (a branch, tag or hash) names.

    Raises:
        GatehouseError: there is no such commit.
    """
    try:
        return git("rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}",
                   root=root).strip()  # fmt: skip
    except GatehouseError:
        raise GatehouseError(
            f"'{ref}' is no commit here; fetch it first (git fetch origin), or name another"
        ) from None


def file_at(commit: str, path: Path, root: Path = Path()) -> str | None:
    """The text of a file in a commit; None where the commit has no such file."""
    try:
        return git("show", f"{commit}:{path.as_posix()}", root=root)
    except GatehouseError:
        return None
