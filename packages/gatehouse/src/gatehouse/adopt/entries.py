"""Entries of contract.yaml: types and limits, drawn from a column's profile."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from gatehouse.adopt.cells import frequent, is_none
from gatehouse.adopt.profile import Kind, Profile
from gatehouse.columns.numbers import FLOAT32_EXACT_INTEGERS

_SLACK = 0.1
"""Share of the observed range that is added on each side."""
_INT64_LIMIT = 2**63 - 1
_ALL_SEEN = 10_000
"""With fewer rows, a list of more than two values may lack rare ones. If 5 % new rows come to
1,000 or 3,000 rows of census data, every twentieth change has a value that was in no row."""


def category_entry(profile: Profile) -> dict[str, Any]:
    """Return the entry of a category, with its frequent values listed."""
    listed = list(frequent(profile.counts, profile.known))
    # If it were not listed, the pipeline would treat it as missing.
    listed += [value for value in profile.counts if is_none(value) and value not in listed]
    column: dict[str, Any] = {"type": "category", "categories": sorted(listed)}
    if len(listed) < len(profile.counts) or (len(listed) > 2 and profile.known < _ALL_SEEN):
        column["unknown"] = "other"
    return column | _missing(profile)


def numeric_entry(profile: Profile, *, fed: bool) -> dict[str, Any]:
    """Return the entry of a number; `fed` to the model, it must be exact as float32."""
    whole = profile.kind is Kind.INTEGER
    low, high = rounded_range(profile, whole=whole)
    if max(abs(low), abs(high)) > (FLOAT32_EXACT_INTEGERS if fed else _INT64_LIMIT):
        whole = False
    column: dict[str, Any] = {"type": "integer" if whole else "number", "range": [low, high]}
    if profile.infinite:
        column["severity"] = "warning"
    return column | _missing(profile)


def _missing(profile: Profile) -> dict[str, Any]:
    """Return the allowed share of missing values: more than observed, or none if none was."""
    if not profile.missing:
        return {}
    return {"missing": with_slack(profile.missing / profile.rows)}


def with_slack(share: float) -> float:
    """Return a limit for an observed share: a quarter plus two points more, in whole points."""
    return min(1.0, math.ceil((1.25 * share + 0.02) * 100) / 100)


def rounded_range(profile: Profile, *, whole: bool) -> tuple[float, float]:
    """Return the range with room on both sides, rounded so that it reveals no row's exact extreme.

    Two numbers, such as 0 and 1, are used as they are, and 0 remains an end if nothing is beyond
    it.
    """
    low, high = profile.low, profile.high
    if profile.distinct == 2 and whole:
        return _plain(low), _plain(high)
    span = (high - low) or abs(high) or 1.0
    step = 10.0 ** (math.floor(math.log10(span)) - 1)
    if whole:
        step = max(1.0, step)
    ends = []
    for end, away, round_away in ((low, -1, math.floor), (high, 1, math.ceil)):
        moved = round_away((end + away * _SLACK * span) / step) * step
        if moved == end:
            moved += away * step
        if end * away <= 0 < moved * away:
            moved = 0.0
        ends.append(_plain(round(moved, max(0, -math.floor(math.log10(step))))))
    return ends[0], ends[1]


def _plain(value: float) -> float:
    """Return whole numbers without a decimal point."""
    return (
        int(value) if float(value).is_integer() and abs(value) < 1e15 else float(np.float64(value))
    )
