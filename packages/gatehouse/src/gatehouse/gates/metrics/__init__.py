"""The metrics of the accuracy gate, in display order.

Each metric is one object in this table, or in a fork's own package `gates` if policy.yaml names it.
"""

from __future__ import annotations

from collections.abc import Iterable

from gatehouse.contract import Task
from gatehouse.gates.metrics import decisions, errors, probabilities
from gatehouse.gates.metrics.metric import Metric

METRICS: tuple[Metric, ...] = (
    probabilities.ROC_AUC,
    decisions.ACCURACY,
    decisions.BALANCED_ACCURACY,
    decisions.F1,
    decisions.F1_MACRO,
    decisions.PRECISION,
    decisions.RECALL,
    probabilities.LOG_LOSS,
    probabilities.BRIER_SCORE,
    probabilities.AVERAGE_PRECISION,
    probabilities.RECALL_AT_ALERTS,
    probabilities.PRECISION_AT_RECALL,
    probabilities.CALIBRATION_ERROR,
    probabilities.CALIBRATION_SLOPE,
    probabilities.CALIBRATION_INTERCEPT,
    decisions.EXPECTED_COST,
    errors.MEAN_ABSOLUTE_ERROR,
    errors.ROOT_MEAN_SQUARED_ERROR,
    errors.R2,
    errors.MEAN_ERROR,
)

BY_NAME = {metric.name: metric for metric in METRICS}


def metrics_of(task: Task, metrics: Iterable[Metric] = METRICS) -> list[Metric]:
    """Return the metrics that are measured on all rows of a task."""
    return [metric for metric in metrics if task in metric.tasks]


def headlines(task: Task) -> list[Metric]:
    """Return the metrics that compare two models that should perform equally."""
    return [metric for metric in metrics_of(task) if metric.headline]
