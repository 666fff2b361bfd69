"""Hides each package that no set has which the job installed: loaded by every Python of .venv.

The packages are the tests' own, so that without this a job would find what its set lacks. A set is
installed once install.sh has touched its stamp; before the first, nothing is hidden.
"""

from __future__ import annotations

import json
import os
import re
import sys
from importlib.machinery import PathFinder
from pathlib import Path
from typing import Any

ALWAYS = {"gatehouse", "pip", "setuptools", "uv"}
TRAINING = {"run", "extras", "dev"}


def allowed(root: Path) -> set[str]:
    """The distributions of the sets that are installed, by their normalized names; none: all."""
    stamps = [path for path in (root / ".venv").glob(".installed-*") if path.stat().st_mtime > 0]
    sets = {path.name.removeprefix(".installed-") for path in stamps}
    found = set[str]()
    for name in sets:
        lock = (root / "requirements" / f"{name}.txt").read_text("utf-8")
        found |= set(re.findall(r"^([A-Za-z0-9_.-]+)==", lock, re.MULTILINE))
    if sets:
        found |= ALWAYS | ({"torch"} if sets & TRAINING else set())
    return {normalized(name) for name in found}


def normalized(name: str) -> str:
    return re.sub("[-_.]+", "-", name.lower())


names = allowed(Path(sys.prefix).parent)
owners: dict[str, list[str]] = (
    json.loads(Path(os.environ["STAND_IN_OWNERS"]).read_text("utf-8")) if names else {}
)


class OfTheSets(PathFinder):
    """Python's own finder, to which a refused package is not there."""

    @classmethod
    def find_spec(cls, fullname: str, *args: Any) -> Any:
        of = owners.get(fullname, ())
        return None if of and not names & set(of) else super().find_spec(fullname, *args)

    @classmethod
    def find_distributions(cls, *args: Any) -> Any:
        """Their metadata are not there either: torch looks there for packages that it can use."""
        for each in super().find_distributions(*args):
            if normalized(each.name) in names:
                yield each


if names:
    sys.meta_path[sys.meta_path.index(PathFinder)] = OfTheSets
