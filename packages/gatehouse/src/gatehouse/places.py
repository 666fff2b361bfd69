"""Where code and settings are in a repository."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Iterator
from pathlib import Path

from gatehouse.errors import GatehouseError

PARAMS = Path("params.yaml")
"""The pipeline's settings."""
SOURCE = "packages/gatehouse"
"""The library's project, in a repository that contains its source."""
LIBRARY = f"{SOURCE}/src/gatehouse"
VENDOR = "vendor"
"""The library's wheel, in a small fork."""
LIBRARY_LOCK = Path("requirements/gatehouse.txt")
"""The wheel's version and SHA-256."""
OWN = "src"
"""The repository's own packages, `gates` and `pipeline`."""
PACKAGE = Path(__file__).parent
"""The folder of the running library."""


def code_path(root: Path) -> str:
    """Return the PYTHONPATH that runs the code of `root` instead of the installed code."""
    folders = [root / Path(LIBRARY).parent, root / OWN]
    return os.pathsep.join(str(folder.resolve()) for folder in folders if folder.is_dir())


def wheel_of(root: Path) -> Path | None:
    """Return the library's wheel in `root`, or None if there is none.

    Raises:
        GatehouseError: there are several.
    """
    found = sorted((root / VENDOR).glob("gatehouse-*.whl"))
    if len(found) > 1:
        raise GatehouseError(
            f"{VENDOR}/ has {len(found)} wheels of gatehouse; keep the one of {LIBRARY_LOCK}"
        )
    return found[0] if found else None


def is_library_of(root: Path) -> bool:
    """Return whether the running library is the one in `root`, as source or as its wheel.

    A wheel is compared file by file. A repository that has neither installs the library from an
    index, by the hash in its lock.
    """
    if (root / LIBRARY).is_dir():
        return PACKAGE.resolve() == (root / LIBRARY).resolve()
    wheel = wheel_of(root)
    if wheel is None:
        return True
    return all(
        (PACKAGE.parent / name).is_file() and (PACKAGE.parent / name).read_bytes() == content
        for name, content in code_of(wheel)
    )


def code_of(wheel: Path) -> Iterator[tuple[str, bytes]]:
    """Yield the library's files in its wheel, by their paths in `site-packages`."""
    with zipfile.ZipFile(wheel) as files:
        for name in files.namelist():
            if name.startswith(f"{PACKAGE.name}/"):
                yield name, files.read(name)
