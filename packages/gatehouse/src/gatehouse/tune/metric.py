"""What a trial is judged by."""

from __future__ import annotations

import math

from gatehouse.contract import Contract, Task
from gatehouse.errors import GatehouseError
from gatehouse.gates.metrics import point_values
from gatehouse.gates.predictions import predict
from gatehouse.pipeline.settings import TrainSettings
from gatehouse.pipeline.trainer import TrainedModel, asked
from gatehouse.tune.folds import Fold

DEFAULT = {
    Task.BINARY: "roc_auc",
    Task.MULTICLASS: "log_loss",
    Task.REGRESSION: "root_mean_squared_error",
}
LESS_IS_BETTER = ("log_loss", "brier_score_loss", "mean_absolute_error", "root_mean_squared_error")

_OF_TASK = {
    Task.BINARY: (
        "roc_auc", "accuracy", "balanced_accuracy", "f1", "log_loss", "brier_score_loss",
    ),
    Task.MULTICLASS: ("roc_auc", "accuracy", "balanced_accuracy", "f1_macro", "log_loss"),
    Task.REGRESSION: ("mean_absolute_error", "root_mean_squared_error", "r2"),
}  # fmt: skip


def metric_of(contract: Contract, wanted: str | None) -> str:
    """The metric's name, as the accuracy gate has it.

    Raises:
        GatehouseError: the task has no such metric.
    """
    if wanted is None:
        return DEFAULT[contract.task]
    if wanted not in _OF_TASK[contract.task]:
        raise GatehouseError(
            f"params.yaml: tune.metric: '{wanted}' is no metric of a {contract.task} target; "
            f"there are: {', '.join(_OF_TASK[contract.task])}"
        )
    return wanted


def value_on(fold: Fold, trained: TrainedModel, settings: TrainSettings, metric: str) -> float:
    """The metric of a trained graph on the fold's own rows.

    Raises:
        GatehouseError: the graph can't be used, or the metric is not defined on the fold.
    """
    contract = fold.data.contract
    model = asked(trained, contract, settings)
    value = point_values(predict(model, fold.held_out, contract))[metric]
    if not math.isfinite(value):
        raise GatehouseError(
            f"{metric} is not defined on a fold of {len(fold.held_out)} rows; lower tune.folds, "
            "or choose another tune.metric"
        )
    return value
