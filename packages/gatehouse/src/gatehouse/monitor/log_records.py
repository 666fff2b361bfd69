"""Read the inference log as batches of records, and set unreadable lines aside.

Records are read by one schema, which follows from the types in the contract. Arrow parses a block
of lines at once. If that fails, Python checks each line, and blocks that Arrow still refuses are
halved until the broken lines are isolated.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import IO, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json as pj
import pyarrow.parquet as pq
from numpy.typing import NDArray

from gatehouse.contract import Contract
from gatehouse.errors import GatehouseError
from gatehouse.monitor import logged
from gatehouse.monitor.log_files import File

BLOCK = 16 * 2**20
LONGEST = 2**20
"""Maximum bytes of a line; the service accepts no larger request."""

_ROWS = 65_536
_FEW = 1000
_TIME = pa.timestamp("us", "UTC")
_RANGE = [int(at.replace(tzinfo=UTC).timestamp()) * 10**6 for at in (datetime.min, datetime.max)]
"""Range of timestamps that `datetime` can represent, in microseconds."""
_HEAD = pa.schema(
    [
        ("time", pa.string()),
        ("request_id", pa.string()),
        ("index", pa.int64()),
        ("model", pa.string()),
    ]
)
"""Fields of a record of any contract, besides the model's output."""
_OF_ANY = pa.schema([*_HEAD, *logged.fields([*logged.DECIDED, *logged.VALUE])])
"""Schema of records of any contract, for any task."""


@dataclass(frozen=True)
class Batch:
    """Consecutive records of one file."""

    table: pa.Table
    """The records by `schema`, with `time` as a timestamp."""
    broken: list[bytes]
    """Lines that could not be read."""
    unfit: pa.Table
    """Broken lines that are valid records except for `row` or `shadow`, without these two: they may
    belong to another contract."""


def schema(contract: Contract) -> pa.Schema:
    """Return the schema of a record; `row` has the columns that the contract allows in the log."""
    row = [
        (name, pa.float64() if column.is_numeric else pa.string())
        for name, column in contract.logged.items()
    ]
    predicted = logged.fields(logged.names(contract.task))
    shadow = pa.struct([_HEAD.field("model"), *predicted])
    return pa.schema([*_HEAD, *predicted, ("row", pa.struct(row)), ("shadow", shadow)])


def read(file: File, contract: Contract, advance: Callable[[int], object]) -> Iterator[Batch]:
    """Yield the records of a file; `advance` gets the number of bytes read.

    Raises:
        GatehouseError: the file can't be read at all.
    """
    wanted = schema(contract)
    with file.open() as stream:
        if file.is_parquet:
            yield from _of_parquet(file, stream, wanted, advance)
            return
        for block in _blocks(stream):
            advance(len(block))
            yield _parse(block.split(b"\n"), wanted)


def _blocks(stream: IO[bytes]) -> Iterator[bytes]:
    """Yield bytes in complete lines; an endless line is cut at a length that no record has."""
    rest = b""
    while chunk := stream.read(BLOCK):
        whole, newline, last = (rest + chunk).rpartition(b"\n")
        if newline:
            yield whole
            rest = last
        else:
            rest += chunk
        if len(rest) > LONGEST + BLOCK:
            yield rest
            rest = b""
    if rest:
        yield rest


def _parse(lines: list[bytes], wanted: pa.Schema) -> Batch:
    """Parse lines into records; skip blank lines, where a record was erased."""
    broken: list[bytes] = []
    objects: list[bytes] = []
    for line in lines:
        if _is_object(text := line.strip()):
            objects.append(line)
        elif text:
            broken.append(line)
    table, rest = _records(objects, wanted)
    return Batch(table, broken + rest, _records(rest, _OF_ANY)[0])


def _records(objects: list[bytes], wanted: pa.Schema) -> tuple[pa.Table, list[bytes]]:
    """Return the records among lines that are objects, and the other lines."""
    tables: list[pa.Table] = []
    broken: list[bytes] = []
    table = _table(objects, wanted)
    if table is None:
        fits = [_fits(line, wanted) for line in objects]
        broken += [line for line, fit in zip(objects, fits, strict=True) if not fit]
        objects = [line for line, fit in zip(objects, fits, strict=True) if fit]
        _halve(objects, wanted, tables, broken)
    else:
        _take(table, objects, tables, broken)
    return pa.concat_tables(tables) if tables else _none(wanted), broken


