"""Stage `ingest`: one table of raw rows from the source that `params.yaml` names.

`data/raw/rows.parquet` holds the rows; `data/raw/test.parquet` besides, where the source has an
official test split.
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
    """Write the raw rows of the chosen source; returns one line that says what was done.

    Raises:
        GatehouseError: the source cannot give its rows; nothing is then changed on disk.
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
    if test is None:  # of an earlier source
        (folder / TEST_FILE).unlink(missing_ok=True)
    official = f" and {len(test):,} official test rows" if test is not None else ""
    return f"ingest: {len(rows):,} rows{official} from '{settings.source}'"


def typed(frame: pd.DataFrame, contract: Contract) -> pd.DataFrame:
    """The frame with each column in the one type that the contract's type maps to.

    Text becomes `str`, numbers `int64` (an integer column in which nothing is missing) or
    `float64`. Values that don't fit their column's type stay as they are, whole numbers beyond
    `int64` among them: the data gate, not this stage, reports them.
    """
    columns = {}
    for name, values in frame.items():
        column = contract.columns.get(str(name))
        columns[name] = values if column is None else column.kind.typed(values)
    return pd.DataFrame(columns)


def main() -> int:
    """Run the stage in the current directory; returns the exit code."""
    return run_stage(lambda: ingest(load_settings().data, load_contract()))


if __name__ == "__main__":
    sys.exit(main())
