"""Stage `prepare`: rows into train, valid and test by a hash of a stable row key.

A row's split depends on the row alone, so adding rows moves no old row, and equal rows share a
split. The file is streamed in batches: memory does not grow with the number of rows.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from gatehouse.contract import Contract, load_contract
from gatehouse.digest import PREPARED, SPLITS
from gatehouse.errors import GatehouseError
from gatehouse.rows import row_hashes
from gatehouse.stage import run_stage
from gatehouse.table import RAW
from pipeline.ingest import ROWS_FILE, TEST_FILE
from pipeline.settings import SplitSettings, load_settings

_HASH_SPAN = 2**64
_BATCH_ROWS = 2**19


def prepare(
    settings: SplitSettings, contract: Contract, raw: Path = RAW, prepared: Path = PREPARED
) -> list[str]:
    """Write train, valid and test; returns lines that say what was done.

    With an official test file its rows are the test split, rows that equal one of them are
    dropped from the others, and valid keeps its proportion to train.

    Raises:
        GatehouseError: a raw file is missing or unreadable, or a split would be empty; nothing
            is then changed on disk.
    """
    official = raw / TEST_FILE if (raw / TEST_FILE).exists() else None
    with ExitStack() as stack:
        rows_file = stack.enter_context(_open(raw / ROWS_FILE))
        test_file = stack.enter_context(_open(official)) if official else None
        columns, notes = _hashed_columns(contract, rows_file, test_file)
        prepared.mkdir(parents=True, exist_ok=True)
        parts = {split: prepared / f".{split}.parquet.part" for split in SPLITS}
        for part in parts.values():
            stack.callback(part.unlink, missing_ok=True)
        counts, dropped = _write(rows_file, test_file, columns, settings, parts)
        for split, count in counts.items():
            if not count:
                raise GatehouseError(
                    f"{raw / ROWS_FILE}: no row falls into the {split} split; give more rows, or "
                    f"larger shares under `split` in params.yaml"
                )
        for split, part in parts.items():
            part.replace(prepared / f"{split}.parquet")
    if dropped:
        notes.append(f"prepare: {dropped:,} rows dropped that equal a row of the official test")
    sizes = ", ".join(f"{split} {count:,}" for split, count in counts.items())
    key = "all columns" if len(columns) == len(contract.columns) else ", ".join(columns)
    test = "; test is the official one" if official else ""
    return [*notes, f"prepare: {sizes} rows, by the hash of {key}{test}"]


def _write(
    rows_file: pq.ParquetFile,
    test_file: pq.ParquetFile | None,
    columns: list[str],
    settings: SplitSettings,
    parts: dict[str, Path],
) -> tuple[dict[str, int], int]:
    """Rows written per split, and rows dropped."""
    counts = dict.fromkeys(SPLITS, 0)
    dropped = 0
    test_share = settings.test
    valid_share = settings.valid
    seen = np.empty(0, np.uint64)
    with ExitStack() as stack:
        writers = {
            split: stack.enter_context(
                pq.ParquetWriter(
                    part,
                    (test_file if test_file and split == "test" else rows_file).schema_arrow,
                    compression="zstd",
                )
            )
            for split, part in parts.items()
        }
        if test_file:
            test_share, valid_share = 0.0, valid_share / (1 - test_share)
            hashes = []
            for batch in _batches(test_file):
                hashes.append(_hashes(batch, columns))
                writers["test"].write_table(batch)
                counts["test"] += batch.num_rows
            seen = np.unique(np.concatenate(hashes)) if hashes else seen
        test_end = int(test_share * _HASH_SPAN)
        valid_end = int((test_share + valid_share) * _HASH_SPAN)
        for batch in _batches(rows_file):
            row = _hashes(batch, columns)
            known = np.isin(row, seen)
            dropped += int(known.sum())
            in_test = row < np.uint64(test_end)
            in_valid = ~in_test & (row < np.uint64(valid_end))
            masks = {"train": ~in_test & ~in_valid, "valid": in_valid, "test": in_test}
            for split, mask in masks.items():
                chosen = batch.filter(pa.array(mask & ~known))
                if chosen.num_rows:
                    writers[split].write_table(chosen)
                    counts[split] += chosen.num_rows
    return counts, dropped


def _batches(file: pq.ParquetFile) -> Iterator[pa.Table]:
    from tqdm import tqdm

    total = file.metadata.num_rows
    show = None if total >= 1_000_000 else True  # None: on a terminal only
    with tqdm(total=total, unit="rows", unit_scale=True, desc="prepare", disable=show) as bar:
        for batch in file.iter_batches(_BATCH_ROWS):
            yield pa.Table.from_batches([batch], schema=file.schema_arrow)
            bar.update(batch.num_rows)


def _hashes(batch: pa.Table, columns: list[str]) -> NDArray[np.uint64]:
    return row_hashes(batch.select(columns).to_pandas())


def _hashed_columns(
    contract: Contract, *files: pq.ParquetFile | None
) -> tuple[list[str], list[str]]:
    """The columns that decide a row's split, and notes on those that are not there."""
    present = [set(file.schema_arrow.names) for file in files if file]
    wanted = contract.keys or list(contract.columns)
    found = [name for name in wanted if all(name in names for names in present)]
    if not found:
        wanted = list(contract.columns)
        found = [name for name in wanted if all(name in names for names in present)]
    if not found:
        raise GatehouseError(
            f"{ROWS_FILE}: none of the contract's columns is there (found "
            f"{sorted(present[0])[:20]}); do contract.yaml and the data source fit each other?"
        )
    lost = [name for name in contract.keys or contract.columns if name not in found]
    if not lost:
        return found, []
    return found, [
        f"prepare: no column {', '.join(lost)} in the data; rows are split by what is there"
    ]


def _open(path: Path) -> Any:
    try:
        return pq.ParquetFile(path)
    except FileNotFoundError:
        raise GatehouseError(
            f"{path}: there is no such file; run `python -m pipeline.ingest` first"
        ) from None
    except (OSError, pa.ArrowException) as error:
        raise GatehouseError(f"{path}: cannot be read as Parquet ({error})") from None


def main() -> int:
    """Run the stage in the current directory; returns the exit code."""
    return run_stage(lambda: "\n".join(prepare(load_settings().split, load_contract())))


if __name__ == "__main__":
    sys.exit(main())
