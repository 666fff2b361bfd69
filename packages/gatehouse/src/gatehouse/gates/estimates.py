"""How sure a metric is: intervals of metrics and of differences between two models.

A metric with a closed form (`metrics.closed`) needs no resamples. Others are resampled, rows or
units as a whole, and the weights count in each resample. In a large table, a metric without a
closed form is resampled on a sample of units, and its errors are scaled by the root of the sample's
share.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from gatehouse.contract import Task
from gatehouse.evidence import Interval
from gatehouse.gates.bootstrap import Floats, Statistic, bootstrap, percentile_interval
from gatehouse.gates.metrics.area import FEWEST
from gatehouse.gates.metrics.closed import Closed, Spread, Sums, is_heavy
from gatehouse.gates.metrics.figures import Figure
from gatehouse.gates.metrics.sample import Sample
from gatehouse.gates.predictions import Predictions

MOST_ROWS = 20_000
"""Rows of which metrics without a closed form are resampled."""
HEAVY = "no interval can be trusted: a few rows with large errors decide the value (heavy tails)"


@dataclass(frozen=True)
class Estimate:
    """A value with its interval.

    Attributes:
        value: NaN if it is not defined.
        interval: None if there is none; `note` then says why.
        method: for people.
        note: why there is no interval, or what to know about it.
        doubt: why the interval may not hold the truth, so that no rule can pass on it.
    """

    value: float
    interval: Interval | None
    method: str
    note: str | None = None
    doubt: str | None = None


@dataclass(frozen=True)
class Known:
    """A figure of one model, with what its interval and differences follow from.

    Attributes:
        figure: the metric of the model.
        influence: shape [N]; None for a metric without a closed form.
        resampled: values over the resamples, shape [B]; None for a closed form.
    """

    figure: Figure
    influence: Floats | None = None
    resampled: Floats | None = None

    @property
    def predictions(self) -> Predictions:
        return self.figure.sample.predictions


def influence_of(figure: Figure) -> Known:
    """Return a figure of a metric with a closed form, with its rows' influence."""
    closed, rows = figure.over, figure.sample.predictions
    assert isinstance(closed, Closed)
    if not math.isfinite(figure.value):
        return Known(figure, np.zeros(len(rows.labels)))
    return Known(figure, closed.influence(rows.row_weights))


def resample(figures: Sequence[Figure], resamples: int, seed: int) -> list[Known]:
    """Return figures of the same rows with the values that they take over the same resamples."""
    if not figures:
        return []
    rows = figures[0].sample.predictions
    chosen, share = _chosen(rows, seed)
    part = rows if chosen is None else rows.of_rows(chosen)
    parts = [_on(figure, chosen) for figure in figures]
    drawn = bootstrap(
        dict(enumerate(over for over, _ in parts)), len(part.labels), resamples, seed,
        units=part.units, weights=part.weights,
    )  # fmt: skip
    return [
        Known(figure, resampled=figure.value + (drawn[place] - value) * share)
        for place, (figure, (_, value)) in enumerate(zip(figures, parts, strict=True))
    ]


