"""Cross-validation folds of the rows that training may see.

The test split is not used: tuning on it would invalidate it. A row's fold, like its split, depends
only on its identity, so rows of one identity share a fold.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pyarrow as pa

from gatehouse.contract import Contract
from gatehouse.errors import GatehouseError
from gatehouse.splits.hash import identity_hashes
from gatehouse.workspace import Workspace

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from gatehouse.pipeline.trainer import TrainingData

STOP = 0.16
"""Share of a fold's training rows used for early stopping, which never sees the fold itself."""

_PARTS = 10_000


@dataclass(frozen=True)
class Fold:
    """The inputs of a trainer, and the rows for scoring its model."""

    data: TrainingData
    held_out: pd.DataFrame


def folds_of(workspace: Workspace, count: int) -> Iterator[Fold]:
    """Yield the folds of the workspace's train and valid splits.

    Raises:
        GatehouseError: a split is missing, or there are too few rows for so many folds.
    """
    from gatehouse.pipeline.trainer import TrainingData

    contract = workspace.contract
    rows = pd.concat([workspace.split("train"), workspace.split("valid")], ignore_index=True)
    fold, watched = _places(rows, contract, count)
    for number in range(count):
        inside = fold != number
        parts = [rows[inside & ~watched], rows[inside & watched], rows[~inside]]
        if any(part.empty for part in parts):
            raise GatehouseError(
                f"{len(rows)} rows of train and valid are too few for {count} folds; lower "
                "tune.folds in params.yaml, or give more rows"
            )
        train, stop, held_out = (part.reset_index(drop=True) for part in parts)
        yield Fold(TrainingData(contract, train, stop), held_out)


def _places(
    rows: pd.DataFrame, contract: Contract, count: int
) -> tuple[NDArray[np.uint64], NDArray[np.bool_]]:
    """Return each row's fold, and whether early stopping uses it; both of shape [N]."""
    identity = list(contract.split.identity)
    hashes = identity_hashes(
        pa.Table.from_pandas(rows[identity], preserve_index=False), contract.split
    )
    parts = np.uint64(_PARTS)
    watched = (hashes // np.uint64(count)) % parts < np.uint64(int(STOP * _PARTS))
    return hashes % np.uint64(count), watched
