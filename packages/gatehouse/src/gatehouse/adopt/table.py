"""Read an unprepared table block by block: CSV of any dialect, or Parquet.

Every value is text here, as the source `file` reads a CSV and casts a Parquet file's categories.
The values listed in the contract are therefore those that the pipeline finds.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
from tqdm import tqdm

from gatehouse.arrow_types import Reading, plain, reading
from gatehouse.csv_blanks import first_row, follow_separators, stripped
from gatehouse.csv_faults import start_fault
from gatehouse.csv_stream import CsvFile, place, unpacked
from gatehouse.errors import GatehouseError
from gatehouse.remote import one_line, without_row

SEPARATORS = ",;\t|"

_MARKS = {codecs.BOM_UTF8: "utf-8", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
_UNPACK = "unpack it, or pack it by gzip"
_OTHER_FILES = {
    b"PK\x03\x04": "a zip archive, as Excel's files are; save the sheet as CSV, or unpack it",
    b"\xd0\xcf\x11\xe0": "an old file of Excel's; save the sheet as CSV",
    b"\x28\xb5\x2f\xfd": f"packed by zstd; {_UNPACK}",
    b"BZh": f"packed by bzip2; {_UNPACK}",
    b"\xfd7zX": f"packed by xz; {_UNPACK}",
    b"7z\xbc\xaf": f"packed by 7-Zip; {_UNPACK}",
    b"ARRO": "an Arrow or Feather file; save it as Parquet",
    b"ORC": "an ORC file; save it as Parquet",
    b"Obj\x01": "an Avro file; save it as Parquet",
    b"SQLi": "an SQLite database; save the table as CSV or Parquet",
    b"\x89HDF": "an HDF5 file; save the table as CSV or Parquet",
    b"%PDF": "a PDF file; save the table as CSV",
    codecs.BOM_UTF32_LE: "text in UTF-32; save it as UTF-8",
    codecs.BOM_UTF32_BE: "text in UTF-32; save it as UTF-8",
}
"""The first bytes of other files, and what to do with them."""
_NO_TEXT = "is neither text nor Parquet; save it as CSV"
_SNIFFED = 2**20
_SNIFFED_ROWS = 500
_CHUNK = 2**20
_BLOCK = 2**23
_BATCH_ROWS = 2**16
_QUICK_BYTES = 16 * 2**20
_ESCAPED = re.compile("[\udc80-\udcff]")
_ESCAPE = 0xDC00
"""Prefix of a byte that is not UTF-8, by Python's `surrogateescape` (PEP 383)."""
_UNDEFINED = frozenset((0x81, 0x8D, 0x8F, 0x90, 0x9D))
"""Bytes that are not assigned in Windows-1252."""
_COMMA = re.compile(r"\s*[+-]?\d+,\d+\s*")
_POINT = re.compile(r"\s*[+-]?\d+\.\d+\s*")
_THOUSANDS = re.compile(r"\s*[+-]?\d{1,3}(,\d{3})+\s*")


@dataclass(frozen=True)
class Dialect:
    """The dialect of a CSV file: the settings of `data.file` in params.yaml."""

    separator: str = ","
    encoding: str = "utf-8"
    decimal: str = "."


