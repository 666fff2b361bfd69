"""The name of a candidate's archive, by which it is found again when its commit is the base."""

from __future__ import annotations

from pathlib import Path

from gatehouse.base import LOCK, BaseRecord, outputs_in
from gatehouse.contract import CONTRACT_FILE, load_contract
from gatehouse.errors import GatehouseError
from gatehouse.typed import read_text

INCOMPLETE = "incomplete"


def candidate_key(root: Path) -> str:
    """A digest of the data, models and contract that are in `root`; a word where some are missing.

    Raises:
        GatehouseError: the contract is unreadable.
    """
    contract = load_contract(root / CONTRACT_FILE)
    try:
        outputs = outputs_in(read_text(root / LOCK), str(LOCK), contract)
    except GatehouseError:
        return INCOMPLETE
    return BaseRecord(outputs=outputs).folder.name
