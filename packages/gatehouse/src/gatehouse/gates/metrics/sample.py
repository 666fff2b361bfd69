"""Labelled predictions as metrics over counts read them, with the sums that several share."""

from __future__ import annotations

from functools import cached_property

import numpy as np

from gatehouse.gates.bootstrap import Floats
from gatehouse.gates.predictions import Predictions


class Sample:
    """Predictions of N rows, and how to look at them.

    Attributes:
        predictions: what a model says of the rows.
        bins: of the calibration error.
    """

    def __init__(self, predictions: Predictions, bins: int) -> None:
        self.predictions = predictions
        self.bins = bins
        self._last: tuple[Floats, Floats] | None = None

    def confusion(self, counts: Floats) -> Floats:
        """True positives, false negatives, false positives, true negatives; shape [4, B].

        For two classes, over counts [B, N].
        """
        return self._over(counts, self._four).T

    def by_class(self, counts: Floats) -> list[Floats]:
        """Rows of each of K classes: decided correctly, labelled, decided as it; each [B, K]."""
        return np.split(self._over(counts, self._three), 3, axis=1)

    def _over(self, counts: Floats, cells: Floats) -> Floats:
        """All metrics of a block of counts ask, one after the other: they share one product."""
        if self._last is None or self._last[0] is not counts:
            self._last = counts, counts @ cells
        return self._last[1]

    @cached_property
    def _four(self) -> Floats:
        y, decision = self.predictions.labels, self.predictions.decisions
        return np.stack(
            [y * decision, y * (1 - decision), (1 - y) * decision, (1 - y) * (1 - decision)], axis=1
        )

    @cached_property
    def _three(self) -> Floats:
        one = np.eye(len(self.predictions.classes))
        true = one[self.predictions.labels.astype(np.intp)]
        decided = one[self.predictions.decisions.astype(np.intp)]
        return np.concatenate([true * decided, true, decided], axis=1)
