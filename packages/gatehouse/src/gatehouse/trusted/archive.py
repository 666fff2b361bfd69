"""The candidate's archive, unpacked as data that nobody vouches for."""

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
# A thousand entries with names as long as a candidate's fit several times over.
_DIRECTORY_LIMIT = 2 << 20
# What actions/upload-artifact writes. The others unpack without a limit on their memory.
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
"""Files of a candidate; all other names are refused, so that none leads out of the folder."""


def unpack(
    path: Path,
    folder: Path,
    limit: int,
    *,
    names: re.Pattern[str] = NAME,
    text_limit: int = 1,
) -> None:
    """Unpack the archive at `path` into `folder`, which is new.

    Args:
        path: of the archive.
        folder: to be made.
        limit: megabytes that all files together may have.
        names: of the files that may be in it; by default a candidate's.
        text_limit: megabytes that a file may have which is no table and no graph.

    Only plain files are taken, each once.

    Raises:
        GatehouseError: the archive is damaged, too large, or holds anything else.
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
    """A file of which no read returns more than `_DIRECTORY_LIMIT` bytes.

    zipfile reads an archive's list of entries at once, and makes an object of each, before one can
    be looked at; the list of a large archive would fill the memory.
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
            continue  # folders come with the files in them
        # zipfile cuts a name at a NUL, and lets an extra field give another one.
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
    """Bytes written; what the archive says of its sizes is not believed."""
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
    """The error of a candidate that has more than `limit` megabytes."""
    return GatehouseError(
        f"the candidate is larger than {limit} MB; raise the repository variable CANDIDATE_MB, "
        "or make data and model smaller"
    )
