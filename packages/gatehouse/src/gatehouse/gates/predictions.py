"""What a model says of labelled rows."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from gatehouse.contract import Contract, Task
from gatehouse.errors import GatehouseError
from gatehouse.gates.bootstrap import Floats

if TYPE_CHECKING:
    import pandas as pd

    from gatehouse.model import Model


@dataclass(frozen=True)
class Predictions:
    """What a model says of N labelled rows.

    Attributes:
        labels: shape [N]; of two classes 1.0 where the row is positive, of more the index of its
            class, of a regression the true value.
        scores: shape [N]; the probability of the positive class, that of the class decided, or the
            value predicted.
        decisions: shape [N]; what is decided, in the form of `labels`; of a regression the value
            predicted.
        task: what is predicted.
        classes: names of the K classes, in the order of their indices.
        outputs: probabilities of all classes, shape [N, K]; None where they are not known.
    """

    labels: Floats
    scores: Floats
    decisions: Floats
    task: Task = Task.BINARY
    classes: tuple[str, ...] = ()
    outputs: Floats | None = None

    def of_rows(self, chosen: NDArray[np.bool_]) -> Predictions:
        """The predictions of the rows where `chosen`, shape [N], is true."""
        return replace(
            self,
            labels=self.labels[chosen],
            scores=self.scores[chosen],
            decisions=self.decisions[chosen],
            outputs=None if self.outputs is None else self.outputs[chosen],
        )


def labels_of(rows: pd.DataFrame, contract: Contract) -> Floats:
    """The labels of `rows` as numbers, shape [N], in the form that `Predictions` says.

    Raises:
        GatehouseError: there is no target column, or it holds what is no class or no number.
    """
    if contract.target not in rows:
        raise GatehouseError(f"the table has no column '{contract.target}', the contract's target")
    target = rows[contract.target]
    if contract.task is Task.REGRESSION:
        import pandas as pd

        numbers = pd.to_numeric(target, errors="coerce").to_numpy(np.float64, na_value=np.nan)
        if not np.isfinite(numbers).all():
            raise GatehouseError(
                f"column '{contract.target}': {(~np.isfinite(numbers)).sum()} rows hold no number, "
                "and it is the target; leave such rows out"
            )
        return np.asarray(numbers)
    index = {value: float(place) for place, value in enumerate(contract.classes)}
    found = target.astype(object).map(index)
    if found.isna().any():
        raise GatehouseError(
            f"column '{contract.target}': {int(found.isna().sum())} rows hold none of the "
            f"contract's classes {list(contract.classes)}; leave such rows out"
        )
    return np.asarray(found.to_numpy(np.float64))


def predict(
    model: Model, rows: pd.DataFrame, contract: Contract, *, decided_by: Model | None = None
) -> Predictions:
    """What `model` says of `rows`, whose labels are in the contract's target column.

    Args:
        model: whose outputs count.
        rows: a table with the model's inputs.
        contract: names the target.
        decided_by: the model whose threshold decides; `model` itself where it is not given.

    Raises:
        GatehouseError: there is no such column, or the rows do not fit the model.
    """
    from gatehouse.model import score

    labels, outputs = labels_of(rows, contract), model.outputs(rows)
    scores = score(outputs, contract.task)
    regression, decider = contract.task is Task.REGRESSION, decided_by or model
    return Predictions(
        labels=labels,
        scores=scores,
        decisions=scores if regression else decider.decisions(outputs).astype(np.float64),
        task=contract.task,
        classes=contract.classes,
        outputs=None if regression else outputs,
    )
