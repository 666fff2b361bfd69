"""Largest gaps and smallest ratios between groups, with simultaneous confidence intervals.

The largest of many noisy gaps is larger than the largest true one, and the percentile bootstrap of
a maximum inherits that bias. Here every pair of groups gets an interval, and all of these intervals
are valid simultaneously (max-t; Hothorn, Bretz, Westfall 2008, "Simultaneous inference in general
parametric models"). The interval of the largest gap follows from them: it runs from the largest
lower end to the largest upper end. More groups make it wider, not wrong. With two groups it is the
ordinary interval.

If several gaps are tested together, of several attributes and of intersections, the change fails if
any of them fails. The ends that prove a failure (the lower end of a gap, the upper end of a ratio)
are therefore valid for all gaps of the family at once (Bonferroni). The ends that prove a pass are
valid for each gap alone: all gaps must pass, which needs no adjustment (Berger 1982,
"Multiparameter hypothesis testing and acceptance sampling").

The intervals are centred on smoothed rates (Agresti, Caffo 2000, "Simple and effective confidence
intervals for proportions and differences of proportions result from adding two successes and two
failures"). Intervals around plain rates miss the truth too often if a small group has a rate near 0
or 1. As with every interval of this kind, the confidence is approximate; tests simulate it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from gatehouse.evidence import Interval, Measurement
from gatehouse.gates.bootstrap import Floats

_TOLD = 20
"""Maximum number of groups that a note names."""
LISTED = 200
"""Maximum number of groups of a partition whose metrics are listed; all large groups decide."""
MANY = 50
"""From this many large groups on, pairs are compared by the normal distribution. Resampling all
pairs takes time quadratic in the number of groups."""


def largest_gap(
    points: list[Floats],
    smoothed: list[Floats],
    drawn: list[Floats],
    confidence: float,
    largest: float = 1.0,
    family: int = 1,
) -> tuple[float, Interval] | None:
    """Return the largest absolute difference between two groups in any of several rates.

    Args:
        points: each rate's value per group, shape [G]; each rate can have different groups.
        smoothed: the rates that the resamples were drawn from, shape [G].
        drawn: each rate's resamples, drawn separately for each group, shape [B, G].
        confidence: of the simultaneous intervals, two-sided.
        largest: largest possible gap; 1 for shares.
        family: number of gaps tested together, including this one.

    Returns:
        The gap of `points` and its interval, widened if needed to contain the gap. None if fewer
        than two groups can be compared, or if a rate is undefined in most resamples.
    """
    from scipy.special import ndtr, ndtri  # scipy.stats is slower to import than the measurement

    if not any(len(rate) > 1 for rate in points):
        return None
    defined = np.all([np.isfinite(rate).all(axis=1) for rate in drawn], axis=0)
    if defined.sum() < max(2, len(defined) // 2):
        return None
    moved = [rate[defined] - rate[defined].mean(axis=0) for rate in drawn]
    errors = [rate.std(axis=0, ddof=1) for rate in moved]
    reach = float(np.quantile(_largest_t(moved, errors), confidence))
    # Take one pair's tail from the resamples and divide it by the family: the resamples are too few
    # to reach that far themselves.
    together = max(reach, min(float(-ndtri(ndtr(-reach) / family)), np.finfo(np.float64).max))
    return _read_off(points, smoothed, errors, (together, reach), confidence, largest)


def largest_gap_of_many(
    points: list[Floats],
    smoothed: list[Floats],
    errors: list[Floats],
    confidence: float,
    largest: float = 1.0,
    family: int = 1,
) -> tuple[float, Interval] | None:
    """Compute `largest_gap` from standard errors, shape [G], by normal distribution and Bonferroni.

    Its cost does not depend on resamples, and for many groups the interval is only slightly wider.
    """
    if not any(len(rate) > 1 for rate in points):
        return None
    reach = _bonferroni(points, confidence, family), _bonferroni(points, confidence)
    return _read_off(points, smoothed, errors, reach, confidence, largest)


def _bonferroni(points: list[Floats], confidence: float, family: int = 1) -> float:
    """Return the half-width in standard errors of simultaneous intervals for `family` gaps."""
    from scipy.special import ndtri

    pairs = sum(len(rate) * (len(rate) - 1) // 2 for rate in points)
    return float(-ndtri((1 - confidence) / (2 * pairs * family)))


def _read_off(
    points: list[Floats],
    smoothed: list[Floats],
    errors: list[Floats],
    reach: tuple[float, float],
    confidence: float,
    largest: float,
) -> tuple[float, Interval] | None:
    """Return the largest gap and its interval; `reach` is for the lower and the upper end."""
    value = float(max(np.ptp(rate) for rate in points if len(rate)))
    if not np.isfinite(value):
        return None
    low, high = 0.0, 0.0
    for rate, error in zip(smoothed, errors, strict=True):
        for i in range(len(rate) - 1):  # all pairs at once would need quadratic memory
            gaps = np.abs(rate[i] - rate[i + 1 :])
            around = np.hypot(error[i], error[i + 1 :])
            low = max(low, float((gaps - reach[0] * around).max()))
            high = max(high, float((gaps + reach[1] * around).max()))
    return value, Interval(
        low=min(low, value), high=max(min(largest, high), value), confidence=confidence
    )


def _largest_t(moved: list[Floats], spreads: list[Floats]) -> Floats:
    """Return each resample's largest gap between two groups in standard errors, shape [B]."""
    largest = np.zeros(len(moved[0]))
    for rate, spread in zip(moved, spreads, strict=True):
        for i in range(len(spread) - 1):  # all pairs at once would need quadratic memory
            error = np.maximum(np.hypot(spread[i], spread[i + 1 :]), np.finfo(np.float64).tiny)
            t = np.abs(rate[:, i, None] - rate[:, i + 1 :]) / error
            np.maximum(largest, t.max(axis=1), out=largest)
    return largest


