"""Building blocks of metrics over blocks of counts: shape [B, N] in, shape [B] out."""

from __future__ import annotations

import numpy as np

from gatehouse.gates.bootstrap import Floats, Statistic


def ratio(top: Floats, bottom: Floats) -> Floats:
    """Return `top / bottom`, NaN where `bottom` is 0; both have the same shape."""
    return np.divide(top, bottom, out=np.full_like(top, np.nan), where=bottom > 0)


def mean_of_defined(values: Floats) -> Floats:
    """Return the mean over the defined classes, [B, K] to [B]; NaN if none is defined."""
    defined = np.isfinite(values)
    return ratio(np.where(defined, values, 0.0).sum(axis=1), defined.sum(axis=1).astype(np.float64))


def mean_of(values: Floats) -> Statistic:
    """Return the weighted mean of `values`, shape [N], as a function of counts."""
    return lambda counts: ratio(counts @ values, counts.sum(axis=1))


def roc_auc_of(y: Floats, score: Floats) -> Statistic:
    """Return the Mann-Whitney form of the area under the ROC curve; ties count one half."""
    order = np.argsort(score, kind="stable")
    positive = y[order] > 0
    positives, negatives = order[positive], order[~positive]
    below = np.searchsorted(score[negatives], score[positives], side="left")
    up_to = np.searchsorted(score[negatives], score[positives], side="right")

    def roc_auc(counts: Floats) -> Floats:
        won = counts[:, positives]
        lost = np.zeros((len(counts), len(negatives) + 1))
        np.cumsum(counts[:, negatives], axis=1, out=lost[:, 1:])
        pairs = won.sum(axis=1) * lost[:, -1]
        # These sums consist of whole numbers and halves, so they are exact in any order.
        wins = np.einsum("bn,bn->b", won, lost[:, below] + lost[:, up_to]) / 2
        values: Floats = np.divide(wins, pairs, out=np.full_like(wins, np.nan), where=pairs > 0)
        return values

    return roc_auc


def calibration_error_of(y: Floats, score: Floats, bins: int) -> Statistic:
    """Return the calibration error over equal-mass bins (Naeini, Cooper, Hauskrecht 2015)."""
    edges = np.unique(np.quantile(score, np.linspace(0, 1, bins + 1)[1:-1]))
    membership = np.eye(len(edges) + 1)[np.searchsorted(edges, score, side="right")]
    gaps = membership * (score - y)[:, None]

    def expected_calibration_error(counts: Floats) -> Floats:
        return np.asarray(np.abs(counts @ gaps).sum(axis=1) / counts.sum(axis=1))

    return expected_calibration_error
