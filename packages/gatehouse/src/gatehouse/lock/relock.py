"""Record files that were made elsewhere in `dvc.lock`, as if the stages had made them here."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from gatehouse.digest import dvc_md5
from gatehouse.errors import GatehouseError
from gatehouse.lock.file import dump_lock, parse_lock

_EXECUTABLE = 0o111


def relock(text: str, root: Path, paths: Iterable[str], name: str = "dvc.lock") -> str:
    """The lock file with the hashes that files and folders have now.

    Args:
        text: of a `dvc.lock`.
        root: the folder that the lock's paths start from.
        paths: whose dependency and output entries, and those of folders that hold them, are
            brought in line with what is at `root`; all others stay. A path without an entry
            changes nothing.
        name: of the lock file, for errors.

    Returns:
        The lock file's text, as DVC writes it.

    Raises:
        GatehouseError: the text is no lock file, or an entry's file is not there.
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
    """Write what DVC records of a file or folder, in DVC's order of keys."""
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
