"""Cross-validation folds of the rows that training may see.

The test split is not used: tuning on it would invalidate it. A row's fold depends only on its
identity, or on its group if the contract has one, so rows of one identity or group share a fold.
With a split by time, a fold is a stretch of time, and the rows before it train.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pyarrow as pa

from gatehouse.contract import Contract
from gatehouse.errors import GatehouseError
from gatehouse.splits.hash import value_hashes
from gatehouse.splits.time import times_of
from gatehouse.workspace import Workspace

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from gatehouse.pipeline.derived import Feature
    from gatehouse.pipeline.trainer import TrainingData

STOP = 0.16
"""Share of a fold's training rows used for early stopping, which never sees the fold itself."""

_PARTS = 10_000


@dataclass(frozen=True)
class Fold:
    """The inputs of a trainer, and the rows for scoring its model."""

    data: TrainingData
    held_out: pd.DataFrame


def folds_of(
    workspace: Workspace, count: int, features: Mapping[str, Feature] | None = None
) -> Iterator[Fold]:
    """Yield the folds of the workspace's train and valid splits.

    Each fold learns its own group means, if `features`, the derived ones, have such.

    Raises:
        GatehouseError: a split is missing, or there are too few rows for so many folds.
    """
    from gatehouse.pipeline.trainer import TrainingData

    contract = workspace.contract
    rows = pd.concat([workspace.split("train"), workspace.split("valid")], ignore_index=True)
    hashes = _hashes(rows, [contract.group] if contract.group else contract.split.identity)
    parts = np.uint64(_PARTS)
    watched = (hashes // np.uint64(count)) % parts < np.uint64(int(STOP * _PARTS))
    fold = (hashes % np.uint64(count)).astype(np.intp)
    if contract.split.time is not None:
        fold = _stretches(rows, contract, count)
    for number in range(count):
        inside, held = fold != number, fold == number
        if contract.split.time is not None:
            inside, held = fold <= number, fold == number + 1
            held &= ~np.isin(hashes, hashes[inside]) if contract.group else True
        sets = [rows[inside & ~watched], rows[inside & watched], rows[held]]
        if any(part.empty for part in sets):
            raise GatehouseError(
                f"{len(rows)} rows of train and valid are too few for {count} folds; lower "
                "tune.folds in params.yaml, or give more rows"
            )
        train, stop, held_out = (part.reset_index(drop=True) for part in sets)
        yield Fold(TrainingData(contract, train, stop, features or {}), held_out)


def _hashes(rows: pd.DataFrame, columns: Iterable[str]) -> NDArray[np.uint64]:
    names = list(columns)
    return value_hashes(pa.Table.from_pandas(rows[names], preserve_index=False), names)


def _stretches(rows: pd.DataFrame, contract: Contract, count: int) -> NDArray[np.intp]:
    """Return the stretch of time of each of N rows, shape [N]: 0 to `count`, equal in rows."""
    assert contract.split.time is not None
    columns = pa.Table.from_pandas(rows[[contract.split.time]], preserve_index=False)
    place = np.argsort(np.argsort(times_of(columns, contract), kind="stable"))
    return np.asarray(place * (count + 1) // len(rows))
