"""Fairlearn's GridSearch: the trainer learns relabelled and weighted rows, once per grid point.

Agarwal et al., "A Reductions Approach to Fair Classification", 2018.
"""

from __future__ import annotations

import copy
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from fairlearn.reductions import DemographicParity, EqualizedOdds, GridSearch
from numpy.typing import NDArray

from gatehouse.pipeline.fairness_penalty import group_codes
from gatehouse.pipeline.mitigation.checks import groups_of
from gatehouse.pipeline.trainer import EVEN, TrainedModel, TrainingData, as_model

if TYPE_CHECKING:
    import pandas as pd

    from gatehouse.pipeline.settings import TrainSettings

_CONSTRAINTS = {"demographic_parity": DemographicParity, "equalized_odds": EqualizedOdds}

Numbers = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class _Relabelled(TrainingData):
    """Data with the labels and weights of one grid point.

    They depend only on a row's group and label, so the valid split gets them too. Otherwise early
    stopping would favour the model of the original labels.

    Attributes:
        attribute: the protected column.
        labels_by: label by group (the last is none) and original label, shape [G + 1, 2].
        weights_by: weight in the loss, likewise.
    """

    attribute: str
    labels_by: Numbers
    weights_by: NDArray[np.float64]

    def labels(self, frame: pd.DataFrame) -> NDArray[Any]:
        found: Numbers = self.labels_by[self._cells(frame)]
        return found

    def weights(self, frame: pd.DataFrame) -> NDArray[np.float32]:
        found = self.weights_by[self._cells(frame)]
        return np.asarray(found / found.mean(), np.float32)

    def _cells(self, frame: pd.DataFrame) -> tuple[Numbers, Numbers]:
        return group_codes(frame, self.contract, self.attribute), super().labels(frame)


@dataclass
class _Estimator:
    """The trainer as an estimator of scikit-learn's kind; its X has the row numbers, [N, 1]."""

    train: Callable[[TrainingData, Path], TrainedModel]
    data: TrainingData
    settings: TrainSettings
    groups: Numbers
    labels: Numbers
    folder: Path
    decisions: Numbers = field(default_factory=lambda: np.empty(0, np.int64))
    result: tuple[TrainedModel, Path] | None = None

    def __deepcopy__(self, _: Any) -> Self:
        return copy.copy(self)  # GridSearch copies it for each grid point; the rows stay shared

    def fit(self, _: Any, y: Any, sample_weight: Any) -> Self:
        """Train on the labels `y` and weights `sample_weight`, shape [N]."""
        attribute = str(self.settings.mitigation.attribute)
        count = len(self.data.contract.columns[attribute].categories or ())
        labels = np.tile(np.array([0, 1]), (count + 1, 1))
        weights = np.zeros((count + 1, 2))
        cells = self.groups, self.labels
        labels[cells], weights[cells] = np.asarray(y), np.asarray(sample_weight)
        data = self.data
        learned = _Relabelled(
            contract=data.contract, train=data.train, valid=data.valid, features=data.features,
            attribute=attribute, labels_by=labels, weights_by=weights,
        )  # fmt: skip
        reports = Path(tempfile.mkdtemp(dir=self.folder))
        self.result = self.train(learned, reports), reports
        model = as_model(self.result[0], data.contract, self.settings)
        self.decisions = (model.scores(data.train) >= EVEN).astype(np.int64)
        return self

    def predict(self, x: NDArray[Any]) -> Numbers:
        """Return the decisions of the train split's rows `x`, shape [N]."""
        found: Numbers = self.decisions[x[:, 0]]
        return found


def searched(
    train: Callable[[TrainingData, Path], TrainedModel],
    data: TrainingData,
    settings: TrainSettings,
    reports: Path,
) -> TrainedModel:
    """Return the model of the grid with the best trade-off of error and unfairness on train.

    Raises:
        GatehouseError: a group lacks a class.
    """
    mitigation = settings.mitigation
    labels = data.labels(data.train)
    groups = groups_of(data.train, labels, data, str(mitigation.attribute), "train")
    with tempfile.TemporaryDirectory() as folder:
        search = GridSearch(
            _Estimator(train, data, settings, groups, labels, Path(folder)),
            _CONSTRAINTS[mitigation.constraint](),
            constraint_weight=mitigation.weight,
            grid_size=mitigation.grid,
        )
        search.fit(np.arange(len(labels))[:, None], labels, sensitive_features=groups)
        best = search.predictors_[search.best_idx_]
        # Never Fairlearn's constant model: a grid point can't push all groups to one class.
        assert isinstance(best, _Estimator)
        assert best.result is not None
        trained, curves = best.result
        shutil.copytree(curves, reports, dirs_exist_ok=True)
    print(
        f"train: grid_search chose model {search.best_idx_ + 1} of {len(search.predictors_)}: "
        f"error {search.objectives_[search.best_idx_]:.4f}, largest distance of a group's rate "
        f"{search.gammas_.iloc[:, search.best_idx_].max():.4f} on the train split"
    )
    return trained
