"""XGBoost's boosted trees."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from gatehouse.contract import Task
from gatehouse.pipeline.sections import Positive
from gatehouse.pipeline.spaces import Range
from gatehouse.pipeline.trainers.boosting import BOOSTING, BoostingSettings
from gatehouse.pipeline.trainers.spec import TrainerSpec

if TYPE_CHECKING:
    from gatehouse.pipeline.settings import TrainSettings
    from gatehouse.pipeline.trainer import TrainedModel, TrainingData


class XgboostSettings(BoostingSettings):
    """Settings of the trainer `xgboost`."""

    depth: Positive = 6
    smallest_leaf: Annotated[float, Field(ge=0)] = Field(
        1.0, description="weight (the loss's second derivative) of a leaf, at least"
    )


def _train(
    data: TrainingData, options: XgboostSettings, settings: TrainSettings, reports: Path
) -> TrainedModel:
    """Fit XGBoost's model."""
    from onnxmltools import convert_xgboost
    from onnxmltools.convert.common.data_types import FloatTensorType
    from xgboost import XGBClassifier, XGBRegressor

    from gatehouse.pipeline.curves import Epoch
    from gatehouse.pipeline.trainers.boosted_trees import OPSET, Prepared

    prepared = Prepared(data)
    train, valid = prepared.train, prepared.valid
    metric = {Task.BINARY: "logloss", Task.MULTICLASS: "mlogloss", Task.REGRESSION: "rmse"}
    model = (XGBRegressor if prepared.scale else XGBClassifier)(
        n_estimators=options.rounds,
        learning_rate=options.learning_rate,
        reg_lambda=options.l2,
        max_depth=options.depth,
        min_child_weight=options.smallest_leaf,
        early_stopping_rounds=options.patience,
        eval_metric=metric[prepared.task],
        base_score=0.0 if prepared.scale else 0.5,  # the target is centred; 0.5 is a logit of 0
        tree_method="hist",
        n_jobs=options.threads,
        random_state=settings.seed,
    )
    model.fit(
        train.rows,
        train.labels,
        sample_weight=train.weights,
        eval_set=[(train.rows, train.labels), (valid.rows, valid.labels)],
        sample_weight_eval_set=[train.weights, valid.weights],
        verbose=False,
    )
    found = model.predict(valid.rows) if prepared.scale else model.predict_proba(valid.rows)
    losses = (next(iter(split.values())) for split in model.evals_result().values())
    power = 2 if prepared.scale else 1  # square a root mean square
    curve = [Epoch(t**power, v**power) for t, v in zip(*losses, strict=True)]
    prepared.report_training(reports, curve, model.best_iteration)
    types = [(name, FloatTensorType(shape)) for name, shape in prepared.inputs]
    core = convert_xgboost(model, initial_types=types, target_opset=OPSET)
    return prepared.trained(core, found)


XGBOOST = TrainerSpec(
    name="xgboost",
    label="XGBoost",
    settings=XgboostSettings,
    train=_train,
    space={
        **BOOSTING,
        "depth": Range(low=3, high=10),
        "smallest_leaf": Range(low=0.5, high=20.0, log=True),
    },
    packages=("xgboost", "onnxmltools"),
)
