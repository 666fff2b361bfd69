"""Raw rows dealt by the code that judges, whatever the change's own run made of them."""

from __future__ import annotations

import shutil
from pathlib import Path

from gatehouse.base import recorded_base
from gatehouse.prepare import prepare
from gatehouse.workspace import Workspace


def deal_both(root: Path = Path()) -> list[str]:
    """Deal the recorded base's raw rows, and those in `root` by the base's rule.

    Without a base, and where the change has a split of its own, by the rule of the contract in
    `root`. Prepared rows that are there are taken away first. Returns lines that say what was done.

    Raises:
        GatehouseError: raw rows are missing, unreadable or lack an identity column, or a split
            would be empty.
    """
    candidate = Workspace(root)
    shutil.rmtree(candidate.prepared, ignore_errors=True)
    base, contract = recorded_base(root), candidate.contract
    if base is not None and base.contract.split == contract.split:
        contract = base.contract
    return prepare(contract, candidate.raw, candidate.prepared)
