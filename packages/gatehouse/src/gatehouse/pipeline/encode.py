"""Raw columns as arrays: numbers, and table rows that represent categories.

Each category column has consecutive rows of one shared table, in this order: missing, unknown,
then the contract's categories. One lookup therefore serves all columns.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from gatehouse.contract import Contract

if TYPE_CHECKING:
    import pandas as pd

MISSING, UNKNOWN, LISTED = 0, 1, 2


@dataclass(frozen=True)
class Encoding:
    """The columns that become numbers, and the shared table's rows for the categories."""

    numbers: tuple[str, ...]
    categories: dict[str, tuple[str, ...]]

    @classmethod
    def of(cls, contract: Contract) -> Encoding:
        """Return the encoding of the contract's model inputs."""
        inputs = contract.inputs
        return cls(
            numbers=tuple(name for name, column in inputs.items() if column.is_numeric),
            categories={
                name: column.categories or ()
                for name, column in inputs.items()
                if not column.is_numeric
            },
        )

    @property
    def table_rows(self) -> int:
        """Number of rows of the shared table."""
        return sum(LISTED + len(values) for values in self.categories.values())

    @property
    def first_rows(self) -> dict[str, int]:
        """The first row of each category column."""
        starts, start = {}, 0
        for name, values in self.categories.items():
            starts[name] = start
            start += LISTED + len(values)
        return starts

    def rows_of(self, name: str) -> dict[str, int]:
        """Return the row of each value of column `name`; "" is missing, unlisted is unknown."""
        first = self.first_rows[name]
        listed = {value: first + LISTED + i for i, value in enumerate(self.categories[name])}
        return {"": first + MISSING, **listed}

    @property
    def unknown_rows(self) -> list[int]:
        """The row for unknown values of each category column."""
        return [first + UNKNOWN for first in self.first_rows.values()]

    def encode(self, frame: pd.DataFrame) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """Return numbers, float32 [N, D] with NaN as missing, and table rows, int64 [N, C]."""
        with np.errstate(over="ignore"):  # values beyond float32 become infinite, as in serving
            numbers = [frame[name].to_numpy(np.float32, na_value=np.nan) for name in self.numbers]
        rows = [self._rows(frame[name], name) for name in self.categories]
        return _stack(numbers, len(frame), np.float32), _stack(rows, len(frame), np.int64)

    def _rows(self, column: pd.Series, name: str) -> NDArray[np.int64]:
        known = column.fillna("").map(self.rows_of(name))
        result: NDArray[np.int64] = known.fillna(self.first_rows[name] + UNKNOWN).to_numpy(np.int64)
        return result


def _stack(columns: list[NDArray[Any]], rows: int, dtype: type) -> NDArray[Any]:
    return np.stack(columns, axis=1) if columns else np.empty((rows, 0), dtype)
