"""A table that nobody has prepared, block by block: CSV of any dialect, or Parquet.

Every value is text here, as the source `file` reads a CSV and casts a Parquet file's categories:
what is listed in the contract is then what the pipeline finds.
"""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import pyarrow as pa
from tqdm import tqdm

from gatehouse.errors import GatehouseError
from gatehouse.remote import one_line, without_row

SEPARATORS = ",;\t|"

_MARKS = {codecs.BOM_UTF8: "utf-8", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
_SNIFFED = 2**20
_SNIFFED_ROWS = 500
_CHUNK = 2**20
_BLOCK = 2**23
_BATCH_ROWS = 2**16
_QUICK_BYTES = 16 * 2**20
_COMMA = re.compile(r"\s*[+-]?\d+,\d+\s*")
_POINT = re.compile(r"\s*[+-]?\d+\.\d+\s*")
_THOUSANDS = re.compile(r"\s*[+-]?\d{1,3}(,\d{3})+\s*")


@dataclass(frozen=True)
class Dialect:
    """How a CSV file is written: the settings of `data.file` in params.yaml."""

    separator: str = ","
    encoding: str = "utf-8"
    decimal: str = "."


@dataclass(frozen=True)
class Table:
    """A file of rows on this machine.

    Attributes:
        path: of the file.
        name: what is told of it.
        ending: `.csv`, `.csv.gz` or `.parquet`, by its bytes.
        dialect: of a CSV.
        columns: names in the file's order.
        times: columns of Parquet that hold dates or times.
        unread: columns of Parquet that no contract has a type for (lists, bytes).
    """

    path: Path
    name: str
    ending: str
    dialect: Dialect
    columns: tuple[str, ...]
    times: frozenset[str] = field(default=frozenset())
    unread: frozenset[str] = field(default=frozenset())

    def blocks(self) -> Iterator[pa.Table]:
        """The rows in blocks of some thousands, every column as text; with a progress bar.

        Raises:
            GatehouseError: the file is broken.
        """
        size = self.path.stat().st_size
        quiet = True if size < _QUICK_BYTES else None  # None: a bar on a terminal only
        with tqdm(total=size, unit="B", unit_scale=True, desc="profile", disable=quiet) as bar:
            try:
                yield from self._parquet(bar) if self.ending == ".parquet" else self._csv(bar)
            except (OSError, EOFError, zlib.error, UnicodeError, pa.ArrowException) as error:
                raise GatehouseError(
                    f"{self.name}: cannot be read as {self.ending} ({without_row(error)})"
                ) from None

    def _csv(self, bar: Any) -> Iterator[pa.Table]:
        from pyarrow import csv as arrow

        types = dict.fromkeys(self.columns, pa.large_string())
        convert = arrow.ConvertOptions(column_types=types, strings_can_be_null=False)
        with self.path.open("rb") as raw:
            reader = arrow.open_csv(
                _unpacked(raw), _read_options(self.dialect), _parse_options(self.dialect), convert
            )
            for batch in reader:
                bar.update(raw.tell() - bar.n)
                yield pa.Table.from_batches([batch])

    def _parquet(self, bar: Any) -> Iterator[pa.Table]:
        from pyarrow import parquet

        file = parquet.ParquetFile(self.path)
        wanted = [name for name in self.columns if name not in self.unread]
        done, rows = 0, max(1, file.metadata.num_rows)
        for batch in file.iter_batches(_BATCH_ROWS, columns=wanted):
            done += batch.num_rows
            bar.update(bar.total * done // rows - bar.n)
            block = pa.Table.from_batches([batch])
            yield block.cast(pa.schema([(name, pa.large_string()) for name in block.column_names]))


def open_table(path: Path, name: str) -> Table:
    """The table at `path`, which is told as `name`; the bytes say what it is, not its ending.

    Raises:
        GatehouseError: it is no table, is empty, or names a column twice.
    """
    try:
        with path.open("rb") as raw:
            start = raw.read(4)
    except OSError as error:
        raise GatehouseError(f"{name}: cannot be read ({error.strerror})") from None
    if not start:
        raise GatehouseError(f"{name}: is empty")
    if start == b"PK\x03\x04":
        raise GatehouseError(
            f"{name}: is a zip archive, as Excel's files are; save the sheet as CSV, or unpack it"
        )
    if start == b"PAR1":
        table = _open_parquet(path, name)
    else:
        dialect = sniff(path, name)
        ending = ".csv.gz" if start.startswith(b"\x1f\x8b") else ".csv"
        table = Table(path, name, ending, dialect, _header(path, name, dialect))
    twice = sorted({column for column in table.columns if table.columns.count(column) > 1})
    if twice:
        raise GatehouseError(
            f"{name}: names the column {twice[0]!r} twice; rename one, or put "
            "a line of names first where the file has none"
        )
    return table


def _open_parquet(path: Path, name: str) -> Table:
    from pyarrow import parquet, types

    try:
        schema = parquet.ParquetFile(path).schema_arrow
    except (OSError, pa.ArrowException) as error:
        raise GatehouseError(f"{name}: cannot be read as Parquet ({one_line(error)})") from None
    times, unread = set(), set()
    for column in schema:
        kind = column.type.value_type if types.is_dictionary(column.type) else column.type
        if types.is_temporal(kind):
            times.add(column.name)
        elif types.is_nested(kind) or types.is_binary(kind) or types.is_large_binary(kind):
            unread.add(column.name)
    return Table(
        path, name, ".parquet", Dialect(), tuple(schema.names), frozenset(times), frozenset(unread)
    )


def sniff(path: Path, name: str) -> Dialect:
    """How the CSV file at `path` is written; every byte is looked at.

    Raises:
        GatehouseError: it is empty, no text, or cannot be unpacked.
    """
    try:
        with path.open("rb") as raw:
            start = _unpacked(raw).read(_SNIFFED)
        encoding = _encoding(path, start, name)
    except (OSError, EOFError, zlib.error) as error:
        raise GatehouseError(f"{name}: cannot be unpacked ({error}); was it cut short?") from None
    text = codecs.getincrementaldecoder(encoding)().decode(start).lstrip("\ufeff")
    if not text.strip():
        raise GatehouseError(f"{name}: is empty")
    records = {mark: _records(text, mark, whole=len(start) < _SNIFFED) for mark in SEPARATORS}
    separator = max(SEPARATORS, key=lambda mark: _fit(records[mark]))
    return Dialect(separator, encoding, _decimal(records[separator][1:], separator))


def _encoding(path: Path, start: bytes, name: str) -> str:
    """The first of UTF-8, Windows-1252 and Latin-1 that the whole file is; marks go before."""
    for mark, encoding in _MARKS.items():
        if start.startswith(mark):
            return encoding
    if start.count(0) > len(start) // 4:
        return "utf-16-le" if start[1::2].count(0) >= start[::2].count(0) else "utf-16-be"
    if 0 in start:
        raise GatehouseError(f"{name}: is neither text nor Parquet; save it as CSV")
    for encoding in ("utf-8", "cp1252"):
        decoder = codecs.getincrementaldecoder(encoding)()
        try:
            with path.open("rb") as raw:
                stream = _unpacked(raw)
                while chunk := stream.read(_CHUNK):
                    decoder.decode(chunk)
                decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            continue
        return encoding
    return "latin-1"


def _unpacked(raw: IO[bytes]) -> IO[bytes]:
    packed = raw.read(2) == b"\x1f\x8b"
    raw.seek(0)
    return gzip.GzipFile(fileobj=raw) if packed else raw  # type: ignore[return-value]


def _records(text: str, separator: str, *, whole: bool) -> list[list[str]]:
    """The first rows as they are if this is the separator; the last may be cut."""
    found: list[list[str]] = []
    try:
        for record in csv.reader(io.StringIO(text, newline=""), delimiter=separator):
            if record:
                found.append(record)
            if len(found) > _SNIFFED_ROWS:
                return found
    except csv.Error:  # a field of more than 128 KiB
        return found
    return found if whole else found[:-1]


def _fit(records: list[list[str]]) -> tuple[float, int]:
    """How well rows read by a separator make a table: the share of the header's width, and it."""
    width = len(records[0]) if records else 0
    if width < 2:
        return 0.0, 0
    return sum(len(record) == width for record in records) / len(records), width


def _decimal(records: list[list[str]], separator: str) -> str:
    cells = [cell for record in records for cell in record]
    commas = [cell for cell in cells if _COMMA.fullmatch(cell)]
    points = sum(bool(_POINT.fullmatch(cell)) for cell in cells)
    if separator == "," and all(_THOUSANDS.fullmatch(cell) for cell in commas):
        return "."
    return "," if len(commas) > points else "."


def _header(path: Path, name: str, dialect: Dialect) -> tuple[str, ...]:
    from pyarrow import csv as arrow

    try:
        with path.open("rb") as raw:
            reader = arrow.open_csv(_unpacked(raw), _read_options(dialect), _parse_options(dialect))
            return tuple(reader.schema.names)
    except (OSError, EOFError, zlib.error, UnicodeError, pa.ArrowException) as error:
        raise GatehouseError(f"{name}: cannot be read as CSV ({without_row(error)})") from None


def _read_options(dialect: Dialect) -> Any:
    from pyarrow import csv as arrow

    return arrow.ReadOptions(use_threads=False, block_size=_BLOCK, encoding=dialect.encoding)


def _parse_options(dialect: Dialect) -> Any:
    from pyarrow import csv as arrow

    return arrow.ParseOptions(delimiter=dialect.separator, newlines_in_values=True)
