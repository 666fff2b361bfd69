"""Metrics of a model that predicts a number, under scikit-learn's names, in the target's units."""

from __future__ import annotations

import numpy as np

from gatehouse.gates.bootstrap import Floats, Metric
from gatehouse.gates.metrics.weighted import mean_of, ratio
from gatehouse.gates.predictions import Predictions


def points(predictions: Predictions) -> dict[str, float]:
    """scikit-learn's metrics of the rows as they are; NaN where a metric is not defined.

    `mean_error` is the mean of prediction - truth: which way the model errs on the whole.
    """
    from sklearn import metrics as sklearn_metrics

    y, value = predictions.labels, predictions.scores
    found = {
        "mean_absolute_error": sklearn_metrics.mean_absolute_error(y, value),
        "root_mean_squared_error": sklearn_metrics.root_mean_squared_error(y, value),
        "r2": sklearn_metrics.r2_score(y, value) if len(y) > 1 and np.ptp(y) > 0 else np.nan,
        "mean_error": np.mean(value - y),
    }
    return {name: float(number) for name, number in found.items()}


def weighted(predictions: Predictions) -> dict[str, Metric]:
    """Metrics over blocks of counts, each as scikit-learn's with the counts as `sample_weight`."""
    error = predictions.scores - predictions.labels
    squared = mean_of(error**2)
    centred = predictions.labels - predictions.labels.mean()  # else the squares lose digits
    mean, mean_square = mean_of(centred), mean_of(centred**2)

    def r2(counts: Floats) -> Floats:
        square = mean_square(counts)
        variance = square - mean(counts) ** 2
        # Of equal values rounding leaves a variance that is none.
        varies = variance > 8 * np.finfo(np.float64).eps * square
        return 1 - ratio(squared(counts), np.where(varies, variance, 0.0))

    return {
        "mean_absolute_error": mean_of(np.abs(error)),
        "root_mean_squared_error": lambda counts: np.sqrt(squared(counts)),
        "r2": r2,
        "mean_error": mean_of(error),
    }
