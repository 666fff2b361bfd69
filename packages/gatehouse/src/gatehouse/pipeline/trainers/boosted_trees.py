"""Input of boosted trees of all libraries, with early stopping by the valid split's loss."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from gatehouse.contract import Task
from gatehouse.pipeline.curves import Epoch, loss_name, report
from gatehouse.pipeline.trainer import Scale, TrainedModel, TrainingData
from gatehouse.pipeline.trainers.convert import whole
from gatehouse.pipeline.trainers.features import FEATURES, Features, check_classes

OPSET = 15
"""The newest opset that onnxmltools writes; trees are the same in the opset of `export`."""


@dataclass(frozen=True)
class _Split:
    """A split as arrays: features [N, W], labels [N], weights [N]."""

    rows: NDArray[np.float32]
    labels: NDArray[Any]
    weights: NDArray[np.float32]


class Prepared:
    """Training input of the three libraries, and conversion of their results."""

    def __init__(self, data: TrainingData) -> None:
        check_classes(data)
        self.task, self.width = data.contract.task, data.width
        self.scale: Scale | None = data.scale() if self.task is Task.REGRESSION else None
        self.features = Features.for_trees(data)
        self.train, self.valid = (self._split(data, frame) for frame in (data.train, data.valid))

    def _split(self, data: TrainingData, frame: Any) -> _Split:
        labels = data.labels(frame)
        if self.scale is not None:
            labels = self.scale.shrink(labels)
        return _Split(self.features.of(frame), labels, data.weights(frame))

    @property
    def inputs(self) -> list[tuple[str, list[int | None]]]:
        return [(FEATURES, [None, self.train.rows.shape[1]])]

    def _own(self, found: NDArray[Any]) -> NDArray[np.float64]:
        """Convert a library's own predictions to `TrainedModel.valid_outputs`."""
        if self.scale is not None:
            return self.scale.stretch(found)[:, None]
        found = found.astype(np.float64)
        return np.stack([1 - found, found], axis=1) if found.ndim == 1 else found

    def trained(self, core: onnx.ModelProto, found: NDArray[Any]) -> TrainedModel:
        """Return the result from a graph that reads features, and the library's own predictions."""
        return TrainedModel(whole(core, self.features, self.scale), self._own(found))

    def report_training(self, reports: Path, curve: list[Epoch], best: int) -> None:
        name = loss_name(self.task).replace("_", " ")
        print(
            f"train: best of {len(curve)} rounds is {best + 1}, {name} "
            f"{curve[best].valid_loss:.4f} on the valid split"
        )
        report(reports, self.task, curve, best)
