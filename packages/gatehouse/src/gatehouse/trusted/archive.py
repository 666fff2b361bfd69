"""Unpacks the candidate's archive as untrusted data."""

from __future__ import annotations

import io
import re
import shutil
import stat
import zipfile
from pathlib import Path
from typing import IO

from gatehouse.errors import GatehouseError

MEGABYTE = 1_000_000
ENTRIES = 200
TEXT_LIMIT = 1 * MEGABYTE

_CHUNK = 1 << 20
# A thousand entries with names as long as a candidate's fit into this several times.
_DIRECTORY_LIMIT = 2 << 20
# The methods that actions/upload-artifact writes. Others unpack without a limit on memory.
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_ENCRYPTED = 0x1
_NO_TEXT = ("data/", "models/")
"""Folders of tables and graphs."""
NAME = re.compile(
    r"dvc\.lock"
    r"|data/raw/[A-Za-z0-9][\w.-]{0,99}\.parquet"
    r"|data/(own|snapshots)/[A-Za-z0-9][\w.-]{0,99}\.(parquet|csv|csv\.gz)"
    r"|models/[A-Za-z0-9][\w.-]{0,99}\.onnx"
    r"|reports/train(/[A-Za-z0-9][\w.-]{0,99}){1,6}",
    re.ASCII,
)
"""Allowed files of a candidate. All other names are refused, so no file can leave the folder."""


def unpack(
    path: Path,
    folder: Path,
    limit: int,
    *,
    names: re.Pattern[str] = NAME,
    text_limit: int = 1,
) -> None:
    """Unpack the archive at `path` into `folder`, which is new.

    Only plain files are accepted, each once.

    Args:
        path: the archive.
        folder: the folder to create.
        limit: maximum total size of the files in megabytes.
        names: pattern of the allowed file names; by default those of a candidate.
        text_limit: maximum size in megabytes of a file that is neither a table nor a graph.

    Raises:
        GatehouseError: the archive is damaged, too large, or contains anything else.
    """
    folder.mkdir(parents=True)
    try:
        with _Bounded(path) as file, zipfile.ZipFile(file) as archive:
            entries = archive.infolist()
            _check(entries, limit, names)
            left = limit * MEGABYTE
            for entry in entries:
                if entry.is_dir():
                    continue
                target = folder / entry.filename
                target.parent.mkdir(parents=True, exist_ok=True)
                with archive.open(entry) as source:
                    is_text = not entry.filename.startswith(_NO_TEXT)
                    left -= _copy(source, target, left, limit, text_limit if is_text else limit)
    except GatehouseError:
        shutil.rmtree(folder)
        raise
    except Exception as error:  # zipfile raises six classes, and each decompressor its own
        shutil.rmtree(folder)
        raise GatehouseError(f"the candidate's archive is damaged ({error})") from None


class _Bounded(io.FileIO):
    """A file that never returns more than `_DIRECTORY_LIMIT` bytes per read.

    zipfile reads an archive's list of entries at once and creates an object for each entry before
    the caller can check any. The list of a large archive would fill the memory.
    """

    def read(self, size: int | None = -1, /) -> bytes:
        if size is None or size < 0:
            size = _DIRECTORY_LIMIT
        if size > _DIRECTORY_LIMIT:
            raise GatehouseError(f"the candidate's archive has too many files, over {ENTRIES}")
        return super().read(size)


def _check(entries: list[zipfile.ZipInfo], limit: int, names: re.Pattern[str]) -> None:
    if len(entries) > ENTRIES:
        raise GatehouseError(f"the candidate's archive has {len(entries)} files, over {ENTRIES}")
    seen: set[str] = set()
    for entry in entries:
        name = entry.filename
        holds = f"the candidate's archive holds {name[:200]!r}"
        if entry.is_dir():
            continue  # folders are created with their files
        # zipfile cuts a name at a NUL, and an extra field can replace the name.
        if name != entry.orig_filename or not names.fullmatch(name):
            raise GatehouseError(f"{holds}, which is no part of a candidate")
        if stat.S_IFMT(entry.external_attr >> 16) not in (0, stat.S_IFREG):
            raise GatehouseError(f"{holds}, which is not a plain file")
        if entry.flag_bits & _ENCRYPTED or entry.compress_type not in _METHODS:
            raise GatehouseError(
                f"{holds}, which is encrypted, or compressed other than by deflate"
            )
        if name.lower() in seen:
            raise GatehouseError(f"{holds} twice")
        seen.add(name.lower())
    if sum(entry.file_size for entry in entries) > limit * MEGABYTE:
        raise too_large(limit)


def _copy(source: IO[bytes], target: Path, left: int, limit: int, text_limit: int) -> int:
    """Copy and return the number of bytes written. Sizes stated in the archive are not trusted."""
    size = 0
    with target.open("xb") as stream:
        while chunk := source.read(_CHUNK):
            size += len(chunk)
            if size > left:
                raise too_large(limit)
            if size > text_limit * MEGABYTE:
                raise GatehouseError(
                    f"the candidate's {target.name} is larger than {text_limit} MB"
                )
            stream.write(chunk)
    return size


def too_large(limit: int) -> GatehouseError:
    """Return the error for a candidate larger than `limit` megabytes."""
    return GatehouseError(
        f"the candidate is larger than {limit} MB; raise the repository variable CANDIDATE_MB, "
        "or make data and model smaller"
    )
