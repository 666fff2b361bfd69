"""The decision of one rule on one measurement."""

from __future__ import annotations

from gatehouse.evidence import Measurement
from gatehouse.policy import Rule
from gatehouse.verdict import Outcome


def decide(rule: Rule, measurement: Measurement) -> tuple[Outcome, str]:
    """Make the three-way decision on one measurement.

    An interval on the right side of the limit passes, one on the wrong side fails, and one that
    crosses it is inconclusive. A margin around "no difference" is decided by the estimate where the
    rows can show it (`_decide_margin`). With `alpha`, an effect fails if its test is significant
    and it surely exceeds the limit: the whole interval does, or the value if there is none. Too few
    rows, too few of the smallest class, or an interval in doubt are inconclusive unless the failure
    is plain.
    """
    if measurement.value is None:
        return Outcome.INCONCLUSIVE, "could not be measured"
    if rule.minimum_class_n and measurement.class_n is None:
        return Outcome.ERROR, "the rule has minimum_class_n, but the measurement counts no classes"
    few = _too_few(rule, measurement)
    if rule.alpha is not None:
        return _decide_test(rule, measurement, few)
    low, high = bounds(measurement)
    limit = rule.limit
    passes, fails = (
        (low >= limit, high < limit) if rule.at_least is not None else (high <= limit, low > limit)
    )
    side = "at least" if rule.at_least is not None else "at most"
    shown = f"{number(measurement.value)} must be {side} {number(limit)}"
    if measurement.interval is not None:
        shown = f"{number(measurement.value)} [{number(low)}, {number(high)}] must be {side} "
        shown += number(limit)
    if fails:
        return Outcome.FAIL, shown
    if not passes and measurement.neutral is not None:
        return _decide_margin(rule, measurement, shown, few)
    if few:
        return Outcome.INCONCLUSIVE, few
    if passes:
        return Outcome.PASS, shown
    return Outcome.INCONCLUSIVE, f"{shown}, and the interval is on both sides"


def _decide_margin(
    rule: Rule, measurement: Measurement, shown: str, few: str | None
) -> tuple[Outcome, str]:
    """Decide on a paired comparison whose interval crosses the limit.

    If it is surely worse than no difference and estimated beyond the limit, it fails with any
    number of rows. If half of the interval's width is within the margin, the estimate decides: a
    loss of twice the margin then passes in at most half of 1 - confidence of all cases. Otherwise
    the rows can't show the margin, which is inconclusive. benchmarks/decisions has the error rates.
    """
    assert measurement.value is not None and measurement.neutral is not None
    low, high = bounds(measurement)
    sign = 1.0 if rule.at_least is not None else -1.0
    nearest = high if rule.at_least is not None else low
    beyond = sign * (measurement.value - rule.limit) < 0
    if beyond and sign * (nearest - measurement.neutral) < 0:
        return Outcome.FAIL, f"{shown}, and it is surely worse than no difference"
    if few:
        return Outcome.INCONCLUSIVE, few
    width, margin = (high - low) / 2, sign * (measurement.neutral - rule.limit)
    if width > margin > 0:
        return Outcome.INCONCLUSIVE, (
            f"{shown}, and the rows can't show a margin of {number(margin)}: the interval is "
            f"±{number(width)}"
        )
    if beyond or margin <= 0:  # beyond: the interval is longer on its worse side
        return Outcome.INCONCLUSIVE, f"{shown}, and the interval is on both sides"
    return Outcome.PASS, f"{shown}: estimated within the margin, which the rows can show"


def _too_few(rule: Rule, measurement: Measurement) -> str | None:
    if measurement.doubt is not None:
        return measurement.doubt
    if measurement.n < rule.minimum_n:
        return f"{measurement.n:,} are too few to tell; the rule asks for {rule.minimum_n:,}"
    if measurement.class_n is not None and measurement.class_n < rule.minimum_class_n:
        return (
            f"{measurement.class_n:,} rows of the smallest class are too few to tell; "
            f"the rule asks for {rule.minimum_class_n:,}"
        )
    return None


def _decide_test(rule: Rule, measurement: Measurement, few: str | None) -> tuple[Outcome, str]:
    assert rule.alpha is not None and rule.at_most is not None and measurement.value is not None
    if measurement.p_value is None:
        return Outcome.ERROR, "the rule has alpha, but the measurement has no p-value"
    shown = (
        f"effect {number(measurement.value)} (limit {number(rule.at_most)}), "
        f"adjusted p {measurement.p_value:.2g} (alpha {rule.alpha:g})"
    )
    low, _ = bounds(measurement)
    significant = measurement.p_value < rule.alpha
    if significant and low > rule.at_most:
        return Outcome.FAIL, shown
    if few:
        return Outcome.INCONCLUSIVE, few
    if significant and measurement.value > rule.at_most:
        low_text = f"the true effect may be {number(low)}"
        return Outcome.INCONCLUSIVE, f"{shown}, and {low_text}: the limit is within its interval"
    return Outcome.PASS, shown


def bounds(measurement: Measurement) -> tuple[float, float]:
    """Return the ends of the interval, or the value twice if there is none."""
    assert measurement.value is not None
    if measurement.interval is None:
        return measurement.value, measurement.value
    return measurement.interval.low, measurement.interval.high


def number(value: float) -> str:
    """Format a number for the text of a finding."""
    return f"{value:,.0f}" if value == int(value) and abs(value) >= 10 else f"{value:.4g}"
