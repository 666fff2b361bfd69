"""The metric by which trials are judged."""

from __future__ import annotations

import math

from gatehouse.contract import Contract
from gatehouse.errors import GatehouseError
from gatehouse.gates.accuracy import AccuracyMeasure
from gatehouse.gates.metrics import metrics_of
from gatehouse.gates.metrics.figures import value_of
from gatehouse.gates.metrics.metric import Metric
from gatehouse.gates.metrics.own import metrics_by
from gatehouse.gates.metrics.sample import Sample
from gatehouse.gates.predictions import predict
from gatehouse.pipeline.settings import TrainSettings
from gatehouse.pipeline.trainer import TrainedModel, as_model
from gatehouse.policy import Policy
from gatehouse.tune.folds import Fold


def metric_of(contract: Contract, policy: Policy, wanted: str | None) -> Metric:
    """Return the metric by which trials are judged.

    Raises:
        GatehouseError: the task has no such metric.
    """
    there = [metric for metric in metrics_of(contract.task, metrics_by(policy)) if metric.tunable]
    for metric in there:
        if contract.task in metric.tuned if wanted is None else metric.name == wanted:
            return metric
    raise GatehouseError(
        f"params.yaml: tune.metric: '{wanted}' is not a metric for a {contract.task} target; "
        f"there are: {', '.join(metric.name for metric in there)}"
    )


def value_on(
    fold: Fold,
    trained: TrainedModel,
    settings: TrainSettings,
    metric: Metric,
    measure: AccuracyMeasure,
) -> float:
    """Return the metric of a trained graph on the fold's own rows.

    Raises:
        GatehouseError: the graph can't be used, or the metric is not defined on the fold.
    """
    contract = fold.data.contract
    model = as_model(trained, contract, settings)
    value = value_of(metric, Sample(predict(model, fold.held_out, contract), measure))
    if not math.isfinite(value):
        raise GatehouseError(
            f"{metric.name} is not defined on a fold of {len(fold.held_out)} rows; lower "
            "tune.folds, or choose another tune.metric"
        )
    return value
