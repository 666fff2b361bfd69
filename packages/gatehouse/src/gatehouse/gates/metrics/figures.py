"""Metrics of predictions: on the rows as they are, and over bootstrap counts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from gatehouse.contract import Task
from gatehouse.gates.bootstrap import Statistic
from gatehouse.gates.metrics import METRICS, metrics_of
from gatehouse.gates.metrics.metric import Edge, Metric
from gatehouse.gates.metrics.sample import Sample
from gatehouse.gates.predictions import Predictions


@dataclass(frozen=True)
class Figure:
    """A metric of a slice of predictions: `all`, or `class=NAME`.

    Attributes:
        metric: the metric.
        slice: the slice of the rows.
        sample: the predictions; for a class slice, that class against the rest.
        value: on the rows as they are; NaN if it is not defined.
        over: the metric over counts of the N rows, [B, N] to [B].
    """

    metric: Metric
    slice: str
    sample: Sample
    value: float
    over: Statistic

    def edge(self, confidence: float) -> Edge | None:
        """Return the interval that replaces the bootstrap's, and its method; None if none does."""
        interval = self.metric.interval
        return interval(self.sample.predictions, self.value, confidence) if interval else None

    @property
    def undefined(self) -> str:
        """Return why the value is not defined, for a value that is not."""
        if self.slice != "all":
            return "not defined: no row of the test split is of this class, or is decided to be"
        return self.metric.undefined


def value_of(metric: Metric, sample: Sample) -> float:
    """Compute the metric on the rows as they are; NaN if it is not defined."""
    return float(metric.weighted(sample)(np.ones((1, len(sample.predictions.labels))))[0])


def figures(
    predictions: Predictions, bins: int, metrics: Sequence[Metric] = METRICS
) -> list[Figure]:
    """Return every metric of the predictions' task: on all rows, then for each class.

    Args:
        predictions: predictions of labelled rows.
        bins: number of bins of the calibration error.
        metrics: metrics to measure if they fit the task.
    """
    sample, several = Sample(predictions, bins), predictions.task is Task.MULTICLASS
    found = [
        _figure(metric, "all", sample)
        for metric in metrics_of(predictions.task, metrics)
        if not (several and metric.needs_outputs and predictions.outputs is None)
    ]
    if several:
        classes = list(_each_class(predictions, bins))
        found += [
            _figure(metric, f"class={name}", each)
            for metric in metrics
            if metric.per_class
            for name, each in classes
        ]
    return found


def _figure(metric: Metric, where: str, sample: Sample) -> Figure:
    return Figure(metric, where, sample, value_of(metric, sample), metric.weighted(sample))


def _each_class(predictions: Predictions, bins: int) -> Iterator[tuple[str, Sample]]:
    """Yield the slice and sample of each class against the rest."""
    for k, name in enumerate(predictions.classes):
        against = replace(
            predictions,
            labels=(predictions.labels == k).astype(np.float64),
            decisions=(predictions.decisions == k).astype(np.float64),
            scores=predictions.scores if predictions.outputs is None else predictions.outputs[:, k],
            task=Task.BINARY,
            classes=("rest", name),
            outputs=None,
        )
        yield name, Sample(against, bins)
