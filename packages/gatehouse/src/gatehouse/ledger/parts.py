"""Raw rows as an iterator of named, digested parts, read batch by batch.

Code that compares rows only knows parts. An archive's folder and a manifest of many files are
therefore two sources of the same thing.
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
        name: name of the part in its data set, for example `rows.parquet`.
        digest: `sha256:<hex>` of the file's bytes.
        path: location on disk.
        official_test: are its rows the official test rows, regardless of the split rule?
    """

    name: str
    digest: str
    path: Path
    official_test: bool = False


def raw_parts(folder: Path) -> Iterator[Part]:
    """Yield the parts that `ingest` wrote into `folder`: the rows, and the official test if any.

    Raises:
        GatehouseError: there is no file of rows, or a file cannot be read.
    """
    yield Part(ROWS_FILE, file_digest(folder / ROWS_FILE), folder / ROWS_FILE)
    if (folder / TEST_FILE).exists():
        path = folder / TEST_FILE
        yield Part(TEST_FILE, file_digest(path), path, official_test=True)


def batches(part: Part, columns: Sequence[str] | None = None) -> Iterator[pa.RecordBatch]:
    """Yield the rows of a part in the file's order, at most 65,536 at a time.

    Args:
        part: the part to read.
        columns: columns to read; those that the file lacks are left out. None reads all.

    Raises:
        GatehouseError: the file is not a Parquet file, has two columns of one name, or has a column
            of lists, bytes or other values that are not compared.
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
        # Arrow's reader then finds the distinct texts, and each is hashed only once.
        file = open_table(part.path, columns, dictionaries=text)
        for batch in file.iter_batches(_BATCH_ROWS, columns=wanted):
            batch.validate(full=True)
            yield batch
    except (OSError, ValueError, RecursionError, pa.ArrowException) as error:
        raise GatehouseError(f"{part.path}: cannot be read as Parquet ({error})") from None
