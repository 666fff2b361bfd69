"""Weights of rows, and the units within which rows depend on each other, by the contract.

Rows of one group, such as the visits of a patient, are one unit. If the split is by time and there
is no group, units are blocks of time, because what happens on one day moves many rows at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from gatehouse.errors import GatehouseError
from gatehouse.gates.bootstrap import Floats

if TYPE_CHECKING:
    import pandas as pd

    from gatehouse.contract import Contract

BLOCKS = 30
"""Blocks of time: few enough to hold whatever lasts for a while, and enough for a variance."""


def weights_of(rows: pd.DataFrame, contract: Contract) -> Floats | None:
    """Return how much each row counts, shape [N]; None if the contract or the rows have no weight.

    Raises:
        GatehouseError: a weight is missing or negative, or all are 0.
    """
    name = contract.weight
    if name is None or name not in rows or not len(rows):
        return None
    weights = rows[name].to_numpy(np.float64, na_value=np.nan)
    wrong = int((~(np.isfinite(weights) & (weights >= 0))).sum())
    if wrong:
        raise GatehouseError(
            f"column '{name}': {wrong} rows have no weight of 0 or more; set them, or set "
            "missing: false and a range in contract.yaml"
        )
    if not weights.any():
        raise GatehouseError(f"column '{name}': all weights are 0; some rows must count")
    return np.asarray(weights)


def units_of(rows: pd.DataFrame, contract: Contract) -> NDArray[np.intp] | None:
    """Return the index of each row's independent unit, shape [N]; None if each row is one."""
    import pandas as pd

    if contract.group is not None:
        if contract.group not in rows:
            return None
        places, names = pd.factorize(rows[contract.group])
        alone = places < 0  # a row without a group depends on no other
        places[alone] = len(names) + np.arange(int(alone.sum()))
        return np.asarray(places, np.intp)
    name = contract.split.time if contract.split.by == "time" else None
    return None if name is None or name not in rows else _blocks(rows[name])


def _blocks(times: pd.Series) -> NDArray[np.intp]:
    """Return each row's block of time; a day is in one block if there are enough days."""
    moments = times.to_numpy("datetime64[us]")
    days = moments.astype("datetime64[D]")
    _, place, sizes = np.unique(
        days if len(np.unique(days)) >= BLOCKS else moments,
        return_inverse=True, return_counts=True,
    )  # fmt: skip
    before = np.cumsum(sizes) - sizes
    return np.asarray((before * BLOCKS // max(len(times), 1))[place], np.intp)
