"""Source `file`: one CSV or Parquet file, on this machine or at a URL that fsspec reads.

A CSV file has a header and double quotes (RFC 4180) and can be compressed (`.gz`). The settings
give its separator, encoding and decimal mark. The contract decides how text becomes values, so that
a file always gives the same rows, whatever a reader would guess.
"""

from __future__ import annotations

import codecs
import contextlib
import hashlib
import sys
import tempfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from gatehouse.arrow_types import Reading, plain, reading
from gatehouse.contract import Column, Contract
from gatehouse.csv_blanks import stripped
from gatehouse.csv_stream import CsvFile, unpacked
from gatehouse.errors import GatehouseError
from gatehouse.pipeline.sources.file import FileSettings
from gatehouse.remote import download, one_line, shown, without_row

CACHE = Path("data/cache")
MISSING = ("", "NA", "N/A", "n/a", "NaN", "nan", "NULL", "null", "None")
"""Text that means a missing value, unless the contract lists it among the column's categories.

The settings can add more.
"""

_CHUNK_BYTES = 2**20
_QUICK_BYTES = 64 * 2**20


def load(settings: FileSettings, contract: Contract) -> pd.DataFrame:
    """Return the file's rows in the contract's columns and order.

    Columns that the contract does not name are dropped and printed. So are rows without a target,
    if the settings' `unlabelled` allows it. Values that don't fit their column's type stay text:
    the data gate reports them.

    Raises:
        GatehouseError: the file is missing, unreadable or broken, does not match `sha256`, is not
            in the encoding that the settings name, lacks a column of the contract, has no rows (or
            none that remain), or has points in its numbers although the decimal mark is a comma.
    """
    name = str(settings.path) if settings.url is None else shown(settings.url)
    assert settings.format is not None
    with _here(settings, name) as path:
        _check_bytes(path, settings, name)
        if settings.format != ".parquet" and (fault := _file(path, settings).start_fault()):
            raise GatehouseError(f"{name}: {fault}")
        try:
            table = _parquet(path) if settings.format == ".parquet" else _csv(path, settings)
        except (OSError, EOFError, zlib.error, pa.ArrowException) as error:
            csv = settings.format != ".parquet"
            fault = _file(path, settings).row_fault() if csv else None
            fault = fault or f"cannot be read as {settings.format} ({without_row(error)})"
            raise GatehouseError(f"{name}: {fault}") from None
    _check_columns(table, contract, settings, name)
    if not table.num_rows:
        raise GatehouseError(f"{name}: has no rows")
    missing = frozenset({*MISSING, *settings.missing})
    columns = {column: _values(table[column], column, contract.columns[column], name, missing)
               for column in contract.columns}  # fmt: skip
    if settings.decimal == "," and settings.format != ".parquet":
        for column in (column for column in columns if contract.columns[column].is_numeric):
            columns[column] = _with_point(columns[column], column, name)
    frame = pd.DataFrame(columns)
    return _labelled(frame, contract.target, name) if settings.unlabelled == "drop" else frame


def _labelled(frame: pd.DataFrame, target: str, file: str) -> pd.DataFrame:
    """Return the rows whose target has a value, and print how many have none."""
    known = frame[target].notna()
    if not known.any():
        raise GatehouseError(f"{file}: no row has a value of the target '{target}': none is left")
    if dropped := int((~known).sum()):
        print(
            f"ingest: {file}: {dropped:,} of {len(frame):,} rows dropped: '{target}' has no value "
            "(data.file.unlabelled: drop)",
            file=sys.stderr,
        )
    return frame[known].reset_index(drop=True)


@contextlib.contextmanager
def _here(settings: FileSettings, name: str) -> Iterator[Path]:
    """Yield the path of the file on this machine; a download is deleted after reading."""
    if settings.url is None:
        if not settings.path.is_file():
            raise GatehouseError(
                f"{name}: there is no such file; data.file.path in params.yaml must name it "
                "(where DVC keeps it: dvc pull)"
            )
        yield settings.path
        return
    CACHE.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=CACHE, prefix="file-") as folder:
        path = Path(folder) / "part"
        download(settings.url, name, path)
        yield path


def _check_bytes(path: Path, settings: FileSettings, name: str) -> None:
    """Check the SHA-256, if one is given, and the encoding of a CSV, in one pass."""
    if settings.sha256 is not None:
        digest = hashlib.sha256()
        for chunk in _chunks(path, path.open("rb"), "sha256"):
            digest.update(chunk)
        if digest.hexdigest() != settings.sha256:
            raise GatehouseError(
                f"{name}: has SHA-256 {digest.hexdigest()}, but data.file.sha256 in params.yaml is "
                f"{settings.sha256}; is it the right file? Then write its own, or null"
            )
    if settings.format == ".parquet":
        return
    encoding = settings.encoding.upper()
    decoder, line = codecs.getincrementaldecoder(settings.encoding)(), 1
    try:
        for chunk in _chunks(path, unpacked(path), encoding):
            text = decoder.decode(chunk)
            line += text.count("\n")
        decoder.decode(b"", final=True)
    except UnicodeDecodeError as error:
        before = error.object[: error.start].decode(error.encoding, "replace")
        raise GatehouseError(
            f"{name}:{line + before.count(chr(10))}: is not {encoding} (byte "
            f"0x{error.object[error.start]:02x}); name its encoding in data.file.encoding of "
            "params.yaml, such as cp1252, or save it as UTF-8"
        ) from None
    except UnicodeError as error:
        raise GatehouseError(
            f"{name}: is not {encoding} ({error}); name its encoding in data.file.encoding of "
            "params.yaml"
        ) from None
    except (OSError, EOFError, zlib.error) as error:
        raise GatehouseError(f"{name}: cannot be unpacked ({error}); was it cut short?") from None


