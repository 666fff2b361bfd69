"""Proposes later cuts of a split by time.

It only edits contract.yaml. The rows gate reports the change of the split, so an owner
must accept it. The exam of that change is the base's test rows after the new cut, which neither
model has learned from.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from gatehouse.contract import CONTRACT_FILE, Contract, load_contract, parse_contract
from gatehouse.errors import GatehouseError
from gatehouse.typed import read_text, write_text
from gatehouse.yaml_text import set_values

if TYPE_CHECKING:
    from gatehouse.ledger.ledger import Table

TEST = 2


def advance(to: date | None = None, root: Path = Path()) -> list[str]:
    """Move the cuts in the contract of `root`, and return lines for people.

    Args:
        to: first day of the new test split; None moves it by the length of the valid split.
        root: folder of the repository, with raw rows.

    Raises:
        GatehouseError: the split is not by time, the date is not later, or no test row is left.
    """
    path = root / CONTRACT_FILE
    old = load_contract(path)
    split = old.split
    if split.valid_from is None or split.test_from is None:
        raise GatehouseError(
            f"{path}: split.by: {split.by} has no dates to move; only a split by: time advances"
        )
    days = (to or split.test_from + (split.test_from - split.valid_from)) - split.test_from
    if days.days <= 0:
        raise GatehouseError(
            f"{path}: split.test_from is {split.test_from}; give --to a later date than that"
        )
    cuts = {"valid_from": split.valid_from + days, "test_from": split.test_from + days}
    text = set_values(
        read_text(path), {("split", key): day for key, day in cuts.items()}, CONTRACT_FILE
    )
    new = parse_contract(text, path)
    before, after = (_dealt(contract, root) for contract in (old, new))
    exam = int(((before.splits == TEST) & (after.splits == TEST)).sum())
    if not exam:
        raise GatehouseError(
            f"{path}: no row of the test split is left from {cuts['test_from']} on, so there would "
            "be no exam; bring newer rows first, or give --to an earlier date"
        )
    write_text(path, text)
    return [
        *(f"{CONTRACT_FILE}: split.{key}: {getattr(split, key)} → {day}"
          for key, day in cuts.items()),
        "rows: " + ", ".join(_moved(before, after)),
        f"exam of this change: {exam:,} test rows from {cuts['test_from']} on; an owner accepts "
        "the rule on split_changes",
    ]  # fmt: skip


def _dealt(contract: Contract, root: Path) -> Table:
    from gatehouse.ledger.ledger import deal_parts
    from gatehouse.ledger.parts import raw_parts
    from gatehouse.workspace import Workspace

    parts = tuple(raw_parts(Workspace(root).raw))
    official = any(part.official_test for part in parts)
    return deal_parts(parts, contract, official_test=official)


def _moved(before: Table, after: Table) -> list[str]:
    from gatehouse.digest import SPLITS

    sizes = [np.bincount(each.splits, minlength=4) for each in (before, after)]
    names = (*SPLITS, "left out")
    return [f"{name} {old:,} → {new:,}" for name, old, new in zip(names, *sizes, strict=True)]
