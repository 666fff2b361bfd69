"""Metrics of rare events: how good is the top of the ranking?

Rows with equal scores share one place: what is counted there is spread evenly over them. Errors
follow from each row's influence, through the threshold that it moves too.
"""

from __future__ import annotations

from abc import abstractmethod

import numpy as np
from numpy.typing import NDArray

from gatehouse.evidence import Interval
from gatehouse.gates.bootstrap import Floats
from gatehouse.gates.metrics.area import FEWEST
from gatehouse.gates.metrics.closed import LOGIT, Closed, Spread
from gatehouse.gates.metrics.weighted import ratio

Order = NDArray[np.intp]


def falling(score: Floats) -> Order:
    """Return the rows in falling order of the score, shape [N]."""
    return np.argsort(-score, kind="stable")


def average_precision_of(y: Floats, score: Floats, order: Order | None = None) -> Closed:
    """Return the average precision, as scikit-learn's `average_precision_score`.

    Args:
        y: labels 0 or 1, shape [N].
        score: predicted probabilities, shape [N].
        order: the rows in falling order of the score, shape [N], if it is known.
    """
    return _AveragePrecision(y, score, order=order)


def recall_at_alerts_of(
    y: Floats, score: Floats, share: float, order: Order | None = None
) -> Closed:
    """Return the recall if the `share` of the rows with the highest scores raise an alert."""
    return _RecallAtAlerts(y, score, share, order)


def precision_at_recall_of(
    y: Floats, score: Floats, recall: float, order: Order | None = None
) -> Closed:
    """Return the precision at the highest threshold with at least this recall."""
    return _PrecisionAtRecall(y, score, recall, order)


class _Ranked(Closed):
    """Rows in falling order of the score, with equal scores as one place."""

    method = f"delta method{LOGIT.name}, Student's t"

    def __init__(
        self, y: Floats, score: Floats, at: float = 0.0, order: Order | None = None
    ) -> None:
        self.y, self.at = y, at
        self._order = falling(score) if order is None else order
        self._first = np.flatnonzero(np.append(True, np.diff(score[self._order]) != 0))
        self._hit = y[self._order]

    def totals(self, counts: Floats) -> tuple[Floats, Floats]:
        """Return positive rows and all rows down to each of the P places, both [B, P]."""
        ordered = counts[:, self._order]
        hits = np.add.reduceat(ordered * self._hit, self._first, axis=1)
        rows = np.add.reduceat(ordered, self._first, axis=1)
        return hits.cumsum(axis=1), rows.cumsum(axis=1)

    def influence(self, weights: Floats) -> Floats:
        hits, rows = (each[0] for each in self.totals(weights[None]))
        slopes = np.empty(len(weights))
        sizes = np.diff(np.append(self._first, len(weights)))
        slopes[self._order] = self._slopes(hits, rows, np.repeat(np.arange(len(hits)), sizes))
        found = weights * slopes
        return np.asarray(found - weights * (found.sum() / weights.sum()))

    @abstractmethod
    def _slopes(self, hits: Floats, rows: Floats, place: NDArray[np.intp]) -> Floats:
        """Return the derivative by each row's weight, in falling order of the score, shape [N].

        Args:
            hits: positive rows down to each place, shape [P].
            rows: all rows down to each place, shape [P].
            place: of each row, shape [N].
        """

    def interval(
        self, value: float, spread: Spread, weights: Floats, confidence: float
    ) -> Interval:
        return LOGIT.interval(value, spread.reach(confidence) * spread.error, confidence)

    def degrees(self, units: NDArray[np.intp] | None, n: int) -> int:
        return self._fewest(units) - 1

    def _fewest(self, units: NDArray[np.intp] | None) -> int:
        sides = (np.flatnonzero(self.y > 0), np.flatnonzero(self.y == 0))
        return min(len(rows if units is None else np.unique(units[rows])) for rows in sides)

    def lacking(self, units: NDArray[np.intp] | None) -> str | None:
        fewest = self._fewest(units)
        if fewest >= FEWEST:
            return None
        return f"too few to tell: {fewest} rows of a class, the interval needs {FEWEST}"


class _AveragePrecision(_Ranked):
    def __call__(self, counts: Floats) -> Floats:
        hits, rows = self.totals(counts)
        gained = np.diff(hits, axis=1, prepend=0.0)
        precision = np.nan_to_num(ratio(hits, rows))  # nothing is gained where no row is drawn
        return ratio((gained * precision).sum(axis=1), hits[:, -1])

    def _slopes(self, hits: Floats, rows: Floats, place: NDArray[np.intp]) -> Floats:
        gained, precision = np.diff(hits, prepend=0.0), np.nan_to_num(ratio(hits, rows))
        value = float(gained @ precision) / hits[-1]
        # A row is in the precision at its own place and at each place below.
        more = np.cumsum(np.nan_to_num(ratio(gained, rows))[::-1])[::-1]
        less = np.cumsum(np.nan_to_num(ratio(gained * precision, rows))[::-1])[::-1]
        own = self._hit * (precision + more - value)[place]
        return np.asarray((own - less[place]) / hits[-1])


class _RecallAtAlerts(_Ranked):
    def __call__(self, counts: Floats) -> Floats:
        hits, rows = self.totals(counts)
        found = _reached(rows, self.at * rows[:, -1], hits)
        return ratio(found, hits[:, -1])

    def _slopes(self, hits: Floats, rows: Floats, place: NDArray[np.intp]) -> Floats:
        alert = int(np.searchsorted(rows, self.at * rows[-1]))
        near = _steepness(rows, hits, alert)
        value = float(_reached(rows[None], self.at * rows[-1:], hits[None])[0] / hits[-1])
        raised = (place <= alert).astype(np.float64)
        return np.asarray((self._hit * (raised - value) - near * (raised - self.at)) / hits[-1])


class _PrecisionAtRecall(_Ranked):
    def __call__(self, counts: Floats) -> Floats:
        hits, rows = self.totals(counts)
        wanted = self.at * hits[:, -1]
        return np.where(hits[:, -1] > 0, ratio(wanted, _reached(hits, wanted, rows)), np.nan)

    def _slopes(self, hits: Floats, rows: Floats, place: NDArray[np.intp]) -> Floats:
        wanted = self.at * hits[-1:]
        end = int(np.searchsorted(hits, wanted[0]))
        near = _steepness(hits, rows, end)
        alerts = float(_reached(hits[None], wanted, rows[None])[0])
        precision, raised = float(wanted[0]) / alerts, (place <= end).astype(np.float64)
        moved = raised - near * self._hit * (raised - self.at)
        return np.asarray((self.at * self._hit - precision * moved) / alerts)


def _steepness(along: Floats, other: Floats, place: int) -> float:
    """Return how fast `other` grows with `along` near a place: what a moved threshold changes.

    Args:
        along: totals that never fall, shape [P].
        other: totals at the same places, shape [P].
        place: where.
    """
    wide = along[-1] ** 0.8 / 4
    low, high = np.searchsorted(along, [along[place] - wide, along[place] + wide])
    high = min(int(high), len(along) - 1)
    if along[high] <= along[low]:
        low = max(int(low) - 1, 0)
    grown = float(along[high] - along[low])
    return float(other[high] - other[low]) / grown if grown else 0.0


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
