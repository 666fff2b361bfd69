"""Erase logged rows in place: by key, by request, by age.

The service may be writing to an uncompressed file. A line there is overwritten with spaces, which
readers skip, so that nothing moves and nothing that is appended meanwhile is lost. Nobody writes to
compressed and Parquet files: each is rewritten to a new file, which then replaces it.
"""

from __future__ import annotations

import contextlib
import json
import lzma
import os
import re
import shutil
import time
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from gatehouse.errors import GatehouseError
from gatehouse.monitor.files import LOG, File, find
from gatehouse.monitor.record import BROKEN

if TYPE_CHECKING:
    import pyarrow as pa

LONGEST = 2**26
"""Maximum bytes of a line; longer lines are not searched."""

_SETTLES = 1.0
"""Seconds in which a line that is being written is completed."""

_ROWS = 65_536
_TIME = re.compile(rb'"time": ?"([^"\\]{10,40})"')
_IN_NAME = rb"[A-Za-z0-9._:-]"
_FAILURES = (OSError, EOFError, ValueError, zlib.error, lzma.LZMAError, GatehouseError)


@dataclass(frozen=True)
class Wanted:
    """The rows to erase: those for which any of these is true."""

    pseudonyms: frozenset[str] = frozenset()
    request_ids: frozenset[str] = frozenset()
    before: datetime | None = None


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
    in_place = not file.is_parquet and _packing(path) is None
    try:
        with path.open("r+b" if in_place and not dry else "rb") as stream:
            status = os.fstat(stream.fileno())
            if (status.st_dev, status.st_ino) in seen:
                return
            seen.add((status.st_dev, status.st_ino))
            if in_place:
                count = _in_plain(stream, lines, dry=dry)
            elif file.is_parquet:
                count = _in_parquet(path, wanted, dry=dry)
            else:
                count = _in_packed(path, lines, dry=dry)
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


class Lines:
    """Decides which lines of one file, in their order, are to be erased."""

    def __init__(self, wanted: Wanted) -> None:
        self.wanted = wanted
        self._names = [name.encode() for name in wanted.pseudonyms | wanted.request_ids]
        any_of = b"|".join(map(re.escape, self._names))
        self._whole_name = re.compile(rb"(?<!%b)(?:%b)(?!%b)" % (_IN_NAME, any_of, _IN_NAME))
        self._latest: datetime | None = None
        self.undated = 0

    def wants(self, line: bytes) -> bool:
        """Return whether to erase the line; a blank one already was."""
        named = any(name in line for name in self._names)
        if (not named and self.wanted.before is None) or line.isspace():
            return False
        record = _record(line)
        if record is None:
            # If a line is cut short or merged with another, only its text can tell.
            return (named and self._whole_name.search(line) is not None) or self._is_old(line)
        return (
            record["request_id"] in self.wanted.request_ids
            or record.get("key") in self.wanted.pseudonyms
            or self._is_before(moment(record["time"]))
        )

    def _is_old(self, line: bytes) -> bool:
        """Judge by the time in a broken line, or else by that of the previous line."""
        if self.wanted.before is None:
            return False
        match = _TIME.search(line)
        found = moment(match[1].decode(errors="replace")) if match else None
        if found is None and self._latest is None:
            self.undated += 1
        return self._is_before(found)

    def _is_before(self, found: datetime | None) -> bool:
        self._latest = found or self._latest
        before = self.wanted.before
        return before is not None and self._latest is not None and self._latest < before


def _record(line: bytes) -> dict[str, Any] | None:
    """Return the record of a line, or None if it is not a record or lacks an identifier."""
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        return None
    names = ("time", "request_id")
    if not isinstance(record, dict) or not all(isinstance(record.get(n), str) for n in names):
        return None
    return record if isinstance(record.get("key", ""), str) else None


def moment(value: Any) -> datetime | None:
    """Return a datetime or ISO 8601 text as a time, in UTC if it has no zone; None if invalid."""
    try:
        found = value if isinstance(value, datetime) else datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return None
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)


def _in_plain(stream: IO[bytes], lines: Lines, *, dry: bool) -> int:
    """Overwrite rows with spaces; return their number."""
    count = offset = 0
    while line := _next_line(stream, offset):
        if lines.wants(line):
            count += 1
            if not dry:
                _blank(stream.fileno(), offset, len(line.rstrip(b"\r\n")))
        offset += len(line)
    if count and not dry:
        os.fsync(stream.fileno())
    return count


