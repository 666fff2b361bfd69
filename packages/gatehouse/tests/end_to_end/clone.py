"""A checkout of its own for tests that run the whole of Gatehouse."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from gatehouse.places import code_path
from tests.sample import lay_owners, lay_sample
from tests.shared import LEAN

REPOSITORY = Path(__file__).parents[4]
_OWN = re.compile(r"reports/|dvc\.lock$|data/(?!own/README\.md$)")
"""What runs wrote, and rows; the folder data/own must be there."""


@dataclass(frozen=True)
class Clone:
    """A copy of this checkout as a Git repository of its own."""

    root: Path

    @property
    def places(self) -> str:
        """The clone's own code, before this environment's."""
        return code_path(self.root)

    @property
    def python(self) -> Path:
        """What runs its commands; beside it are the tools."""
        return Path(sys.executable)

    @property
    def variables(self) -> Mapping[str, str]:
        """What its commands find in their environment besides."""
        return {}

    def run(self, *command: str, code: int | None = 0) -> str:
        """Standard output and error of a command in the clone; fails on another exit code."""
        environment = os.environ | {
            "PYTHONPATH": os.pathsep.join([self.places, LEAN]),
            "PATH": os.pathsep.join([str(self.python.parent), os.environ["PATH"]]),
            "COLUMNS": "200",
            **self.variables,
        }
        done = subprocess.run(
            command, cwd=self.root, env=environment, capture_output=True, text=True, check=False
        )
        output = done.stdout + done.stderr
        assert code is None or done.returncode == code, output
        return output

    def gatehouse(self, *arguments: str, code: int | None = 0) -> str:
        return self.run(str(self.python), "-m", "gatehouse.cli", *arguments, code=code)

    def commit(self, message: str) -> None:
        self.run("git", "add", "--all")
        self.run("git", "commit", "--quiet", "--allow-empty", "--message", message)

    def replace(self, file: str, old: str, new: str) -> None:
        text = (self.root / file).read_text("utf-8")
        assert old in text, f"{file} has no {old!r}"
        (self.root / file).write_text(text.replace(old, new, 1), "utf-8")


def copy_checkout(root: Path) -> Clone:
    """Every file of this checkout that Git does not ignore, without past results.

    What a repository of one's own changes first, its rows and its owners, is the template's.
    """
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split("\0")
    for name in filter(None, listed):
        source, target = REPOSITORY / name, root / name
        if source.is_file() and not _OWN.match(name):
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)
    lay_sample(root)
    lay_owners(root)
    clone = Clone(root)
    clone.run("git", "init", "--quiet", "--initial-branch", "main")
    clone.run("git", "config", "user.name", "Tester")
    clone.run("git", "config", "user.email", "tester@example.org")
    clone.commit("A fork")
    return clone
