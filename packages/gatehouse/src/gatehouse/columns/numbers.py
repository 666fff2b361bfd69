"""Numeric columns, which the graph reads as float32."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated, Any

from gatehouse.columns.expectation import BETWEEN, IN_TYPES, Expectation
from gatehouse.columns.kind import ColumnKind

if TYPE_CHECKING:
    import pandas as pd

    from gatehouse.contract import Column

FLOAT32_EXACT_INTEGERS = 2**24
"""The graph's float32 inputs represent every integer up to this magnitude."""

FLOAT32_MAX = 3.4028234663852886e38
"""Larger or infinite numbers are invalid for the model."""

INTEGER_TYPES = ["int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"]
_NUMBERS = [*INTEGER_TYPES, "float32", "float64"]


def fed_range(column: Column) -> tuple[float, float]:
    """Return the range that both the contract and the graph's float32 inputs allow."""
    largest = FLOAT32_EXACT_INTEGERS if column.kind.whole else FLOAT32_MAX
    low, high = column.range or (-largest, largest)
    return max(low, -largest), min(high, largest)


def fractions(values: pd.Series) -> pd.Series:
    """Return the values that are not whole numbers."""
    return values[values.notna() & (values % 1 != 0)]


def _typed(values: pd.Series, *, whole: bool) -> pd.Series:
    import pandas as pd

    try:
        numbers = pd.to_numeric(values)
        # pandas leaves whole numbers unchanged if 64 bits can't represent all of them.
        rounded = numbers.astype("float64")
    except (ValueError, TypeError, OverflowError):
        return values
    if not whole:
        return rounded
    if numbers.dtype.kind != "i" and (rounded.abs() >= 2.0**63).any():
        return values
    if rounded.isna().any() or (rounded % 1 != 0).any():
        return rounded
    return numbers.astype("int64")


def _expectations(name: str, column: Column, values: pd.Series) -> list[Expectation]:
    allowed = _NUMBERS
    if column.kind.whole and values.dtype.kind == "f" and len(fractions(values)):
        # A missing value makes pandas store integers as floats; fractions are not integers.
        allowed = INTEGER_TYPES
    found = [Expectation(IN_TYPES, name, column.severity, {"type_list": allowed})]
    if values.dtype.kind in "iuf":
        low, high = column.range or (-FLOAT32_MAX, FLOAT32_MAX)
        limits = {"min_value": low, "max_value": high}
        found.append(Expectation(BETWEEN, name, column.severity, limits))
    return found


def _ends(column: Column) -> tuple[float | None, float | None]:
    return fed_range(column) if column.is_model_input else column.range or (None, None)


def _whole(column: Column) -> Any:
    from pydantic import Field

    low, high = _ends(column)
    # A range can end between two integers: int() would accept the one outside of it.
    least = None if low is None else math.ceil(low)
    most = None if high is None else math.floor(high)
    return Annotated[int, Field(ge=least, le=most)]


def _number(column: Column) -> Any:
    from pydantic import Field

    low, high = _ends(column)
    return Annotated[float, Field(ge=low, le=high)]


def _example(column: Column) -> float:
    low, high = fed_range(column)
    return min(max(low, 0), high)


def _narrower(ours: Column, theirs: Column) -> str | None:
    (low, high), (least, most) = fed_range(ours), fed_range(theirs)
    return None if least <= low and high <= most else f"is held to [{least:g}, {most:g}] there"


INTEGER = ColumnKind(
    name="integer",
    title="integer",
    numeric=True,
    whole=True,
    listed=False,
    fed=True,
    typed=lambda values, _: _typed(values, whole=True),
    expectations=_expectations,
    accepts=_whole,
    example=_example,
    narrower=_narrower,
)
NUMBER = ColumnKind(
    name="number",
    title="number",
    numeric=True,
    whole=False,
    listed=False,
    fed=True,
    typed=lambda values, _: _typed(values, whole=False),
    expectations=_expectations,
    accepts=_number,
    example=_example,
    narrower=_narrower,
)
