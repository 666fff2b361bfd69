"""Stage `ingest`: writes one table of raw rows from the source that `params.yaml` names.

The rows go to `data/raw/rows.parquet`. If the source has an official test split, that goes to
`data/raw/test.parquet`.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pandas as pd

from gatehouse.contract import Contract, load_contract
from gatehouse.pipeline.settings import DataSettings, load_settings
from gatehouse.source import find_source
from gatehouse.stage import run_stage
from gatehouse.table import RAW, ROWS_FILE, TEST_FILE, write_table


def ingest(settings: DataSettings, contract: Contract, folder: Path = RAW) -> str:
    """Write the raw rows of the chosen source and return a one-line summary.

    Raises:
        GatehouseError: the source cannot provide its rows; nothing on disk is changed then.
    """
    source = find_source(settings.source)
    options = source.options(settings)
    source.check(options)
    rows, test = source.read(options, contract)
    tables = {ROWS_FILE: typed(rows, contract)}
    if test is not None:
        tables[TEST_FILE] = typed(test, contract)
    parts = {folder / name: folder / f".{name}.part" for name in tables}
    try:
        for name, table in tables.items():
            write_table(table, parts[folder / name])
        for path, part in parts.items():
            part.replace(path)
    finally:
        for part in parts.values():
            part.unlink(missing_ok=True)
    if test is None:  # left by an earlier source
        (folder / TEST_FILE).unlink(missing_ok=True)
    official = f" and {len(test):,} official test rows" if test is not None else ""
    return f"ingest: {len(rows):,} rows{official} from '{settings.source}'"


def typed(frame: pd.DataFrame, contract: Contract) -> pd.DataFrame:
    """Return the frame with each column in the pandas type for its type in the contract.

    Text becomes `str`, numbers `int64` (an integer column without missing values) or `float64`.
    Values that don't fit their column's type stay unchanged, including whole numbers beyond
    `int64`: the data gate reports them, not this stage.
    """
    columns = {}
    for name, values in frame.items():
        column = contract.columns.get(str(name))
        columns[name] = values if column is None else column.kind.typed(values, column)
    return pd.DataFrame(columns)


def main() -> int:
    """Run the stage in the current directory and return the exit code."""
    return run_stage(lambda: ingest(load_settings().data, load_contract()))


if __name__ == "__main__":
    sys.exit(main())
