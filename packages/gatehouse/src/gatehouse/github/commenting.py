"""When a judged change gets a comment, and whether its head has the image."""

from __future__ import annotations

from pathlib import Path

from gatehouse.errors import GatehouseError
from gatehouse.policy import Policy
from gatehouse.run import PICTURE
from gatehouse.trusted.candidate import text_at
from gatehouse.verdict import Outcome, Verdict
from gatehouse.workspace import VERDICT


def is_quiet(policy: Policy | None, verdict: Verdict, waits: bool) -> bool:
    """Return whether the policy suppresses the comment; it never does if somebody must act.

    `waits` says whether something other than the verdict blocks the merge.
    """
    if policy is None or waits or verdict.outcome is not Outcome.PASS:
        return False
    if policy.comment == "on-change":
        same = verdict.base is not None and verdict.candidate.pair == verdict.base.pair
        return same and not (verdict.policy_changes or verdict.contract_changes)
    return policy.comment == "failures"


def is_pictured(verdict: Verdict, head: str, root: Path) -> bool:
    """Return whether the head records the image of this verdict."""
    try:
        recorded = text_at(head, VERDICT, root)
        if recorded is None or text_at(head, PICTURE, root) is None:
            return False
        found = Verdict.parse(recorded, VERDICT)
    except GatehouseError:
        return False
    return (found.candidate, found.base) == (verdict.candidate, verdict.base)
