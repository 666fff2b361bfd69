"""Metrics of the accuracy gate: of the rows as they are, and over bootstrap counts."""

from __future__ import annotations

import numpy as np

from gatehouse.contract import Task
from gatehouse.gates.bootstrap import Metric
from gatehouse.gates.metrics import binary, multiclass, regression
from gatehouse.gates.predictions import Predictions

CALIBRATION = "expected_calibration_error"
UNITS = {"log_loss": "nats"}

COMPARED = {
    Task.BINARY: ("roc_auc", "accuracy"),
    Task.MULTICLASS: ("roc_auc", "accuracy"),
    Task.REGRESSION: ("r2",),
}
"""The metrics that say what quantization cost."""

_ONE_CLASS = "not defined: the test split has one class only, or lacks one"
_UNDEFINED = {
    "roc_auc": _ONE_CLASS,
    "balanced_accuracy": _ONE_CLASS,
    "recall": "not defined: the test split has no positive row",
    "precision": "not defined: the model decides no row positive",
    "f1": "not defined: no row is positive, and the model decides none so",
    "r2": "not defined: the target does not vary",
}


def undefined(name: str, where: str) -> str:
    """Why a metric of a slice is not defined."""
    if where != "all":
        return "not defined: no row of the test split is of this class, or is decided to be"
    return _UNDEFINED.get(name, "not defined on these rows")


def point_values(predictions: Predictions) -> dict[str, float]:
    """scikit-learn's metrics of the rows as they are; NaN where a metric is not defined."""
    match predictions.task:
        case Task.BINARY:
            return binary.points(predictions)
        case Task.MULTICLASS:
            return multiclass.points(predictions)
    return regression.points(predictions)


def weighted_metrics(predictions: Predictions, calibration_bins: int) -> dict[str, Metric]:
    """The metrics over blocks of counts, under scikit-learn's names.

    Each equals scikit-learn's function of that name with the counts as `sample_weight`.
    """
    match predictions.task:
        case Task.BINARY:
            return binary.weighted(predictions, calibration_bins)
        case Task.MULTICLASS:
            return multiclass.weighted(predictions, calibration_bins)
    return regression.weighted(predictions)


def measured(
    predictions: Predictions, calibration_bins: int
) -> dict[tuple[str, str], tuple[float, Metric]]:
    """Every metric, by name and slice: its value on the rows as they are, and over counts."""
    weighted = weighted_metrics(predictions, calibration_bins)
    points = point_values(predictions)
    if CALIBRATION in weighted:
        points[CALIBRATION] = float(weighted[CALIBRATION](np.ones((1, len(predictions.labels))))[0])
    found = {(name, "all"): (points[name], metric) for name, metric in weighted.items()}
    if predictions.task is Task.MULTICLASS:
        found |= multiclass.by_class(predictions)
    return found
