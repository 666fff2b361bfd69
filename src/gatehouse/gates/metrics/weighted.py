"""Parts of metrics over blocks of counts: shape [B, N] in, shape [B] out."""

from __future__ import annotations

import numpy as np

from gatehouse.gates.bootstrap import Floats, Metric


def ratio(top: Floats, bottom: Floats) -> Floats:
    """`top / bottom`, NaN where there is nothing to divide by; any one shape."""
    return np.divide(top, bottom, out=np.full_like(top, np.nan), where=bottom > 0)


def mean_of(values: Floats) -> Metric:
    """The weighted mean of `values`, shape [N]."""
    return lambda counts: ratio(counts @ values, counts.sum(axis=1))


def roc_auc_of(y: Floats, score: Floats) -> Metric:
    """Mann-Whitney form of the area under the ROC curve; ties count one half."""
    order = np.argsort(score, kind="stable")
    positive = y[order] > 0
    ordered = score[order]
    starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])

    def roc_auc(counts: Floats) -> Floats:
        counts = counts[:, order]
        positives = np.add.reduceat(np.where(positive, counts, 0.0), starts, axis=1)
        negatives = np.add.reduceat(np.where(positive, 0.0, counts), starts, axis=1)
        below = np.cumsum(negatives, axis=1) - negatives / 2
        pairs = positives.sum(axis=1) * negatives.sum(axis=1)
        wins = (positives * below).sum(axis=1)
        values: Floats = np.divide(wins, pairs, out=np.full_like(wins, np.nan), where=pairs > 0)
        return values

    return roc_auc


def calibration_error_of(y: Floats, score: Floats, bins: int) -> Metric:
    """Expected calibration error over equal-mass bins (Naeini, Cooper, Hauskrecht 2015)."""
    edges = np.unique(np.quantile(score, np.linspace(0, 1, bins + 1)[1:-1]))
    membership = np.eye(len(edges) + 1)[np.searchsorted(edges, score, side="right")]
    gaps = membership * (score - y)[:, None]

    def expected_calibration_error(counts: Floats) -> Floats:
        return np.asarray(np.abs(counts @ gaps).sum(axis=1) / counts.sum(axis=1))

    return expected_calibration_error
