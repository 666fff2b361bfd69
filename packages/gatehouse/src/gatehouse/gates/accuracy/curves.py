"""ROC and calibration curves. They are for people to look at; no rule judges them."""

from __future__ import annotations

import numpy as np

from gatehouse.contract import Task
from gatehouse.evidence import Curve, Of
from gatehouse.gates.bootstrap import Floats
from gatehouse.gates.predictions import Predictions

RATES = 21
"""Number of points of a ROC curve, at false positive rates from 0 to 1."""
BINS = 10
"""Number of equal-width bins of probabilities."""
FEWEST = 20
"""Minimum rows per bin. Smaller bins are noise and could reveal single rows."""
_DIGITS = 4


def curves(models: dict[Of, Predictions]) -> tuple[Curve, ...]:
    """Return the curves of each model that predicts probabilities.

    A binary model gets both curves, drawn as by scikit-learn's `roc_curve` and `calibration_curve`
    (uniform bins). A multiclass model gets the calibration curve of its predicted class, and a
    regression gets none.
    """
    found = []
    for of, predictions in models.items():
        if predictions.task is Task.BINARY and len(np.unique(predictions.labels)) == 2:
            found.append(_roc(of, predictions.labels, predictions.scores))
        if predictions.task is not Task.REGRESSION:
            found.append(_calibration(of, predictions))
    return tuple(curve for curve in found if curve.x)


def _roc(of: Of, labels: Floats, scores: Floats) -> Curve:
    falling = np.argsort(-scores, kind="stable")
    last = np.append(np.flatnonzero(np.diff(scores[falling])), len(scores) - 1)  # last of ties
    hits = np.cumsum(labels[falling])[last]
    false_alarms = last + 1 - hits
    x = np.linspace(0.0, 1.0, RATES)
    false_positive, true_positive = (np.append(0.0, n / n[-1]) for n in (false_alarms, hits))
    return _curve("roc_curve", of, x, np.interp(x, false_positive, true_positive))


def _calibration(of: Of, predictions: Predictions) -> Curve:
    hits = predictions.labels
    if predictions.task is Task.MULTICLASS:
        hits = (predictions.labels == predictions.decisions).astype(float)
    bins = np.clip((predictions.scores * BINS).astype(int), 0, BINS - 1)
    rows = np.bincount(bins, minlength=BINS)
    kept = np.flatnonzero(rows >= FEWEST)
    share = np.bincount(bins, weights=hits, minlength=BINS)[kept] / rows[kept]
    return _curve("calibration_curve", of, (kept + 0.5) / BINS, share)


def _curve(name: str, of: Of, x: Floats, y: Floats) -> Curve:
    return Curve(
        name=name, of=of, x=tuple(np.round(x, _DIGITS).tolist()),
        y=tuple(np.round(y, _DIGITS).tolist()),
    )  # fmt: skip
