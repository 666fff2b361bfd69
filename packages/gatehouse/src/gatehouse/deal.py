"""Split raw rows with the judging code, replacing any splits that the change's own run made."""

from __future__ import annotations

import shutil
from pathlib import Path

from gatehouse.base import recorded_base
from gatehouse.prepare import prepare
from gatehouse.split import split_settings
from gatehouse.workspace import Workspace


def deal_both(root: Path = Path()) -> list[str]:
    """Split the raw rows of the recorded base, and those in `root` by the base's rule.

    Without a base, or if the change has its own split rule, the contract in `root` decides.
    Existing prepared rows are deleted first.

    Returns:
        Log lines.

    Raises:
        GatehouseError: raw rows are missing, unreadable or lack an identity column, or a split
            would be empty.
    """
    candidate = Workspace(root)
    shutil.rmtree(candidate.prepared, ignore_errors=True)
    base, contract = recorded_base(root), candidate.contract
    if base is not None and split_settings(base.contract) == split_settings(contract):
        contract = base.contract
    return prepare(contract, candidate.raw, candidate.prepared)
