"""Attacks the curves of the report: other values than scikit-learn's, and bins of single rows."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.calibration import calibration_curve
from sklearn.metrics import roc_curve

from gatehouse.contract import Task
from gatehouse.evidence import Of
from gatehouse.gates.accuracy.curves import BINS, FEWEST, RATES, curves
from gatehouse.gates.predictions import Predictions


def predictions(n: int = 5000) -> Predictions:
    rng = np.random.default_rng(3)
    scores = rng.random(n)
    labels = (rng.random(n) < scores**2).astype(float)
    return Predictions(labels, scores, (scores >= 0.5).astype(float))


def test_they_are_scikit_learns() -> None:
    """Attacks the arithmetic of both curves."""
    told = predictions()
    roc, calibration = curves({Of.CANDIDATE: told})
    x, y, _ = roc_curve(told.labels, told.scores)
    assert len(roc.x) == RATES
    assert roc.y == pytest.approx(np.interp(roc.x, x, y), abs=1e-4)
    share, _ = calibration_curve(told.labels, told.scores, n_bins=BINS)
    assert calibration.y == pytest.approx(share, abs=1e-4)
    assert calibration.x == pytest.approx((np.arange(BINS) + 0.5) / BINS)


def test_a_bin_of_few_rows_is_left_out() -> None:
    """Attacks a point that tells of single rows."""
    scores = np.r_[np.full(FEWEST, 0.05), np.full(FEWEST - 1, 0.95)]
    labels = np.r_[np.zeros(FEWEST), np.ones(FEWEST - 1)]
    *_, calibration = curves({Of.CANDIDATE: Predictions(labels, scores, labels)})
    assert calibration.x == (0.05,)


def test_several_classes_are_calibrated_by_their_decision() -> None:
    """Attacks a curve that takes a class's index for its share."""
    labels, decisions = np.array([0.0, 1, 2, 2] * 50), np.array([0.0, 1, 2, 1] * 50)
    told = Predictions(labels, np.full(200, 0.75), decisions, Task.MULTICLASS, ("a", "b", "c"))
    (curve,) = curves({Of.CANDIDATE: told})
    assert (curve.name, curve.x, curve.y) == ("calibration_curve", (0.75,), (0.75,))


def test_nothing_is_drawn_where_nothing_is_predicted() -> None:
    """Attacks one class, and numbers, which have no curve."""
    one = predictions()
    one = Predictions(np.ones_like(one.labels), one.scores, one.decisions)
    assert [curve.name for curve in curves({Of.BASE: one})] == ["calibration_curve"]
    assert curves({Of.BASE: Predictions(one.labels, one.scores, one.scores, Task.REGRESSION)}) == ()
