"""Simultaneous intervals of gaps and ratios: what they hold, and how often, by simulation."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

from gatehouse.gates.fairness.gaps import Draws, largest_gap, smallest_ratio
from gatehouse.gates.fairness.means import Means, Rows

CONFIDENCE = 0.90
POSITIVES = (1500, 300, 120, 60, 60, 55, 52, 50)
EVEN = (0.6,) * 7
RUNS = 250
TOLERANCE = 0.05  # 2.6 standard errors of a share of 0.9 in RUNS


def rates_of(hits: np.ndarray, of: np.ndarray) -> Means:
    """Rates of groups with `hits` successes in `of` rows."""
    groups = len(of)
    counts = np.concatenate([hits, of - hits]) * 1.0
    outcomes = np.repeat([1.0, 0.0], groups)
    rows = Rows(np.tile(np.arange(groups), 2), groups, counts, counts, counts)
    return rows.means([outcomes])


def gap_of(
    hits: np.ndarray, of: np.ndarray, resamples: int = 300, seed: int = 0
) -> tuple[float, float, float]:
    """Value, low and high of the largest gap between rates, as the gate computes it."""
    found = largest_gap([rates_of(hits, of)], Draws(CONFIDENCE, resamples, seed))
    assert found is not None
    return found[0], found[1].low, found[1].high


def simulate(
    of: Sequence[int], rates: Sequence[float], limit: float = 1.0
) -> tuple[float, float, float]:
    """How often the interval holds the true largest gap, lies above it, and above `limit`."""
    rng = np.random.default_rng(0)
    rows, true = np.array(of), np.array(rates)
    gap = float(np.ptp(true))
    found = [gap_of(rng.binomial(rows, true), rows, seed=run) for run in range(RUNS)]
    _, low, high = np.array(found).T
    holds = (low <= gap + 1e-9) & (gap - 1e-9 <= high)
    return float(holds.mean()), float((low > gap + 1e-9).mean()), float((low > limit).mean())


@pytest.mark.parametrize(
    ("of", "rates"),
    [
        (POSITIVES, (*EVEN, 0.6)),
        (POSITIVES, (*EVEN, 0.4)),
        (POSITIVES, (0.6, 0.55, 0.65, 0.5, 0.7, 0.6, 0.6, 0.6)),
        (POSITIVES, (0.28,) * 7 + (0.03,)),
        (POSITIVES, (0.98,) * 7 + (0.78,)),
        (POSITIVES, (0.02,) * 8),
        ((1500, 50), (0.6, 0.6)),
        ((5000, 50), (0.28, 0.03)),
        ((5000, 50), (0.72, 0.97)),
    ],
)
def test_the_true_largest_gap_is_held(of: Sequence[int], rates: Sequence[float]) -> None:
    """Attacks the docstring's claim: eight groups or two, rates in the middle and at the ends."""
    holds, above, _ = simulate(of, rates)
    assert holds >= CONFIDENCE - TOLERANCE
    assert above <= 1 - CONFIDENCE + TOLERANCE


def test_a_gap_below_the_limit_hardly_ever_fails() -> None:
    """Attacks the bias of a maximum: 0.20 in eight noisy groups must not be taken for 0.25."""
    assert simulate(POSITIVES, (*EVEN, 0.4), limit=0.25)[2] <= 0.03
    assert simulate(POSITIVES, (0.6, 0.55, 0.65, 0.5, 0.7, 0.6, 0.6, 0.6), limit=0.25)[2] <= 0.03


def test_a_plain_gap_is_still_seen() -> None:
    """Attacks intervals so wide that nothing fails: 0.45 between two large groups of eight."""
    assert simulate(POSITIVES, (0.75, 0.3, *(0.5,) * 6), limit=0.25)[2] > 0.9


