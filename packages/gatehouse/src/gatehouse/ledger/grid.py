"""Assigns numbers to cells, so that a row and a copy of it with every number nudged look alike.

A cell is a quarter of a standard deviation wide. The key determines where the cells of a column
begin, so nobody knows a border across which a tiny change could move a number.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pyarrow as pa

WIDTH = 0.25
"""Width of a cell, in standard deviations of the column."""


@dataclass(frozen=True)
class Line:
    """The cells of one column: `[start + i * width, start + (i + 1) * width)`."""

    start: float
    width: float


@dataclass(frozen=True)
class Grid:
    """The cells of the numeric columns; a constant or non-numeric column has none."""

    lines: Mapping[str, Line]

    @classmethod
    def over(cls, rows: Iterable[pa.RecordBatch], columns: Sequence[str], key: bytes) -> Grid:
        """Return the grid whose cell widths follow from the finite numbers of some rows.

        Args:
            rows: the rows, in batches.
            columns: names of columns that may be numeric.
            key: secret bytes that determine the starts of the cells.
        """
        seen = dict.fromkeys(columns, (0, 0.0, 0.0))
        for batch in rows:
            for name in set(columns) & set(batch.schema.names):
                values = _numbers(batch.column(name))
                if values is not None:
                    seen[name] = _merged(seen[name], values[np.isfinite(values)])
        stream = hashlib.shake_256(b"grid" + key).digest(8 * len(columns))
        drawn = np.frombuffer(stream, np.uint64) / 2.0**64
        lines = {}
        for (name, (count, _, squares)), start in zip(seen.items(), drawn, strict=True):
            width = WIDTH * float(np.sqrt(squares / count)) if count else 0.0
            if 0 < width < np.inf:
                lines[name] = Line(float(start) * width, width)
        return cls(lines)

    def cells(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Return the cell index of each number of N rows; missing numbers stay missing.

        A column that has no cells, or no numbers here, is left out.
        """
        import pyarrow as pa

        found = {}
        for name in batch.schema.names:
            line, values = self.lines.get(name), _numbers(batch.column(name))
            if line is not None and values is not None:
                found[name] = pa.array(np.floor((values - line.start) / line.width))
        return pa.RecordBatch.from_pydict(found)


def _numbers(column: pa.Array) -> NDArray[np.float64] | None:
    """Return N numbers, NaN where they are missing; None if the column is not numeric."""
    from pyarrow import types

    if not (types.is_integer(column.type) or types.is_floating(column.type)):
        return None
    values = column.cast("float64", safe=False).fill_null(np.nan)
    return np.asarray(values.to_numpy(zero_copy_only=False))


def _merged(
    seen: tuple[int, float, float], values: NDArray[np.float64]
) -> tuple[int, float, float]:
    """Update count, mean and sum of squared deviations with more values (Chan et al. 1979)."""
    if not len(values):
        return seen
    count, mean, squares = seen
    more, middle = len(values), float(values.mean())
    total, apart = count + more, middle - mean
    spread = float(((values - middle) ** 2).sum()) + apart**2 * count * more / total
    return total, mean + apart * more / total, squares + spread
