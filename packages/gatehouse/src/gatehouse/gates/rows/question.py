"""Does a change use the base's exam at all, and which rule assigns the rows of the next one?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gatehouse.base import read_record
from gatehouse.evidence import Measurement, Of
from gatehouse.first_run import other_question
from gatehouse.table import TEST_FILE
from gatehouse.workspace import Workspace

if TYPE_CHECKING:
    from gatehouse.contract import Contract


def first_run(candidate: Workspace, base: Workspace | None) -> Measurement:
    """Return 1 if a change can't be compared with its base and needs no owner's review.

    A run without a requested comparison, such as a release, is not a first run.
    """
    record = read_record(candidate.root)
    reason = None
    if base is None and record.measure is not None:
        reason = "the base records no run"
        if record.outputs is not None:
            before: Contract = Workspace(candidate.root / record.folder).contract
            reason = other_question(before, candidate.contract)
    return Measurement(
        name="first_run",
        value=int(reason is not None and not record.reviewed),
        unit="first runs",
        n=1,
        method="contract and record of the base; 0 where the change needs an owner's review; exact",
        note=reason,
    )


def split_changes(candidate: Workspace, base: Workspace) -> Measurement:
    """Count the settings of the split rule that differ from the base's."""
    from gatehouse.split import split_settings

    old, new = (split_settings(each.contract) for each in (base, candidate))
    names = list(dict.fromkeys([*old, *new]))
    changed = [
        f"{name}: {_shown(old.get(name))} became {_shown(new.get(name))}"
        for name in names
        if old.get(name) != new.get(name)
    ]
    before, after = ((each.raw / TEST_FILE).exists() for each in (base, candidate))
    if before != after:
        changed.append(f"official test rows: {'came' if after else 'gone'}")
    return Measurement(
        name="split_changes",
        of=Of.COMPARISON,
        value=len(changed),
        unit="settings",
        n=len(names) + 1,
        method="split of both contracts compared; exact",
        samples=tuple(changed),
    )


def _shown(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
