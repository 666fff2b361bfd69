"""First runs: changes that ask another question than their base, so there is nothing to compare."""

from __future__ import annotations

from gatehouse.contract import Contract


def other_question(base: Contract, candidate: Contract) -> str | None:
    """Return why a candidate can't be scored on the base's exam, or None if it can.

    If it can't, the change is a first run: it is measured alone, on its own test rows.
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