def _is_object(line: bytes) -> bool:
    """Return whether the line may be one JSON object.

    If all lines begin and end like objects, no line continues the previous one, and as many rows as
    lines means one row per line.
    """
    if len(line) > LONGEST or not (line.startswith(b"{") and line.endswith(b"}")):
        return False
    if line.isascii():
        return True
    try:
        line.decode()
    except UnicodeDecodeError:
        return False
    return True


def _fits(line: bytes, wanted: pa.Schema) -> bool:
    """Return False if Arrow would certainly refuse the line; Arrow checks all others at once."""
    try:
        return _is(json.loads(line), pa.struct(list(wanted)))
    except json.JSONDecodeError:
        return False
    except (ValueError, RecursionError):  # nested too deep, or a number too long, for Python
        return True


def _is(value: Any, kind: pa.DataType) -> bool:
    if value is None:
        return True
    if pa.types.is_struct(kind):
        return isinstance(value, dict) and all(_is(value.get(f.name), f.type) for f in kind)
    if pa.types.is_string(kind):
        return isinstance(value, str)
    if pa.types.is_integer(kind):
        return type(value) is int
    return type(value) in (int, float)


def _halve(
    lines: list[bytes], wanted: pa.Schema, tables: list[pa.Table], broken: list[bytes]
) -> None:
    table = _table(lines, wanted)
    if table is not None:
        _take(table, lines, tables, broken)
    elif len(lines) == 1:
        broken.append(lines[0])
    else:
        middle = len(lines) // 2
        _halve(lines[:middle], wanted, tables, broken)
        _halve(lines[middle:], wanted, tables, broken)


def _take(table: pa.Table, lines: list[bytes], tables: list[pa.Table], broken: list[bytes]) -> None:
    good = _usable(table)
    broken += [lines[place] for place in np.flatnonzero(~good)]
    tables.append(table.filter(pa.array(good)))


