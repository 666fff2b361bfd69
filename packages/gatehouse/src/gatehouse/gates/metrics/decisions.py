"""Metrics of a classifier's decisions, under scikit-learn's names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gatehouse.contract import Task
from gatehouse.evidence import Better
from gatehouse.gates.metrics.edge import MEAN, METHOD, shares
from gatehouse.gates.metrics.metric import CLASSES, ONE_CLASS, Metric

if TYPE_CHECKING:
    from gatehouse.gates.bootstrap import Floats, Statistic
    from gatehouse.gates.metrics.sample import Sample
    from gatehouse.gates.predictions import Predictions


def _accuracy_over(sample: Sample) -> Statistic:
    from gatehouse.gates.metrics.weighted import mean_of

    right = sample.predictions.labels == sample.predictions.decisions
    return mean_of(right.astype(float))


def _balanced_accuracy_over(sample: Sample) -> Statistic:
    from gatehouse.gates.metrics.weighted import mean_of_defined, ratio

    def two(counts: Floats) -> Floats:
        tp, fn, fp, tn = sample.confusion(counts)
        return (ratio(tp, tp + fn) + ratio(tn, tn + fp)) / 2

    def several(counts: Floats) -> Floats:
        hits, true, _ = sample.by_class(counts)
        return mean_of_defined(ratio(hits, true))

    return two if sample.predictions.task is Task.BINARY else several


def _f1_over(sample: Sample) -> Statistic:
    from gatehouse.gates.metrics.weighted import ratio

    def f1(counts: Floats) -> Floats:
        tp, fn, fp, _ = sample.confusion(counts)
        return ratio(2 * tp, 2 * tp + fp + fn)

    return f1


def _f1_macro_over(sample: Sample) -> Statistic:
    from gatehouse.gates.metrics.weighted import mean_of_defined, ratio

    def f1_macro(counts: Floats) -> Floats:
        hits, true, decided = sample.by_class(counts)
        return mean_of_defined(ratio(2 * hits, true + decided))

    return f1_macro


def _precision_over(sample: Sample) -> Statistic:
    from gatehouse.gates.metrics.weighted import ratio

    def precision(counts: Floats) -> Floats:
        tp, _, fp, _ = sample.confusion(counts)
        return ratio(tp, tp + fp)

    return precision


def _recall_over(sample: Sample) -> Statistic:
    from gatehouse.gates.metrics.weighted import ratio

    def recall(counts: Floats) -> Floats:
        tp, fn, _, _ = sample.confusion(counts)
        return ratio(tp, tp + fn)

    return recall


def _of_each_class(predictions: Predictions) -> list[int]:
    import numpy as np

    return [int(n) for n in np.unique(predictions.labels, return_counts=True)[1]]


ACCURACY = Metric(
    name="accuracy",
    label="accuracy",
    unit="1",
    better=Better.HIGHER,
    tasks=CLASSES,
    weighted=_accuracy_over,
    interval=shares(lambda predictions: [len(predictions.labels)], METHOD),
    headline=True,
)
BALANCED_ACCURACY = Metric(
    name="balanced_accuracy",
    label="balanced accuracy",
    unit="1",
    better=Better.HIGHER,
    tasks=CLASSES,
    weighted=_balanced_accuracy_over,
    interval=shares(_of_each_class, MEAN),
    undefined=ONE_CLASS,
)
F1 = Metric(
    name="f1",
    label="F1",
    unit="1",
    better=Better.HIGHER,
    tasks=(Task.BINARY,),
    weighted=_f1_over,
    undefined="not defined: no row is positive, and the model decides none so",
)
F1_MACRO = Metric(
    name="f1_macro",
    label="F1, mean of the classes",
    unit="1",
    better=Better.HIGHER,
    tasks=(Task.MULTICLASS,),
    weighted=_f1_macro_over,
)
PRECISION = Metric(
    name="precision",
    label="precision",
    unit="1",
    better=Better.HIGHER,
    tasks=(Task.BINARY,),
    weighted=_precision_over,
    interval=shares(lambda predictions: [int(predictions.decisions.sum())], METHOD),
    undefined="not defined: the model decides no row positive",
    per_class=True,
    tunable=False,  # a model that predicts a single row positive would win
)
RECALL = Metric(
    name="recall",
    label="recall",
    unit="1",
    better=Better.HIGHER,
    tasks=(Task.BINARY,),
    weighted=_recall_over,
    interval=shares(lambda predictions: [int(predictions.labels.sum())], METHOD),
    undefined="not defined: the test split has no positive row",
    per_class=True,
    tunable=False,  # a model that predicts all rows positive would win
)
