"""The predictions in the log's records, in the forms that the gates measure.

The log has one number per row: the predicted value, the positive class's probability or, for
multiclass models, the predicted class's probability. Metrics that need the probabilities of all
classes cannot be computed from the log.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd
import pyarrow as pa

from gatehouse.contract import Contract, Task
from gatehouse.errors import GatehouseError
from gatehouse.evidence import Measurement, Of
from gatehouse.gates.bootstrap import Floats
from gatehouse.gates.metrics import METRICS, metrics_of
from gatehouse.gates.predictions import Predictions, labels_of
from gatehouse.gates.units import units_of, weights_of

DECIDED = ("probability", "decision")
VALUE = ("prediction",)
UNLOGGED = [metric.name for metric in METRICS if metric.needs_outputs]
"""Multiclass metrics that need each class's probability."""
_KINDS = {"probability": pa.float64(), "decision": pa.string(), "prediction": pa.float64()}


def names(task: Task) -> tuple[str, ...]:
    """Return the record keys of the model's output."""
    return VALUE if task is Task.REGRESSION else DECIDED


def fields(keys: Iterable[str]) -> list[pa.Field]:
    """Return the fields for these keys, with their types."""
    return [pa.field(name, _KINDS[name]) for name in keys]


def scores(records: pa.Table, contract: Contract) -> Floats:
    """Return each record's probability or value; shape [N]."""
    return np.asarray(records[names(contract.task)[0]].to_numpy(), np.float64)


def decisions(records: pa.Table, contract: Contract) -> Floats:
    """Return the index of each record's predicted class, or its value; shape [N].

    Raises:
        GatehouseError: a decision is not one of the contract's classes.
    """
    if contract.task is Task.REGRESSION:
        return scores(records, contract)
    index = {name: float(place) for place, name in enumerate(contract.classes)}
    decided = records["decision"].to_pandas()
    found = decided.map(index).to_numpy(np.float64)
    if np.isnan(found).any():
        raise GatehouseError(
            f"the log's decision {decided[np.isnan(found)].iloc[0]!r} is none of the contract's "
            f"classes {', '.join(map(repr, contract.classes))}; is the log of another model?"
        )
    return np.asarray(found)


def drifting(records: pa.Table, contract: Contract) -> pd.Series:
    """Return the predictions that can drift, as `drift.measure.predictions_of` does; shape [N]."""
    if contract.task is Task.MULTICLASS:
        return pd.Series(records["decision"].to_pandas())
    return pd.Series(scores(records, contract))


def predictions(records: pa.Table, truth: pd.DataFrame, contract: Contract) -> Predictions:
    """Return records with their labels; `truth` has as many rows, in the same order.

    Raises:
        GatehouseError: a decision or a label is not one of the contract's classes.
    """
    return Predictions(
        labels=labels_of(truth, contract),
        scores=scores(records, contract),
        decisions=decisions(records, contract),
        task=contract.task,
        classes=contract.classes,
        weights=weights_of(truth, contract),
        units=units_of(truth, contract),
    )


def is_logged(metric: str, task: Task | None) -> bool:
    """Return whether a metric can be measured from the log; without a task, all can."""
    return task is not Task.MULTICLASS or metric not in UNLOGGED


def not_logged(models: Iterable[Of], task: Task) -> list[Measurement]:
    """Return, for each model, the metrics that can't be measured from the log, with the reason."""
    return [
        Measurement(
            name=metric.name,
            of=of,
            value=None,
            unit=metric.unit,
            n=0,
            method="not measured",
            note="not measured: the log holds the probability of the decided class alone",
        )
        for of in models
        for metric in metrics_of(task)
        if not is_logged(metric.name, task)
    ]
