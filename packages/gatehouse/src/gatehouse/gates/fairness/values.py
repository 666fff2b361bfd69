"""Fairness of predicted numbers: the loss of each group, its mean error, and their gaps.

The loss is the mean absolute error (bounded group loss: Agarwal, Dudik, Wu 2019). The error is
prediction - truth. Gaps are in deviations of the target over all rows (see `scale`), so that a
limit means the same for every unit of the target. The means equal Fairlearn's. Resamples draw
the rows of each group (Efron 1979).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gatehouse.evidence import Measurement
from gatehouse.gates.bootstrap import Floats, bootstrap, percentile_interval
from gatehouse.gates.fairness.gaps import (
    MANY,
    gap_measurement,
    largest_gap,
    largest_gap_of_many,
    listed_groups,
)
from gatehouse.gates.metrics.weighted import mean_of
from gatehouse.gates.predictions import Predictions
from gatehouse.gates.scale import robust_deviation
from gatehouse.policy import Policy

GROUP_METRICS = ("mean_absolute_error", "mean_error")
_EXACT = 1_000
"""Maximum rows of a group for which the rows themselves are resampled."""
GAPS = {"group_loss_difference": "mean_absolute_error", "mean_error_difference": "mean_error"}


def measure(
    name: str,
    groups: NDArray[np.object_],
    predictions: Predictions,
    policy: Policy,
    family: int = 1,
) -> list[Measurement]:
    """Measure each group of one partition of the rows, and the gaps between the groups.

    Args:
        name: slice under which the gaps are reported, for example `sex & race`.
        groups: each row's group, shape [N].
        predictions: the model's predictions of the rows.
        policy: gives the settings, and the minimum sizes of groups that decide.
        family: number of partitions tested together, including this one.
    """
    import pandas as pd

    settings, confidence = policy.measure, policy.measure.fairness.confidence
    index, names = pd.factorize(groups, sort=True)
    errors = predictions.scores - predictions.labels
    values = {"mean_absolute_error": np.abs(errors), "mean_error": errors}
    sizes = np.bincount(index, minlength=len(names))
    points = {m: np.bincount(index, values[m], len(names)) / sizes for m in GROUP_METRICS}
    decides = sizes >= settings.fairness.minimum_rows
    many = int(decides.sum()) > MANY
    listed = listed_groups(sizes)
    inside = np.split(np.argsort(index, kind="stable"), np.cumsum(sizes)[:-1])
    drawn = {
        position: _means(
            {metric: values[metric][inside[position]] for metric in GROUP_METRICS},
            settings.resamples,
            settings.seed + position,
        )
        for position in ({*listed} if many else {*listed, *np.flatnonzero(decides)})
    }
    measurements = [
        Measurement(
            name=metric,
            slice=str(names[position]),
            value=float(points[metric][position]),
            unit="1",
            interval=percentile_interval(drawn[position][metric], confidence),
            n=int(sizes[position]),
            method=f"mean; percentile bootstrap over rows, {settings.resamples} resamples",
            decides=bool(decides[position]),
            note=None if decides[position] else "group too small to decide",
        )
        for position in listed
        for metric in GROUP_METRICS
    ]
    spread = robust_deviation(predictions.labels)
    how = (
        "normal intervals, Bonferroni over all pairs"
        if many
        else "simultaneous max-t intervals over all pairs from a bootstrap within groups, "
        f"{settings.resamples} resamples"
    )
    together = "" if family == 1 else f"; lower ends hold for {family} partitions together"
    method = (
        "largest gap between groups over the target's deviation (interquartile range / 1.349); "
        f"{how}{together}"
    )
    for gap, metric in GAPS.items():
        scaled = [points[metric][decides] / spread]
        if many:
            errors_of = _standard_errors(values[metric], index, sizes)[decides] / spread
            measured = largest_gap_of_many(scaled, scaled, [errors_of], confidence, np.inf, family)
        else:
            resamples = [drawn[place][metric] / spread for place in np.flatnonzero(decides)]
            stacked = np.stack(resamples, axis=1) if resamples else np.empty((0, 0))
            measured = largest_gap(scaled, scaled, [stacked], confidence, np.inf, family)
        measurements.append(
            gap_measurement(
                gap, name, measured, list(names[~decides]), int(sizes[decides].sum()),
                method=method, unit="sigma", unlisted=len(names) - len(listed),
            )
        )  # fmt: skip
    return measurements


def _means(values: dict[str, Floats], resamples: int, seed: int) -> dict[str, Floats]:
    """Return resampled means of a group's values, each of shape [resamples].

    For many rows, the means are drawn from the normal distribution that they approach, at a cost
    that does not grow with the number of rows.
    """
    n = len(next(iter(values.values())))
    if n <= _EXACT:
        return bootstrap({m: mean_of(each) for m, each in values.items()}, n, resamples, seed)
    rng = np.random.default_rng(seed)
    stacked = np.stack(list(values.values()))
    drawn = rng.multivariate_normal(
        stacked.mean(axis=1), np.cov(stacked, ddof=0) / n, resamples, method="eigh"
    )
    return dict(zip(values, drawn.T, strict=True))


def _standard_errors(values: Floats, index: NDArray[np.intp], sizes: NDArray[np.intp]) -> Floats:
    """Return the standard error of each group's mean, shape [G]."""
    means = np.bincount(index, values, len(sizes)) / sizes
    squares = np.bincount(index, (values - means[index]) ** 2, len(sizes))
    return np.sqrt(squares / np.maximum(sizes - 1, 1) / sizes)
