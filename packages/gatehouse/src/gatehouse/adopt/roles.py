"""Plan one column: its role, and what people should know about it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from gatehouse.adopt.alike import alike
from gatehouse.adopt.cells import are_sentences, frequent
from gatehouse.adopt.entries import category_entry, numeric_entry
from gatehouse.adopt.names import is_weight_name
from gatehouse.adopt.plan import Planned, plan_ignored
from gatehouse.adopt.profile import Kind, Profile
from gatehouse.adopt.target import Target
from gatehouse.contract import Role, Task
from gatehouse.errors import GatehouseError

MOST_GROUPS = 12
"""Maximum number of groups of a protected attribute."""
_FEWEST_STEPS = 100
"""Minimum number of float32 values in a column's range, because the graph reads float32."""


def plan_target(target: Target) -> Planned:
    """Plan the column to predict."""
    if target.task is Task.REGRESSION:
        return Planned(
            target.profile, {**numeric_entry(target.profile, fed=False), "role": "target"}
        )
    # The positive class last, as everywhere.
    column: dict[str, Any] = {
        "type": "category", "role": "target", "categories": list(target.classes),
    }  # fmt: skip
    if target.positive is not None:
        column["positive"] = target.positive
    note = "; ".join(alike(target.classes))
    return Planned(target.profile, column, note, warning=bool(note))


def plan_key(profile: Profile) -> Planned:
    """Plan the column that identifies a row."""
    return Planned(profile, {"type": "string", "role": "key"}, "identifies a row")


def plan_protected(profile: Profile) -> Planned:
    """Plan a column by which fairness is measured; refuse it unless it has a few groups."""
    name = profile.name
    kinds = (Kind.CATEGORY, Kind.INTEGER, Kind.TEXT)
    if profile.kind not in kinds or (profile.distinct or 99) > MOST_GROUPS:
        what = {Kind.CONSTANT: "has one value only", Kind.EMPTY: "has no values"}.get(
            profile.kind, f"has more than {MOST_GROUPS} values, or is no category"
        )
        raise GatehouseError(
            f"--protected: '{name}' {what}; a protected attribute is a category of a few groups, "
            "so put numbers such as ages into bands, in a column of their own"
        )
    notes = ["not fed to the model", *alike(profile.counts)]
    return Planned(
        profile, {"role": "protected", **category_entry(profile)}, "; ".join(notes), len(notes) > 1
    )


def plan_weight(profile: Profile) -> Planned:
    """Plan the column of the rows' weights; refuse it unless each row has one."""
    if not profile.is_numeric or profile.missing or profile.infinite or profile.low < 0:
        raise GatehouseError(
            f"--weight: '{profile.name}' must be a number in every row, and never negative"
        )
    return Planned(
        profile,
        {**numeric_entry(profile, fed=False), "role": "weight"},
        "weighs the row in training",
    )


def plan_kept(profile: Profile, output: str) -> Planned:
    """Plan a column that its owner calls a feature, if it can be one."""
    kind = profile.kind
    if kind in (Kind.ID, Kind.ENTITY, Kind.COUNTER, Kind.TEXT):
        repeated = frequent(profile.counts, profile.known)
        if np.isfinite(profile.low):
            kind = Kind.INTEGER
        elif max(repeated.values(), default=1) > 1:
            kind = Kind.CATEGORY
    planned = plan_column(replace(profile, kind=kind, counts_up=False), output)
    if planned.role is not Role.FEATURE:
        raise GatehouseError(
            f"--keep: '{profile.name}' can't be a feature "
            f"({planned.note.removeprefix('ignored: ')}); leave it out of --keep"
        )
    return planned


def plan_column(profile: Profile, output: str) -> Planned:
    """Plan a column that was given no role."""
    if not profile.name.strip():
        return Planned(profile, None, "has no name: left out", warning=True)
    if profile.kind is Kind.UNREAD:
        return Planned(
            profile,
            None,
            "lists, bytes or intervals: left out; store numbers or text",
            warning=True,
        )
    if profile.is_row_number:
        # As part of the contract, it would make every row distinct, so no copy would be found.
        return Planned(profile, None, "row numbers: left out", warning=True)
    if profile.name == output:
        return plan_ignored(
            profile, f"ignored: '{output}' is the name of the model's output, rename"
        )
    match profile.kind:
        case Kind.EMPTY:
            return plan_ignored(profile, "ignored: no row has a value")
        case Kind.CONSTANT:
            return plan_ignored(profile, "ignored: the same value in every row")
        case Kind.DATE:
            return plan_ignored(profile, "ignored: dates or times; a number of days would be used")
        case Kind.TEXT:
            return plan_ignored(
                profile, "ignored: free text (sentences, or nearly a value per row)"
            )
        case Kind.ID:
            return plan_ignored(profile, "ignored: a different value in every row")
        case Kind.ENTITY:
            return plan_ignored(profile, "ignored: an id that is in several rows")
        case Kind.MIXED:
            return plan_ignored(
                profile,
                f"ignored: numbers, but {profile.strays:,} rows hold other text; make it empty",
            )
        case Kind.WRITTEN:
            return plan_ignored(
                profile,
                "ignored: numbers written with separators or signs, such as , $ or %; write plain "
                "numbers",
            )
        case Kind.CATEGORY:
            column = category_entry(profile)
            notes, listed = [], column["categories"]
            notes += alike(profile.counts)
            if len(listed) > 2 and are_sentences(listed):
                notes.append(f"sentences, listed in contract.yaml? Then --ignore {profile.name}")
            warning = bool(notes)
            if len(listed) < (profile.distinct or 0):
                notes.insert(0, f"{len(listed)} of {profile.distinct:,} values listed")
            return Planned(profile, column, "; ".join(notes), warning=warning)
    step = float(np.spacing(np.float32(max(abs(profile.low), abs(profile.high)))))
    if profile.high - profile.low < _FEWEST_STEPS * step:
        return plan_ignored(
            profile, "ignored: float32 can't tell its values apart; subtract the smallest"
        )
    note = f"{profile.infinite:,} infinite or huge values: warned of" if profile.infinite else ""
    if profile.kind is Kind.INTEGER and step > 1:
        note = f"float32, which the graph reads, holds only every {_nth(step)} of these numbers"
    if profile.standins:
        far = " and ".join(profile.standins)
        note = f"{far} far from the others: for missing? Then make it empty, or name it in "
        note += "data.file.missing"
    if not note and is_weight_name(profile.name):
        note = f"how much a row counts? Then: --weight {profile.name}"
    if profile.counts_up and (not note or profile.standins):
        doubt = f"counts up, or does so in batches: a running number? Then --ignore {profile.name}"
        note = f"{note}; {doubt}" if note else doubt
    return Planned(profile, numeric_entry(profile, fed=True), note, warning=bool(note))


def _nth(step: float) -> str:
    """Return a power of two as in "every 2nd"."""
    text = f"{step:.0f}"
    return text + ("nd" if text.endswith("2") and not text.endswith("12") else "th")
