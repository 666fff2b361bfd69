"""The metric by period of the test split, and the test of its trend."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from gatehouse.contract import Contract
from gatehouse.evidence import FALL, PERIOD, Measurement, Of
from gatehouse.gates.accuracy.periods import on_periods, periods_of, time_column
from gatehouse.gates.accuracy.trend import trend_of
from gatehouse.gates.bootstrap import Floats
from gatehouse.gates.predictions import Predictions
from gatehouse.policy import Policy
from gatehouse.report import quantities

TIME = {"type": "timestamp", "role": "ignored", "timezone": "UTC", "description": "When"}


@pytest.fixture
def timed(contract_of: Callable[..., Contract]) -> Contract:
    return contract_of(when=TIME)


def test_the_trend_is_the_weighted_line() -> None:
    """Attacks slope and error, against NumPy's fit with known errors."""
    rng = np.random.default_rng(0)
    times, errors = np.sort(rng.random(8)), rng.uniform(0.01, 0.02, 8)
    values = 0.9 - 0.05 * times + errors * rng.normal(size=8) * 0.3
    (slope, _), covariance = np.polyfit(times, values, 1, w=1 / errors, cov="unscaled")
    span = times[-1] - times[0]
    found = trend_of(times, values, errors)
    assert found.fall == pytest.approx(-slope * span)
    assert found.error == pytest.approx(span * np.sqrt(covariance[0, 0]))


def test_scatter_beyond_the_errors_makes_a_trend_unsure() -> None:
    """Attacks periods that differ for other reasons, whose own errors are small."""
    times = np.arange(8.0)
    values = 0.9 - 0.004 * times + 0.03 * np.array([1, -1, 1, -1, 1, -1, 1, -1])
    assert trend_of(times, values, np.full(8, 0.005)).p_value > 0.05
    assert trend_of(times, 0.9 - 0.004 * times, np.full(8, 0.005)).p_value < 0.001


def test_equal_times_share_a_period_and_rows_without_a_time_have_none() -> None:
    days = np.repeat(np.arange(10.0), 100)
    known = np.ones(1000, bool)
    known[:5] = False
    period = periods_of(days, known)
    assert set(period[:5]) == {-1}
    assert all(len(set(period[(days == day) & known])) == 1 for day in range(10))
    assert set(period[known]) == set(range(period.max() + 1))
    assert (np.diff(period[known]) >= 0).all()


def rows_of_a_year(n: int, fall: float) -> tuple[pd.DataFrame, Predictions]:
    """Rows over a year, whose scores say less and less."""
    rng = np.random.default_rng(1)
    share = np.arange(n) / n
    positive = (rng.random(n) < 0.4).astype(np.float64)
    scores: Floats = 1 / (1 + np.exp(-(rng.normal(size=n) + positive * (2 - fall * share))))
    when = pd.Timestamp("2026-01-01", tz="UTC") + pd.to_timedelta(share * 365, unit="D")
    table = pd.DataFrame({"when": pd.Series(when).dt.as_unit("us")})
    return table, Predictions(
        positive, scores, (scores > 0.5).astype(np.float64), classes=("no", "yes")
    )


def fall_of(found: list[Measurement]) -> Measurement:
    return next(m for m in found if m.name == FALL)


def test_a_model_that_gets_worse_falls(timed: Contract, policy: Policy) -> None:
    """Attacks the sign, and a trend of a metric for which lower is better."""
    table, predicted = rows_of_a_year(4000, 1.5)
    found = on_periods(table, timed, {Of.CANDIDATE: predicted}, policy)
    fall = fall_of(found)
    assert fall.value is not None
    assert fall.p_value is not None
    assert fall.value > 0.1
    assert fall.p_value < 1e-4
    names = [m.slice for m in found if m.slice.startswith(PERIOD)]
    assert len(names) == len(set(names)) == 8
    assert names[0].startswith("period=2026-01-01 to 2026-02-15")
    assert not any(m.decides for m in found if m.slice.startswith(PERIOD))
    shown = quantities.accuracy(found)
    assert "over 8 periods of the test split" in shown
    assert "xychart" in shown


def test_a_steady_model_does_not_fall(timed: Contract, policy: Policy) -> None:
    table, predicted = rows_of_a_year(4000, 0.0)
    fall = fall_of(on_periods(table, timed, {Of.CANDIDATE: predicted}, policy))
    assert fall.p_value is not None
    assert fall.p_value > 0.02


def test_too_few_rows_have_no_trend(timed: Contract, policy: Policy) -> None:
    table, predicted = rows_of_a_year(350, 1.5)
    fall = fall_of(on_periods(table, timed, {Of.CANDIDATE: predicted}, policy))
    assert fall.value is None
    assert "needs 4 periods" in (fall.note or "")


def test_a_table_without_times_has_no_periods(
    contract_of: Callable[..., Contract], policy: Policy
) -> None:
    table, predicted = rows_of_a_year(400, 0.0)
    assert time_column(contract_of()) is None
    assert on_periods(table, contract_of(), {Of.CANDIDATE: predicted}, policy) == []
