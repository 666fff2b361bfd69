"""Attacks the reading of a table by each of Arrow's types, as Parquet gives it back."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from gatehouse.arrow_types import Reading, plain, reading

UUID = bytes.fromhex("123e4567e89b12d3a456426614174000")


def extension(kind: Any, storage: pa.Array) -> pa.Array:
    return pa.ExtensionArray.from_storage(kind, storage)


BOOL8 = extension(pa.bool8(), pa.array([1, 0, None], pa.int8()))
UUIDS = extension(pa.uuid(), pa.array([UUID, None], pa.binary(16)))
PAIR = pa.fixed_shape_tensor(pa.int8(), [2])
BYTES = pa.array([b"\x00\xff", None], pa.binary(2))

READ = {
    "int64": (pa.array([1, None]), Reading.NUMBER, ["1", None]),
    "uint64": (pa.array([2**64 - 1], pa.uint64()), Reading.NUMBER, [str(2**64 - 1)]),
    "halffloat": (pa.array(np.array([1.5], np.float16)), Reading.NUMBER, ["1.5"]),
    "decimal32": (pa.array([Decimal("1.50")], pa.decimal32(5, 2)), Reading.NUMBER, ["1.50"]),
    "decimal256": (pa.array([Decimal("1.50")], pa.decimal256(50, 2)), Reading.NUMBER, ["1.50"]),
    "bool": (pa.array([True, None]), Reading.NUMBER, ["true", None]),
    "bool8": (BOOL8, Reading.NUMBER, ["true", "false", None]),
    "string": (pa.array(["a", None]), Reading.TEXT, ["a", None]),
    "string_view": (pa.array(["a"], pa.string_view()), Reading.TEXT, ["a"]),
    "json": (extension(pa.json_(), pa.array(["{}"])), Reading.TEXT, ["{}"]),
    "uuid": (UUIDS, Reading.TEXT, ["123e4567-e89b-12d3-a456-426614174000", None]),
    "fixed-size binary": (BYTES, Reading.TEXT, ["00ff", None]),
    "dictionary": (pa.array(["a", "b", None]).dictionary_encode(), Reading.TEXT, ["a", "b", None]),
    "dictionary of bytes": (BYTES.dictionary_encode(), Reading.TEXT, ["00ff", None]),
    "dictionary of numbers": (pa.array([7]).dictionary_encode(), Reading.NUMBER, ["7"]),
    "date": (pa.array([date(2026, 1, 2)]), Reading.TIME, ["2026-01-02"]),
    "time": (pa.array([time(1, 2)]), Reading.TIME, ["01:02:00.000000"]),
    "timestamp": (pa.array([datetime(2026, 1, 2)]), Reading.TIME, ["2026-01-02 00:00:00.000000"]),
    "duration": (pa.array([timedelta(seconds=1)]), Reading.TIME, ["1000000"]),
    "null": (pa.nulls(1), Reading.NOTHING, [None]),
}
LEFT_OUT = {
    "binary": (pa.array([b"\xff"]), Reading.BYTES),
    "large binary": (pa.array([b"\xff"], pa.large_binary()), Reading.BYTES),
    "binary view": (pa.array([b"\xff"], pa.binary_view()), Reading.BYTES),
    "dictionary of binary": (pa.array([b"\xff"]).dictionary_encode(), Reading.BYTES),
    "list": (pa.array([[1]]), Reading.NESTED),
    "struct": (pa.array([{"a": 1}]), Reading.NESTED),
    "map": (pa.array([[("a", 1)]], pa.map_(pa.string(), pa.int8())), Reading.NESTED),
    "tensor": (
        extension(PAIR, pa.array([[1, 2]], pa.list_(pa.int8(), 2))),
        Reading.NESTED,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", READ)
def test_each_type_is_read(name: str, tmp_path: Path) -> None:
    """As the table in the module says, from memory and from Parquet."""
    array, kind, texts = READ[name]
    pq.write_table(pa.table({"x": array}), tmp_path / "x.parquet")
    stored = pq.ParquetFile(tmp_path / "x.parquet").read()["x"]
    for values in (pa.chunked_array([array]), stored):
        assert reading(values.type) is kind
        assert plain(values).cast(pa.large_string()).to_pylist() == texts
        assert plain(values.slice(0, 0)).cast(pa.large_string()).to_pylist() == []


@pytest.mark.parametrize("name", LEFT_OUT)
def test_what_is_not_read_is_told_apart(name: str) -> None:
    """Attacks a cast that fails, or bytes that are taken for text."""
    array, kind = LEFT_OUT[name]
    assert reading(array.type) is kind
    assert not kind.is_readable


def test_what_only_arrow_files_hold() -> None:
    """Parquet has neither runs nor calendar intervals."""
    runs = pa.chunked_array([pc.run_end_encode(pa.array(["a", "a", "b"]))])
    assert reading(runs.type) is Reading.TEXT
    assert plain(runs).to_pylist() == ["a", "a", "b"]
    assert reading(pa.month_day_nano_interval()) is Reading.INTERVAL
