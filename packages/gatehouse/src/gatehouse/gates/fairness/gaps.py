"""Largest gaps and smallest ratios between groups, with intervals that hold for all at once.

The largest of many noisy gaps is larger than the largest true one, and the percentile bootstrap of
a maximum inherits that bias. Here every pair of groups gets an interval, all of them hold together
(max-t; Hothorn, Bretz, Westfall 2008, "Simultaneous inference in general parametric models"), and
the interval of the largest gap is read off them: it lies above the largest lower end and below the
largest upper end. More groups make it wider, not wrong. With two groups it is the ordinary one.

Where several gaps are looked at together, of other attributes and of intersections, a failure of
any of them is a failure of the change. So the ends that prove a failure (the lower end of a gap,
the upper end of a ratio) hold for all gaps of the family at once (Bonferroni), while the ends that
prove a pass hold for each by itself: all must pass, which needs no adjustment (Berger 1982,
"Multiparameter hypothesis testing and acceptance sampling").

The intervals are centred on smoothed rates (Agresti, Caffo 2000, "Simple and effective confidence
intervals for proportions and differences of proportions result from adding two successes and two
failures"), since those around plain rates miss too often where a small group has a rate near 0 or
1. The confidence is approximate, as it is for every interval of this kind; tests simulate it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from gatehouse.evidence import Interval, Measurement
from gatehouse.gates.bootstrap import Floats

_TOLD = 20
"""Groups that a note names at most."""
LISTED = 200
"""Groups of a partition whose own metrics are listed at most; all large ones decide."""
MANY = 50
"""Large groups from which on their pairs are compared by the normal distribution: resamples of
all pairs take time by the square of the groups."""


def largest_gap(
    points: list[Floats],
    smoothed: list[Floats],
    drawn: list[Floats],
    confidence: float,
    largest: float = 1.0,
    family: int = 1,
) -> tuple[float, Interval] | None:
    """The largest absolute difference between two groups in any of several rates.

    Args:
        points: each rate's value per group, shape [G]; each rate may have groups of its own.
        smoothed: the rates that the resamples were drawn from, shape [G].
        drawn: each rate's resamples, drawn for each group on its own, shape [B, G].
        confidence: of the simultaneous intervals, two-sided.
        largest: that a gap can be; 1 between shares.
        family: how many gaps are looked at together, this one included.

    Returns:
        The gap of `points`, and the interval, widened to hold it where it must be; None where
        fewer than two groups can be compared, or most resamples leave a rate undefined.
    """
    from scipy.stats import norm

    if not any(len(rate) > 1 for rate in points):
        return None
    defined = np.all([np.isfinite(rate).all(axis=1) for rate in drawn], axis=0)
    if defined.sum() < max(2, len(defined) // 2):
        return None
    moved = [rate[defined] - rate[defined].mean(axis=0) for rate in drawn]
    errors = [rate.std(axis=0, ddof=1) for rate in moved]
    reach = float(np.quantile(_largest_t(moved, errors), confidence))
    # The tail of one pair that the resamples give, shared by the family: too few resamples reach
    # that far themselves.
    together = max(reach, min(float(norm.isf(norm.sf(reach) / family)), np.finfo(np.float64).max))
    return _read_off(points, smoothed, errors, (together, reach), confidence, largest)


def largest_gap_of_many(
    points: list[Floats],
    smoothed: list[Floats],
    errors: list[Floats],
    confidence: float,
    largest: float = 1.0,
    family: int = 1,
) -> tuple[float, Interval] | None:
    """`largest_gap` from standard errors, shape [G], by the normal distribution and Bonferroni.

    Its cost does not grow with resamples, and of many groups it is little wider.
    """
    if not any(len(rate) > 1 for rate in points):
        return None
    reach = _bonferroni(points, confidence, family), _bonferroni(points, confidence)
    return _read_off(points, smoothed, errors, reach, confidence, largest)


def _bonferroni(points: list[Floats], confidence: float, family: int = 1) -> float:
    """Standard errors by which normal intervals of all pairs of `family` gaps hold at once."""
    from scipy.stats import norm

    pairs = sum(len(rate) * (len(rate) - 1) // 2 for rate in points)
    return float(norm.isf((1 - confidence) / (2 * pairs * family)))


def _read_off(
    points: list[Floats],
    smoothed: list[Floats],
    errors: list[Floats],
    reach: tuple[float, float],
    confidence: float,
    largest: float,
) -> tuple[float, Interval] | None:
    """The largest gap and its interval; `reach` is that of the lower and of the upper end."""
    value = float(max(np.ptp(rate) for rate in points if len(rate)))
    if not np.isfinite(value):
        return None
    low, high = 0.0, 0.0
    for rate, error in zip(smoothed, errors, strict=True):
        for i in range(len(rate) - 1):  # all pairs at once take memory by the groups' square
            gaps = np.abs(rate[i] - rate[i + 1 :])
            around = np.hypot(error[i], error[i + 1 :])
            low = max(low, float((gaps - reach[0] * around).max()))
            high = max(high, float((gaps + reach[1] * around).max()))
    return value, Interval(
        low=min(low, value), high=max(min(largest, high), value), confidence=confidence
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


def smallest_ratio(
    hits: Floats, of: Floats, confidence: float, family: int = 1
) -> tuple[float, Interval] | None:
    """The smallest of several shares over the largest.

    The groups' exact intervals (Clopper, Pearson 1934) hold all at once (Sidak 1967: the groups
    are independent), and bound the ratio. It is cautious, and needs no logarithm of a rate of 0.

    Args:
        hits: counts of each group, shape [G].
        of: rows of each group, shape [G].
        confidence: that the interval holds the true ratio, at least.
        family: how many ratios are looked at together, this one included.

    Returns:
        The ratio and its interval; None where there are fewer than two groups, or no hits.
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
    """Both ends of each share's exact interval, shape [G]."""
    from scipy.stats import beta

    tail = (1 - confidence) / 2
    low = np.where(hits > 0, beta.ppf(tail, hits, of - hits + 1), 0.0)
    high = np.where(hits < of, beta.isf(tail, hits + 1, of - hits), 1.0)
    return low, high


def listed_groups(sizes: NDArray[np.number], classes: int = 1) -> NDArray[np.intp]:
    """Places of the groups to list, the largest ones, in order; each has a line for each class."""
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
    """The gap between the groups of partition `name`; `small` names those that don't take part.

    `unlisted` counts the groups that have no measurements of their own.
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
