"""Metrics of a classifier's probabilities, under scikit-learn's names.

For multiclass models, the area under the ROC curve is the mean over classes, each against the rest
(one of the two generalizations in Hand and Till 2001; scikit-learn's `ovr`, `macro`). The
calibration error is that of the predicted class (top label: Guo et al. 2017).
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

    from gatehouse.gates.metrics.weighted import calibration_error_of

    true = sample.predictions.labels
    if sample.predictions.task is Task.MULTICLASS:
        true = (true == sample.predictions.decisions).astype(np.float64)
    return calibration_error_of(true, sample.predictions.scores, sample.bins)


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
    name="expected_calibration_error",
    label="calibration error",
    unit="1",
    better=Better.LOWER,
    tasks=CLASSES,
    weighted=_calibration_over,
    tunable=False,  # a model that predicts the same for all rows would win
)
