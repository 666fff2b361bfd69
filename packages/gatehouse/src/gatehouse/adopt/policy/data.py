"""Rules of the data and drift gates."""

from __future__ import annotations

import math

from gatehouse.adopt.plan import ColumnPlan
from gatehouse.adopt.policy.sizes import Sizes, minimum, round_down
from gatehouse.adopt.policy.words import rule
from gatehouse.adopt.scan import Scan
from gatehouse.contract import Contract, Role

_TYPICAL = {Role.FEATURE, Role.PROTECTED, Role.TARGET}


def data_rules(plan: ColumnPlan) -> list[str]:
    unlisted = sum(column.has_unlisted for column in plan.columns)
    unclean = sum(column.profile.infinite > 0 for column in plan.columns)
    return [
        "\n",
        rule(
            "data-critical", "data", "failed_expectations",
            "A row that breaks the contract is not what the model is for",
            slice="severity=critical", at_most=0,
        ),
        rule(
            "data-warning", "data", "failed_expectations",
            "More columns with unlisted or infinite values than there were are worth a look",
            comment=f"the columns that held such values from the start: {unlisted + unclean}"
            if unlisted + unclean else "",
            slice="severity=warning", at_most=unlisted + unclean, on_fail="warn",
        ),
    ]  # fmt: skip


def drift_rules(contract: Contract, scan: Scan, sizes: Sizes) -> list[str]:
    tested = {name: c for name, c in contract.columns.items() if c.role in _TYPICAL}
    moved = "Training data that moved needs a look"
    numeric = any(column.is_numeric for column in tested.values())
    categories = any(
        not column.is_numeric or scan.profiles[name].missing for name, column in tested.items()
    )
    rules = [
        "\n",
        rule(
            "drift-schema", "drift", "schema_changes",
            "A column that came, went or changed its kind is a new contract",
            of="comparison", at_most=0,
        ),
    ]  # fmt: skip
    # A mostly missing column has few numbers, even if nothing changed.
    known = min((scan.profiles[name].known for name, c in tested.items() if c.is_numeric),
                default=0) / scan.rows  # fmt: skip
    least = min(10_000, round_down(sizes.train / 2))
    if numeric:
        rules.append(
            rule(
                "drift-numbers", "drift", "drift", moved, of="comparison", slice="number=*",
                comment="in standard deviations of the base", at_most=0.05,
                minimum_n=min(10_000, round_down(known * sizes.train / 2)),
                alpha=0.01, inconclusive="warn",
            )
        )  # fmt: skip
        rules.append(
            rule(
                "drift-tails", "drift", "drift",
                "A few values of another unit, or codes for missing ones, can mislead a model",
                of="comparison", slice="tail=*",
                comment="share of rows that became far from the usual values, or farther",
                at_most=0.002, minimum_n=least, alpha=0.01, inconclusive="warn",
            )
        )  # fmt: skip
    if categories:
        rules.append(
            rule(
                "drift-categories", "drift", "drift", moved, of="comparison", slice="category=*",
                comment="total variation: the share of rows that moved",
                at_most=0.025, minimum_n=least,
                alpha=0.01, inconclusive="warn",
            )
        )  # fmt: skip
    rules.append(
        rule(
            "drift-predictions", "drift", "drift",
            "The base's model scores the new rows differently",
            of="comparison", slice="prediction", at_most=0.05,
            minimum_n=minimum(sizes), alpha=0.01, inconclusive="warn",
        )
    )  # fmt: skip
    # The interval of equal tables, and most of its noise, are below the limit.
    joint = max(0.55, math.ceil(50 + 180 / math.sqrt(max(1, sizes.train))) / 100)
    if joint < 1:
        rules.append(
            rule(
                "drift-joint", "drift", "joint_drift",
                "Columns that depend on each other differently may be joined wrongly",
                comment="area under the ROC curve of a classifier of old against new rows",
                of="comparison", at_most=joint, inconclusive="warn",
            )
        )  # fmt: skip
    return rules
