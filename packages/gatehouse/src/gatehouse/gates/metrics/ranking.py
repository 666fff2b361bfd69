"""Metrics of rare events: how good is the top of the ranking?

Rows with equal scores share one place: what is counted there is spread evenly over them.
"""

from __future__ import annotations

import numpy as np

from gatehouse.gates.bootstrap import Floats, Statistic
from gatehouse.gates.metrics.weighted import ratio


def average_precision_of(y: Floats, score: Floats) -> Statistic:
    """Return the average precision, as scikit-learn's `average_precision_score`.

    Args:
        y: labels 0 or 1, shape [N].
        score: predicted probabilities, shape [N].
    """
    ranked = _Ranked(y, score)

    def average_precision(counts: Floats) -> Floats:
        hits, rows = ranked.totals(counts)
        gained = np.diff(hits, axis=1, prepend=0.0)
        precision = np.nan_to_num(ratio(hits, rows))  # nothing is gained where no row is drawn
        return ratio((gained * precision).sum(axis=1), hits[:, -1])

    return average_precision


def recall_at_alerts_of(y: Floats, score: Floats, share: float) -> Statistic:
    """Return the recall if the `share` of the rows with the highest scores raise an alert."""
    ranked = _Ranked(y, score)

    def recall_at_alerts(counts: Floats) -> Floats:
        hits, rows = ranked.totals(counts)
        found = _reached(rows, share * rows[:, -1], hits)
        return ratio(found, hits[:, -1])

    return recall_at_alerts


def precision_at_recall_of(y: Floats, score: Floats, recall: float) -> Statistic:
    """Return the precision at the highest threshold with at least this recall."""
    ranked = _Ranked(y, score)

    def precision_at_recall(counts: Floats) -> Floats:
        hits, rows = ranked.totals(counts)
        wanted = recall * hits[:, -1]
        return np.where(hits[:, -1] > 0, ratio(wanted, _reached(hits, wanted, rows)), np.nan)

    return precision_at_recall


class _Ranked:
    """Rows in falling order of the score, with equal scores as one place."""

    def __init__(self, y: Floats, score: Floats) -> None:
        self._order = np.argsort(-score, kind="stable")
        self._first = np.flatnonzero(np.append(True, np.diff(score[self._order]) != 0))
        self._hit = y[self._order]

    def totals(self, counts: Floats) -> tuple[Floats, Floats]:
        """Return positive rows and all rows down to each of the P places, both [B, P]."""
        ordered = counts[:, self._order]
        hits = np.add.reduceat(ordered * self._hit, self._first, axis=1)
        rows = np.add.reduceat(ordered, self._first, axis=1)
        return hits.cumsum(axis=1), rows.cumsum(axis=1)


def _reached(along: Floats, wanted: Floats, other: Floats) -> Floats:
    """Return `other` where `along` reaches `wanted`, between two places in proportion.

    Args:
        along: totals that never fall, shape [B, P].
        wanted: shape [B].
        other: totals at the same places, shape [B, P].
    """
    place = (along < wanted[:, None]).sum(axis=1).clip(max=along.shape[1] - 1)
    each = np.arange(len(along))
    before = np.maximum(place - 1, 0)
    start = np.where(place > 0, along[each, before], 0.0)
    start_other = np.where(place > 0, other[each, before], 0.0)
    part = ratio(wanted - start, along[each, place] - start)
    found: Floats = start_other + np.nan_to_num(part).clip(0, 1) * (
        other[each, place] - start_other
    )
    return found
