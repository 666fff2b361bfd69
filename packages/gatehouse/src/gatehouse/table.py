"""Tables on disk: Parquet files of rows."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from gatehouse.errors import GatehouseError

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa
    import pyarrow.parquet as pq

RAW = Path("data/raw")
ROWS_FILE = "rows.parquet"
TEST_FILE = "test.parquet"
"""In `RAW`, if the source has an official test split."""

# Distinct rows take bytes each; even a table of one value in millions of rows stays below this
# limit.
_ROWS_PER_BYTE = 1000


def read_table(
    path: Path, columns: list[str] | None = None, plain: Iterable[str] = ()
) -> pd.DataFrame:
    """Return the rows of a Parquet file: text as `str` (missing is NaN), numbers as stored.

    Metadata that pandas left in the file is ignored: it can rename columns and change their types.

    Args:
        path: of the file.
        columns: to read; None reads all.
        plain: columns that must hold numbers, text, booleans or times if the file has them.

    Raises:
        GatehouseError: the file is missing, is not a Parquet file, or lacks one of `columns`, or
            one of `plain` holds lists, bytes or other values that are not compared.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        metadata = pq.read_metadata(path)
        _check_rows(metadata.num_rows, path)
        missing = set(columns or ()) - set(metadata.schema.to_arrow_schema().names)
        if missing:
            raise GatehouseError(f"{path}: has no column {sorted(missing)}")
        table = pq.read_table(path, columns=columns, memory_map=False)
        _check_types(table.schema, path, set(plain))
        # Invalid UTF-8 and out-of-range dictionary indices are detected only here.
        table.validate(full=True)
        frame: pd.DataFrame = table.to_pandas(strings_to_categorical=False, ignore_metadata=True)
    except FileNotFoundError:
        raise GatehouseError(f"{path}: there is no such file; run `make run` first") from None
    except (OSError, ValueError, RecursionError, pa.ArrowException) as error:
        raise GatehouseError(f"{path}: cannot be read as Parquet ({error})") from None
    return frame


def open_table(
    path: Path, plain: Iterable[str] | None = (), dictionaries: Iterable[str] = ()
) -> pq.ParquetFile:
    """Open a Parquet file for reading in batches, after the checks of `read_table`.

    Args:
        path: of the file.
        plain: columns that must hold numbers, text, booleans or times if the file has them; None
            checks all.
        dictionaries: text columns to read as dictionaries.

    Raises:
        GatehouseError: the file is missing, is not a Parquet file, or has two columns of one name,
            or one of `plain` holds other values.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(path, memory_map=False, read_dictionary=list(dictionaries))
        _check_rows(file.metadata.num_rows, path)
        names = file.schema_arrow.names
    except FileNotFoundError:
        raise GatehouseError(f"{path}: there is no such file; run `make run` first") from None
    except (OSError, ValueError, RecursionError, pa.ArrowException) as error:
        raise GatehouseError(f"{path}: cannot be read as Parquet ({error})") from None
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise GatehouseError(f"{path}: two columns are named '{twice[0]}'; rename one")
    _check_types(file.schema_arrow, path, set(names if plain is None else plain))
    return file


def _check_rows(rows: int, path: Path) -> None:
    """Refuse a small file that claims very many rows: Arrow would allocate memory for them."""
    size = path.stat().st_size
    if not 0 <= rows <= _ROWS_PER_BYTE * size:
        raise GatehouseError(f"{path}: claims {rows:,} rows in {size:,} bytes; it is damaged")


def comparable_columns(path: Path) -> list[str]:
    """Return the names of the columns that hold numbers, text, booleans or times.

    Raises:
        GatehouseError: the file is missing, is not a Parquet file, or has two columns of one name.
    """
    return [field.name for field in open_table(path).schema_arrow if _is_plain(field.type)]


def _check_types(schema: pa.Schema, path: Path, checked: set[str]) -> None:
    for field in schema:
        if field.name in checked and not _is_plain(field.type):
            raise GatehouseError(
                f"{path}: column '{field.name}' holds {field.type}; a table may hold "
                "numbers, text, booleans and timestamps"
            )


def _is_plain(kind: pa.DataType) -> bool:
    from pyarrow import types

    known = (
        types.is_null,
        types.is_boolean,
        types.is_integer,
        types.is_floating,
        types.is_decimal,
        types.is_temporal,
        types.is_string,
        types.is_large_string,
    )
    kind = kind.value_type if types.is_dictionary(kind) else kind
    return any(holds(kind) for holds in known)


def write_table(frame: pd.DataFrame, path: Path) -> None:
    """Write rows as Parquet; the same frame gives the same bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    frame.to_parquet(path, engine="pyarrow", compression="zstd", index=False)
