"""Metrics of rare events: how good is the top of the ranking?

Rows with equal scores share one place, and a threshold within it takes part of each of them. Errors
follow from each row's influence; that of a threshold needs the share of positive rows around it,
which is estimated from the nearest positive rows (Bahadur 1966).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gatehouse.evidence import Interval
from gatehouse.gates.bootstrap import Floats
from gatehouse.gates.metrics.closed import LOGIT, Closed, Spread, around
from gatehouse.gates.metrics.weighted import ratio

FEWEST = 10
"""Positive rows, or units that have one, from which on the interval covers."""


class _Ranked(Closed):
    """A metric of rows in falling order of the score, with equal scores as one place."""

    method = "delta method on the logit scale, Student's t"

    def __init__(self, y: Floats, score: Floats) -> None:
        """Take labels 0 or 1 and scores, both [N]."""
        self.y = y
        self.order = np.argsort(-score, kind="stable")
        new = np.append(True, np.diff(score[self.order]) != 0)
        self.first = np.flatnonzero(new)
        self.place = np.empty(len(y), np.intp)
        self.place[self.order] = np.cumsum(new) - 1

    def totals(self, counts: Floats) -> tuple[Floats, Floats]:
        """Return positive rows and all rows down to each of the P places, both [B, P]."""
        ordered = counts[:, self.order]
        hits = np.add.reduceat(ordered * self.y[self.order], self.first, axis=1)
        rows = np.add.reduceat(ordered, self.first, axis=1)
        return hits.cumsum(axis=1), rows.cumsum(axis=1)

    def interval(
        self, value: float, spread: Spread, weights: Floats, confidence: float
    ) -> Interval:
        return around(value, spread, confidence, LOGIT)

    def _positives(self, units: NDArray[np.intp] | None) -> int:
        positive = self.y > 0
        return int(positive.sum()) if units is None else len(np.unique(units[positive]))

    def degrees(self, units: NDArray[np.intp] | None, n: int) -> int:
        return self._positives(units) - 1

    def lacking(self, units: NDArray[np.intp] | None) -> str | None:
        positives = self._positives(units)
        if positives >= FEWEST:
            return None
        return f"can't be told: {positives} positive rows are too few, the interval needs {FEWEST}"


class AveragePrecision(_Ranked):
    """The average precision, as scikit-learn's `average_precision_score`."""

    def __call__(self, counts: Floats) -> Floats:
        hits, rows = self.totals(counts)
        gained = np.diff(hits, axis=1, prepend=0.0)
        precision = np.nan_to_num(ratio(hits, rows))  # nothing is gained where no row is drawn
        return ratio((gained * precision).sum(axis=1), hits[:, -1])

    def influence(self, weights: Floats) -> Floats:
        hits, rows = (each[0] for each in self.totals(weights[None]))
        gained = np.diff(hits, prepend=0.0)
        precision = np.nan_to_num(ratio(hits, rows))
        value = float(gained @ precision) / hits[-1]
        # What one more row at a place changes in the precision there and further down.
        per_row = np.nan_to_num(ratio(gained, rows))
        more, less = (np.cumsum(each[::-1])[::-1] for each in (
            per_row * (1 - precision), per_row * precision
        ))  # fmt: skip
        ours = precision - value + more
        each = np.where(self.y > 0, ours[self.place], -less[self.place])
        return np.asarray(weights * each / hits[-1])


class _AtThreshold(_Ranked):
    """A metric at a threshold that a share of the rows, or of the positive rows, exceeds."""

    def __init__(self, y: Floats, score: Floats, share: float) -> None:
        super().__init__(y, score)
        self.share = share

    def _above(self, weights: Floats, counted: Floats) -> tuple[Floats, int]:
        """Return how much of each row is above the threshold, [N], and the threshold's place.

        `counted`: which rows the share is of, 0 or 1; shape [N].
        """
        each = np.bincount(self.place, weights * counted, len(self.first))
        total = np.cumsum(each)
        wanted = self.share * total[-1]
        place = int(np.searchsorted(total, wanted - 1e-9 * total[-1]))
        part = (wanted - (total[place] - each[place])) / each[place] if each[place] else 0.0
        above = (self.place < place).astype(np.float64)
        above[self.place == place] = min(max(part, 0.0), 1.0)
        return above, place

    def _positive_rate(self, weights: Floats, place: int) -> float:
        """Return the share of positive rows around a place, from the positive rows next to it."""
        hits, rows = (each[0] for each in self.totals(weights[None]))
        many = int((self.y > 0).sum())
        reach = hits[-1] / many * max(3.0, many ** (2 / 3) / 2)
        low, high = np.searchsorted(hits, (hits[place] - reach, hits[place] + reach))
        low, high = int(low), min(int(high), len(hits) - 1)
        before = (hits[low - 1], rows[low - 1]) if low else (0.0, 0.0)
        return float((hits[high] - before[0]) / max(rows[high] - before[1], 1e-12))


class RecallAtAlerts(_AtThreshold):
    """The recall if the share of the rows with the highest scores raises an alert."""

    def __call__(self, counts: Floats) -> Floats:
        ones, found = np.ones_like(self.y), []
        for each in counts:
            hits = each * self.y
            above, _ = self._above(each, ones)
            found.append(hits @ above / hits.sum() if hits.any() else np.nan)
        return np.array(found)

    def influence(self, weights: Floats) -> Floats:
        above, place = self._above(weights, np.ones_like(self.y))
        hits = weights * self.y
        recall = hits @ above / hits.sum()
        near = self._positive_rate(weights, place)
        moved = self.y * (above - recall) - near * (above - self.share)
        return np.asarray(weights * moved / hits.sum())


class PrecisionAtRecall(_AtThreshold):
    """The precision at the threshold that this share of the positive rows exceeds."""

    def __call__(self, counts: Floats) -> Floats:
        found = []
        for each in counts:
            hits = each * self.y
            above, _ = self._above(each, self.y)
            found.append(self.share * hits.sum() / (each @ above) if hits.any() else np.nan)
        return np.array(found)

    def influence(self, weights: Floats) -> Floats:
        above, place = self._above(weights, self.y)
        hits, rows = float((weights * self.y).sum()), float(weights @ above)
        near = max(self._positive_rate(weights, place), 1e-12)
        alerts = above - self.y * (above - self.share) / near
        value = self.share * hits / rows
        return np.asarray(value * weights * (self.y / hits - alerts / rows))
