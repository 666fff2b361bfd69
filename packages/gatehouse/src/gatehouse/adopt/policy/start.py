"""The inputs of the first rules."""

from __future__ import annotations

from dataclasses import dataclass

from gatehouse.adopt.baseline import Baseline
from gatehouse.adopt.plan import ColumnPlan
from gatehouse.adopt.policy.sizes import Groups, Sizes
from gatehouse.adopt.scan import Scan
from gatehouse.contract import Contract


@dataclass(frozen=True)
class Start:
    """A table that `gatehouse init` has profiled.

    Attributes:
        scan: its rows, column by column.
        plan: the roles of its columns.
        contract: made from the plan.
        baseline: scores of untuned models.
        sizes: rows of the splits.
        groups: rows of the protected groups.
        leaking: whether a column predicts the target by itself.
    """

    scan: Scan
    plan: ColumnPlan
    contract: Contract
    baseline: Baseline
    sizes: Sizes
    groups: Groups
    leaking: bool
