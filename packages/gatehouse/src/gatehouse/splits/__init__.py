"""The built-in split rules that contract.yaml can name in `split.by`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gatehouse.named import load_instance
from gatehouse.splits.hash import GROUP, HASH
from gatehouse.splits.rule import SplitRule
from gatehouse.splits.time import TIME

if TYPE_CHECKING:
    from gatehouse.split_settings import Split

RULES: tuple[SplitRule[Any], ...] = (HASH, GROUP, TIME)

BY_NAME = {rule.name: rule for rule in RULES}


def rule_of(split: Split) -> SplitRule[Any]:
    """Return the rule that a contract's split names.

    Raises:
        GatehouseError: there is no such object in `src/gates`, or it is not a split rule.
    """
    if split.by in BY_NAME:
        return BY_NAME[split.by]
    found: SplitRule[Any] = load_instance(split.by, "contract.yaml: split.by", SplitRule)
    return found
