"""Where code is in a repository: the library's and its own."""

from __future__ import annotations

import os
from pathlib import Path

LIBRARY = "packages/gatehouse/src/gatehouse"
"""The library's source, in a repository that has it."""
OWN = "src"
"""The repository's own packages, `gates` and `pipeline`."""


def code_path(root: Path) -> str:
    """What goes on PYTHONPATH, so that the code of `root` runs, and not the installed one's."""
    folders = (root / Path(LIBRARY).parent, root / OWN)
    return os.pathsep.join(str(folder.resolve()) for folder in folders)
