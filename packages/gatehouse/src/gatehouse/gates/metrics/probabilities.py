"""Metrics of a classifier's probabilities, under scikit-learn's names.

For more than two classes, the area under the ROC curve is the mean over classes, each against the
rest (Hand and Till 2001 call this one of two generalizations; scikit-learn's `ovr`, `macro`), and
the calibration error that of the decided class (top label: Guo et al. 2017).
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
    """The probabilities of all K classes, which sum to 1; shape [N, K]."""
    assert predictions.outputs is not None
    outputs: Floats = predictions.outputs / predictions.outputs.sum(axis=1, keepdims=True)
    return outputs


def _roc_auc(predictions: Predictions) -> float:
    import numpy as np
    from sklearn.metrics import roc_auc_score

    y, classes = predictions.labels, max(2, len(predictions.classes))
    if len(np.unique(y)) < classes:
        return float("nan")
    if predictions.task is Task.BINARY:
        return float(roc_auc_score(y, predictions.scores))
    return float(
        roc_auc_score(
            y, _shares(predictions), multi_class="ovr", average="macro", labels=list(range(classes))
        )
    )


def _roc_auc_over(sample: Sample) -> Statistic:
    import numpy as np

    from gatehouse.gates.metrics.weighted import roc_auc_of

    y, outputs = sample.predictions.labels, sample.predictions.outputs
    if sample.predictions.task is Task.BINARY:
        return roc_auc_of(y, sample.predictions.scores)
    assert outputs is not None
    areas = [
        roc_auc_of((y == k).astype(np.float64), outputs[:, k]) for k in range(outputs.shape[1])
    ]

    def roc_auc(counts: Floats) -> Floats:
        # Not the mean of those that are defined: a class that is not drawn leaves it undefined.
        return np.asarray(np.mean([area(counts) for area in areas], axis=0))

    return roc_auc


def _log_loss(predictions: Predictions) -> float:
    from sklearn.metrics import log_loss

    if predictions.task is Task.BINARY:
        return float(log_loss(predictions.labels, predictions.scores, labels=[0, 1]))
    places = list(range(len(predictions.classes)))
    return float(log_loss(predictions.labels, _shares(predictions), labels=places))


def _log_loss_over(sample: Sample) -> Statistic:
    import numpy as np

    from gatehouse.gates.metrics.weighted import mean_of

    y, outputs = sample.predictions.labels, sample.predictions.outputs
    epsilon = np.finfo(np.float64).eps
    if sample.predictions.task is Task.BINARY:
        clipped = np.clip(sample.predictions.scores, epsilon, 1 - epsilon)
        return mean_of(-(y * np.log(clipped) + (1 - y) * np.log1p(-clipped)))
    assert outputs is not None
    likely = outputs[np.arange(len(y)), y.astype(np.intp)].clip(epsilon, 1 - epsilon)
    return mean_of(-np.log(likely))


def _brier(predictions: Predictions) -> float:
    from sklearn.metrics import brier_score_loss

    return float(brier_score_loss(predictions.labels, predictions.scores))


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
    value=_roc_auc,
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
    value=_log_loss,
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
    value=_brier,
)
CALIBRATION_ERROR = Metric(
    name="expected_calibration_error",
    label="calibration error",
    unit="1",
    better=Better.LOWER,
    tasks=CLASSES,
    weighted=_calibration_over,
    tunable=False,  # won by a model that tells no row from another
)
