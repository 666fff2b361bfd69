"""A penalty for the training loss on unequal error rates between groups."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from gatehouse.contract import Contract, Task
from gatehouse.errors import GatehouseError

if TYPE_CHECKING:
    import pandas as pd
    from torch import Tensor


def group_codes(
    frame: pd.DataFrame, contract: Contract, attribute: str | None
) -> NDArray[np.int64]:
    """Return the index of each row's group among the attribute's categories, [N]; -1 for none.

    Raises:
        GatehouseError: `attribute` is not a protected attribute of the contract, or the task is not
            binary, so that there are no error rates to compare.
    """
    if contract.task is not Task.BINARY:
        raise GatehouseError(
            "params.yaml: train.torch_mlp.fairness_penalty.weight: the penalty is of a target of "
            f"two classes, and contract.yaml's is a {contract.task} one; set it to 0"
        )
    if attribute is None or attribute not in contract.protected:
        raise GatehouseError(
            f"params.yaml: train.torch_mlp.fairness_penalty.attribute: '{attribute}' is no "
            f"protected attribute of contract.yaml; it has {contract.protected}"
        )
    categories = contract.columns[attribute].categories or ()
    codes = {value: i for i, value in enumerate(categories)}
    result: NDArray[np.int64] = frame[attribute].map(codes).fillna(-1).to_numpy(np.int64)
    return result


def equalized_odds_penalty(scores: Tensor, labels: Tensor, groups: Tensor) -> Tensor:
    """Return how far the groups' soft true and false positive rates differ; 0 means equal.

    The rates are means of the scores over the positives and over the negatives of a group
    (generalized rates: Pleiss et al., "On Fairness and Calibration", 2017). The penalty is the sum
    of their absolute differences from the rate of all groups (Bechavod and Ligett, "Penalizing
    Unfairness in Binary Classification", 2017, there for two groups).

    Args:
        scores: probability of the positive class, shape [N].
        labels: 1 or 0, shape [N].
        groups: index of the group, shape [N]; -1 for none.
    """
    total = scores.new_zeros(())
    for label in (0, 1):
        chosen = (labels == label) & (groups >= 0)
        if not chosen.any():
            continue
        rate = scores[chosen].mean()
        for group in range(int(groups.max()) + 1):
            members = chosen & (groups == group)
            if members.any():
                total = total + (scores[members].mean() - rate).abs()
    return total