def _table(lines: list[bytes], wanted: pa.Schema) -> pa.Table | None:
    """Parse lines as a table with one row each, or return None if one is not a record."""
    if not lines:
        return _none(wanted)
    text = b"\n".join(lines)
    try:
        table = pj.read_json(
            io.BytesIO(text),
            # Arrow allocates a whole block, and starts threads, which a single line does not
            # justify.
            pj.ReadOptions(
                use_threads=len(lines) > _FEW,
                block_size=min(len(text) + 1, max(len(text) // 4, 2 * LONGEST)),
            ),
            pj.ParseOptions(explicit_schema=wanted, unexpected_field_behavior="ignore"),
        )
    except pa.ArrowException:
        return None
    return _with_time(table) if table.num_rows == len(lines) else None


def _with_time(table: pa.Table) -> pa.Table:
    place = table.schema.get_field_index("time")
    return table.set_column(place, "time", _moments(table["time"]))


def _moments(times: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return texts or timestamps as timestamps; null if a value is not valid."""
    try:
        # Digits below a microsecond are dropped.
        return times.cast(_TIME, safe=pa.types.is_string(times.type))
    except pa.ArrowException:
        if len(times) == 1:
            return pa.chunked_array([pa.nulls(1, _TIME)])
        middle = len(times) // 2
        halves = _moments(times.slice(0, middle)), _moments(times.slice(middle))
        return pa.chunked_array([chunk for half in halves for chunk in half.chunks])


def _none(wanted: pa.Schema) -> pa.Table:
    return _with_time(wanted.empty_table())


def _usable(table: pa.Table) -> NDArray[np.bool_]:
    """Return a mask of rows that have every required field, shape [N]."""
    good = _says(table)
    for name in _HEAD.names:
        good &= table[name].is_valid().to_numpy()
    if "row" in table.column_names:
        good &= table["row"].is_valid().to_numpy()
        shadow = pa.Table.from_struct_array(table["shadow"])
        whole = _says(shadow) & shadow["model"].is_valid().to_numpy()
        good &= whole | table["shadow"].is_null().to_numpy()
    moments = table["time"].cast(pa.int64()).fill_null(_RANGE[0] - 1).to_numpy()
    return np.asarray(good & (moments >= _RANGE[0]) & (moments <= _RANGE[1]))


def _says(table: pa.Table) -> NDArray[np.bool_]:
    """Return a mask of records with a class and its probability, or a finite value; shape [N]."""
    found = np.zeros(table.num_rows, bool)
    if "probability" in table.column_names:
        values = table["probability"].fill_null(np.nan).to_numpy()
        found |= (values >= 0) & (values <= 1) & table["decision"].is_valid().to_numpy()
    if "prediction" in table.column_names:
        found |= np.isfinite(table["prediction"].fill_null(np.nan).to_numpy())
    return found


def _of_parquet(
    file: File, stream: object, wanted: pa.Schema, advance: Callable[[int], object]
) -> Iterator[Batch]:
    try:
        parquet = pq.ParquetFile(stream)
        needed = [*_HEAD.names, "row"]
        missing = [name for name in needed if name not in parquet.schema_arrow.names]
        if missing:
            raise GatehouseError(
                f"{file.name}: has no column {', '.join(missing)}; a log as Parquet has the keys "
                "of the JSON lines as columns, and `row` as a struct"
            )
        groups = [parquet.metadata.row_group(n) for n in range(parquet.num_row_groups)]
        size = sum(group.total_byte_size for group in groups) // max(parquet.metadata.num_rows, 1)
        for batch in parquet.iter_batches(_ROWS):
            rows = pa.Table.from_batches([batch])
            advance(size * rows.num_rows)
            none, head = _none(wanted), _none(_OF_ANY)
            try:
                table = _fitted(rows, wanted)
            except pa.ArrowException:  # the whole file belongs to another contract
                table, broken = none, rows
            else:
                good = pa.array(_usable(table))
                table, broken = table.filter(good), rows.filter(pc.invert(good))
            unfit = _fitted(broken, _OF_ANY) if broken.num_rows else head
            yield Batch(table, _as_json(broken), unfit.filter(pa.array(_usable(unfit))))
    except pa.ArrowException as error:  # its message may contain values
        raise GatehouseError(
            f"{file.name}: cannot be read as an inference log in Parquet ({type(error).__name__}): "
            f"{', '.join(_OF_ANY.names)} have other types there"
        ) from None


def _as_json(rows: pa.Table) -> list[bytes]:
    """Return rows of Parquet as JSON; Python's `datetime` cannot represent some timestamps."""
    place = rows.column_names.index("time")
    rows = rows.set_column(place, "time", rows["time"].cast(pa.string()))
    lines = (json.dumps(row, default=str, ensure_ascii=False) for row in rows.to_pylist())
    return [row.encode(errors="replace") for row in lines]


def _fitted(table: pa.Table, wanted: pa.Schema) -> pa.Table:
    """Return the requested columns in their types; times may be texts or timestamps."""
    columns = {}
    for field in wanted:
        if field.name not in table.column_names:
            columns[field.name] = pa.chunked_array([pa.nulls(table.num_rows, field.type)])
        elif field.name == "time":
            columns["time"] = _moments(table["time"])
        elif pa.types.is_struct(field.type):
            columns[field.name] = _struct(table[field.name], field.type)
        else:
            columns[field.name] = table[field.name].cast(field.type)
    return pa.table(columns)


def _struct(column: pa.ChunkedArray, kind: pa.StructType) -> pa.ChunkedArray:
    whole = column.combine_chunks()
    if not pa.types.is_struct(whole.type):
        whole = whole.cast(kind)  # nulls; other types are refused
    held = {field.name for field in whole.type}
    arrays = [
        pc.struct_field(whole, field.name).cast(field.type)
        if field.name in held
        else pa.nulls(len(whole), field.type)
        for field in kind
    ]
    mask = whole.is_null()
    return pa.chunked_array([pa.StructArray.from_arrays(arrays, fields=list(kind), mask=mask)])