@pytest.mark.parametrize(("hits", "of"), [((900, 30), (1500, 60)), ((400, 90), (500, 300))])
def test_two_groups_have_the_ordinary_interval(hits: Sequence[int], of: Sequence[int]) -> None:
    """Attacks a price where there is one pair: the interval is Agresti and Caffo's by hand."""
    k, n = np.array(hits), np.array(of)
    value, low, high = gap_of(k, n, resamples=20_000)
    p = (k + 1) / (n + 2)
    reach = norm.ppf((1 + CONFIDENCE) / 2) * np.sqrt((p * (1 - p) / (n + 2)).sum())
    center = abs(p[0] - p[1])
    assert value == pytest.approx(abs(k[0] / n[0] - k[1] / n[1]))
    assert low == pytest.approx(max(0.0, center - reach), abs=0.05 * reach)
    assert high == pytest.approx(center + reach, abs=0.05 * reach)


def test_more_groups_make_it_wider() -> None:
    """Attacks intervals that forget how many pairs were looked at."""
    of = np.full(8, 200)
    hits = np.full(8, 100)
    widths = [np.ptp(gap_of(hits[:count], of[:count])[1:]) for count in (2, 4, 8)]
    assert widths[0] < widths[1] < widths[2]


def test_the_largest_of_several_rates_counts() -> None:
    """Attacks equalized odds: the gap is that of the rate where it is largest."""
    of = np.array([100, 100])
    rates = [rates_of(np.array([50, 50]), of), rates_of(np.array([5, 65]), of)]
    found = largest_gap(rates, Draws(CONFIDENCE, 500, 0))
    assert found is not None
    assert found[0] == pytest.approx(0.6)
    assert 0.45 < found[1].low < 0.6 < found[1].high < 0.75


def test_one_group_has_no_gap() -> None:
    """Attacks comparison of nobody: no gap, and no warning of NumPy's."""
    one = rates_of(np.array([5]), np.array([10]))
    assert largest_gap([one], Draws(CONFIDENCE, 100, 0)) is None
    assert smallest_ratio(np.array([5.0]), np.array([10.0]), CONFIDENCE) is None
    assert smallest_ratio(np.zeros(3), np.full(3, 10.0), CONFIDENCE) is None


@settings(max_examples=80, deadline=None)
@given(
    st.lists(st.integers(1, 300).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))),
             min_size=2, max_size=6)
)  # fmt: skip
def test_intervals_contain_the_value(groups: list[tuple[int, int]]) -> None:
    """Attacks smoothing and exact bounds with any counts: the point lies inside, in [0, 1]."""
    hits, of = np.array(groups).T
    value, low, high = gap_of(hits, of)
    assert 0 <= low <= value <= high <= 1
    ratio = smallest_ratio(hits * 1.0, of * 1.0, CONFIDENCE)
    assert (ratio is None) == (not hits.any())
    if ratio:
        assert 0 <= ratio[1].low <= ratio[0] <= ratio[1].high <= 1


@pytest.mark.parametrize(
    ("of", "rates"),
    [
        ((1500, 300, 120, 100), (0.25, 0.25, 0.25, 0.25)),
        ((1500, 300, 120, 100), (0.25, 0.25, 0.25, 0.10)),
        ((1500, 120), (0.25, 0.012)),
        ((1500, 120), (0.25, 0.02)),
    ],
)
def test_the_true_ratio_is_held(of: Sequence[int], rates: Sequence[float]) -> None:
    """Attacks the ratio where a group has next to no hits: exact bounds never hold too rarely."""
    rng = np.random.default_rng(0)
    rows, true = np.array(of), np.array(rates)
    ratio = float(true.min() / true.max())
    held = 0
    for _ in range(RUNS):
        hits = rng.binomial(rows, true).astype(np.float64)
        found = smallest_ratio(hits, rows.astype(np.float64), CONFIDENCE)
        assert found is not None
        held += found[1].low <= ratio <= found[1].high
    assert held / RUNS >= CONFIDENCE
