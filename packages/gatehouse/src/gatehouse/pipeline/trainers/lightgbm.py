"""LightGBM's boosted trees."""

from __future__ import annotations

from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gatehouse.pipeline.trainers.boosting import LEAFWISE, LeafwiseSettings
from gatehouse.pipeline.trainers.spec import TrainerSpec

if TYPE_CHECKING:
    from gatehouse.pipeline.settings import TrainSettings
    from gatehouse.pipeline.trainer import TrainedModel, TrainingData


class LightgbmSettings(LeafwiseSettings):
    """Settings of the trainer `lightgbm`."""


def _train(
    data: TrainingData, options: LightgbmSettings, settings: TrainSettings, reports: Path
) -> TrainedModel:
    """Fit LightGBM's model."""
    import numpy as np
    from lightgbm import LGBMClassifier, LGBMRegressor, early_stopping, record_evaluation
    from onnxmltools import convert_lightgbm
    from onnxmltools.convert.common.data_types import FloatTensorType

    from gatehouse.pipeline.curves import Epoch
    from gatehouse.pipeline.trainers.boosted_trees import OPSET, Prepared
    from gatehouse.pipeline.trainers.convert import exact_thresholds

    prepared = Prepared(data)
    train, valid = prepared.train, prepared.valid
    model = (LGBMRegressor if prepared.scale else LGBMClassifier)(
        n_estimators=options.rounds,
        learning_rate=options.learning_rate,
        reg_lambda=options.l2,
        num_leaves=options.leaves,
        min_child_samples=options.smallest_leaf,
        # Use all rows to place the bins: a sample can miss a column's rare missing values.
        subsample_for_bin=len(train.rows),
        deterministic=True,
        force_row_wise=True,
        n_jobs=options.threads,
        random_state=settings.seed,
        verbose=-1,
    )
    results: dict[str, dict[str, list[float]]] = {}
    stop = early_stopping(options.patience, verbose=False)
    model.fit(
        train.rows,
        train.labels,
        train.weights,
        eval_X=(train.rows, valid.rows),
        eval_y=(train.labels, valid.labels),
        eval_names=["train", "valid"],
        eval_sample_weight=[train.weights, valid.weights],
        callbacks=[record_evaluation(results), stop],
    )
    found = np.asarray(model.booster_.predict(valid.rows))
    losses = (next(iter(results[split].values())) for split in ("train", "valid"))
    curve = [Epoch(t, v) for t, v in zip(*losses, strict=True)]
    prepared.report_training(reports, curve, model.best_iteration_ - 1)
    types = [(name, FloatTensorType(shape)) for name, shape in prepared.inputs]
    core = convert_lightgbm(model, initial_types=types, target_opset=OPSET, zipmap=False)
    dumped = model.booster_.dump_model()["tree_info"]
    thresholds = [t for tree in dumped for t in _thresholds(tree["tree_structure"])]
    exact_thresholds(core, np.array(thresholds, np.float64))
    return prepared.trained(core, found)


def _thresholds(root: dict[str, Any]) -> list[float]:
    """Return a tree's thresholds in the converter's order, where parents number their children."""
    numbers, found = count(1), dict[int, float]()

    def visit(node: dict[str, Any], number: int) -> None:
        if "threshold" in node:
            found[number] = node["threshold"]
            left, right = next(numbers), next(numbers)
            visit(node["left_child"], left)
            visit(node["right_child"], right)

    visit(root, 0)
    return [found[number] for number in sorted(found)]


LIGHTGBM = TrainerSpec(
    name="lightgbm",
    label="LightGBM",
    settings=LightgbmSettings,
    train=_train,
    space=LEAFWISE,
    packages=("lightgbm", "onnxmltools"),
)
