"""Erase rows in one file of the log: plain, compressed or Parquet.

The service may be writing to an uncompressed file. A line there is overwritten with spaces, which
readers skip, so that nothing moves and nothing that is appended meanwhile is lost. Nobody writes to
compressed and Parquet files: each is rewritten to a new file, which then replaces it.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING

from gatehouse.errors import GatehouseError
from gatehouse.privacy.wanted import Lines, Wanted, moment

if TYPE_CHECKING:
    import pyarrow as pa

LONGEST = 2**26
"""Maximum bytes of a line; longer lines are not searched."""
_SETTLES = 1.0
"""Seconds in which a line that is being written is completed."""
_ROWS = 65_536


def erase_in_plain(stream: IO[bytes], lines: Lines, *, dry: bool) -> int:
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


def packing_of(path: Path) -> str | None:
    """Return fsspec's name of the compression that the file name implies."""
    from fsspec.utils import infer_compression

    return "zstd" if path.suffix == ".zst" else infer_compression(str(path))


def erase_in_packed(path: Path, lines: Lines, *, dry: bool) -> int:
    """Rewrite a compressed file without the rows; return their number."""
    import fsspec
    from fsspec.compression import compr

    packing = packing_of(path)
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


def erase_in_parquet(path: Path, wanted: Wanted, *, dry: bool) -> int:
    """Rewrite a Parquet file without the rows; return their number."""
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
