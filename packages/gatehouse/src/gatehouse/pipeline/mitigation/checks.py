"""Does the mitigator fit the contract and the rows?"""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from gatehouse.contract import Contract, Task
from gatehouse.errors import GatehouseError
from gatehouse.pipeline.fairness_penalty import group_codes

if TYPE_CHECKING:
    import pandas as pd

    from gatehouse.pipeline.settings import Mitigation
    from gatehouse.pipeline.trainer import TrainingData

_PLACE = "params.yaml: train.mitigation"


def check_mitigation(mitigation: Mitigation, contract: Contract) -> None:
    """Refuse settings that do not fit the contract.

    Raises:
        GatehouseError: with the key and the fix.
    """
    method, attribute = mitigation.method, mitigation.attribute
    if find_spec("fairlearn") is None:
        raise GatehouseError(
            f"{_PLACE}.method: {method} needs fairlearn, which is not installed here; run make "
            "setup"
        )
    if contract.task is not Task.BINARY:
        raise GatehouseError(
            f"{_PLACE}.method: {method} works for two classes, and contract.yaml's target is a "
            f"{contract.task} one; set it to null"
        )
    if contract.weight is not None:
        raise GatehouseError(
            f"{_PLACE}.method: {method} can't weight rows, and contract.yaml has the weight "
            f"column '{contract.weight}'; set method to null, or give the column role: ignored"
        )
    if attribute is None or attribute not in contract.protected:
        raise GatehouseError(
            f"{_PLACE}.attribute: '{attribute}' is not a protected attribute of contract.yaml; "
            f"write one of {contract.protected}"
        )
    if method == "threshold_optimizer" and not contract.columns[attribute].is_model_input:
        raise GatehouseError(
            f"{_PLACE}.attribute: '{attribute}' is not a model input, and threshold_optimizer "
            f"needs it for each decision; write model_input: true at columns.{attribute} in "
            "contract.yaml, or set method to grid_search"
        )


def groups_of(
    frame: pd.DataFrame, labels: NDArray[np.int64], data: TrainingData, attribute: str, split: str
) -> NDArray[np.int64]:
    """Return the index of each row's group among the attribute's categories, [N]; -1 for none.

    Args:
        frame: the rows, N.
        labels: their classes, 1 is positive; shape [N].
        data: has the contract.
        attribute: the protected column.
        split: name of the split, for errors.

    Raises:
        GatehouseError: a group has rows of one class only, so that its rates can't be compared.
    """
    groups = group_codes(frame, data.contract, attribute)
    categories = data.contract.columns[attribute].categories or ()
    for group in np.unique(groups[groups >= 0]):
        counts = np.bincount(labels[groups == group], minlength=2)
        if not counts.all():
            name = data.contract.classes[int(counts.argmin())]
            raise GatehouseError(
                f"{_PLACE}.attribute: no row of the {split} split with {attribute} "
                f"'{categories[group]}' has the class '{name}'; add such rows, or name another "
                "attribute"
            )
    return groups
