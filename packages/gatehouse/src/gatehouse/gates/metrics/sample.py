"""Labelled predictions in the form that metrics need, with cells that several share."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from gatehouse.contract import Task
from gatehouse.gates.bootstrap import Floats
from gatehouse.gates.metrics.weighted import columns_of
from gatehouse.gates.predictions import Predictions

if TYPE_CHECKING:
    from scipy.sparse import csr_array

    from gatehouse.gates.accuracy import AccuracyMeasure


class Sample:
    """Predictions of N rows, with cached cells for the metrics.

    Attributes:
        predictions: a model's predictions of the rows.
        settings: bins of the calibration error, and places of the ranking.
    """

    def __init__(self, predictions: Predictions, settings: AccuracyMeasure) -> None:
        self.predictions = predictions
        self.settings = settings

    @cached_property
    def falling(self) -> NDArray[np.intp]:
        """Return the rows in falling order of the score, shape [N]."""
        from gatehouse.gates.metrics.ranking import falling

        return falling(self.predictions.scores)

    @cached_property
    def true(self) -> csr_array:
        """Return 1 where a row is of a class, sparse [N, K]."""
        return self._cells(self.predictions.labels, np.ones(len(self.predictions.labels)))

    @cached_property
    def decided(self) -> csr_array:
        """Return 1 where a row is predicted to be of a class, sparse [N, K]."""
        return self._cells(self.predictions.decisions, np.ones(len(self.predictions.labels)))

    @cached_property
    def hits(self) -> csr_array:
        """Return 1 where a row is correctly predicted to be of a class, sparse [N, K]."""
        right = self.predictions.labels == self.predictions.decisions
        return self._cells(self.predictions.labels, right.astype(np.float64))

    def _cells(self, classes: Floats, values: Floats) -> csr_array:
        binary = self.predictions.task is Task.BINARY
        width = 2 if binary else len(self.predictions.classes)
        return columns_of((classes.astype(np.intp), values), width=width)
