"""Numbers as shown: rounding must never contradict the verdict beside it."""

from __future__ import annotations

import pytest

from gatehouse.evidence import Interval
from gatehouse.report.numbers import MINUS, bound, estimate, number, probability


def interval(low: float, high: float) -> Interval:
    return Interval(low=low, high=high, confidence=0.95)


@pytest.mark.parametrize(
    ("shown", "wanted"),
    [
        (estimate(0.91234, interval(0.9051, 0.9182)), "0.912 [0.905, 0.918]"),
        (estimate(0.12, interval(0.1, 0.14), "share"), "12.0% [10.0%, 14.0%]"),
        (
            estimate(-0.02, interval(-0.03, 0.01), signed=True),
            f"{MINUS}0.020 [{MINUS}0.030, +0.010]",
        ),
        (estimate(None), "not measured"),
        (number(48842, "rows"), "48,842"),
        (number(341_000, "bytes"), "341.0 kB"),
        (number(999, "bytes"), "999 bytes"),
        (number(0.0612, "ms"), "0.061 ms"),
        (number(-0.0), "0.000"),
        (number(0.00002, "share"), "0.002%"),
        (bound(0.88), "0.88"),
        (bound(0.125, "share"), "12.5%"),
        (bound(0, "rows"), "0"),
        (probability(1e-9), "< 0.0001"),
        (probability(0.0312), "0.031"),
    ],
)
def test_sensible_digits(shown: str, wanted: str) -> None:
    """Three digits, separators, percentages, no minus zero, nothing that vanishes."""
    assert shown == wanted


@pytest.mark.parametrize("value", [0.8799, 0.87999, 0.88001])
def test_a_value_beside_its_limit_is_told_apart(value: float) -> None:
    """`0.880 must be at least 0.88` would make a failure look like a pass."""
    assert estimate(value, limit=0.88).rstrip("0") != "0.88"


def test_a_narrow_interval_keeps_its_width() -> None:
    """[0.912, 0.912] would claim certainty."""
    assert estimate(0.9123, interval(0.91225, 0.91235)) == "0.91230 [0.91225, 0.91235]"
