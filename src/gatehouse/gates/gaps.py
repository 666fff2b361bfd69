"""Gaps between groups, with simultaneous confidence intervals.

The largest of many noisy gaps is larger than the largest true one, and the percentile bootstrap of
a maximum inherits that bias. Here every pair of groups gets an interval, and all of them hold at
once (max-t; Hothorn, Bretz, Westfall 2008, "Simultaneous inference in general parametric models"),
so that the interval of the largest gap may be read off them without a price for looking at many.
"""

from __future__ import annotations

from itertools import combinations

import numpy as np

from gatehouse.evidence import Interval
from gatehouse.gates.bootstrap import Floats


def largest_gap(
    points: list[Floats], drawn: list[Floats], confidence: float
) -> tuple[float, Interval] | None:
    """The largest absolute difference between two groups in any of several rates.

    Args:
        points: each rate's value per group, shape [G].
        drawn: each rate's bootstrap resamples, shape [B, G].
        confidence: of the simultaneous intervals, two-sided.

    Returns:
        The gap and its interval; None where fewer than two groups can be compared.
    """
    gaps = [np.abs(rate[i] - rate[j]) for rate in points for i, j in _pairs(len(rate))]
    if not gaps or not np.isfinite(gaps).all():
        return None
    moved = np.stack(
        [rate[:, i] - rate[:, j] for rate in drawn for i, j in _pairs(rate.shape[1])], axis=1
    )
    center, error = np.nanmean(moved, axis=0), np.nanstd(moved, axis=0, ddof=1)
    error = np.maximum(error, np.finfo(np.float64).tiny)
    largest = np.nanmax(np.abs(moved - center) / error, axis=1)
    reach = np.quantile(largest, confidence) * error
    value = float(np.max(gaps))
    low, high = max(0.0, float(np.max(gaps - reach))), float(np.max(gaps + reach))
    return value, Interval(low=low, high=high, confidence=confidence)


def _pairs(groups: int) -> list[tuple[int, int]]:
    return list(combinations(range(groups), 2))
