"""The built-in split rules that contract.yaml can name in `split.rule`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gatehouse.named import load_instance
from gatehouse.splits.hash import HASH
from gatehouse.splits.rule import SplitRule

if TYPE_CHECKING:
    from gatehouse.contract import Split

RULES: tuple[SplitRule[Any], ...] = (HASH,)

BY_NAME = {rule.name: rule for rule in RULES}


def rule_of(split: Split) -> SplitRule[Any]:
    """Return the rule that a contract's split names.

    Raises:
        GatehouseError: there is no such object in `src/gates`, or it is not a split rule.
    """
    if split.rule in BY_NAME:
        return BY_NAME[split.rule]
    found: SplitRule[Any] = load_instance(split.rule, "contract.yaml: split.rule", SplitRule)
    return found
