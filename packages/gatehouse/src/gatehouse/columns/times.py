"""Timestamps: dates and times, stored as moments in UTC. No model reads them."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any
from zoneinfo import ZoneInfo

from gatehouse.columns.expectation import IN_TYPES, Expectation
from gatehouse.columns.kind import ColumnKind

if TYPE_CHECKING:
    import pandas as pd

    from gatehouse.contract import Column

STORED = "datetime64[us, UTC]"
MOMENTS = "datetime64[us]"
"""How the data gate sees `STORED`: Great Expectations knows no type with a timezone."""

_OFFSET = r"(?:[Zz]|[+-]\d{2}(?::?\d{2})?)"
_DATE = r"\d{4}-\d{2}-\d{2}"
_TIME = r"[T ]\d{2}:\d{2}(?::\d{2}(?:[.,]\d{1,9})?)?"
WRITTEN = rf"{_DATE}(?:{_TIME}\s?{_OFFSET}?)?"
"""ISO 8601 and RFC 3339: a date, or a date and a time with or without an offset from UTC."""


def moments(values: pd.Series, timezone: str) -> pd.Series:
    """Return N moments as `datetime64[us, UTC]`; NaT where a value is missing or no timestamp.

    A local time that a change of clocks skips becomes the first one after it. If the change repeats
    the time, the first of the two counts.

    Args:
        values: timestamps of any resolution, or text as in `WRITTEN`.
        timezone: IANA name of the zone of values without an offset.
    """
    import pandas as pd

    if isinstance(values.dtype, pd.DatetimeTZDtype):
        return values.dt.tz_convert("UTC").dt.as_unit("us")
    if values.dtype.kind == "M":
        return _placed(values, timezone)
    text = values.astype("str").where(values.notna())
    fits = text.str.fullmatch(WRITTEN, na=False)
    bare = ~text.str.contains(rf":.*{_OFFSET}$", na=False)
    text = text.str.replace(",", ".").str.replace(" ", "T", n=1).str.replace(" ", "")
    read = partial(pd.to_datetime, format="ISO8601", errors="coerce")
    found = pd.Series(pd.NaT, values.index, dtype=STORED)
    found[fits & ~bare] = read(text[fits & ~bare], utc=True).dt.as_unit("us")
    found[fits & bare] = _placed(read(text[fits & bare]), timezone)
    return found


def _placed(values: pd.Series, timezone: str) -> pd.Series:
    """Return moments of times without an offset."""
    import numpy as np

    first = np.ones(len(values), bool)
    placed = values.dt.tz_localize(timezone, ambiguous=first, nonexistent="shift_forward")
    return placed.dt.tz_convert("UTC").dt.as_unit("us")


def unread(values: pd.Series, column: Column) -> pd.Series:
    """Return the values that are no timestamps."""
    assert column.timezone is not None
    return values[values.notna() & moments(values, column.timezone).isna()]


def _typed(values: pd.Series, column: Column) -> pd.Series:
    assert column.timezone is not None
    found = moments(values, column.timezone)
    return values if (values.notna() & found.isna()).any() else found


def _expectations(name: str, column: Column, _: pd.Series) -> list[Expectation]:
    return [Expectation(IN_TYPES, name, column.severity, {"type_list": [MOMENTS]})]


def _accepts(_: Column) -> Any:
    from pydantic import Field

    return Annotated[str, Field(pattern=f"^{WRITTEN}$", max_length=40)]


TIMESTAMP = ColumnKind(
    name="timestamp",
    title="timestamp (with its timezone)",
    numeric=False,
    whole=False,
    listed=False,
    fed=False,
    moments=True,
    typed=_typed,
    expectations=_expectations,
    accepts=_accepts,
    example=lambda _: "2026-01-31T12:00:00Z",
    narrower=lambda *_: None,
)


def start_of(day: Any, timezone: str) -> datetime:
    """Return the first moment of a date in a zone."""
    return datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(timezone))
