"""Made-up rows that fit any contract, drawn with a seed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from gatehouse.contract import Column, Contract, Role
from numpy.typing import NDArray

_WIDE = (0.0, 1000.0)
"""The range of a number for which the contract gives none."""


def draw(contract: Contract, count: int, seed: int) -> pd.DataFrame:
    """Draw `count` rows of the contract's columns, in which nothing predicts the target."""
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {name: _values(column, count, rng) for name, column in contract.columns.items()}
    )


def _values(column: Column, count: int, rng: np.random.Generator) -> pd.Series:
    if column.is_numeric:
        values = pd.Series(_numbers(column, count, rng))
    elif column.categories is not None:
        # In turn, then shuffled, so that every category occurs.
        order = rng.permutation(np.arange(count) % len(column.categories))
        values = pd.Series([column.categories[index] for index in order], dtype="str")
    else:
        values = pd.Series([f"text {number}" for number in rng.permutation(count)], dtype="str")
    return values.mask(rng.random(count) < column.missing / 2) if column.missing else values


def _numbers(column: Column, count: int, rng: np.random.Generator) -> NDArray[Any]:
    low, high = column.range or _WIDE
    if column.role is Role.KEY and column.range is None:
        return rng.permutation(count)
    if column.role is Role.WEIGHT:
        low = max(low, 0.0)
    if column.kind.whole:
        return rng.integers(int(np.ceil(low)), int(high), count, endpoint=True)
    return rng.uniform(low, high, count)
