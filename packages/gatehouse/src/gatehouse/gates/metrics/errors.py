"""Regression metrics under scikit-learn's names, in the target's units."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gatehouse.contract import Task
from gatehouse.evidence import Better
from gatehouse.gates.metrics.metric import Metric

if TYPE_CHECKING:
    from gatehouse.gates.bootstrap import Floats, Statistic
    from gatehouse.gates.metrics.sample import Sample

_NUMBER = (Task.REGRESSION,)


def _absolute_over(sample: Sample) -> Statistic:
    from gatehouse.gates.metrics.weighted import mean_of

    return mean_of(abs(sample.predictions.scores - sample.predictions.labels))


def _squares_over(sample: Sample) -> Statistic:
    from gatehouse.gates.metrics.weighted import mean_of

    return mean_of((sample.predictions.scores - sample.predictions.labels) ** 2)


def _squared_over(sample: Sample) -> Statistic:
    import numpy as np

    squared = _squares_over(sample)
    return lambda counts: np.sqrt(squared(counts))


def _r2_over(sample: Sample) -> Statistic:
    import numpy as np

    from gatehouse.gates.metrics.weighted import mean_of, ratio

    squared, labels = _squares_over(sample), sample.predictions.labels
    centred = labels - labels.mean()  # avoids losing digits in the squares
    mean, mean_square = mean_of(centred), mean_of(centred**2)

    def r2(counts: Floats) -> Floats:
        square = mean_square(counts)
        variance = square - mean(counts) ** 2
        # Because of rounding, even equal values have a small variance.
        varies = variance > 8 * np.finfo(np.float64).eps * square
        return 1 - ratio(squared(counts), np.where(varies, variance, 0.0))

    return r2


def _mean_over(sample: Sample) -> Statistic:
    from gatehouse.gates.metrics.weighted import mean_of

    return mean_of(sample.predictions.scores - sample.predictions.labels)


MEAN_ABSOLUTE_ERROR = Metric(
    name="mean_absolute_error",
    label="mean absolute error",
    unit="1",
    better=Better.LOWER,
    tasks=_NUMBER,
    weighted=_absolute_over,
)
ROOT_MEAN_SQUARED_ERROR = Metric(
    name="root_mean_squared_error",
    label="root mean squared error",
    unit="1",
    better=Better.LOWER,
    tasks=_NUMBER,
    weighted=_squared_over,
    tuned=_NUMBER,
)
R2 = Metric(
    name="r2",
    label="R²",
    unit="1",
    better=Better.HIGHER,
    tasks=_NUMBER,
    weighted=_r2_over,
    undefined="not defined: the target does not vary",
    headline=True,
)
MEAN_ERROR = Metric(
    name="mean_error",  # of prediction - truth: does the model predict too high or too low?
    label="mean error",
    unit="1",
    better=Better.ZERO,
    tasks=_NUMBER,
    weighted=_mean_over,
    tunable=False,
)
