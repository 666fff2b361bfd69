"""Timestamps: dates and times, stored as moments in UTC.

A model reads them as seconds since 1970 in UTC, through derived features only. `moment` is the one
reader of their text: the pipeline and the service share it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any
from zoneinfo import ZoneInfo

from gatehouse.columns.expectation import IN_TYPES, Expectation
from gatehouse.columns.kind import ColumnKind

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from gatehouse.contract import Column

STORED = "datetime64[us, UTC]"
MOMENTS = "datetime64[us]"
"""How the data gate sees `STORED`: Great Expectations knows no type with a timezone."""

_OFFSET = r"(?:[Zz]|[+-]\d{2}(?::?\d{2})?)"
_DATE = r"\d{4}-\d{2}-\d{2}"
_TIME = r"[T ](?:[01]\d|2[0-3]):\d{2}(?::\d{2}(?:[.,]\d{1,9})?)?"
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
    import numpy as np
    import pandas as pd

    if isinstance(values.dtype, pd.DatetimeTZDtype):
        return values.dt.tz_convert("UTC").dt.as_unit("us")
    if values.dtype.kind == "M":
        return _placed(values, timezone)
    zone = ZoneInfo(timezone)
    texts = values.astype("str").where(values.notna())
    found = np.array([_microseconds(text, zone) for text in texts], np.int64)
    return pd.Series(found.view("datetime64[us]"), values.index).dt.tz_localize("UTC")


_FORM = re.compile(WRITTEN)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND = timedelta(seconds=1)
_MISSING = -(2**63)
"""NumPy's NaT as an integer."""


def moment(text: str, zone: ZoneInfo) -> datetime | None:
    """Return the moment of a timestamp in `zone`, in UTC; None if `text` is no timestamp."""
    if not _FORM.fullmatch(text):
        return None
    try:
        plain = text[:11] + text[11:].replace(" ", "").replace(",", ".").upper()
        read = datetime.fromisoformat(plain)
        return _from_local(read, zone) if read.tzinfo is None else read.astimezone(UTC)
    except (ValueError, OverflowError):  # such as 2026-02-30, or the year 0 in UTC
        return None


def _from_local(read: datetime, zone: ZoneInfo) -> datetime:
    found = read.replace(tzinfo=zone).astimezone(UTC)
    if found.astimezone(zone).replace(tzinfo=None) == read:
        return found
    # A change of clocks skips this time. It lies between the time by the new offset and the time
    # by the old offset, on a whole second.
    before = read.replace(tzinfo=zone, fold=1, microsecond=0).astimezone(UTC)
    after, old = found.replace(microsecond=0), before.astimezone(zone).utcoffset()
    while after - before > _SECOND:
        middle = before + (after - before) // _SECOND // 2 * _SECOND
        if middle.astimezone(zone).utcoffset() == old:
            before = middle
        else:
            after = middle
    return after


def _microseconds(value: Any, zone: ZoneInfo) -> int:
    found = moment(value, zone) if isinstance(value, str) else None
    return _MISSING if found is None else (found - _EPOCH) // timedelta(microseconds=1)


def seconds(microseconds: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return seconds since 1970 as a model reads them, from microseconds; NaT becomes NaN."""
    import numpy as np

    return np.where(microseconds == _MISSING, np.nan, microseconds / 1e6)


def seconds_of(texts: Sequence[str | None], timezone: str) -> NDArray[np.float64]:
    """Return seconds since 1970 of N texts that `moment` can read, shape [N]; None becomes NaN."""
    import numpy as np

    zone = ZoneInfo(timezone)
    return seconds(np.array([_microseconds(text, zone) for text in texts], np.int64))


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


def _accepts(column: Column) -> Any:
    from pydantic import AfterValidator, Field
    from pydantic_core import PydanticCustomError

    zone = ZoneInfo(column.timezone or "UTC")

    def exists(text: str) -> str:
        if moment(text, zone) is None:
            raise PydanticCustomError("timestamp", "there is no such date or time")
        return text

    return Annotated[str, Field(pattern=f"^{WRITTEN}$", max_length=40), AfterValidator(exists)]


TIMESTAMP = ColumnKind(
    name="timestamp",
    title="timestamp (with its timezone)",
    numeric=False,
    whole=False,
    listed=False,
    fed=True,
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


def clock_changes(timezone: str) -> tuple[float, NDArray[np.float64], NDArray[np.float32]]:
    """Return how far the clocks of a zone are from UTC, from 1970 to 2099.

    Returns:
        The offset from UTC at the start in seconds, the K moments at which it changes as seconds
        since 1970, and by how many seconds it changes, both of shape [K].
    """
    import numpy as np

    zone = ZoneInfo(timezone)

    def offset(second: int) -> float:
        moment = _EPOCH + second * _SECOND
        return (moment.astimezone(zone).utcoffset() or timedelta()) / _SECOND

    end = (datetime(2100, 1, 1, tzinfo=UTC) - _EPOCH) // _SECOND
    starts, steps = [], []
    for day in range(0, end, 86_400):
        low, high = day, day + 86_400
        before, after = offset(low), offset(high)
        if before == after:
            continue
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if offset(middle) == before else (low, middle)
        starts.append(high)
        steps.append(after - before)
    return offset(0), np.array(starts, np.float64), np.array(steps, np.float32)
