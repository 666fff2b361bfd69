"""Stage `prepare`: raw rows into train, valid and test.

The file is streamed in batches: memory does not grow with the number of rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from gatehouse.contract import CONTRACT_FILE, Contract
from gatehouse.digest import PREPARED, SPLITS
from gatehouse.errors import GatehouseError
from gatehouse.rows import row_hashes
from gatehouse.seal import seal
from gatehouse.split import Dealer, check_columns, deciding
from gatehouse.splits import rule_of
from gatehouse.splits.rule import LEFT_OUT
from gatehouse.table import RAW, ROWS_FILE, TEST_FILE

_BATCH_ROWS = 2**19
_NAMED = 4


def prepare(contract: Contract, raw: Path = RAW, prepared: Path = PREPARED) -> list[str]:
    """Write train, valid and test, and return log lines.

    If there is an official test file, its rows are the test split. Rows that repeat one of them are
    dropped from the other splits, and valid keeps its proportion to train. A row repeats another if
    both have the same key. Without key columns, it does if both are equal in every column that the
    two files share, because two people may well be alike in all the model's inputs.

    Rows that the split rule leaves out (beyond their side's end in time) are in no split.

    Raises:
        GatehouseError: a raw file is missing, unreadable or lacks a column of the split, or a split
            would be empty. Nothing is then changed on disk.
    """
    official = raw / TEST_FILE if (raw / TEST_FILE).exists() else None
    with ExitStack() as stack:
        rows_file = stack.enter_context(_open(raw / ROWS_FILE, contract))
        test_file = stack.enter_context(_open(official, contract)) if official else None
        prepared.mkdir(parents=True, exist_ok=True)
        parts = {name: prepared / f".{name}.parquet.part" for name in SPLITS}
        for part in parts.values():
            stack.callback(part.unlink, missing_ok=True)
        try:
            counts, dropped, left_out = _write(rows_file, test_file, contract, parts)
        except (OSError, pa.ArrowException) as error:
            raise GatehouseError(f"{raw}: cannot be read as Parquet ({error})") from None
        for name, count in counts.items():
            if not count:
                raise GatehouseError(
                    f"{raw / ROWS_FILE}: no row falls into the {name} split; give more rows, or "
                    f"larger shares under split in {CONTRACT_FILE}"
                )
        for name, part in parts.items():
            part.replace(prepared / f"{name}.parquet")
        seal(prepared)
    lines = []
    if dropped:
        lines.append(f"prepare: {dropped:,} rows dropped that equal a row of the official test")
    sizes = ", ".join(f"{name} {count:,}" for name, count in counts.items())
    names = deciding(contract)
    columns = ", ".join(names) if len(names) <= _NAMED else f"{len(names)} columns"
    out = f"; {left_out:,} rows left out of all splits" if left_out else ""
    test = "; test is the official one" if official else ""
    return [
        *lines,
        f"prepare: {sizes} rows, by {rule_of(contract.split).label} {columns}{test}{out}",
    ]


def _write(
    rows_file: pq.ParquetFile,
    test_file: pq.ParquetFile | None,
    contract: Contract,
    parts: dict[str, Path],
) -> tuple[dict[str, int], int, int]:
    """Write the splits; return the number of rows per split, of dropped and of left out rows."""
    counts = dict.fromkeys(SPLITS, 0)
    dropped = left_out = 0
    official = np.empty(0, np.uint64)
    compared = _compared(contract, rows_file, test_file)
    with ExitStack() as stack:
        writers = {
            name: stack.enter_context(
                pq.ParquetWriter(
                    part,
                    (test_file if test_file and name == "test" else rows_file).schema_arrow,
                    compression="zstd",
                )
            )
            for name, part in parts.items()
        }
        if test_file:
            hashes = []
            for batch in _batches(test_file):
                hashes.append(_content(batch, compared))
                writers["test"].write_table(batch)
                counts["test"] += batch.num_rows
            official = np.unique(np.concatenate(hashes)) if hashes else official
        dealer = Dealer(
            contract,
            lambda columns: _batches(rows_file, columns),
            official_test=test_file is not None,
        )
        for batch in _batches(rows_file):
            known = np.zeros(batch.num_rows, bool)
            if test_file:
                known = np.isin(_content(batch, compared), official)
                dropped += int(known.sum())
            dealt = dealer.deal(batch)
            left_out += int(((dealt == LEFT_OUT) & ~known).sum())
            for place, name in enumerate(SPLITS):
                chosen = batch.filter(pa.array((dealt == place) & ~known))
                if chosen.num_rows:
                    writers[name].write_table(chosen)
                    counts[name] += chosen.num_rows
    return counts, dropped, left_out


def _compared(
    contract: Contract, rows_file: pq.ParquetFile, test_file: pq.ParquetFile | None
) -> list[str]:
    """Return the columns by which a row repeats one of the official test file."""
    both = set(rows_file.schema_arrow.names)
    if test_file:
        both &= set(test_file.schema_arrow.names)
    return sorted(contract.split.identity if contract.keys else both & set(contract.columns))


def _content(batch: pa.Table, columns: list[str]) -> NDArray[np.uint64]:
    return row_hashes(batch.select(columns).to_pandas(ignore_metadata=True), read_numbers=True)


def _batches(file: pq.ParquetFile, columns: Sequence[str] | None = None) -> Iterator[pa.Table]:
    from tqdm import tqdm

    total = file.metadata.num_rows
    show = None if total >= 1_000_000 else True  # None: only on a terminal
    with tqdm(total=total, unit="rows", unit_scale=True, desc="prepare", disable=show) as bar:
        for batch in file.iter_batches(_BATCH_ROWS, columns=columns):
            schema = file.schema_arrow if columns is None else batch.schema
            yield pa.Table.from_batches([batch], schema=schema)
            bar.update(batch.num_rows)


def _open(path: Path, contract: Contract) -> Any:
    try:
        file = pq.ParquetFile(path)
    except FileNotFoundError:
        raise GatehouseError(f"{path}: there is no such file; run `make run` first") from None
    except (OSError, pa.ArrowException) as error:
        raise GatehouseError(f"{path}: cannot be read as Parquet ({error})") from None
    check_columns(file.schema_arrow.names, contract, path)
    return file
