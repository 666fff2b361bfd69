"""Metrics of predictions: their values, weighted by row, and the statistics they come from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from gatehouse.contract import Task
from gatehouse.gates.bootstrap import Statistic
from gatehouse.gates.metrics import METRICS, metrics_of
from gatehouse.gates.metrics.metric import Edge, Metric
from gatehouse.gates.metrics.sample import Sample
from gatehouse.gates.predictions import Predictions

if TYPE_CHECKING:
    from gatehouse.gates.accuracy import AccuracyMeasure


@dataclass(frozen=True)
class Figure:
    """A metric of a slice of predictions: `all`, or `class=NAME`.

    Attributes:
        metric: the metric.
        slice: the slice of the rows.
        sample: the predictions; for a class slice, that class against the rest.
        over: the metric over counts or weights of the N rows, [B, N] to [B].
        value: with the rows' weights; NaN if it is not defined.
    """

    metric: Metric
    slice: str
    sample: Sample
    over: Statistic
    value: float

    def edge(self, confidence: float) -> Edge | None:
        """Return the metric's own interval, and its method; None if it has none."""
        interval = self.metric.interval
        return interval(self.sample.predictions, self.value, confidence) if interval else None

    @property
    def undefined(self) -> str:
        """Return why the value is not defined, for a value that is not."""
        if self.slice != "all":
            return "not defined: no row of the test split is of this class, or is decided to be"
        return self.metric.undefined


def value_of(metric: Metric, sample: Sample) -> float:
    """Compute the metric with the rows' weights; NaN if it is not defined."""
    return float(metric.weighted(sample)(sample.predictions.row_weights[None])[0])


def figures(
    predictions: Predictions, settings: AccuracyMeasure, metrics: Sequence[Metric] = METRICS
) -> Iterator[Figure]:
    """Yield every metric of the predictions' task: on all rows, then for each class.

    One at a time, because their cells take memory.

    Args:
        predictions: predictions of labelled rows.
        settings: of the gate.
        metrics: metrics to measure if they fit the task.
    """
    sample, several = Sample(predictions, settings), predictions.task is Task.MULTICLASS
    for metric in metrics_of(predictions.task, metrics):
        if metric.fits(predictions):
            yield _figure(metric, "all", sample)
    for metric in metrics if several else ():
        if metric.per_class:
            for name, each in _each_class(predictions, settings):
                yield _figure(metric, f"class={name}", each)


def _figure(metric: Metric, where: str, sample: Sample) -> Figure:
    over = metric.weighted(sample)
    value = float(over(sample.predictions.row_weights[None])[0])
    return Figure(metric, where, sample, over, value)


def _each_class(
    predictions: Predictions, settings: AccuracyMeasure
) -> Iterator[tuple[str, Sample]]:
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
        yield name, Sample(against, settings)
