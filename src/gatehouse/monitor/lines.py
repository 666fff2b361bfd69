"""The inference log as batches of records, with what can't be read set aside.

A record is read by one schema: what its contract says of types. A block of lines is parsed at once
by Arrow; where it fails it is halved until the broken lines stand alone.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import IO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json as pj
import pyarrow.parquet as pq

from gatehouse.contract import Contract
from gatehouse.errors import GatehouseError
from gatehouse.monitor.files import File

BLOCK = 16 * 2**20
LONGEST = 2**20
"""Bytes of a line; the service takes no larger request."""

_ROWS = 65_536
_FEW = 1000
_TIME = pa.timestamp("us", "UTC")
_NEEDED = ("time", "request_id", "index", "model", "probability", "decision")


@dataclass(frozen=True)
class Batch:
    """Records that follow each other in one file."""

    table: pa.Table
    """As `schema` says, `time` as a moment."""
    broken: list[bytes]
    """Lines that could not be read."""


def schema(contract: Contract) -> pa.Schema:
    """What a record holds; `row` has the columns that the contract lets be logged."""
    row = [
        (name, pa.float64() if column.is_numeric else pa.string())
        for name, column in contract.logged.items()
    ]
    said = [("model", pa.string()), ("probability", pa.float64()), ("decision", pa.string())]
    return pa.schema(
        [
            ("time", pa.string()),
            ("request_id", pa.string()),
            ("index", pa.int64()),
            *said,
            ("row", pa.struct(row)),
            ("shadow", pa.struct(said)),
        ]
    )


def read(file: File, contract: Contract, advance: Callable[[int], object]) -> Iterator[Batch]:
    """The records of a file; `advance` is told the bytes as they are read.

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
    """Bytes in whole lines; a line without end is cut where no record is that long."""
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
    """Records of lines; blank ones, where a record was erased, are none."""
    lines = [line for line in lines if line.strip()]
    tables: list[pa.Table] = []
    broken: list[bytes] = []
    _halve(lines, wanted, tables, broken)
    return Batch(pa.concat_tables(tables) if tables else _none(wanted), broken)


def _halve(
    lines: list[bytes], wanted: pa.Schema, tables: list[pa.Table], broken: list[bytes]
) -> None:
    if not lines:
        return
    table = _table(lines, wanted)
    if table is not None:
        good = _usable(table)
        broken += [lines[place] for place in np.flatnonzero(~good)]
        tables.append(table.filter(pa.array(good)))
    elif len(lines) == 1:
        broken.append(lines[0])
    else:
        middle = len(lines) // 2
        _halve(lines[:middle], wanted, tables, broken)
        _halve(lines[middle:], wanted, tables, broken)


def _table(lines: list[bytes], wanted: pa.Schema) -> pa.Table | None:
    """Lines as a table with one row each; None where one of them is no record."""
    text = b"\n".join(lines)
    try:
        table = pj.read_json(
            io.BytesIO(text),
            # Arrow makes room for a whole block, and threads, which one line is not worth.
            pj.ReadOptions(
                use_threads=len(lines) > _FEW,
                block_size=min(len(text) + 1, max(len(text) // 4, 2 * LONGEST)),
            ),
            pj.ParseOptions(explicit_schema=wanted, unexpected_field_behavior="ignore"),
        )
        table.validate(full=True)  # finds text that is no UTF-8
        if table.num_rows != len(lines):
            return None
        return _with_time(table)
    except pa.ArrowException:
        return None


def _with_time(table: pa.Table) -> pa.Table:
    place = table.schema.get_field_index("time")
    return table.set_column(place, "time", table["time"].cast(_TIME))


def _none(wanted: pa.Schema) -> pa.Table:
    return _with_time(wanted.empty_table())


def _usable(table: pa.Table) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Which rows hold all that a record must, shape [N]."""
    good = np.ones(table.num_rows, bool)
    for name in _NEEDED:
        good &= ~table[name].is_null().to_numpy()
    good &= ~table["row"].is_null().to_numpy()
    probability = table["probability"].to_numpy()
    with np.errstate(invalid="ignore"):
        good &= (probability >= 0) & (probability <= 1)
    return good


def _of_parquet(
    file: File, stream: object, wanted: pa.Schema, advance: Callable[[int], object]
) -> Iterator[Batch]:
    try:
        parquet = pq.ParquetFile(stream)
        missing = [name for name in wanted.names[:-1] if name not in parquet.schema_arrow.names]
        if missing:
            raise GatehouseError(
                f"{file.name}: has no column {', '.join(missing)}; a log as Parquet has the keys "
                "of the JSON lines as columns, and `row` as a struct"
            )
        groups = [parquet.metadata.row_group(n) for n in range(parquet.num_row_groups)]
        size = sum(group.total_byte_size for group in groups) // max(parquet.metadata.num_rows, 1)
        for batch in parquet.iter_batches(_ROWS):
            table = _fitted(pa.Table.from_batches([batch]), wanted)
            good = _usable(table)
            advance(size * len(good))
            broken = [b"(a row of Parquet)"] * int((~good).sum())
            yield Batch(table.filter(pa.array(good)), broken)
    except (pa.ArrowException, OSError) as error:
        raise GatehouseError(f"{file.name}: cannot be read as Parquet ({error})") from None


def _fitted(table: pa.Table, wanted: pa.Schema) -> pa.Table:
    """The columns that are wanted, in their types; a moment may be text or a timestamp."""
    columns = {}
    for field in wanted:
        if field.name not in table.column_names:
            columns[field.name] = pa.chunked_array([pa.nulls(table.num_rows, field.type)])
        elif field.name == "time":
            columns["time"] = table["time"].cast(_TIME)
        elif pa.types.is_struct(field.type):
            columns[field.name] = _struct(table[field.name], field.type)
        else:
            columns[field.name] = table[field.name].cast(field.type)
    return pa.table(columns)


def _struct(column: pa.ChunkedArray, kind: pa.StructType) -> pa.ChunkedArray:
    whole = column.combine_chunks()
    if pa.types.is_null(whole.type):
        return pa.chunked_array([pa.nulls(len(whole), kind)])
    held = {field.name for field in whole.type}
    arrays = [
        pc.struct_field(whole, field.name).cast(field.type)
        if field.name in held
        else pa.nulls(len(whole), field.type)
        for field in kind
    ]
    mask = whole.is_null()
    return pa.chunked_array([pa.StructArray.from_arrays(arrays, fields=list(kind), mask=mask)])
