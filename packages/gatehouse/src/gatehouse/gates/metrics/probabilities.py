"""Metrics of a classifier's probabilities, under scikit-learn's names.

For multiclass models, the area under the ROC curve is the mean over classes, each against the rest
(one of the two generalizations in Hand and Till 2001; scikit-learn's `ovr`, `macro`). The
calibration error is that of the predicted class (top label: Guo et al. 2017). Alerts and recall
are those of `measure.accuracy` in policy.yaml.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gatehouse.contract import Task
from gatehouse.evidence import Better
from gatehouse.gates.metrics.metric import CLASSES, ONE_CLASS, Metric

if TYPE_CHECKING:
    from gatehouse.gates.bootstrap import Floats, Statistic
    from gatehouse.gates.metrics.sample import Sample
    from gatehouse.gates.predictions import Predictions


def _shares(predictions: Predictions) -> Floats:
    """Normalize the probabilities of all K classes to sum to 1, shape [N, K]."""
    assert predictions.outputs is not None
    outputs: Floats = predictions.outputs / predictions.outputs.sum(axis=1, keepdims=True)
    return outputs


def _roc_auc_over(sample: Sample) -> Statistic:
    import numpy as np

    from gatehouse.gates.metrics.area import Area

    y = sample.predictions.labels
    if sample.predictions.task is Task.BINARY:
        return Area((y, sample.predictions.scores))
    shares = _shares(sample.predictions)
    return Area(*(((y == k).astype(np.float64), shares[:, k]) for k in range(shares.shape[1])))


def _log_loss_over(sample: Sample) -> Statistic:
    import numpy as np

    from gatehouse.gates.metrics.weighted import mean_of

    y = sample.predictions.labels
    epsilon = np.finfo(np.float64).eps
    if sample.predictions.task is Task.BINARY:
        clipped = np.clip(sample.predictions.scores, epsilon, 1 - epsilon)
        return mean_of(-(y * np.log(clipped) + (1 - y) * np.log1p(-clipped)))
    likely = _shares(sample.predictions)[np.arange(len(y)), y.astype(np.intp)]
    return mean_of(-np.log(likely.clip(epsilon, 1 - epsilon)))


def _brier_over(sample: Sample) -> Statistic:
    from gatehouse.gates.metrics.weighted import mean_of

    return mean_of((sample.predictions.scores - sample.predictions.labels) ** 2)


def _calibration_over(sample: Sample) -> Statistic:
    import numpy as np

    from gatehouse.gates.metrics.calibration import CalibrationError

    rows = sample.predictions
    true = rows.labels
    if rows.task is Task.MULTICLASS:
        true = (true == rows.decisions).astype(np.float64)
    return CalibrationError(true, rows.scores, sample.settings.calibration_bins, rows.units)


def _slope_over(sample: Sample) -> Statistic:
    from gatehouse.gates.metrics.calibration import Recalibration

    return Recalibration(sample.predictions.labels, sample.predictions.scores, slope=True)


def _intercept_over(sample: Sample) -> Statistic:
    from gatehouse.gates.metrics.calibration import Recalibration

    return Recalibration(sample.predictions.labels, sample.predictions.scores, slope=False)


def _average_precision_over(sample: Sample) -> Statistic:
    from gatehouse.gates.metrics.ranking import average_precision_of

    return average_precision_of(
        sample.predictions.labels, sample.predictions.scores, sample.falling
    )


def _recall_at_alerts_over(sample: Sample) -> Statistic:
    from gatehouse.gates.metrics.ranking import recall_at_alerts_of

    rows = sample.predictions
    return recall_at_alerts_of(rows.labels, rows.scores, sample.settings.alerts, sample.falling)


def _precision_at_recall_over(sample: Sample) -> Statistic:
    from gatehouse.gates.metrics.ranking import precision_at_recall_of

    rows = sample.predictions
    return precision_at_recall_of(rows.labels, rows.scores, sample.settings.recall, sample.falling)


ROC_AUC = Metric(
    name="roc_auc",
    label="ROC AUC",
    unit="1",
    better=Better.HIGHER,
    tasks=CLASSES,
    weighted=_roc_auc_over,
    undefined=ONE_CLASS,
    needs_outputs=True,
    headline=True,
    tuned=(Task.BINARY,),
)
LOG_LOSS = Metric(
    name="log_loss",
    label="log loss",
    unit="nats",
    better=Better.LOWER,
    tasks=CLASSES,
    weighted=_log_loss_over,
    needs_outputs=True,
    tuned=(Task.MULTICLASS,),
)
BRIER_SCORE = Metric(
    name="brier_score_loss",
    label="Brier score",
    unit="1",
    better=Better.LOWER,
    tasks=(Task.BINARY,),
    weighted=_brier_over,
)
CALIBRATION_ERROR = Metric(
    name="calibration_error",
    label="calibration error",
    unit="1",
    better=Better.LOWER,
    tasks=CLASSES,
    weighted=_calibration_over,
    by_group=True,
    tunable=False,  # a model that predicts the same for all rows would win
)
CALIBRATION_SLOPE = Metric(
    name="calibration_slope",
    label="calibration slope",
    unit="1",
    better=Better.ONE,
    tasks=(Task.BINARY,),
    weighted=_slope_over,
    undefined="not defined: the scores separate the classes, or are all the same",
    tunable=False,
)
CALIBRATION_INTERCEPT = Metric(
    name="calibration_intercept",
    label="calibration intercept",
    unit="log odds",
    better=Better.ZERO,
    tasks=(Task.BINARY,),
    weighted=_intercept_over,
    undefined="not defined: the rows have one class only",
    tunable=False,
)
AVERAGE_PRECISION = Metric(
    name="average_precision",
    label="average precision",
    unit="1",
    better=Better.HIGHER,
    tasks=(Task.BINARY,),
    weighted=_average_precision_over,
    undefined=ONE_CLASS,
)
RECALL_AT_ALERTS = Metric(
    name="recall_at_alerts",
    label="recall at the share of alerts",
    unit="share",
    better=Better.HIGHER,
    tasks=(Task.BINARY,),
    weighted=_recall_at_alerts_over,
    undefined=ONE_CLASS,
)
PRECISION_AT_RECALL = Metric(
    name="precision_at_recall",
    label="precision at the recall",
    unit="share",
    better=Better.HIGHER,
    tasks=(Task.BINARY,),
    weighted=_precision_at_recall_over,
    undefined=ONE_CLASS,
)
