"""Largest gaps and smallest ratios between groups, with intervals that hold for all at once.

The largest of many noisy gaps is larger than the largest true one, and the percentile bootstrap of
a maximum inherits that bias. Here every pair of groups gets an interval, all of them hold together
(max-t; Hothorn, Bretz, Westfall 2008, "Simultaneous inference in general parametric models"), and
the interval of the largest gap is read off them: it lies above the largest lower end and below the
largest upper end. More groups make it wider, not wrong. With two groups it is the ordinary one.

The intervals are centred on smoothed rates (Agresti, Caffo 2000, "Simple and effective confidence
intervals for proportions and differences of proportions result from adding two successes and two
failures"), since those around plain rates miss too often where a small group has a rate near 0 or
1. The confidence is approximate, as it is for every interval of this kind; tests simulate it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gatehouse.evidence import Interval, Measurement
from gatehouse.gates.bootstrap import Floats

_TOLD = 20
"""Groups that a note names at most."""


def largest_gap(
    points: list[Floats],
    smoothed: list[Floats],
    drawn: list[Floats],
    confidence: float,
    largest: float = 1.0,
) -> tuple[float, Interval] | None:
    """The largest absolute difference between two groups in any of several rates.

    Args:
        points: each rate's value per group, shape [G]; each rate may have groups of its own.
        smoothed: the rates that the resamples were drawn from, shape [G].
        drawn: each rate's resamples, drawn for each group on its own, shape [B, G].
        confidence: of the simultaneous intervals, two-sided.
        largest: that a gap can be; 1 between shares.

    Returns:
        The gap of `points`, and the interval, widened to hold it where it must be; None where
        fewer than two groups can be compared, or most resamples leave a rate undefined.
    """
    if not any(len(rate) > 1 for rate in points):
        return None
    defined = np.all([np.isfinite(rate).all(axis=1) for rate in drawn], axis=0)
    if defined.sum() < max(2, len(defined) // 2):
        return None
    pairs = [np.triu_indices(len(rate), 1) for rate in points]
    value = float(max(np.ptp(rate) for rate in points))
    if not np.isfinite(value):
        return None
    moved = [rate[defined] - rate[defined].mean(axis=0) for rate in drawn]
    spreads = [rate.std(axis=0, ddof=1) for rate in moved]
    reach = np.quantile(_largest_t(moved, spreads), confidence)
    gaps = np.concatenate(
        [
            np.abs(rate[first] - rate[second])
            for rate, (first, second) in zip(smoothed, pairs, strict=True)
        ]
    )
    errors = np.concatenate(
        [
            np.hypot(spread[first], spread[second])
            for spread, (first, second) in zip(spreads, pairs, strict=True)
        ]
    )
    low, high = np.max(gaps - reach * errors), np.max(gaps + reach * errors)
    return value, Interval(
        low=min(max(0.0, float(low)), value),
        high=max(min(largest, float(high)), value),
        confidence=confidence,
    )


def _largest_t(moved: list[Floats], spreads: list[Floats]) -> Floats:
    """Each resample's largest difference between two groups, in standard errors; shape [B]."""
    largest = np.zeros(len(moved[0]))
    for rate, spread in zip(moved, spreads, strict=True):
        for i in range(len(spread) - 1):  # all pairs at once take memory by the groups' square
            error = np.maximum(np.hypot(spread[i], spread[i + 1 :]), np.finfo(np.float64).tiny)
            t = np.abs(rate[:, i, None] - rate[:, i + 1 :]) / error
            np.maximum(largest, t.max(axis=1), out=largest)
    return largest


def smallest_ratio(hits: Floats, of: Floats, confidence: float) -> tuple[float, Interval] | None:
    """The smallest of several shares over the largest.

    The groups' exact intervals (Clopper, Pearson 1934) hold all at once (Sidak 1967: the groups
    are independent), and bound the ratio. It is cautious, and needs no logarithm of a rate of 0.

    Args:
        hits: counts of each group, shape [G].
        of: rows of each group, shape [G].
        confidence: that the interval holds the true ratio, at least.

    Returns:
        The ratio and its interval; None where there are fewer than two groups, or no hits.
    """
    from scipy.stats import binomtest

    if len(of) < 2 or not hits.any():
        return None
    alone = confidence ** (1 / len(of))
    bounds = np.array(
        [
            binomtest(int(k), int(n)).proportion_ci(alone, method="exact")
            for k, n in zip(hits, of, strict=True)
        ]
    )
    low, high = bounds.T
    shares = hits / of
    return float(shares.min() / shares.max()), Interval(
        low=float(low.min() / high.max()),
        high=min(1.0, float(high.min() / low.max())),
        confidence=confidence,
    )


def gap_measurement(
    metric: str,
    name: str,
    measured: tuple[float, Interval] | None,
    small: Sequence[str],
    n: int,
    *,
    method: str,
    unit: str = "share",
) -> Measurement:
    """The gap between the groups of partition `name`; `small` names those that don't take part."""
    notes = []
    if measured is None:
        notes.append("fewer than two groups are large enough to compare, or none is selected")
    if small:
        more = f" and {len(small) - _TOLD} more" if len(small) > _TOLD else ""
        notes.append("too small to decide: " + ", ".join(small[:_TOLD]) + more)
    return Measurement(
        name=metric,
        slice=name,
        value=measured[0] if measured else None,
        unit=unit,
        interval=measured[1] if measured else None,
        n=n,
        method=method,
        note="; ".join(notes) or None,
    )
