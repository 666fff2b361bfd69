"""A small fork: the library as a locked wheel, in an environment of the fork's own."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from tests.end_to_end.clone import REPOSITORY, Clone
from tests.workflows.act import packages_of_the_tests
from tests.workflows.stand_ins.environment import make_environment


class Slim(Clone):
    """A fork after `gatehouse template slim`, whose commands are those of its .venv."""

    @classmethod
    def copied(cls, made: Path, root: Path) -> Self:
        """A copy of what the fixture `slim_fork` made, with an environment of its own."""
        left_out = shutil.ignore_patterns(".venv")
        shutil.copytree(made / "work", root, symlinks=True, ignore=left_out)
        fork = cls(root)
        fork.set_up()
        return fork

    @property
    def python(self) -> Path:
        return self.root / ".venv/bin/python"

    @property
    def variables(self) -> Mapping[str, str]:
        around = self.root.parent
        own = {"GATEHOUSE_TORCH": "cpu", "PRE_COMMIT_HOME": str(around / "pre-commit")}
        return packages_of_the_tests(around) | own

    def set_up(self) -> None:
        """Make .venv: the wheel installed as scripts/install.sh does, and the tests' packages."""
        make_environment(self.root, os.environ | self.variables)

    def check(self) -> str:
        """Run `make check`; its output."""
        # Without the cache, mypy would read all libraries again.
        if (REPOSITORY / ".mypy_cache").is_dir():
            shutil.copytree(REPOSITORY / ".mypy_cache", self.root / ".mypy_cache")
        return self.run("make", "check")
