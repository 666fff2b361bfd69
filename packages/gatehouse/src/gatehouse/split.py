"""The split: which rows train, validate and test, by the rule that the contract names.

A row's split depends on the values of the columns that decide and, where the rule looks at all rows
first, on those of its group. It does not depend on other columns, the order of rows, the columns'
types or the target.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from gatehouse.contract import CONTRACT_FILE, Contract
from gatehouse.errors import GatehouseError
from gatehouse.splits import rule_of
from gatehouse.splits.rule import Deal, SplitRule
from gatehouse.typed import validate

Rows = Callable[[Sequence[str]], Iterable[pa.Table]]
"""Yields tables with all rows of a data set, given the names of the columns that are needed."""


class Dealer:
    """Deals the rows of one data set, batch by batch.

    Args:
        contract: of the rows.
        rows: all rows but those of a separate test file, for a rule that looks at all of them
            first.
        official_test: whether the test split is a separate file. No row is then put into test.

    Raises:
        GatehouseError: the settings do not fit the rule, or the rows cannot be read.
    """

    def __init__(self, contract: Contract, rows: Rows, *, official_test: bool = False) -> None:
        self._rule: SplitRule[Any] = rule_of(contract.split)
        self.columns = tuple(dict.fromkeys(self._rule.columns(contract)))
        above = ("split", "settings")
        options: Any = validate(self._rule.settings, contract.split.settings, CONTRACT_FILE, above)
        self._deal = Deal(contract, options, official_test)
        if self._rule.survey is not None:
            survey = self._rule.survey(map(self._known, rows(self.columns)), self._deal)
            self._deal = Deal(contract, options, official_test, survey)

    def deal(self, rows: pa.Table) -> NDArray[np.uint8]:
        """Return the split of each of N rows, shape [N]: its index in `SPLITS`, or `LEFT_OUT`.

        Args:
            rows: with the columns that decide; other columns are ignored.

        Raises:
            GatehouseError: one of these columns is missing, or the rule cannot split the rows.
        """
        return self._rule.dealt(self._known(rows), self._deal)

    def _known(self, rows: pa.Table) -> pa.Table:
        _check(rows.column_names, self.columns, "rows")
        return rows.select(list(self.columns))


def deal(rows: pa.Table, contract: Contract, *, official_test: bool = False) -> NDArray[np.uint8]:
    """Return the split of each of N rows that are all rows of a data set, as `Dealer.deal`."""
    return Dealer(contract, lambda _: [rows], official_test=official_test).deal(rows)


def deciding(contract: Contract) -> tuple[str, ...]:
    """Return the names of the columns that decide a row's split."""
    return tuple(rule_of(contract.split).columns(contract))


def split_settings(contract: Contract) -> dict[str, object]:
    """Return all that decides which split a row falls into; the identity's order does not."""
    found: dict[str, object] = {
        name: sorted(value) if isinstance(value, tuple) else value for name, value in contract.split
    }
    columns = set(deciding(contract))
    if contract.group in columns:
        found["group"] = contract.group
    if contract.split.time is not None:
        found["timezone"] = contract.columns[contract.split.time].timezone
    return found


def check_columns(columns: Collection[str], contract: Contract, name: str | Path) -> None:
    """Refuse a table in which an identity column, or one that decides, is missing or occurs twice.

    Args:
        columns: of the table.
        contract: names the rule.
        name: the file that errors mention.

    Raises:
        GatehouseError: with the file, the columns and the fix.
    """
    _check(columns, [*contract.split.identity, *deciding(contract)], name)


def _check(columns: Collection[str], wanted: Iterable[str], name: str | Path) -> None:
    wrong = [each for each in dict.fromkeys(wanted) if list(columns).count(each) != 1]
    if wrong:
        raise GatehouseError(
            f"{name}: split of {CONTRACT_FILE} needs column {', '.join(wrong)} once, and the file "
            "has not; without it rows would move to other splits. Bring the column back, or take "
            f"it out of split in {CONTRACT_FILE}"
        )
