"""Raw rows as an iterator of named, digested parts, read batch by batch.

What compares rows knows parts alone, so an archive's folder and a manifest of many files are two
sources of the same thing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from gatehouse.digest import file_digest
from gatehouse.errors import GatehouseError
from gatehouse.table import ROWS_FILE, TEST_FILE, open_table

if TYPE_CHECKING:
    import pyarrow as pa

_BATCH_ROWS = 2**16
"""Small enough that a batch's hashes stay in the processor's cache."""


@dataclass(frozen=True)
class Part:
    """One Parquet file of raw rows.

    Attributes:
        name: of the part in its data set, such as `rows.parquet`.
        digest: `sha256:<hex>` of the file's bytes.
        path: where it is on disk.
        official_test: are its rows the official test rows, whatever the rule would deal them?
    """

    name: str
    digest: str
    path: Path
    official_test: bool = False


def raw_parts(folder: Path) -> Iterator[Part]:
    """The parts of what `ingest` wrote into `folder`: the rows, and the official test if any.

    Raises:
        GatehouseError: there is no file of rows, or a file cannot be read.
    """
    yield Part(ROWS_FILE, file_digest(folder / ROWS_FILE), folder / ROWS_FILE)
    if (folder / TEST_FILE).exists():
        path = folder / TEST_FILE
        yield Part(TEST_FILE, file_digest(path), path, official_test=True)


def batches(part: Part, columns: Sequence[str] | None = None) -> Iterator[pa.RecordBatch]:
    """The rows of a part in the file's order, at most 65,536 at a time.

    Args:
        part: to read.
        columns: to read; those that the file lacks are left out. None reads all.

    Raises:
        GatehouseError: the file is no Parquet file, has two columns of one name, or one that holds
            lists, bytes or other values that are not compared.
    """
    import pyarrow as pa
    from pyarrow import types

    file = open_table(part.path, columns)
    schema = file.schema_arrow
    wanted = schema.names if columns is None else [n for n in columns if n in schema.names]
    text = [
        field.name
        for field in schema
        if types.is_string(field.type) or types.is_large_string(field.type)
    ]
    try:
        # Arrow's reader then finds the distinct texts, which are hashed once each.
        file = open_table(part.path, columns, dictionaries=text)
        for batch in file.iter_batches(_BATCH_ROWS, columns=wanted):
            batch.validate(full=True)
            yield batch
    except (OSError, ValueError, RecursionError, pa.ArrowException) as error:
        raise GatehouseError(f"{part.path}: cannot be read as Parquet ({error})") from None
