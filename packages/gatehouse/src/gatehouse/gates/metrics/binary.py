"""Metrics of a model that tells two classes apart, under scikit-learn's names."""

from __future__ import annotations

import numpy as np

from gatehouse.gates.bootstrap import Floats, Metric
from gatehouse.gates.metrics.weighted import calibration_error_of, mean_of, ratio, roc_auc_of
from gatehouse.gates.predictions import Predictions


def points(predictions: Predictions) -> dict[str, float]:
    """scikit-learn's metrics of the rows as they are; NaN where a metric is not defined."""
    from sklearn import metrics as sklearn_metrics

    y, score, decision = predictions.labels, predictions.scores, predictions.decisions
    both = len(np.unique(y)) == 2
    found = {
        "roc_auc": sklearn_metrics.roc_auc_score(y, score) if both else np.nan,
        "accuracy": sklearn_metrics.accuracy_score(y, decision),
        "balanced_accuracy": sklearn_metrics.balanced_accuracy_score(y, decision)
        if both
        else np.nan,
        "f1": sklearn_metrics.f1_score(y, decision, zero_division=np.nan),
        "precision": sklearn_metrics.precision_score(y, decision, zero_division=np.nan),
        "recall": sklearn_metrics.recall_score(y, decision, zero_division=np.nan),
        "log_loss": sklearn_metrics.log_loss(y, score, labels=[0, 1]),
        "brier_score_loss": sklearn_metrics.brier_score_loss(y, score),
    }
    return {name: float(value) for name, value in found.items()}


def weighted(predictions: Predictions, calibration_bins: int) -> dict[str, Metric]:
    """Metrics over blocks of counts, each as scikit-learn's with the counts as `sample_weight`."""
    y, score, decision = predictions.labels, predictions.scores, predictions.decisions
    clipped = np.clip(score, np.finfo(np.float64).eps, 1 - np.finfo(np.float64).eps)
    losses = -(y * np.log(clipped) + (1 - y) * np.log1p(-clipped))
    cells = np.stack(
        [y * decision, y * (1 - decision), (1 - y) * decision, (1 - y) * (1 - decision)], axis=1
    )

    last: list[tuple[Floats, Floats]] = []  # five metrics in turn ask for the same counts

    def confusion(counts: Floats) -> Floats:
        """True positives, false negatives, false positives, true negatives; shape [4, B]."""
        if not last or last[0][0] is not counts:
            last[:] = [(counts, (counts @ cells).T)]
        return last[0][1]

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

    return {
        "roc_auc": roc_auc_of(y, score),
        "accuracy": accuracy,
        "balanced_accuracy": balanced_accuracy,
        "f1": f1,
        "precision": precision,
        "recall": recall,
        "log_loss": mean_of(losses),
        "brier_score_loss": mean_of((score - y) ** 2),
        "expected_calibration_error": calibration_error_of(y, score, calibration_bins),
    }
