"""Erase logged rows in place: by key, by request, by age."""

from __future__ import annotations

import lzma
import os
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from gatehouse.errors import GatehouseError
from gatehouse.monitor.log_files import LOG, File, find
from gatehouse.monitor.record import BROKEN
from gatehouse.privacy.rewrite import erase_in_packed, erase_in_parquet, erase_in_plain, packing_of
from gatehouse.privacy.wanted import Lines, Wanted

_FAILURES = (OSError, EOFError, ValueError, zlib.error, lzma.LZMAError, GatehouseError)


@dataclass
class Found:
    """The rows that were erased, or would be."""

    rows: dict[str, int] = field(default_factory=dict)
    """Number of rows by file; only files with some."""
    files: int = 0
    undated: int = 0
    """Broken lines without a time, which were kept."""
    failed: list[str] = field(default_factory=list)
    """A message for each file that could not be processed, or was skipped."""


def forget(log: str, wanted: Wanted, *, dry: bool, advance: Callable[[int], object]) -> Found:
    """Erase rows from a file, or from all files of a folder, and from the monitor's kept lines.

    Files of the folder whose names are not a log's are kept, and reported as failed.

    Args:
        log: path of a file, of a folder, or a pattern; not a URL.
        wanted: which rows.
        dry: only count.
        advance: called with the bytes of each finished file.

    Raises:
        GatehouseError: there is no such log, or it is not on this machine.
    """
    if "://" in log:
        raise GatehouseError(
            "--log is a URL; rows are erased on this machine only. Let a lifecycle rule of the "
            "bucket delete what is old; for one person copy the files here, forget, and put them "
            "back (docs/privacy.md)"
        )
    found = Found()
    seen: set[tuple[int, int]] = set()
    known: set[str] = set()
    # Repeat until a listing finds nothing new: files are rotated meanwhile, which renames them.
    while True:
        # List these before the log's own files, so that files renamed by a rotation are only in the
        # later listing.
        there, unlisted = _all_files(log)
        files = _files(log, there)
        known |= {file.path for file in files}
        new = [file for file in files if _identity(file.path) not in seen | {None}]
        if not new:
            break
        for file in new:
            _forget_in(file, wanted, found, seen, dry=dry, advance=advance)
    found.failed += unlisted
    found.failed += [
        f"{path}: skipped, because its name does not end like a log's ({', '.join(LOG)}, and the "
        "suffixes of rotation and compression); rename or remove it, or name the log by a pattern"
        for path in there
        if path not in known and _may_hold_rows(path)
    ]
    return found


def _files(log: str, there: list[str]) -> list[File]:
    aside = find(str(BROKEN)) if BROKEN.exists() else []
    try:
        return [*find(log), *aside]
    except GatehouseError:
        if not any(map(_may_hold_rows, there)):
            raise
        return aside  # each file in the folder is reported as skipped


def _all_files(log: str) -> tuple[list[str], list[str]]:
    """Return all entries of the folder, with links to folders, and those that can't be listed."""
    from fsspec.core import url_to_fs

    there: list[str] = []
    failed: list[str] = []
    top = url_to_fs(log)[1]
    if not os.path.isdir(top):  # noqa: PTH112 - fsspec's path is text
        return there, failed

    def note(error: OSError) -> None:
        failed.append(f"{error.filename}: {_reason(error)}")

    for folder, folders, files in os.walk(top, onerror=note):
        paths = [os.path.join(folder, name) for name in (*folders, *files)]  # noqa: PTH118
        there += [path for path in paths if not os.path.isdir(path) or os.path.islink(path)]  # noqa: PTH112, PTH114
    return sorted(there), failed


def _may_hold_rows(path: str) -> bool:
    """Return whether the file still exists and is not empty."""
    try:
        status = os.lstat(path)
    except OSError:
        return False
    return status.st_size > 0


def _identity(path: str) -> tuple[int, int] | None:
    try:
        status = os.stat(path)  # noqa: PTH116 - fsspec's path is text
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _forget_in(
    file: File,
    wanted: Wanted,
    found: Found,
    seen: set[tuple[int, int]],
    *,
    dry: bool,
    advance: Callable[[int], object],
) -> None:
    path, lines = Path(file.path), Lines(wanted)
    in_place = not file.is_parquet and packing_of(path) is None
    try:
        with path.open("r+b" if in_place and not dry else "rb") as stream:
            status = os.fstat(stream.fileno())
            if (status.st_dev, status.st_ino) in seen:
                return
            seen.add((status.st_dev, status.st_ino))
            if in_place:
                count = erase_in_plain(stream, lines, dry=dry)
            elif file.is_parquet:
                count = erase_in_parquet(path, wanted, dry=dry)
            else:
                count = erase_in_packed(path, lines, dry=dry)
    except FileNotFoundError:
        return  # rotated; the next listing finds it under its new name
    except _FAILURES as error:
        seen.add(_identity(file.path) or (0, 0))
        found.failed.append(f"{file.name}: {_reason(error)}")
        return
    found.files += 1
    found.undated += lines.undated
    if count:
        found.rows[file.name] = found.rows.get(file.name, 0) + count
        if not in_place and not dry:
            seen.add(_identity(file.path) or (0, 0))  # it is another file now
    advance(status.st_size)


def _reason(error: BaseException) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return " ".join(str(error).split())[:300] or type(error).__name__
