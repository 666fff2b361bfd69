"""Labelled predictions in the form that metrics over counts need, with sums that several share."""

from __future__ import annotations

from functools import cached_property

import numpy as np

from gatehouse.gates.bootstrap import Floats
from gatehouse.gates.predictions import Predictions


class Sample:
    """Predictions of N rows, with cached sums for the metrics.

    Attributes:
        predictions: a model's predictions of the rows.
        bins: number of bins of the calibration error.
    """

    def __init__(self, predictions: Predictions, bins: int) -> None:
        self.predictions = predictions
        self.bins = bins
        self._last: tuple[Floats, Floats] | None = None

    def confusion(self, counts: Floats) -> Floats:
        """Return true positives, false negatives, false positives, true negatives; shape [4, B].

        For binary models, over counts [B, N].
        """
        return self._over(counts, self._four).T

    def by_class(self, counts: Floats) -> list[Floats]:
        """Return each class's rows: correctly predicted, labelled, predicted as it; each [B, K]."""
        return np.split(self._over(counts, self._three), 3, axis=1)

    def _over(self, counts: Floats, cells: Floats) -> Floats:
        """All metrics are computed on a block of counts in turn, so they can share one product."""
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
