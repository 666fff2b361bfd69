"""Tables of a stranger: what is read is what the Parquet schema says, or an error with the file."""

from __future__ import annotations

import json
import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gatehouse.errors import GatehouseError
from gatehouse.table import read_table

PEOPLE = pa.table({"age": [20.0, 30.0], "job": ["cook", "nurse"]})


def _read(table: pa.Table, folder: Path, **options: Any) -> Any:
    path = folder / "rows.parquet"
    pq.write_table(table, path)
    return read_table(path, **options)


def _with_metadata(**metadata: bytes) -> pa.Table:
    return PEOPLE.replace_schema_metadata({key.encode(): text for key, text in metadata.items()})


class _Pickled:
    """Touches a file where it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.path),)


def test_nothing_is_unpickled(tmp_path: Path) -> None:
    """Attacks Arrow extension types and pandas metadata, which have named pickled objects."""
    trap = pickle.dumps(_Pickled(tmp_path / "trap"))
    extension = {
        b"ARROW:extension:name": b"arrow.py_extension_type",
        b"ARROW:extension:metadata": trap,
    }
    schema = pa.schema([pa.field("age", pa.float64(), metadata=extension), ("job", pa.string())])
    assert list(_read(PEOPLE.cast(schema), tmp_path)) == ["age", "job"]
    columns = [{"name": "job", "field_name": "job", "pandas_type": "object",
                "numpy_type": "object", "metadata": {"encoding": "pickle"}}]  # fmt: skip
    said = {"columns": columns, "index_columns": [], "column_indexes": []}
    frame = _read(_with_metadata(pandas=json.dumps(said).encode()), tmp_path)
    assert frame["job"].tolist() == ["cook", "nurse"]
    assert not (tmp_path / "trap").exists()


@pytest.mark.parametrize(
    "metadata",
    [
        {"columns": [{"name": "job", "field_name": "age", "numpy_type": "object"},
                     {"name": "age", "field_name": "job", "numpy_type": "object"}]},
        {"columns": [{"name": "age", "field_name": "age", "numpy_type": "period[D]"}]},
        {"index_columns": ["age"]},
        {"index_columns": [{"kind": "range", "name": None, "start": 0, "stop": 2, "step": 0}]},
        {"column_indexes": [{"name": None, "field_name": None, "numpy_type": "int64"}]},
    ],
)  # fmt: skip
def test_pandas_metadata_changes_no_column(tmp_path: Path, metadata: dict[str, Any]) -> None:
    """Attacks metadata that gives columns other names and types than other readers see."""
    whole: dict[str, Any] = {"columns": [], "index_columns": [], "column_indexes": []}
    for column in metadata.get("columns", []):
        column |= {"pandas_type": "object", "metadata": None}
    frame = _read(_with_metadata(pandas=json.dumps(whole | metadata).encode()), tmp_path)
    assert frame["age"].tolist() == [20.0, 30.0]
    assert frame["job"].tolist() == ["cook", "nurse"]


@pytest.mark.parametrize("text", [b"{", b"\xff", b"[" * 100_000])
def test_broken_metadata_is_told_with_its_file(tmp_path: Path, text: bytes) -> None:
    """Attacks the reader of the metadata."""
    with pytest.raises(GatehouseError, match=r"rows\.parquet: cannot be read as Parquet"):
        _read(_with_metadata(pandas=text), tmp_path)


def test_text_that_is_none_is_told(tmp_path: Path) -> None:
    """Attacks text columns with bytes that break wherever they are first looked at."""
    table = pa.table({"job": pa.array([b"\xff\xfe", b"cook"]).view(pa.string())})
    with pytest.raises(GatehouseError, match=r"rows\.parquet: .*Invalid UTF8"):
        _read(table, tmp_path)


def test_dates_beyond_the_calendar_are_told(tmp_path: Path) -> None:
    """Attacks the conversion of values that Parquet can hold and Python cannot."""
    with pytest.raises(GatehouseError, match=r"rows\.parquet: .*out of range"):
        _read(pa.table({"day": pa.array([2**30], pa.date32())}), tmp_path)


def test_two_columns_of_one_name_are_told(tmp_path: Path) -> None:
    """Attacks readers that take the first, or the last, of two."""
    table = pa.table([pa.array([1.0]), pa.array([2.0])], names=["age", "age"])
    with pytest.raises(GatehouseError, match=r"rows\.parquet: .*age"):
        _read(table, tmp_path)


@pytest.mark.parametrize(
    "values",
    [
        pa.array([[1.0]]),
        pa.array([{"a": 1}]),
        pa.array([[("a", 1)]], pa.map_(pa.string(), pa.int64())),
        pa.array([b"\xff"]),
        pa.array([[b"x"]]),
        pa.array([b"x" * 16], pa.uuid()),
    ],
)
def test_values_that_are_not_compared_are_told(tmp_path: Path, values: pa.Array) -> None:
    """Attacks the gates with lists and bytes, in a column they look at; others may hold them."""
    table = pa.table({"age": values})
    with pytest.raises(GatehouseError, match=r"rows\.parquet: column 'age' holds"):
        _read(table, tmp_path, plain=["age", "job"])
    assert len(_read(table, tmp_path, plain=["job"])) == 1


def test_plain_values_are_read(tmp_path: Path) -> None:
    """Attacks a check that refuses what tables hold."""
    words = pa.array(["a", None]).dictionary_encode()
    table = pa.table({"n": pa.array([1, None]), "t": pa.array(["x", ""], pa.large_string()),
                      "d": words, "nothing": pa.nulls(2), "truth": [True, None]})  # fmt: skip
    frame = _read(table, tmp_path, plain=table.column_names)
    assert frame["d"].iloc[0] == "a"
    assert np.isnan(frame["n"].iloc[1])


def test_rows_that_cannot_be_there_are_told(tmp_path: Path) -> None:
    """Attacks the memory: a small file that claims more rows than anything could hold."""
    path = tmp_path / "rows.parquet"
    pq.write_table(pa.table({"n": np.zeros(1500)}), path)
    content = path.read_bytes()
    length = int.from_bytes(content[-8:-4], "little")
    # Thrift's compact integers: zigzag, seven bits to a byte.
    varint = bytes(((1 << 41) >> 7 * i) & 0x7F | (0x80 if i < 5 else 0) for i in range(6))
    footer = content[-8 - length : -8].replace(b"\xb8\x17", varint)
    head = content[: -8 - length]
    path.write_bytes(head + footer + len(footer).to_bytes(4, "little") + b"PAR1")
    with pytest.raises(GatehouseError, match=r"rows\.parquet: claims 1,099,511,627,776 rows"):
        read_table(path)
    many = pa.table({"n": np.zeros(3_000_000)})
    pq.write_table(many, path, compression="zstd", row_group_size=many.num_rows)
    assert len(read_table(path)) == many.num_rows