def _chunks(path: Path, stream: IO[bytes], doing: str) -> Iterator[bytes]:
    """Yield a stream's bytes, with a progress bar for a big file."""
    from tqdm import tqdm

    quiet = True if path.stat().st_size < _QUICK_BYTES else None
    with stream, tqdm(unit="B", unit_scale=True, desc=doing, disable=quiet) as bar:
        while chunk := stream.read(_CHUNK_BYTES):
            bar.update(len(chunk))
            yield chunk


def _file(path: Path, settings: FileSettings) -> CsvFile:
    return CsvFile(path, settings.separator, settings.encoding)


def _csv(path: Path, settings: FileSettings) -> pa.Table:
    """Read every column as text; the contract decides the types."""
    from pyarrow import csv

    parse = csv.ParseOptions(delimiter=settings.separator, newlines_in_values=True)
    file = _file(path, settings)
    blanks = file.has_blanks()

    def options(encoding: str, *, threads: bool) -> csv.ReadOptions:
        return csv.ReadOptions(use_threads=threads, encoding=encoding)

    stream, encoding = file.rows(blanks=blanks)
    with stream:
        header = csv.open_csv(stream, options(encoding, threads=False), parse).schema.names
    convert = csv.ConvertOptions(
        column_types={column: pa.large_string() for column in header}, strings_can_be_null=False
    )

    def read(*, threads: bool) -> pa.Table:
        stream, encoding = file.rows(blanks=blanks)
        with stream:
            table = csv.read_csv(stream, options(encoding, threads=threads), parse, convert)
            return table.rename_columns(stripped(header))

    try:
        return read(threads=True)
    except pa.ArrowInvalid:
        return read(threads=False)  # its error names the row


def _parquet(path: Path) -> pa.Table:
    from pyarrow import parquet

    return parquet.ParquetFile(path).read()


def _check_columns(table: pa.Table, contract: Contract, settings: FileSettings, name: str) -> None:
    found = table.column_names
    if twice := sorted({column for column in found if found.count(column) > 1}):
        raise GatehouseError(f"{name}: names the column {twice[0]!r} twice; rename one")
    missing = [column for column in contract.columns if column not in found]
    if missing:
        others = [mark for mark in ",;\t|" if len(found) == 1 and mark in found[0]]
        hint = (
            f"; its columns are separated by {others[0]!r}: write that into data.file.separator of "
            "params.yaml"
            if others and settings.format != ".parquet"
            else ""
        )
        raise GatehouseError(
            f"{name}: has no column {', '.join(missing)}, which contract.yaml names; "
            f"it has: {', '.join(found)}{hint}"
        )
    if unknown := [column for column in found if column not in contract.columns]:
        names = ", ".join(column or "(no name)" for column in unknown)
        print(f"ingest: {name}: dropped what contract.yaml does not name: {names}", file=sys.stderr)


def _values(
    values: pa.ChunkedArray, name: str, column: Column, file: str, missing: frozenset[str]
) -> pd.Series:
    """Return one column: text with missing values found, or numbers as stored."""
    kind = reading(values.type)
    # Some writers store text as bytes. If the contract says text, they are read as UTF-8.
    fits = kind is Reading.BYTES or kind.is_readable
    if not fits or (column.is_numeric and kind in (Reading.TIME, Reading.BYTES)):
        raise GatehouseError(
            f"{file}: column {name}: holds {values.type}, and contract.yaml says type: "
            f"{column.type}; store {'numbers' if column.is_numeric else 'text'}, or change the "
            "contract"
        )
    try:
        values = plain(values)
        if column.is_numeric and pa.types.is_decimal(values.type):
            values = values.cast(pa.float64())
        elif not column.is_numeric or kind is Reading.NOTHING or _would_round(values):
            values = values.cast(pa.large_string())
    except pa.ArrowException as error:
        raise GatehouseError(
            f"{file}: column {name}: {values.type} cannot be read ({one_line(error)}); store "
            "its text as UTF-8"
        ) from None
    series = values.to_pandas()
    if not pa.types.is_large_string(values.type):
        return series
    tokens = {""} if column.kind.is_free else set(missing - set(column.categories or ()))
    return series.mask(series.isin(tokens))


def _would_round(values: pa.ChunkedArray) -> bool:
    """Whether pandas would round: it turns integers with missing values into 53-bit floats."""
    if not pa.types.is_integer(values.type) or not values.null_count:
        return False
    ends = pc.min_max(values).as_py()
    return bool(values.null_count < len(values) and max(-ends["min"], ends["max"]) > 2**53)


def _with_point(series: pd.Series, name: str, file: str) -> pd.Series:
    """Convert decimal commas to points; rejects points, since 1.234 would be ambiguous."""
    if (pointed := series.str.contains(".", regex=False, na=False)).any():
        raise GatehouseError(
            f"{file}: column {name}: {series[pointed].iloc[0]!r} has a point, and "
            "data.file.decimal in params.yaml is a comma; take points between thousands out of "
            "the file, or write decimal: '.'"
        )
    return series.str.replace(",", ".", regex=False)
