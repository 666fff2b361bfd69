"""Rows of two tables together, each of them once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from gatehouse.contract import Contract
from gatehouse.rows import row_hashes


@dataclass(frozen=True)
class Joined:
    """Two tables as one.

    Attributes:
        rows: those of the present table, in their order, then the new ones.
        repeated: new rows that are in the present table as they are; they are not added.
        replaced: present rows whose key has another row now; they are gone.
    """

    rows: pd.DataFrame
    repeated: int
    replaced: int


def join(present: pd.DataFrame, new: pd.DataFrame, contract: Contract) -> Joined:
    """The rows of both tables, in which what is in both stands once.

    Rows are the same where all their values are. With key columns, a new row also takes the place
    of the present ones of its key; a key of which a part is missing is none.
    """
    repeated = np.isin(row_hashes(new), row_hashes(present))
    added = new[~repeated]
    replaced = np.zeros(len(present), dtype=bool)
    if keys := contract.keys:
        whole = added[keys].dropna()
        of_new = np.isin(row_hashes(present[keys]), row_hashes(whole))
        replaced = of_new & present[keys].notna().all(axis=1).to_numpy()
    rows = pd.concat([present[~replaced], added], ignore_index=True)
    return Joined(rows=rows, repeated=int(repeated.sum()), replaced=int(replaced.sum()))
