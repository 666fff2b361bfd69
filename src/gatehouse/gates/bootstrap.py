"""Bootstrap of row-wise metrics: one set of resamples for all metrics and all models.

Rows are resampled with replacement (Efron 1979) as counts, and every metric is computed from the
same counts, so that differences between two models on the same rows are paired. Intervals are
percentile intervals (Efron and Tibshirani 1993, chapter 13).
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from gatehouse.evidence import Interval

Floats = NDArray[np.float64]
Key = TypeVar("Key", bound=Hashable)
Metric = Callable[[Floats], Floats]
"""Counts of shape [B, N] to values of shape [B]."""

_BLOCK_CELLS = 1_500_000


def resampled_counts(n: int, resamples: int, seed: int) -> Iterator[Floats]:
    """How often each of `n` rows is drawn in each resample, in blocks of shape [B, n]."""
    rng = np.random.default_rng(seed)
    block = max(1, min(resamples, _BLOCK_CELLS // n))
    for start in range(0, resamples, block):
        size = min(block, resamples - start)
        drawn = rng.integers(0, n, size=(size, n), dtype=np.int64)
        drawn += n * np.arange(size, dtype=np.int64)[:, None]
        counts = np.bincount(drawn.ravel(), minlength=size * n)
        yield counts.reshape(size, n).astype(np.float64)


def bootstrap(metrics: dict[Key, Metric], n: int, resamples: int, seed: int) -> dict[Key, Floats]:
    """Values of every metric over the resamples, each of shape [resamples]."""
    parts: dict[Key, list[Floats]] = {name: [] for name in metrics}
    for counts in resampled_counts(n, resamples, seed):
        for name, metric in metrics.items():
            parts[name].append(metric(counts))
    return {name: np.concatenate(values) for name, values in parts.items()}


def percentile_interval(values: Floats, confidence: float) -> Interval | None:
    """The central interval that holds `confidence` of the resampled values.

    Resamples in which the metric is not defined (NaN) are left out; None where fewer than half
    of them define it.
    """
    defined = values[np.isfinite(values)]
    if len(defined) < max(2, len(values) // 2):
        return None
    tail = (1 - confidence) / 2
    low, high = np.quantile(defined, [tail, 1 - tail])
    return Interval(low=float(low), high=float(high), confidence=confidence)


@dataclass(frozen=True)
class Predictions:
    """What a model says of labelled rows.

    Attributes:
        labels: 1.0 where the row is positive, shape [N].
        scores: probability of the positive class, shape [N].
        decisions: 1.0 where the score reaches the decision threshold, shape [N].
    """

    labels: Floats
    scores: Floats
    decisions: Floats

    def of_rows(self, chosen: NDArray[np.bool_]) -> Predictions:
        """Of the rows where `chosen`, shape [N], is true."""
        return Predictions(self.labels[chosen], self.scores[chosen], self.decisions[chosen])


def weighted_metrics(predictions: Predictions, calibration_bins: int) -> dict[str, Metric]:
    """The accuracy gate's metrics under scikit-learn's names, over blocks of counts.

    Each equals scikit-learn's function of that name with the counts as `sample_weight`.
    """
    y, score, decision = predictions.labels, predictions.scores, predictions.decisions
    clipped = np.clip(score, np.finfo(np.float64).eps, 1 - np.finfo(np.float64).eps)
    losses = -(y * np.log(clipped) + (1 - y) * np.log1p(-clipped))
    cells = np.stack(
        [y * decision, y * (1 - decision), (1 - y) * decision, (1 - y) * (1 - decision)], axis=1
    )

    def confusion(counts: Floats) -> tuple[Floats, Floats, Floats, Floats]:
        tp, fn, fp, tn = (counts @ cells).T
        return tp, fn, fp, tn

    def ratio(top: Floats, bottom: Floats) -> Floats:
        return np.divide(top, bottom, out=np.full_like(top, np.nan), where=bottom > 0)

    def accuracy(counts: Floats) -> Floats:
        tp, fn, fp, tn = confusion(counts)
        return ratio(tp + tn, tp + fn + fp + tn)

    def precision(counts: Floats) -> Floats:
        tp, _, fp, _ = confusion(counts)
        return ratio(tp, tp + fp)

    def recall(counts: Floats) -> Floats:
        tp, fn, _, _ = confusion(counts)
        return ratio(tp, tp + fn)

    def f1(counts: Floats) -> Floats:
        tp, fn, fp, _ = confusion(counts)
        return ratio(2 * tp, 2 * tp + fp + fn)

    def balanced_accuracy(counts: Floats) -> Floats:
        tp, fn, fp, tn = confusion(counts)
        return (ratio(tp, tp + fn) + ratio(tn, tn + fp)) / 2

    def mean_of(values: Floats) -> Metric:
        return lambda counts: ratio(counts @ values, counts.sum(axis=1))

    return {
        "roc_auc": _roc_auc(y, score),
        "accuracy": accuracy,
        "balanced_accuracy": balanced_accuracy,
        "f1": f1,
        "precision": precision,
        "recall": recall,
        "log_loss": mean_of(losses),
        "brier_score_loss": mean_of((score - y) ** 2),
        "expected_calibration_error": _calibration_error(y, score, calibration_bins),
    }


def _roc_auc(y: Floats, score: Floats) -> Metric:
    """Mann-Whitney form of the area under the ROC curve; ties count one half."""
    order = np.argsort(score, kind="stable")
    positive = y[order] > 0
    ordered = score[order]
    starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])

    def roc_auc(counts: Floats) -> Floats:
        counts = counts[:, order]
        positives = np.add.reduceat(np.where(positive, counts, 0.0), starts, axis=1)
        negatives = np.add.reduceat(np.where(positive, 0.0, counts), starts, axis=1)
        below = np.cumsum(negatives, axis=1) - negatives / 2
        pairs = positives.sum(axis=1) * negatives.sum(axis=1)
        wins = (positives * below).sum(axis=1)
        values: Floats = np.divide(wins, pairs, out=np.full_like(wins, np.nan), where=pairs > 0)
        return values

    return roc_auc


def _calibration_error(y: Floats, score: Floats, bins: int) -> Metric:
    """Expected calibration error over equal-mass bins (Naeini, Cooper, Hauskrecht 2015)."""
    edges = np.unique(np.quantile(score, np.linspace(0, 1, bins + 1)[1:-1]))
    membership = np.eye(len(edges) + 1)[np.searchsorted(edges, score, side="right")]
    gaps = membership * (score - y)[:, None]

    def expected_calibration_error(counts: Floats) -> Floats:
        return np.asarray(np.abs(counts @ gaps).sum(axis=1) / counts.sum(axis=1))

    return expected_calibration_error
