"""Each row's loss: log loss for classes, absolute error for numbers."""

from __future__ import annotations

import numpy as np

from gatehouse.contract import Task
from gatehouse.gates.bootstrap import Floats
from gatehouse.gates.predictions import Predictions

LEAST = 1e-4
"""Smallest probability that counts, so that no single row outweighs a slice."""

LOSS = {
    Task.BINARY: "log loss",
    Task.MULTICLASS: "log loss",
    Task.REGRESSION: "absolute error",
}


def row_losses(predictions: Predictions) -> Floats:
    """Return each row's loss, shape [N]."""
    labels, scores = predictions.labels, predictions.scores
    if predictions.task is Task.REGRESSION:
        return np.asarray(np.abs(scores - labels))
    if predictions.task is Task.BINARY:
        right = np.where(labels > 0, scores, 1 - scores)
    elif predictions.outputs is not None:
        right = predictions.outputs[np.arange(len(labels)), labels.astype(np.intp)]
    else:  # only the predicted class's probability is known: what is left is shared by the others
        others = (1 - scores) / max(1, len(predictions.classes) - 1)
        right = np.where(labels == predictions.decisions, scores, others)
    return np.asarray(-np.log(np.clip(right, LEAST, 1.0)))


def mean_loss(predictions: Predictions, losses: Floats) -> float:
    """Return the mean of losses, shape [N], by the rows' weights."""
    return float(np.average(losses, weights=predictions.weights))


def guess_loss(predictions: Predictions) -> float:
    """Return the mean loss of the best constant guess: the labels' entropy, or their spread."""
    labels = predictions.labels
    if predictions.task is Task.REGRESSION:
        return mean_loss(predictions, np.abs(labels - np.median(labels)))
    rows = np.bincount(labels.astype(np.intp), predictions.weights)
    shares = rows[rows > 0] / rows.sum()
    return float(-(shares * np.log(shares)).sum())