def _chosen(rows: Predictions, seed: int) -> tuple[NDArray[np.bool_] | None, float]:
    """Mask of the rows that are resampled, shape [N], and the root of the units' share."""
    n = len(rows.labels)
    if n <= MOST_ROWS:
        return None, 1.0
    units = np.arange(n) if rows.units is None else np.unique(rows.units, return_inverse=True)[1]
    count = int(units.max()) + 1
    kept = np.zeros(count, bool)
    size = max(2, count * MOST_ROWS // n)
    kept[np.random.default_rng(seed).choice(count, size, replace=False)] = True
    return kept[units], math.sqrt(size / count)


def _on(figure: Figure, chosen: NDArray[np.bool_] | None) -> tuple[Statistic, float]:
    """Return the figure's statistic on the chosen rows, and its value there."""
    if chosen is None:
        return figure.over, figure.value
    sample = Sample(figure.sample.predictions.of_rows(chosen), figure.sample.settings)
    statistic = figure.metric.weighted(sample)
    return statistic, float(statistic(sample.predictions.row_weights[None])[0])


def estimate(known: Known, confidence: float) -> Estimate:
    """Return the value of one model's metric with its interval."""
    figure, rows = known.figure, known.predictions
    if edge := figure.edge(confidence):
        return Estimate(figure.value, *edge)
    if known.influence is None:
        assert known.resampled is not None
        return _resampled(figure.value, known.resampled, known, confidence)
    closed = figure.over
    assert isinstance(closed, Closed)
    method = _over_units(closed.method, rows)
    if not math.isfinite(figure.value):
        return Estimate(figure.value, None, method, figure.undefined)
    if lacking := closed.lacking(rows.units):
        return Estimate(figure.value, None, method, lacking)
    spread = _spread(known.influence, closed, rows)
    interval = closed.interval(figure.value, spread, rows.row_weights, confidence)
    doubt, note = None, None
    if closed.tails is not None:
        weights = rows.row_weights
        about_mean = weights * (closed.tails - np.average(closed.tails, weights=weights))
        doubt = HEAVY if is_heavy(_by_unit(about_mean, rows)) else None
    if rows.task is Task.BINARY and isinstance(closed, Sums) and (rows.class_n or 0) < FEWEST:
        doubt = f"too few to tell: {rows.class_n} rows of a class, for a mean loss"
    if interval.low == interval.high:
        note = "no row differs from another in this metric: no width, and no proof"
    return Estimate(figure.value, interval, method, note, doubt)


def difference(ours: Known, theirs: Known, confidence: float) -> Estimate:
    """Return the first model's value minus the second's, on the same rows."""
    value, rows = ours.figure.value - theirs.figure.value, ours.predictions
    if ours.influence is None or theirs.influence is None:
        assert ours.resampled is not None and theirs.resampled is not None
        drawn = ours.resampled - theirs.resampled
        found = _resampled(value, drawn, ours, confidence, compared=True)
        return replace(found, method=f"paired {found.method}")
    closed = ours.figure.over
    assert isinstance(closed, Closed)
    method = _over_units("paired delta method, Student's t", rows)
    if not math.isfinite(value):
        return Estimate(value, None, method, ours.figure.undefined)
    if not closed.additive:
        apart = difference_of_samples(*(estimate(each, confidence) for each in (ours, theirs)))
        same = np.array_equal(rows.scores, theirs.predictions.scores)
        none = Interval(low=0.0, high=0.0, confidence=confidence)
        return replace(apart, interval=none) if same and apart.interval else apart
    if lacking := closed.lacking(rows.units):
        return Estimate(value, None, method, lacking)
    spread = _spread(ours.influence - theirs.influence, closed, rows)
    wide = spread.reach(confidence) * spread.error if spread.variance else 0.0
    interval = Interval(low=value - wide, high=value + wide, confidence=confidence)
    heavy = closed.tails is not None and is_heavy(spread.units)
    return Estimate(value, interval, method, doubt=HEAVY if heavy else None)


def difference_of_samples(ours: Estimate, theirs: Estimate) -> Estimate:
    """Return the difference of two models on rows of their own, by MOVER (Zou and Donner 2008)."""
    value, method = ours.value - theirs.value, "two-sample MOVER"
    if ours.interval is None or theirs.interval is None:
        return Estimate(value, None, method, ours.note or theirs.note)
    a, b = ours.interval, theirs.interval
    low = value - math.hypot(ours.value - a.low, b.high - theirs.value)
    high = value + math.hypot(a.high - ours.value, theirs.value - b.low)
    interval = Interval(low=low, high=high, confidence=a.confidence)
    return Estimate(value, interval, method, doubt=ours.doubt or theirs.doubt)


def _by_unit(values: Floats, rows: Predictions) -> Floats:
    """Return the sums of the rows' values over each unit, [N] to [G]."""
    if rows.units is None:
        return values
    place = np.unique(rows.units, return_inverse=True)[1]
    return np.bincount(place, weights=values).astype(np.float64)


def _spread(influence: Floats, closed: Closed, rows: Predictions) -> Spread:
    sums = _by_unit(influence, rows)
    plain = rows.units is None and rows.weights is None
    return Spread(sums, closed.degrees(rows.units, len(sums)), plain)


def _resampled(
    value: float, drawn: Floats, known: Known, confidence: float, *, compared: bool = False
) -> Estimate:
    rows = known.predictions
    method = _over_units(f"percentile bootstrap, {len(drawn)} resamples", rows)
    if len(rows.labels) > MOST_ROWS:
        method += f" of {MOST_ROWS:,} sampled rows, scaled to all"
    if not math.isfinite(value):
        return Estimate(value, None, method, known.figure.undefined)
    interval = percentile_interval(drawn, confidence)
    note = None
    if interval is None:
        note = "not defined in most resamples: too few rows of a class"
    elif interval.low == interval.high and not compared:
        note = "every resample gives this very value: no width, and no proof"
    return Estimate(value, interval, method, note)


def _over_units(method: str, rows: Predictions) -> str:
    return method if rows.units is None else f"{method}, over groups or blocks of time"
