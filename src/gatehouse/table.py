"""Tables on disk: Parquet files of rows."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from gatehouse.errors import GatehouseError

RAW = Path("data/raw")


def read_table(path: Path, columns: list[str] | None = None) -> pd.DataFrame:
    """The rows of a Parquet file: text columns as `str` (missing is NaN), numbers as stored.

    Raises:
        GatehouseError: the file is missing, is no Parquet file, or lacks one of `columns`.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        missing = set(columns or ()) - set(pq.read_schema(path).names)
        if missing:
            raise GatehouseError(f"{path}: has no column {sorted(missing)}")
        table = pq.read_table(path, columns=columns, memory_map=False)
    except FileNotFoundError:
        raise GatehouseError(f"{path}: there is no such file; run `make run` first") from None
    except (OSError, pa.ArrowException) as error:
        raise GatehouseError(f"{path}: cannot be read as Parquet ({error})") from None
    frame: pd.DataFrame = table.to_pandas(strings_to_categorical=False)
    return frame


def write_table(frame: pd.DataFrame, path: Path) -> None:
    """Write rows as Parquet: the same frame gives the same bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    frame.to_parquet(path, engine="pyarrow", compression="zstd", index=False)