@dataclass(frozen=True)
class Table:
    """A file of rows on this machine.

    Attributes:
        path: of the file.
        name: its name in messages.
        ending: `.csv`, `.csv.gz` or `.parquet`, by its bytes.
        dialect: of a CSV.
        columns: names in the file's order, without surrounding blanks.
        times: columns of Parquet with dates or times.
        unread: columns of Parquet whose type no contract supports (see `gatehouse.arrow_types`).
        notes: information about how the file is read.
        blanks: whether a blank follows each separator of a CSV (see `gatehouse.csv_blanks`).
    """

    path: Path
    name: str
    ending: str
    dialect: Dialect
    columns: tuple[str, ...]
    times: frozenset[str] = field(default=frozenset())
    unread: frozenset[str] = field(default=frozenset())
    notes: tuple[str, ...] = ()
    blanks: bool = False

    def blocks(self) -> Iterator[pa.Table]:
        """Yield the rows in blocks of some thousands, every column as text; with a progress bar.

        Raises:
            GatehouseError: the file is broken.
        """
        size = self.path.stat().st_size
        quiet = True if size < _QUICK_BYTES else None  # None: a bar on a terminal only
        with tqdm(total=size, unit="B", unit_scale=True, desc="profile", disable=quiet) as bar:
            try:
                yield from self._parquet(bar) if self.ending == ".parquet" else self._csv(bar)
            except (OSError, EOFError, zlib.error, UnicodeError, pa.ArrowException) as error:
                fault = self._fault() or f"cannot be read as {self.ending} ({without_row(error)})"
                raise GatehouseError(f"{self.name}: {fault}") from None

    def _fault(self) -> str | None:
        """Describe the first invalid row of a CSV, if any."""
        if self.ending == ".parquet":
            return None
        try:
            return self._file.row_fault()
        except (OSError, EOFError, zlib.error, UnicodeError):
            return None

    @property
    def _file(self) -> CsvFile:
        return CsvFile(self.path, self.dialect.separator, self.dialect.encoding)

    def _csv(self, bar: Any) -> Iterator[pa.Table]:
        from pyarrow import csv as arrow

        stream, encoding = self._file.rows(blanks=self.blanks)
        options = arrow.ReadOptions(use_threads=False, block_size=_BLOCK, encoding=encoding)
        parse = arrow.ParseOptions(delimiter=self.dialect.separator, newlines_in_values=True)
        with stream:
            header = arrow.open_csv(stream, options, parse).schema.names
            types = dict.fromkeys(header, pa.large_string())
            convert = arrow.ConvertOptions(column_types=types, strings_can_be_null=False)
            stream.seek(0)
            for batch in arrow.open_csv(stream, options, parse, convert):
                bar.update(place(stream) - bar.n)
                yield pa.Table.from_batches([batch]).rename_columns(self.columns)

    def _parquet(self, bar: Any) -> Iterator[pa.Table]:
        from pyarrow import parquet

        file = parquet.ParquetFile(self.path)
        wanted = [name for name in self.columns if name not in self.unread]
        done, rows = 0, max(1, file.metadata.num_rows)
        for batch in file.iter_batches(_BATCH_ROWS, columns=wanted):
            done += batch.num_rows
            bar.update(bar.total * done // rows - bar.n)
            block = pa.Table.from_batches([batch])
            yield pa.table({name: self._as_text(block[name], name) for name in wanted})

    def _as_text(self, values: pa.ChunkedArray, name: str) -> pa.ChunkedArray:
        try:
            values.validate(full=True)  # casts between text types check no bytes
            return plain(values).cast(pa.large_string())
        except pa.ArrowException as error:
            raise GatehouseError(
                f"{self.name}: column '{name}' ({values.type}) cannot be read ({one_line(error)}); "
                "store its text as UTF-8, or leave the column out"
            ) from None


def open_table(path: Path, name: str) -> Table:
    """Open the table at `path`, called `name` in messages; its bytes decide the format.

    Raises:
        GatehouseError: it is not a table, is empty, or names a column twice.
    """
    try:
        with path.open("rb") as raw:
            start = raw.read(4)
    except OSError as error:
        raise GatehouseError(f"{name}: cannot be read ({error.strerror})") from None
    if not start:
        raise GatehouseError(f"{name}: is empty")
    for mark, kind in _OTHER_FILES.items():
        if start.startswith(mark):
            raise GatehouseError(f"{name}: is {kind}")
    if start == b"PAR1":
        table = _open_parquet(path, name)
    else:
        ending = ".csv.gz" if start.startswith(b"\x1f\x8b") else ".csv"
        table = _open_csv(path, name, ending)
    twice = sorted({column for column in table.columns if table.columns.count(column) > 1})
    if twice:
        raise GatehouseError(
            f"{name}: names the column {twice[0]!r} twice; rename one, or put "
            "a line of names first where the file has none"
        )
    return table


def _open_parquet(path: Path, name: str) -> Table:
    from pyarrow import parquet

    try:
        schema = parquet.ParquetFile(path).schema_arrow
    except (OSError, pa.ArrowException) as error:
        raise GatehouseError(f"{name}: cannot be read as Parquet ({one_line(error)})") from None
    times, unread = set(), set()
    for column in schema:
        kind = reading(column.type)
        if kind is Reading.TIME:
            times.add(column.name)
        elif not kind.is_readable:
            unread.add(column.name)
    return Table(
        path, name, ".parquet", Dialect(), tuple(schema.names), frozenset(times), frozenset(unread)
    )


def _open_csv(path: Path, name: str, ending: str) -> Table:
    dialect, notes, header = sniff(path, name)
    columns, blanks = stripped(header), follow_separators(header)
    if blanks:
        notes.append(f"{name}: the blanks after {dialect.separator!r} are no part of a value")
    elif columns != header:
        padded = next(old for old, new in zip(header, columns, strict=True) if old != new)
        notes.append(f"{name}: blanks around names are taken off, as of {padded!r}")
    return Table(path, name, ending, dialect, tuple(columns), notes=tuple(notes), blanks=blanks)


def sniff(path: Path, name: str) -> tuple[Dialect, list[str], list[str]]:
    """Detect the dialect of the CSV file at `path`.

    Every byte is read.

    Returns:
        The dialect, notes on what was guessed, and the column names as written.

    Raises:
        GatehouseError: it is empty, not text, text in two encodings, or cannot be decompressed.
    """
    try:
        with unpacked(path) as stream:
            start = stream.read(_SNIFFED)
        encoding, guessed = _encoding(path, start, name)
    except (OSError, EOFError, zlib.error) as error:
        raise GatehouseError(f"{name}: cannot be unpacked ({error}); was it cut short?") from None
    try:
        text = codecs.getincrementaldecoder(encoding)().decode(start).lstrip("\ufeff")
    except UnicodeError:
        raise GatehouseError(f"{name}: {_NO_TEXT}") from None
    if "\0" in text:
        raise GatehouseError(f"{name}: {_NO_TEXT}")
    if not text.strip():
        raise GatehouseError(f"{name}: is empty")
    if fault := start_fault(text):
        raise GatehouseError(f"{name}: {fault}")
    records = {mark: _records(text, mark, whole=len(start) < _SNIFFED) for mark in SEPARATORS}
    separator = max(SEPARATORS, key=lambda mark: _fit(records[mark]))
    dialect = Dialect(separator, encoding, _decimal(records[separator][1:], separator))
    return (
        dialect,
        [guessed] if guessed else [],
        first_row(io.StringIO(text, newline=""), separator),
    )


def _encoding(path: Path, start: bytes, name: str) -> tuple[str, str | None]:
    """Return UTF-8, Windows-1252 or Latin-1, and a note if guessed; byte order marks decide.

    A file with invalid UTF-8 and also valid non-ASCII UTF-8 is an error: in Windows-1252, each of
    the valid characters would be read as two or three other letters.
    """
    for mark, encoding in _MARKS.items():
        if start.startswith(mark):
            return encoding, None
    if start.count(0) > len(start) // 4:
        little = start[1::2].count(0) >= start[::2].count(0)
        return "utf-16-le" if little else "utf-16-be", None
    if 0 in start:
        raise GatehouseError(f"{name}: {_NO_TEXT}")
    found = _Utf8()
    with unpacked(path) as stream:
        while chunk := stream.read(_CHUNK):
            found.add(chunk)
        found.add(b"", final=True)
    if found.wrong is None and found.lost:
        return "utf-8", (
            f"{name}: line {found.lost} holds U+FFFD, which stands for a letter that was lost when "
            "the file was made: make it again from its source"
        )
    if found.wrong is None:
        return "utf-8", None
    line, byte = found.wrong
    if found.right is not None:
        raise GatehouseError(
            f"{name}:{line}: is not UTF-8 (byte 0x{byte:02x}), and line {found.right} is: the file "
            "is in two encodings; save all of it as UTF-8"
        )
    encoding = "latin-1" if found.undefined else "cp1252"
    return encoding, (
        f"{name}: is not UTF-8 (line {line}, byte 0x{byte:02x}), and is taken for {encoding}: are "
        "its letters right in contract.yaml? Otherwise save it as UTF-8"
    )


class _Utf8:
    """Which lines of a file are UTF-8 beyond ASCII, and which are not.

    Attributes:
        right: the first line with a character of several bytes.
        wrong: the first line with a byte that is not UTF-8, and that byte.
        undefined: whether one of these bytes is not assigned in Windows-1252.
        lost: the first line with U+FFFD.
    """

    def __init__(self) -> None:
        self.right: int | None = None
        self.wrong: tuple[int, int] | None = None
        self.undefined = False
        self.lost: int | None = None
        self._line = 1
        self._decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")

    def add(self, chunk: bytes, *, final: bool = False) -> None:
        text = self._decoder.decode(chunk, final=final)
        if not text.isascii():
            for number, line in enumerate(text.split("\n"), self._line):
                self._look(number, line)
        self._line += text.count("\n")

    def _look(self, number: int, line: str) -> None:
        if line.isascii():
            return
        if "\ufffd" in line:
            self.lost = self.lost or number
        escaped = _ESCAPED.findall(line)
        if len(escaped) < sum(not character.isascii() for character in line):
            self.right = self.right or number
        if escaped:
            self.wrong = self.wrong or (number, ord(escaped[0]) - _ESCAPE)
            self.undefined |= any(ord(each) - _ESCAPE in _UNDEFINED for each in escaped)


def _records(text: str, separator: str, *, whole: bool) -> list[list[str]]:
    """Return the first rows split at this separator; the last one may be cut off."""
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
    """Rate rows split at a separator: the share with the header's width, and that width."""
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
