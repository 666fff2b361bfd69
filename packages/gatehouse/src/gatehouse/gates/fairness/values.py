"""Fairness of predicted numbers: the loss of each group, its mean error, and their gaps.

The loss is the mean absolute error (bounded group loss: Agarwal, Dudik, Wu 2019). The error is
prediction - truth. Gaps are in deviations of the target over all rows (see `scale`), so that a
limit means the same for every unit of the target. The means equal Fairlearn's. Errors often have
heavy tails, so intervals are Student's, with the degrees of freedom that the kurtosis leaves.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from gatehouse.evidence import Interval, Measurement
from gatehouse.gates.fairness.means import Means, Rows
from gatehouse.gates.fairness.partition import Partition, Rate
from gatehouse.gates.predictions import Predictions
from gatehouse.gates.scale import robust_deviation

GROUP_METRICS = ("mean_absolute_error", "mean_error")
GAPS = {"group_loss_difference": "mean_absolute_error", "mean_error_difference": "mean_error"}


def measure(part: Partition, models: Sequence[Predictions]) -> Iterator[Measurement]:
    """Yield measurements of each group of one partition of the rows, and of the gaps between them.

    Args:
        part: the groups of the rows.
        models: predictions of the candidate, and of the base if there is one.
    """
    errors = [model.scores - model.labels for model in models]
    values = {"mean_absolute_error": [np.abs(error) for error in errors], "mean_error": errors}
    rows = Rows.of(part.index, len(part.names), models[0].weights, models[0].units)
    least = part.policy.measure.fairness.minimum_rows
    rates = {metric: Rate.of(rows, each, least, rates=False) for metric, each in values.items()}
    for position in part.listed():
        for metric, rate in rates.items():
            if position == len(part.names) and not rate.pooled:
                continue
            decides = bool(rate.decides[position])
            yield Measurement(
                name=metric,
                slice=part.label(position),
                value=float(rate.means.values[0, position]),
                unit="1",
                interval=_interval(metric, rate.means, position, part),
                n=int(rate.means.n[position]),
                method="mean; Student's interval, with degrees of freedom by the kurtosis",
                decides=decides,
                note=None if decides else "group too small to decide",
            )
    spread = robust_deviation(models[0].labels)
    how = "largest gap between groups over the target's deviation (interquartile range / 1.349)"
    for gap, metric in GAPS.items():
        rate = rates[metric]
        scaled = Rate(rate.means.over(spread), rate.small, rate.decides)
        yield from part.gap(gap, {metric: scaled}, how, unit="sigma", largest=np.inf)


def _interval(metric: str, means: Means, position: int, part: Partition) -> Interval | None:
    from scipy.special import stdtrit

    confidence = part.policy.measure.fairness.confidence
    if means.n[position] < 2:
        return None
    value, error = float(means.values[0, position]), float(means.errors(0)[position])
    freedom = min(float(means.freedom[position]), 1e9)
    reach = float(stdtrit(freedom, (1 + confidence) / 2)) * error
    least = 0.0 if metric == "mean_absolute_error" else -np.inf
    return Interval(low=max(least, value - reach), high=value + reach, confidence=confidence)
