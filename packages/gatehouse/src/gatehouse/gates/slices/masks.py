"""The rows of a slice."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from gatehouse.errors import GatehouseError
from gatehouse.gates.bootstrap import Floats
from gatehouse.gates.slices.grammar import MISSING, Part, Slice, slice_text
from gatehouse.nearest import hint

if TYPE_CHECKING:
    import pandas as pd

Mask = NDArray[np.bool_]


def rows_of(parts: Slice, tables: Sequence[pd.DataFrame]) -> Mask:
    """Mask of the rows of a slice, shape [N].

    Args:
        parts: the slice.
        tables: the N rows in several forms; the first one that has a column provides it.

    Raises:
        GatehouseError: no table has a column of the slice, or a bin is of a column of text.
    """
    masks = [_rows_of(part, parts, tables) for part in parts]
    return np.asarray(np.logical_and.reduce(masks))


def numbers_of(column: pd.Series) -> Floats | None:
    """Return a column's numbers, shape [N], NaN where missing; None if it has text."""
    import pandas as pd

    if not pd.api.types.is_numeric_dtype(column):
        return None
    return np.asarray(column.to_numpy(np.float64, na_value=np.nan))


def missing_in(column: pd.Series) -> Mask:
    """Mask of the missing values, shape [N]; as for the graph, an empty text is missing."""
    missing = column.isna().to_numpy(bool)
    if numbers_of(column) is None:
        missing = missing | (column == "").fillna(False).to_numpy(bool)
    return np.asarray(missing)


def _rows_of(part: Part, parts: Slice, tables: Sequence[pd.DataFrame]) -> Mask:
    held = next((table[part.column] for table in tables if part.column in table), None)
    where = f"policy.yaml: measure.accuracy.slices: '{slice_text(parts)}'"
    if held is None:
        known = [name for table in tables for name in table]
        raise GatehouseError(
            f"{where}: the rows have no column '{part.column}'{hint(part.column, known)}; "
            "name another, or take the slice out"
        )
    if part.value == MISSING:
        return missing_in(held)
    numbers = numbers_of(held)
    if part.value is None:
        if numbers is None:
            raise GatehouseError(f"{where}: '{part.column}' holds text; write {part.column}=value")
        return np.asarray((numbers >= part.low) & (numbers < part.high))
    if numbers is None:
        return np.asarray((held == part.value).fillna(False).to_numpy(bool))
    try:
        return np.asarray(numbers == float(part.value))
    except ValueError:
        raise GatehouseError(f"{where}: '{part.column}' holds numbers; write a number") from None
