"""The library's wheel: built from a commit that has the source, and locked."""

from __future__ import annotations

import io
import re
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import NamedTuple

from gatehouse.digest import file_digest
from gatehouse.errors import GatehouseError
from gatehouse.git import git_bytes
from gatehouse.places import LIBRARY_LOCK, SOURCE, VENDOR
from gatehouse.template.git_trees import Entry, Tree, text_of, with_bytes

_AT_URL = re.compile(r"gatehouse @ (\S*/)gatehouse-([^-/\s]+)-[^/\s]+\.whl\s")
"""A lock's line that names a wheel by its URL."""
_EPOCH = "1580601600"
"""2020-02-02, hatchling's default timestamp for the files of a wheel."""


class Wheel(NamedTuple):
    """A wheel of the library.

    Attributes:
        name: of its file.
        content: its bytes; the same for the same sources.
        lock: the line that pins it, with its SHA-256.
    """

    name: str
    content: bytes
    lock: str


def wheel_at(commit: str, root: Path) -> Wheel:
    """Build the library from a commit of `root`, without network access.

    Raises:
        GatehouseError: the commit has no source of the library, or it can't be built.
    """
    archive = git_bytes("archive", "--format=tar", commit, "--", SOURCE, root=root)
    with tempfile.TemporaryDirectory(prefix="gatehouse-wheel-") as folder:
        with tarfile.open(fileobj=io.BytesIO(archive)) as files:
            files.extractall(folder, filter="data")
        made = Path(folder) / "wheel"
        _build(Path(folder) / SOURCE, made)
        (file,) = made.iterdir()
        digest = file_digest(file).removeprefix("sha256:")
        version = file.name.split("-")[1]
        lock = f"gatehouse=={version} --hash=sha256:{digest}\n"
        return Wheel(file.name, file.read_bytes(), lock)


def raise_wheel(old: Tree, mine: Tree, new: Tree, commit: str, root: Path) -> str | None:
    """Make a merge replace our wheel by the library's wheel of a commit.

    The wheel is built from the commit's source, so the lock's SHA-256 is the source's own and
    nobody has to vouch for it. An index or a URL must serve the same bytes to be installed.

    Args:
        old: our current version; changed in place.
        mine: ours; if it locks no wheel, nothing is done.
        new: the version to merge; changed in place.
        commit: of the version to merge.
        root: the repository.

    Returns:
        A line that describes the change, if any.
    """
    lock = LIBRARY_LOCK.as_posix()
    if lock not in mine:
        return None
    wheel = wheel_at(commit, root)
    ours = [path for path in mine if path.startswith(f"{VENDOR}/gatehouse-")]
    for path in (*ours, lock):
        old[path] = mine[path]
        new.pop(path, None)
    line = _locked(wheel, text_of(mine[lock], root) or "")
    new[lock] = with_bytes(Entry("100644", ""), line.encode(), root)
    if not ours:
        return f"{lock}: the library of the new version, by the hash of its wheel; next: make setup"
    new[f"{VENDOR}/{wheel.name}"] = with_bytes(Entry("100644", ""), wheel.content, root)
    return f"{VENDOR}/{wheel.name}: the library of the new version; next: make setup"


def _locked(wheel: Wheel, before: str) -> str:
    """Return the line that locks a wheel; at the URL where the lock named one before."""
    if not (found := _AT_URL.match(before)):
        return wheel.lock
    folder, version = found.groups()
    pinned, _, digest = wheel.lock.partition(" ")
    folder = folder.replace(version, pinned.removeprefix("gatehouse=="))
    return f"gatehouse @ {folder}{wheel.name} {digest}"


def _build(project: Path, folder: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-P", "-m", "hatchling", "build", "--target", "wheel",
         "--directory", str(folder)],
        cwd=project, env={"PATH": "", "SOURCE_DATE_EPOCH": _EPOCH}, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    if done.returncode:
        output = (done.stdout + done.stderr).strip().splitlines() or ["no reason was given"]
        raise GatehouseError(f"could not build the library's wheel: {output[-1]}")
