"""Records files that were made elsewhere in `dvc.lock`, as if the stages had made them here."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from gatehouse.digest import dvc_md5
from gatehouse.errors import GatehouseError
from gatehouse.lock.file import dump_lock, parse_lock

_EXECUTABLE = 0o111


def relock(text: str, root: Path, paths: Iterable[str], name: str = "dvc.lock") -> str:
    """Return the lock file with the current hashes of files and folders.

    Args:
        text: text of a `dvc.lock`.
        root: the folder that the lock's paths start from.
        paths: paths whose dependency and output entries, and those of folders that contain them,
            are updated from the files at `root`; all others stay. A path without an entry changes
            nothing.
        name: name of the lock file, for errors.

    Returns:
        The lock file's text, as DVC writes it.

    Raises:
        GatehouseError: the text is not a lock file, or an entry's file does not exist.
    """
    lock, wanted = parse_lock(text, name), set(paths)
    for stage in lock.get("stages", {}).values():
        for entry in [*stage.get("deps", []), *stage.get("outs", [])]:
            if any(path == entry["path"] or _lies_in(path, entry["path"]) for path in wanted):
                _record(entry, root / entry["path"])
    return dump_lock(lock)


def _lies_in(path: str, folder: str) -> bool:
    return path.startswith(f"{folder}/")


def _record(entry: dict[str, Any], path: Path) -> None:
    """Write the entry of a file or folder, with keys in DVC's order."""
    if not path.exists():
        raise GatehouseError(f"{path}: there is no such file, so dvc.lock cannot record it")
    for key in [key for key in entry if key not in ("path", "hash")]:
        del entry[key]
    entry["md5"] = dvc_md5(path)
    if path.is_dir():
        files = [file for file in path.rglob("*") if file.is_file()]
        entry["size"] = sum(file.stat().st_size for file in files)
        entry["nfiles"] = len(files)
        return
    entry["size"] = path.stat().st_size
    if path.stat().st_mode & _EXECUTABLE:
        entry["isexec"] = True
