"""The name of a candidate's archive, under which it is found when its commit is the base."""

from __future__ import annotations

from pathlib import Path

from gatehouse.base import LOCK, BaseRecord, outputs_in
from gatehouse.contract import CONTRACT_FILE, load_contract
from gatehouse.errors import GatehouseError
from gatehouse.typed import read_text

INCOMPLETE = "incomplete"


def candidate_key(root: Path) -> str:
    """Return a digest of data, models and contract in `root`, or `INCOMPLETE` if any is missing.

    Raises:
        GatehouseError: the contract is unreadable.
    """
    contract = load_contract(root / CONTRACT_FILE)
    try:
        outputs = outputs_in(read_text(root / LOCK), str(LOCK), contract)
    except GatehouseError:
        return INCOMPLETE
    return BaseRecord(outputs=outputs).folder.name
