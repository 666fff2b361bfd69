"""The headline metric by period of the test split, and the test of its trend."""

from __future__ import annotations

from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from gatehouse.columns.times import moments
from gatehouse.contract import Contract
from gatehouse.evidence import FALL, PERIOD, Better, Interval, Measurement, Of
from gatehouse.gates.accuracy.trend import METHOD, trend_of
from gatehouse.gates.bootstrap import Floats
from gatehouse.gates.metrics import headlines
from gatehouse.gates.metrics.metric import Metric
from gatehouse.gates.predictions import Predictions
from gatehouse.policy import Policy

if TYPE_CHECKING:
    import pandas as pd

PERIODS = 8
"""Periods of about the same number of rows."""
LEAST = 100
"""Minimum rows of a period."""
FEWEST = 4
"""Minimum periods of a trend."""


def on_periods(
    rows: pd.DataFrame, contract: Contract, models: dict[Of, Predictions], policy: Policy
) -> list[Measurement]:
    """Measure the headline metric in each period, and its fall; nothing without a time column.

    Args:
        rows: the N rows of the exam.
        contract: names the time column.
        models: predictions of these rows.
        policy: says how to measure.
    """
    from gatehouse.gates.accuracy.measure import measure_models

    name = time_column(contract)
    if name is None or name not in rows:
        return []
    metric = headlines(contract.task)[0]
    found = moments(rows[name], contract.columns[name].timezone or "UTC")
    known = found.notna().to_numpy(bool)
    seconds = found.astype("int64").to_numpy(np.float64) / 1e6
    period = periods_of(seconds, known)
    measured: list[Measurement] = []
    times, ours = [], []
    for k in range(int(period.max(initial=-1)) + 1):
        chosen = period == k
        inside = {of: each.of_rows(chosen) for of, each in models.items()}
        days = found[chosen].min().date(), found[chosen].max().date()
        where = f"{PERIOD}{days[0]} to {days[1]}, {k + 1}"
        for each in measure_models(inside, policy, [metric]):
            if each.of not in models or each.slice != "all":
                continue
            measured.append(each.model_copy(update={"slice": where, "decides": False}))
            if each.of is Of.CANDIDATE and each.interval and not each.doubt:
                times.append(float(seconds[chosen].mean()))
                ours.append(each)
    return [*measured, _fall(metric, np.array(times), ours, int(known.sum()), policy)]


def time_column(contract: Contract) -> str | None:
    """Return the column of the split by time, or else the first timestamp."""
    if contract.split.time is not None:
        return contract.split.time
    return next((name for name, column in contract.columns.items() if column.kind.moments), None)


def periods_of(seconds: Floats, known: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Return each row's period, shape [N]; -1 without a time. Equal times share a period."""
    count = min(PERIODS, int(known.sum()) // LEAST)
    period = np.full(len(seconds), -1)
    if count:
        shares = np.arange(1, count) / count
        edges = np.unique(np.quantile(seconds[known], shares, method="inverted_cdf"))
        places = np.searchsorted(edges, seconds[known], side="right")
        period[known] = np.unique(places, return_inverse=True)[1]
    return period


def _fall(
    metric: Metric, times: Floats, measured: list[Measurement], n: int, policy: Policy
) -> Measurement:
    values = np.array([each.value for each in measured], np.float64)
    z = NormalDist().inv_cdf((1 + policy.measure.confidence) / 2)
    errors = np.array([(each.interval.high - each.interval.low) / (2 * z)
                       for each in measured if each.interval])  # fmt: skip
    found = Measurement(
        name=FALL, slice=metric.name, value=None, unit=metric.unit, n=n, method=METHOD
    )
    if len(values) < FEWEST or not (errors > 0).all():
        note = f"a trend needs {FEWEST} periods of {LEAST} rows with an interval"
        return found.model_copy(update={"note": note})
    trend = trend_of(times, values if metric.better is Better.HIGHER else -values, errors)
    wide = z * trend.error
    interval = Interval(
        low=trend.fall - wide, high=trend.fall + wide, confidence=policy.measure.confidence
    )
    return found.model_copy(
        update={"value": trend.fall, "interval": interval, "p_value": trend.p_value}
    )