def smallest_ratio(
    hits: Floats, of: Floats, confidence: float, family: int = 1
) -> tuple[float, Interval] | None:
    """Return the smallest of several shares divided by the largest.

    The groups' exact intervals (Clopper, Pearson 1934) are valid simultaneously (Sidak 1967: the
    groups are independent) and bound the ratio. The method is conservative and needs no logarithm
    of a rate of 0.

    Args:
        hits: counts of each group, shape [G].
        of: rows of each group, shape [G].
        confidence: minimum probability that the interval contains the true ratio.
        family: number of ratios tested together, including this one.

    Returns:
        The ratio and its interval, or None if there are fewer than two groups or no hits.
    """
    if len(of) < 2 or not hits.any():
        return None
    low, high = _exact(hits, of, confidence ** (1 / len(of)))
    together = 1 - (1 - confidence) / family
    wider_low, wider_high = _exact(hits, of, together ** (1 / len(of)))
    shares = hits / of
    return float(shares.min() / shares.max()), Interval(
        low=float(low.min() / high.max()),
        high=min(1.0, float(wider_high.min() / wider_low.max())),
        confidence=confidence,
    )


def _exact(hits: Floats, of: Floats, confidence: float) -> tuple[Floats, Floats]:
    """Return both ends of each share's exact interval, each of shape [G]."""
    from scipy.special import betainccinv, betaincinv

    tail = (1 - confidence) / 2
    low = np.where(hits > 0, betaincinv(hits, of - hits + 1, tail), 0.0)
    high = np.where(hits < of, betainccinv(hits + 1, of - hits, tail), 1.0)
    return low, high


def listed_groups(sizes: NDArray[np.number], classes: int = 1) -> NDArray[np.intp]:
    """Return the indices of the largest groups, which are listed, each with a line per class."""
    most = max(10, LISTED // classes)
    chosen = np.argsort(-sizes.astype(np.float64), kind="stable")[:most]
    return np.sort(chosen)


def gap_measurement(
    metric: str,
    name: str,
    measured: tuple[float, Interval] | None,
    small: Sequence[str],
    n: int,
    *,
    method: str,
    unit: str = "share",
    unlisted: int = 0,
) -> Measurement:
    """Return the gap between the groups of partition `name`.

    `small` names the groups that are too small to take part, and `unlisted` counts the groups
    without measurements.
    """
    notes = []
    if measured is None:
        notes.append("fewer than two groups are large enough to compare, or none is selected")
    if small:
        more = f" and {len(small) - _TOLD} more" if len(small) > _TOLD else ""
        notes.append("too small to decide: " + ", ".join(small[:_TOLD]) + more)
    if unlisted:
        notes.append(f"{unlisted:,} smaller groups are not listed one by one")
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
