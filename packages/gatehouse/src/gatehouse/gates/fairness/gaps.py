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

The intervals are centred on smoothed rates (`means`). As with every interval of this kind, the
confidence is approximate; tests simulate it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gatehouse.evidence import Interval, Measurement, Of
from gatehouse.gates.bootstrap import Floats
from gatehouse.gates.fairness.means import Means

Found = tuple[float, Interval] | None
_TINY = np.finfo(np.float64).tiny

_NAMED = 20
"""Maximum number of groups that a note names."""
MANY = 50
"""From this many large groups on, pairs are compared at Bonferroni's level. Drawing all pairs takes
time quadratic in the number of groups."""


@dataclass(frozen=True)
class Draws:
    """Settings of the intervals.

    Attributes:
        confidence: of the intervals, two-sided.
        count: number of draws for the quantiles of simultaneous intervals.
        seed: of the draws.
        family: number of gaps tested together, including this one.
        largest: largest possible gap; 1 for shares.
    """

    confidence: float
    count: int
    seed: int
    family: int = 1
    largest: float = 1.0

    def together(self, reach: float) -> float:
        """Return a half-width in standard errors for all gaps of the family at once.

        One gap's tail comes from the draws and is divided by the family: the draws are too few to
        reach that far themselves.
        """
        from scipy.special import ndtr, ndtri  # scipy.stats is slower to import than to measure

        wider = min(float(-ndtri(ndtr(-reach) / self.family)), np.finfo(np.float64).max)
        return max(reach, wider)


def largest_gap(rates: Sequence[Means], draws: Draws, model: int = 0) -> Found:
    """Return the largest absolute difference between two groups in any of several rates.

    Args:
        rates: each rate's groups; each rate can have different groups.
        draws: settings.
        model: index of the model.

    Returns:
        The gap of the values and its interval, widened if needed to contain the gap. None if no
        rate has two groups.
    """
    rates = [rate for rate in rates if len(rate.n) > 1]
    if not rates:
        return None
    if max(len(rate.n) for rate in rates) > MANY:
        pairs = sum(len(rate.n) * (len(rate.n) - 1) // 2 for rate in rates)
        reach = _normal_reach(draws.confidence, pairs)
        together = _normal_reach(draws.confidence, pairs * draws.family)
    else:
        rng = np.random.default_rng(draws.seed)
        drawn = [rate.of_model(model).drawn(draws.count, rng)[:, 0] for rate in rates]
        errors = [rate.errors(model) for rate in rates]
        reach = float(np.quantile(_largest_t(drawn, errors), draws.confidence))
        together = draws.together(reach)
    value = float(max(np.ptp(rate.values[model]) for rate in rates))
    low, high = 0.0, 0.0
    for rate in rates:
        centres, errors_of = rate.centres[model], rate.errors(model)
        for i in range(len(centres) - 1):  # all pairs at once would need quadratic memory
            gaps = np.abs(centres[i] - centres[i + 1 :])
            around = np.hypot(errors_of[i], errors_of[i + 1 :])
            low = max(low, float((gaps - together * around).max()))
            high = max(high, float((gaps + reach * around).max()))
    return value, Interval(
        low=min(low, value),
        high=max(min(draws.largest, high), value),
        confidence=draws.confidence,
    )


def _normal_reach(confidence: float, pairs: int) -> float:
    """Return the half-width in standard errors of simultaneous intervals (Bonferroni)."""
    from scipy.special import ndtri

    return float(-ndtri((1 - confidence) / (2 * pairs)))


def _largest_t(moved: Sequence[Floats], errors: Sequence[Floats]) -> Floats:
    """Return each draw's largest gap between two groups in standard errors, shape [B]."""
    largest = np.zeros(len(moved[0]))
    for rate, error in zip(moved, errors, strict=True):
        for i in range(len(error) - 1):  # all pairs at once would need quadratic memory
            around = np.maximum(np.hypot(error[i], error[i + 1 :]), _TINY)
            t = np.abs(rate[:, i, None] - rate[:, i + 1 :]) / around
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


def gap_measurement(
    metric: str,
    name: str,
    measured: Found,
    small: Sequence[str],
    n: int,
    *,
    method: str,
    unit: str = "share",
    unlisted: int = 0,
    of: Of = Of.CANDIDATE,
) -> Measurement:
    """Return the gap between the groups of partition `name`.

    `small` names the groups that are too small to take part, and `unlisted` counts the groups
    without measurements.
    """
    notes = []
    if measured is None:
        notes.append("fewer than two groups are large enough to compare, or none is selected")
    if small:
        more = f" and {len(small) - _NAMED} more" if len(small) > _NAMED else ""
        notes.append("too small to decide: " + ", ".join(small[:_NAMED]) + more)
    if unlisted:
        notes.append(f"{unlisted:,} smaller groups are not listed one by one")
    return Measurement(
        name=metric,
        of=of,
        slice=name,
        value=measured[0] if measured else None,
        unit=unit,
        interval=measured[1] if measured else None,
        neutral=0.0 if of is Of.COMPARISON else None,
        n=n,
        method=method,
        note="; ".join(notes) or None,
    )
