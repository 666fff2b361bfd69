"""External programs that a release runs: announced, found on PATH, with their own errors."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import click

from gatehouse.errors import GatehouseError

_SHOWN = 3
"""Number of last output lines that an error repeats if no line is marked as an error."""
_LONGEST = 1000
TIME_LIMIT = 1800
"""Maximum seconds that a program may take."""


class ToolError(GatehouseError):
    """A program exited with the code `code`."""

    def __init__(self, doing: str, code: int, output: str) -> None:
        self.code = code
        lines = [line.strip() for line in output.splitlines() if line.strip()]
        errors = [line for line in lines if line.lower().startswith("error")][:1]
        reason = " / ".join(errors or lines[-_SHOWN:]) or "no reason was given"
        super().__init__(f"could not {doing}: {reason[:_LONGEST]}")


def found(name: str) -> bool:
    """Return whether the program `name` is on PATH."""
    return shutil.which(name) is not None


def announce(doing: str) -> None:
    """Print on standard error what begins now, because it can take a minute."""
    click.echo(f"... {doing}", err=True)


def run(words: Sequence[str | Path], doing: str, root: Path | None = None, **variables: str) -> str:
    """Announce and run a program; return its standard output.

    Args:
        words: the program and its arguments.
        doing: the purpose, for the announcement and for errors.
        root: the folder that it runs in; this one by default.
        **variables: added to its environment.

    Raises:
        GatehouseError: the program is not installed, or took longer than TIME_LIMIT.
        ToolError: it failed.
    """
    announce(doing)
    try:
        done = subprocess.run(
            [str(word) for word in words],
            cwd=root,
            env=os.environ | variables,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=TIME_LIMIT,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise GatehouseError(
            f"could not {doing}: {words[0]} took longer than {TIME_LIMIT} s and was stopped"
        ) from None
    except FileNotFoundError:
        raise GatehouseError(
            f"{words[0]} is not installed, and is needed to {doing}; docs/release.md says "
            "where to get it"
        ) from None
    if done.returncode:
        raise ToolError(doing, done.returncode, f"{done.stdout}\n{done.stderr}")
    return done.stdout
