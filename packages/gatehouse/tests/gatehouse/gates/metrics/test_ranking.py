"""The top of a ranking: scikit-learn's values, ties and resamples."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, precision_recall_curve

from gatehouse.gates.bootstrap import Floats
from gatehouse.gates.metrics.closed import Spread
from gatehouse.gates.metrics.ranking import (
    AveragePrecision,
    PrecisionAtRecall,
    RecallAtAlerts,
)

N = 2000


def drawn(digits: int) -> tuple[Floats, Floats, Floats]:
    """Labels, scores with ties, and three resamples."""
    rng = np.random.default_rng(0)
    odds = rng.normal(-3, 1, N)
    labels = (rng.random(N) < 1 / (1 + np.exp(-odds))).astype(float)
    counts = rng.multinomial(N, np.full(N, 1 / N), 3).astype(float)
    return labels, np.round(1 / (1 + np.exp(-odds)), digits), counts


@pytest.mark.parametrize("digits", [2, 9])
def test_average_precision_is_scikit_learn_s(digits: int) -> None:
    """Attacks ties and resamples that leave the highest rows out."""
    labels, scores, counts = drawn(digits)
    expected = [average_precision_score(labels, scores, sample_weight=each) for each in counts]
    assert AveragePrecision(labels, scores)(counts) == pytest.approx(expected)


def test_recall_of_the_alerts() -> None:
    """Attacks a threshold off by a row, and ties at it that count by their order in the file."""
    labels, scores, _ = drawn(9)
    found = RecallAtAlerts(labels, scores, 0.05)(np.ones((1, N)))
    assert found == pytest.approx(labels[np.argsort(-scores)][:100].sum() / labels.sum())
    even = np.full(N, 0.5)
    assert RecallAtAlerts(labels, even, 0.05)(np.ones((1, N))) == pytest.approx(0.05)


def test_precision_at_a_recall() -> None:
    """Attacks a threshold that misses the recall that was wanted."""
    labels, scores, _ = drawn(9)
    precision, recall, _ = precision_recall_curve(labels, scores)
    found = PrecisionAtRecall(labels, scores, 0.8)(np.ones((1, N)))
    assert found == pytest.approx(precision[recall >= 0.8][-1], abs=2e-3)


@pytest.mark.parametrize("of", [RecallAtAlerts, PrecisionAtRecall])
def test_nothing_to_find_is_not_defined(of: type[RecallAtAlerts | PrecisionAtRecall]) -> None:
    """Attacks a resample without a positive row."""
    labels, scores, _ = drawn(9)
    assert np.isnan(of(labels, scores, 0.1)((1 - labels)[None])).all()


METRICS = {
    "average precision": lambda y, score: AveragePrecision(y, score),
    "recall": lambda y, score: RecallAtAlerts(y, score, 0.05),
    "precision": lambda y, score: PrecisionAtRecall(y, score, 0.8),
}


@pytest.mark.parametrize("name", METRICS)
def test_intervals_cover_with_twenty_positives(name: str) -> None:
    """Attacks intervals that miss the truth where events are rare."""

    def table(n: int, seed: int) -> tuple[Floats, Floats]:
        rng = np.random.default_rng(seed)
        labels = (rng.random(n) < 0.02).astype(float)
        return labels, rng.normal(2 * labels, 1)

    (true,) = METRICS[name](*table(400_000, 1_000))(np.ones((1, 400_000)))
    covered, ones = 0, np.ones(1000)
    for seed in range(100):
        labels, scores = table(1000, seed)
        metric = METRICS[name](labels, scores)
        influence = metric.influence(ones)
        assert influence.sum() == pytest.approx(0, abs=1e-6)
        spread = Spread(influence, metric.degrees(None, 1000), plain=True)
        interval = metric.interval(metric(ones[None])[0], spread, ones, 0.95)
        covered += interval.low <= true <= interval.high
    assert covered >= 90


def test_few_positives_leave_no_interval() -> None:
    """Attacks an interval that nine positive rows can't carry."""
    labels = np.r_[np.ones(9), np.zeros(500)]
    metric = AveragePrecision(labels, np.linspace(0, 1, 509))
    assert metric.lacking(None) == (
        "can't be told: 9 positive rows are too few, the interval needs 10"
    )
    assert AveragePrecision(np.r_[1.0, labels], np.linspace(0, 1, 510)).lacking(None) is None
