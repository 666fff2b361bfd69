"""Predictions of labelled rows."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from gatehouse.contract import Contract, Task
from gatehouse.costs import costs_of
from gatehouse.errors import GatehouseError
from gatehouse.gates.bootstrap import Floats
from gatehouse.gates.units import units_of, weights_of

if TYPE_CHECKING:
    import pandas as pd

    from gatehouse.model import Model


@dataclass(frozen=True)
class Predictions:
    """A model's predictions of N labelled rows.

    Attributes:
        labels: shape [N]; for binary tasks 1.0 if the row is positive, for multiclass the index of
            its class, for regression the true value.
        scores: shape [N]; the probability of the positive class (binary) or of the predicted class
            (multiclass), or the predicted value (regression).
        decisions: shape [N]; the decisions, in the form of `labels`; for regression the predicted
            value.
        task: the prediction task.
        classes: names of the K classes, in the order of their indices.
        outputs: probabilities of all classes, shape [N, K]; None if they are not known.
        weights: shape [N]; how much each row counts (the contract's `role: weight`), at least 0;
            None if all count alike.
        units: shape [N]; index of each row's independent unit, which is its group or its block of
            time; None if each row is a unit.
        costs: shape [N, 2]; cost of a false positive and of a false negative in each row (the
            contract's `cost`); None if the contract has none.
    """

    labels: Floats
    scores: Floats
    decisions: Floats
    task: Task = Task.BINARY
    classes: tuple[str, ...] = ()
    outputs: Floats | None = None
    weights: Floats | None = None
    units: NDArray[np.intp] | None = None
    costs: Floats | None = None

    @property
    def row_weights(self) -> Floats:
        """Return how much each row counts, shape [N]; 1.0 without weights."""
        return np.ones(len(self.labels)) if self.weights is None else self.weights

    @property
    def n(self) -> int:
        """Return the number of independent units."""
        return len(self.labels) if self.units is None else len(np.unique(self.units))

    @property
    def class_n(self) -> int | None:
        """Return the rows of the smallest class, which can be 0; None for numbers."""
        if self.task is Task.REGRESSION:
            return None
        classes = 2 if self.task is Task.BINARY else len(self.classes)
        return int(np.bincount(self.labels.astype(np.intp), minlength=classes).min())

    def of_rows(self, chosen: NDArray[np.bool_]) -> Predictions:
        """Return the predictions of the rows where `chosen`, shape [N], is true."""
        return replace(
            self,
            labels=self.labels[chosen],
            scores=self.scores[chosen],
            decisions=self.decisions[chosen],
            outputs=None if self.outputs is None else self.outputs[chosen],
            weights=None if self.weights is None else self.weights[chosen],
            units=None if self.units is None else self.units[chosen],
            costs=None if self.costs is None else self.costs[chosen],
        )


def labels_of(rows: pd.DataFrame, contract: Contract) -> Floats:
    """Return the labels of `rows` as numbers, shape [N], in the form of `Predictions.labels`.

    Raises:
        GatehouseError: there is no target column, or it has values that are not classes or numbers.
    """
    if contract.target not in rows:
        raise GatehouseError(f"the table has no column '{contract.target}', the contract's target")
    import pandas as pd

    target = rows[contract.target]
    if contract.task is Task.REGRESSION:
        numbers = pd.to_numeric(target, errors="coerce").to_numpy(np.float64, na_value=np.nan)
        if not np.isfinite(numbers).all():
            raise GatehouseError(
                f"column '{contract.target}': {(~np.isfinite(numbers)).sum()} rows hold no number, "
                "and it is the target; leave such rows out"
            )
        return np.asarray(numbers)
    index = {value: float(place) for place, value in enumerate(contract.classes)}
    codes, values = pd.factorize(target)  # faster than to look up each row
    found = np.array([*(index.get(value, np.nan) for value in values), np.nan])[codes]
    strange = int(np.isnan(found).sum())
    if strange:
        raise GatehouseError(
            f"column '{contract.target}': {strange} rows hold none of the contract's classes "
            f"{list(contract.classes)}; leave such rows out"
        )
    return np.asarray(found)


def predict(
    model: Model,
    rows: pd.DataFrame,
    contract: Contract,
    *,
    decided_by: Model | None = None,
    truth: tuple[pd.DataFrame, Contract] | None = None,
) -> Predictions:
    """Return the predictions of `rows`, whose labels are in the contract's target column.

    Args:
        model: the model whose outputs are used.
        rows: a table with the model's inputs.
        contract: names the target.
        decided_by: the model whose threshold decides; `model` by default.
        truth: the same rows and their contract, from which labels, weights, units and costs are
            taken; `rows` and `contract` by default.

    Raises:
        GatehouseError: there is no target column, a weight is missing or negative, or the rows do
            not fit the model.
    """
    from gatehouse.model import score

    known, rule = truth or (rows, contract)
    labels, outputs = labels_of(known, rule), model.outputs(rows)
    scores = score(outputs, contract.task)
    regression, decider = contract.task is Task.REGRESSION, decided_by or model
    return Predictions(
        labels=labels,
        scores=scores,
        decisions=scores if regression else decider.decisions(outputs).astype(np.float64),
        task=contract.task,
        classes=contract.classes,
        outputs=None if regression else outputs,
        weights=weights_of(known, rule),
        units=units_of(known, rule),
        costs=None if rule.cost is None else costs_of(known, rule.cost),
    )
