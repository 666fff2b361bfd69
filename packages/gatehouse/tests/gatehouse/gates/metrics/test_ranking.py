"""The top of a ranking: scikit-learn's values, ties and resamples."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, precision_recall_curve

from gatehouse.gates.bootstrap import Floats, bootstrap
from gatehouse.gates.metrics.ranking import (
    average_precision_of,
    precision_at_recall_of,
    recall_at_alerts_of,
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
    assert average_precision_of(labels, scores)(counts) == pytest.approx(expected)


def test_recall_of_the_alerts() -> None:
    """Attacks a threshold off by a row, and ties at it that count by their order in the file."""
    labels, scores, _ = drawn(9)
    found = recall_at_alerts_of(labels, scores, 0.05)(np.ones((1, N)))
    assert found == pytest.approx(labels[np.argsort(-scores)][:100].sum() / labels.sum())
    even = np.full(N, 0.5)
    assert recall_at_alerts_of(labels, even, 0.05)(np.ones((1, N))) == pytest.approx(0.05)


def test_precision_at_a_recall() -> None:
    """Attacks a threshold that misses the recall that was wanted."""
    labels, scores, _ = drawn(9)
    precision, recall, _ = precision_recall_curve(labels, scores)
    found = precision_at_recall_of(labels, scores, 0.8)(np.ones((1, N)))
    assert found == pytest.approx(precision[recall >= 0.8][-1], abs=2e-3)


@pytest.mark.parametrize("of", [recall_at_alerts_of, precision_at_recall_of])
def test_nothing_to_find_is_not_defined(of: object) -> None:
    """Attacks a resample without a positive row."""
    labels, scores, _ = drawn(9)
    assert np.isnan(of(labels, scores, 0.1)((1 - labels)[None])).all()  # type: ignore[operator]


@pytest.mark.parametrize("weighted", [False, True])
def test_their_errors_are_the_bootstraps(weighted: bool) -> None:
    """Attacks each row's influence, on the threshold too: 400 resamples know an error to 4 %."""
    rng = np.random.default_rng(1)
    labels = (rng.random(N) < 0.3).astype(float)
    scores = np.round(rng.normal(1.5 * labels), 2)
    weights = rng.uniform(0.3, 2, N) if weighted else np.ones(N)
    metrics = {
        "average precision": average_precision_of(labels, scores),
        "recall": recall_at_alerts_of(labels, scores, 0.1),
        "precision": precision_at_recall_of(labels, scores, 0.5),
    }
    values = bootstrap(metrics, N, 400, 0, weights=weights)
    for name, metric in metrics.items():
        influence = metric.influence(weights)
        assert influence.sum() == pytest.approx(0, abs=1e-9)
        ratio = float(np.linalg.norm(influence) / values[name].std())
        assert 0.85 < ratio < 1.18, (name, ratio)