def _next_line(stream: IO[bytes], offset: int) -> bytes:
    line = stream.readline(LONGEST)
    until = time.monotonic() + _SETTLES
    while line and not line.endswith(b"\n"):
        if len(line) == LONGEST:
            raise GatehouseError(f"has a line longer than {LONGEST:,} bytes; this is not a log")
        # The line's rest, if written after the spaces, would become a separate line.
        is_old = time.time() - os.fstat(stream.fileno()).st_mtime > 2 * _SETTLES
        if is_old or time.monotonic() > until:
            break
        time.sleep(0.01)
        stream.seek(offset)
        line = stream.readline(LONGEST)
    return line


def _blank(file: int, offset: int, length: int) -> None:
    while length:
        written = os.pwrite(file, b" " * length, offset)
        offset, length = offset + written, length - written


def _packing(path: Path) -> str | None:
    """Return fsspec's name of the compression that the file name implies."""
    from fsspec.utils import infer_compression

    return "zstd" if path.suffix == ".zst" else infer_compression(str(path))


def _in_packed(path: Path, lines: Lines, *, dry: bool) -> int:
    import fsspec
    from fsspec.compression import compr

    packing = _packing(path)
    if packing not in compr:
        raise GatehouseError(f"{packing} needs the package zstandard, or unpack the file")
    with fsspec.open(str(path), "rb", compression=packing) as stream:
        count = sum(map(lines.wants, _whole_lines(stream)))
    if count and not dry:
        again = Lines(lines.wanted)
        with (
            fsspec.open(str(path), "rb", compression=packing) as stream,
            _anew(path) as raw,
            compr[packing](raw, mode="wb") as packed,
        ):
            packed.writelines(line for line in _whole_lines(stream) if not again.wants(line))
    return count


def _whole_lines(stream: IO[bytes]) -> Iterator[bytes]:
    while line := stream.readline(LONGEST):
        if len(line) == LONGEST:
            raise GatehouseError(f"has a line longer than {LONGEST:,} bytes; this is not a log")
        yield line


@contextlib.contextmanager
def _anew(path: Path) -> Iterator[IO[bytes]]:
    """Provide a stream whose content replaces `path` atomically."""
    before = path.stat()
    beside = path.with_name(f".{path.name}.partial")  # a leftover of a crash is overwritten
    try:
        with beside.open("wb") as stream:
            shutil.copymode(path, beside)
            with contextlib.suppress(PermissionError):
                os.chown(beside, before.st_uid, before.st_gid)
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        now = path.stat()
        if (now.st_ino, now.st_size, now.st_mtime_ns) != (
            before.st_ino, before.st_size, before.st_mtime_ns,
        ):  # fmt: skip
            raise GatehouseError("another program changed it; nothing is erased, run again")
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _in_parquet(path: Path, wanted: Wanted, *, dry: bool) -> int:
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    with pq.ParquetFile(path) as parquet:
        known = [n for n in ("time", "request_id", "key") if n in parquet.schema_arrow.names]
        if not known:
            raise GatehouseError("has no column time, request_id or key; is it a copy of the log?")
        batches = parquet.iter_batches(_ROWS, columns=known)
        count = sum(pc.sum(_mask(batch, wanted)).as_py() or 0 for batch in batches)
        if count and not dry:
            codec = parquet.metadata.row_group(0).column(0).compression
            codec = "NONE" if codec == "UNCOMPRESSED" else codec
            with (
                _anew(path) as raw,
                pq.ParquetWriter(raw, parquet.schema_arrow, compression=codec) as writer,
            ):
                for batch in parquet.iter_batches(_ROWS):
                    writer.write_batch(batch.filter(pc.invert(_mask(batch, wanted))))
    return int(count)


def _mask(batch: pa.RecordBatch, wanted: Wanted) -> pa.BooleanArray:
    """Return a mask of the rows to erase, shape [N]."""
    import pyarrow as pa
    import pyarrow.compute as pc

    def of(name: str, wants: Callable[[pa.Array], pa.Array]) -> pa.BooleanArray:
        if name not in batch.schema.names:
            return pa.array([False] * batch.num_rows, pa.bool_())
        return wants(batch.column(name)).fill_null(False)

    def one_of(names: Iterable[str]) -> Callable[[pa.Array], pa.Array]:
        values = pa.array(sorted(names), pa.string())
        return lambda column: pc.is_in(column.cast(pa.string()), value_set=values)

    def is_old(column: pa.Array) -> pa.Array:
        moments = (moment(value) for value in column.to_pylist())
        before = wanted.before
        old = [before is not None and found is not None and found < before for found in moments]
        return pa.array(old, pa.bool_())

    found = of("request_id", one_of(wanted.request_ids))
    found = pc.or_(found, of("key", one_of(wanted.pseudonyms)))
    return found if wanted.before is None else pc.or_(found, of("time", is_old))
