"""Input and output of a trainer: prepared rows in, an ONNX graph out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from gatehouse.contract import Contract, Task
from gatehouse.errors import GatehouseError
from gatehouse.pipeline.derived import Feature
from gatehouse.pipeline.sections import find_member
from gatehouse.pipeline.settings import TrainSettings
from gatehouse.pipeline.trainers import BY_NAME
from gatehouse.pipeline.trainers.spec import TrainerSpec

if TYPE_CHECKING:
    import onnx
    import pandas as pd

    from gatehouse.model import Model
    from gatehouse.pipeline.encode import Encoding


EVEN = 0.5
"""The threshold in the graph that training exports. Stage `quantize` stores `decision.threshold` in
the served graph, so that a new threshold needs no new training."""


@dataclass(frozen=True)
class TrainingData:
    """Data that a trainer may learn from: the rows of two splits, and their contract.

    `features` are the derived features of params.yaml.
    """

    contract: Contract
    train: pd.DataFrame
    valid: pd.DataFrame
    features: Mapping[str, Feature] = field(default_factory=dict)

    @cached_property
    def encoding(self) -> Encoding:
        """Rows as numbers and categories, with the derived features, which learn from `train`.

        Raises:
            GatehouseError: a derived feature does not fit the contract.
        """
        from gatehouse.pipeline.derived_nodes import derive
        from gatehouse.pipeline.encode import Encoding

        derived = derive(self.features, self.contract, self.train) if self.features else None
        return Encoding.of(self.contract, derived)

    @property
    def width(self) -> int:
        """K, the number of outputs per row: the number of classes, or 1 for a regression."""
        return len(self.contract.classes) or 1

    def labels(self, frame: pd.DataFrame) -> NDArray[Any]:
        """Return the training target, shape [N].

        For a classifier, this is the index of each row's class in `contract.classes`, int64 (for
        binary tasks, 1 is positive). For a regression, it is the target in its own units, float32.

        Raises:
            GatehouseError: the target has a value that is not a class, or not a finite number.
        """
        target = frame[self.contract.target]
        if self.contract.task is Task.REGRESSION:
            return self._values(target)
        strangers = target[~target.isin(self.contract.classes)]
        if len(strangers):
            raise GatehouseError(
                f"column '{self.contract.target}': {len(strangers)} rows hold a value that is no "
                f"class, such as {strangers.iloc[0]!r}; the contract's classes are "
                f"{list(self.contract.classes)}"
            )
        indices = {name: index for index, name in enumerate(self.contract.classes)}
        labels: NDArray[np.int64] = target.map(indices).to_numpy(np.int64)
        return labels

    def _values(self, target: pd.Series) -> NDArray[np.float32]:
        try:
            values = target.to_numpy(np.float64, na_value=np.nan).astype(np.float32)
        except (TypeError, ValueError):
            values = np.full(len(target), np.nan, np.float32)
        wrong = target[~np.isfinite(values)]
        if len(wrong):
            raise GatehouseError(
                f"column '{self.contract.target}': {len(wrong)} rows hold no finite number, such "
                f"as {wrong.iloc[0]!r}; fix them, or take them out"
            )
        found: NDArray[np.float32] = values
        return found

    def scale(self) -> Scale:
        """Mean and standard deviation of a regression's target on the train split."""
        return Scale.of(self.labels(self.train))

    def weights(self, frame: pd.DataFrame) -> NDArray[np.float32]:
        """Return each row's weight in the loss, mean 1, shape [N]; ones without a weight column.

        Raises:
            GatehouseError: a weight is negative or not finite, or all are 0.
        """
        name = self.contract.weight
        if name is None:
            return np.ones(len(frame), np.float32)
        values = frame[name].to_numpy(np.float64, na_value=np.nan)
        wrong = values[~(np.isfinite(values) & (values >= 0))]
        if len(wrong):
            raise GatehouseError(
                f"column '{name}': {len(wrong)} row weights are negative or not finite, such as "
                f"{wrong[0]}; fix them, or give the column role: ignored"
            )
        if not values.any():
            raise GatehouseError(f"column '{name}': every row weight is 0")
        return np.asarray(values / values.mean(), np.float32)


@dataclass(frozen=True)
class Scale:
    """Scale on which a regression's target is learned: standard deviations from its mean."""

    mean: float
    deviation: float

    @classmethod
    def of(cls, values: NDArray[np.floating[Any]]) -> Self:
        """Return the scale of `values`, shape [N]; if all are equal, the deviation is set to 1."""
        wide = values.astype(np.float64)
        return cls(float(wide.mean()), float(wide.std()) or 1.0)

    def shrink(self, values: NDArray[np.floating[Any]]) -> NDArray[np.float32]:
        """Convert the target's units into standard deviations."""
        return np.asarray((values.astype(np.float64) - self.mean) / self.deviation, np.float32)

    def stretch(self, values: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
        """Convert standard deviations into the target's units."""
        return np.asarray(values.astype(np.float64) * self.deviation + self.mean)


@dataclass(frozen=True)
class TrainedModel:
    """The result of a trainer.

    Attributes:
        graph: maps raw columns to probabilities, or for a regression to the prediction, as
            described in `gatehouse.model`; the stage adds the metadata.
        valid_outputs: outputs of the trainer's own framework for the rows of the valid split, shape
            [N, K]: a probability for each class in the order of `contract.classes`, or for a
            regression the value ([N, 1]). The stage compares the graph with them.
    """

    graph: onnx.ModelProto
    valid_outputs: NDArray[np.float64]


def as_model(trained: TrainedModel, contract: Contract, settings: TrainSettings) -> Model:
    """Return a model of the trained graph for use inside this process only.

    Raises:
        GatehouseError: the graph can't be used.
    """
    from gatehouse.model import Metadata, Model, write_metadata

    write_metadata(
        trained.graph,
        Metadata(
            contract=contract.digest,
            data="",
            commit="",
            classes=contract.classes,
            threshold=EVEN if contract.task is Task.BINARY else None,
            trainer=settings.trainer,
        ),
    )
    return Model(Path(f"the graph of {settings.trainer}"), trained.graph.SerializeToString())


def find_trainer(name: str, key: str = "train.trainer") -> TrainerSpec[Any]:
    """Return the trainer called `name`, or the fork's own trainer that it names.

    Args:
        name: a name in the table, or `module:object`.
        key: the setting that names it.

    Raises:
        GatehouseError: there is no such module or object, or it is not a trainer of that name.
    """
    return find_member(name, BY_NAME, TrainerSpec, key)
