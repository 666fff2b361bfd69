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

    from gatehouse.pipeline.derived_nodes import DerivedNodes

MISSING, UNKNOWN, LISTED = 0, 1, 2


@dataclass(frozen=True)
class Encoding:
    """What becomes numbers, and the shared table's rows for the categories.

    Attributes:
        numbers: names of the D numbers: numeric columns, then derived features.
        categories: the contract's categories of each of the C category columns.
        derived: computes the derived features; None if there are none.
    """

    numbers: tuple[str, ...]
    categories: dict[str, tuple[str, ...]]
    derived: DerivedNodes | None = None

    @classmethod
    def of(cls, contract: Contract, derived: DerivedNodes | None = None) -> Encoding:
        """Return the encoding of the contract's model inputs, and of features derived from them."""
        inputs = contract.inputs
        columns = tuple(name for name, column in inputs.items() if column.is_numeric)
        return cls(
            numbers=(*columns, *(derived.names if derived else ())),
            categories={
                name: column.categories or ()
                for name, column in inputs.items()
                if not (column.is_numeric or column.kind.moments)
            },
            derived=derived,
        )

    @property
    def columns(self) -> tuple[str, ...]:
        """The numeric columns, which are all `numbers` but the derived features."""
        derived = self.derived.names if self.derived else ()
        return self.numbers[: len(self.numbers) - len(derived)]

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
            numbers = [frame[name].to_numpy(np.float32, na_value=np.nan) for name in self.columns]
        if self.derived:
            numbers += [*self.derived.of(frame).T]
        rows = [self._rows(frame[name], name) for name in self.categories]
        return _stack(numbers, len(frame), np.float32), _stack(rows, len(frame), np.int64)

    def _rows(self, column: pd.Series, name: str) -> NDArray[np.int64]:
        known = column.fillna("").map(self.rows_of(name))
        result: NDArray[np.int64] = known.fillna(self.first_rows[name] + UNKNOWN).to_numpy(np.int64)
        return result


def _stack(columns: list[NDArray[Any]], rows: int, dtype: type) -> NDArray[Any]:
    return np.stack(columns, axis=1) if columns else np.empty((rows, 0), dtype)
