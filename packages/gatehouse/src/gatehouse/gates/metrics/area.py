"""The area under the ROC curve, and its error by DeLong, DeLong and Clarke-Pearson (1988).

Ranks give the placements in O(N log N) (Sun and Xu 2014). The interval is symmetric on the logit
scale. It adds half a row of each class that the model can't rank (placement 1/2), because few rows
rarely hold those that a model gets wrong: without it, intervals on 20 positives miss the truth in
up to 38 % of tables, with it in at most 7 % from 5 rows of a class on (benchmarks/coverage).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gatehouse.evidence import Interval
from gatehouse.gates.bootstrap import Floats
from gatehouse.gates.metrics.closed import Closed, Spread

FEWEST = 5
"""Rows, or units, of each class from which on the interval covers."""
_ADDED = 0.5


@dataclass(frozen=True)
class _Order:
    """One class against the rest, in the order of the scores.

    Attributes:
        positives: rows of the class, shape [P].
        negatives: the other rows, shape [Q].
        below: how many negatives score less than each positive, shape [P].
        up_to: how many negatives score less or the same, shape [P].
        under: how many positives score less than each negative, shape [Q].
        over: how many positives score less or the same, shape [Q].
    """

    positives: NDArray[np.intp]
    negatives: NDArray[np.intp]
    below: NDArray[np.intp]
    up_to: NDArray[np.intp]
    under: NDArray[np.intp]
    over: NDArray[np.intp]

    def area(self, counts: Floats) -> Floats:
        """Return the Mann-Whitney form of the area, [B, N] to [B]; ties count one half."""
        won = counts[:, self.positives]
        lost = np.zeros((len(counts), len(self.negatives) + 1))
        np.cumsum(counts[:, self.negatives], axis=1, out=lost[:, 1:])
        pairs = won.sum(axis=1) * lost[:, -1]
        # These sums consist of whole numbers and halves, so they are exact in any order.
        wins = np.einsum("bn,bn->b", won, lost[:, self.below] + lost[:, self.up_to]) / 2
        values: Floats = np.divide(wins, pairs, out=np.full_like(wins, np.nan), where=pairs > 0)
        return values

    def influence(self, weights: Floats) -> Floats:
        """Return DeLong's structural components over their numbers of rows, shape [N]."""
        found = np.zeros(len(weights))
        ours, theirs = weights[self.positives], weights[self.negatives]
        lost, won = (np.append(0.0, np.cumsum(each)) for each in (theirs, ours))
        placed = (lost[self.below] + lost[self.up_to]) / 2 / lost[-1]
        beaten = 1 - (won[self.under] + won[self.over]) / 2 / won[-1]
        for rows, values, each in (
            (self.positives, placed, ours), (self.negatives, beaten, theirs)
        ):  # fmt: skip
            few = math.sqrt(len(rows) / max(len(rows) - 1, 1))  # DeLong divides by one row less
            share = each / each.sum()
            found[rows] = share * (values - share @ values) * few
        return found


def _ordered(y: Floats, score: Floats) -> _Order:
    order = np.argsort(score, kind="stable")
    positive = y[order] > 0
    positives, negatives = order[positive], order[~positive]
    ours, theirs = score[positives], score[negatives]
    return _Order(
        positives,
        negatives,
        below=np.searchsorted(theirs, ours, side="left"),
        up_to=np.searchsorted(theirs, ours, side="right"),
        under=np.searchsorted(ours, theirs, side="left"),
        over=np.searchsorted(ours, theirs, side="right"),
    )


class Area(Closed):
    """The area under the ROC curve, or the mean of several classes' areas."""

    method = "DeLong on the logit scale with half a row added to each class, Student's t"

    def __init__(self, *classes: tuple[Floats, Floats]) -> None:
        """Take one pair for each area: 1.0 for rows of the class, and scores; each [N]."""
        self.orders = [_ordered(y, score) for y, score in classes]

    def __call__(self, counts: Floats) -> Floats:
        # Not the mean over defined classes: a class that is not there makes the mean undefined.
        return np.asarray(np.mean([order.area(counts) for order in self.orders], axis=0))

    def influence(self, weights: Floats) -> Floats:
        parts = sum(order.influence(weights) for order in self.orders)
        return np.asarray(parts / len(self.orders))

    def _fewest(self, units: NDArray[np.intp] | None) -> int:
        """Return the rows, or units, of the smallest class."""
        sides = [rows for order in self.orders for rows in (order.positives, order.negatives)]
        return min(len(rows if units is None else np.unique(units[rows])) for rows in sides)

    def degrees(self, units: NDArray[np.intp] | None, n: int) -> int:
        return self._fewest(units) - 1

    def lacking(self, units: NDArray[np.intp] | None) -> str | None:
        fewest = self._fewest(units)
        if fewest >= FEWEST:
            return None
        what = "rows" if units is None else "groups or blocks"
        return f"too few to tell: {fewest} {what} of a class, the interval needs {FEWEST}"

    def interval(
        self, value: float, spread: Spread, weights: Floats, confidence: float
    ) -> Interval:
        centres, added = [], 0.0
        # As many independent rows as the smallest class has units, shared out as the rows are.
        fewest = spread.degrees + 1
        for order in self.orders:
            area = float(order.area(weights[None])[0])
            sides = [len(order.positives), len(order.negatives)]
            scale = fewest / min(sides) if not spread.plain else 1.0
            m, n = (max(each * scale, 1.0) for each in sides)
            centres.append((area * min(m, n) + _ADDED / 2) / (min(m, n) + _ADDED))
            added += sum(
                (area - 0.5) ** 2 * _ADDED * k / ((k + _ADDED) ** 2 * (k + _ADDED - 1))
                for k in (m, n)
                if k > 1
            )
        centre, count = float(np.mean(centres)), len(self.orders)
        error = math.sqrt(spread.variance + added / count**2)
        middle = math.log(centre / (1 - centre))
        wide = min(spread.reach(confidence) * error / (centre * (1 - centre)), 50.0)
        low, high = (1 / (1 + math.exp(-(middle + end))) for end in (-wide, wide))
        return Interval(low=min(low, value), high=max(high, value), confidence=confidence)
