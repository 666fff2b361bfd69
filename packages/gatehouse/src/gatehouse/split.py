"""The split: which rows train, validate and test, by the rule that the contract names.

A row's split depends on the values of its identity columns (`split.identity` of contract.yaml) and
on nothing else: not on other rows or columns, their order, their types or the target.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from gatehouse.contract import CONTRACT_FILE, Split
from gatehouse.errors import GatehouseError
from gatehouse.splits import rule_of


def deal(rows: pa.Table, split: Split, *, official_test: bool = False) -> NDArray[np.uint8]:
    """Return the split of each row as its index in `SPLITS`: 0 train, 1 valid, 2 test; shape [N].

    Args:
        rows: with the identity columns; other columns are ignored.
        split: of the contract.
        official_test: whether the test split is a separate file. No row is then put into test.

    Raises:
        GatehouseError: an identity column is missing, or the rule cannot split the rows.
    """
    check_identity(rows.column_names, split, "rows")
    known = rows.select(list(split.identity))
    return rule_of(split).dealt(known, split, official_test=official_test)


def check_identity(columns: Collection[str], split: Split, name: str | Path) -> None:
    """Refuse a table in which an identity column is missing or occurs twice.

    Args:
        columns: of the table.
        split: the contract's rule.
        name: the file that errors mention.

    Raises:
        GatehouseError: with the file, the columns and the fix.
    """
    wrong = [each for each in split.identity if list(columns).count(each) != 1]
    if wrong:
        raise GatehouseError(
            f"{name}: split.identity of {CONTRACT_FILE} needs column {', '.join(wrong)} once, and "
            "the file has not; without it rows would move to other splits. Bring the column back, "
            f"or take it out of split.identity in {CONTRACT_FILE}"
        )
