"""Fairness of predicted numbers: the loss of each group, which way it errs, and their gaps.

The loss is the mean absolute error (bounded group loss: Agarwal, Dudik, Wu 2019), the error is
prediction - truth. Gaps are in deviations of the target over all rows (see `scale`), so that a
limit means the same whatever the target's units. The resamples draw each group's rows (Efron 1979).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gatehouse.evidence import Measurement
from gatehouse.gates.bootstrap import Floats, bootstrap, percentile_interval
from gatehouse.gates.gaps import gap_measurement, largest_gap
from gatehouse.gates.metrics.weighted import mean_of
from gatehouse.gates.predictions import Predictions
from gatehouse.gates.scale import robust_deviation
from gatehouse.policy import Policy

GROUP_METRICS = ("mean_absolute_error", "mean_error")
GAPS = {"group_loss_difference": "mean_absolute_error", "mean_error_difference": "mean_error"}


def measure(
    name: str, groups: NDArray[np.object_], predictions: Predictions, policy: Policy
) -> list[Measurement]:
    """Metrics of each group of one partition of the rows, and the gaps between the groups.

    Args:
        name: the slice that the gaps are reported as, such as `sex & race`.
        groups: each row's group, shape [N].
        predictions: what the model says of the rows.
        policy: settings, and which groups are large enough to decide.
    """
    settings, confidence = policy.measure, policy.measure.fairness.confidence
    names, index = np.unique(groups, return_inverse=True)
    errors = predictions.scores - predictions.labels
    values = {"mean_absolute_error": np.abs(errors), "mean_error": errors}
    points = _points(groups, predictions, names)
    sizes = np.bincount(index, minlength=len(names))
    decides = sizes >= settings.fairness.minimum_rows
    drawn: dict[str, Floats] = {
        metric: np.empty((settings.resamples, len(names))) for metric in GROUP_METRICS
    }
    for position, size in enumerate(sizes):
        metrics = {metric: mean_of(values[metric][index == position]) for metric in GROUP_METRICS}
        found = bootstrap(metrics, int(size), settings.resamples, settings.seed + position)
        for metric in GROUP_METRICS:
            drawn[metric][:, position] = found[metric]
    measurements = [
        Measurement(
            name=metric,
            slice=str(group),
            value=float(points[metric][position]),
            unit="1",
            interval=percentile_interval(drawn[metric][:, position], confidence),
            n=int(sizes[position]),
            method=f"Fairlearn; percentile bootstrap over rows, {settings.resamples} resamples",
            decides=bool(decides[position]),
            note=None if decides[position] else "group too small to decide",
        )
        for position, group in enumerate(names)
        for metric in GROUP_METRICS
    ]
    spread = robust_deviation(predictions.labels)
    method = (
        "largest gap between groups over the target's deviation (interquartile range / 1.349); "
        "simultaneous max-t intervals over all pairs from a bootstrap within groups, "
        f"{settings.resamples} resamples"
    )
    for gap, metric in GAPS.items():
        scaled = points[metric][decides] / spread
        measured = largest_gap(
            [scaled], [scaled], [drawn[metric][:, decides] / spread], confidence, largest=np.inf
        )
        n = int(sizes[decides].sum())
        measurements.append(
            gap_measurement(
                gap, name, measured, list(names[~decides]), n, method=method, unit="sigma"
            )
        )
    return measurements


def _points(
    groups: NDArray[np.object_], predictions: Predictions, names: NDArray[np.object_]
) -> dict[str, Floats]:
    """Fairlearn's metrics of each group, shape [G]."""
    from fairlearn.metrics import MetricFrame
    from pandas import Series
    from sklearn.metrics import mean_absolute_error

    def mean_error(y_true: Floats, y_pred: Floats) -> float:
        return float(np.mean(y_pred - y_true))

    frame = MetricFrame(
        metrics=dict(zip(GROUP_METRICS, (mean_absolute_error, mean_error), strict=True)),
        y_true=predictions.labels,
        y_pred=predictions.scores,
        sensitive_features=Series(groups),
    ).by_group
    return {metric: frame.loc[list(names), metric].to_numpy(float) for metric in GROUP_METRICS}
