"""Metrics of a model that tells more than two classes apart, under scikit-learn's names.

The area under the ROC curve is the mean over classes, each against the rest (Hand and Till 2001
call this one of two generalizations; scikit-learn's `ovr`, `macro`). The calibration error is that
of the decided class (top label: Guo et al. 2017).
"""

from __future__ import annotations

import numpy as np

from gatehouse.gates.bootstrap import Floats, Metric
from gatehouse.gates.metrics.weighted import calibration_error_of, mean_of, ratio, roc_auc_of
from gatehouse.gates.predictions import Predictions


def points(predictions: Predictions) -> dict[str, float]:
    """scikit-learn's metrics of the rows as they are; NaN where a metric is not defined."""
    from sklearn import metrics as sklearn_metrics

    y, decision, outputs = predictions.labels, predictions.decisions, predictions.outputs
    places = range(len(predictions.classes))
    present = np.unique(y)
    found = {
        "accuracy": sklearn_metrics.accuracy_score(y, decision),
        # Its own function warns of a class that is decided and never true.
        "balanced_accuracy": sklearn_metrics.recall_score(
            y, decision, labels=present, average="macro"
        ),
        "f1_macro": sklearn_metrics.f1_score(y, decision, average="macro", zero_division=0),
    }
    if outputs is not None:
        shares = outputs / outputs.sum(axis=1, keepdims=True)
        found["log_loss"] = sklearn_metrics.log_loss(y, shares, labels=list(places))
        found["roc_auc"] = (
            sklearn_metrics.roc_auc_score(
                y, shares, multi_class="ovr", average="macro", labels=list(places)
            )
            if len(present) == len(places)
            else np.nan
        )
    return {name: float(value) for name, value in found.items()}


def weighted(predictions: Predictions, calibration_bins: int) -> dict[str, Metric]:
    """Metrics over blocks of counts, each as scikit-learn's with the counts as `sample_weight`."""
    y, score, outputs = predictions.labels, predictions.scores, predictions.outputs
    right = (y == predictions.decisions).astype(np.float64)
    cells = _Cells(predictions)

    def balanced_accuracy(counts: Floats) -> Floats:
        hits, true, _ = cells.over(counts)
        return _mean(ratio(hits, true))

    def f1_macro(counts: Floats) -> Floats:
        hits, true, decided = cells.over(counts)
        return _mean(ratio(2 * hits, true + decided))

    found: dict[str, Metric] = {
        "accuracy": mean_of(right),
        "balanced_accuracy": balanced_accuracy,
        "f1_macro": f1_macro,
    }
    if outputs is not None:
        epsilon = np.finfo(np.float64).eps
        likely = outputs[np.arange(len(y)), y.astype(np.intp)].clip(epsilon, 1 - epsilon)
        areas = [roc_auc_of(is_class, outputs[:, k]) for k, is_class in enumerate(cells.true.T)]

        def roc_auc(counts: Floats) -> Floats:
            # Not the mean of those that are defined: a class that is not drawn leaves it undefined.
            return np.asarray(np.mean([area(counts) for area in areas], axis=0))

        found["log_loss"] = mean_of(-np.log(likely))
        found["roc_auc"] = roc_auc
    return found | {
        "expected_calibration_error": calibration_error_of(right, score, calibration_bins)
    }


def by_class(predictions: Predictions) -> dict[tuple[str, str], tuple[float, Metric]]:
    """Recall and precision of each class, by name and slice: the value, and over counts."""
    cells = _Cells(predictions)
    once = np.ones((1, len(predictions.labels)))
    found: dict[tuple[str, str], tuple[float, Metric]] = {}
    for place, name in ((1, "recall"), (2, "precision")):
        for k, label in enumerate(predictions.classes):
            share = _share(cells, place, k)
            found[name, f"class={label}"] = float(share(once)[0]), share
    return found


def _share(cells: _Cells, place: int, k: int) -> Metric:
    def share(counts: Floats) -> Floats:
        over = cells.over(counts)
        return ratio(over[0][:, k], over[place][:, k])

    return share


class _Cells:
    """Is each row of each class rightly decided, of it, decided as it? Each of shape [N, K]."""

    def __init__(self, predictions: Predictions) -> None:
        one = np.eye(len(predictions.classes))
        self.true = one[predictions.labels.astype(np.intp)]
        decided = one[predictions.decisions.astype(np.intp)]
        self._all = np.concatenate([self.true * decided, self.true, decided], axis=1)
        self._last: tuple[Floats, list[Floats]] | None = None

    def over(self, counts: Floats) -> list[Floats]:
        """Their sums over counts [B, N], each of shape [B, K].

        All metrics of a block of counts ask, one after the other: they share one product.
        """
        if self._last is None or self._last[0] is not counts:
            self._last = counts, np.split(counts @ self._all, 3, axis=1)
        return self._last[1]


def _mean(values: Floats) -> Floats:
    """Mean over the classes that are defined, shape [B], of [B, K]; NaN where none is."""
    defined = np.isfinite(values)
    return ratio(np.where(defined, values, 0.0).sum(axis=1), defined.sum(axis=1).astype(np.float64))
