"""Calibration: no bias, intervals that cover, and the coefficients of a logistic regression."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from gatehouse.gates.bootstrap import Floats
from gatehouse.gates.metrics.calibration import (
    CalibrationError,
    Recalibration,
    binned,
    calibration_error_interval,
    gaps_of,
)
from gatehouse.gates.metrics.closed import Spread


def drawn(n: int, seed: int, shift: float = 0.0, slope: float = 1.0) -> tuple[Floats, Floats]:
    """Labels and scores; `shift` and `slope` distort the log odds of the scores."""
    rng = np.random.default_rng(seed)
    odds = rng.normal(-1.2, 1.5, n)
    labels = (rng.random(n) < 1 / (1 + np.exp(-odds))).astype(float)
    return labels, 1 / (1 + np.exp(-(shift + slope * odds)))


def once(n: int) -> Floats:
    return np.ones((1, n))


def test_a_perfect_model_has_hardly_an_error() -> None:
    """Attacks the bias of binned errors: chance alone gave 0.03 with 1,000 rows."""
    errors = [CalibrationError(*drawn(1000, seed), 15)(once(1000))[0] for seed in range(40)]
    assert np.median(errors) < 0.015
    assert np.mean(np.array(errors) == 0) > 0.2


@pytest.mark.parametrize(("shift", "slope"), [(0.0, 1.0), (0.0, 1.3), (0.3, 1.0)])
def test_intervals_cover_the_true_error(shift: float, slope: float) -> None:
    """Attacks an interval of the expected calibration error, which covered nothing."""
    labels, scores = drawn(1_000_000, 10_000, shift, slope)
    place, count = binned(scores, 15)
    gaps = np.bincount(place, scores - labels, count) / np.bincount(place)
    true = float(np.sqrt((gaps**2).mean())) if (shift, slope) != (0, 1) else 0.0
    covered = 0
    for seed in range(100):
        found = calibration_error_interval(gaps_of(*drawn(1000, seed, shift, slope), 15), 0.95)
        covered += found.low <= true <= found.high
    assert covered >= 89


def test_units_widen_the_interval() -> None:
    """Attacks copies of a row that count as new evidence."""
    labels, scores = (np.repeat(each, 5) for each in drawn(600, 3, 0.3))
    units = np.repeat(np.arange(600), 5)
    rows = calibration_error_interval(gaps_of(labels, scores, 10), 0.95)
    grouped = calibration_error_interval(gaps_of(labels, scores, 10, units=units), 0.95)
    alone = calibration_error_interval(gaps_of(*drawn(600, 3, 0.3), 10), 0.95)
    assert grouped.high - grouped.low > 1.5 * (rows.high - rows.low)
    assert grouped.high - grouped.low == pytest.approx(alone.high - alone.low, rel=0.1)


def test_weights_are_rows() -> None:
    """Attacks a weight that does not count: a row of weight 2 moves a bin as two rows do."""
    labels, scores = drawn(500, 1)
    weights = np.random.default_rng(0).integers(1, 4, 500)
    doubled = gaps_of(np.repeat(labels, weights), np.repeat(scores, weights), 1)
    assert gaps_of(labels, scores, 1, weights.astype(float)).mean == pytest.approx(doubled.mean)


def test_slope_and_intercept_are_those_of_a_regression() -> None:
    """Attacks coefficients that differ from scikit-learn's, on all rows and on a resample."""
    labels, scores = drawn(2000, 5, 0.2, 1.4)
    odds = np.log(scores / (1 - scores))[:, None]
    counts = np.random.default_rng(1).multinomial(2000, np.full(2000, 1 / 2000), 3).astype(float)
    for weights in (np.ones(2000), *counts):
        fit = LogisticRegression(C=1e9, tol=1e-10).fit(odds, labels, sample_weight=weights)
        found = Recalibration(labels, scores, slope=True)(weights[None])
        assert found == pytest.approx(fit.coef_[0], abs=1e-4)
    assert Recalibration(labels, scores, slope=True)(once(2000))[0] == pytest.approx(
        1 / 1.4, abs=0.08
    )
    higher = Recalibration(labels, 1 / (1 + np.exp(-odds[:, 0] - 0.5)), slope=False)
    assert higher(once(2000)) < -0.4


@pytest.mark.parametrize("scores", [np.full(50, 0.5), np.array([0.0, 1.0] * 25)])
def test_what_cannot_be_fitted_is_not_defined(scores: Floats) -> None:
    """Attacks scores without spread and labels that the scores separate."""
    labels = np.array([0.0, 1.0] * 25)
    assert np.isnan(Recalibration(labels, scores, slope=True)(once(50))).all()


def test_scores_of_zero_and_one_have_log_odds() -> None:
    """Attacks an infinite sum: a tree ensemble may be certain."""
    labels, scores = drawn(400, 2)
    scores[:3], scores[3:6] = 0.0, 1.0
    assert np.isfinite(Recalibration(labels, scores, slope=False)(once(400))).all()
    assert np.isfinite(Recalibration(labels, scores, slope=True)(once(400))).all()


@pytest.mark.parametrize("slope", [True, False])
def test_intervals_of_the_regression_cover(slope: bool) -> None:
    """Attacks the sandwich: true slope 1/1.4, and an intercept of 0 for a calibrated model."""
    covered = 0
    for seed in range(100):
        labels, scores = drawn(500, seed, slope=1.4 if slope else 1.0)
        found = Recalibration(labels, scores, slope=slope)
        influence = found.influence(np.ones(500))
        assert influence.sum() == pytest.approx(0, abs=1e-6)
        spread = Spread(influence, 499, plain=True)
        interval = found.interval(found(once(500))[0], spread, np.ones(500), 0.95)
        covered += interval.low <= (1 / 1.4 if slope else 0.0) <= interval.high
    assert covered >= 89
