"""The threshold that makes decisions cheapest on the valid split (Elkan 2001)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def cheapest_threshold(scores: Floats, labels: Floats, costs: Floats) -> float:
    """Return the threshold with the lowest total cost, strictly between 0 and 1.

    If several cost the same, it is the one closest to the threshold of a calibrated model, which is
    the mean cost of a false positive over the sum of both mean costs.

    Args:
        scores: probabilities of the positive class, shape [N].
        labels: 1 for the positive class, otherwise 0, shape [N].
        costs: cost of a false positive and of a false negative, shape [N, 2].
    """
    places = np.unique(scores)
    # A threshold between two scores, so that rounding can't move a row over it.
    middle = (places[1:] + places[:-1]) / 2
    thresholds = np.concatenate([[places[0] / 2], middle, [(places[-1] + 1) / 2]])
    place = np.searchsorted(places, scores)
    # At threshold k, the rows of places k and up are decided positive.
    wrong = np.bincount(place, weights=(1 - labels) * costs[:, 0], minlength=len(places))
    missed = np.bincount(place, weights=labels * costs[:, 1], minlength=len(places))
    total = np.append(wrong[::-1].cumsum()[::-1], 0.0) + np.append(0.0, missed.cumsum())
    both = costs.mean(axis=0)
    ideal = both[0] / both.sum() if both.any() else 0.5
    usable = (thresholds > 0) & (thresholds < 1)
    cheapest = usable & (total <= total[usable].min() * (1 + 1e-12))
    best = thresholds[cheapest]
    return float(best[np.argmin(np.abs(best - ideal))])
