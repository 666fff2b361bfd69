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

    return mean_of(abs(_errors(sample)), tailed=True)


def _squared_over(sample: Sample) -> Statistic:
    import numpy as np

    from gatehouse.gates.metrics.closed import LOG, Sums
    from gatehouse.gates.metrics.weighted import ratio

    errors = _errors(sample)
    cells = np.stack([errors**2, np.ones_like(errors)], axis=1)
    root = lambda sums: np.sqrt(np.maximum(ratio(sums[:, 0], sums[:, 1]), 0.0))  # noqa: E731
    return Sums(cells, root, LOG, tails=cells[:, 0])


def _r2_over(sample: Sample) -> Statistic:
    import numpy as np

    from gatehouse.gates.metrics.closed import LOG_REST, Sums
    from gatehouse.gates.metrics.weighted import ratio

    labels = sample.predictions.labels
    centred = labels - labels.mean()  # avoids losing digits in the squares

    def r2(sums: Floats) -> Floats:
        squared, total, square, count = sums.T
        mean, mean_square = ratio(total, count), ratio(square, count)
        variance = mean_square - mean**2
        # Because of rounding, even equal values have a small variance.
        varies = variance > 8 * np.finfo(np.float64).eps * mean_square
        return 1 - ratio(ratio(squared, count), np.where(varies, variance, 0.0))

    cells = np.stack([_errors(sample) ** 2, centred, centred**2, np.ones_like(centred)], axis=1)
    return Sums(cells, r2, LOG_REST, tails=cells[:, 0])


def _mean_over(sample: Sample) -> Statistic:
    from gatehouse.gates.metrics.closed import PLAIN
    from gatehouse.gates.metrics.weighted import mean_of

    return mean_of(_errors(sample), scale=PLAIN, tailed=True)


def _errors(sample: Sample) -> Floats:
    return sample.predictions.scores - sample.predictions.labels


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
