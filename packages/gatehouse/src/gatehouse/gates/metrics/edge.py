"""Intervals for shares of 0 or 1, where all resamples are alike although few rows prove little.

Wilson's score interval (1927) accounts for the number of rows. Means and differences of shares
combine their intervals by MOVER (Zou and Donner 2008), as Newcombe (1998, method 10) does for a
difference.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

from gatehouse.evidence import Interval, Measurement

if TYPE_CHECKING:
    from gatehouse.gates.metrics.metric import Edge
    from gatehouse.gates.predictions import Predictions

METHOD = "Wilson score interval, since the share is 0 or 1"
MEAN = "Wilson score intervals of the classes' recalls by MOVER, since all are 0 or 1"
DIFFERENCE = "candidate - base, two-sample MOVER, since a share is 0 or 1"


def shares(
    rows: Callable[[Predictions], list[int]], method: str
) -> Callable[[Predictions, float, float], Edge | None]:
    """Return a function for the interval and method of a share, or mean of shares, of 0 or 1.

    The function returns None for all other values.

    `rows`: returns the number of rows that each share divides by.
    """

    def interval(predictions: Predictions, value: float, confidence: float) -> Edge | None:
        from gatehouse.gates.bootstrap import wilson_interval

        if value not in (0, 1):
            return None
        sides = [wilson_interval(int(value) * n, n, confidence) for n in rows(predictions)]
        width = math.hypot(*(side.high - side.low for side in sides)) / len(sides)
        low, high = (1 - width, 1.0) if value else (0.0, width)
        return Interval(low=low, high=high, confidence=confidence), method

    return interval


def edge_difference(ours: Measurement, theirs: Measurement) -> Edge | None:
    """Interval and method of a difference of independent samples; None if no share is 0 or 1."""
    if not {ours.method, theirs.method} & {METHOD, MEAN}:
        return None
    if ours.interval is None or theirs.interval is None:
        return None
    assert ours.value is not None and theirs.value is not None
    a, b, value = ours.interval, theirs.interval, ours.value - theirs.value
    low = value - math.hypot(ours.value - a.low, b.high - theirs.value)
    high = value + math.hypot(a.high - ours.value, theirs.value - b.low)
    return Interval(low=low, high=high, confidence=a.confidence), DIFFERENCE
