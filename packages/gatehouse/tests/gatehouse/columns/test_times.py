"""Timestamps: attacks a moment that is an hour off, and text that is taken for a time."""

from __future__ import annotations

import pandas as pd
import pytest

from gatehouse.columns.times import TIMESTAMP, moments
from gatehouse.contract import Column, Role

BERLIN = Column(type="timestamp", timezone="Europe/Berlin", role=Role.IGNORED, description="t")


@pytest.mark.parametrize(
    ("text", "utc"),
    [
        ("2026-01-31", "2026-01-30 23:00"),
        ("2026-07-31 12:30", "2026-07-31 10:30"),
        ("2026-07-31T12:30:05.25", "2026-07-31 10:30:05.25"),
        ("2026-07-31 12:30:05,25", "2026-07-31 10:30:05.25"),
        ("2026-07-31T12:30Z", "2026-07-31 12:30"),
        ("2026-07-31 12:30:00+00", "2026-07-31 12:30"),
        ("2026-07-31 12:30:00 -0530", "2026-07-31 18:00"),
        ("2026-07-31T12:30:00.123456789+05:30", "2026-07-31 07:00:00.123456"),
        ("2026-10-25 02:30", "2026-10-25 00:30"),  # the first of the two
        ("2026-03-29 02:30", "2026-03-29 01:00"),  # skipped
    ],
)
def test_the_usual_forms_are_read(text: str, utc: str) -> None:
    """Attacks forms that databases write, offsets, and the two changes of clocks."""
    found = moments(pd.Series([text, None], dtype="str"), "Europe/Berlin")
    assert found[0] == pd.Timestamp(utc, tz="UTC")
    assert pd.isna(found[1])


@pytest.mark.parametrize(
    "text", ["31.01.2026", "01/31/2026", "20260131", "1767225600", "now", "12:30", "2026-02-30"]
)
def test_text_that_is_no_timestamp_stays(text: str) -> None:
    """Attacks a day taken for a month, and a number taken for seconds."""
    values = pd.Series(["2026-01-31", text], dtype="str")
    assert TIMESTAMP.typed(values, BERLIN).tolist() == values.tolist()


def test_arrow_types_are_read() -> None:
    """Attacks columns that are times already, with a zone, without, and as days."""
    plain = pd.Series(pd.to_datetime(["2026-07-31 12:30"]))
    for values in (plain, plain.dt.as_unit("s"), plain.dt.tz_localize("Asia/Tokyo")):
        zone = 2 if values.dt.tz is None else 9
        found = TIMESTAMP.typed(values, BERLIN)
        assert found.dtype == "datetime64[us, UTC]"
        assert found[0] == pd.Timestamp("2026-07-31 12:30", tz="UTC") - pd.Timedelta(hours=zone)
