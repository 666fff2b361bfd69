"""Where there is nothing to compare with: a change that asks another question than its base."""

from __future__ import annotations

from gatehouse.contract import Contract


def other_question(base: Contract, candidate: Contract) -> str | None:
    """Why a candidate can't sit the base's exam; None where it can.

    A change is then a first run: it is measured by itself, on its own test rows.
    """
    if base.target != candidate.target:
        return f"the base predicts '{base.target}', the change '{candidate.target}'"
    if base.classes != candidate.classes:
        old, new = (", ".join(each.classes) or "a number" for each in (base, candidate))
        return f"the base predicts {old}, the change {new}"
    before, after = set(base.split.identity), set(candidate.split.identity)
    if 2 * len(before & after) < len(before):
        return (
            f"the change keeps {len(before & after)} of the {len(before)} columns by which the "
            "base knows a row"
        )
    return None
