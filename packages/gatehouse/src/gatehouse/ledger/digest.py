"""The digest of a data set's rows, independent of their order and of the file format's details.

It is the SHA-256 over the sorted SHA-256 digests of the rows. Equal digests prove that both sides
have the same rows equally often, since anything else would be a collision of SHA-256. A sum or XOR
of the rows' digests would be faster, but can be forged (Bellare and Micciancio 1997). It needs 32
bytes of memory per row; benchmarks/gates/RESULTS.md ("Rows") gives its time and memory.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from gatehouse.ledger.cells import Cells, Numbers, cells
from gatehouse.ledger.parts import Part, batches
from gatehouse.table import open_table

if TYPE_CHECKING:
    import pyarrow as pa

Words = NDArray[np.uint64]

_WORDS = 4
"""Number of 8-byte words in a cell. A text is its SHA-256; a number is its kind, its 64 bits and
zeros; a missing cell is zeros."""

_ROWS = 2**11
"""Rows written at a time; few enough to stay in the processor's cache."""


def rows_digest(parts: Sequence[Part], columns: Sequence[str] | None = None) -> str:
    """Return `sha256:<hex>` of all rows, with all or some of their columns.

    The digest does not depend on the order of rows and columns, on how the rows are spread over
    parts, or on how a value is stored. Official test rows are digested separately from the others.

    Raises:
        GatehouseError: a part cannot be read.
    """
    found = {name for part in parts for name in open_table(part.path).schema_arrow.names}
    names = sorted(found if columns is None else found.intersection(columns))
    outer = hashlib.sha256(json.dumps(names).encode())
    for official in (False, True):
        chosen = [part for part in parts if part.official_test is official]
        digests = b"".join(
            row_digests(batch, names) for part in chosen for batch in batches(part, columns)
        )
        outer.update(f"\n{len(digests) // 32}\n".encode())
        outer.update(_sorted(digests))
    return "sha256:" + outer.hexdigest()


def _sorted(digests: bytes) -> bytes:
    """Sort concatenated SHA-256 digests by their bytes."""
    words = np.frombuffer(digests, ">u8").reshape(-1, 4)
    words = words[np.argsort(words[:, 0].astype(np.uint64))]
    tied = words[1:, 0] == words[:-1, 0]
    if (tied & (words[1:] != words[:-1]).any(axis=1)).any():  # otherwise ties are equal rows
        words = words[np.lexsort(words.T[::-1])]
    return words.tobytes()


def row_digests(batch: pa.RecordBatch, names: list[str]) -> bytes:
    """Return the concatenated SHA-256 of each row's cells in the order of `names`."""
    columns = {name: cells(batch.column(name)) for name in batch.schema.names}
    content = {name: _words(column) for name, column in columns.items()}
    found = []
    for start in range(0, batch.num_rows, _ROWS):
        rows = slice(start, min(start + _ROWS, batch.num_rows))
        table = np.zeros((rows.stop - start, len(names), _WORDS), "<u8")
        for place, name in enumerate(names):
            if name in columns:
                _write(columns[name], content[name], rows, table[:, place])
        written, width = table.tobytes(), 8 * _WORDS * len(names)
        found += [
            hashlib.sha256(written[begin : begin + width]).digest()
            for begin in range(0, len(written), width)
        ]
    return b"".join(found)


def _words(column: Cells) -> Words:
    """SHA-256 of each distinct text, shape [D + 1, 4], a missing one last; or the numbers."""
    if isinstance(column, Numbers):
        return column.bits
    texts = [*column.distinct, ""]
    digests = (hashlib.sha256(text.encode()).digest() if text else bytes(32) for text in texts)
    return np.frombuffer(b"".join(digests), "<u8").reshape(-1, _WORDS)


def _write(column: Cells, content: Words, rows: slice, into: Words) -> None:
    """Write the cells of some rows into an array of zeros, shape [rows, 4]."""
    if isinstance(column, Numbers):
        into[:, 0], into[:, 1] = column.kinds[rows], content[rows]
    else:
        into[:] = content.take(column.codes[rows], axis=0, mode="wrap")
