"""Join the rows of two tables without duplicates."""

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
        rows: those of the existing table, in their order, then the new ones.
        repeated: new rows that already exist unchanged; they are not added.
        replaced: existing rows that were replaced by a new row with the same key.
    """

    rows: pd.DataFrame
    repeated: int
    replaced: int


def join(present: pd.DataFrame, new: pd.DataFrame, contract: Contract) -> Joined:
    """Return the rows of both tables, with rows in both occurring once.

    Rows are the same if all their values are. With key columns, a new row also replaces the
    existing ones with its key; a key with a missing part counts as no key.
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
